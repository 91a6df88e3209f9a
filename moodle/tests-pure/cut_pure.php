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
 * The cut and what takes an event, by the vectors that the sidecar is checked by too.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

// phpcs:disable moodle.Files.MoodleInternal.MoodleInternalGlobalState -- Moodle is not loaded here, on purpose.

$file = json_decode(file_get_contents(__DIR__ . '/../../tests/vectors/cut.json'), false, 512, JSON_THROW_ON_ERROR);
$parts = function (stdClass|array $data): string {
    $data = (array) $data;
    return json_encode([(object) $data['event'], (object) $data['entities']], PURE_JSON);
};
foreach ($file->vectors as $vector) {
    $rows = $vector->rows ?? $file->rows;
    $answer = pure_cut($vector->event, $rows, $vector->data);
    checks::same($vector->expect, (object) (['cut' => (object) $answer['cut']] + $answer), $vector->name);

    // As Moodle keeps it, in arrays alone: the same, where JSON tells nothing that PHP's arrays can't.
    $asarrays = json_decode(json_encode($vector->data, PURE_JSON), true, 512, JSON_THROW_ON_ERROR);
    if ($parts($asarrays) === $parts($vector->data)) {
        $answer = pure_cut($vector->event, $rows, $asarrays);
        checks::same($vector->expect, (object) (['cut' => (object) $answer['cut']] + $answer), $vector->name . ', in arrays');
    }
}
