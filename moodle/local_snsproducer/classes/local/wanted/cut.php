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

use local_snsproducer\local\raised;

/**
 * No more than declared: an event is cut to the keys and entity fields of the rows that took it before it leaves Moodle,
 * and again by the sidecar before it is kept. Cutting twice changes nothing. Of an anonymous event only the course and the
 * activity stay, and the hour.
 *
 * How lists and maps are told apart: see value. What comes out is made of \stdClass for each map and arrays for each list,
 * so that json_encode() writes `{}` and `[]` as they are.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class cut {
    /** @var int Seconds of an hour: what stays of the time of an anonymous event. */
    private const HOUR = 3600;

    /** @var int[] Context levels of a course and of an activity: the only ones whose ids are no person's. */
    private const PLACES = [50, 70];

    /** @var string[] The entities that may be told of an anonymous event. */
    private const PLACE_ENTITIES = ['course', 'cm'];

    /**
     * The rows that take an event.
     *
     * @param row[] $rows rows for events of its name
     * @param array $event what get_data() gave
     * @param array $entities entity → fields
     * @return array{rows: row[], unknown: int} unknown: how many did not take it because the value that their `when` asks
     *     for was absent or null
     */
    public static function take(array $rows, array $event, array $entities): array {
        $taken = [];
        $unknown = 0;
        foreach ($rows as $row) {
            $holds = $row->holds($event, $entities);
            if ($holds) {
                $taken[] = $row;
            } else if ($holds === null) {
                $unknown++;
            }
        }
        return ['rows' => $taken, 'unknown' => $unknown];
    }

    /**
     * Whether Moodle marks an event anonymous.
     *
     * @param array $event what get_data() gave
     * @return bool
     */
    public static function is_anonymous(array $event): bool {
        return raised::is_anonymous($event['anonymous'] ?? null);
    }

    /**
     * Cuts an event to the rows that took it.
     *
     * @param row[] $rows
     * @param array $event what get_data() gave
     * @param array $entities entity → fields
     * @return array{event: \stdClass, entities: \stdClass}
     */
    public static function cut(array $rows, array $event, array $entities): array { // phpcs:ignore Generic.NamingConventions
        $anonymous = self::is_anonymous($event);
        $place = in_array(value::whole($event['contextlevel'] ?? null), self::PLACES, true);
        $kept = new \stdClass();
        foreach (vocabulary::ALWAYS as $key) {
            if (!array_key_exists($key, $event)) {
                continue;
            }
            if ($anonymous) {
                if ($key === 'objectid' || (!$place && in_array($key, ['contextid', 'contextinstanceid'], true))) {
                    continue;
                }
                if ($key === 'timecreated') {
                    $seconds = value::whole($event[$key]);
                    $hour = $seconds === null ? null : $seconds - (($seconds % self::HOUR) + self::HOUR) % self::HOUR;
                    // The first hour that 64 bits know is a part of one: PHP makes a float of what doesn't fit.
                    if (is_int($hour)) {
                        $kept->$key = $hour;
                    }
                    continue;
                }
            }
            $kept->$key = self::leaf($event[$key]);
        }
        $beside = new \stdClass();
        foreach ($rows as $row) {
            foreach ($anonymous ? [] : $row->keys as $key) {
                self::keep($event, $kept, $key);
            }
            foreach ($row->entities as $entity => $fields) {
                if ($anonymous && !in_array($entity, self::PLACE_ENTITIES, true)) {
                    continue;
                }
                $from = value::members($entities[$entity] ?? null);
                if ($from === null) {
                    continue;
                }
                $beside->$entity ??= new \stdClass();
                foreach ($fields as $field) {
                    if (array_key_exists($field, $from)) {
                        $beside->$entity->$field = self::leaf($from[$field]);
                    }
                }
            }
        }
        return ['event' => $kept, 'entities' => $beside];
    }

    /**
     * Copies what one key of a row names: `a.b` a plain value, `a.b[]` a list of them, `a.b{}` the names of a map's keys.
     *
     * @param array $from a map
     * @param \stdClass $to
     * @param string $key
     */
    private static function keep(array $from, \stdClass $to, string $key): void {
        if (str_ends_with($key, '{}')) {
            self::keep_at($from, $to, explode('.', substr($key, 0, -2), 32), self::names(...));
        } else if (str_ends_with($key, '[]')) {
            self::keep_at($from, $to, explode('.', substr($key, 0, -2), 32), self::items(...));
        } else {
            self::keep_at($from, $to, explode('.', $key, 32), self::leaf(...));
        }
    }

    /**
     * Copies what stands at a path, and of the way to it only that it is one.
     *
     * @param array $from a map
     * @param \stdClass $to
     * @param string[] $path
     * @param \Closure $what what is told of the value
     */
    private static function keep_at(array $from, \stdClass $to, array $path, \Closure $what): void {
        $first = array_shift($path);
        if (!array_key_exists($first, $from)) {
            return;
        }
        $value = $from[$first];
        $inner = value::members($value);
        if ($path === []) {
            $kept = $what($value);
        } else if ($inner !== null) {
            $kept = new \stdClass();
            self::keep_at($inner, $kept, $path, $what);
        } else if ($value === null || is_array($value)) {
            // On the way to what is declared stands no map: that it is null or an empty list may be told (Moodle writes an
            // empty map as `[]`), a plain value may not.
            $kept = self::leaf($value);
        } else {
            return;
        }
        $to->$first = property_exists($to, $first) ? self::merge($to->$first, $kept) : $kept;
    }

    /**
     * Puts together what two rows keep of one key: the more telling of both, in whatever order they come.
     *
     * @param mixed $slot
     * @param mixed $kept
     * @return mixed
     */
    private static function merge(mixed $slot, mixed $kept): mixed {
        if ($slot instanceof \stdClass && $kept instanceof \stdClass) {
            foreach ((array) $kept as $key => $value) {
                $slot->$key = property_exists($slot, (string) $key) ? self::merge($slot->$key, $value) : $value;
            }
            return $slot;
        }
        if (is_array($slot) && is_array($kept)) {
            $isblank = array_filter($slot, fn($item) => $item !== null) === [];
            return count($kept) > count($slot) || $isblank ? $kept : $slot;
        }
        return $kept ?? $slot;
    }

    /**
     * A plain value as it is; of a map or list only that it is one. What JSON can't say is null.
     *
     * @param mixed $value
     * @return mixed
     */
    private static function leaf(mixed $value): mixed {
        return match (true) {
            value::members($value) !== null => new \stdClass(),
            is_array($value) => [],
            is_float($value) => is_finite($value) ? $value : null,
            is_resource($value) => null,
            default => $value,
        };
    }

    /**
     * A list's plain values.
     *
     * @param mixed $value
     * @return mixed
     */
    private static function items(mixed $value): mixed {
        return value::is_list($value) ? array_map(self::leaf(...), $value) : self::leaf($value);
    }

    /**
     * A map's keys with no values; of a list how long it is; of a plain value nothing.
     *
     * @param mixed $value
     * @return mixed
     */
    private static function names(mixed $value): mixed {
        $members = value::members($value);
        if ($members !== null) {
            return (object) array_map(fn() => null, $members);
        }
        return value::is_list($value) ? array_fill(0, count($value), null) : null;
    }
}
