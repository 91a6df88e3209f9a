<?php
// This file is part of the live suite of moodle-sns-producer.
//
// It is free software: you can redistribute it and/or modify it under the terms of the GNU General Public
// License as published by the Free Software Foundation, either version 3 of the License, or (at your option)
// any later version. It is distributed without any warranty.

/**
 * Steps about groups and groupings.
 *
 * @package    local_witness
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

return [
    'create' => function (array $a): array {
        global $CFG;
        require_once($CFG->dirroot . '/group/lib.php');
        $group = groups_create_group((object) ['courseid' => $a['course'], 'name' => 'Group ' . $a['name'],
            'idnumber' => 'GRP-' . $a['name'] . '-' . $a['course'], 'description' => 'Canary description', 'enrolmentkey' => 'Canary key']);
        foreach ($a['members'] ?? [] as $member) {
            groups_add_member($group, $member);
        }
        return ['group' => (int) $group];
    },
    'change' => function (array $a): array {
        global $CFG, $DB;
        require_once($CFG->dirroot . '/group/lib.php');
        $group = $DB->get_record('groups', ['id' => $a['group']], '*', MUST_EXIST);
        if (isset($a['name'])) {
            $group->name = $a['name'];
            groups_update_group($group);
        }
        foreach ($a['remove'] ?? [] as $member) {
            groups_remove_member($group->id, $member);
        }
        if (!empty($a['delete'])) {
            groups_delete_group($group->id);
        }
        return [];
    },
    // A grouping through its life.
    'grouping' => function (array $a): array {
        global $CFG, $DB;
        require_once($CFG->dirroot . '/group/lib.php');
        $id = groups_create_grouping((object) ['courseid' => $a['course'], 'name' => 'Grouping', 'idnumber' => 'GRG-' . $a['course']]);
        $grouping = $DB->get_record('groupings', ['id' => $id]);
        $grouping->name = 'Grouping, renamed';
        groups_update_grouping($grouping);
        groups_assign_grouping($id, $a['group']);
        groups_unassign_grouping($id, $a['group']);
        groups_delete_grouping($id);
        return ['grouping' => (int) $id];
    },
];
