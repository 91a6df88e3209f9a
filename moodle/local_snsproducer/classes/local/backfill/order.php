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

namespace local_snsproducer\local\backfill;

use local_snsproducer\local\connection;
use local_snsproducer\local\wanted\store;

/**
 * Takes an order for a backfill and brings together what its run needs; for the command and the ad-hoc task alike.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class order {
    /**
     * The plan of a job under the list that is in force now.
     *
     * @param job $job
     * @param connection $connection
     * @return plan
     */
    public static function plan(job $job, connection $connection): plan {
        $rows = store::all($connection->allowcontact, $connection->allowspecial);
        return new plan($rows, $job->ignorearmed ? new armed([]) : armed::read(), $job->only);
    }

    /**
     * Why nothing can be sent now.
     *
     * @return string|null a sentence; null: it can
     */
    public static function obstacle(): ?string {
        $connection = connection::get();
        return match (true) {
            $connection === null => 'the plugin is not set up: ' . (connection::problem()?->getMessage() ?? 'disabled'),
            $connection->is_copy() =>
                "this looks like a copy of $connection->connectedurl: connect it as itself, or disable the plugin",
            !$connection->is_armed() => 'this site is not connected: php local/snsproducer/cli/connect.php --connect',
            store::current() === null => 'there is no wanted list yet: it is fetched each minute, when cron runs',
            default => null,
        };
    }

    /**
     * Why it isn't known what was sent already, so that a run could send it a second time.
     *
     * @param job $job
     * @param plan $plan
     * @return string|null a sentence; null: it is known
     */
    public static function doubt(job $job, plan $plan): ?string {
        return $job->ignorearmed || $plan->names() === [] || $plan->end() !== null ? null
            : 'since when the contracts observe their events is not noted yet: the task that fetches the wanted list does that';
    }

    /**
     * The run of a job. Ask {@see self::obstacle()} first.
     *
     * @param job $job
     * @param log $log
     * @param bool $dry
     * @return run
     */
    public static function run(job $job, log $log, bool $dry = false): run {
        $connection = connection::get();
        return new run($connection, store::current(), self::plan($job, $connection), $log, $job, $dry);
    }

    /**
     * The lock that each run holds, so that no two send the same.
     *
     * @return \core\lock\lock|null null: another process runs
     */
    public static function lock(): ?\core\lock\lock {
        return \core\lock\lock_config::get_lock_factory('local_snsproducer')->get_lock(job::LOCK, 0) ?: null;
    }
}
