<?php
// This file is part of the live suite of moodle-sns-producer.
//
// It is free software: you can redistribute it and/or modify it under the terms of the GNU General Public
// License as published by the Free Software Foundation, either version 3 of the License, or (at your option)
// any later version. It is distributed without any warranty.

/**
 * Steps about completion, calendar, forums, competencies, badges, feedback.
 *
 * @package    local_witness
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

return [
    // The course is complete once this activity is.
    'criterion' => function (array $a): array {
        global $CFG, $DB;
        require_once($CFG->libdir . '/completionlib.php');
        require_once($CFG->dirroot . '/completion/criteria/completion_criteria_activity.php');
        $criterion = new completion_criteria_activity();
        $data = (object) ['id' => $a['course'], 'criteria_activity' => [$a['cm'] => 1]];
        $criterion->update_config($data);
        return [];
    },
    'complete' => function (array $a): array {
        global $CFG, $USER;
        require_once($CFG->libdir . '/completionlib.php');
        [$course, $cm] = get_course_and_cm_from_cmid($a['cm']);
        (new completion_info($course))->update_state($cm, COMPLETION_COMPLETE, $a['user'] ?? $USER->id);
        return [];
    },
    'calendar' => function (array $a): array {
        global $CFG;
        require_once($CFG->dirroot . '/calendar/lib.php');
        $event = calendar_event::create((object) ($a['fields'] + ['name' => 'Meeting', 'description' => 'Canary description',
            'format' => FORMAT_HTML, 'timestart' => time() + DAYSECS, 'timeduration' => 3600, 'modulename' => '', 'instance' => 0]), false);
        $event->update((object) ['name' => 'Meeting, moved', 'timestart' => time() + 2 * DAYSECS], false);
        $event->delete(true);
        return ['event' => (int) $event->id];
    },
    'competency' => function (array $a): array {
        global $CFG;
        $scale = local_witness\steps::maker()->create_scale(['scale' => 'no,yes', 'name' => 'Scale ' . $a['name']]);
        $configuration = json_encode([['scaleid' => (string) $scale->id], ['id' => 1, 'scaledefault' => 1, 'proficient' => 0],
            ['id' => 2, 'scaledefault' => 0, 'proficient' => 1]]);
        $framework = \core_competency\api::create_framework((object) ['shortname' => 'Frame ' . $a['name'], 'idnumber' => 'F-' . $a['name'],
            'scaleid' => $scale->id, 'scaleconfiguration' => $configuration, 'contextid' => context_system::instance()->id]);
        $competency = \core_competency\api::create_competency((object) ['shortname' => 'Reads', 'idnumber' => 'CMP-' . $a['name'],
            'competencyframeworkid' => $framework->get('id')]);
        \core_competency\api::add_competency_to_course($a['course'], $competency->get('id'));
        \core_competency\api::grade_competency_in_course($a['course'], $a['user'], $competency->get('id'), 2, 'Canary note');
        return ['competency' => (int) $competency->get('id')];
    },
    'badge' => function (array $a): array {
        global $CFG, $DB, $USER;
        require_once($CFG->libdir . '/badgeslib.php');
        $id = $DB->insert_record('badge', (object) ['name' => 'Badge ' . $a['name'], 'description' => 'Canary description',
            'timecreated' => time(), 'timemodified' => time(), 'usercreated' => $USER->id, 'usermodified' => $USER->id,
            'issuername' => 'Live', 'issuerurl' => 'https://example.org', 'issuercontact' => '', 'expiredate' => null, 'expireperiod' => null,
            'type' => isset($a['course']) ? BADGE_TYPE_COURSE : BADGE_TYPE_SITE, 'courseid' => $a['course'] ?? null,
            'messagesubject' => 'Subject', 'message' => 'Canary message', 'attachment' => 0, 'notification' => 0,
            'status' => BADGE_STATUS_ACTIVE, 'version' => '1', 'language' => 'en', 'imagecaption' => 'Caption',
            'imageauthorname' => '', 'imageauthoremail' => '', 'imageauthorurl' => '']);
        $badge = new badge($id);
        $badge->issue($a['user'], true);
        if (!empty($a['revoke'])) {
            require_once($CFG->dirroot . '/badges/lib/awardlib.php');
            $role = $DB->get_field('role', 'id', ['shortname' => 'manager']);
            process_manual_award($a['user'], $USER->id, $role, $id);
            process_manual_revoke($a['user'], $USER->id, $role, $id);
        }
        return ['badge' => (int) $id];
    },
    // An answer, as the page of the feedback stores it.
    'feedback' => function (array $a): array {
        global $CFG, $DB;
        require_once($CFG->dirroot . '/mod/feedback/lib.php');
        [$course, $cm] = get_course_and_cm_from_cmid($a['cm'], 'feedback');
        $feedback = $DB->get_record('feedback', ['id' => $cm->instance]);
        if (!$DB->record_exists('feedback_item', ['feedback' => $feedback->id])) {
            local_witness\steps::maker()->get_plugin_generator('mod_feedback')->create_item_textfield($feedback, ['label' => 'L', 'name' => 'Q']);
        }
        $completion = new mod_feedback_completion($feedback, $cm, $course->id);
        $completion->save_response_tmp((object) ['textfield_' . $DB->get_field('feedback_item', 'MIN(id)', ['feedback' => $feedback->id]) => 'Canary answer']);
        $completion->save_response();
        return [];
    },
];
