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
 * Courses, categories, sections and activities.
 *
 * @covers \local_snsproducer\local\entities\places
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class places_test extends entities_testcase {
    public function test_a_course_is_read_as_it_is_now_in_the_request_that_changes_it(): void {
        global $COURSE;
        $course = $this->getDataGenerator()->create_course(['fullname' => 'Old']);
        $COURSE = get_course($course->id);
        $entities = $this->entities('\core\event\course_updated', function () use ($course) {
            update_course((object)['id' => $course->id, 'fullname' => 'New', 'idnumber' => 'C1']);
        });
        $this->assertSame('Old', get_course($course->id)->fullname, 'this is why get_course() is not asked');
        $this->assertSame('New', $entities['course']['fullname']);
        $this->assertSame('C1', $entities['course']['idnumber']);
    }

    public function test_a_deleted_course_is_lent_to_what_was_raised_before(): void {
        $generator = $this->getDataGenerator();
        $course = $generator->create_course(['shortname' => 'GONE']);
        $generator->enrol_user($generator->create_user()->id, $course->id);
        $generator->create_group(['courseid' => $course->id]);
        witness::start();
        delete_course($course, false);
        $all = witness::take();
        $names = ['course_deleted', 'user_enrolment_deleted', 'group_deleted', 'enrol_instance_deleted'];
        foreach ($names as $name) {
            $name = "\\core\\event\\{$name}";
            $entities = witness::read($name, $all);
            $this->assertSame('GONE', $entities['course']['shortname'], $name);
            $this->assertSame([], forms::wrong($entities), $name);
        }
        $this->assertSame(0, witness::$reads);
    }

    public function test_the_site_is_no_course(): void {
        $event = \core\event\course_viewed::create(['context' => \context_course::instance(SITEID)]);
        $r = witness::raised($event);
        $this->assertArrayNotHasKey('course', (new reader(false))->read($r, witness::everything(), [$r]));
    }

    public function test_a_category(): void {
        $category = null;
        $made = $this->entities('\core\event\course_category_created', function () use (&$category) {
            $category = \core_course_category::create(['name' => 'Faculty', 'idnumber' => 'F1']);
        });
        $this->assertSame((string)$category->id, (string)$made['category']['id']);
        $this->assertSame('Faculty', $made['category']['name']);
        $this->assertSame("/{$category->id}", $made['category']['path']);
        $changed = $this->entities('\core\event\course_category_updated', fn() => $category->update(['name' => 'School']));
        $this->assertSame('School', $changed['category']['name']);
        $gone = $this->entities('\core\event\course_category_deleted', fn() => $category->delete_full(false));
        $this->assertSame('F1', $gone['category']['idnumber']);
        $role = $this->entities('\core\event\role_assigned', function () {
            $other = \core_course_category::create(['name' => 'Other']);
            role_assign(1, $this->getDataGenerator()->create_user()->id, \context_coursecat::instance($other->id));
        });
        $this->assertSame('Other', $role['category']['name']);
        $this->assertSame('manager', $role['role']['shortname']);
    }

    public function test_a_section(): void {
        $course = $this->getDataGenerator()->create_course(['numsections' => 1]);
        $made = $this->entities('\core\event\course_section_created', fn() => course_create_section($course->id));
        $this->assertSame(2, (int)$made['section']['section']);
        $section = get_fast_modinfo($course)->get_section_info(1);
        $changed = $this->entities('\core\event\course_section_updated', function () use ($course, $section) {
            course_update_section($course, $section, ['name' => 'Week 1', 'visible' => 0]);
        });
        $this->assertSame('Week 1', $changed['section']['name']);
        $this->assertSame('0', $changed['section']['visible']);
        $gone = $this->entities('\core\event\course_section_deleted', fn() => course_delete_section($course, 1));
        $this->assertSame('Week 1', $gone['section']['name']);
    }

    public function test_an_activity(): void {
        $generator = $this->getDataGenerator();
        $course = $generator->create_course();
        $cm = null;
        $made = $this->entities('\core\event\course_module_created', function () use ($generator, $course, &$cm) {
            $cm = $generator->create_module('assign', ['course' => $course->id, 'name' => 'Essay', 'duedate' => 1800000000,
                'idnumber' => 'A1', 'section' => 1]);
        });
        $this->assertSame('Essay', $made['cm']['name']);
        $this->assertSame('assign', $made['cm']['modname']);
        $this->assertSame('A1', $made['cm']['idnumber']);
        $this->assertSame('1', $made['cm']['section']);
        $this->assertSame((string)$cm->id, $made['cm']['instance']);
        $this->assertSame('1800000000', $made['assign']['duedate']);
        $this->assertArrayNotHasKey('quiz', $made);
        $hidden = $this->entities('\core\event\course_module_updated', function () use ($cm) {
            set_coursemodule_visible($cm->cmid, 0);
            \core\event\course_module_updated::create_from_cm(get_coursemodule_from_id('assign', $cm->cmid))->trigger();
        });
        $this->assertSame('0', $hidden['cm']['visible']);
        $gone = $this->entities('\core\event\course_module_deleted', fn() => course_delete_module($cm->cmid));
        $this->assertEqualsCanonicalizing(['id', 'idnumber', 'modname', 'instance', 'visible'], array_keys($gone['cm']));
        $this->assertSame('A1', $gone['cm']['idnumber']);
        $this->assertSame('assign', $gone['cm']['modname']);
        $this->assertArrayNotHasKey('assign', $gone);
    }

    public function test_in_the_middle_of_a_long_process_no_cache_of_moodles_is_filled(): void {
        global $DB;
        $course = $this->getDataGenerator()->create_course();
        $page = $this->getDataGenerator()->create_module('page', ['course' => $course->id]);
        $event = \core\event\course_module_updated::create_from_cm(get_coursemodule_from_id('page', $page->cmid));
        rebuild_course_cache($course->id, true);
        $r = witness::raised($event);
        $rev = $DB->get_field('course', 'cacherev', ['id' => $course->id]);
        $cached = fn() => \cache::make('core', 'coursemodinfo')->get_versioned($course->id, $rev);
        $read = (new reader(true))->read($r, ['cm' => ['name'], 'course' => ['id']], [$r]);
        $this->assertSame($page->name, $read['cm']['name']);
        $this->assertFalse($cached());
        (new reader(false))->read($r, ['cm' => ['name']], [$r]);
        $this->assertNotFalse($cached());
    }

    public function test_of_an_anonymous_event_only_course_and_activity_are_read(): void {
        global $DB;
        $generator = $this->getDataGenerator();
        $course = $generator->create_course();
        $student = $generator->create_and_enrol($course, 'student');
        $assign = $generator->create_module('assign', ['course' => $course->id, 'blindmarking' => 1, 'submissiondrafts' => 0,
            'assignsubmission_onlinetext_enabled' => 1]);
        $this->setUser($student);
        witness::start();
        $generator->get_plugin_generator('mod_assign')->create_submission(['cmid' => $assign->cmid,
            'userid' => $student->id, 'onlinetext' => 'Mine', 'status' => 'submitted']);
        $submission = $DB->get_record('assign_submission', ['userid' => $student->id]);
        $instance = new \assign(\context_module::instance($assign->cmid), null, null);
        \mod_assign\event\assessable_submitted::create_from_submission($instance, $submission, false)->trigger();
        $all = witness::take();
        $entities = witness::read('\mod_assign\event\assessable_submitted', $all);
        $this->assertEqualsCanonicalizing(['course', 'cm'], array_keys($entities));
        $r = end($all);
        $this->assertSame(1, (int)$r->event['anonymous']);
        $this->assertSame([], $r->held);
        $reads = $DB->perf_get_reads();
        $this->assertSame([], (new reader(false))->read($r, ['user' => ['id'], 'actor' => ['id'], 'assign' => ['duedate'],
            'request' => ['origin']], $all));
        $this->assertSame(0, $DB->perf_get_reads() - $reads);
    }
}
