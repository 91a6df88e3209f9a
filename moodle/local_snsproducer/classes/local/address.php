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
 * The address behind the endpoint's name, as the task that asks for the wanted list found it.
 *
 * A page never asks DNS: curl gives up on a name server that is silent when its time is over, but then waits for its own
 * look-up to end, 10 s in the default of Linux, and PHP before 8.3 can't tell it not to. So the task, for which nobody
 * waits, lets curl look the name up, and what it reached is used by all requests until the task found another.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class address {
    /** @var string Where it is kept: JSON of name, ip and when it was found. */
    private const STATE = 'address';

    /** @var string The same in the cache of the wanted list. */
    private const CACHED = 'address';

    /**
     * The address of an endpoint's name.
     *
     * @param endpoint $endpoint one with a name
     * @return string|null null: not found yet
     */
    public static function of(endpoint $endpoint): ?string {
        $cache = \cache::make(connection::PLUGIN, 'wanted');
        $kept = $cache->get(self::CACHED);
        if (!is_array($kept)) {
            $kept = json_decode((string) state::get(self::STATE), true);
            $kept = is_array($kept) ? $kept : [];
            $cache->set(self::CACHED, $kept);
        }
        return ($kept['name'] ?? null) === $endpoint->name && is_string($kept['ip'] ?? null) ? $kept['ip'] : null;
    }

    /**
     * Keeps the address that was reached under an endpoint's name.
     *
     * @param endpoint $endpoint one with a name
     * @param string $ip
     */
    public static function found(endpoint $endpoint, string $ip): void {
        if (!endpoint::may_be_at($ip) || self::of($endpoint) === $ip) {
            return;
        }
        $kept = ['name' => $endpoint->name, 'ip' => $ip, 'at' => time()];
        state::set(self::STATE, json_encode($kept));
        \cache::make(connection::PLUGIN, 'wanted')->set(self::CACHED, $kept);
    }
}
