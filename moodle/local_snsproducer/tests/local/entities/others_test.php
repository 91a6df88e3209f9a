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
 * Badges, calendar entries, competencies and completions.
 *
 * @covers \local_snsproducer\local\entities\others
 * @covers \local_snsproducer\local\entities\shape
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class others_test extends entities_testcase {
    public function test_a_calendar_entry_and_whose_it_is(): void {
        global $CFG;
        require_once($CFG->dirroot . '/calendar/lib.php');
        $generator = $this->getDataGenerator();
        $course = $generator->create_course();
        $group = $generator->create_group(['courseid' => $course->id]);
        $category = $generator->create_category();
        $base = ['name' => 'Entry', 'description' => '', 'format' => FORMAT_HTML, 'courseid' => 0, 'groupid' => 0,
            'userid' => 2, 'categoryid' => 0, 'timestart' => 1800000000, 'timeduration' => 3600];
        $entry = null;
        $cases = [
            'course' => ['eventtype' => 'course', 'courseid' => $course->id],
            'group' => ['eventtype' => 'group', 'courseid' => $course->id, 'groupid' => $group->id],
            'category' => ['eventtype' => 'category', 'categoryid' => $category->id],
            'site' => ['eventtype' => 'site', 'courseid' => SITEID],
            'user' => ['eventtype' => 'user'],
        ];
        foreach ($cases as $scope => $more) {
            $made = $this->entities('\core\event\calendar_event_created', function () use ($base, $more, &$entry) {
                $entry = \calendar_event::create($more + $base, false);
            });
            $this->assertSame($scope, $made['calendar_event']['scope']);
            $this->assertSame($scope === 'category', isset($made['category']), $scope);
            $this->assertSame($scope === 'group', isset($made['group']), $scope);
            $this->assertSame(in_array($scope, ['course', 'group']), isset($made['course']), $scope);
            $changed = $this->entities('\core\event\calendar_event_updated', function () use ($entry) {
                $entry->update((object)['id' => $entry->id, 'timeduration' => 60], false);
            });
            $this->assertSame('60', $changed['calendar_event']['timeduration']);
            $this->assertSame($scope, $changed['calendar_event']['scope']);
            $gone = $this->entities('\core\event\calendar_event_deleted', fn() => $entry->delete());
            $this->assertSame($scope, $gone['calendar_event']['scope']);
            $this->assertSame($scope === 'group', isset($gone['group']), $scope);
        }
    }

    public function test_a_badge(): void {
        global $CFG, $DB;
        require_once($CFG->libdir . '/badgeslib.php');
        $user = $this->getDataGenerator()->create_user();
        $badge = $this->getDataGenerator()->get_plugin_generator('core_badges')->create_badge(['name' => 'Star']);
        $made = $this->entities('\core\event\badge_awarded', fn() => (new \badge($badge->id))->issue($user->id, true));
        $this->assertSame(['name' => 'Star', 'type' => (string)BADGE_TYPE_SITE], $made['badge']);
        $this->assertSame($user->id, $made['user']['id']);
    }

    public function test_a_competency(): void {
        $generator = $this->getDataGenerator();
        $course = $generator->create_course();
        $user = $generator->create_and_enrol($course);
        $competencies = $generator->get_plugin_generator('core_competency');
        $framework = $competencies->create_framework();
        $one = $competencies->create_competency(['competencyframeworkid' => $framework->get('id'), 'shortname' => 'Read',
            'idnumber' => 'K1']);
        $competencies->create_course_competency(['courseid' => $course->id, 'competencyid' => $one->get('id')]);
        $rated = $this->entities(
            '\core\event\competency_user_competency_rated_in_course',
            fn() => \core_competency\api::grade_competency_in_course($course->id, $user->id, $one->get('id'), 1),
        );
        $this->assertSame(['shortname' => 'Read', 'idnumber' => 'K1'], $rated['competency']);
    }

    public function test_a_completed_course(): void {
        global $CFG;
        require_once($CFG->dirroot . '/completion/completion_completion.php');
        $CFG->enablecompletion = 1;
        $course = $this->getDataGenerator()->create_course(['enablecompletion' => 1]);
        $user = $this->getDataGenerator()->create_and_enrol($course);
        $done = $this->entities('\core\event\course_completed', function () use ($course, $user) {
            (new \completion_completion(['course' => $course->id, 'userid' => $user->id]))->mark_complete(1750000000);
        });
        $this->assertSame('1750000000', (string)$done['completion']['timecompleted']);
        $this->assertSame($user->id, $done['user']['id']);
    }
}
