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
 * Event ids and times.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

// phpcs:disable moodle.Files.MoodleInternal.MoodleInternalGlobalState -- Moodle is not loaded here, on purpose.

use local_snsproducer\local\clock;
use local_snsproducer\local\event_id;

$id = '01a20e53-90ce-7205-a292-0dd69749d9f5';
$forms = [
    $id => true,
    '01a20e53-90ce-8205-b292-0dd69749d9f5' => true,
    '01A20E53-90CE-7205-A292-0DD69749D9F5' => false,
    '01a20e5390ce7205a2920dd69749d9f5' => false,
    '6ba7b810-9dad-41d1-80b4-00c04fd430c8' => false,
    '01a20e53-90ce-7205-0292-0dd69749d9f5' => false,
    '' => false,
    "$id\n" => false,
];
foreach ($forms as $text => $isid) {
    checks::same($isid, event_id::is_valid($text), "$text is an id");
}
$micros = 1795536687310028;
$made = event_id::v7($micros);
checks::same(true, event_id::is_valid($made), "$made is an id");
checks::same(1795536687310, event_id::millis($made), 'an id holds its time');
checks::same('072', substr($made, 15, 3), 'the part below the millisecond is in it: 28 of 1000 are 114 of 4096');
$many = [];
$before = '';
$grew = 0;
for ($n = 0; $n < 5000; $n++) {
    $at = clock::now();
    $grew += (int) ($at > ($last ?? 0));
    $last = $at;
    $many[event_id::v7($at)] = true;
}
checks::same(5000, count($many), 'no two ids are the same');
checks::same(5000, $grew, 'time grows strictly');
checks::same(true, abs(clock::now() / 1e6 - microtime(true)) < 1, 'and is the time');

$cut = event_id::hour_cut($id);
checks::same(0, event_id::millis($cut) % 3600000, 'a cut id holds the hour');
checks::same(true, event_id::millis($id) - event_id::millis($cut) < 3600000, 'of its own time');
checks::same(substr($id, 18), substr($cut, 18), 'and its random bits');
checks::same('7000', substr($cut, 14, 4), 'and nothing below the millisecond');
checks::same($cut, event_id::hour_cut($cut), 'cutting twice changes nothing');
// As the sidecar cuts it (src/event.rs).
checks::same('01a20e49-1400-7000-a292-0dd69749d9f5', $cut, 'as the sidecar cuts it');

$row = event_id::v8('vle', 'logstore_standard', '881');
checks::same(true, event_id::is_valid($row), "$row is an id");
checks::same('8', $row[14], 'an id of the log store is of version 8');
checks::same($row, event_id::v8('vle', 'logstore_standard', '881'), 'the same row gets the same id');
$rows = [
    $row,
    event_id::v8('vle', 'logstore_standard', '882'),
    event_id::v8('vl', 'elogstore_standard', '881'),
    event_id::v8('other', 'logstore_standard', '881'),
];
checks::same(4, count(array_unique($rows)), 'another row another one');
checks::same($row, event_id::hour_cut($row), 'a hash holds no time to cut');
checks::same(null, event_id::millis($row), 'nor to tell');
checks::same('2026-11-24T16:11:27.310028Z', clock::rfc3339($micros), 'RFC 3339');
checks::same('1970-01-01T00:00:00.000001Z', clock::rfc3339(1), 'RFC 3339 with zeros');
