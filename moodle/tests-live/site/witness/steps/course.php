<?php
// This file is part of the live suite of moodle-sns-producer.
//
// It is free software: you can redistribute it and/or modify it under the terms of the GNU General Public
// License as published by the Free Software Foundation, either version 3 of the License, or (at your option)
// any later version. It is distributed without any warranty.

/**
 * Steps about categories, courses, sections and places in courses.
 *
 * @package    local_witness
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

return [
    'category' => function (array $a): array {
        $category = core_course_category::create(['name' => 'Category ' . $a['name'], 'idnumber' => 'CAT-' . $a['name'],
            'description' => 'Canary description']);
        return ['category' => (int) $category->id];
    },
    'change_category' => function (array $a): array {
        $category = core_course_category::get($a['category'], MUST_EXIST, true);
        if (isset($a['name'])) {
            $category->update(['name' => $a['name']]);
        }
        if (isset($a['visible'])) {
            $a['visible'] ? $category->show() : $category->hide();
        }
        if (isset($a['move_to'])) {
            $category->delete_move($a['move_to'], false);
        } else if (!empty($a['delete'])) {
            $category->delete_full(false);
        }
        return [];
    },
    'create' => function (array $a): array {
        global $CFG;
        require_once($CFG->dirroot . '/course/lib.php');
        $course = create_course((object) ($a['fields'] + [
            'shortname' => $a['name'],
            'fullname' => 'Course ' . $a['name'],
            'idnumber' => 'CRS-' . $a['name'],
            'category' => $a['category'] ?? 1,
            'summary' => 'Canary summary',
            'summaryformat' => FORMAT_HTML,
            'format' => 'topics',
            'numsections' => 3,
            'enablecompletion' => 1,
            'startdate' => time() - DAYSECS,
        ]));
        return ['course' => (int) $course->id];
    },
    'update' => function (array $a): array {
        global $CFG;
        require_once($CFG->dirroot . '/course/lib.php');
        update_course((object) (['id' => $a['course']] + $a['fields']));
        return [];
    },
    'delete' => function (array $a): array {
        delete_course($a['course'], false);
        return [];
    },
    'section' => function (array $a): array {
        global $CFG, $DB;
        require_once($CFG->dirroot . '/course/lib.php');
        $section = course_create_section($a['course']);
        course_update_section($a['course'], $DB->get_record('course_sections', ['id' => $section->id]), ['name' => 'Week nine']);
        course_delete_section($a['course'], $DB->get_record('course_sections', ['id' => $section->id]), true, false);
        return ['section' => (int) $section->id];
    },
    // Places for everybody named, by the manual method, in one request.
    'enrol' => function (array $a): array {
        global $DB;
        $plugin = enrol_get_plugin($a['method'] ?? 'manual');
        $instance = $DB->get_record('enrol', ['courseid' => $a['course'], 'enrol' => $a['method'] ?? 'manual'], '*', MUST_EXIST);
        $role = $DB->get_field('role', 'id', ['shortname' => $a['role'] ?? 'student'], MUST_EXIST);
        foreach ($a['users'] as $user) {
            $plugin->enrol_user($instance, $user, $role, $a['starts'] ?? 0, $a['ends'] ?? 0, $a['status'] ?? null);
        }
        return ['instance' => (int) $instance->id];
    },
    'change_enrolment' => function (array $a): array {
        global $DB;
        $plugin = enrol_get_plugin('manual');
        $instance = $DB->get_record('enrol', ['courseid' => $a['course'], 'enrol' => 'manual'], '*', MUST_EXIST);
        foreach ($a['users'] as $user) {
            if (!empty($a['delete'])) {
                $plugin->unenrol_user($instance, $user);
            } else {
                $plugin->update_user_enrol($instance, $user, $a['status'] ?? ENROL_USER_SUSPENDED, null, $a['ends'] ?? null);
            }
        }
        return [];
    },
    // A method through its life.
    'method' => function (array $a): array {
        global $DB;
        $plugin = enrol_get_plugin('self');
        $course = get_course($a['course']);
        $id = $plugin->add_instance($course, ['name' => 'By oneself', 'status' => ENROL_INSTANCE_ENABLED, 'customint6' => 1,
            'password' => 'Canary key', 'roleid' => $DB->get_field('role', 'id', ['shortname' => 'student'])]);
        $instance = $DB->get_record('enrol', ['id' => $id], '*', MUST_EXIST);
        $plugin->update_status($instance, ENROL_INSTANCE_DISABLED);
        $plugin->update_status($DB->get_record('enrol', ['id' => $id]), ENROL_INSTANCE_ENABLED);
        if (!empty($a['delete'])) {
            $plugin->delete_instance($DB->get_record('enrol', ['id' => $id]));
        }
        return ['instance' => (int) $id];
    },
    // Everybody of a cohort gets a place by the cohort method's own sync.
    'sync_cohort' => function (array $a): array {
        global $CFG, $DB;
        require_once($CFG->dirroot . '/enrol/cohort/locallib.php');
        $plugin = enrol_get_plugin('cohort');
        $id = $plugin->add_instance(get_course($a['course']), ['customint1' => $a['cohort'],
            'roleid' => $DB->get_field('role', 'id', ['shortname' => 'student']), 'customint2' => 0]);
        enrol_cohort_sync(new null_progress_trace(), $a['course']);
        return ['instance' => (int) $id];
    },
    'reset' => function (array $a): array {
        global $CFG;
        require_once($CFG->dirroot . '/course/lib.php');
        $status = reset_course_userdata((object) ($a['options'] + ['id' => $a['course'], 'courseid' => $a['course'],
            'reset_start_date' => 0, 'reset_end_date' => 0, 'reset_start_date_old' => 0, 'reset_end_date_old' => 0]));
        return ['steps' => count($status)];
    },
];
