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
 * What one request or task counts for the ledger, until it is written down in one go: appended to a table, so that
 * requests never wait for each other.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class tally {
    /** @var string where counts are appended */
    public const TABLE = 'local_snsproducer_count';

    /** @var array hour => name => n: observed, and not yet written down */
    private array $seen = [];

    /** @var array hour => name => outcome => n */
    private array $counts = [];

    /**
     * Begins to count.
     *
     * @param ?remains $remains
     */
    public function __construct(
        /** @var ?remains where what was observed outlives this process; null: nowhere */
        private readonly ?remains $remains = null,
    ) {
    }

    /**
     * Counts an event as observed.
     *
     * @param int $hour the ledger's hour
     * @param string $name the event's
     */
    public function observed(int $hour, string $name): void {
        $this->seen[$hour][$name] = ($this->seen[$hour][$name] ?? 0) + 1;
        if ($this->remains !== null && !$this->remains->note($this->seen)) {
            $this->seen = [$hour => [$name => 1]];
            $this->remains->note($this->seen);
        }
    }

    /**
     * Counts an outcome.
     *
     * @param int $hour the ledger's hour
     * @param string $name the event's
     * @param string $outcome one of ledger::OUTCOMES
     * @param int $n
     */
    public function add(int $hour, string $name, string $outcome, int $n = 1): void {
        $this->counts[$hour][$name][$outcome] = ($this->counts[$hour][$name][$outcome] ?? 0) + $n;
    }

    /**
     * Writes down what was observed, where nothing else would remember it if this process died now.
     */
    public function write_observed(): void {
        if ($this->remains === null && $this->seen) {
            $this->insert(self::as_counts($this->seen));
            $this->seen = [];
        }
    }

    /**
     * Writes down all that was counted. When that fails it throws, and all is as before.
     */
    public function write(): void {
        $counts = $this->counts;
        if ($this->remains === null || $this->remains->are_ours()) {
            $counts = self::added($counts, self::as_counts($this->seen));
        }
        if ($this->remains !== null) {
            $counts = self::added($counts, self::as_counts(remains::of_the_dead()));
        }
        $this->insert($counts);
        $this->remains?->forget();
        $this->seen = [];
        $this->counts = [];
    }

    /**
     * Appends rows.
     *
     * @param array $counts hour => name => outcome => n
     */
    private function insert(array $counts): void {
        global $DB;
        $rows = [];
        foreach ($counts as $hour => $names) {
            foreach ($names as $name => $outcomes) {
                foreach ($outcomes as $outcome => $n) {
                    $rows[] = ['hour' => $hour, 'eventname' => $name, 'outcome' => $outcome, 'n' => $n];
                }
            }
        }
        if ($rows) {
            $DB->insert_records(self::TABLE, $rows);
        }
    }

    /**
     * Observed events as counts.
     *
     * @param array $seen hour => name => n
     * @return array hour => name => outcome => n
     */
    private static function as_counts(array $seen): array {
        return array_map(fn($names) => array_map(fn($n) => ['observed' => $n], $names), $seen);
    }

    /**
     * Two counts in one.
     *
     * @param array $to hour => name => outcome => n
     * @param array $more the same
     * @return array
     */
    private static function added(array $to, array $more): array {
        foreach ($more as $hour => $names) {
            foreach ($names as $name => $outcomes) {
                foreach ($outcomes as $outcome => $n) {
                    $to[$hour][$name][$outcome] = ($to[$hour][$name][$outcome] ?? 0) + $n;
                }
            }
        }
        return $to;
    }
}
