<?php
// This file is part of the live suite of moodle-sns-producer.
//
// It is free software: you can redistribute it and/or modify it under the terms of the GNU General Public
// License as published by the Free Software Foundation, either version 3 of the License, or (at your option)
// any later version. It is distributed without any warranty.

/**
 * Steps about quizzes: attempts as people make them, and what staff does with them.
 *
 * @package    local_witness
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

use mod_quiz\quiz_attempt;
use mod_quiz\quiz_settings;

return [
    // Starts an attempt as the person, and answers and submits it where asked.
    'attempt' => function (array $a): array {
        global $CFG, $DB, $USER;
        require_once($CFG->dirroot . '/mod/quiz/locallib.php');
        $quiz = quiz_settings::create($a['quiz'], $USER->id);
        $number = $DB->count_records('quiz_attempts', ['quiz' => $a['quiz'], 'userid' => $USER->id, 'preview' => 0]) + 1;
        $attempt = quiz_prepare_and_start_new_attempt($quiz, $number, null);
        $object = quiz_attempt::create($attempt->id);
        if (!empty($a['answers'])) {
            $object->process_submitted_actions(time(), false, $a['answers']);
        }
        if (!empty($a['submit'])) {
            $object = quiz_attempt::create($attempt->id);
            if (method_exists($object, 'process_submit')) {
                $object->process_submit(time(), false);
                quiz_attempt::create($attempt->id)->process_grade_submission(time());
            } else {
                $object->process_finish(time(), false);
            }
        }
        return ['attempt' => (int) $attempt->id];
    },
    // Puts the clock of an attempt back, so that the task finds it overdue or abandoned.
    'make_late' => function (array $a): array {
        global $DB;
        $DB->set_field('quiz_attempts', 'timestart', time() - 10 * HOURSECS, ['id' => $a['attempt']]);
        $DB->set_field('quiz_attempts', 'timemodified', time() - 10 * HOURSECS, ['id' => $a['attempt']]);
        $DB->set_field('quiz_attempts', 'timecheckstate', $a['check'] ?? 1, ['id' => $a['attempt']]);
        return [];
    },
    // The task that cron runs over attempts whose time is up.
    'run_late' => function (array $a): array {
        (new \mod_quiz\task\update_overdue_attempts())->execute();
        return [];
    },
    'reopen' => function (array $a): array {
        $object = quiz_attempt::create($a['attempt']);
        $object->process_reopen_abandoned(time());
        return [];
    },
    // A mark by hand for one question, as the page of one comment does.
    'grade_by_hand' => function (array $a): array {
        $object = quiz_attempt::create($a['attempt']);
        $quba = question_engine::load_questions_usage_by_activity($object->get_uniqueid());
        $quba->manual_grade($a['slot'], 'Canary comment', $a['mark'], FORMAT_HTML);
        question_engine::save_questions_usage_by_activity($quba);
        $object = quiz_attempt::create($a['attempt']);
        $object->process_submitted_actions(time(), false, []);
        $object->fire_attempt_manual_grading_completed_event();
        return [];
    },
    // Marks an attempt anew, as the overview of results does.
    'regrade' => function (array $a): array {
        global $CFG, $DB;
        require_once($CFG->dirroot . '/mod/quiz/report/reportlib.php');
        if (file_exists($CFG->dirroot . '/mod/quiz/report/default.php')) {
            // Until 5.0.
            require_once($CFG->dirroot . '/mod/quiz/report/default.php');
        }
        require_once($CFG->dirroot . '/mod/quiz/report/overview/report.php');
        $attempt = $DB->get_record('quiz_attempts', ['id' => $a['attempt']], '*', MUST_EXIST);
        $cm = get_coursemodule_from_instance('quiz', $attempt->quiz, 0, false, MUST_EXIST);
        $report = new class (context_module::instance($cm->id)) extends quiz_overview_report {
            /** @param context_module $context */
            public function __construct(context_module $context) {
                $this->context = $context;
            }
        };
        $report->regrade_attempt($attempt);
        return [];
    },
    'delete' => function (array $a): array {
        global $CFG, $DB;
        require_once($CFG->dirroot . '/mod/quiz/locallib.php');
        $attempt = $DB->get_record('quiz_attempts', ['id' => $a['attempt']], '*', MUST_EXIST);
        quiz_delete_attempt($attempt, $DB->get_record('quiz', ['id' => $attempt->quiz]));
        return [];
    },
    'override' => function (array $a): array {
        $manager = quiz_settings::create($a['quiz'])->get_override_manager();
        return ['override' => $manager->save_override($a['fields'] + ['timeopen' => null, 'timeclose' => null, 'timelimit' => null,
            'attempts' => null, 'password' => null])];
    },
    'delete_override' => function (array $a): array {
        quiz_settings::create($a['quiz'])->get_override_manager()->delete_overrides_by_id([$a['override']]);
        return [];
    },
];
