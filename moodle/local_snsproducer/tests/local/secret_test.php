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
 * Tests that a secret has one form and stands in no text.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 * @covers     \local_snsproducer\local\secret
 */
final class secret_test extends \basic_testcase {
    /** @var string a secret */
    private const TEXT = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

    public function test_a_secret_has_one_form_and_at_least_24_bytes(): void {
        $this->assertSame('f74e1720', secret::parse(self::TEXT . "\n")->fingerprint(), 'a file ends with a line end');
        $text = fn(int $bytes) => 'whsec_' . base64_encode(str_repeat('k', $bytes));
        $this->assertSame(8, strlen(secret::parse($text(24))->fingerprint()));
        $bad = [
            '' => 'prefix', 'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw' => 'prefix', 'whsec_' => 'short', $text(23) => 'short',
            'whsec_ not base64' => 'base64', rtrim($text(25), '=') => 'base64', $text(24) . '!' => 'base64',
            'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD=' => 'base64',
        ];
        foreach ($bad as $text => $reason) {
            try {
                secret::parse($text);
                $this->fail($text);
            } catch (not_usable $refused) {
                $this->assertSame($reason, $refused->reason, $text);
                if (strlen($text) > 20) {
                    $this->assertStringNotContainsString(substr($text, 6), "$refused");
                }
            }
        }
    }

    public function test_a_secret_stands_in_no_text(): void {
        $secret = secret::parse(self::TEXT);
        $bytes = base64_decode(substr(self::TEXT, 6));
        ob_start();
        var_dump($secret);
        $dump = ob_get_clean();
        $this->assertStringContainsString('f74e1720', $dump);
        $this->assertStringNotContainsString($bytes, $dump);
        $this->assertSame('{}', json_encode($secret));
        $this->expectException(\LogicException::class);
        serialize($secret);
    }
}
