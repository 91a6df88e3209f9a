<?php
// This file is part of the live suite of moodle-sns-producer.
//
// It is free software: you can redistribute it and/or modify it under the terms of the GNU General Public
// License as published by the Free Software Foundation, either version 3 of the License, or (at your option)
// any later version. It is distributed without any warranty.

/**
 * Steps about the gradebook: items, grades, what hides them.
 *
 * @package    local_witness
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

/** Loads the gradebook, and finds an item. */
function local_witness_item(array $by): grade_item {
    global $CFG;
    require_once($CFG->libdir . '/gradelib.php');
    return grade_item::fetch($by);
}

return [
    'manual_item' => function (array $a): array {
        global $CFG;
        require_once($CFG->libdir . '/gradelib.php');
        $item = new grade_item(['courseid' => $a['course'], 'itemtype' => 'manual', 'itemname' => $a['name'], 'grademax' => 100,
            'idnumber' => 'ITM-' . $a['name'], 'categoryid' => $a['category'] ?? null], false);
        $item->insert();
        return ['item' => (int) $item->id];
    },
    'category' => function (array $a): array {
        global $CFG;
        require_once($CFG->libdir . '/gradelib.php');
        $category = new grade_category(['courseid' => $a['course'], 'fullname' => $a['name']], false);
        $category->insert();
        return ['category' => (int) $category->id, 'item' => (int) $category->load_grade_item()->id];
    },
    'item_of' => function (array $a): array {
        $item = local_witness_item(['courseid' => $a['course'], 'itemtype' => 'mod', 'itemmodule' => $a['module'],
            'iteminstance' => $a['id'], 'itemnumber' => 0]);
        return ['item' => (int) $item->id];
    },
    // As the grader's page does.
    'give' => function (array $a): array {
        $item = local_witness_item(['id' => $a['item']]);
        foreach ($a['grades'] as $user => $grade) {
            $item->update_final_grade($user, $grade, 'gradebook');
        }
        return [];
    },
    // Hides or shows an item: 0, 1, or until a time.
    'hide_item' => function (array $a): array {
        local_witness_item(['id' => $a['item']])->set_hidden($a['hidden'], false);
        return [];
    },
    'hide_grade' => function (array $a): array {
        global $CFG;
        require_once($CFG->libdir . '/gradelib.php');
        $grade = grade_grade::fetch(['itemid' => $a['item'], 'userid' => $a['user']]);
        if (!$grade) {
            $grade = new grade_grade(['itemid' => $a['item'], 'userid' => $a['user']], false);
            $grade->insert();
        }
        $grade->grade_item = local_witness_item(['id' => $a['item']]);
        $grade->set_hidden($a['hidden']);
        return [];
    },
    'hide_category' => function (array $a): array {
        global $CFG;
        require_once($CFG->libdir . '/gradelib.php');
        grade_category::fetch(['id' => $a['category']])->set_hidden($a['hidden'], true);
        return [];
    },
    'rename_item' => function (array $a): array {
        $item = local_witness_item(['id' => $a['item']]);
        $item->itemname = $a['name'];
        $item->update();
        return [];
    },
    'delete_item' => function (array $a): array {
        local_witness_item(['id' => $a['item']])->delete('manual');
        return [];
    },
];
