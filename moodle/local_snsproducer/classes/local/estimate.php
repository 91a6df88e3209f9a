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

use local_snsproducer\local\wanted\row;

/**
 * How many messages each contract would have given, counted from past events: pure.
 *
 * A `when` on the event itself is decided. One on an entity isn't: what was so then is not known now. Such a contract is
 * counted as "at most".
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class estimate {
    /** @var array eventname => row[]. */
    private array $rows = [];

    /** @var array contract => `messages` (sure), `more` (at most so many more). */
    private array $contracts = [];

    /** @var array contract => hour => number, both kinds together. */
    private array $hours = [];

    /** @var array minute => messages of all contracts: what topics and quotas must bear. */
    private array $minutes = [];

    /** @var int Events that were looked at. */
    private int $events = 0;

    /**
     * An estimate.
     *
     * @param row[] $rows
     * @param bool $conditions whether the rows tell their `when`; without it everything is "at most"
     */
    public function __construct(
        array $rows,
        /** @var bool Whether the rows tell their `when`. */
        private readonly bool $conditions = true,
    ) {
        foreach ($rows as $row) {
            $this->rows[$row->event][] = $row;
            $this->contracts[$row->contract] = ['messages' => 0, 'more' => 0];
        }
    }

    /**
     * Reads what contracts ask for from a file.
     *
     * @param string $text JSON: an answer to `wanted` or a list of its rows; or what `moodle-sns-producer contracts list
     *     --output json` prints, which tells no conditions
     * @return array{rows: row[], conditions: bool}
     * @throws not_usable with reason `form`
     */
    public static function read(string $text): array {
        $told = json_decode($text, true);
        $list = is_array($told) ? ($told['rows'] ?? $told) : null;
        if (!is_array($list) || !array_is_list($list) || $list === []) {
            throw new not_usable('form', 'it is neither a list of rows nor a list of contracts');
        }
        if (!isset($list[0]['events'])) {
            return ['rows' => array_map(row::read(...), $list), 'conditions' => true];
        }
        $rows = [];
        $conditions = true;
        foreach ($list as $contract) {
            if (!is_array($contract) || !is_array($contract['events'] ?? null)) {
                throw new not_usable('form', 'a contract of the list names no events');
            }
            // A list that tells conditions tells them of each contract, if only as null.
            $conditions = $conditions && array_key_exists('when', $contract);
            // What the producer tells of itself comes from no Moodle.
            $events = array_filter($contract['events'], fn($event) => is_string($event) && str_starts_with($event, '\\'));
            foreach ($events as $event) {
                $rows[] = row::read([
                    'contract' => $contract['contract'] ?? null, 'event' => $event, 'keys' => [], 'entities' => [],
                ] + (isset($contract['when']) ? ['when' => $contract['when']] : []));
            }
        }
        return ['rows' => $rows, 'conditions' => $conditions];
    }

    /**
     * The events to be looked for.
     *
     * @return string[]
     */
    public function names(): array {
        return array_map('strval', array_keys($this->rows));
    }

    /**
     * Counts an event.
     *
     * @param array $event as get_data() gives it
     */
    public function add(array $event): void {
        $this->events++;
        $time = (int)($event['timecreated'] ?? 0);
        foreach ($this->rows[$event['eventname'] ?? ''] ?? [] as $row) {
            $sure = $this->conditions ? $row->holds($event, []) : null;
            if ($sure === false || ($sure === null && $this->conditions && $row->when->is_on_event())) {
                // It doesn't hold; or its value is absent, and then it takes nothing.
                continue;
            }
            $this->contracts[$row->contract][$sure ? 'messages' : 'more']++;
            $hour = $time - $time % HOURSECS;
            $this->hours[$row->contract][$hour] = ($this->hours[$row->contract][$hour] ?? 0) + 1;
            $minute = $time - $time % MINSECS;
            $this->minutes[$minute] = ($this->minutes[$minute] ?? 0) + 1;
        }
    }

    /**
     * What came of it.
     *
     * @return array `events`; `contracts`: contract => `messages`, `at_most`, `peak` (hour, n) or null, `hours` (hour => n);
     *     `peak_hours`, `peak_minutes`: the five with the most messages of all contracts (time => n)
     */
    public function report(): array {
        $contracts = [];
        $total = [];
        ksort($this->contracts);
        foreach ($this->contracts as $contract => $counts) {
            $hours = $this->hours[$contract] ?? [];
            ksort($hours);
            foreach ($hours as $hour => $n) {
                $total[$hour] = ($total[$hour] ?? 0) + $n;
            }
            $peak = $hours ? array_search(max($hours), $hours, true) : null;
            $contracts[$contract] = [
                'messages' => $counts['messages'],
                'at_most' => $counts['messages'] + $counts['more'],
                'peak' => $peak === null ? null : ['hour' => $peak, 'n' => $hours[$peak]],
                'hours' => $hours,
            ];
        }
        return [
            'events' => $this->events,
            'conditions_known' => $this->conditions,
            'contracts' => $contracts,
            'peak_hours' => self::greatest($total),
            'peak_minutes' => self::greatest($this->minutes),
        ];
    }

    /**
     * The five greatest.
     *
     * @param array $counts time => n
     * @return array time => n
     */
    private static function greatest(array $counts): array {
        ksort($counts);
        arsort($counts);
        return array_slice($counts, 0, 5, true);
    }
}
