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
 * What of Moodle this plugin observes: every event, twice. Which are wanted is decided by the wanted list.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

defined('MOODLE_INTERNAL') || die();

$observers = [
    // Inside Moodle's transaction, for the names in strict mode: it writes the outbox row there and then. First, so
    // that the other one knows what is already written.
    [
        'eventname' => '\core\event\base',
        'callback' => '\local_snsproducer\observer::strict',
        'internal' => true,
        'priority' => 1,
    ],
    // After the outermost commit: a change that is rolled back is never told.
    [
        'eventname' => '\core\event\base',
        'callback' => '\local_snsproducer\observer::event',
        'internal' => false,
    ],
];
