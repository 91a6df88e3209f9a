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

/**
 * Groups, groupings, cohorts, enrolments and roles.
 *
 * @covers \local_snsproducer\local\entities\memberships
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class memberships_test extends entities_testcase {
    public function test_a_group_and_its_members(): void {
        global $CFG;
        require_once($CFG->dirroot . '/group/lib.php');
        $generator = $this->getDataGenerator();
        $course = $generator->create_course();
        $user = $generator->create_and_enrol($course);
        $id = null;
        $made = $this->entities('\core\event\group_created', function () use ($course, &$id) {
            $id = groups_create_group((object)['courseid' => $course->id, 'name' => 'Tutorial', 'idnumber' => 'G1']);
        });
        $this->assertSame(['id' => (string)$id, 'idnumber' => 'G1', 'name' => 'Tutorial'], $made['group']);
        $added = $this->entities('\core\event\group_member_added', fn() => groups_add_member($id, $user->id));
        $this->assertSame('Tutorial', $added['group']['name']);
        $this->assertSame($user->id, $added['user']['id']);
        $this->assertSame($course->id, $added['course']['id']);
        $changed = $this->entities('\core\event\group_updated', function () use ($course, $id) {
            groups_update_group((object)['id' => $id, 'courseid' => $course->id, 'name' => 'Seminar', 'idnumber' => 'G1']);
        });
        $this->assertSame('Seminar', $changed['group']['name']);
        $this->entities('\core\event\group_member_removed', fn() => groups_remove_member($id, $user->id));
        $gone = $this->entities('\core\event\group_deleted', fn() => groups_delete_group($id));
        $this->assertSame('Seminar', $gone['group']['name']);
    }

    public function test_a_grouping(): void {
        global $CFG;
        require_once($CFG->dirroot . '/group/lib.php');
        $course = $this->getDataGenerator()->create_course();
        $group = $this->getDataGenerator()->create_group(['courseid' => $course->id, 'name' => 'A']);
        $id = null;
        $made = $this->entities('\core\event\grouping_created', function () use ($course, &$id) {
            $id = groups_create_grouping((object)['courseid' => $course->id, 'name' => 'Labs', 'idnumber' => 'GG']);
        });
        $this->assertSame(['id' => (string)$id, 'idnumber' => 'GG', 'name' => 'Labs'], $made['grouping']);
        $put = $this->entities('\core\event\grouping_group_assigned', fn() => groups_assign_grouping($id, $group->id));
        $this->assertSame('A', $put['group']['name']);
        $this->assertSame('Labs', $put['grouping']['name']);
        $this->entities('\core\event\grouping_group_unassigned', fn() => groups_unassign_grouping($id, $group->id));
        $gone = $this->entities('\core\event\grouping_deleted', fn() => groups_delete_grouping($id));
        $this->assertSame('Labs', $gone['grouping']['name']);
    }

    public function test_a_cohort(): void {
        global $CFG, $DB;
        require_once($CFG->dirroot . '/cohort/lib.php');
        $user = $this->getDataGenerator()->create_user();
        $cohort = (object)['contextid' => \context_system::instance()->id, 'name' => 'Year 1', 'idnumber' => 'Y1',
            'description' => '', 'descriptionformat' => FORMAT_HTML];
        $made = $this->entities('\core\event\cohort_created', function () use ($cohort) {
            $cohort->id = cohort_add_cohort($cohort);
        });
        $this->assertSame('Y1', $made['cohort']['idnumber']);
        $this->assertSame('', $made['cohort']['component']);
        $added = $this->entities('\core\event\cohort_member_added', fn() => cohort_add_member($cohort->id, $user->id));
        $this->assertSame('Year 1', $added['cohort']['name']);
        $this->assertSame($user->id, $added['user']['id']);
        $cohort->name = 'First year';
        $changed = $this->entities('\core\event\cohort_updated', fn() => cohort_update_cohort($cohort));
        $this->assertSame('First year', $changed['cohort']['name']);
        $this->entities('\core\event\cohort_member_removed', fn() => cohort_remove_member($cohort->id, $user->id));
        $gone = $this->entities('\core\event\cohort_deleted', function () use ($DB, $cohort) {
            cohort_delete_cohort($DB->get_record('cohort', ['id' => $cohort->id]));
        });
        $this->assertSame('First year', $gone['cohort']['name']);
    }

    public function test_an_enrolment(): void {
        global $DB;
        $generator = $this->getDataGenerator();
        $course = $generator->create_course();
        $user = $generator->create_user();
        $manual = enrol_get_plugin('manual');
        $instance = $DB->get_record('enrol', ['courseid' => $course->id, 'enrol' => 'manual']);
        $made = $this->entities('\core\event\user_enrolment_created', function () use ($manual, $instance, $user) {
            $manual->enrol_user($instance, $user->id, 5, 1700000000, 1900000000);
        });
        $this->assertSame(['enrol' => 'manual', 'enrolid' => $instance->id, 'status' => '0', 'timestart' => '1700000000',
            'timeend' => '1900000000'], $made['enrolment']);
        $changed = $this->entities('\core\event\user_enrolment_updated', function () use ($manual, $instance, $user) {
            $manual->update_user_enrol($instance, $user->id, ENROL_USER_SUSPENDED);
        });
        $this->assertSame('1', $changed['enrolment']['status']);
        $gone = $this->entities('\core\event\user_enrolment_deleted', fn() => $manual->unenrol_user($instance, $user->id));
        $this->assertSame('manual', $gone['enrolment']['enrol']);
        $this->assertSame('1', $gone['enrolment']['status']);
        $this->assertSame('1900000000', $gone['enrolment']['timeend']);
    }

    public function test_a_method(): void {
        global $DB;
        $course = $this->getDataGenerator()->create_course();
        $self = enrol_get_plugin('self');
        $id = null;
        $made = $this->entities('\core\event\enrol_instance_created', function () use ($self, $course, &$id) {
            $id = $self->add_instance($course, ['name' => 'Door', 'status' => 0, 'roleid' => 5]);
        });
        $this->assertSame('Door', $made['enrol']['name']);
        $this->assertSame('5', $made['enrol']['roleid']);
        $changed = $this->entities('\core\event\enrol_instance_updated', function () use ($self, $DB, $id) {
            $self->update_status($DB->get_record('enrol', ['id' => $id]), ENROL_INSTANCE_DISABLED);
        });
        $this->assertSame('1', (string)$changed['enrol']['status']);
        $gone = $this->entities('\core\event\enrol_instance_deleted', function () use ($self, $DB, $id) {
            $self->delete_instance($DB->get_record('enrol', ['id' => $id]));
        });
        $this->assertSame('Door', $gone['enrol']['name']);
    }

    public function test_a_role(): void {
        $user = $this->getDataGenerator()->create_user();
        $role = create_role('Helper', 'helper', '', 'student');
        $context = \context_system::instance();
        $made = $this->entities('\core\event\role_assigned', fn() => role_assign($role, $user->id, $context));
        $this->assertSame(['shortname' => 'helper', 'archetype' => 'student'], $made['role']);
        $this->assertArrayNotHasKey('course', $made);
        $gone = $this->entities('\core\event\role_unassigned', fn() => delete_role($role));
        $this->assertArrayNotHasKey('role', $gone);
        $this->assertSame($user->id, $gone['user']['id']);
    }
}
