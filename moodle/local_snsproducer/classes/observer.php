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

namespace local_snsproducer;

use local_snsproducer\local\request;
use local_snsproducer\local\trouble;

/**
 * Where Moodle hands us its events. Nothing thrown here may reach the page: Moodle itself catches exceptions
 * of an observer, but no `\Error`.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class observer {
    /**
     * Called inside Moodle's transaction, if there is one.
     *
     * @param \core\event\base $event
     */
    public static function strict(\core\event\base $event): void {
        try {
            request::observe_strict($event);
        } catch (\Throwable $e) {
            trouble::tell('writing an event of strict mode', $e);
        }
    }

    /**
     * Called outside of any transaction.
     *
     * @param \core\event\base $event
     */
    public static function event(\core\event\base $event): void {
        try {
            request::observe($event);
        } catch (\Throwable $e) {
            trouble::tell('observing an event', $e);
        }
    }
}
