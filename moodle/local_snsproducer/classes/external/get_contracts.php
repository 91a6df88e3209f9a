<?php
// This file is part of Moodle - http://moodle.org/
//
// Moodle is free software: you can redistribute it and/or modify
// it under the terms of the GNU General Public License as published by
// the Free Software Foundation, either version 3 of the License, or
// (at your option) any later version.
//
// Moodle is distributed in the hope that it will be useful,
// but WITHOUT ANY WARRANTY; without even the implied warranty of
// MERCHANTABILITY or FITNESS FOR A PARTICULAR PURPOSE.  See the
// GNU General Public License for more details.
//
// You should have received a copy of the GNU General Public License
// along with Moodle.  If not, see <http://www.gnu.org/licenses/>.

namespace local_snsproducer\external;

use core_external\external_api;
use core_external\external_function_parameters;
use core_external\external_multiple_structure;
use core_external\external_single_structure;
use core_external\external_value;
use local_snsproducer\local\connection;
use local_snsproducer\local\wanted\store;
use local_snsproducer\local\wanted\vocabulary;

/**
 * Web service function: which contracts take what out of this site, field by field, as far as it is allowed here.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class get_contracts extends external_api {
    /**
     * No parameters.
     *
     * @return external_function_parameters
     */
    public static function execute_parameters(): external_function_parameters {
        return new external_function_parameters([]);
    }

    /**
     * The contracts.
     *
     * @return array
     */
    public static function execute(): array {
        self::validate_parameters(self::execute_parameters(), []);
        $context = \context_system::instance();
        self::validate_context($context);
        require_capability('local/snsproducer:view', $context);

        $connection = connection::get();
        $list = store::current();
        $rows = $list === null ? [] : store::all($connection?->allowcontact ?? false, $connection?->allowspecial ?? false);
        $contracts = [];
        foreach ($rows as $row) {
            $paths = [];
            foreach ($row->keys as $key) {
                $paths["event.$key"] = preg_replace('/(\[\]|\{\})$/D', '', $key);
            }
            foreach ($row->entities as $entity => $fields) {
                foreach ($fields as $field) {
                    $paths["entities.$entity.$field"] = "entities.$entity.$field";
                }
            }
            $fields = [];
            foreach ($paths as $path => $told) {
                $own = vocabulary::class_of(str_starts_with($told, 'entities.') ? $told : "event.$told");
                $fields[] = ['path' => $path, 'class' => vocabulary::stricter($own, $row->personal[$told] ?? '')];
            }
            $contracts[] = [
                'contract' => $row->contract,
                'event' => $row->event,
                'condition' => $row->when === null ? '' : json_encode($row->when->told()),
                'fields' => $fields,
            ];
        }
        return ['etag' => $list?->etag ?? '', 'always' => vocabulary::ALWAYS, 'contracts' => $contracts];
    }

    /**
     * What is answered.
     *
     * @return external_single_structure
     */
    public static function execute_returns(): external_single_structure {
        return new external_single_structure([
            'etag' => new external_value(PARAM_RAW, 'Name of the wanted list; empty: none, and nothing is sent'),
            'always' => new external_multiple_structure(
                new external_value(PARAM_ALPHA, 'A key of the event that is sent whatever the contracts name')
            ),
            'contracts' => new external_multiple_structure(new external_single_structure([
                'contract' => new external_value(PARAM_RAW, 'The contract\'s name with its version'),
                'event' => new external_value(PARAM_RAW, 'The event that it reads'),
                'condition' => new external_value(PARAM_RAW, 'Which of these events, as JSON; empty: all'),
                'fields' => new external_multiple_structure(new external_single_structure([
                    'path' => new external_value(PARAM_RAW, 'Where the value stands: event.… or entities.…'),
                    'class' => new external_value(PARAM_ALPHA, 'identifier, name, performance, contact or special; empty: none'),
                ])),
            ])),
        ]);
    }
}
