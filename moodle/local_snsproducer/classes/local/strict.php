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

use local_snsproducer\event\grade_released;
use local_snsproducer\local\entities\reader;
use local_snsproducer\local\wanted\store;

/**
 * Strict mode: the outbox row is written when the event is raised, in the transaction that Moodle has open, if it has
 * one. So what was committed is told, also after a kill, and what was rolled back never is. The row stays `open` until
 * the end of the request has added the entities; when that end never came, a task does what it can.
 *
 * What can not be done: where Moodle announces a change outside of any transaction, the change and the row are two
 * commits, and a kill in the microseconds between them loses the event. An event that another observer holds up is
 * written when its turn comes. And where the row can not be written at all, the event goes the usual way, if the
 * transaction is still there.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class strict {
    /** @var int an open row that is older than this, in seconds, has lost its request */
    private const ORPHANED = 900;

    /** @var int the most orphans that are read at once */
    private const ROWS = 200;

    /** @var array the plugin's own events that are always in strict mode */
    private const ALWAYS = ['\\' . grade_released::class => true];

    /**
     * The events in strict mode.
     *
     * @param connection $connection
     * @return array<string, true> by their names
     */
    public static function names(connection $connection): array {
        return $connection->strict + self::ALWAYS;
    }

    /**
     * Writes the row of an event. What only the event holds is in it, cut as all else.
     *
     * @param raised $raised
     * @param array $rows of the wanted list that may take it
     * @param connection $connection
     * @param string $etag the list's
     * @return ?raised with its row; null: it could not be written, and the event goes the usual way
     */
    public static function write(raised $raised, array $rows, connection $connection, string $etag): ?raised {
        global $DB;
        $envelope = envelope::of(
            $raised,
            $rows,
            $raised->held + ['request' => $raised->logextra],
            $connection->connectedurl,
            $etag,
        );
        // All columns are bounded and of one form, the id is new: the insert has no reason of its own to fail.
        try {
            return $raised->with_row($DB->insert_record(outbox::TABLE, outbox::record($envelope, 'open', false)));
        } catch (\dml_exception $e) {
            trouble::tell('writing an event of strict mode', $e);
            self::doom_if_rolled_back($e);
            return null;
        }
    }

    /**
     * A deadlock on MySQL and MariaDB has rolled back the whole transaction, and Moodle doesn't know: what it writes from
     * now on would be committed statement by statement, half of a change. So the rest is put into a transaction again,
     * and Moodle is told that it can't be committed: the page fails, as it does when any statement of Moodle's own is
     * the deadlock's victim. PostgreSQL needs nothing: Moodle sets a savepoint before each statement there.
     *
     * @param \dml_exception $e
     */
    private static function doom_if_rolled_back(\dml_exception $e): void {
        global $DB;
        $deadlock = $e instanceof \dml_write_exception && stripos((string) $e->error, 'deadlock') !== false;
        if (!$deadlock || $DB->get_dbfamily() !== 'mysql' || !$DB->is_transaction_started()) {
            return;
        }
        $DB->execute('START TRANSACTION');
        try {
            $DB->start_delegated_transaction()->rollback($e);
        } catch (\dml_exception $same) {
            // It always throws what it was given. The outer transaction is now one that can only be rolled back.
            return;
        }
    }

    /**
     * Which rows are still open: those of a transaction that was rolled back are not.
     *
     * @param int[] $ids
     * @return array id => true
     */
    public static function still_open(array $ids): array {
        global $DB;
        $open = [];
        foreach (array_chunk($ids, 1000) as $some) {
            [$in, $params] = $DB->get_in_or_equal($some, SQL_PARAMS_NAMED);
            $found = $DB->get_fieldset_select(outbox::TABLE, 'id', "id $in AND state = :open", $params + ['open' => 'open']);
            $open += array_fill_keys($found, true);
        }
        return $open;
    }

    /**
     * Takes over open rows whose request has died: reads what can be read now, marks that it was late, and lets them
     * wait for the drain.
     *
     * @param connection $connection
     * @param int $until when to stop, in clock::ticks()
     * @return int how many
     */
    public static function adopt(connection $connection, int $until): int {
        $list = store::current();
        $lock = $list === null ? false : \core\lock\lock_config::get_lock_factory('local_snsproducer')->get_lock('adopt', 0);
        if (!$lock) {
            return 0;
        }
        try {
            return self::adopt_all($connection, $list, $until);
        } finally {
            $lock->release();
        }
    }

    /**
     * Takes them all over: under the lock.
     *
     * @param connection $connection
     * @param wanted\wanted_list $list
     * @param int $until
     * @return int
     */
    private static function adopt_all(connection $connection, wanted\wanted_list $list, int $until): int {
        global $DB;
        $adopted = 0;
        $after = 0;
        do {
            $orphans = $DB->get_records_select(
                outbox::TABLE,
                'state = :open AND wwwroot = :here AND timecreated < :before AND id > :after',
                ['open' => 'open', 'here' => outbox::here(), 'before' => time() - self::ORPHANED, 'after' => $after],
                'id',
                '*',
                0,
                self::ROWS,
            );
            $raised = array_filter(array_map([self::class, 'raised_of'], $orphans));
            $reader = new reader(true);
            foreach ($raised as $id => $one) {
                try {
                    self::adopt_one($one, (int) $orphans[$id]->hour, $connection, $list, $reader, $raised);
                    $adopted++;
                } catch (\Throwable $e) {
                    trouble::tell("completing event {$one->id} of strict mode", $e);
                }
            }
            $after = (int) (array_key_last($orphans) ?? 0);
        } while (count($orphans) === self::ROWS && clock::ticks() < $until);
        return $adopted;
    }

    /**
     * Takes over one.
     *
     * @param raised $raised
     * @param int $hour
     * @param connection $connection
     * @param wanted\wanted_list $list
     * @param reader $reader
     * @param raised[] $all
     */
    private static function adopt_one(
        raised $raised,
        int $hour,
        connection $connection,
        wanted\wanted_list $list,
        reader $reader,
        array $all
    ): void {
        global $DB;
        $rows = $list->rows($raised->name);
        $choice = choice::of($rows, $raised, $reader, $all);
        $tally = new tally();
        $tally->add($hour, $raised->name, 'observed');
        $transaction = $DB->start_delegated_transaction();
        not_taken::remember($rows, $raised, $choice);
        if ($choice->rows) {
            outbox::complete(envelope::of(
                $raised,
                $choice->rows,
                $choice->entities,
                $connection->connectedurl,
                $list->etag,
                true,
            ));
        } else {
            outbox::delete([$raised->strictrow]);
            not_taken::count($raised, $choice, $tally);
        }
        $tally->write();
        $transaction->allow_commit();
    }

    /**
     * The event of an open row, as far as the row holds it.
     *
     * @param \stdClass $row
     * @return ?raised null: it is not old enough, or no row of ours
     */
    private static function raised_of(\stdClass $row): ?raised {
        $envelope = self::as_observed(json_decode($row->body));
        $event = $envelope['data']['event'] ?? null;
        if (!is_array($event)) {
            return null;
        }
        if (!isset($envelope['raised'])) {
            // Of an anonymous event only the hour is known: it may have been raised at its end.
            return $row->timecreated + HOURSECS + self::ORPHANED > time()
                ? null
                : new raised($row->eventid, $row->timecreated * 1000000, $event, [], [], (int) $row->id);
        }
        $held = is_array($envelope['data']['entities'] ?? null) ? $envelope['data']['entities'] : [];
        $logextra = is_array($held['request'] ?? null) ? $held['request'] : [];
        unset($held['request']);
        $at = new \DateTimeImmutable($envelope['raised']);
        $micros = $at->getTimestamp() * 1000000 + (int) $at->format('u');
        return new raised($row->eventid, $micros, $event, $logextra, $held, (int) $row->id);
    }

    /**
     * Maps as arrays, as an event has them when it is raised; but an empty map within stays one, for it isn't an empty list.
     *
     * @param mixed $value decoded JSON
     * @param int $depth
     * @return mixed
     */
    private static function as_observed(mixed $value, int $depth = 0): mixed {
        if (is_array($value) || $value instanceof \stdClass) {
            $members = array_map(fn($member) => self::as_observed($member, $depth + 1), (array) $value);
            // Down to `data.event.other` all is a map by its place.
            return $members || is_array($value) || $depth <= 3 ? $members : $value;
        }
        return $value;
    }
}
