<?php
// This file is part of the live suite of moodle-sns-producer.
//
// It is free software: you can redistribute it and/or modify it under the terms of the GNU General Public
// License as published by the Free Software Foundation, either version 3 of the License, or (at your option)
// any later version. It is distributed without any warranty.

/**
 * Writes down each event three times: as raised, in its transaction, and as committed.
 *
 * @package    local_witness
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

namespace local_witness;

use core\event\base;

/**
 * An event is known by its process and its serial in it. The lines in the file survive any death of PHP; the row
 * in the database shares the fate of the change.
 */
final class observer {
    /** @var \WeakMap<base, int>|null the serial of each event that is still about */
    private static ?\WeakMap $serials = null;

    /** @var int the last serial given */
    private static int $last = 0;

    /** @var string this process */
    private static string $process = '';

    /** @var array<string, bool> which kinds are on; the bench turns all off */
    private static function on(string $kind): bool {
        global $CFG;
        return !empty($CFG->local_witness_file) && empty($CFG->{'local_witness_no_' . $kind});
    }

    /**
     * Before any other observer, inside the transaction.
     *
     * @param base $event
     */
    public static function raised(base $event): void {
        global $DB;
        if (!self::on('lines') || $event->is_restored()) {
            return;
        }
        self::$serials ??= new \WeakMap();
        self::$process = self::$process ?: bin2hex(random_bytes(6));
        self::$serials[$event] = ++self::$last;
        self::write([
            'what' => 'raised',
            'process' => self::$process,
            'serial' => self::$last,
            'transaction' => $DB->is_transaction_started(),
            'sapi' => PHP_SAPI,
            'pid' => getmypid(),
            'at' => microtime(true),
            'event' => $event->get_data(),
            'origin' => $event->get_logextra()['origin'] ?? null,
        ]);
    }

    /**
     * After any other internal observer, inside the transaction.
     *
     * @param base $event
     */
    public static function recorded(base $event): void {
        global $DB;
        if (!self::on('rows') || !isset(self::$serials[$event])) {
            return;
        }
        $DB->insert_record('local_witness_event', (object) [
            'process' => self::$process,
            'serial' => self::$serials[$event],
        ], false);
    }

    /**
     * Once the transaction is committed.
     *
     * @param base $event
     */
    public static function committed(base $event): void {
        if (!self::on('lines') || !isset(self::$serials[$event])) {
            return;
        }
        self::write(['what' => 'committed', 'process' => self::$process, 'serial' => self::$serials[$event]]);
    }

    /**
     * One line, whole or not at all.
     *
     * @param array $line
     */
    private static function write(array $line): void {
        global $CFG;
        file_put_contents($CFG->local_witness_file, json_encode($line, JSON_INVALID_UTF8_SUBSTITUTE | JSON_PRESERVE_ZERO_FRACTION) . "\n", FILE_APPEND | LOCK_EX);
    }
}
