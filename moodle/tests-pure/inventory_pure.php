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
 * The inventories that `cli/inventory.php` printed, held against the events that were captured on a running Moodle: a list
 * of keys that lacks one which an event had would make `contracts check --moodle` complain of what is there.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

// phpcs:disable moodle.Files.MoodleInternal.MoodleInternalGlobalState -- Moodle is not loaded here, on purpose.

$folder = dirname(__DIR__, 2) . '/tests/inventory';
$read = fn(string $file): array => json_decode(file_get_contents("$folder/$file"), true, 512, JSON_THROW_ON_ERROR);
$seen = $read('moodle-4.5.6.json');
$printed = $read('printed-4.5.6.json');

checks::same($seen['activities'], $printed['activities'], 'the activities');
foreach ($seen['events'] as $name => $event) {
    // Classes of Moodle's own tests are on no site.
    if (str_contains($event['component'], 'logstore_database')) {
        continue;
    }
    checks::same($event['component'], $printed['events'][$name]['component'] ?? null, "the component of $name");
    $keys = array_filter($event['other'], fn($key) => !str_contains($key, '.'));
    $listed = $printed['events'][$name]['other'] ?? null;
    checks::same([], $listed === null ? [] : array_values(array_diff($keys, $listed)), "keys of $name that are not listed");
}
foreach (['printed-4.5.6.json' => 450, 'printed-5.1.json' => 450] as $file => $least) {
    $known = array_filter($read($file)['events'], fn($event) => $event['other'] !== null);
    checks::same(true, count($known) >= $least, "$file tells the keys of most events");
}
