<?php
// This file is part of the live suite of moodle-sns-producer.
//
// It is free software: you can redistribute it and/or modify it under the terms of the GNU General Public
// License as published by the Free Software Foundation, either version 3 of the License, or (at your option)
// any later version. It is distributed without any warranty.

/**
 * Steps that make the site ready.
 *
 * @package    local_witness
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

return [
    // What the chapters rely on: completion, outcomes, web services, no password rules, no real mail.
    'site' => function (): array {
        global $CFG, $DB;
        require_once($CFG->dirroot . '/webservice/lib.php');
        foreach (['enablecompletion' => 1, 'enablewebservices' => 1, 'webserviceprotocols' => 'rest', 'enablebadges' => 1,
                'enrol_plugins_enabled' => 'manual,guest,self,cohort', 'messaging' => 0] as $name => $value) {
            set_config($name, $value);
        }
        set_config('coursebinenable', 0, 'tool_recyclebin');
        $DB->set_field('modules', 'visible', 1, ['name' => 'lti']);
        $DB->set_field('modules', 'visible', 1, ['name' => 'feedback']);
        $DB->set_field('modules', 'visible', 1, ['name' => 'lesson']);
        $service = $DB->insert_record('external_services', (object) ['name' => 'live', 'shortname' => 'live', 'enabled' => 1,
            'requiredcapability' => null, 'restrictedusers' => 0, 'component' => null, 'timecreated' => time(),
            'downloadfiles' => 0, 'uploadfiles' => 0]);
        foreach ($DB->get_fieldset_select('external_functions', 'name', '1 = 1') as $function) {
            $DB->insert_record('external_services_functions', (object) ['externalserviceid' => $service, 'functionname' => $function]);
        }
        assign_capability('webservice/rest:use', CAP_ALLOW, $CFG->defaultuserroleid, context_system::instance()->id, true);
        // A fresh site has all its tasks due at once, and themes to compile: not what is tried here.
        $DB->set_field_select('task_scheduled', 'nextruntime', time() + DAYSECS, "component <> 'local_snsproducer'");
        $DB->delete_records('task_adhoc');
        purge_all_caches();
        return ['service' => $service];
    },
    // Connects the plugin for this site, as the button of its page does.
    'connect' => function (): array {
        \local_snsproducer\local\connection::connect();
        set_config('enabled', 1, 'local_snsproducer');
        return [];
    },
    // A token of web services for whoever runs this.
    'token' => function (): array {
        global $DB, $USER;
        $service = $DB->get_record('external_services', ['shortname' => 'live'], '*', MUST_EXIST);
        return ['token' => \core_external\util::generate_token(EXTERNAL_TOKEN_PERMANENT, $service, $USER->id,
            context_system::instance())];
    },
    // The names of the wanted list, and those that are sent whatever they hold.
    'list' => function (): array {
        global $DB;
        $wanted = [];
        $always = [];
        $body = json_decode($DB->get_field('local_snsproducer_list', 'body', [], IGNORE_MULTIPLE), true);
        foreach ($body['rows'] as $row) {
            foreach ((array) ($row['events'] ?? $row['event']) as $name) {
                $wanted[$name] = true;
                if (empty($row['when'])) {
                    $always[$name] = true;
                }
            }
        }
        return ['wanted' => array_keys($wanted), 'always' => array_keys($always)];
    },
    // What the plugin says became of events: name, outcome, n.
    'ledger' => function (): array {
        $flat = [];
        foreach (\local_snsproducer\local\ledger::sums(time() - DAYSECS) as $names) {
            foreach ($names as $name => $outcomes) {
                foreach ($outcomes as $outcome => $n) {
                    $flat[$name . "\t" . $outcome] = ($flat[$name . "\t" . $outcome] ?? 0) + $n;
                }
            }
        }
        return array_map(fn($key, $n) => [...explode("\t", $key), $n], array_keys($flat), $flat);
    },
    'nothing' => fn(): array => [],
    // Settings of the plugin that aren't forced.
    'plugin' => function (array $a): array {
        foreach ($a['settings'] as $name => $value) {
            set_config($name, $value, 'local_snsproducer');
        }
        return [];
    },
];
