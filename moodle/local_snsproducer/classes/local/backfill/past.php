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

namespace local_snsproducer\local\backfill;

use local_snsproducer\local\clock;
use local_snsproducer\local\envelope;
use local_snsproducer\local\event_id;
use local_snsproducer\local\raised;
use local_snsproducer\local\wanted\cut;
use local_snsproducer\local\wanted\row;

/**
 * A past event in its wire form.
 *
 * Its id is a hash of source, log store and row: however often it is read, it is one event. Of an anonymous event the row is
 * mixed with a key that only this site has. The hash of a row's number alone could be found by trying all numbers, and rows
 * lie in the order of time: the id would tell the second, and whose rows lie beside it.
 *
 * `raised` is the whole second of the log, with no microseconds. It can't be left out: consumers order what they hear of one
 * subject by `raised`, and an old state must not replace a newer one that they hold. Within a second the order is that of
 * the log's rows.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class past {
    /**
     * The event's id.
     *
     * @param string $source the source's key
     * @param string $store the log store
     * @param int $row
     * @param bool $anonymous
     * @param string $key the site's key for anonymous events
     * @return string a UUIDv8
     */
    public static function id(string $source, string $store, int $row, bool $anonymous, string $key): string {
        return event_id::v8($source, $store, $anonymous ? hash_hmac('sha256', "$store\0$row", $key) : (string)$row);
    }

    /**
     * The event as the reader of entities and the cut take it.
     *
     * @param string $id
     * @param array $event as get_data() gives it
     * @param array $extra as get_logextra() gives it
     * @return raised held is empty: a past event holds nothing but its data
     */
    public static function raised(string $id, array $event, array $extra): raised {
        // A log store gives numbers as text, which is one of the forms in which Moodle's events have them.
        return new raised(
            $id,
            (int)$event['timecreated'] * 1000000,
            $event,
            ['origin' => $extra['origin'] ?? null, 'realuserid' => $extra['realuserid'] ?? null],
        );
    }

    /**
     * Cuts and writes it.
     *
     * @param raised $raised
     * @param row[] $rows those that take it
     * @param array $entities entity => fields
     * @param string $source the site's URL
     * @param string $etag of the list
     * @param int $hour of the ledger that it is counted in: that of today, for it is sent today
     * @return envelope
     */
    public static function envelope(
        raised $raised,
        array $rows,
        array $entities,
        string $source,
        string $etag,
        int $hour
    ): envelope {
        $cut = cut::cut($rows, $raised->event, $entities);
        $anonymous = cut::is_anonymous($raised->event);
        $time = (int)$raised->event['timecreated'];
        if ($anonymous) {
            $time -= $time % HOURSECS;
        }
        $body = json_encode([
            'specversion' => '1.0',
            'id' => $raised->id,
            'source' => $source,
            'type' => $raised->name,
            'time' => gmdate('Y-m-d\TH:i:s\Z', $time),
        ] + ($anonymous ? [] : ['raised' => clock::rfc3339($raised->micros)]) + [
            'wantedlist' => $etag,
            'backfill' => true,
            'data' => [
                'event' => (object)$cut['event'],
                'entities' => (object)array_map(fn($fields) => (object)$fields, (array)$cut['entities']),
            ],
        ], envelope::JSON);
        return new envelope($raised->id, $raised->name, $body, $hour, $time, anonymous: $anonymous);
    }
}
