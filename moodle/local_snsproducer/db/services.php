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

/**
 * The functions that web services may call.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

defined('MOODLE_INTERNAL') || die();

$functions = [
    'local_snsproducer_get_status' => [
        'classname' => 'local_snsproducer\external\get_status',
        'description' => 'How the plugin does: whether it sends, what waits, and whether the ledger adds up.',
        'type' => 'read',
        'capabilities' => 'local/snsproducer:view',
    ],
    'local_snsproducer_get_contracts' => [
        'classname' => 'local_snsproducer\external\get_contracts',
        'description' => 'Which contracts take what out of this site, field by field with its class of personal data.',
        'type' => 'read',
        'capabilities' => 'local/snsproducer:view',
    ],
];
