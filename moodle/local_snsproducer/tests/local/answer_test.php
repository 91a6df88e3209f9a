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
 * Tests that an answer is read with care.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 * @covers     \local_snsproducer\local\answer
 */
final class answer_test extends \basic_testcase {
    public function test_a_header_counts_when_it_is_there_once(): void {
        $answer = new answer(200, null, '', ['a' => ['1'], 'b' => ['1', '2']]);
        $this->assertSame(['1', null, null], [$answer->header('a'), $answer->header('b'), $answer->header('c')]);
    }

    public function test_only_an_object_is_json(): void {
        $json = fn(string $body) => (new answer(200, null, $body))->json();
        $this->assertSame(['a' => ['b' => []]], $json(' {"a":{"b":[]}}'));
        foreach (['', '[]', '"x"', 'null', '{', '[{"a":1}]', str_repeat('{"a":', 70) . '1' . str_repeat('}', 70)] as $body) {
            $this->assertNull($json($body), $body);
        }
    }

    public function test_a_problem_has_the_sidecars_word_for_it(): void {
        $problem = fn(string $type) => (new answer(401, null, json_encode(['type' => $type])))->problem();
        $this->assertSame('clock', $problem('urn:moodle-sns-producer:problem:clock'));
        $this->assertNull($problem('about:blank'));
        $this->assertNull($problem('urn:moodle-sns-producer:problem:<b>'));
        $this->assertNull((new answer(502, null, '<html>'))->problem());
    }

    public function test_dates_and_waits_are_bounded(): void {
        $answer = fn(string $date, string $wait) => new answer(429, null, '', ['date' => [$date], 'retry-after' => [$wait]]);
        $good = $answer('Tue, 24 Nov 2026 16:11:27 GMT', '30');
        $this->assertSame([1795536687, 30], [$good->serverdate(), $good->retry_after()]);
        $bad = $answer('tomorrow', '-1');
        $this->assertSame([null, null], [$bad->serverdate(), $bad->retry_after()]);
        $this->assertSame(3600, $answer('', '999999999')->retry_after());
    }
}
