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

use local_snsproducer\local\wanted\wanted_list;
use local_snsproducer\tests\sink;

/**
 * Tests that each answer has its consequence, against a real server.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 * @covers     \local_snsproducer\local\sender
 */
final class sender_test extends \advanced_testcase {
    /** @var sink */
    private sink $sink;

    protected function setUp(): void {
        parent::setUp();
        $this->resetAfterTest();
        $this->sink = new sink();
    }

    protected function tearDown(): void {
        $this->sink->stop();
        parent::tearDown();
    }

    /**
     * Envelopes with ids `e0`, `e1`, …
     *
     * @param int $n
     * @param int $size bytes of each
     * @return envelope[]
     */
    private static function envelopes(int $n, int $size = 40): array {
        $envelopes = [];
        for ($i = 0; $i < $n; $i++) {
            $body = '{"id":"e' . $i . '","pad":"';
            $pad = str_repeat('x', max(0, $size - strlen($body) - 2));
            $envelopes[] = new envelope("e$i", '\a\event\b', $body . $pad . '"}', 0, 0);
        }
        return $envelopes;
    }

    /**
     * A sender.
     *
     * @param array $limits beside the usual ones
     * @param int $budget
     * @return sender
     */
    private function sender(array $limits = [], int $budget = 5000): sender {
        return new sender($this->sink->connect(), $limits + wanted_list::LIMITS, $budget);
    }

    public function test_each_event_of_a_202_has_its_outcome(): void {
        $this->sink->answer(['answers' => [['status' => 202, 'body' => json_encode([
            'accepted' => 1, 'duplicate' => 1, 'unwanted' => 1, 'spool' => 's', 'duplicates' => [3], 'unwanteds' => [0],
            'parked' => [['index' => 2, 'id' => 'e2', 'reason' => 'shape']],
        ])]]]);
        $sent = $this->sender()->send(self::envelopes(4), false);
        $expected = ['e0' => 'unwanted', 'e1' => 'accepted', 'e2' => 'parked', 'e3' => 'duplicate'];
        $this->assertEqualsCanonicalizing($expected, $sent->outcomes);
        $this->assertSame($expected['e3'], $sent->outcomes['e3']);
        $this->assertSame(['s', [], [], null], [$sent->spool, $sent->left, $sent->refused, $sent->stopped]);
    }

    public function test_numbers_without_indexes_add_up_too(): void {
        $this->sink->answer(['answers' => [['status' => 202, 'body' => json_encode([
            'accepted' => 1, 'duplicate' => 2, 'unwanted' => 0, 'spool' => 's',
            'parked' => [['index' => 0, 'id' => 'e0', 'reason' => 'shape']],
        ])]]]);
        $sent = $this->sender()->send(self::envelopes(4), false);
        $this->assertSame(['accepted' => 1, 'duplicate' => 2, 'parked' => 1], $this->counted($sent));
    }

    public function test_a_202_that_is_no_answer_of_a_sidecar_proves_nothing(): void {
        foreach (['', 'ok', '[]', '{}', '{"accepted":1}', '{"accepted":"2","duplicate":0,"unwanted":0,"parked":[]}'] as $body) {
            $this->sink->answer(['answers' => [['status' => 202, 'body' => $body]]]);
            $sent = $this->sender()->send(self::envelopes(2), false);
            $this->assertSame([[], 2, '202'], [$sent->outcomes, count($sent->left), $sent->stopped], $body);
        }
    }

    /**
     * Answers that stop.
     *
     * @return array
     */
    public static function stopping_provider(): array {
        return array_map(fn($status) => [$status], [200, 301, 401, 403, 404, 429, 500, 502, 503]);
    }

    /**
     * What does not speak of the batch stops all that follows.
     *
     * @dataProvider stopping_provider
     * @param int $status
     */
    public function test_an_answer_that_does_not_speak_of_the_batch_stops(int $status): void {
        $this->sink->answer(['status' => $status]);
        $sent = $this->sender(['max_events' => 2])->send(self::envelopes(5), false);
        $this->assertSame([[], [], 5, (string) $status], [$sent->outcomes, $sent->refused, count($sent->left), $sent->stopped]);
        $this->assertSame(['e0', 'e1', 'e2', 'e3', 'e4'], array_column($sent->left, 'id'), 'in their order');
        $this->assertCount(1, $this->sink->requests());
    }

    public function test_one_bad_event_is_singled_out_and_the_rest_goes(): void {
        $this->sink->answer(['poison' => '"e37"']);
        $sent = $this->sender()->send(self::envelopes(100), false);
        $this->assertCount(99, $sent->outcomes);
        $this->assertSame(['e37' => '400 not-json: the body is no JSON'], $sent->refused);
        $this->assertSame([[], null], [$sent->left, $sent->stopped]);
        $this->assertLessThan(20, count($this->sink->requests()));
    }

    public function test_who_refuses_even_an_empty_batch_makes_no_event_refused(): void {
        foreach ([400, 413, 415, 422] as $status) {
            $this->sink->answer(['status' => $status]);
            $sent = $this->sender()->send(self::envelopes(3), false);
            $this->assertSame([[], [], 3, (string) $status], [$sent->outcomes, $sent->refused, count($sent->left), $sent->stopped]);
        }
    }

    public function test_batches_keep_the_limits_counted_in_bytes(): void {
        $this->sender(['max_events' => 3])->send(self::envelopes(7), false);
        $this->assertSame([3, 3, 1], $this->counts());
        // Two brackets, and each event with a comma but the last: 4 events of 40 bytes have 165.
        $this->sender(['max_body' => 165])->send(self::envelopes(9), false);
        $this->assertSame([4, 4, 1], $this->counts());
        $this->sender(['max_body' => 164])->send(self::envelopes(9), false);
        $this->assertSame([3, 3, 3], $this->counts());
    }

    public function test_an_event_that_is_too_large_alone_is_refused_without_asking(): void {
        $envelopes = [self::envelopes(1, 51)[0], self::envelopes(2, 50)[1]];
        $sent = $this->sender(['max_event' => 50])->send($envelopes, false);
        $this->assertSame(['e0' => 'too-large: 51 bytes, an event may have 50'], $sent->refused);
        $this->assertSame(['e1' => 'accepted'], $sent->outcomes);
    }

    public function test_the_budget_is_one_for_all_batches(): void {
        $this->sink->answer(['delay' => 120]);
        $begun = hrtime(true);
        $sent = $this->sender(['max_events' => 1], 300)->send(self::envelopes(20), false);
        $this->assertLessThan(600, (hrtime(true) - $begun) / 1e6);
        $this->assertContains($sent->stopped, ['budget', 'timeout']);
        $this->assertSame(20, count($sent->outcomes) + count($sent->left));
        $this->assertGreaterThanOrEqual(17, count($sent->left));
    }

    public function test_while_the_breaker_is_open_nothing_is_sent(): void {
        $sender = $this->sender();
        for ($i = 0; $i < 3; $i++) {
            breaker::failed();
        }
        $sent = $sender->send(self::envelopes(2), false);
        $this->assertSame(['breaker', 2], [$sent->stopped, count($sent->left)]);
        $this->assertSame([], $this->sink->requests());
        breaker::succeeded();
    }

    public function test_an_answer_that_was_given_too_little_time_says_nothing_of_the_sidecar(): void {
        $this->sink->answer(['delay' => 60]);
        $connection = $this->sink->connect();
        for ($i = 0; $i < 4; $i++) {
            (new sender($connection, wanted_list::LIMITS, 1000, 40))->send(self::envelopes(1), false);
        }
        $this->assertSame('closed', breaker::state());
        $this->sink->answer(['delay' => 160]);
        for ($i = 0; $i < 3; $i++) {
            (new sender($connection, wanted_list::LIMITS, 1000, 110))->send(self::envelopes(1), false);
        }
        $this->assertSame('open', breaker::state());
        breaker::succeeded();
    }

    public function test_nobody_listens(): void {
        $connection = $this->sink->connect([], ['endpoint' => 'http://127.0.0.1:1']);
        $sent = (new sender($connection, wanted_list::LIMITS, 300))->send(self::envelopes(2), false);
        $this->assertSame(['refused', 2], [$sent->stopped, count($sent->left)]);
    }

    /**
     * How many of each outcome.
     *
     * @param sent $sent
     * @return array
     */
    private function counted(sent $sent): array {
        $counts = array_count_values($sent->outcomes);
        ksort($counts);
        return $counts;
    }

    /**
     * How many events each request had.
     *
     * @return int[]
     */
    private function counts(): array {
        return array_map(fn($request) => count(json_decode($request['body'], true)), $this->sink->requests());
    }
}
