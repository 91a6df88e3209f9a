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
use local_snsproducer\tests\witness;

/**
 * Who did it, and whom it is about.
 *
 * @covers \local_snsproducer\local\entities\people
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class people_test extends entities_testcase {
    public function test_the_person_affected_and_the_one_who_did_it(): void {
        $user = $this->getDataGenerator()->create_user(['username' => 'ada', 'idnumber' => 'S1', 'institution' => 'Lab']);
        $course = $this->getDataGenerator()->create_course();
        $entities = $this->entities('\core\event\user_enrolment_created', function () use ($user, $course) {
            $this->getDataGenerator()->enrol_user($user->id, $course->id);
        });
        $this->assertSame('ada', $entities['user']['username']);
        $this->assertSame('S1', $entities['user']['idnumber']);
        $this->assertSame('Lab', $entities['user']['institution']);
        $this->assertSame($user->email, $entities['user']['email']);
        $this->assertSame(get_admin()->id, $entities['actor']['id']);
        $this->assertSame(['origin' => 'cli', 'realuserid' => null], $entities['request']);
    }

    public function test_an_account_is_about_its_own_person(): void {
        global $CFG;
        require_once($CFG->dirroot . '/user/lib.php');
        $id = null;
        $made = $this->entities('\core\event\user_created', function () use (&$id) {
            $id = user_create_user(['username' => 'bob', 'password' => 'Secret-1234', 'email' => 'b@example.invalid']);
        });
        $this->assertSame((string)$id, $made['user']['id']);
        $this->assertSame('bob', $made['user']['username']);
        $changed = $this->entities('\core\event\user_updated', function () use ($id) {
            user_update_user(['id' => $id, 'suspended' => 1], false);
        });
        $this->assertSame('1', $changed['user']['suspended']);
    }

    public function test_of_a_deleted_person_only_the_id_is_told(): void {
        $user = $this->getDataGenerator()->create_user();
        $course = $this->getDataGenerator()->create_course();
        $this->getDataGenerator()->enrol_user($user->id, $course->id);
        witness::start();
        delete_user($user);
        $all = witness::take();
        foreach (['\core\event\user_deleted', '\core\event\user_enrolment_deleted', '\core\event\role_unassigned'] as $name) {
            $this->assertSame(['id' => $user->id], witness::read($name, $all)['user'], $name);
        }
        $this->assertSame(0, witness::$reads);
    }

    public function test_nobody_is_nobody(): void {
        $course = $this->getDataGenerator()->create_course();
        $event = \core\event\course_viewed::create(['context' => \context_course::instance($course->id), 'userid' => 0]);
        $r = witness::raised($event);
        $this->assertArrayNotHasKey('actor', (new reader(false))->read($r, witness::everything(), [$r]));
        $this->assertNull(people::user_id($r));
    }

    public function test_only_fields_and_entities_asked_for_are_given(): void {
        global $DB;
        $user = $this->getDataGenerator()->create_user();
        $course = $this->getDataGenerator()->create_course();
        witness::start();
        $this->getDataGenerator()->enrol_user($user->id, $course->id);
        $all = witness::take();
        $r = current(array_filter($all, fn($r) => $r->name === '\core\event\role_assigned'));
        $reads = $DB->perf_get_reads();
        $read = (new reader(false))->read($r, ['user' => ['username'], 'nonsense' => ['x'], 'section' => ['name']], $all);
        $this->assertSame(['user' => ['username' => $user->username]], $read);
        $this->assertSame(1, $DB->perf_get_reads() - $reads);
    }

    public function test_many_people_are_one_query(): void {
        global $DB;
        $course = $this->getDataGenerator()->create_course();
        $users = array_map(fn() => $this->getDataGenerator()->create_user(), range(1, 30));
        witness::start();
        foreach ($users as $user) {
            $this->getDataGenerator()->enrol_user($user->id, $course->id);
        }
        $all = witness::take();
        $reader = new reader(false);
        $reads = $DB->perf_get_reads();
        foreach ($all as $r) {
            $read = $reader->read($r, ['user' => ['id'], 'actor' => ['id'], 'course' => ['id'], 'enrolment' => ['status'],
                'role' => ['shortname']], $all);
            $this->assertNotEmpty($read['user']);
        }
        // People of the enrolments, the enrolments, the course, the roles; the people of the roles are known by then.
        $this->assertLessThanOrEqual(4, $DB->perf_get_reads() - $reads);
    }
}
