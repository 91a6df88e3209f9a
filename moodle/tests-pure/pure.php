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

/**
 * Loads the plugin's pure classes without Moodle, and asks them as the shared vectors are asked.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

// phpcs:disable moodle.Files.MoodleInternal.MoodleInternalGlobalState -- Moodle is not loaded here, on purpose.

use local_snsproducer\local\wanted\cut;
use local_snsproducer\local\wanted\row;

// Any notice is a failure.
error_reporting(E_ALL);
set_error_handler(function (int $level, string $message, string $file, int $line): bool {
    throw new ErrorException($message, 0, $level, $file, $line);
});
ini_set('serialize_precision', '-1');

spl_autoload_register(function (string $class): void {
    $path = str_replace('\\', '/', preg_replace('/^local_snsproducer\\\\/', '', $class, -1, $isours));
    $file = __DIR__ . "/../local_snsproducer/classes/$path.php";
    if ($isours && is_file($file)) {
        require($file);
    }
});

/** How the plugin writes JSON. */
const PURE_JSON = JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_PRESERVE_ZERO_FRACTION | JSON_THROW_ON_ERROR;

/**
 * Takes and cuts an event.
 *
 * @param string $name
 * @param array $rows as they are told; decoded to objects or arrays
 * @param stdClass|array $data decoded to objects (which tells `{}` from `[]`) or to arrays (as Moodle keeps it)
 * @return array taken, when_unknown, anonymous, cut
 */
function pure_cut(string $name, array $rows, stdClass|array $data): array {
    $rows = array_map(fn($one) => row::read(json_decode(json_encode($one), true)), $rows);
    $rows = array_values(array_filter($rows, fn(row $row) => $row->event === $name));
    $data = (array) $data;
    $event = (array) ($data['event'] ?? []);
    $entities = (array) ($data['entities'] ?? []);
    $taken = cut::take($rows, $event, $entities);
    return [
        'taken' => array_map(fn(row $row) => $row->contract, $taken['rows']),
        'when_unknown' => $taken['unknown'],
        'anonymous' => cut::is_anonymous($event),
        'cut' => cut::cut($taken['rows'], $event, $entities),
    ];
}
