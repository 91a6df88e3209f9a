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

use local_snsproducer\local\state;
use local_snsproducer\local\wanted\row;

/**
 * Since when each contract's events have been observed, and when they were not.
 *
 * A backfill may only send what was not sent when it was raised: an event that is sent twice, once observed and once read
 * back, has two ids, and no consumer can tell that it is one. So each contract and event that the wanted list names has
 * spans of time, kept in the state: [since, until), the present one without an end.
 *
 * The task that fetches the list keeps them, each minute. While the plugin is disabled or disconnected it notes that too; a
 * span that begins afterwards begins at the last such note, since events may have been observed before the task ran again.
 * Where it isn't sure, an event counts as observed: rather one too few than one twice.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class armed {
    /** @var string The state's name. */
    private const STATE = 'armed';

    /** @var int The most spans that are kept of one contract and event; older ones grow together. */
    private const MOST = 20;

    /**
     * Spans of time.
     *
     * @param array $spans contract => eventname => list of [since, until or null]
     * @param int|null $idle
     */
    public function __construct(
        /** @var array contract => eventname => list of [since, until or null], in the order of time. */
        public readonly array $spans,
        /** @var int|null When it was last noted that nothing is observed; null: something is. */
        public readonly ?int $idle = null,
    ) {
    }

    /**
     * What is kept.
     *
     * @return self
     */
    public static function read(): self {
        $kept = json_decode((string)state::get(self::STATE), true);
        return new self(is_array($kept['spans'] ?? null) ? $kept['spans'] : [], $kept['idle'] ?? null);
    }

    /**
     * Notes which rows are in force from now on; writes only what changed.
     *
     * @param row[] $rows of the list; none: nothing is observed (disabled, disconnected)
     * @param int $now Unix seconds, before the list came into force
     */
    public static function note(array $rows, int $now): void {
        $before = self::read();
        $after = $before->with($rows, $now);
        if ($after->spans !== $before->spans || $after->idle !== $before->idle) {
            $kept = ['idle' => $after->idle, 'spans' => (object)$after->spans];
            state::set(self::STATE, json_encode($kept, JSON_UNESCAPED_SLASHES | JSON_THROW_ON_ERROR));
        }
    }

    /**
     * The same, once these rows are in force and no others.
     *
     * @param row[] $rows
     * @param int $now Unix seconds
     * @return self
     */
    public function with(array $rows, int $now): self {
        $inforce = [];
        foreach ($rows as $row) {
            $inforce[$row->contract][$row->event] = true;
        }
        $spans = $this->spans;
        foreach ($spans as $contract => $events) {
            foreach ($events as $event => $list) {
                $last = array_key_last($list);
                if ($list[$last][1] === null && !isset($inforce[$contract][$event])) {
                    $spans[$contract][$event][$last][1] = $now;
                }
            }
        }
        foreach ($inforce as $contract => $events) {
            foreach (array_keys($events) as $event) {
                $list = $spans[$contract][$event] ?? [];
                if ($list === [] || end($list)[1] !== null) {
                    $list[] = [min($this->idle ?? $now, $now), null];
                }
                while (count($list) > self::MOST) {
                    // A gap that is forgotten counts as observed.
                    array_splice($list, 0, 2, [[$list[0][0], $list[1][1]]]);
                }
                $spans[$contract][$event] = $list;
            }
        }
        return new self($spans, $rows ? null : $now);
    }

    /**
     * Whether a contract's event was observed at a moment.
     *
     * @param string $contract
     * @param string $event
     * @param int $time Unix seconds
     * @return bool
     */
    public function was(string $contract, string $event, int $time): bool {
        foreach ($this->spans[$contract][$event] ?? [] as [$since, $until]) {
            if ($time >= $since && ($until === null || $time < $until)) {
                return true;
            }
        }
        return false;
    }

    /**
     * Since when a contract's event is observed without a break.
     *
     * @param string $contract
     * @param string $event
     * @return int|null Unix seconds; null: it isn't observed now
     */
    public function now_since(string $contract, string $event): ?int {
        $spans = $this->spans[$contract][$event] ?? [];
        [$since, $until] = $spans === [] ? [0, 0] : end($spans);
        return $until === null ? $since : null;
    }

    /**
     * Since when each contract is observed without a break: the latest of its events.
     *
     * @return array contract => Unix seconds; only those that are observed now
     */
    public function since(): array {
        $since = [];
        foreach ($this->spans as $contract => $events) {
            foreach (array_keys($events) as $event) {
                $from = $this->now_since($contract, $event);
                if ($from !== null) {
                    $since[$contract] = max($since[$contract] ?? 0, $from);
                }
            }
        }
        return $since;
    }
}
