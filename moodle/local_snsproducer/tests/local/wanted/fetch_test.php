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

namespace local_snsproducer\local\wanted;

use local_snsproducer\local\connection;
use local_snsproducer\local\state;
use local_snsproducer\tests\sink;

/**
 * Tests that the list is asked for and believed only when it is signed.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 * @covers     \local_snsproducer\local\wanted\fetch
 */
final class fetch_test extends \advanced_testcase {
    /** @var sink */
    private sink $sink;

    /** @var string the secret's bytes in base64 */
    private string $secret;

    protected function setUp(): void {
        parent::setUp();
        $this->resetAfterTest();
        $this->sink = new sink();
        $this->secret = base64_encode(str_repeat('k', 24));
        $this->sink->connect();
    }

    protected function tearDown(): void {
        $this->sink->stop();
        parent::tearDown();
    }

    /**
     * A list as the sidecar tells it.
     *
     * @param string $etag
     * @param array $more
     * @return string
     */
    private static function told(string $etag, array $more = []): string {
        $row = [
            'contract' => 'moodle.x.done.v1', 'event' => '\core\event\x', 'keys' => ['userid'],
            'entities' => ['user' => ['id', 'email']],
        ];
        return json_encode($more + ['etag' => $etag, 'limits' => ['max_body' => 1000], 'rows' => [$row]]);
    }

    /**
     * Asks once, and is told this.
     *
     * @param string $body
     * @param int $status
     * @param array $how see fixtures/sink.php
     * @return array the word, and what state says of it
     */
    private function ask(string $body, int $status = 200, array $how = []): array {
        $this->sink->answer($how + ['answers' => [['status' => $status, 'body' => $body]], 'sign' => $this->secret]);
        $word = fetch::run();
        return [$word, json_decode(state::get('fetch'), true)];
    }

    public function test_a_new_list_is_kept_and_the_same_one_is_not_written_again(): void {
        global $CFG;
        $ledger = ['since' => '2026-11-24T00:00:00Z', 'events' => ['accepted' => 5, 'x' => 'y']];
        [$word, $came] = $this->ask(self::told('one', ['ledger' => $ledger]));
        $this->assertSame('new', $word);
        $this->assertSame([null, 200], [$came['failure'], $came['status']]);
        $this->assertSame($came['at'], $came['ok_at']);
        $this->assertEqualsWithDelta(0, $came['skew'], 2);
        $this->assertTrue(store::current()->wants('\core\event\x'));
        $this->assertSame(['user' => ['id']], store::current()->rows('\core\event\x')[0]->entities);
        $this->assertSame(1000, store::current()->limits['max_body']);
        $sidecar = json_decode(state::get('sidecar'), true);
        $this->assertSame(['2026-11-24T00:00:00Z', ['accepted' => 5]], [$sidecar['since'], $sidecar['events']]);

        $asked = json_decode($this->sink->requests()[0]['body'], true);
        $this->assertSame([1, '', $CFG->wwwroot, []], [$asked['wire'], $asked['etag'], $asked['url'], $asked['ledger']]);
        $this->assertSame('same', $this->ask('{"etag":"one"}')[0]);
        $asked = json_decode($this->sink->requests()[0]['body'], true);
        $this->assertSame('one', $asked['etag']);
        $this->assertSame('new', $this->ask(self::told('two'))[0]);
        $this->assertSame('two', store::etag());
    }

    public function test_an_answer_that_is_not_signed_for_this_question_is_not_believed(): void {
        $this->ask(self::told('one'));
        $other = base64_encode(str_repeat('x', 24));
        [$word, $came] = $this->ask(self::told('two'), 200, ['sign' => $other]);
        $this->assertSame(['signature', 'signature'], [$word, $came['failure']]);
        $this->assertSame('signature', $this->ask(self::told('two'), 200, ['sign' => null])[0]);
        $this->assertSame('one', store::etag());
        [$word, $came] = $this->ask(self::told('two'), 200, ['skew' => 400]);
        $this->assertSame('clock', $word);
        $this->assertEqualsWithDelta(400, $came['skew'], 2);
        $this->assertEqualsWithDelta(400, $came['theirs'] - $came['ours'], 2);
        $this->assertSame('one', store::etag(), 'the list before stays in force');
        $this->assertLessThanOrEqual($came['at'], $came['ok_at']);
    }

    public function test_a_problem_is_told_in_the_sidecars_words(): void {
        $detail = 'the signature fits, but it was made at 5 (Unix seconds) and it is 9 here';
        $body = json_encode(['type' => 'urn:moodle-sns-producer:problem:clock', 'detail' => $detail]);
        [$word, $came] = $this->ask($body, 401, ['skew' => -3600]);
        $this->assertSame('status', $word);
        $found = [$came['failure'], $came['status'], $came['kind'], $came['detail']];
        $this->assertSame(['status', 401, 'clock', $detail], $found);
        $this->assertEqualsWithDelta(-3600, $came['skew'], 2);
        $this->assertEqualsWithDelta(-3600, $came['theirs'] - $came['ours'], 2);
        [, $came] = $this->ask('<html>', 502);
        $found = [$came['failure'], $came['status'], $came['kind'], $came['detail']];
        $this->assertSame(['status', 502, null, 'the sidecar answered 502'], $found);
    }

    public function test_an_answer_of_another_form_leaves_the_list_as_it_was(): void {
        $this->ask(self::told('one'));
        $good = ['contract' => 'c', 'event' => '\x', 'keys' => [], 'entities' => []];
        $bad = [
            '', '[]', '{}', '{"etag":5}', '{"etag":""}', '{"etag":"a b"}', '{"etag":"two"}', '{"etag":"two","rows":{"a":{}}}',
            '{"etag":"two","rows":[{}]}',
            self::told('two', ['rows' => [$good, ['contract' => 'c']]]),
        ];
        foreach ($bad as $body) {
            [$word, $came] = $this->ask($body);
            $this->assertSame(['form', 'form'], [$word, $came['failure']], $body);
            $this->assertSame('one', store::etag());
        }
    }

    public function test_nobody_is_asked_where_nothing_is_connected(): void {
        global $CFG;
        $this->sink->requests();
        $CFG->wwwroot = 'https://copy.example.org';
        $this->assertSame('copy', fetch::run());
        set_config('connectedurl', '', connection::PLUGIN);
        $this->assertSame('unarmed', fetch::run());
        set_config('endpoint', 'ftp://x', connection::PLUGIN);
        $this->assertSame('scheme', fetch::run());
        set_config('enabled', 0, connection::PLUGIN);
        $this->assertSame('disabled', fetch::run());
        $this->assertSame([], $this->sink->requests());
    }

    public function test_a_sidecar_that_is_down_is_told(): void {
        set_config('endpoint', 'http://127.0.0.1:1', connection::PLUGIN);
        $this->assertSame('refused', fetch::run());
        $came = json_decode(state::get('fetch'), true);
        $this->assertSame(['refused', 0, null], [$came['failure'], $came['status'], $came['ok_at']]);
    }

    public function test_the_task_only_asks(): void {
        $this->expectOutputRegex('/^local_snsproducer: (form|same|new)$/m');
        $this->sink->answer(['answers' => [['status' => 200, 'body' => self::told('one')]], 'sign' => $this->secret]);
        (new \local_snsproducer\task\fetch_wanted())->execute();
        $this->assertSame('one', store::etag());
    }
}
