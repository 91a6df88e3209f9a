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

use local_snsproducer\local\wanted\store;
use local_snsproducer\tests\sink;

/**
 * Tests the way of an event from the observer to the sidecar, the outbox and the ledger.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 * @covers     \local_snsproducer\local\request
 * @covers     \local_snsproducer\local\delivery
 * @covers     \local_snsproducer\local\envelope
 */
final class request_test extends \advanced_testcase {
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
    }

    protected function tearDown(): void {
        request::reset_for_test(false);
        breaker::succeeded();
        $this->sink->stop();
        parent::tearDown();
    }

    /**
     * Raises an event that is wanted.
     *
     * @return int the group's id
     */
    private function raise(): int {
        return groups_create_group((object) ['courseid' => $this->course->id, 'name' => uniqid('g')]);
    }

    /**
     * Connects and wants groups.
     *
     * @param array $row
     * @param array $config
     */
    private function connect(array $row = [], array $config = []): void {
        $this->sink->connect([$row + ['event' => self::GROUP_CREATED]], $config);
        request::reset_for_test();
    }

    /**
     * The ledger of the event, without hours.
     *
     * @param string $name
     * @return array outcome => n
     */
    private function ledger(string $name = self::GROUP_CREATED): array {
        $sum = [];
        foreach (ledger::sums(time() - DAYSECS, $name) as $names) {
            foreach ($names[$name] as $outcome => $n) {
                $sum[$outcome] = ($sum[$outcome] ?? 0) + $n;
            }
        }
        ksort($sum);
        return $sum;
    }

    /**
     * The rows of the outbox.
     *
     * @return \stdClass[]
     */
    private function outbox(): array {
        global $DB;
        return array_values($DB->get_records(outbox::TABLE, null, 'id'));
    }

    public function test_a_wanted_event_arrives_as_the_wire_says(): void {
        global $CFG;
        $this->connect(['keys' => ['userid'], 'entities' => ['group' => ['id', 'name'], 'course' => ['shortname']]]);
        $id = $this->raise();
        $this->assertSame([], $this->sink->requests(), 'nothing is sent before the end');
        request::finish();
        [$event] = $this->sink->events();
        $this->assertTrue(event_id::is_valid($event['id']));
        $this->assertMatchesRegularExpression('/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/', $event['time']);
        $this->assertMatchesRegularExpression('/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/', $event['raised']);
        $this->assertSame(['1.0', $CFG->wwwroot, self::GROUP_CREATED, 'list-1'], [
            $event['specversion'], $event['source'], $event['type'], $event['wantedlist'],
        ]);
        $this->assertSame(self::GROUP_CREATED, $event['data']['event']['eventname']);
        $this->assertEquals($id, $event['data']['event']['objectid']);
        $this->assertEquals(get_admin()->id, $event['data']['event']['userid']);
        $this->assertArrayNotHasKey('other', $event['data']['event']);
        $this->assertSame(['shortname' => 'short'], $event['data']['entities']['course']);
        $this->assertSame(['accepted' => 1, 'observed' => 1], $this->ledger());
        $this->assertSame([], $this->outbox());
        request::finish();
        $this->assertSame([], $this->sink->requests(), 'and nothing twice');
    }

    public function test_entities_that_are_none_are_an_empty_map(): void {
        $this->connect();
        $this->raise();
        request::finish();
        $this->assertStringContainsString('"entities":{}', $this->sink->requests()[0]['body']);
    }

    public function test_what_nobody_wants_is_neither_sent_nor_counted(): void {
        $this->connect();
        $this->getDataGenerator()->create_user();
        request::finish();
        $this->assertSame([[], [], []], [$this->sink->requests(), $this->outbox(), ledger::sums(0)]);
    }

    public function test_without_an_answer_it_waits_under_the_same_id_and_goes_later(): void {
        $this->connect();
        $this->sink->answer(['status' => 503]);
        $this->raise();
        request::finish();
        [$tried] = $this->sink->answer(['status' => 202]);
        [$row] = $this->outbox();
        $this->assertSame('[' . $row->body . ']', $tried['body']);
        $this->assertSame(['waiting', json_decode($row->body)->id], [$row->state, $row->eventid]);
        $this->assertSame(['observed' => 1, 'waiting' => 1], $this->ledger());
        // The next request whose own batch is taken drains what waits.
        request::reset_for_test();
        $this->raise();
        request::finish();
        $requests = $this->sink->requests();
        $this->assertCount(2, $requests);
        $this->assertSame($tried['body'], $requests[1]['body']);
        $this->assertStringContainsString("\nbulk: 1\r\n", $requests[1]['head']);
        $this->assertSame([], $this->outbox());
        $this->assertSame(['accepted' => 2, 'observed' => 2], $this->ledger());
    }

    public function test_a_refused_event_is_kept_with_the_reason(): void {
        $this->connect(['entities' => ['course' => ['shortname']]]);
        $this->sink->answer(['poison' => 'short']);
        $this->raise();
        request::finish();
        [$row] = $this->outbox();
        $this->assertSame(['refused', '400 not-json: the body is no JSON'], [$row->state, $row->reason]);
        $this->assertSame(['observed' => 1, 'refused' => 1], $this->ledger());
    }

    public function test_a_condition_that_does_not_hold_keeps_it_here(): void {
        $this->connect(['when' => ['field' => 'event.crud', 'in' => ['d']], 'keys' => ['crud']]);
        $this->raise();
        request::finish();
        $this->assertSame([], $this->sink->requests());
        $this->assertSame(['not_taken' => 1, 'observed' => 1], $this->ledger());
    }

    public function test_a_condition_on_what_is_not_known_keeps_it_here_and_is_noted(): void {
        $this->connect(['when' => ['field' => 'event.other.kind', 'in' => ['d']], 'keys' => ['other.kind']]);
        $this->raise();
        request::finish();
        $this->assertSame(['not_taken' => 1, 'observed' => 1, 'when_unknown' => 1], $this->ledger());
    }

    public function test_a_grade_that_is_not_taken_is_remembered(): void {
        global $DB;
        $this->sink->connect([[
            'event' => '\core\event\user_graded',
            'when' => ['field' => 'entities.grade.released', 'in' => ['true']],
            'entities' => ['grade' => ['released', 'finalgrade']],
        ]]);
        $user = $this->getDataGenerator()->create_and_enrol($this->course);
        $item = $this->getDataGenerator()->create_grade_item(['courseid' => $this->course->id, 'hidden' => 1]);
        request::reset_for_test();
        \grade_item::fetch(['id' => $item->id])->update_final_grade($user->id, 50);
        request::finish();
        $this->assertTrue($DB->record_exists('local_snsproducer_pending', ['itemid' => $item->id, 'userid' => $user->id]));
        $this->assertStringNotContainsString("\"itemid\":\"{$item->id}\"", json_encode($this->sink->requests()));
        $this->assertGreaterThan(0, $this->ledger('\core\event\user_graded')['not_taken']);
    }

    public function test_a_change_that_is_rolled_back_is_never_told(): void {
        global $DB;
        $this->connect();
        $transaction = $DB->start_delegated_transaction();
        $this->raise();
        try {
            $transaction->rollback(new \Exception('no'));
        } catch (\Exception $no) {
            $this->assertSame('no', $no->getMessage());
        }
        request::finish();
        $this->assertSame([[], []], [$this->sink->requests(), $this->ledger()]);
    }

    public function test_a_copy_is_silent(): void {
        $this->connect([], ['connectedurl' => 'https://the.original']);
        $this->raise();
        request::finish();
        $this->assertSame([[], [], []], [$this->sink->requests(), $this->outbox(), ledger::sums(0)]);
        // Nor does it send what the original left waiting.
        outbox::keep([self::envelope('a')], [], false, new tally());
        (new \local_snsproducer\task\drain_outbox())->execute();
        $this->assertSame([], $this->sink->requests());
        $this->expectOutputRegex('/not connected/');
    }

    public function test_without_a_list_events_are_only_counted(): void {
        $this->sink->connect();
        request::reset_for_test();
        $this->raise();
        request::finish();
        $this->assertSame([[], []], [$this->sink->requests(), $this->outbox()]);
        $this->assertSame(['observed' => 1, 'unarmed' => 1], $this->ledger());
    }

    public function test_in_the_unit_tests_of_others_nothing_is_observed(): void {
        $this->connect();
        request::reset_for_test(false);
        $this->raise();
        request::finish();
        $this->assertSame([[], []], [$this->sink->requests(), ledger::sums(0)]);
    }

    public function test_a_long_process_sends_every_500_events_but_not_inside_a_transaction(): void {
        global $DB;
        $this->connect();
        $event = \core\event\group_created::create([
            'context' => \context_course::instance($this->course->id),
            'objectid' => $this->raise(),
        ]);
        for ($i = 1; $i < 499; $i++) {
            request::observe($event);
        }
        $this->assertSame([], $this->sink->requests());
        $transaction = $DB->start_delegated_transaction();
        request::observe($event);
        request::observe($event);
        $this->assertSame([], $this->sink->requests());
        $transaction->allow_commit();
        request::observe($event);
        $events = $this->sink->events();
        $this->assertCount(502, $events);
        $this->assertCount(502, array_unique(array_column($events, 'id')));
        $raised = array_column($events, 'raised');
        $sorted = $raised;
        sort($sorted);
        $this->assertSame($sorted, $raised);
        $this->assertCount(502, array_unique($raised), 'raised grows strictly');
        $this->assertSame(['accepted' => 502, 'observed' => 502], $this->ledger());
    }

    public function test_an_anonymous_event_names_nobody_anywhere(): void {
        global $DB;
        $name = '\mod_feedback\event\response_submitted';
        $feedback = $this->getDataGenerator()->create_module('feedback', ['course' => $this->course, 'anonymous' => 1]);
        $user = $this->getDataGenerator()->create_and_enrol($this->course);
        $this->sink->connect([
            ['event' => $name, 'keys' => ['userid', 'relateduserid', 'other.cmid'], 'entities' => [
                'user' => ['id', 'username'], 'actor' => ['id'], 'cm' => ['id', 'name'], 'request' => ['origin', 'realuserid'],
            ]],
            ['event' => self::GROUP_CREATED],
        ]);
        request::reset_for_test();
        $this->sink->answer(['status' => 503]);
        $this->setUser($user);
        \mod_feedback\event\response_submitted::create([
            'context' => \context_module::instance($feedback->cmid),
            'courseid' => $this->course->id,
            'objectid' => 777111,
            'relateduserid' => $user->id,
            'anonymous' => 1,
            'other' => ['cmid' => $feedback->cmid, 'instanceid' => $feedback->id, 'anonymous' => 1],
        ])->trigger();
        $this->raise();
        request::finish();
        [$request] = $this->sink->requests();
        [$named, $event] = json_decode($request['body'], true);
        $this->assertSame([self::GROUP_CREATED, $name], [$named['type'], $event['type']], 'it comes last');
        $hour = time() - time() % HOURSECS;
        $this->assertSame(gmdate('Y-m-d\TH:00:00\Z', $hour), $event['time']);
        $this->assertSame($hour * 1000, event_id::millis($event['id']));
        $this->assertArrayNotHasKey('raised', $event);
        $this->assertEqualsCanonicalizing(
            ['eventname', 'courseid', 'contextlevel', 'contextid', 'contextinstanceid', 'anonymous', 'timecreated'],
            array_keys($event['data']['event']),
        );
        $this->assertSame($hour, $event['data']['event']['timecreated']);
        $this->assertSame(['cm'], array_keys($event['data']['entities']));
        $row = $DB->get_record(outbox::TABLE, ['eventname' => $name]);
        $this->assertSame([$event['id'], null, null], [$row->eventid, $row->userid, $row->relateduserid]);
        $this->assertEquals([$hour, $hour], [$row->timecreated, $row->hour]);
        $this->assertStringNotContainsString('777111', $row->body);
        $this->assertStringNotContainsString($user->username, $row->body);
    }

    public function test_who_stands_in_an_event_is_noted_beside_it(): void {
        $user = $this->getDataGenerator()->create_user();
        $enrolled = '\core\event\user_enrolment_created';
        $this->sink->connect([['event' => $enrolled, 'keys' => ['relateduserid']]]);
        request::reset_for_test();
        $this->sink->answer(['status' => 503]);
        $this->getDataGenerator()->enrol_user($user->id, $this->course->id);
        request::finish();
        [$row] = $this->outbox();
        $this->assertEquals([$user->id, null], [$row->relateduserid, $row->userid], 'the actor is not in it');
    }

    public function test_a_database_that_takes_nothing_breaks_no_page(): void {
        global $DB;
        $this->connect();
        $this->sink->answer(['status' => 503]);
        $this->raise();
        // A database that fell back to a read-only replica, for what comes now.
        $session = [
            'postgres' => 'SET SESSION CHARACTERISTICS AS TRANSACTION ',
            // MariaDB and MySQL have each a name of their own for the variable behind it.
            'mysql' => 'SET SESSION TRANSACTION ',
        ][$DB->get_dbfamily()];
        $DB->execute($session . 'READ ONLY');
        try {
            request::finish();
        } finally {
            $DB->execute($session . 'READ WRITE');
        }
        $this->assertNotEmpty($this->getDebuggingMessages());
        $this->assertStringNotContainsString('INSERT', json_encode($this->getDebuggingMessages()), 'no statement is told');
        $this->resetDebugging();
        $this->assertSame([], $this->outbox());
    }

    /**
     * An event as it lies in the outbox.
     *
     * @param string $id
     * @return envelope
     */
    private static function envelope(string $id): envelope {
        return new envelope($id, self::GROUP_CREATED, '{"id":"' . $id . '"}', 0, time());
    }
}
