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
     * @param tally $tally what becomes of the events is counted here
     * @param bool $quiet whether the process goes on: then no cache of Moodle's is filled on its way
     */
    public function __construct(
        private readonly connection $connection,
        private readonly wanted_list $list,
        private readonly tally $tally,
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
        $open = strict::still_open(array_values($rows));
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
        $gone = [];
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
                not_taken::count($raised, $choice, $this->tally);
                if ($raised->strictrow !== null) {
                    $this->tally->add($raised->hour(), $raised->name, 'observed');
                    $gone[] = $raised->strictrow;
                }
            } catch (\Throwable $e) {
                // It shows as unaccounted; in strict mode its row is still there for the task.
                trouble::tell("completing event {$raised->id}", $e);
            }
        }
        outbox::delete($gone);
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
        $gone = [];
        $complete = [];
        foreach ($envelopes as $envelope) {
            $outcome = $sent->outcomes[$envelope->id] ?? null;
            if ($outcome !== null) {
                $this->tally->add($envelope->hour, $envelope->name, $outcome);
            }
            if ($envelope->row !== null) {
                // In strict mode it is counted as observed when its row is no longer open.
                $this->tally->add($envelope->hour, $envelope->name, 'observed');
                $outcome !== null ? $gone[] = $envelope->row : $complete[] = $envelope;
            } else if ($outcome === null) {
                $keep[] = $envelope;
            }
        }
        outbox::keep($keep, $sent->refused, $bulk, $this->tally);
        foreach ($complete as $envelope) {
            outbox::complete($envelope, $sent->refused[$envelope->id] ?? null);
        }
        outbox::delete($gone);
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
