<?php
// This file is part of the live suite of moodle-sns-producer.
//
// It is free software: you can redistribute it and/or modify it under the terms of the GNU General Public
// License as published by the Free Software Foundation, either version 3 of the License, or (at your option)
// any later version. It is distributed without any warranty.

/**
 * Who watches: before all others at the raise and the commit, after all others with a row of the transaction.
 *
 * @package    local_witness
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

defined('MOODLE_INTERNAL') || die();

$observers = [
    [
        'eventname' => '\core\event\base',
        'callback' => '\local_witness\observer::raised',
        'internal' => true,
        'priority' => 99999,
    ],
    [
        'eventname' => '\core\event\base',
        'callback' => '\local_witness\observer::recorded',
        'internal' => true,
        'priority' => -99999,
    ],
    [
        'eventname' => '\core\event\base',
        'callback' => '\local_witness\observer::committed',
        'internal' => false,
        'priority' => 99998,
    ],
    // Around the plugin's observers: the one of strict mode has priority 1, the other 0. Outside of transactions,
    // where both are called one after the other.
    [
        'eventname' => '\core\event\base',
        'callback' => '\local_witness\stopwatch::before',
        'internal' => true,
        'priority' => 2,
    ],
    [
        'eventname' => '\core\event\base',
        'callback' => '\local_witness\stopwatch::before',
        'internal' => false,
        'priority' => 1,
    ],
    [
        'eventname' => '\core\event\base',
        'callback' => '\local_witness\stopwatch::after',
        'internal' => false,
        'priority' => -1,
    ],
];
