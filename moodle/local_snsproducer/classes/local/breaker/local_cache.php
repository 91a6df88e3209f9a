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
 * Numbers in a cache of Moodle's, where there is no APCu: on the command line, or without that extension. Nothing here is
 * atomic: at worst two requests try at once, or two failures count as one.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class local_cache implements numbers {
    /** @var \cache The cache. */
    private \cache $cache;

    /**
     * The numbers under one name.
     *
     * @param string $prefix
     */
    public function __construct(
        /** @var string What its names begin with. */
        private readonly string $prefix
    ) {
        $this->cache = \cache::make('local_snsproducer', 'breaker');
    }

    /**
     * A number.
     *
     * @param string $name
     * @return int|null
     */
    public function get(string $name): ?int {
        $value = $this->cache->get($this->prefix . $name);
        return is_int($value) ? $value : null;
    }

    /**
     * Sets a number.
     *
     * @param string $name
     * @param int $value
     */
    public function set(string $name, int $value): void {
        $this->cache->set($this->prefix . $name, $value);
    }

    /**
     * Adds one to a number.
     *
     * @param string $name
     * @return int
     */
    public function increment(string $name): int {
        $value = ($this->get($name) ?? 0) + 1;
        $this->set($name, $value);
        return $value;
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
        $until = $this->get($name);
        if ($until !== null && $until > $now) {
            return false;
        }
        $this->set($name, $now + $duration);
        return true;
    }

    /**
     * Forgets a number or claim.
     *
     * @param string $name
     */
    public function delete(string $name): void {
        $this->cache->delete($this->prefix . $name);
    }
}
