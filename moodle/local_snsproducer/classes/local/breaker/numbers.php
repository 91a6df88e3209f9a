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

namespace local_snsproducer\local\breaker;

/**
 * A few numbers that all processes of a node share.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
interface numbers {
    /**
     * A number.
     *
     * @param string $name
     * @return int|null null: it was never set, or was forgotten
     */
    public function get(string $name): ?int;

    /**
     * Sets a number.
     *
     * @param string $name
     * @param int $value
     */
    public function set(string $name, int $value): void;

    /**
     * Adds one to a number that begins at 0.
     *
     * @param string $name
     * @return int what it is now
     */
    public function increment(string $name): int;

    /**
     * Takes a claim that only one holds at a time.
     *
     * @param string $name
     * @param int $now milliseconds since 1970
     * @param int $duration after how many milliseconds another may take it
     * @return bool whether it is ours
     */
    public function claim(string $name, int $now, int $duration): bool;

    /**
     * Forgets a number or claim.
     *
     * @param string $name
     */
    public function delete(string $name): void;
}
