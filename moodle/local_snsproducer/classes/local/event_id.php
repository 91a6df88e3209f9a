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
 * The ids of events: a UUIDv7 given when an event was raised, or a UUIDv8 (a hash) for one that was read back from a
 * log store. In their 36-character lower-case form, so that one id has one text.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class event_id {
    /** @var int Milliseconds of an hour. */
    private const HOUR = 3600000;

    /**
     * A new id: the time, and 62 random bits.
     *
     * @param int $micros when the event was raised, in microseconds since 1970; its part below the millisecond fills
     *     the 12 bits that the standard leaves for it, so that ids of one process sort as they were raised
     * @return string
     */
    public static function v7(int $micros): string {
        $millis = intdiv($micros, 1000);
        $fraction = intdiv(($micros % 1000) * 4096, 1000);
        $random = bin2hex(random_bytes(8));
        return sprintf(
            '%08x-%04x-7%03x-%s%s-%s',
            $millis >> 16,
            $millis & 0xffff,
            $fraction,
            // The two highest bits are the standard's variant.
            '89ab'[hexdec($random[0]) & 3],
            substr($random, 1, 3),
            substr($random, 4),
        );
    }

    /**
     * The id of an event of a log store: the same row gets the same id, however often it is read.
     *
     * @param string $source the source's key
     * @param string $store the log store, e.g. `logstore_standard`
     * @param string $row the row's id there
     * @return string
     */
    public static function v8(string $source, string $store, string $row): string {
        $bytes = substr(hash('sha256', $source . "\0" . $store . "\0" . $row, true), 0, 16);
        $bytes[6] = chr((ord($bytes[6]) & 0x0f) | 0x80);
        $bytes[8] = chr((ord($bytes[8]) & 0x3f) | 0x80);
        return self::text($bytes);
    }

    /**
     * The same id with its time cut to the hour, for an event that Moodle marks anonymous. Its random bits stay, so two
     * copies of one event still have one id. An id that is a hash holds no time and stays as it is.
     *
     * @param string $id
     * @return string
     */
    public static function hour_cut(string $id): string {
        $millis = self::millis($id);
        if ($millis === null) {
            return $id;
        }
        $bytes = (string) hex2bin(str_replace('-', '', $id));
        // The bits below the millisecond are time too: they go.
        return self::text(substr(pack('J', $millis - $millis % self::HOUR), 2) . "\x70\x00" . substr($bytes, 8));
    }

    /**
     * When an id was made.
     *
     * @param string $id
     * @return int|null milliseconds since 1970; null for an id that is a hash, or none at all
     */
    public static function millis(string $id): ?int {
        if (!self::is_valid($id) || $id[14] !== '7') {
            return null;
        }
        return (int) hexdec(substr($id, 0, 8) . substr($id, 9, 4));
    }

    /**
     * Whether a text is an event id in its one form.
     *
     * @param string $id
     * @return bool
     */
    public static function is_valid(string $id): bool {
        return (bool) preg_match('/^[0-9a-f]{8}-[0-9a-f]{4}-[78][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/D', $id);
    }

    /**
     * The 36 characters of 16 bytes.
     *
     * @param string $bytes
     * @return string
     */
    private static function text(string $bytes): string {
        return vsprintf('%s%s-%s-%s-%s-%s%s%s', str_split(bin2hex($bytes), 4));
    }
}
