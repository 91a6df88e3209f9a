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
 * Numbers in APCu: shared by the workers of one php-fpm or web server, and atomic.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class apcu implements numbers {
    /** @var int After how many seconds without a change a number is forgotten. */
    private const LIFETIME = 3600;

    /**
     * The numbers under one name.
     *
     * @param string $prefix
     */
    public function __construct(
        /** @var string What its names begin with. */
        private readonly string $prefix
    ) {
    }

    /**
     * A number.
     *
     * @param string $name
     * @return int|null
     */
    public function get(string $name): ?int {
        $value = apcu_fetch($this->key($name));
        return is_int($value) ? $value : null;
    }

    /**
     * Sets a number.
     *
     * @param string $name
     * @param int $value
     */
    public function set(string $name, int $value): void {
        apcu_store($this->key($name), $value, self::LIFETIME);
    }

    /**
     * Adds one to a number.
     *
     * @param string $name
     * @return int
     */
    public function increment(string $name): int {
        return (int) apcu_inc($this->key($name), 1, $success, self::LIFETIME);
    }

    /**
     * Takes a claim.
     *
     * @param string $name
     * @param int $now
     * @param int $duration
     * @return bool
     */
    public function claim(string $name, int $now, int $duration): bool {
        $until = apcu_fetch($this->key($name));
        if (!is_int($until)) {
            return apcu_add($this->key($name), $now + $duration, self::LIFETIME);
        }
        // APCu's own lifetimes are whole seconds, so the end is kept as a number; of several that see it pass one swaps it.
        return $until <= $now && apcu_cas($this->key($name), $until, $now + $duration);
    }

    /**
     * Forgets a number or claim.
     *
     * @param string $name
     */
    public function delete(string $name): void {
        apcu_delete($this->key($name));
    }

    /**
     * Its key in APCu.
     *
     * @param string $name
     * @return string
     */
    private function key(string $name): string {
        return "local_snsproducer/$this->prefix/$name";
    }
}
