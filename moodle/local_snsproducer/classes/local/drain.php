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
 * Empties the outbox: oldest first, deleted by id, until it is empty or something stops it. One process of the site
 * at a time does it.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class drain {
    /** @var int how many rows the task sends at once: with their text they take some megabytes */
    public const MANY = 1000;

    /** @var int how many a request sends at once: it has a few hundred milliseconds, and others wait for the sidecar too */
    public const FEW = 50;

    /** @var int how many rows went */
    public int $gone = 0;

    /** @var int how many were refused */
    public int $refused = 0;

    /** @var ?string why it stopped before the outbox was empty: as in sent::$stopped, or `locked`, `time` */
    public ?string $stopped = null;

    /**
     * Drains with a sender, and within a time.
     *
     * @param sender $sender
     * @param array $limits
     * @param int $rows
     * @param int $until
     */
    private function __construct(
        /** @var sender with what is left of its budget */
        private readonly sender $sender,
        /** @var array max_body and max_events */
        private readonly array $limits,
        /** @var int how many at once */
        private readonly int $rows,
        /** @var int when to stop, in clock::ticks() */
        private readonly int $until,
    ) {
    }

    /**
     * Drains if no other process does.
     *
     * @param sender $sender
     * @param array $limits max_body and max_events: see wanted_list
     * @param int $rows how many to send at once: MANY or FEW
     * @param int $ms how long it may take, in milliseconds
     * @return self what it did
     */
    public static function run(sender $sender, array $limits, int $rows, int $ms): self {
        $drain = new self($sender, $limits, min($rows, $limits['max_events']), clock::ticks() + $ms);
        $lock = \core\lock\lock_config::get_lock_factory('local_snsproducer')->get_lock('drain', 0);
        if (!$lock) {
            $drain->stopped = 'locked';
            return $drain;
        }
        try {
            $drain->empty();
        } finally {
            $lock->release();
        }
        return $drain;
    }

    /**
     * Until nothing waits.
     */
    private function empty(): void {
        while (clock::ticks() < $this->until) {
            // From the beginning each time: what another transaction committed meanwhile may have a lower id.
            $waiting = outbox::oldest($this->rows, $this->limits['max_body']);
            if (!$waiting) {
                return;
            }
            $sent = $this->sender->send($waiting, true);
            $this->settle($waiting, $sent);
            if ($sent->stopped !== null) {
                $this->stopped = $sent->stopped;
                return;
            }
        }
        $this->stopped = 'time';
    }

    /**
     * Takes the rows that have an answer out and counts them, both or neither. A kill before that sends them again under
     * the same ids.
     *
     * @param envelope[] $waiting
     * @param sent $sent
     */
    private function settle(array $waiting, sent $sent): void {
        global $DB;
        spool::seen($sent->spool);
        $tally = new tally();
        $ids = [];
        foreach ($waiting as $envelope) {
            if (isset($sent->outcomes[$envelope->id])) {
                $tally->add($envelope->hour, $envelope->name, $sent->outcomes[$envelope->id]);
                $ids[] = $envelope->row;
            } else if (isset($sent->refused[$envelope->id])) {
                outbox::refuse($envelope->row, $sent->refused[$envelope->id]);
                $this->refused++;
            }
        }
        if ($ids) {
            $transaction = $DB->start_delegated_transaction();
            outbox::delete($ids);
            $tally->write();
            $transaction->allow_commit();
            $this->gone += count($ids);
        }
    }
}
