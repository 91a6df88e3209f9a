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

namespace local_snsproducer\local\wanted;

use local_snsproducer\local\connection;
use local_snsproducer\local\not_usable;

/**
 * Where the wanted list is kept: whole in the database, cut to the vocabulary in a cache.
 *
 * The cache has an index (name, limits, wanted events), which each request loads, and an entry for each event with its
 * rows, which a request loads when it has raised such an event. Both are kept under the settings they were cut by, so that
 * a field that is no longer allowed stays here at once; rows are kept under the list's name too, so that an index never
 * meets the rows of another list.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class store {
    /** @var string The table. */
    private const TABLE = 'local_snsproducer_list';

    /**
     * The list that is in force, however old.
     *
     * @param connection|null $connection where the caller has read it already: in a page each reading counts
     * @return wanted_list|null null: none was ever told, so nothing may leave
     */
    public static function current(?connection $connection = null): ?wanted_list {
        $connection ??= connection::get();
        $contact = $connection !== null && $connection->allowcontact;
        $special = $connection !== null && $connection->allowspecial;
        $allowed = (int) $contact . (int) $special;
        $cache = \cache::make(connection::PLUGIN, 'wanted');
        $index = $cache->get("index$allowed");
        if (!is_array($index)) {
            $index = self::fill($cache, $allowed, $contact, $special);
        }
        if ($index === []) {
            return null;
        }
        $load = function (string $name) use ($cache, $index, $allowed, $contact, $special): array {
            $rows = $cache->get(self::rows_key($index['etag'], $allowed, $name));
            // An entry can leave a cache at any time.
            $rows = is_array($rows) ? $rows : (self::rows($contact, $special)[$name] ?? []);
            return array_map(self::thaw(...), $rows);
        };
        return new wanted_list($index['etag'], $index['limits'], $index['names'], $load);
    }

    /**
     * The name of the list that is kept.
     *
     * @return string empty: none is, or one that can't be read
     */
    public static function etag(): string {
        return self::read()['etag'] ?? '';
    }

    /**
     * When the list that is kept was first told.
     *
     * @return int|null Unix seconds; null: none is kept
     */
    public static function timecreated(): ?int {
        global $DB;
        $time = $DB->get_field(self::TABLE, 'timecreated', [], IGNORE_MULTIPLE);
        return $time === false ? null : (int) $time;
    }

    /**
     * Keeps a list in place of the one before. Does nothing when it is the same.
     *
     * @param string $etag
     * @param array $limits
     * @param row[] $rows
     * @return bool whether it was another
     */
    public static function save(string $etag, array $limits, array $rows): bool {
        global $DB;
        if ($etag === self::etag()) {
            return false;
        }
        $body = json_encode(
            ['limits' => $limits, 'rows' => array_map(fn(row $row) => $row->told(), $rows)],
            JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_THROW_ON_ERROR
        );
        $transaction = $DB->start_delegated_transaction();
        $DB->delete_records(self::TABLE);
        $DB->insert_record(self::TABLE, (object) ['etag' => $etag, 'body' => $body, 'timecreated' => time()]);
        $transaction->allow_commit();
        self::purge();
        return true;
    }

    /**
     * Forgets what is cached: the database is read again.
     */
    public static function purge(): void {
        \cache::make(connection::PLUGIN, 'wanted')->purge();
    }

    /**
     * All rows of the list, cut to the vocabulary: for pages that show it.
     *
     * @param bool $contact whether class contact may leave
     * @param bool $special whether class special may leave
     * @return row[]
     */
    public static function all(bool $contact, bool $special): array {
        return array_map(self::thaw(...), array_merge(...array_values(self::rows($contact, $special))));
    }

    /**
     * Fills the cache from the database.
     *
     * @param \cache $cache
     * @param string $allowed
     * @param bool $contact
     * @param bool $special
     * @return array the index; empty: no list is kept
     */
    private static function fill(\cache $cache, string $allowed, bool $contact, bool $special): array {
        $kept = self::read();
        $index = [];
        if ($kept !== null) {
            $byname = self::by_name($kept['rows'], $contact, $special);
            $entries = [];
            foreach ($byname as $name => $rows) {
                $entries[self::rows_key($kept['etag'], $allowed, $name)] = $rows;
            }
            $cache->set_many($entries);
            $index = [
                'etag' => $kept['etag'],
                'limits' => wanted_list::limits($kept['limits']),
                'names' => array_fill_keys(array_keys($byname), true),
            ];
        }
        $cache->set("index$allowed", $index);
        return $index;
    }

    /**
     * The rows of the list in the database, as the cache keeps them.
     *
     * @param bool $contact
     * @param bool $special
     * @return array<string, array[]> event's name → rows
     */
    private static function rows(bool $contact, bool $special): array {
        $kept = self::read();
        return $kept === null ? [] : self::by_name($kept['rows'], $contact, $special);
    }

    /**
     * Rows, cut to the vocabulary and put under their events' names.
     *
     * @param array $told
     * @param bool $contact
     * @param bool $special
     * @return array<string, array[]>
     */
    private static function by_name(array $told, bool $contact, bool $special): array {
        $byname = [];
        foreach ($told as $one) {
            try {
                $row = vocabulary::allow(row::read($one), $contact, $special);
            } catch (not_usable $unreadable) {
                continue;
            }
            $frozen = $row->told();
            $frozen['entities'] = $row->entities;
            $frozen['forbidden'] = $row->when !== null && $row->when->isforbidden;
            $byname[$row->event][] = $frozen;
        }
        return $byname;
    }

    /**
     * A row as the cache keeps it: plain arrays, which each kind of cache keeps cheaply.
     *
     * @param array $frozen
     * @return row
     */
    private static function thaw(array $frozen): row {
        $row = row::read($frozen);
        if (!$frozen['forbidden']) {
            return $row;
        }
        return new row($row->contract, $row->event, $row->when->forbidden(), $row->keys, $row->entities, $row->personal);
    }

    /**
     * The list in the database.
     *
     * @return array{etag: string, limits: mixed, rows: array}|null null: none, or one that can't be read
     */
    private static function read(): ?array {
        global $DB;
        $kept = $DB->get_record(self::TABLE, [], 'etag, body', IGNORE_MULTIPLE);
        $body = $kept ? json_decode($kept->body, true) : null;
        if (!is_array($body) || !is_array($body['rows'] ?? null)) {
            return null;
        }
        return ['etag' => $kept->etag, 'limits' => $body['limits'] ?? null, 'rows' => $body['rows']];
    }

    /**
     * The cache's key of an event's rows.
     *
     * @param string $etag
     * @param string $allowed
     * @param string $name
     * @return string
     */
    private static function rows_key(string $etag, string $allowed, string $name): string {
        return 'rows' . $allowed . md5($etag . $name);
    }
}
