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

namespace local_snsproducer\local\grades;

/**
 * Grades whose person may not see them yet, or of which that could not be told: kept as (item, person), without the
 * grade itself, until they are released or gone.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class pending {
    /** The table. */
    private const TABLE = 'local_snsproducer_pending';

    /**
     * Remembers a grade that was not told. Called again for the same grade, there is still one row.
     *
     * The old row is deleted first, so that this waits for a task that is just telling the old grade and has deleted
     * the row already: were the row only looked for, it would still be seen there, and the new grade forgotten.
     *
     * @param int $itemid
     * @param int $userid
     * @throws \dml_exception where the database can't write
     */
    public static function remember(int $itemid, int $userid): void {
        global $DB;
        if ($itemid <= 0 || $userid <= 0) {
            return;
        }
        $key = ['itemid' => $itemid, 'userid' => $userid];
        $row = $key + ['timecreated' => time(), 'timechecked' => 0];
        $DB->delete_records(self::TABLE, $key);
        try {
            $DB->insert_record(self::TABLE, $row, false);
        } catch (\dml_write_exception $e) {
            // Another request was faster: the unique index keeps one row, which is all that is wanted. Its task may
            // have dealt with it meanwhile, but no earlier than it was written: with the grade as it is now.
            if (!$DB->record_exists(self::TABLE, $key)) {
                $DB->insert_record(self::TABLE, $row, false);
            }
        }
    }

    /**
     * Rows that wait, those looked at longest ago first.
     *
     * @param int $before Unix seconds: rows made or looked at from then on are left out
     * @param int $limit
     * @return \stdClass[] id → row (id, itemid, userid)
     */
    public static function oldest(int $before, int $limit): array {
        global $DB;
        return $DB->get_records_select(
            self::TABLE,
            'timechecked < :checked AND timecreated < :created',
            ['checked' => $before, 'created' => $before],
            'timechecked, id',
            'id, itemid, userid',
            0,
            $limit,
        );
    }

    /**
     * Notes that rows were looked at.
     *
     * @param int[] $ids
     * @param int $now Unix seconds
     */
    public static function checked(array $ids, int $now): void {
        global $DB;
        if ($ids !== []) {
            [$in, $params] = $DB->get_in_or_equal($ids);
            $DB->set_field_select(self::TABLE, 'timechecked', $now, "id {$in}", $params);
        }
    }

    /**
     * Forgets rows.
     *
     * @param int[] $ids
     */
    public static function forget(array $ids): void {
        global $DB;
        if ($ids !== []) {
            $DB->delete_records_list(self::TABLE, 'id', $ids);
        }
    }

    /**
     * How many grades wait.
     *
     * @return int
     */
    public static function count(): int {
        global $DB;
        return $DB->count_records(self::TABLE);
    }
}
