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

/**
 * Values as the sidecar reads them from JSON, so that both sides judge an event alike.
 *
 * Moodle keeps an event's data in PHP arrays, which JSON tells apart by their keys: 0, 1, 2, … (or none at all) is a list,
 * anything else a map. So it is here: the empty array is the empty list `[]`, as Moodle's own JSON has it. A map that may
 * be empty is a \stdClass; what is cut is made of these, so that `{}` stays `{}` on the wire. Any other object is a map
 * whose members are nobody's business.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class value {
    /**
     * The members of a map.
     *
     * @param mixed $value
     * @return array|null null: it is no map
     */
    public static function members(mixed $value): ?array {
        if (is_array($value)) {
            return array_is_list($value) ? null : $value;
        }
        if (is_object($value)) {
            return $value instanceof \stdClass ? (array) $value : [];
        }
        return null;
    }

    /**
     * Whether it is a list.
     *
     * @param mixed $value
     * @return bool
     */
    public static function is_list(mixed $value): bool {
        return is_array($value) && array_is_list($value);
    }

    /**
     * What stands at a path.
     *
     * @param array $top a map
     * @param string[] $keys
     * @return mixed null: nothing, or null itself
     */
    public static function find(array $top, array $keys): mixed {
        $first = array_shift($keys);
        $value = $top[$first] ?? null;
        foreach ($keys as $key) {
            $value = self::members($value)[$key] ?? null;
        }
        return $value;
    }

    /**
     * A whole number, from a number or from digits.
     *
     * @param mixed $value
     * @return int|null null: it is none
     */
    public static function whole(mixed $value): ?int {
        if (is_int($value)) {
            return $value;
        }
        if (is_float($value)) {
            // 52.0 is 52: PHP writes a float that happens to be whole like that.
            return is_finite($value) && fmod($value, 1.0) === 0.0 && abs($value) <= 9e15 ? (int) $value : null;
        }
        if (is_string($value) && preg_match('/^(-?)0*([0-9]{1,19})$/D', $value, $match)) {
            $least = $match[1] === '-' ? '9223372036854775808' : '9223372036854775807';
            $fits = strlen($match[2]) < 19 || strcmp($match[2], $least) <= 0;
            return $fits ? (int) ($match[1] . $match[2]) : null;
        }
        return null;
    }

    /**
     * A value as text, to compare it by: 50, 50.0 and "50" are one, and so are true and "true".
     *
     * @param mixed $value
     * @return string|null null: null, a map or a list
     */
    public static function key_text(mixed $value): ?string {
        return match (true) {
            is_string($value) => $value,
            is_bool($value) => $value ? 'true' : 'false',
            is_int($value) => (string) $value,
            is_float($value) && is_finite($value) => (string) (self::whole($value) ?? self::number_text($value)),
            default => null,
        };
    }

    /**
     * A number that is not whole, or too large to be kept exactly, as the sidecar writes it: the fewest digits that give
     * it back, without an exponent from 0.00001 to 10^16.
     *
     * @param float $value
     * @return string
     */
    private static function number_text(float $value): string {
        preg_match('/^(-?)([0-9]+)(?:\.([0-9]+))?(?:e([+-]?[0-9]+))?$/Di', sprintf('%.*H', -1, $value), $match);
        [, $sign, $whole] = $match;
        $part = rtrim($match[3] ?? '', '0');
        $exponent = (int) ($match[4] ?? 0) - strlen($part);
        $digits = ltrim($whole . $part, '0');
        $trimmed = rtrim($digits, '0');
        $exponent += strlen($digits) - strlen($trimmed);
        // How many digits stand before the point.
        $point = strlen($trimmed) + $exponent;
        return $sign . match (true) {
            $exponent >= 0 && $point <= 16 => $trimmed . str_repeat('0', $exponent) . '.0',
            $point > 0 && $point <= 16 => substr($trimmed, 0, $point) . '.' . substr($trimmed, $point),
            $point > -5 && $point <= 0 => '0.' . str_repeat('0', -$point) . $trimmed,
            default => rtrim($trimmed[0] . '.' . substr($trimmed, 1), '.') . sprintf($point > 0 ? 'e+%d' : 'e%d', $point - 1),
        };
    }
}
