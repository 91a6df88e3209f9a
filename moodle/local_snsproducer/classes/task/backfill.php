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

namespace local_snsproducer\task;

use local_snsproducer\local\backfill\job;
use local_snsproducer\local\backfill\log;
use local_snsproducer\local\backfill\order;
use local_snsproducer\local\connection;

/**
 * Goes on with the backfill that was ordered, for a while; then it comes again. Ordered by `cli/backfill.php --task`.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class backfill extends \core\task\adhoc_task {
    /** @var int How long one go may take, in seconds: cron has other things to do too. */
    private const GO = 300;

    /**
     * What administrators see.
     *
     * @return string
     */
    public function get_name() {
        return get_string('taskbackfill', 'local_snsproducer');
    }

    /**
     * One go.
     *
     * @throws \moodle_exception where the sidecar takes nothing now: Moodle tries again later
     */
    public function execute() {
        $job = job::read();
        if ($job === null || $job->finished !== null) {
            mtrace('local_snsproducer: no backfill is ordered');
            return;
        }
        $obstacle = order::obstacle();
        $obstacle ??= order::doubt($job, order::plan($job, connection::get()));
        $log = log::open($job->store);
        if ($obstacle !== null || $log === null) {
            // Trying again would not help: a person has to do something, and orders it again.
            mtrace('local_snsproducer: no backfill: ' . ($obstacle ?? log::none($job->store)));
            return;
        }
        $lock = order::lock();
        if ($lock === null) {
            mtrace('local_snsproducer: a backfill runs already');
            return;
        }
        try {
            $run = order::run($job, $log);
            $end = time() + self::GO;
            do {
                $word = $run->step();
                if ($word !== 'more' && $word !== 'done') {
                    throw new \moodle_exception('backfillstopped', 'local_snsproducer', '', $word);
                }
                if ($word === 'more') {
                    $run->pace();
                }
            } while ($word === 'more' && time() < $end);
            mtrace('local_snsproducer: backfill ' . $word . ', ' . ($job->counts['sent'] ?? 0) . ' events sent so far');
        } finally {
            $lock->release();
        }
        if ($word === 'more') {
            self::queue();
        }
    }

    /**
     * Has cron do it.
     */
    public static function queue(): void {
        $task = new self();
        $task->set_component('local_snsproducer');
        \core\task\manager::queue_adhoc_task($task, true);
    }
}
