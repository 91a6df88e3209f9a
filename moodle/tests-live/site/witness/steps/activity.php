<?php
// This file is part of the live suite of moodle-sns-producer.
//
// It is free software: you can redistribute it and/or modify it under the terms of the GNU General Public
// License as published by the Free Software Foundation, either version 3 of the License, or (at your option)
// any later version. It is distributed without any warranty.

/**
 * Steps about activities of any kind: made, changed, deleted, looked at.
 *
 * @package    local_witness
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

use local_witness\steps;

return [
    'create' => function (array $a): array {
        $made = steps::maker()->create_module($a['module'], $a['fields'] + ['course' => $a['course'],
            'name' => $a['name'] ?? ucfirst($a['module']), 'idnumber' => $a['idnumber'] ?? '', 'intro' => 'Canary intro']);
        return ['cm' => (int) $made->cmid, 'id' => (int) $made->id];
    },
    'update' => function (array $a): array {
        global $CFG, $DB;
        require_once($CFG->dirroot . '/course/modlib.php');
        $cm = get_coursemodule_from_id('', $a['cm'], 0, false, MUST_EXIST);
        $course = get_course($cm->course);
        [$cm, , , $data] = get_moduleinfo_data($cm, $course);
        foreach ($a['fields'] as $name => $value) {
            $data->{$name} = $value;
        }
        $data->introeditor ??= ['text' => 'Canary intro', 'format' => FORMAT_HTML, 'itemid' => file_get_unused_draft_itemid()];
        update_moduleinfo($cm, $data, $course);
        return [];
    },
    'delete' => function (array $a): array {
        global $CFG;
        require_once($CFG->dirroot . '/course/lib.php');
        course_delete_module($a['cm'], $a['later'] ?? false);
        return [];
    },
    // One question that is answered right by true, in a quiz.
    'question' => function (array $a): array {
        global $CFG, $DB;
        require_once($CFG->dirroot . '/mod/quiz/locallib.php');
        require_once($CFG->libdir . '/questionlib.php');
        $questions = steps::maker()->get_plugin_generator('core_question');
        $cm = get_coursemodule_from_instance('quiz', $a['quiz'], 0, false, MUST_EXIST);
        $category = $questions->create_question_category(['contextid' => context_module::instance($cm->id)->id,
            'name' => 'Questions of ' . $a['quiz']]);
        $slots = [];
        foreach ($a['kinds'] ?? ['truefalse'] as $kind) {
            $form = (object) ['category' => $category->id . ',' . $category->contextid, 'name' => 'Canary question ' . $kind,
                'questiontext' => ['text' => 'Canary question text', 'format' => FORMAT_HTML], 'defaultmark' => 1, 'penalty' => 1,
                'generalfeedback' => ['text' => '', 'format' => FORMAT_HTML], 'status' => 'ready', 'idnumber' => null];
            $form = match ($kind) {
                'truefalse' => (object) ((array) $form + ['correctanswer' => 1, 'feedbacktrue' => ['text' => '', 'format' => FORMAT_HTML],
                    'feedbackfalse' => ['text' => '', 'format' => FORMAT_HTML]]),
                'essay' => (object) ((array) $form + ['responseformat' => 'editor', 'responserequired' => 0, 'responsefieldlines' => 10,
                    'attachments' => 0, 'attachmentsrequired' => 0, 'filetypeslist' => '', 'maxbytes' => 0,
                    'graderinfo' => ['text' => '', 'format' => FORMAT_HTML], 'responsetemplate' => ['text' => '', 'format' => FORMAT_HTML]]),
            };
            $question = question_bank::get_qtype($kind)->save_question((object) ['qtype' => $kind, 'category' => $category->id], $form);
            quiz_add_quiz_question($question->id, $DB->get_record('quiz', ['id' => $a['quiz']]), 0, 10);
            $slots[] = $kind;
        }
        $settings = \mod_quiz\quiz_settings::create($a['quiz']);
        $settings->get_grade_calculator()->recompute_quiz_sumgrades();
        \mod_quiz\quiz_settings::create($a['quiz'])->get_grade_calculator()->update_quiz_maximum_grade(100);
        return ['slots' => $slots];
    },
];
