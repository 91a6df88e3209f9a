<?php
// This file is part of the live suite of moodle-sns-producer.
//
// It is free software: you can redistribute it and/or modify it under the terms of the GNU General Public
// License as published by the Free Software Foundation, either version 3 of the License, or (at your option)
// any later version. It is distributed without any warranty.

/**
 * Steps for the faults: small changes of which each raises wanted events, inside transactions and outside.
 *
 * @package    local_witness
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

return [
    // So many groups, each announced; in one transaction where asked, which is rolled back where asked.
    'groups' => function (array $a): array {
        global $CFG, $DB;
        require_once($CFG->dirroot . '/group/lib.php');
        $transaction = empty($a['transaction']) ? null : $DB->start_delegated_transaction();
        $ids = [];
        for ($i = 0; $i < $a['number']; $i++) {
            $ids[] = groups_create_group((object) ['courseid' => $a['course'], 'name' => $a['name'] . " $i"]);
        }
        if (!empty($a['rollback'])) {
            try {
                $transaction->rollback(new moodle_exception('error'));
            } catch (moodle_exception $expected) {
                return ['rolled back' => $ids];
            }
        }
        if (!empty($a['abandon'])) {
            // Left open: Moodle rolls it back at the end of the request.
            return ['abandoned' => $ids];
        }
        $transaction?->allow_commit();
        return ['groups' => $ids];
    },
    // Changes two groups in this order, with a pause between: two requests in opposite orders lock each other out.
    'cross' => function (array $a): array {
        global $CFG, $DB;
        require_once($CFG->dirroot . '/group/lib.php');
        $transaction = $DB->start_delegated_transaction();
        try {
            foreach ($a['groups'] as $id) {
                $group = $DB->get_record('groups', ['id' => $id], '*', MUST_EXIST);
                $group->description = 'by ' . $a['who'];
                groups_update_group($group);
                usleep(700000);
            }
            $transaction->allow_commit();
            return ['committed' => true];
        } catch (dml_exception $deadlock) {
            try {
                $transaction->rollback($deadlock);
            } catch (dml_exception $again) {
                return ['committed' => false];
            }
            return ['committed' => false];
        }
    },
    // An event and nothing else: no row is written by Moodle itself.
    'announce' => function (array $a): array {
        global $DB;
        \core\event\group_updated::create(['context' => context_course::instance($a['course']), 'objectid' => $a['group']])->trigger();
        return [];
    },
    // Many rows in the outbox, made of the one that is there, under ids of their own; one of them is broken.
    'fill_outbox' => function (array $a): array {
        global $DB;
        $row = $DB->get_records('local_snsproducer_outbox', ['state' => 'waiting'], 'id', '*', 0, 1);
        $row = reset($row);
        unset($row->id);
        $old = $row->eventid;
        $body = $row->body;
        $rows = [];
        $micros = (int) (microtime(true) * 1e6);
        for ($i = 0; $i < $a['rows']; $i++) {
            $new = clone $row;
            $new->eventid = \local_snsproducer\local\event_id::v7($micros + $i);
            $new->body = str_replace($old, $new->eventid, $body);
            if ($i === ($a['bad'] ?? -1)) {
                $new->body = str_replace('"specversion":"1.0"', '"specversion":"' . $a['mark'] . '"', $new->body);
            }
            $rows[] = $new;
            if (count($rows) === 2000) {
                $DB->insert_records('local_snsproducer_outbox', $rows);
                $rows = [];
            }
        }
        if ($rows) {
            $DB->insert_records('local_snsproducer_outbox', $rows);
        }
        return ['rows' => $DB->count_records('local_snsproducer_outbox')];
    },
    // What requests that are dead had noted in APCu counts as old now, and is looked for by the next request.
    'bury' => function (): array {
        $buried = 0;
        foreach (new APCUIterator('~^local_snsproducer/[0-9a-f]{12}/seen/~') as $entry) {
            if (str_ends_with($entry['key'], '/looked')) {
                apcu_delete($entry['key']);
            } else {
                apcu_store($entry['key'], ['at' => $entry['value']['at'] - 1000] + $entry['value']);
                $buried++;
            }
        }
        return ['buried' => $buried];
    },
    'breaker' => function (): array {
        return ['state' => \local_snsproducer\local\breaker::state()];
    },
];
