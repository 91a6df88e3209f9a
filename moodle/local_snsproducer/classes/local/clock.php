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

/**
 * When something happened.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class clock {
    /** @var int The last time that was told, so that none is told twice. */
    private static int $last = 0;

    /**
     * Now, in microseconds since 1970. Strictly growing within a process: consumers order the states of one thing by it.
     * When the machine's clock is set back, it goes on from the last time in steps of one.
     *
     * @return int
     */
    public static function now(): int {
        // As a float of today it is exact to a quarter of a microsecond.
        return self::$last = max((int) (microtime(true) * 1000000), self::$last + 1);
    }

    /**
     * A time as RFC 3339 with microseconds, in UTC: the wire form of `raised`.
     *
     * @param int $micros
     * @return string e.g. `2026-11-24T16:11:27.310028Z`
     */
    public static function rfc3339(int $micros): string {
        return gmdate('Y-m-d\TH:i:s', intdiv($micros, 1000000)) . sprintf('.%06dZ', $micros % 1000000);
    }

    /**
     * Time that only goes forward, for budgets.
     *
     * @return int milliseconds since an arbitrary moment
     */
    public static function ticks(): int {
        return intdiv(hrtime(true), 1000000);
    }
}
