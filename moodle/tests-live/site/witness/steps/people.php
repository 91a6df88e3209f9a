<?php
// This file is part of the live suite of moodle-sns-producer.
//
// It is free software: you can redistribute it and/or modify it under the terms of the GNU General Public
// License as published by the Free Software Foundation, either version 3 of the License, or (at your option)
// any later version. It is distributed without any warranty.

/**
 * Steps about people: accounts, roles, cohorts.
 *
 * @package    local_witness
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

use local_witness\steps;

return [
    // One account, with a password that lets the person log in: user_create_user, as the page does.
    'create' => function (array $a): array {
        global $CFG;
        require_once($CFG->dirroot . '/user/lib.php');
        $ids = [];
        foreach ($a['users'] as $name) {
            $ids[$name] = user_create_user((object) [
                'username' => $name,
                'password' => $a['password'] ?? 'Live-1234',
                'firstname' => 'First' . $name,
                'lastname' => 'Last' . $name,
                'email' => $name . '@canary.example',
                'idnumber' => 'ID-' . $name,
                'institution' => 'Institute',
                'department' => 'Statistics',
                'confirmed' => 1,
                'mnethostid' => $CFG->mnet_localhost_id,
                'auth' => 'manual',
            ]);
        }
        return $ids;
    },
    'update' => function (array $a): array {
        global $CFG;
        require_once($CFG->dirroot . '/user/lib.php');
        user_update_user((object) (['id' => $a['id']] + $a['fields']), false);
        return [];
    },
    'delete' => function (array $a): array {
        global $DB;
        delete_user($DB->get_record('user', ['id' => $a['id']], '*', MUST_EXIST));
        return [];
    },
    'assign_role' => function (array $a): array {
        global $DB;
        $role = $DB->get_field('role', 'id', ['shortname' => $a['role']], MUST_EXIST);
        role_assign($role, $a['user'], $a['context'] ?? context_system::instance()->id);
        return ['role' => (int) $role];
    },
    'unassign_role' => function (array $a): array {
        global $DB;
        $role = $DB->get_field('role', 'id', ['shortname' => $a['role']], MUST_EXIST);
        role_unassign($role, $a['user'], $a['context'] ?? context_system::instance()->id);
        return [];
    },
    'contexts' => function (array $a): array {
        return [
            'course' => isset($a['course']) ? context_course::instance($a['course'])->id : null,
            'category' => isset($a['category']) ? context_coursecat::instance($a['category'])->id : null,
            'activity' => isset($a['cm']) ? context_module::instance($a['cm'])->id : null,
        ];
    },
    // A cohort through its life, or up to the members.
    'cohort' => function (array $a): array {
        global $CFG, $DB;
        require_once($CFG->dirroot . '/cohort/lib.php');
        $context = isset($a['category']) ? context_coursecat::instance($a['category']) : context_system::instance();
        $id = cohort_add_cohort((object) ['contextid' => $context->id, 'name' => 'Cohort ' . $a['name'],
            'idnumber' => 'COH-' . $a['name'], 'description' => 'Canary description', 'descriptionformat' => FORMAT_HTML]);
        foreach ($a['members'] as $member) {
            cohort_add_member($id, $member);
        }
        return ['cohort' => $id];
    },
    'change_cohort' => function (array $a): array {
        global $CFG, $DB;
        require_once($CFG->dirroot . '/cohort/lib.php');
        $cohort = $DB->get_record('cohort', ['id' => $a['cohort']], '*', MUST_EXIST);
        if (isset($a['name'])) {
            $cohort->name = $a['name'];
            cohort_update_cohort($cohort);
        }
        foreach ($a['remove'] ?? [] as $member) {
            cohort_remove_member($cohort->id, $member);
        }
        if (!empty($a['delete'])) {
            cohort_delete_cohort($cohort);
        }
        return [];
    },
];
