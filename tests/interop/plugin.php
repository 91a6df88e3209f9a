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
 * The plugin's side of the interop test: one JSON object a line in, one out.
 *
 *   {"do": "sign", "secrets", "id", "timestamp", "body_base64"}                 -> {"signature", "fingerprints"}
 *   {"do": "verify", "secrets", "id", "timestamp", "signature", "body_base64"}  -> {"verified": fingerprint or null}
 *   {"do": "cut", "event", "rows", "data"}                                      -> {"taken", "when_unknown", "anonymous", "cut"}
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

// phpcs:disable moodle.Files.MoodleInternal.MoodleInternalGlobalState -- Moodle is not loaded here, on purpose.

use local_snsproducer\local\secret;
use local_snsproducer\local\signature;

require(__DIR__ . '/../../moodle/tests-pure/pure.php');

while (($line = fgets(STDIN)) !== false) {
    $ask = json_decode($line, false, 512, JSON_THROW_ON_ERROR);
    $secrets = array_map(secret::parse(...), $ask->secrets ?? []);
    $body = base64_decode($ask->body_base64 ?? '', true);
    $answer = match ($ask->do) {
        'sign' => [
            'signature' => signature::sign($secrets, $ask->id, $ask->timestamp, $body),
            'fingerprints' => array_map(fn(secret $secret) => $secret->fingerprint(), $secrets),
        ],
        'verify' => [
            'verified' => signature::verify($secrets, $ask->id, $ask->timestamp, $ask->signature, $body, time())?->fingerprint(),
        ],
        'cut' => pure_cut($ask->event, $ask->rows, $ask->data),
    };
    echo json_encode($answer, PURE_JSON), "\n";
}
