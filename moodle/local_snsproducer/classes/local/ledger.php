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
 * The ledger: of each hour and event how many were observed and what became of them. The parts must add up to what
 * was observed; what is missing died in the memory of PHP.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class ledger {
    /** @var string[] what can become of an event: together they are what was observed */
    public const PARTS = [
        'accepted', 'duplicate', 'unwanted', 'parked', 'waiting', 'not_taken', 'refused', 'lost_at_cap', 'unarmed',
    ];

    /** @var int how long it is kept, in seconds */
    private const KEPT = 90 * DAYSECS;

    /** @var int how far back it is told to the sidecar, in seconds */
    private const TOLD = DAYSECS;

    /** @var int the most rows that are told: the question they go with has at most 256 KiB */
    private const MOST_TOLD = 800;

    /** @var int the most appended counts that are added up at once */
    private const AT_ONCE = 5000;

    /** @var string the table */
    private const TABLE = 'local_snsproducer_ledger';

    /**
     * The sums since a time.
     *
     * @param int $since Unix seconds
     * @param ?string $eventname of this event only
     * @return array hour (Unix seconds) => event's name => outcome => n, in the order of the hours; outcomes are `observed`,
     *     those of PARTS, `when_unknown` (a note beside, in no sum) and `unaccounted`, where they are not 0
     */
    public static function sums(int $since, ?string $eventname = null): array {
        global $DB;
        $where = 'hour >= :since' . ($eventname === null ? '' : ' AND eventname = :eventname');
        $params = ['since' => $since - $since % HOURSECS] + ($eventname === null ? [] : ['eventname' => $eventname]);
        $sums = [];
        $add = function ($hour, $name, $outcome, $n) use (&$sums): void {
            $sums[(int) $hour][$name][$outcome] = ($sums[(int) $hour][$name][$outcome] ?? 0) + (int) $n;
        };
        foreach ([self::TABLE, tally::TABLE] as $table) {
            $rows = $DB->get_recordset_sql(
                "SELECT hour, eventname, outcome, SUM(n) AS n FROM {{$table}} WHERE $where GROUP BY hour, eventname, outcome",
                $params,
            );
            foreach ($rows as $row) {
                $add($row->hour, $row->eventname, $row->outcome, $row->n);
            }
            $rows->close();
        }
        foreach (outbox::by_hour() as [$hour, $name, $state, $n]) {
            if ($hour < $params['since'] || ($eventname !== null && $name !== $eventname)) {
                continue;
            }
            $add($hour, $name, $state === 'refused' ? 'refused' : 'waiting', $n);
            if ($state === 'open') {
                // In strict mode it is counted as observed when its row is no longer open.
                $add($hour, $name, 'observed', $n);
            }
        }
        ksort($sums);
        return array_map(fn(array $names) => array_map([self::class, 'with_unaccounted'], $names), $sums);
    }

    /**
     * The sums over all hours and events since a time.
     *
     * @param int $since Unix seconds
     * @return array outcome => n
     */
    public static function total(int $since): array {
        return self::add_up(array_merge(...array_map('array_values', array_values(self::sums($since)))));
    }

    /**
     * What the sidecar is told: the last day, by hour and event; by hour only where that would be too much.
     *
     * @return array of maps with `hour` (RFC 3339), `event` and the outcomes
     */
    public static function for_wire(): array {
        $rows = [];
        $sums = self::sums(time() - self::TOLD);
        $byname = array_sum(array_map('count', $sums)) <= self::MOST_TOLD;
        foreach ($sums as $hour => $names) {
            $told = ['hour' => gmdate('Y-m-d\TH:i:s\Z', $hour)];
            if (!$byname) {
                $rows[] = $told + self::add_up(array_values($names));
                continue;
            }
            foreach ($names as $name => $outcomes) {
                $rows[] = $told + ['event' => $name] + $outcomes;
            }
        }
        return $rows;
    }

    /**
     * Adds the appended counts up and takes them away, both or neither.
     *
     * @param int $until when to stop, in clock::ticks()
     * @return int how many counts
     */
    public static function roll_up(int $until): int {
        global $DB;
        $done = 0;
        do {
            // By id and not up to an id: a count with a lower one may be committed later.
            $counts = $DB->get_records(tally::TABLE, null, 'id', '*', 0, self::AT_ONCE);
            if (!$counts) {
                break;
            }
            $transaction = $DB->start_delegated_transaction();
            self::add_to_ledger($counts);
            $DB->delete_records_list(tally::TABLE, 'id', array_keys($counts));
            $transaction->allow_commit();
            $done += count($counts);
        } while (count($counts) === self::AT_ONCE && clock::ticks() < $until);
        return $done;
    }

    /**
     * Lets go of what is older than 90 days.
     */
    public static function prune(): void {
        global $DB;
        $DB->delete_records_select(self::TABLE, 'hour < ?', [time() - self::KEPT]);
    }

    /**
     * Adds counts to the ledger's rows.
     *
     * @param \stdClass[] $counts
     */
    private static function add_to_ledger(array $counts): void {
        global $DB;
        $sums = [];
        foreach ($counts as $count) {
            $key = "{$count->hour}/{$count->eventname}/{$count->outcome}";
            $sums[$key] ??= ['hour' => $count->hour, 'eventname' => $count->eventname, 'outcome' => $count->outcome, 'n' => 0];
            $sums[$key]['n'] += $count->n;
        }
        $known = [];
        foreach ($DB->get_records_list(self::TABLE, 'hour', array_unique(array_column($sums, 'hour'))) as $row) {
            $known["{$row->hour}/{$row->eventname}/{$row->outcome}"] = $row->id;
        }
        foreach (array_intersect_key($sums, $known) as $key => $sum) {
            $DB->execute('UPDATE {' . self::TABLE . '} SET n = n + ? WHERE id = ?', [$sum['n'], $known[$key]]);
        }
        $new = array_values(array_diff_key($sums, $known));
        if ($new) {
            $DB->insert_records(self::TABLE, $new);
        }
    }

    /**
     * Says what is missing from the sum.
     *
     * @param array $outcomes outcome => n
     * @return array
     */
    private static function with_unaccounted(array $outcomes): array {
        $parts = array_sum(array_intersect_key($outcomes, array_flip(self::PARTS)));
        $missing = ($outcomes['observed'] ?? 0) - $parts;
        return array_filter($outcomes) + ($missing === 0 ? [] : ['unaccounted' => $missing]);
    }

    /**
     * Several counts in one.
     *
     * @param array[] $several outcome => n
     * @return array
     */
    private static function add_up(array $several): array {
        $sum = [];
        foreach ($several as $outcomes) {
            foreach ($outcomes as $outcome => $n) {
                $sum[$outcome] = ($sum[$outcome] ?? 0) + $n;
            }
        }
        return $sum;
    }
}
