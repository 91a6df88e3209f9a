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
use local_snsproducer\local\entities\reader;
use local_snsproducer\local\sender;
use local_snsproducer\local\spool;
use local_snsproducer\local\tally;
use local_snsproducer\local\wanted\cut;
use local_snsproducer\local\wanted\wanted_list;

/**
 * One run of a backfill: page by page from the log to the sidecar, no faster than it was told.
 *
 * The position is kept after each page that the sidecar has answered for, so a run that was killed goes on there; what it
 * sends again has the same ids, and the sidecar answers "duplicate" (it remembers ids of past events for 35 days).
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class run {
    /** @var int The most rows of a page, and so the most events of a request. */
    public const PAGE = 500;

    /** @var int How long one request may take, in milliseconds: nobody waits for it. */
    private const REQUEST = 15000;

    /** @var float When the page began, in seconds. */
    private float $began = 0.0;

    /** @var string|null The key that hides the rows of anonymous events. */
    private ?string $key = null;

    /**
     * A run.
     *
     * @param connection $connection
     * @param wanted_list $list
     * @param plan $plan
     * @param log $log
     * @param job $job
     * @param bool $dry whether nothing is sent and nothing remembered
     */
    public function __construct(
        /** @var connection The sidecar. */
        private readonly connection $connection,
        /** @var wanted_list The list in force. */
        private readonly wanted_list $list,
        /** @var plan What goes. */
        private readonly plan $plan,
        /** @var log Where events are read. */
        private readonly log $log,
        /** @var job How far it is. */
        private readonly job $job,
        /** @var bool Whether nothing is sent and nothing remembered. */
        private readonly bool $dry = false,
    ) {
    }

    /**
     * The next page.
     *
     * @return string `more`, `done`, or why the sidecar took nothing: a word of {@see sender}; then the same page comes again
     */
    public function step(): string {
        $this->began = microtime(true);
        $most = $this->dry ? self::PAGE : max(1, min(self::PAGE, $this->job->rate));
        $page = $this->log->page($this->plan->names(), $this->job->since, $this->job->until, $this->job->after, $most);
        if ($page === []) {
            $this->job->finish($this->dry);
            return 'done';
        }
        [$envelopes, $counts] = $this->cut($page);
        if (!$this->dry && $envelopes !== []) {
            $stopped = $this->send($envelopes, $counts);
            if ($stopped !== null) {
                return $stopped;
            }
        }
        $last = end($page);
        $time = $last['event'] === null ? $this->job->after[0] ?? $this->job->since : (int)$last['event']['timecreated'];
        $this->job->advance([$time, $last['row']], $counts, $this->dry);
        return 'more';
    }

    /**
     * Waits until the next page may come, so that no more than the job's rate are sent in a second.
     */
    public function pace(): void {
        $spent = microtime(true) - $this->began;
        if ($spent < 1.0 && !$this->dry) {
            usleep((int)((1.0 - $spent) * 1e6));
        }
    }

    /**
     * Reads, takes and cuts the events of a page.
     *
     * @param array[] $page
     * @return array{0: \local_snsproducer\local\envelope[], 1: array} what goes, and counts by what became of the rest
     */
    private function cut(array $page): array {
        $counts = ['read' => count($page)];
        $count = function (string $what) use (&$counts): void {
            $counts[$what] = ($counts[$what] ?? 0) + 1;
        };
        // A dry run remembers nothing, and nobody sees its ids.
        $this->key ??= $this->dry ? '' : job::key();
        $all = [];
        foreach ($page as $one) {
            $may = $one['event'] === null ? 'no' : $this->plan->may($one['event']);
            if ($may !== 'yes') {
                $count($may === 'told' ? 'told_before' : 'not_taken');
                continue;
            }
            $anonymous = cut::is_anonymous($one['event']);
            $id = past::id($this->connection->sourcekey, $this->log->store, $one['row'], $anonymous, $this->key);
            $all[] = past::raised($id, $one['event'], $one['extra']);
        }
        // Quiet: caches of Moodle's are not to be filled with courses of years ago.
        $reader = new reader(true);
        $named = $anonymous = [];
        $hour = time() - time() % HOURSECS;
        foreach ($all as $raised) {
            $entities = $reader->read($raised, $this->plan->fields($raised->name), $all);
            ['answer' => $answer, 'rows' => $rows] = $this->plan->take($raised->event, $entities);
            if ($answer !== 'yes') {
                $count($answer === 'told' ? 'told_before' : 'not_taken');
                continue;
            }
            $envelope = past::envelope($raised, $rows, $entities, $this->connection->wwwroot, $this->list->etag, $hour);
            $count('sent');
            foreach ($rows as $row) {
                $counts['contracts'][$row->contract] = ($counts['contracts'][$row->contract] ?? 0) + 1;
            }
            if ($envelope->anonymous) {
                $anonymous[$envelope->id] = $envelope;
            } else {
                $named[] = $envelope;
            }
        }
        // Anonymous ones go last and in the order of their ids: their place among the others would tell whose they are.
        ksort($anonymous);
        return [array_merge($named, array_values($anonymous)), $counts];
    }

    /**
     * Sends a page's events and counts what became of them.
     *
     * @param \local_snsproducer\local\envelope[] $envelopes
     * @param array $counts changed
     * @return string|null why it stopped; null: there is an answer for each
     */
    private function send(array $envelopes, array &$counts): ?string {
        $sender = new sender($this->connection, $this->list->limits, self::REQUEST * 4, self::REQUEST);
        $sent = $sender->send($envelopes, true);
        spool::seen($sent->spool);
        if ($sent->stopped !== null) {
            // What was answered for is sent again with the rest, and counted then.
            return $sent->stopped;
        }
        $tally = new tally();
        foreach ($envelopes as $envelope) {
            $outcome = $sent->outcomes[$envelope->id] ?? 'refused';
            $counts['outcomes'][$outcome] = ($counts['outcomes'][$outcome] ?? 0) + 1;
            $tally->add($envelope->hour, $envelope->name, 'observed');
            $tally->add($envelope->hour, $envelope->name, $outcome);
        }
        foreach ($sent->refused as $id => $why) {
            $counts['refusals'][$id] = $why;
        }
        $tally->write();
        return null;
    }
}
