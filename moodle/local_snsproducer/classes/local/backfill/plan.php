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

use local_snsproducer\local\wanted\cut;
use local_snsproducer\local\wanted\row;

/**
 * Which past events go, and what of them: pure.
 *
 * The sidecar gives an event to every contract whose row takes it. So an event goes only where none of the contracts that
 * would take it was observing at its time: else those would have it twice, under two ids. (To give one contract more of what
 * another one had already, the sidecar replays from its own history.)
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class plan {
    /** @var array eventname => row[] of those that can be sent at all. */
    private array $rows = [];

    /** @var array contract => eventname => fields that a past event can't have. */
    private array $missing = [];

    /** @var array contract => eventname => the field of the `when` that can't be known of past events. */
    private array $undecidable = [];

    /**
     * A plan.
     *
     * @param row[] $rows of the wanted list
     * @param armed $armed
     * @param string[] $only names of events; none: all that the list wants
     */
    public function __construct(
        array $rows,
        /** @var armed When events were observed. */
        private readonly armed $armed,
        array $only = [],
    ) {
        foreach ($rows as $row) {
            // Our own events say what was so when they were raised; a past one is no news of today.
            if (($only && !in_array($row->event, $only, true)) || str_starts_with($row->event, '\\local_snsproducer\\')) {
                continue;
            }
            $this->rows[$row->event][] = $row;
            $missing = past_fields::missing($row);
            if ($missing) {
                $this->missing[$row->contract][$row->event] = $missing;
            }
            if (!past_fields::can_decide($row)) {
                $this->undecidable[$row->contract][$row->event] = $row->when->field;
            }
        }
        // Where no row can be decided, reading those events is for nothing.
        foreach ($this->rows as $event => $of) {
            if (!array_filter($of, fn(row $row) => !isset($this->undecidable[$row->contract][$event]))) {
                unset($this->rows[$event]);
            }
        }
    }

    /**
     * The events to look for.
     *
     * @return string[]
     */
    public function names(): array {
        return array_keys($this->rows);
    }

    /**
     * From when on there is nothing to send, because every contract has been observing since.
     *
     * @return int|null Unix seconds; null: some contract isn't observed now
     */
    public function end(): ?int {
        $end = 0;
        foreach ($this->rows as $event => $rows) {
            foreach ($rows as $row) {
                $since = $this->armed->now_since($row->contract, $event);
                if ($since === null) {
                    return null;
                }
                $end = max($end, $since);
            }
        }
        return $end;
    }

    /**
     * Fields that past events can't have.
     *
     * @return array contract => eventname => list such as `enrolment.status`
     */
    public function missing(): array {
        return $this->missing;
    }

    /**
     * Contracts that get nothing, because what their `when` asks for isn't known of past events.
     *
     * @return array contract => eventname => the field
     */
    public function undecidable(): array {
        return $this->undecidable;
    }

    /**
     * Entity fields to be read for an event of this name.
     *
     * @param string $eventname
     * @return array entity => fields
     */
    public function fields(string $eventname): array {
        return past_fields::allowed($this->rows[$eventname] ?? [], $eventname);
    }

    /**
     * Whether any row may take an event, before entities are read.
     *
     * @param array $event as get_data() gives it
     * @return string `yes`; `told`: it was observed when it was raised; `no`: no contract speaks of it
     */
    public function may(array $event): string {
        $mayall = array_filter(
            $this->rows[$event['eventname']] ?? [],
            fn(row $row) => $row->holds($event, []) ?? !$row->when->is_on_event(),
        );
        return $this->answer($mayall, $event);
    }

    /**
     * The rows that take an event.
     *
     * @param array $event as get_data() gives it
     * @param array $entities entity => fields
     * @return array{answer: string, rows: row[]} answer as {@see self::may()} gives it
     */
    public function take(array $event, array $entities): array {
        $rows = cut::take($this->rows[$event['eventname']] ?? [], $event, $entities)['rows'];
        return ['answer' => $this->answer($rows, $event), 'rows' => $rows];
    }

    /**
     * What to say of an event that these rows take.
     *
     * @param row[] $rows
     * @param array $event
     * @return string
     */
    private function answer(array $rows, array $event): string {
        if (!$rows) {
            return 'no';
        }
        $time = (int)$event['timecreated'];
        foreach ($rows as $row) {
            if ($this->armed->was($row->contract, $row->event, $time)) {
                return 'told';
            }
        }
        return 'yes';
    }
}
