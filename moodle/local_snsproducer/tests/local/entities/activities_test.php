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
 * Assignments, quizzes, lessons and tools, and what people do and are given there.
 *
 * @covers \local_snsproducer\local\entities\activities
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class activities_test extends entities_testcase {
    /**
     * An assignment that takes text, as an object of Moodle's.
     *
     * @param \stdClass $course
     * @param array $more settings
     * @return \assign
     */
    private function assignment(\stdClass $course, array $more = []): \assign {
        global $CFG;
        require_once($CFG->dirroot . '/mod/assign/locallib.php');
        $made = $this->getDataGenerator()->create_module('assign', $more + ['course' => $course->id, 'duedate' => 1800000000,
            'assignsubmission_onlinetext_enabled' => 1, 'submissiondrafts' => 0]);
        $cm = get_coursemodule_from_instance('assign', $made->id);
        return new \assign(\context_module::instance($cm->id), $cm, $course);
    }

    /**
     * Hands in text.
     *
     * @param \assign $assign
     */
    private function hand_in(\assign $assign): void {
        $text = ['text' => 'Mine', 'format' => FORMAT_HTML, 'itemid' => file_get_unused_draft_itemid()];
        $data = (object)['onlinetext_editor' => $text];
        $notices = [];
        $assign->save_submission($data, $notices);
    }

    public function test_a_submission(): void {
        $course = $this->getDataGenerator()->create_course();
        $student = $this->getDataGenerator()->create_and_enrol($course, 'student');
        $assign = $this->assignment($course);
        $this->setUser($student);
        witness::start();
        $this->hand_in($assign);
        $all = witness::take();
        foreach (['\assignsubmission_onlinetext\event\submission_created', '\mod_assign\event\assessable_submitted'] as $name) {
            $entities = witness::read($name, $all);
            $this->assertSame([], forms::wrong($entities), $name);
            $this->assertSame('submitted', $entities['submission']['status'], $name);
            $this->assertSame($student->id, $entities['submission']['userid'], $name);
            $this->assertSame($student->id, $entities['user']['id'], $name);
            $this->assertSame('1800000000', $entities['assign']['duedate'], $name);
            $this->assertArrayNotHasKey('group', $entities, $name);
        }
        $this->setAdminUser();
        $back = $this->entities('\mod_assign\event\submission_status_updated', fn() => $assign->revert_to_draft($student->id));
        $this->assertSame('draft', $back['submission']['status']);
        $gone = $this->entities('\mod_assign\event\submission_removed', fn() => $assign->remove_submission($student->id));
        $this->assertSame($student->id, $gone['submission']['userid']);
    }

    public function test_a_teams_submission(): void {
        $generator = $this->getDataGenerator();
        $course = $generator->create_course();
        $student = $generator->create_and_enrol($course, 'student');
        $group = $generator->create_group(['courseid' => $course->id, 'name' => 'Team']);
        groups_add_member($group, $student);
        $assign = $this->assignment($course, ['teamsubmission' => 1]);
        $this->setUser($student);
        witness::start();
        $this->hand_in($assign);
        $all = witness::take();
        foreach (['\assignsubmission_onlinetext\event\submission_created', '\mod_assign\event\assessable_submitted'] as $name) {
            $entities = witness::read($name, $all);
            $this->assertSame('Team', $entities['group']['name'], $name);
            $this->assertSame($group->id, $entities['submission']['groupid'], $name);
        }
    }

    public function test_an_extension(): void {
        $course = $this->getDataGenerator()->create_course();
        $student = $this->getDataGenerator()->create_and_enrol($course, 'student');
        $assign = $this->assignment($course);
        $made = $this->entities(
            '\mod_assign\event\extension_granted',
            fn() => $assign->save_user_extension($student->id, 1800100000),
        );
        $this->assertSame(['extensionduedate' => '1800100000'], $made['extension']);
        $this->assertSame($student->id, $made['user']['id']);
    }

    public function test_a_workflow_and_a_grading(): void {
        $course = $this->getDataGenerator()->create_course();
        $student = $this->getDataGenerator()->create_and_enrol($course, 'student');
        $assign = $this->assignment($course, ['markingworkflow' => 1]);
        witness::start();
        $assign->save_grade($student->id, (object)['grade' => 50, 'attemptnumber' => -1, 'workflowstate' => 'inmarking']);
        $all = witness::take();
        foreach (['\mod_assign\event\workflow_state_updated', '\mod_assign\event\submission_graded'] as $name) {
            $entities = witness::read($name, $all);
            $this->assertSame([], forms::wrong($entities), $name);
            $this->assertSame('1', $entities['assign']['markingworkflow']);
            $this->assertSame($student->id, $entities['user']['id']);
            $this->assertArrayNotHasKey('grade', $entities);
        }
    }

    public function test_overrides(): void {
        global $CFG, $DB;
        $generator = $this->getDataGenerator();
        $course = $generator->create_course();
        $student = $generator->create_and_enrol($course, 'student');
        $group = $generator->create_group(['courseid' => $course->id, 'name' => 'Late']);
        $assign = $this->assignment($course);
        // An assignment's, by the events its page raises.
        $id = $DB->insert_record('assign_overrides', ['assignid' => $assign->get_instance()->id, 'groupid' => $group->id,
            'sortorder' => 1, 'duedate' => 1800200000]);
        $made = $this->entities('\mod_assign\event\group_override_created', function () use ($assign, $group, $id) {
            \mod_assign\event\group_override_created::create(['context' => $assign->get_context(), 'objectid' => $id,
                'other' => ['assignid' => $assign->get_instance()->id, 'groupid' => $group->id]])->trigger();
        });
        $this->assertSame('1800200000', $made['override']['duedate']);
        $this->assertNull($made['override']['cutoffdate']);
        $this->assertArrayNotHasKey('timeopen', $made['override']);
        $this->assertSame('Late', $made['group']['name']);
        $gone = $this->entities('\mod_assign\event\group_override_deleted', fn() => $assign->delete_override($id));
        $this->assertSame('1800200000', $gone['override']['duedate']);
        // A quiz's, of one person.
        $quiz = $generator->create_module('quiz', ['course' => $course->id]);
        $cm = get_coursemodule_from_instance('quiz', $quiz->id);
        $settings = new \mod_quiz\quiz_settings($quiz, $cm, $course);
        $manager = $settings->get_override_manager();
        $id = null;
        $made = $this->entities('\mod_quiz\event\user_override_created', function () use ($manager, $student, &$id) {
            $id = $manager->save_override(['userid' => $student->id, 'timeclose' => 1800300000, 'attempts' => 2]);
        });
        $this->assertSame('1800300000', $made['override']['timeclose']);
        $this->assertSame('2', $made['override']['attempts']);
        $this->assertNull($made['override']['timeopen']);
        $this->assertSame($student->id, $made['user']['id']);
        $gone = $this->entities(
            '\mod_quiz\event\user_override_deleted',
            fn() => $manager->delete_overrides_by_id([$id]),
        );
        $this->assertArrayNotHasKey('override', $gone);
        // A lesson's, which has words of its own.
        require_once($CFG->dirroot . '/mod/lesson/locallib.php');
        $made = $generator->create_module('lesson', ['course' => $course->id]);
        $lesson = new \lesson($DB->get_record('lesson', ['id' => $made->id]), get_coursemodule_from_instance('lesson', $made->id));
        $id = $DB->insert_record('lesson_overrides', ['lessonid' => $made->id, 'userid' => $student->id,
            'available' => 1800000000, 'deadline' => 1800400000, 'maxattempts' => 3, 'timelimit' => null]);
        $gone = $this->entities('\mod_lesson\event\user_override_deleted', fn() => $lesson->delete_override($id));
        $this->assertSame(
            ['timeopen' => '1800000000', 'timeclose' => '1800400000', 'attempts' => '3', 'timelimit' => null],
            $gone['override'],
        );
    }

    public function test_a_quiz_attempt(): void {
        $generator = $this->getDataGenerator();
        $course = $generator->create_course();
        $student = $generator->create_and_enrol($course, 'student');
        $quizzes = $generator->get_plugin_generator('mod_quiz');
        $quiz = $quizzes->create_instance(['course' => $course->id, 'grade' => 100.0, 'sumgrades' => 1, 'timelimit' => 600]);
        $questions = $generator->get_plugin_generator('core_question');
        $question = $questions->create_question('truefalse', null, ['category' => $questions->create_question_category()->id]);
        quiz_add_quiz_question($question->id, $quiz);
        $this->setUser($student);
        $attempt = null;
        $made = $this->entities('\mod_quiz\event\attempt_started', function () use ($quizzes, $quiz, $student, &$attempt) {
            $attempt = $quizzes->create_attempt($quiz->id, $student->id);
        });
        $this->assertSame('inprogress', $made['attempt']['state']);
        $this->assertSame('600', $made['quiz']['timelimit']);
        $this->assertSame('100.00000', $made['quiz']['grade']);
        $this->assertSame($student->id, $made['user']['id']);
        $done = $this->entities(
            '\mod_quiz\event\attempt_submitted',
            fn() => $quizzes->submit_responses($attempt->id, [1 => 'True'], false, true),
        );
        $this->assertContains($done['attempt']['state'], ['finished', 'submitted']);
        $this->setAdminUser();
        $gone = $this->entities('\mod_quiz\event\attempt_deleted', function () use ($attempt, $quiz) {
            quiz_delete_attempt($attempt->id, $quiz);
        });
        $this->assertSame('1', (string)$gone['attempt']['attempt']);
    }

    public function test_a_tool(): void {
        global $CFG, $DB;
        require_once($CFG->dirroot . '/mod/lti/lib.php');
        $course = $this->getDataGenerator()->create_course();
        $student = $this->getDataGenerator()->create_and_enrol($course, 'student');
        $lti = null;
        $made = $this->entities('\core\event\course_module_created', function () use ($course, &$lti) {
            $lti = $this->getDataGenerator()->create_module('lti', ['course' => $course->id,
                'toolurl' => 'https://tool.example.invalid/launch?key=secret']);
        });
        $this->assertSame(['typeid' => '0', 'toolurl' => 'tool.example.invalid'], $made['lti']);
        $this->setUser($student);
        $seen = $this->entities('\mod_lti\event\course_module_viewed', function () use ($course, $lti, $DB) {
            $cm = get_coursemodule_from_instance('lti', $lti->id);
            $record = $DB->get_record('course_modules', ['id' => $cm->id]);
            lti_view($DB->get_record('lti', ['id' => $lti->id]), $course, $record, \context_module::instance($cm->id));
        });
        $this->assertSame('tool.example.invalid', $seen['lti']['toolurl']);
        $this->assertSame($student->id, $seen['user']['id']);
        $this->assertSame(null, shape::of('lti', ['toolurl' => ''])['toolurl']);
        $this->assertSame('bare.example.invalid', shape::of('lti', ['toolurl' => 'bare.example.invalid/x'])['toolurl']);
    }

    public function test_a_forum_post(): void {
        $generator = $this->getDataGenerator();
        $course = $generator->create_course();
        $student = $generator->create_and_enrol($course, 'student');
        $forum = $generator->create_module('forum', ['course' => $course->id, 'name' => 'Talk']);
        $forums = $generator->get_plugin_generator('mod_forum');
        $discussion = $forums->create_discussion(['course' => $course->id, 'userid' => $student->id, 'forum' => $forum->id]);
        $this->setUser($student);
        $made = $this->entities('\mod_forum\event\post_created', function () use ($forums, $discussion, $student, $forum) {
            $post = $forums->create_post(['discussion' => $discussion->id, 'userid' => $student->id]);
            \mod_forum\event\post_created::create(['context' => \context_module::instance($forum->cmid),
                'objectid' => $post->id, 'other' => ['discussionid' => $discussion->id, 'forumid' => $forum->id,
                'forumtype' => 'general']])->trigger();
        });
        $this->assertSame('Talk', $made['cm']['name']);
        $this->assertSame($student->id, $made['actor']['id']);
        $this->assertArrayNotHasKey('user', $made);
    }
}
