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
 * Tests what answers are taken to mean.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 * @covers     \local_snsproducer\local\diagnosis
 */
final class diagnosis_test extends \advanced_testcase {
    /**
     * Answers and what they mean.
     *
     * @return array
     */
    public static function answers(): array {
        $refusal = static fn(int $status, string $kind): answer => new answer(
            $status,
            null,
            json_encode(['type' => "urn:moodle-sns-producer:problem:$kind", 'detail' => 'in words'])
        );
        $cases = [];
        foreach (['refused', 'timeout', 'dns', 'tls', 'broken', 'toolarge', 'nosecret', 'unusable'] as $failure) {
            $cases[$failure] = [new answer(0, $failure), $failure];
        }
        return $cases + [
            'a failure of another name' => [new answer(0, 'whatever'), 'broken'],
            'fine' => [new answer(202, null, '{}'), 'fine'],
            'signature' => [$refusal(401, 'signature'), 'signature'],
            'clock' => [$refusal(401, 'clock'), 'clock'],
            'another site' => [$refusal(403, 'source-mismatch'), 'mismatch'],
            'an older sidecar' => [$refusal(404, 'no-such-path'), 'path'],
            'full' => [$refusal(429, 'full'), 'full'],
            'busy' => [$refusal(429, 'busy'), 'busy'],
            'overloaded' => [$refusal(503, 'overloaded'), 'busy'],
            'not ready' => [$refusal(503, 'not-ready'), 'notready'],
            'another refusal' => [$refusal(400, 'form'), 'refusal'],
            'somebody else' => [new answer(404, null, '<html>nginx</html>'), 'stranger'],
            'somebody else who says no' => [new answer(403, null, '{"type":"about:blank"}'), 'stranger'],
        ];
    }

    /**
     * Each has words of what happened and of what to do.
     *
     * @dataProvider answers
     * @param answer $answer
     * @param string $kind
     */
    public function test_an_answer_means_something_with_a_cure(answer $answer, string $kind): void {
        $found = diagnosis::of($answer, new status());
        $this->assertSame($kind, $found->kind);
        $said = $found->what() . $found->cure();
        $this->assertStringNotContainsString('[[', $said);
        $this->assertStringNotContainsString('{$a', $said);
        $this->assertSame($kind === 'fine', $found->cure() === '');
        $this->assertInstanceOf(\moodle_url::class, pages::url($found->page));
    }

    /**
     * What is kept of a fetch is read the same way.
     */
    public function test_a_kept_fetch_means_the_same(): void {
        $fetch = ['status' => 200, 'failure' => 'signature', 'kind' => '', 'detail' => '', 'ms' => 3];
        $this->assertSame('impostor', diagnosis::of_fetch($fetch)->kind);
        $this->assertSame('clock', diagnosis::of_fetch(['failure' => 'clock'] + $fetch)->kind);
        $this->assertSame('form', diagnosis::of_fetch(['failure' => 'form'] + $fetch)->kind);
        $this->assertSame('fine', diagnosis::of_fetch(['failure' => ''] + $fetch)->kind);
        $this->assertSame('dns', diagnosis::of_fetch(['status' => 0, 'failure' => 'dns'] + $fetch)->kind);
        $refused = ['status' => 401, 'failure' => 'status', 'kind' => 'signature'];
        $this->assertSame('signature', diagnosis::of_fetch($refused + $fetch)->kind);
    }

    /**
     * A wrong clock is told with both times.
     */
    public function test_a_wrong_clock_is_told_with_both_times(): void {
        $this->setTimezone('UTC');
        $detail = 'the signature fits, but it was made at 1700000000 (Unix seconds) and it is 1700000600 here; 300 s are borne';
        $body = json_encode(['type' => 'urn:moodle-sns-producer:problem:clock', 'detail' => $detail]);
        $what = diagnosis::of(new answer(401, null, $body))->what();
        $this->assertStringContainsString('10 mins', $what);
        $this->assertStringContainsString('10:13:20 PM', $what);
        $this->assertStringContainsString('10:23:20 PM', $what);
    }

    /**
     * What the other side said is text.
     */
    public function test_what_was_said_is_escaped(): void {
        $html = diagnosis::of(new answer(0, 'tls', '', [], 1, '<script>alert(1)</script> & "x"'))->html();
        $this->assertStringNotContainsString('<script', $html);
    }
}
