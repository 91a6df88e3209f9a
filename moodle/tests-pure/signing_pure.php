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
 * Signatures and secrets, by the vectors that Rust, Python and Node are checked by too.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

// phpcs:disable moodle.Files.MoodleInternal.MoodleInternalGlobalState -- Moodle is not loaded here, on purpose.

use local_snsproducer\local\not_usable;
use local_snsproducer\local\secret;
use local_snsproducer\local\signature;

$file = json_decode(file_get_contents(__DIR__ . '/../../tests/vectors/signing.json'), true, 512, JSON_THROW_ON_ERROR);
foreach ($file['vectors'] as $vector) {
    // Which headers are there at all, and how often, is curl's and the answer's business: header() takes one only.
    $single = true;
    foreach ([signature::ID, signature::TIMESTAMP, signature::SIGNATURE] as $name) {
        $single = $single && count($vector[$name]) === 1;
    }
    // The reserved ids are those of the answers that this side verifies.
    if (!$single || $vector['expect'] === 'reserved-id') {
        continue;
    }
    $secrets = [];
    foreach ($vector['secrets'] as $id) {
        $secrets[$id] = secret::parse($file['secrets'][$id]);
    }
    $verdict = signature::judge(
        $secrets,
        $vector[signature::ID][0],
        $vector[signature::TIMESTAMP][0],
        $vector[signature::SIGNATURE][0],
        base64_decode($vector['body_base64']),
        $vector['now']
    );
    $found = is_string($verdict) ? $verdict : array_search($verdict, $secrets, true);
    checks::same($vector['expect'], $found, $vector['name']);
}
foreach ($file['secret_forms'] as $form) {
    try {
        secret::parse($form['text']);
        $found = 'ok';
    } catch (not_usable $refused) {
        $found = $refused->reason;
        checks::same(
            false,
            $form['text'] !== '' && $form['text'] !== 'whsec_' && str_contains("$refused", $form['text']),
            'the words of a refusal do not hold the secret: ' . $form['text']
        );
    }
    checks::same($form['expect'], $found, 'the secret ' . $form['text']);
}

$library = secret::parse($file['secrets']['library'] . "\n");
checks::same(
    'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    signature::sign([$library], 'msg_p5jXN8AQM9LWM0D4loKWxJek', 1614265330, '{"test": 2432232314}'),
    'the libraries\' own vector'
);
$both = [$library, secret::parse($file['secrets']['new'])];
$header = signature::sign($both, 'x', 5, 'body');
checks::same(2, count(explode(' ', $header)), 'both secrets of a rotation sign');
foreach ($both as $known) {
    checks::same($known, signature::verify([$known], 'x', 5, $header, 'body', 5), 'who knows one of them verifies');
}

foreach (['a', 'AZaz09-_', str_repeat('a', 64)] as $id) {
    checks::same(true, signature::is_id($id), "$id is an id");
}
foreach (['', "a\n", 'a.b', 'a b', 'é', str_repeat('a', 65)] as $id) {
    checks::same(false, signature::is_id($id), "$id is no id");
}
// PHP reads these; one secret has one text.
foreach (['whsec_' . rtrim(base64_encode(str_repeat('k', 25)), '='), "whsec_MfKQ9r8GKYqr\nTwjUPD8ILPZIo2LaLaSw"] as $text) {
    checks::refused('base64', fn() => secret::parse($text), 'base64 in another form');
}

// A secret stands in no text.
$bytes = base64_decode(substr($file['secrets']['library'], 6));
ob_start();
var_dump($library);
var_export([$library->fingerprint()]);
$dump = ob_get_clean();
checks::same(false, str_contains($dump, $bytes), 'a dump holds no secret');
checks::same(true, str_contains($dump, $library->fingerprint()), 'a dump holds the fingerprint');
checks::same('{}', json_encode($library), 'JSON holds no secret');
try {
    serialize($library);
    checks::same('refused', 'written', 'a secret is not serialised');
} catch (LogicException $refused) {
    checks::same(false, str_contains("$refused", $bytes), 'a secret is not serialised');
}
