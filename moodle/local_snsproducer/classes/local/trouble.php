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
 * Says what went wrong, to developers only, and never with a body, a secret or a person in it.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class trouble {
    /**
     * Tells of something that was caught. The message of the exception is left out on purpose: that of a database
     * exception holds the statement with its values.
     *
     * @param string $doing what was being done: "writing the outbox"
     * @param \Throwable $e
     */
    public static function tell(string $doing, \Throwable $e): void {
        global $CFG;
        if (!empty($CFG->upgraderunning)) {
            return; // Tables that aren't there yet are no trouble.
        }
        try {
            $code = $e instanceof \moodle_exception ? " ({$e->errorcode})" : '';
            $where = basename($e->getFile()) . ':' . $e->getLine();
            debugging("local_snsproducer: {$doing}: " . get_class($e) . "{$code} at {$where}", DEBUG_DEVELOPER);
        } catch (\Throwable $ignored) {
            return; // There is nothing left to tell it with.
        }
    }
}
