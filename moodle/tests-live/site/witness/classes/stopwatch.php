<?php
// This file is part of the live suite of moodle-sns-producer.
//
// It is free software: you can redistribute it and/or modify it under the terms of the GNU General Public
// License as published by the Free Software Foundation, either version 3 of the License, or (at your option)
// any later version. It is distributed without any warranty.

/**
 * Measures what the plugin adds to a request, from outside of it.
 *
 * @package    local_witness
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

namespace local_witness;

use core\event\base;

/**
 * Stands right before and right after the plugin's observers, and around its part in the end of the request. What it
 * writes down, in nanoseconds: `observers`, the plugin's observers together (`cpu`: the CPU time of the process in
 * them, which other processes don't lengthen); `end`, from the end of Moodle's own
 * shutdown to the call that lets the browser go; `after`, what the worker is busy with once the browser is gone;
 * `request`, all of it.
 */
final class stopwatch {
    /** @var int when the plugin's observers were entered */
    private static int $entered = 0;

    /** @var int their time together */
    private static int $observers = 0;

    /** @var int CPU time when they were entered, in nanoseconds */
    private static int $cpuentered = 0;

    /** @var int their CPU time together */
    private static int $cpu = 0;

    /** @var int how many events */
    private static int $events = 0;

    /** @var int when the script's end came to the plugin */
    private static int $ended = 0;

    /** @var int when the browser is let go */
    private static int $released = 0;

    /**
     * Right before one of the plugin's observers.
     *
     * @param base $event
     */
    public static function before(base $event): void {
        global $CFG, $DB;
        if (empty($CFG->local_witness_times) || self::$entered !== 0 || $DB->is_transaction_started()) {
            return;
        }
        if (self::$events === 0) {
            // Before the plugin asks for the same, so that it is called first.
            register_shutdown_function([self::class, 'script_ended']);
        }
        self::$events++;
        self::$cpuentered = self::cpu();
        self::$entered = hrtime(true);
    }

    /**
     * Right after it.
     *
     * @param base $event
     */
    public static function after(base $event): void {
        if (self::$entered !== 0) {
            self::$observers += hrtime(true) - self::$entered;
            self::$entered = 0;
            self::$cpu += self::cpu() - self::$cpuentered;
        }
    }

    /**
     * CPU time that this process has had.
     *
     * @return int nanoseconds
     */
    private static function cpu(): int {
        $used = getrusage();
        return 1000 * (1000000 * ($used['ru_utime.tv_sec'] + $used['ru_stime.tv_sec']) + $used['ru_utime.tv_usec'] + $used['ru_stime.tv_usec']);
    }

    /** Called by PHP right before the plugin's own function of this kind. */
    public static function script_ended(): void {
        self::$ended = hrtime(true);
        register_shutdown_function([self::class, 'released']);
    }

    /** Called right before the plugin lets the browser go. */
    public static function released(): void {
        self::$released = hrtime(true);
        register_shutdown_function([self::class, 'done']);
    }

    /** Called when the plugin is through with its work. */
    public static function done(): void {
        global $CFG;
        $now = hrtime(true);
        $line = json_encode(['script' => $_SERVER['SCRIPT_NAME'] ?? '', 'events' => self::$events, 'observers' => self::$observers,
            'cpu' => self::$cpu, 'end' => self::$released - self::$ended, 'after' => $now - self::$released,
            'request' => (int) ((microtime(true) - $_SERVER['REQUEST_TIME_FLOAT']) * 1e9)]);
        file_put_contents($CFG->local_witness_times, $line . "\n", FILE_APPEND | LOCK_EX);
    }
}
