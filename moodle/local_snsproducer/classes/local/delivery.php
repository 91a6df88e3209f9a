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

use local_snsproducer\local\entities\reader;
use local_snsproducer\local\wanted\wanted_list;

/**
 * What is done with the events that a request noted, once the response has gone: decide, cut, send, keep.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class delivery {
    /** @var bool whether the sidecar took something */
    public bool $taken = false;

    /**
     * One delivery.
     *
     * @param connection $connection
     * @param wanted_list $list
     * @param tally $tally
     * @param bool $quiet
     */
    public function __construct(
        /** @var connection where to */
        private readonly connection $connection,
        /** @var wanted_list what is wanted */
        private readonly wanted_list $list,
        /** @var tally what becomes of the events is counted here */
        private readonly tally $tally,
        /** @var bool whether the process goes on: then no cache of Moodle's is filled on its way */
        private readonly bool $quiet,
    ) {
    }

    /**
     * Delivers.
     *
     * @param raised[] $noted
     * @param sender $sender
     * @return sent what became of them
     */
    public function run(array $noted, sender $sender): sent {
        $bulk = self::is_bulk($noted);
        $envelopes = self::in_order($this->envelopes($this->without_rolled_back($noted)));
        $sent = new sent();
        $sent->left = $envelopes;
        try {
            $sent = $sender->send($envelopes, $bulk);
        } catch (\Throwable $e) {
            trouble::tell('sending events', $e);
        }
        $this->taken = $sent->outcomes !== [];
        try {
            $this->settle($envelopes, $sent, $bulk);
        } finally {
            if ($this->taken) {
                spool::seen($sent->spool);
            }
        }
        return $sent;
    }

    /**
     * Leaves out those in strict mode whose row is gone: they were rolled back, or the task has taken them over.
     *
     * @param raised[] $noted
     * @return raised[]
     */
    private function without_rolled_back(array $noted): array {
        $rows = array_filter(array_map(fn(raised $one) => $one->strictrow, $noted));
        if (!$rows) {
            return $noted;
        }
        try {
            $open = strict::still_open(array_values($rows));
        } catch (\dml_exception $e) {
            // They are left to the task; the others need not suffer.
            trouble::tell('looking for rows of strict mode', $e);
            $open = [];
        }
        return array_values(array_filter($noted, fn(raised $one) => $one->strictrow === null || isset($open[$one->strictrow])));
    }

    /**
     * Reads, decides and cuts.
     *
     * @param raised[] $noted
     * @return envelope[]
     */
    private function envelopes(array $noted): array {
        $reader = new reader($this->quiet);
        $envelopes = [];
        $rows = [];
        foreach ($noted as $raised) {
            try {
                $rows[$raised->name] ??= $this->list->rows($raised->name);
                $choice = choice::of($rows[$raised->name], $raised, $reader, $noted);
                not_taken::remember($rows[$raised->name], $raised, $choice);
                if ($choice->rows) {
                    $envelopes[] = envelope::of(
                        $raised,
                        $choice->rows,
                        $choice->entities,
                        $this->connection->connectedurl,
                        $this->list->etag,
                    );
                    continue;
                }
                if ($raised->strictrow !== null) {
                    outbox::delete([$raised->strictrow]);
                    $this->tally->add($raised->hour(), $raised->name, 'observed');
                }
                not_taken::count($raised, $choice, $this->tally);
            } catch (\Throwable $e) {
                // It shows as unaccounted; in strict mode its row is still there for the task.
                trouble::tell("completing event {$raised->id}", $e);
            }
        }
        return $envelopes;
    }

    /**
     * Anonymous events come last and in the order of their random ids: beside the named event that was raised with it
     * each would be named too.
     *
     * @param envelope[] $envelopes
     * @return envelope[]
     */
    private static function in_order(array $envelopes): array {
        $named = array_filter($envelopes, fn(envelope $one) => !$one->anonymous);
        $anonymous = array_filter($envelopes, fn(envelope $one) => $one->anonymous);
        usort($anonymous, fn(envelope $a, envelope $b) => strcmp($a->id, $b->id));
        return array_merge(array_values($named), $anonymous);
    }

    /**
     * Counts the answers, and keeps what has none.
     *
     * @param envelope[] $envelopes
     * @param sent $sent
     * @param bool $bulk
     */
    private function settle(array $envelopes, sent $sent, bool $bulk): void {
        $keep = [];
        $strict = [];
        foreach ($envelopes as $envelope) {
            $outcome = $sent->outcomes[$envelope->id] ?? null;
            if ($envelope->row !== null) {
                $strict[] = $envelope;
            } else if ($outcome !== null) {
                $this->tally->add($envelope->hour, $envelope->name, $outcome);
            } else {
                $keep[] = $envelope;
            }
        }
        outbox::keep($keep, $sent->refused, $bulk, $this->tally);
        $this->settle_strict($strict, $sent);
    }

    /**
     * The same for those in strict mode, whose rows are there already. Each is counted as observed when its row is no longer
     * open; one whose row can't be changed now stays open, and the task settles and counts it.
     *
     * @param envelope[] $envelopes
     * @param sent $sent
     */
    private function settle_strict(array $envelopes, sent $sent): void {
        $answered = array_filter($envelopes, fn(envelope $one) => isset($sent->outcomes[$one->id]));
        outbox::delete(array_column($answered, 'row'));
        foreach ($answered as $envelope) {
            $this->tally->add($envelope->hour, $envelope->name, 'observed');
            $this->tally->add($envelope->hour, $envelope->name, $sent->outcomes[$envelope->id]);
        }
        foreach (array_diff_key($envelopes, $answered) as $envelope) {
            outbox::complete($envelope, $sent->refused[$envelope->id] ?? null);
            $this->tally->add($envelope->hour, $envelope->name, 'observed');
        }
    }

    /**
     * Whether live events of others may go first.
     *
     * @param raised[] $noted
     * @return bool
     */
    private static function is_bulk(array $noted): bool {
        foreach ($noted as $raised) {
            if (!in_array($raised->logextra['origin'] ?? null, ['cli', 'restore'], true)) {
                return false;
            }
        }
        return true;
    }
}
