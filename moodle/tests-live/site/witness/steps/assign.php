<?php
// This file is part of the live suite of moodle-sns-producer.
//
// It is free software: you can redistribute it and/or modify it under the terms of the GNU General Public
// License as published by the Free Software Foundation, either version 3 of the License, or (at your option)
// any later version. It is distributed without any warranty.

/**
 * Steps about assignments that no web service offers in all versions.
 *
 * @package    local_witness
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

/**
 * The assignment of a course module.
 *
 * @param int $cmid
 * @return assign
 */
function local_witness_assign(int $cmid): assign {
    global $CFG;
    require_once($CFG->dirroot . '/mod/assign/locallib.php');
    [$course, $cm] = get_course_and_cm_from_cmid($cmid, 'assign');
    return new assign(context_module::instance($cmid), $cm, $course);
}

return [
    // Saves a text and a file as the person, and submits where asked.
    'submit' => function (array $a): array {
        global $USER;
        $assign = local_witness_assign($a['cm']);
        $draft = file_get_unused_draft_itemid();
        get_file_storage()->create_file_from_string(['contextid' => context_user::instance($USER->id)->id, 'component' => 'user',
            'filearea' => 'draft', 'itemid' => $draft, 'filepath' => '/', 'filename' => 'canary-file.txt'], 'Canary file of ' . $USER->username);
        $data = (object) [
            'userid' => $USER->id,
            'onlinetext_editor' => ['text' => 'Canary text of ' . $USER->username . ' ' . ($a['words'] ?? ''), 'format' => FORMAT_HTML,
                'itemid' => file_get_unused_draft_itemid()],
            'files_filemanager' => $draft,
        ];
        $notices = [];
        $saved = $assign->save_submission($data, $notices);
        if (!empty($a['submit'])) {
            $assign->submit_for_grading((object) ['userid' => $USER->id, 'submissionstatement' => 1], $notices);
        }
        $submission = $assign->get_user_submission($USER->id, false);
        return ['saved' => $saved, 'notices' => $notices, 'status' => $submission->status];
    },
    'grade' => function (array $a): array {
        $assign = local_witness_assign($a['cm']);
        $assign->save_grade($a['user'], (object) ['grade' => $a['grade'], 'attemptnumber' => -1, 'addattempt' => 0,
            'workflowstate' => $a['workflow'] ?? '', 'applytoall' => 0, 'sendstudentnotifications' => 0,
            'assignfeedbackcomments_editor' => ['text' => 'Canary feedback', 'format' => FORMAT_HTML]]);
        return [];
    },
    'to_draft' => function (array $a): array {
        local_witness_assign($a['cm'])->revert_to_draft($a['user']);
        return [];
    },
    'remove' => function (array $a): array {
        local_witness_assign($a['cm'])->remove_submission($a['user']);
        return [];
    },
    'extend' => function (array $a): array {
        $assign = local_witness_assign($a['cm']);
        return ['saved' => $assign->save_user_extension($a['user'], $a['until'])];
    },
    'reveal' => function (array $a): array {
        local_witness_assign($a['cm'])->reveal_identities();
        return [];
    },
    'delete_override' => function (array $a): array {
        local_witness_assign($a['cm'])->delete_override($a['override']);
        return [];
    },
    'delete_lesson_override' => function (array $a): array {
        global $CFG, $DB;
        require_once($CFG->dirroot . '/mod/lesson/locallib.php');
        [$course, $cm] = get_course_and_cm_from_cmid($a['cm'], 'lesson');
        $lesson = new lesson($DB->get_record('lesson', ['id' => $cm->instance]), $cm, $course);
        $lesson->delete_override($a['override']);
        return [];
    },
];
