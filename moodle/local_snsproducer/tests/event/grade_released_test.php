<?php
// This file is part of Moodle - http://moodle.org/
//
// Moodle is free software: you can redistribute it and/or modify
// it under the terms of the GNU General Public License as published by
// the Free Software Foundation, either version 3 of the License, or
// (at your option) any later version.
//
// Moodle is distributed in the hope that it will be useful,
// but WITHOUT ANY WARRANTY; without even the implied warranty of
// MERCHANTABILITY or FITNESS FOR A PARTICULAR PURPOSE.  See the
// GNU General Public License for more details.
//
// You should have received a copy of the GNU General Public License
// along with Moodle.  If not, see <http://www.gnu.org/licenses/>.

namespace local_snsproducer\event;

/**
 * The plugin's own events.
 *
 * @covers \local_snsproducer\event\grade_released
 * @covers \local_snsproducer\event\test_sent
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class grade_released_test extends \advanced_testcase {
    public function test_a_release_names_grade_person_and_course(): void {
        global $CFG;
        require_once($CFG->libdir . '/gradelib.php');
        $this->resetAfterTest();
        $course = $this->getDataGenerator()->create_course();
        $student = $this->getDataGenerator()->create_and_enrol($course, 'student');
        $item = \grade_item::fetch(['id' => $this->getDataGenerator()->create_grade_item(['courseid' => $course->id])->id]);
        $item->update_final_grade($student->id, 7);
        $grade = \grade_grade::fetch(['itemid' => $item->id, 'userid' => $student->id]);
        $grade->load_grade_item();
        $event = grade_released::create_from_grade($grade);
        $sink = $this->redirectEvents();
        $event->trigger();
        $this->assertCount(1, $sink->get_events());
        $this->assertSame('Grade released', grade_released::get_name());
        $this->assertStringContainsString($student->id, $event->get_description());
        $this->assertStringContainsString('/grade/report/user/index.php', $event->get_url()->out(false));
        $this->assertEventContextNotUsed($event);
        $this->assertSame('grade_grades', grade_released::get_objectid_mapping()['db']);
        $this->assertSame('grade_items', grade_released::get_other_mapping()['itemid']['db']);
        // It comes back from a log as it went there.
        $back = \core\event\base::restore($event->get_data(), ['origin' => 'cli', 'ip' => null, 'realuserid' => null]);
        $this->assertInstanceOf(grade_released::class, $back);
        $this->assertSame('7.00000', $back->other['finalgrade']);
    }

    public function test_a_release_without_its_grade_is_refused(): void {
        $this->expectException(\coding_exception::class);
        grade_released::create(['context' => \context_system::instance(), 'objectid' => 1, 'relateduserid' => 2,
            'other' => ['itemid' => 3]]);
    }

    public function test_a_test_has_a_number(): void {
        $event = test_sent::create(['other' => ['number' => 3]]);
        $this->assertSame(3, $event->get_data()['other']['number']);
        $this->assertSame(CONTEXT_SYSTEM, $event->contextlevel);
        $this->assertSame('Test event sent', test_sent::get_name());
        $this->assertStringContainsString("'3'", $event->get_description());
        $this->assertFalse(test_sent::get_other_mapping());
        $this->expectException(\coding_exception::class);
        test_sent::create(['other' => ['number' => 'three']]);
    }
}
