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

namespace local_snsproducer\local\entities;

use local_snsproducer\tests\entities_testcase;
use local_snsproducer\tests\forms;
use local_snsproducer\tests\witness;

/**
 * Grades and grade items.
 *
 * @covers \local_snsproducer\local\entities\marks
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class marks_test extends entities_testcase {
    public function test_a_grade_item(): void {
        global $CFG;
        require_once($CFG->libdir . '/gradelib.php');
        $course = $this->getDataGenerator()->create_course();
        \grade_category::fetch_course_category($course->id);
        $id = null;
        $made = $this->entities('\core\event\grade_item_created', function () use ($course, &$id) {
            $id = $this->getDataGenerator()->create_grade_item(['courseid' => $course->id, 'itemname' => 'Exam',
                'idnumber' => 'E1', 'grademax' => 50])->id;
        });
        $this->assertSame('Exam', $made['grade_item']['itemname']);
        $this->assertSame('50.00000', $made['grade_item']['grademax']);
        $this->assertSame('manual', $made['grade_item']['itemtype']);
        $this->assertArrayNotHasKey('cm', $made);
        $this->assertArrayNotHasKey('grade', $made);
        $changed = $this->entities('\core\event\grade_item_updated', function () use ($id) {
            \grade_item::fetch(['id' => $id])->set_hidden(1);
        });
        $this->assertSame('1', $changed['grade_item']['hidden']);
        $gone = $this->entities('\core\event\grade_item_deleted', fn() => \grade_item::fetch(['id' => $id])->delete());
        $this->assertSame('E1', $gone['grade_item']['idnumber']);
    }

    public function test_an_item_made_and_deleted_in_one_request_is_lent(): void {
        global $CFG;
        require_once($CFG->libdir . '/gradelib.php');
        $course = $this->getDataGenerator()->create_course();
        witness::start();
        $this->assertNotEmpty(\grade_item::fetch_course_item($course->id));
        delete_course($course, false);
        $made = witness::read('\core\event\grade_item_created', witness::take());
        $this->assertSame('course', $made['grade_item']['itemtype']);
        $this->assertSame($course->shortname, $made['course']['shortname']);
    }

    public function test_a_grade_of_an_activity(): void {
        global $CFG;
        require_once($CFG->libdir . '/gradelib.php');
        $course = $this->getDataGenerator()->create_course();
        $student = $this->getDataGenerator()->create_and_enrol($course, 'student');
        $assign = $this->getDataGenerator()->create_module('assign', ['course' => $course->id, 'name' => 'Essay',
            'idnumber' => 'A1']);
        $item = \grade_item::fetch(['itemtype' => 'mod', 'itemmodule' => 'assign', 'iteminstance' => $assign->id,
            'courseid' => $course->id]);
        witness::start();
        $item->update_raw_grade($student->id, 61.5);
        // The course's total comes after it, under the same name.
        $own = array_filter(witness::take(), fn($r) => $r->name === '\core\event\user_graded'
            && (int)$r->event['other']['itemid'] === (int)$item->id);
        $made = witness::read('\core\event\user_graded', $own);
        $this->assertSame([], forms::wrong($made));
        $this->assertSame($made['cm'], witness::read('\core\event\user_graded', $own, true)['cm']);
        $this->assertSame('61.50000', $made['grade']['finalgrade']);
        $this->assertTrue($made['grade']['released']);
        $this->assertSame('Essay', $made['cm']['name']);
        $this->assertSame((string)$assign->cmid, $made['cm']['id']);
        $this->assertSame('A1', $made['grade_item']['idnumber']);
        $this->assertSame($student->id, $made['user']['id']);
        $gone = $this->entities('\core\event\grade_deleted', function () use ($item, $student) {
            \grade_grade::fetch(['itemid' => $item->id, 'userid' => $student->id])->delete();
        });
        $this->assertSame('61.50000', $gone['grade']['finalgrade']);
        $this->assertArrayNotHasKey('released', $gone['grade']);
        $this->assertSame('A1', $gone['grade_item']['idnumber']);
    }

    public function test_a_total(): void {
        global $CFG;
        require_once($CFG->libdir . '/gradelib.php');
        $course = $this->getDataGenerator()->create_course();
        $student = $this->getDataGenerator()->create_and_enrol($course, 'student');
        $item = new \grade_item($this->getDataGenerator()->create_grade_item(['courseid' => $course->id]), false);
        witness::start();
        $item->update_final_grade($student->id, 40);
        grade_regrade_final_grades($course->id);
        $all = array_filter(witness::take(), fn($r) => $r->name === '\core\event\user_graded'
            && (int)$r->event['other']['itemid'] !== (int)$item->id);
        $total = witness::read('\core\event\user_graded', $all);
        $this->assertSame([], forms::wrong($total));
        $this->assertSame('course', $total['grade_item']['itemtype']);
        $this->assertTrue($total['grade']['released']);
        $this->assertArrayNotHasKey('actor', $total);
        $this->assertArrayNotHasKey('cm', $total);
        \grade_item::fetch(['id' => $item->id])->set_hidden(1);
        $this->assertFalse(witness::read('\core\event\user_graded', $all)['grade']['released']);
    }

    public function test_many_grades_of_one_item_are_few_queries(): void {
        global $CFG, $DB;
        require_once($CFG->libdir . '/gradelib.php');
        $course = $this->getDataGenerator()->create_course();
        $students = array_map(fn() => $this->getDataGenerator()->create_and_enrol($course, 'student'), range(1, 20));
        $items = array_map(fn() => new \grade_item(
            $this->getDataGenerator()->create_grade_item(['courseid' => $course->id]),
            false,
        ), range(1, 3));
        witness::start();
        foreach ($items as $item) {
            foreach ($students as $student) {
                $item->update_final_grade($student->id, 40);
            }
        }
        grade_regrade_final_grades($course->id);
        $all = witness::take();
        $reader = new reader(false);
        $reads = $DB->perf_get_reads();
        $graded = array_filter($all, fn($r) => $r->name === '\core\event\user_graded');
        foreach ($graded as $r) {
            $read = $reader->read($r, ['grade' => ['released', 'hidden'], 'grade_item' => ['itemtype']], $all);
            $this->assertTrue($read['grade']['released']);
        }
        $this->assertGreaterThanOrEqual(80, count($graded));
        // Item and its grades: two for each of 3 items and the total; for the total the course's items (three queries
        // on PostgreSQL, by a cursor) and 3 columns.
        $this->assertLessThanOrEqual(14, $DB->perf_get_reads() - $reads);
    }
}
