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

namespace local_snsproducer\local;

use local_snsproducer\local\breaker\apcu;
use local_snsproducer\local\breaker\local_cache;
use local_snsproducer\local\breaker\machine;

/**
 * Keeps this node's requests from asking a sidecar that doesn't answer. What it does: see breaker\machine. It never throws:
 * where its numbers can't be kept it is closed, and the time budget is what bounds a request.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class breaker {
    /**
     * Whether a request may be sent now. While it is open, asking takes the one try there is: ask only to send.
     *
     * @return bool
     */
    public static function allows(): bool {
        try {
            return self::machine()->allows(self::now());
        } catch (\Throwable $broken) {
            return true;
        }
    }

    /**
     * A request got no answer, or one that says that the next won't get a better one.
     */
    public static function failed(): void {
        try {
            self::machine()->failed(self::now());
        } catch (\Throwable $broken) {
            return;
        }
    }

    /**
     * A request was answered.
     */
    public static function succeeded(): void {
        try {
            self::machine()->succeeded();
        } catch (\Throwable $broken) {
            return;
        }
    }

    /**
     * What it is, without taking the try.
     *
     * @return string `closed`, `open`, or `half` (the next request may try)
     */
    public static function state(): string {
        try {
            return self::machine()->state(self::now());
        } catch (\Throwable $broken) {
            return machine::CLOSED;
        }
    }

    /**
     * This node's machine. On the command line APCu is each process's own, so those share a cache of Moodle's.
     *
     * @return machine
     */
    private static function machine(): machine {
        global $CFG;
        // Several sites may share a node.
        $site = substr(hash('sha256', $CFG->wwwroot), 0, 16);
        $hasapcu = PHP_SAPI !== 'cli' && function_exists('apcu_enabled') && apcu_enabled();
        return new machine($hasapcu ? new apcu($site) : new local_cache($site));
    }

    /**
     * Milliseconds since 1970.
     *
     * @return int
     */
    private static function now(): int {
        return (int) (microtime(true) * 1000);
    }
}
