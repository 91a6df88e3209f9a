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

use local_snsproducer\tests\sink;

/**
 * Tests how far a test event comes, and what is said where it stops.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 * @covers     \local_snsproducer\local\test_run
 * @covers     \local_snsproducer\local\step
 */
final class test_run_test extends \advanced_testcase {
    /**
     * The last step of a run.
     *
     * @param step[] $steps
     * @return array name and state
     */
    private static function last(array $steps): array {
        $last = end($steps);
        return [$last->name, $last->state];
    }

    /**
     * Without settings it doesn't begin.
     */
    public function test_it_stops_at_the_settings(): void {
        $this->resetAfterTest();
        $run = test_run::start();
        $this->assertSame(['settings', step::FAILED], self::last($run->steps()));
        $this->assertSame('settings', $run->steps()[0]->page);
        $this->assertSame([], $run->follow(0));
    }

    /**
     * A site that is not connected, and a copy, send no test either.
     */
    public function test_it_stops_where_the_site_is_not_connected(): void {
        $this->resetAfterTest();
        $sink = new sink();
        foreach (['', 'https://original.example'] as $connected) {
            $sink->connect([], ['connectedurl' => $connected]);
            $this->assertSame(['connected', step::FAILED], self::last(test_run::start()->steps()));
        }
        $this->assertSame([], $sink->requests());
        $sink->stop();
    }

    /**
     * Where nobody listens it says so.
     */
    public function test_it_stops_where_nobody_listens(): void {
        $this->resetAfterTest();
        $sink = new sink();
        $sink->connect();
        $sink->stop();
        $steps = test_run::start()->steps();
        $this->assertSame(['reached', step::FAILED], self::last($steps));
        $this->assertStringContainsString('refused', end($steps)->words);
    }

    /**
     * An answer that is not signed is not believed.
     */
    public function test_it_stops_where_the_answer_is_not_signed(): void {
        $this->resetAfterTest();
        $sink = new sink();
        $sink->connect();
        $sink->answer(['status' => 200]);
        $this->assertSame(['signed', step::FAILED], self::last(test_run::start()->steps()));
        $sink->stop();
    }

    /**
     * A run is the same after it was kept between two requests.
     */
    public function test_a_run_can_be_taken_up(): void {
        $this->resetAfterTest();
        $run = test_run::start();
        $this->assertEquals($run, test_run::take_up($run->kept()));
        $this->assertNull(test_run::take_up(null));
        $this->assertNull(test_run::take_up(['number' => 'x']));
    }

    /**
     * What the sidecar says of an event.
     *
     * @return array
     */
    public static function fates(): array {
        $stored = static fn(array $delivery): array => ['fate' => 'stored', 'deliveries' => [
            $delivery + ['topic' => 't', 'contract' => 'moodle.producer.test.v1'],
        ]];
        return [
            'unknown' => [['fate' => 'unknown', 'deliveries' => []], ['mapped', step::FAILED]],
            'a fate of a newer sidecar' => [['fate' => 'new'], ['mapped', step::FAILED]],
            'parked at the door' => [['fate' => 'parked', 'reason' => 'too-old', 'deliveries' => []], ['mapped', step::FAILED]],
            'no topic' => [['fate' => 'unrouted', 'deliveries' => []], ['mapped', step::FAILED]],
            'waiting' => [$stored(['state' => 'waiting']), ['published', step::OPEN]],
            'held' => [$stored(['state' => 'held', 'reason' => 'topic-gone', 'at' => 'x']), ['published', step::FAILED]],
            'parked' => [$stored(['state' => 'parked', 'reason' => 'oversized', 'detail' => 'd']), ['published', step::FAILED]],
            'published' => [$stored(['state' => 'settled', 'message_id' => 'm-1']), ['published', step::DONE]],
            'a hostile answer' => [$stored(['state' => ['x'], 'topic' => ['y']]), ['published', step::OPEN]],
        ];
    }

    /**
     * Each fate is told, with the reason and what to do.
     *
     * @dataProvider fates
     * @param array $told
     * @param array $expected
     */
    public function test_each_fate_is_told(array $told, array $expected): void {
        $steps = test_run::steps_of($told);
        $this->assertSame($expected, self::last($steps));
        foreach ($steps as $step) {
            $this->assertStringNotContainsString('[[', $step->words . $step->cure);
            $this->assertStringNotContainsString('{$a', $step->words . $step->cure);
        }
        $reason = $told['reason'] ?? $told['deliveries'][0]['reason'] ?? $told['deliveries'][0]['message_id'] ?? '';
        $this->assertTrue($reason === '' || str_contains(end($steps)->words, $reason));
    }
}
