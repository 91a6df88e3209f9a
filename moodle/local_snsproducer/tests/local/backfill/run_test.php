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

namespace local_snsproducer\local\backfill;

use local_snsproducer\local\ledger;
use local_snsproducer\local\wanted\row;
use local_snsproducer\local\wanted\store;
use local_snsproducer\tests\sink;

/**
 * Tests a backfill from Moodle's own log to a real server.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 * @covers     \local_snsproducer\local\backfill\run
 * @covers     \local_snsproducer\local\backfill\log
 * @covers     \local_snsproducer\local\backfill\job
 * @covers     \local_snsproducer\local\backfill\order
 * @covers     \local_snsproducer\task\backfill
 */
final class run_test extends \advanced_testcase {
    /** @var string the events of these tests */
    private const ENROLLED = '\core\event\user_enrolment_created';

    /** @var sink the server */
    private sink $sink;

    protected function setUp(): void {
        parent::setUp();
        $this->resetAfterTest();
        $this->preventResetByRollback();
        set_config('enabled_stores', 'logstore_standard', 'tool_log');
        set_config('buffersize', 0, 'logstore_standard');
        get_log_manager(true);
        $this->sink = new sink();
    }

    protected function tearDown(): void {
        $this->sink->stop();
        get_log_manager(true);
        parent::tearDown();
    }

    /**
     * Puts people into a course, before anything is connected.
     *
     * @param int $n
     * @return \stdClass the course
     */
    private function enrolled(int $n): \stdClass {
        $course = $this->getDataGenerator()->create_course(['idnumber' => 'C1', 'fullname' => 'A name of today']);
        for ($i = 0; $i < $n; $i++) {
            $this->getDataGenerator()->create_and_enrol($course, 'student', ['idnumber' => "N$i"]);
        }
        return $course;
    }

    /**
     * Connects with a list that wants enrolments.
     *
     * @param string $event
     */
    private function connect(string $event = self::ENROLLED): void {
        $this->sink->connect([[
            'event' => $event, 'keys' => ['relateduserid', 'other.enrol'],
            'entities' => [
                'course' => ['fullname', 'id', 'idnumber'], 'user' => ['id', 'idnumber'], 'enrolment' => ['status'],
                'request' => ['origin'],
            ],
        ]]);
    }

    /**
     * A job for all that is in the log.
     *
     * @param int $rate
     * @return job
     */
    private static function job(int $rate = 1000): job {
        return new job('logstore_standard', 0, time() + 10, $rate, ordered: time());
    }

    /**
     * Runs a job to its end or to what stops it.
     *
     * @param job $job
     * @param bool $dry
     * @return string
     */
    private static function finish(job $job, bool $dry = false): string {
        $run = order::run($job, log::open('logstore_standard'), $dry);
        do {
            $word = $run->step();
        } while ($word === 'more');
        return $word;
    }

    public function test_what_was_before_goes_once_with_what_may_be_known_of_it(): void {
        $course = $this->enrolled(3);
        $this->connect();
        $job = self::job();
        $this->assertSame('done', self::finish($job));
        $events = $this->sink->events();
        $this->assertCount(3, $events);
        $first = $events[0];
        $this->assertSame([true, self::ENROLLED], [$first['backfill'], $first['type']]);
        $this->assertSame('8', $first['id'][14]);
        $told = array_map('strval', $first['data']['entities']['course']);
        $this->assertSame(['id' => (string)$course->id, 'idnumber' => 'C1'], $told);
        $this->assertSame('N0', $first['data']['entities']['user']['idnumber']);
        $this->assertArrayNotHasKey('enrolment', $first['data']['entities'], 'whether it is active is known of today only');
        $this->assertSame('cli', $first['data']['entities']['request']['origin'], 'kept in the log');
        $this->assertSame(['accepted' => 3], $job->counts['outcomes']);

        $again = self::job();
        $this->assertSame('done', self::finish($again));
        $this->assertSame(array_column($events, 'id'), array_column($this->sink->events(), 'id'), 'no second event');

        $sums = ledger::sums(0, self::ENROLLED);
        $outcomes = end($sums)[self::ENROLLED];
        $this->assertSame([6, 6], [(int)$outcomes['observed'], (int)$outcomes['accepted']], 'the sum holds');
    }

    public function test_requests_say_that_live_events_go_first(): void {
        $this->enrolled(1);
        $this->connect();
        self::finish(self::job());
        $this->assertMatchesRegularExpression('/^bulk: 1\r?$/mi', $this->sink->requests()[0]['head']);
    }

    public function test_it_goes_on_where_the_sidecar_stopped_taking(): void {
        $this->enrolled(5);
        $this->connect();
        $job = self::job(2);
        $job->keep();
        $run = order::run($job, log::open('logstore_standard'));
        $this->assertSame('more', $run->step());
        $this->sink->answer(['status' => 503]);
        $this->assertSame('503', $run->step());
        $this->assertSame(2, $job->counts['sent'], 'what had no answer is not counted');
        $this->assertSame([], $GLOBALS['DB']->get_records('local_snsproducer_outbox'), 'and not kept twice');

        $this->sink->answer([]);
        \local_snsproducer\local\breaker::succeeded();
        $kept = job::read();
        $this->assertTrue($kept->is_same($job));
        $this->assertSame('done', self::finish($kept));
        $this->assertSame(5, $kept->counts['outcomes']['accepted']);
        $this->assertNotNull(job::read()->finished);
    }

    public function test_what_was_observed_is_not_sent_again(): void {
        $this->enrolled(2);
        $this->connect();
        armed::note(store::all(false, false), time() - 100);
        $job = self::job();
        $this->assertSame('done', self::finish($job));
        $this->assertSame(['read' => 2, 'told_before' => 2], $job->counts);
        $this->assertSame([], $this->sink->requests());
    }

    public function test_a_dry_run_sends_and_remembers_nothing(): void {
        $this->enrolled(2);
        $this->connect();
        $job = self::job();
        $this->assertSame('done', self::finish($job, true));
        $this->assertSame([2, ['moodle.unit.done.v1' => 2]], [$job->counts['sent'], $job->counts['contracts']]);
        $this->assertSame([], $this->sink->requests());
        $this->assertNull(job::read());
        $this->assertSame([], ledger::sums(0));
    }

    public function test_anonymous_ones_go_last_and_tell_no_one(): void {
        global $DB;
        $this->enrolled(3);
        // As if the first had been anonymous.
        $first = $DB->get_records('logstore_standard_log', ['eventname' => self::ENROLLED], 'id', '*', 0, 1);
        $DB->set_field('logstore_standard_log', 'anonymous', 1, ['id' => key($first)]);
        $this->connect();
        $this->assertSame('done', self::finish(self::job()));
        $events = $this->sink->events();
        $this->assertSame([0, 0, 1], array_map(fn($event) => (int)$event['data']['event']['anonymous'], $events));
        $last = end($events);
        $this->assertArrayNotHasKey('raised', $last);
        $this->assertArrayNotHasKey('relateduserid', $last['data']['event']);
        $this->assertSame(['course'], array_keys($last['data']['entities']));
        $guess = past::id('unit', 'logstore_standard', (int)key($first), false, '');
        $this->assertNotSame($guess, $last['id'], 'the row can\'t be found by trying numbers');
    }

    public function test_the_task_does_it_and_is_done(): void {
        $this->enrolled(2);
        $this->connect();
        self::job()->keep();
        $task = function (): string {
            ob_start();
            (new \local_snsproducer\task\backfill())->execute();
            return ob_get_clean();
        };
        $this->assertStringContainsString('not noted yet', $task(), 'without that it might send what was observed');
        armed::note(store::all(false, false), time() + 100);
        $this->assertStringContainsString('backfill done, 2 events sent', $task());
        $this->assertStringContainsString('no backfill is ordered', $task());
        $this->assertCount(2, $this->sink->events());
    }

    public function test_nothing_goes_from_a_copy(): void {
        $this->connect();
        $this->assertNull(order::obstacle());
        set_config('connectedurl', 'https://elsewhere.example.org', 'local_snsproducer');
        $this->assertStringContainsString('looks like a copy', order::obstacle());
        set_config('connectedurl', '', 'local_snsproducer');
        $this->assertStringContainsString('not connected', order::obstacle());
        set_config('enabled', '0', 'local_snsproducer');
        $this->assertStringContainsString('not set up', order::obstacle());
    }
}
