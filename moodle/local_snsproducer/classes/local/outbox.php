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
 * The outbox: events that the sidecar has not said yes to. Rows leave it by id, one by one, and only for a reason
 * that the ledger counts.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class outbox {
    /** @var string the table */
    public const TABLE = 'local_snsproducer_outbox';

    /** @var int more rows than this are not kept: newer events are counted as lost */
    public const MOST_ROWS = 2000000;

    /**
     * @var int when the oldest waiting row is older than this, in seconds, nothing has been taken from here for a month:
     * newer events are counted as lost until something is. No row is ever deleted or set aside for its age: what waits
     * is sent when the sidecar is back, and one that is too old by then (35 days) is parked there, for a person to see.
     */
    public const OLDEST = 30 * DAYSECS;

    /** @var int from so many rows on it isn't counted each time that somebody asks */
    private const LARGE = 20000;

    /** @var int how long what is known of its size holds, in seconds */
    private const KNOWN_FOR = 600;

    /**
     * Keeps events, unless the outbox is full.
     *
     * @param envelope[] $envelopes
     * @param array $refused event id => why: these are kept as refused
     * @param bool $bulk
     * @param tally $tally counts those for which there is no room
     */
    public static function keep(array $envelopes, array $refused, bool $bulk, tally $tally): void {
        global $DB;
        if (!$envelopes) {
            return;
        }
        try {
            $full = self::is_full();
        } catch (\dml_exception $e) {
            // Not known is not full: then the insert shows what is wrong.
            trouble::tell('asking how much the outbox holds', $e);
            $full = false;
        }
        if ($full) {
            foreach ($envelopes as $envelope) {
                $tally->add($envelope->hour, $envelope->name, 'lost_at_cap');
            }
            return;
        }
        $records = [];
        foreach ($envelopes as $envelope) {
            $reason = $refused[$envelope->id] ?? null;
            $records[] = self::record($envelope, $reason === null ? 'waiting' : 'refused', $bulk, $reason);
        }
        try {
            $DB->insert_records(self::TABLE, $records);
        } catch (\dml_exception $e) {
            // One row that the database doesn't take must not cost the others.
            trouble::tell('writing events into the outbox, now one by one', $e);
            foreach ($records as $record) {
                self::keep_one($record);
            }
        }
    }

    /**
     * Writes one row; what can't be written shows in the ledger as unaccounted.
     *
     * @param array $record
     */
    private static function keep_one(array $record): void {
        global $DB;
        try {
            if (!$DB->record_exists(self::TABLE, ['eventid' => $record['eventid']])) {
                $DB->insert_record(self::TABLE, $record, false);
            }
        } catch (\dml_exception $e) {
            trouble::tell("writing event {$record['eventid']} into the outbox", $e);
        }
    }

    /**
     * A row.
     *
     * @param envelope $envelope
     * @param string $state `waiting`, `open` or `refused`
     * @param bool $bulk
     * @param ?string $reason why it was refused
     * @return array
     */
    public static function record(envelope $envelope, string $state, bool $bulk, ?string $reason = null): array {
        return [
            'eventid' => $envelope->id,
            'eventname' => $envelope->name,
            'wwwroot' => self::here(),
            'state' => $state,
            'reason' => $reason,
            'body' => $envelope->body,
            'bulk' => (int) $bulk,
            'hour' => $envelope->hour,
            'userid' => $envelope->userid,
            'relateduserid' => $envelope->relateduserid,
            'timecreated' => $envelope->timecreated,
        ];
    }

    /**
     * Gives an open row its entities: from now on it waits.
     *
     * @param envelope $envelope of a row
     * @param ?string $refused why it was refused; null: it waits
     */
    public static function complete(envelope $envelope, ?string $refused = null): void {
        global $DB;
        $record = self::record($envelope, $refused === null ? 'waiting' : 'refused', false, $refused);
        // What is known of the person, the hour and the time was written when it was raised.
        $record = array_intersect_key($record, array_flip(['state', 'reason', 'body', 'userid', 'relateduserid']));
        $DB->update_record(self::TABLE, ['id' => $envelope->row] + $record);
    }

    /**
     * The oldest waiting rows of this site that fit in a batch.
     *
     * @param int $rows the most of them
     * @param int $bytes the most bytes; one row is given however large it is
     * @return envelope[]
     */
    public static function oldest(int $rows, int $bytes): array {
        global $DB;
        // Lengths first: a batch of the largest events is 2 GiB.
        $length = $DB->sql_length('body');
        $lengths = $DB->get_records_select_menu(
            self::TABLE,
            'state = :state AND wwwroot = :wwwroot',
            ['state' => 'waiting', 'wwwroot' => self::here()],
            'id',
            "id, $length AS length",
            0,
            $rows,
        );
        $ids = [];
        foreach ($lengths as $id => $characters) {
            if ($ids && $bytes < $characters) {
                break;
            }
            $ids[] = $id;
            $bytes -= $characters + 1;
        }
        if (!$ids) {
            return [];
        }
        $found = $DB->get_records_list(self::TABLE, 'id', $ids, 'id', 'id, eventid, eventname, body, hour, timecreated');
        return array_map([envelope::class, 'of_row'], array_values($found));
    }

    /**
     * Whether anything of this site waits: one look at an index.
     *
     * @return bool
     */
    public static function has_waiting(): bool {
        global $DB;
        return $DB->record_exists(self::TABLE, ['state' => 'waiting', 'wwwroot' => self::here()]);
    }

    /**
     * Deletes rows by id.
     *
     * @param int[] $ids
     */
    public static function delete(array $ids): void {
        global $DB;
        foreach (array_chunk($ids, 1000) as $some) {
            $DB->delete_records_list(self::TABLE, 'id', $some);
        }
    }

    /**
     * Sets a row aside, with the reason.
     *
     * @param int $id the row's
     * @param string $reason at most 255 characters
     */
    public static function refuse(int $id, string $reason): void {
        global $DB;
        $DB->update_record(self::TABLE, ['id' => $id, 'state' => 'refused', 'reason' => $reason]);
    }

    /**
     * Lets refused rows wait again: a person asked for it.
     *
     * @param int[] $ids
     */
    public static function retry(array $ids): void {
        global $DB;
        foreach (array_chunk($ids, 1000) as $some) {
            [$in, $params] = $DB->get_in_or_equal($some, SQL_PARAMS_NAMED);
            $params += ['refused' => 'refused'];
            $DB->set_field_select(self::TABLE, 'reason', null, "id $in AND state = :refused", $params);
            $DB->set_field_select(self::TABLE, 'state', 'waiting', "id $in AND state = :refused", $params);
        }
    }

    /**
     * Deletes rows that a person doesn't want sent; the ledger counts them as refused.
     *
     * @param int[] $ids
     */
    public static function drop(array $ids): void {
        global $DB;
        foreach (array_chunk($ids, 1000) as $some) {
            $transaction = $DB->start_delegated_transaction();
            $tally = new tally();
            foreach ($DB->get_records_list(self::TABLE, 'id', $some, 'id', 'id, eventname, state, hour') as $row) {
                if ($row->state === 'open') {
                    // What is in strict mode is counted as observed when it is no longer open.
                    $tally->add((int) $row->hour, $row->eventname, 'observed');
                }
                $tally->add((int) $row->hour, $row->eventname, 'refused');
            }
            self::delete($some);
            $tally->write();
            $transaction->allow_commit();
        }
    }

    /**
     * Whether there is room for no more. Counting two million rows takes a while, so what the task counted last is taken:
     * what came since is at most what a site writes in a few minutes.
     *
     * @return bool
     */
    public static function is_full(): bool {
        $known = json_decode(state::get('outbox') ?? '', true);
        if (!is_array($known) || ($known['at'] ?? 0) < time() - self::KNOWN_FOR) {
            $known = self::measure();
        }
        return $known['rows'] >= self::MOST_ROWS || ($known['oldest'] && $known['oldest'] < time() - self::OLDEST);
    }

    /**
     * Counts the rows and notes the result.
     *
     * @return array rows (of all sites and states), oldest (Unix seconds of the oldest waiting row of this site; 0: none
     *     waits), at (Unix seconds)
     */
    public static function measure(): array {
        global $DB;
        $first = $DB->get_records(
            self::TABLE,
            ['state' => 'waiting', 'wwwroot' => self::here()],
            'id',
            'id, timecreated',
            0,
            1,
        );
        $known = [
            'rows' => $DB->count_records(self::TABLE),
            'oldest' => $first ? (int) reset($first)->timecreated : 0,
            'at' => time(),
        ];
        state::set('outbox', json_encode($known));
        return $known;
    }

    /**
     * How many rows there are by hour, event and state: what the ledger needs. Of a large outbox it is what was counted in
     * the last ten minutes, because that reads every row.
     *
     * @return array of [hour, event's name, state, n]
     */
    public static function by_hour(): array {
        global $DB;
        $known = json_decode(state::get('outbox_by_hour') ?? '', true);
        if (is_array($known) && $known['rows'] > self::LARGE && $known['at'] > time() - self::KNOWN_FOR) {
            return $known['counts'];
        }
        $counts = [];
        $groups = $DB->get_recordset_sql(
            'SELECT hour, eventname, state, COUNT(*) AS n FROM {' . self::TABLE . '} WHERE wwwroot = ?'
                . ' GROUP BY hour, eventname, state',
            [self::here()],
        );
        foreach ($groups as $group) {
            $counts[] = [(int) $group->hour, $group->eventname, $group->state, (int) $group->n];
        }
        $groups->close();
        $rows = array_sum(array_column($counts, 3));
        if ($rows > self::LARGE || is_array($known)) {
            state::set('outbox_by_hour', $rows > self::LARGE
                ? json_encode(['rows' => $rows, 'at' => time(), 'counts' => $counts])
                : null);
        }
        return $counts;
    }

    /**
     * This site's URL as a row keeps it.
     *
     * @return string
     */
    public static function here(): string {
        global $CFG;
        return \core_text::substr($CFG->wwwroot, 0, 255);
    }
}
