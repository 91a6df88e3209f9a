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

use local_snsproducer\tests\witness;

/**
 * What an event holds when it is raised.
 *
 * @covers \local_snsproducer\local\entities\held
 * @covers \local_snsproducer\local\entities\reader
 * @covers \local_snsproducer\local\entities\cache
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class held_test extends \advanced_testcase {
    #[\Override]
    protected function setUp(): void {
        parent::setUp();
        $this->resetAfterTest();
    }

    /**
     * An event about a group whose trigger forgot the snapshot.
     *
     * @param int $id
     * @return \core\event\base
     */
    private function group_event(int $id): \core\event\base {
        $course = $this->getDataGenerator()->create_course();
        return \core\event\group_deleted::create(['context' => \context_course::instance($course->id), 'objectid' => $id]);
    }

    public function test_a_snapshot_that_is_not_there_is_no_error_the_second_time_either(): void {
        $event = $this->group_event(987654);
        $this->assertSame([], held::of($event));
        $this->assertDebuggingNotCalled();
        $this->assertSame([], held::of($event));
        $this->assertDebuggingCalled();
    }

    public function test_a_restored_event_holds_nothing(): void {
        $data = $this->group_event(987654)->get_data();
        $back = \core\event\base::restore($data, ['origin' => 'web', 'ip' => '192.0.2.1', 'realuserid' => '7']);
        $this->assertSame([], held::of($back));
        $this->assertSame(['origin' => 'web', 'realuserid' => 7], held::request($back));
        $this->assertDebuggingNotCalled();
    }

    public function test_someone_logged_in_as_another_is_told(): void {
        global $USER;
        $this->setAdminUser();
        $this->assertSame(['origin' => 'cli', 'realuserid' => null], held::request($this->group_event(1)));
        $admin = (int)$USER->id;
        $user = $this->getDataGenerator()->create_user();
        \core\session\manager::loginas($user->id, \context_system::instance());
        $this->assertSame(['origin' => 'cli', 'realuserid' => $admin], held::request($this->group_event(1)));
    }

    public function test_what_was_held_is_not_read_again(): void {
        global $DB;
        $event = $this->group_event(5);
        $r = witness::raised($event, ['group' => ['id' => '5', 'name' => 'Gone', 'idnumber' => '']]);
        $reads = $DB->perf_get_reads();
        $read = (new reader(false))->read($r, ['group' => ['name'], 'grouping' => ['id']], [$r]);
        $this->assertSame(['group' => ['name' => 'Gone']], $read);
        $this->assertSame(0, $DB->perf_get_reads() - $reads);
    }

    public function test_what_fails_is_absent_and_the_rest_is_there(): void {
        $event = $this->group_event(5);
        $data = ['other' => ['competencyid' => PHP_INT_MAX], 'objectid' => []] + $event->get_data();
        $r = new \local_snsproducer\local\raised('x', 1, $data, ['origin' => 'cli', 'realuserid' => null]);
        $read = (new reader(false))->read($r, witness::everything(), [$r]);
        $this->assertSame('cli', $read['request']['origin']);
        $this->assertArrayHasKey('course', $read);
        $this->assertArrayNotHasKey('competency', $read);
        $this->resetDebugging();
    }

    public function test_of_a_cut_event_what_its_class_says_is_still_known(): void {
        $group = $this->getDataGenerator()->create_group(['courseid' => $this->getDataGenerator()->create_course()->id]);
        $event = ['eventname' => '\core\event\group_updated', 'objectid' => $group->id, 'anonymous' => 0];
        $r = new \local_snsproducer\local\raised('x', 1, $event);
        $this->assertSame(['group' => ['name' => $group->name]], (new reader(true))->read($r, ['group' => ['name']], [$r]));
        $r = new \local_snsproducer\local\raised('x', 1, ['eventname' => '\no\event\such'] + $event);
        $this->assertSame([], (new reader(true))->read($r, ['group' => ['name']], [$r]));
    }

    public function test_a_miss_is_asked_once(): void {
        global $DB;
        $cache = new cache(false);
        $this->assertNull($cache->record('course', 987654));
        $reads = $DB->perf_get_reads();
        $this->assertNull($cache->record('course', 987654));
        $this->assertNull($cache->record('course', 0));
        $this->assertSame(0, $DB->perf_get_reads() - $reads);
    }
}
