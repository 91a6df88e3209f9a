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

use local_snsproducer\task\drain_outbox;
use local_snsproducer\tests\sink;

/**
 * Tests strict mode: told if and only if committed, once.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 * @covers     \local_snsproducer\local\strict
 */
final class strict_test extends \advanced_testcase {
    /** @var string */
    private const GROUP_CREATED = '\core\event\group_created';

    /** @var sink */
    private sink $sink;

    /** @var \stdClass */
    private \stdClass $course;

    protected function setUp(): void {
        parent::setUp();
        $this->resetAfterTest();
        $this->preventResetByRollback();
        $this->setAdminUser();
        $this->sink = new sink();
        $this->course = $this->getDataGenerator()->create_course(['shortname' => 'short']);
        require_once(__DIR__ . '/../../../../group/lib.php');
        $this->sink->connect([[
            'event' => self::GROUP_CREATED,
            'keys' => ['userid'],
            'entities' => ['course' => ['shortname'], 'group' => ['name'], 'request' => ['origin']],
        ]], ['strict' => self::GROUP_CREATED]);
        request::reset_for_test();
    }

    protected function tearDown(): void {
        request::reset_for_test(false);
        $this->sink->stop();
        parent::tearDown();
    }

    /**
     * Raises an event in strict mode.
     */
    private function raise(): void {
        groups_create_group((object) ['courseid' => $this->course->id, 'name' => uniqid('g')]);
    }

    /**
     * The rows of the outbox.
     *
     * @return \stdClass[]
     */
    private function rows(): array {
        global $DB;
        return array_values($DB->get_records(outbox::TABLE, null, 'id'));
    }

    /**
     * The ledger.
     *
     * @return array outcome => n
     */
    private function ledger(): array {
        $total = ledger::total(0);
        ksort($total);
        return $total;
    }

    /**
     * What remains when PHP is killed now: memory is gone, the database is as it is.
     */
    private function kill(): void {
        request::reset_for_test();
    }

    /**
     * Lets the task run.
     */
    private function run_task(): void {
        ob_start();
        (new drain_outbox())->execute();
        ob_end_clean();
    }

    /**
     * Makes all rows older.
     *
     * @param int $seconds
     */
    private function age(int $seconds): void {
        global $DB;
        $DB->execute('UPDATE {' . outbox::TABLE . '} SET timecreated = timecreated - ?', [$seconds]);
    }

    public function test_the_row_is_there_at_once_and_gone_when_it_is_accepted(): void {
        $this->raise();
        [$row] = $this->rows();
        $this->assertSame(['open', self::GROUP_CREATED], [$row->state, $row->eventname]);
        $this->assertSame(['observed' => 1, 'waiting' => 1], $this->ledger());
        $body = json_decode($row->body, true);
        $this->assertArrayNotHasKey('course', $body['data']['entities'], 'nothing was read in the observer');
        request::finish();
        [$event] = $this->sink->events();
        $this->assertSame([$row->eventid, 'short'], [$event['id'], $event['data']['entities']['course']['shortname']]);
        $this->assertArrayNotHasKey('entities_late', $event);
        $this->assertSame([], $this->rows());
        $this->assertSame(['accepted' => 1, 'observed' => 1], $this->ledger());
    }

    public function test_what_is_rolled_back_is_never_told(): void {
        global $DB;
        $this->raise();
        $transaction = $DB->start_delegated_transaction();
        $this->raise();
        $this->assertCount(2, $this->rows());
        try {
            $transaction->rollback(new \Exception('no'));
        } catch (\Exception $no) {
            $this->assertCount(1, $this->rows());
        }
        request::finish();
        $this->assertCount(1, $this->sink->events());
        $this->assertSame(['accepted' => 1, 'observed' => 1], $this->ledger());
    }

    public function test_an_inner_transaction_that_rolls_back_takes_the_outer_with_it(): void {
        global $DB;
        $outer = $DB->start_delegated_transaction();
        $this->raise();
        $inner = $DB->start_delegated_transaction();
        $this->raise();
        try {
            $inner->rollback(new \Exception('no'));
        } catch (\Exception $no) {
            $DB->force_transaction_rollback();
        }
        request::finish();
        $this->assertSame([[], [], []], [$this->sink->requests(), $this->rows(), $this->ledger()]);
    }

    public function test_a_nested_commit_is_told_once(): void {
        global $DB;
        $outer = $DB->start_delegated_transaction();
        $inner = $DB->start_delegated_transaction();
        $this->raise();
        $inner->allow_commit();
        $outer->allow_commit();
        request::finish();
        $this->assertCount(1, $this->sink->events());
        $this->assertSame(['accepted' => 1, 'observed' => 1], $this->ledger());
    }

    public function test_killed_before_the_end_it_is_told_later_with_what_can_still_be_read(): void {
        $this->raise();
        [$row] = $this->rows();
        $this->kill();
        $this->run_task();
        $this->assertSame([], $this->sink->requests(), 'a request may still be at work on it');
        $this->age(901);
        $this->run_task();
        [$event] = $this->sink->events();
        $this->assertSame($row->eventid, $event['id']);
        $this->assertSame(json_decode($row->body)->raised, $event['raised']);
        $this->assertTrue($event['entities_late']);
        $this->assertSame('short', $event['data']['entities']['course']['shortname']);
        $this->assertNotEmpty($event['data']['entities']['group']['name'], 'what the event held was in the row');
        $this->assertNotEmpty($event['data']['entities']['request']['origin']);
        $this->assertSame([], $this->rows());
        $this->assertSame(['accepted' => 1, 'observed' => 1], $this->ledger());
        $this->run_task();
        $this->assertSame([], $this->sink->requests());
    }

    public function test_killed_between_answer_and_deletion_it_is_told_again_under_the_same_id(): void {
        global $DB;
        $this->raise();
        $rows = $this->rows();
        request::finish();
        $DB->insert_record_raw(outbox::TABLE, $rows[0], false, false, true);
        $this->age(901);
        $this->sink->answer(['answers' => [['status' => 202, 'body' => json_encode([
            'accepted' => 0, 'duplicate' => 1, 'unwanted' => 0, 'parked' => [], 'spool' => 'one',
        ])]]]);
        $this->run_task();
        $this->assertSame([$rows[0]->eventid], array_column($this->sink->events(), 'id'));
        $this->assertSame([], $this->rows());
    }

    public function test_without_an_answer_the_row_is_completed_and_waits(): void {
        $this->sink->answer(['status' => 503]);
        $this->raise();
        $this->raise();
        request::finish();
        $this->assertSame(['waiting', 'waiting'], array_column($this->rows(), 'state'));
        $this->assertSame('short', json_decode($this->rows()[0]->body)->data->entities->course->shortname);
        $this->assertSame(['observed' => 2, 'waiting' => 2], $this->ledger());
        breaker::succeeded();
        $this->sink->answer(['status' => 202]);
        $this->run_task();
        $this->assertSame(['accepted' => 2, 'observed' => 2], $this->ledger());
    }

    public function test_what_no_row_takes_at_the_end_leaves_the_outbox_uncounted_as_sent(): void {
        $graded = '\core\event\user_graded';
        $released = ['field' => 'entities.grade.released', 'in' => ['true']];
        $this->sink->connect([
            ['event' => $graded, 'when' => $released, 'entities' => ['grade' => ['released']]],
            ['event' => self::GROUP_CREATED],
        ], ['strict' => $graded]);
        $user = $this->getDataGenerator()->create_and_enrol($this->course);
        $item = $this->getDataGenerator()->create_grade_item(['courseid' => $this->course->id, 'hidden' => 1]);
        foreach ([false, true] as $killed) {
            request::reset_for_test();
            \grade_item::fetch(['id' => $item->id])->update_final_grade($user->id, $killed ? 60 : 50);
            $this->assertContains('open', array_column($this->rows(), 'state'));
            if ($killed) {
                $this->kill();
                $this->age(901);
                $this->run_task();
            } else {
                request::finish();
            }
            $this->assertSame([], array_filter($this->rows(), fn($row) => $row->state === 'open'));
            $this->assertStringNotContainsString("\"relateduserid\":\"{$user->id}\"", json_encode($this->sink->requests()));
        }
        $ledger = $this->ledger();
        $this->assertGreaterThanOrEqual(2, $ledger['not_taken']);
        $this->assertArrayNotHasKey('unaccounted', $ledger);
    }

    public function test_an_anonymous_row_names_nobody_and_is_taken_over_when_its_hour_is_long_over(): void {
        global $DB;
        $name = '\mod_feedback\event\response_submitted';
        $feedback = $this->getDataGenerator()->create_module('feedback', ['course' => $this->course, 'anonymous' => 1]);
        $user = $this->getDataGenerator()->create_and_enrol($this->course);
        $this->sink->connect([
            ['event' => $name, 'keys' => ['userid'], 'entities' => [
                'user' => ['username'], 'cm' => ['id'], 'course' => ['shortname'],
            ]],
            ['event' => self::GROUP_CREATED],
            ['event' => '\a\event\b'],
        ], ['strict' => $name]);
        request::reset_for_test();
        $this->setUser($user);
        \mod_feedback\event\response_submitted::create([
            'context' => \context_module::instance($feedback->cmid),
            'courseid' => $this->course->id,
            'objectid' => 777111,
            'relateduserid' => $user->id,
            'anonymous' => 1,
            'other' => ['cmid' => $feedback->cmid, 'instanceid' => $feedback->id, 'anonymous' => 1],
        ])->trigger();
        [$row] = $this->rows();
        $this->assertSame([null, null, 0], [$row->userid, $row->relateduserid, $row->timecreated % HOURSECS]);
        $this->assertSame(0, event_id::millis($row->eventid) % (HOURSECS * 1000));
        $this->assertStringNotContainsString('777111', $row->body);
        $this->kill();
        $DB->set_field(outbox::TABLE, 'timecreated', time() - HOURSECS - 840);
        $this->run_task();
        $this->assertSame([], $this->sink->requests(), 'it may be of the end of that hour');
        $DB->set_field(outbox::TABLE, 'timecreated', time() - HOURSECS - 901);
        $this->run_task();
        [$event] = $this->sink->events();
        $this->assertSame($row->eventid, $event['id']);
        $this->assertEqualsCanonicalizing(['course', 'cm'], array_keys($event['data']['entities']));
        $this->assertStringNotContainsString($user->username, json_encode($event));
        $this->assertArrayNotHasKey('raised', $event);
    }

    public function test_a_row_that_can_not_be_written_lets_the_event_go_the_usual_way(): void {
        global $DB;
        // The list is loaded before the database fails.
        $this->getDataGenerator()->create_user();
        $real = $DB;
        $transaction = $DB->start_delegated_transaction();
        $DB = $this->getMockBuilder(get_class($real))->disableOriginalConstructor()
            ->onlyMethods(['insert_record', 'is_transaction_started', 'get_dbfamily', 'get_record', 'get_records'])->getMock();
        $DB->method('insert_record')->willThrowException(new \dml_write_exception('disk full'));
        $event = \core\event\group_created::create([
            'context' => \context_course::instance($this->course->id),
            'objectid' => 5,
        ]);
        try {
            \local_snsproducer\observer::strict($event);
        } finally {
            $DB = $real;
        }
        $this->assertDebuggingCalled();
        $transaction->allow_commit();
        \local_snsproducer\observer::event($event);
        request::finish();
        $this->assertCount(1, $this->sink->events());
        $this->assertSame(['accepted' => 1, 'observed' => 1], $this->ledger());
    }
}
