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

namespace local_snsproducer\check;

use local_snsproducer\local\status;

/**
 * The checks that the status page shows, in the order in which a fault of one explains the next.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class all {
    /** @var string[] The checks, by class. */
    public const CHECKS = [
        connected::class,
        reachability::class,
        signature::class,
        clock::class,
        wantedlist::class,
        cron::class,
        breaker::class,
        outbox::class,
        refused::class,
        ledger::class,
        spool::class,
    ];

    /**
     * The checks, all of which look at one set of facts.
     *
     * @param status|null $status null: what is so now
     * @return \core\check\check[]
     */
    public static function checks(?status $status = null): array {
        $status ??= new status();
        return array_map(static fn(string $check) => new $check($status), self::CHECKS);
    }
}
