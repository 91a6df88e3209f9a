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

use local_snsproducer\tests\vectors;

/**
 * Tests that signatures are those that the sidecar makes and takes.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 * @covers     \local_snsproducer\local\signature
 */
final class signature_test extends \advanced_testcase {
    public function test_it_signs_with_both_secrets_of_a_rotation(): void {
        $current = secret::parse('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw');
        $next = secret::parse('whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=');
        $own = 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=';
        $this->assertSame($own, signature::sign([$current], 'msg_p5jXN8AQM9LWM0D4loKWxJek', 1614265330, '{"test": 2432232314}'));
        $header = signature::sign([$current, $next], 'id', 100, 'body');
        foreach ([$current, $next] as $known) {
            $this->assertSame($known, signature::verify([$known], 'id', 100, $header, 'body', 100));
            $this->assertSame($known, signature::verify([$known], 'id', '100', $header, 'body', 400));
            $this->assertNull(signature::verify([$known], 'id', 100, $header, 'body', 401));
            $this->assertSame('clock', signature::judge([$known], 'id', '100', $header, 'body', 401));
            $this->assertNull(signature::verify([$known], 'id', 100, $header, 'bodY', 100));
            $this->assertNull(signature::verify([$known], 'iD', 100, $header, 'body', 100));
            $this->assertNull(signature::verify([$known], 'id', 101, $header, 'body', 100));
        }
        $this->assertNull(signature::verify([], 'id', 100, $header, 'body', 100));
    }

    public function test_every_shared_vector_is_answered_as_it_says(): void {
        $file = vectors::read($this, 'signing.json');
        $judged = 0;
        foreach ($file['vectors'] as $vector) {
            $headers = array_map(fn($name) => $vector[$name], [signature::ID, signature::TIMESTAMP, signature::SIGNATURE]);
            // How often a header is there is the answer's business, and the reserved ids are those that this side verifies.
            if (array_map('count', $headers) !== [1, 1, 1] || $vector['expect'] === 'reserved-id') {
                continue;
            }
            $secrets = [];
            foreach ($vector['secrets'] as $id) {
                $secrets[$id] = secret::parse($file['secrets'][$id]);
            }
            [[$id], [$timestamp], [$list]] = $headers;
            $verdict = signature::judge($secrets, $id, $timestamp, $list, base64_decode($vector['body_base64']), $vector['now']);
            $found = is_string($verdict) ? $verdict : array_search($verdict, $secrets, true);
            $this->assertSame($vector['expect'], $found, $vector['name']);
            $judged++;
        }
        $this->assertGreaterThan(50, $judged);
    }
}
