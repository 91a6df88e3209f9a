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

use local_snsproducer\local\wanted\store;

/**
 * What lies in the outbox, for a person to look at and to decide about.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class waiting {
    /** @var string[] The states of a row. */
    public const STATES = ['waiting', 'open', 'refused'];

    /** @var int The most rows that one request deletes or sends again: then a person presses once more. */
    public const MOST = 100000;

    /** @var int The most groups that are told. */
    private const GROUPS = 100;

    /** @var int How long a person waits for what is sent, in milliseconds. */
    private const PATIENCE = 10000;

    /** @var int How many rows are read at once. */
    private const CHUNK = 1000;

    /**
     * A choice of rows.
     *
     * @param string $state one of STATES; empty: all
     * @param string $eventname empty: all
     */
    public function __construct(
        /** @var string One of STATES; empty: all. */
        public readonly string $state = '',
        /** @var string An event's name; empty: all. */
        public readonly string $eventname = ''
    ) {
    }

    /**
     * How many rows there are of each state, event, reason and address, the most first.
     *
     * @return \stdClass[] state, eventname, reason, wwwroot, n, oldest (Unix seconds)
     */
    public static function groups(): array {
        global $DB;
        $sql = "SELECT MIN(id) AS id, state, eventname, reason, wwwroot, COUNT(1) AS n, MIN(timecreated) AS oldest
                  FROM {local_snsproducer_outbox}
              GROUP BY state, eventname, reason, wwwroot
              ORDER BY n DESC, id";
        return array_values($DB->get_records_sql($sql, [], 0, self::GROUPS));
    }

    /**
     * The names of the events that have a row.
     *
     * @return string[]
     */
    public static function names(): array {
        global $DB;
        $sql = 'SELECT DISTINCT eventname FROM {local_snsproducer_outbox} ORDER BY eventname';
        return $DB->get_fieldset_sql($sql);
    }

    /**
     * How many rows are chosen.
     *
     * @return int
     */
    public function count(): int {
        global $DB;
        return $DB->count_records(outbox::TABLE, $this->conditions());
    }

    /**
     * Some of the chosen rows, the oldest first, without what is in them.
     *
     * @param int $from how many to pass over
     * @param int $most
     * @return \stdClass[]
     */
    public function rows(int $from, int $most): array {
        global $DB;
        $fields = 'id, eventid, eventname, wwwroot, state, reason, timecreated';
        return array_values($DB->get_records(outbox::TABLE, $this->conditions(), 'id', $fields, $from, $most));
    }

    /**
     * One row with what is in it.
     *
     * @param int $id
     * @return \stdClass|null null: it has gone
     */
    public static function one(int $id): ?\stdClass {
        global $DB;
        return $DB->get_record(outbox::TABLE, ['id' => $id]) ?: null;
    }

    /**
     * The ids of these rows that are among the chosen.
     *
     * @param int[]|null $ids null: of all
     * @return int[] at most MOST
     */
    public function ids(?array $ids): array {
        global $DB;
        if ($ids === null) {
            $found = $DB->get_records(outbox::TABLE, $this->conditions(), 'id', 'id', 0, self::MOST);
            return array_map('intval', array_keys($found));
        }
        $there = [];
        foreach (array_chunk(array_unique($ids), self::CHUNK) as $some) {
            $there = array_merge($there, array_keys($DB->get_records_list(outbox::TABLE, 'id', $some, 'id', 'id')));
        }
        return array_map('intval', array_slice($there, 0, self::MOST));
    }

    /**
     * Sends what waits, now and while the person waits for it.
     *
     * @return drain|null what was done; null: this site sends nothing, or has no wanted list yet
     */
    public static function send(): ?drain {
        $connection = connection::get();
        $limits = store::current()?->limits;
        if (!$connection?->is_armed() || $limits === null) {
            return null;
        }
        $sender = new sender($connection, $limits, self::PATIENCE, self::PATIENCE / 2);
        return drain::run($sender, $limits, drain::MANY, self::PATIENCE);
    }

    /**
     * Lets those of the rows that were refused wait again.
     *
     * @param int[] $ids
     * @return int how many there were
     */
    public static function retry(array $ids): int {
        global $DB;
        $n = 0;
        foreach (array_chunk($ids, self::CHUNK) as $some) {
            [$in, $params] = $DB->get_in_or_equal($some, SQL_PARAMS_NAMED);
            $n += $DB->count_records_select(outbox::TABLE, "id {$in} AND state = :refused", $params + ['refused' => 'refused']);
            outbox::retry($some);
        }
        return $n;
    }

    /**
     * Deletes rows for good, and writes into Moodle's log who did so and why.
     *
     * @param int[] $ids
     * @param string $reason
     * @return int how many there were
     */
    public static function delete(array $ids, string $reason): int {
        global $DB;
        $names = [];
        $n = 0;
        foreach (array_chunk($ids, self::CHUNK) as $some) {
            foreach ($DB->get_records_list(outbox::TABLE, 'id', $some, 'id', 'id, eventname') as $row) {
                $names[$row->eventname] = ($names[$row->eventname] ?? 0) + 1;
                $n++;
            }
            outbox::drop($some);
        }
        if ($n > 0) {
            \local_snsproducer\event\outbox_deleted::create([
                'context' => \context_system::instance(),
                'other' => ['rows' => $n, 'reason' => $reason, 'events' => $names],
            ])->trigger();
        }
        return $n;
    }

    /**
     * The choice for the database.
     *
     * @return array
     */
    private function conditions(): array {
        return array_filter(['state' => $this->state, 'eventname' => $this->eventname], static fn($one) => $one !== '');
    }
}
