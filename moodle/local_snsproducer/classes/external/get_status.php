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
use local_snsproducer\local\status;

/**
 * Web service function: how the plugin does, for monitoring. Asks the sidecar nothing and changes nothing.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class get_status extends external_api {
    /**
     * No parameters.
     *
     * @return external_function_parameters
     */
    public static function execute_parameters(): external_function_parameters {
        return new external_function_parameters([]);
    }

    /**
     * How the plugin does.
     *
     * @return array
     */
    public static function execute(): array {
        self::validate_parameters(self::execute_parameters(), []);
        $context = \context_system::instance();
        self::validate_context($context);
        require_capability('local/snsproducer:view', $context);

        $facts = (new status())->all();
        $site = $facts['site'] ?? [];
        $outbox = $facts['outbox'] ?? [];
        $ledger = $facts['ledger'] ?? ['outcomes' => [], 'recent' => 0, 'since' => 0];
        $outcomes = [];
        foreach ($ledger['outcomes'] as $outcome => $n) {
            $outcomes[] = ['outcome' => $outcome, 'n' => $n];
        }
        return [
            'armed' => $site['armed'] ?? false,
            'enabled' => $site['enabled'] ?? false,
            'configured' => $site['configured'] ?? false,
            'copy' => $site['copy'] ?? false,
            'endpoint' => $site['endpoint'] ?? '',
            'sourcekey' => $site['sourcekey'] ?? '',
            'connectedurl' => $site['connectedurl'] ?? '',
            'fingerprints' => array_values(array_filter($facts['fingerprints'] ?? [])),
            'etag' => $facts['wanted']['etag'] ?? '',
            'confirmed' => $facts['fetch']['ok_at'] ?? 0,
            'breaker' => $facts['breaker'] ?? '',
            'spool' => $facts['spool']['id'] ?? '',
            'spoolother' => $facts['spool']['other'] ?? '',
            'waiting' => $outbox['waiting'] ?? 0,
            'open' => $outbox['open'] ?? 0,
            'refused' => $outbox['refused'] ?? 0,
            'foreign' => $outbox['foreign'] ?? 0,
            'oldest' => $outbox['oldest'] ?? 0,
            'pending' => $outbox['pending'] ?? 0,
            'ledgersince' => $ledger['since'],
            'ledger' => $outcomes,
            'missing' => ($ledger['outcomes']['unaccounted'] ?? 0) - $ledger['recent'],
            'unknown' => array_keys($facts['unknown']),
        ];
    }

    /**
     * What is answered.
     *
     * @return external_single_structure
     */
    public static function execute_returns(): external_single_structure {
        return new external_single_structure([
            'armed' => new external_value(PARAM_BOOL, 'Whether this site sends: set up, switched on, and connected as itself'),
            'enabled' => new external_value(PARAM_BOOL, 'Whether sending is switched on'),
            'configured' => new external_value(PARAM_BOOL, 'Whether the settings are complete'),
            'copy' => new external_value(PARAM_BOOL, 'Whether another address than this was connected'),
            'endpoint' => new external_value(PARAM_RAW, 'Where the sidecar is'),
            'sourcekey' => new external_value(PARAM_RAW, 'This site\'s key at the sidecar'),
            'connectedurl' => new external_value(PARAM_RAW, 'The address that was connected; empty: none'),
            'fingerprints' => new external_multiple_structure(
                new external_value(PARAM_RAW, 'First 8 hex digits of SHA-256 over a secret in force')
            ),
            'etag' => new external_value(PARAM_RAW, 'Name of the wanted list; empty: none, and nothing is sent'),
            'confirmed' => new external_value(PARAM_INT, 'When the sidecar last confirmed it, Unix seconds; 0: never'),
            'breaker' => new external_value(PARAM_ALPHA, 'Breaker of this node: closed, open or half'),
            'spool' => new external_value(PARAM_RAW, 'The spool that takes this site\'s events; empty: none yet'),
            'spoolother' => new external_value(PARAM_RAW, 'Another spool that answered since and nobody has accepted; empty: none'),
            'waiting' => new external_value(PARAM_INT, 'Rows of the outbox that wait to be sent'),
            'open' => new external_value(PARAM_INT, 'Rows in strict mode that the end of a request completes'),
            'refused' => new external_value(PARAM_INT, 'Rows that the sidecar refused'),
            'foreign' => new external_value(PARAM_INT, 'Rows made under another address, which are never sent'),
            'oldest' => new external_value(PARAM_INT, 'When the oldest row still to be sent was raised, Unix seconds; 0: none'),
            'pending' => new external_value(PARAM_INT, 'Grades that wait for their release'),
            'ledgersince' => new external_value(PARAM_INT, 'Since when the ledger is summed, Unix seconds'),
            'ledger' => new external_multiple_structure(new external_single_structure([
                'outcome' => new external_value(PARAM_RAW, 'observed, one of its parts, when_unknown or unaccounted'),
                'n' => new external_value(PARAM_INT, 'How many events'),
            ])),
            'missing' => new external_value(PARAM_INT, 'Observed in past hours and not accounted for; anything but 0 is an alarm'),
            'unknown' => new external_multiple_structure(
                new external_value(PARAM_RAW, 'A part of this answer that could not be looked up')
            ),
        ]);
    }
}
