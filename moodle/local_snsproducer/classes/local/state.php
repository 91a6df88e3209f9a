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
 * Small values that change often: which spool answered, how much waits. They are no settings, because changing a
 * setting empties caches and writes into the log of settings.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class state {
    /** @var string where they are */
    private const TABLE = 'local_snsproducer_state';

    /**
     * A value, as the database has it now.
     *
     * @param string $name at most 100 characters
     * @return ?string null where there is none
     */
    public static function get(string $name): ?string {
        global $DB;
        $value = $DB->get_field(self::TABLE, 'value', ['name' => $name]);
        return $value === false ? null : $value;
    }

    /**
     * Several values in one query.
     *
     * @param string[] $names
     * @return array name => value, of those that are there
     */
    public static function several(array $names): array {
        global $DB;
        [$in, $params] = $DB->get_in_or_equal($names);
        return $DB->get_records_select_menu(self::TABLE, "name $in", $params, '', 'name, value');
    }

    /**
     * Sets a value; the last of several writers wins.
     *
     * @param string $name at most 100 characters
     * @param ?string $value null takes it away
     */
    public static function set(string $name, ?string $value): void {
        global $DB;
        if ($value === null) {
            $DB->delete_records(self::TABLE, ['name' => $name]);
            return;
        }
        $row = $DB->get_record(self::TABLE, ['name' => $name]);
        if (!$row) {
            try {
                $DB->insert_record(self::TABLE, ['name' => $name, 'value' => $value], false);
                return;
            } catch (\dml_write_exception $e) {
                // Another process was quicker with the same name.
                $row = $DB->get_record(self::TABLE, ['name' => $name], '*', MUST_EXIST);
            }
        }
        if ($row->value !== $value) {
            $DB->set_field(self::TABLE, 'value', $value, ['id' => $row->id]);
        }
    }
}
