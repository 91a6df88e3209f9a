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
     * Remembers a grade that was not told. Called again for the same grade it changes nothing.
     *
     * @param int $itemid
     * @param int $userid
     */
    public static function remember(int $itemid, int $userid): void {
        global $DB;
        if ($itemid <= 0 || $userid <= 0 || $DB->record_exists(self::TABLE, ['itemid' => $itemid, 'userid' => $userid])) {
            return;
        }
        $row = ['itemid' => $itemid, 'userid' => $userid, 'timecreated' => time(), 'timechecked' => 0];
        try {
            $DB->insert_record(self::TABLE, $row, false);
        } catch (\dml_write_exception $e) {
            // Another request was faster: the unique index keeps one row, which is all that was wanted.
            if (!$DB->record_exists(self::TABLE, ['itemid' => $itemid, 'userid' => $userid])) {
                throw $e;
            }
        }
    }
}
