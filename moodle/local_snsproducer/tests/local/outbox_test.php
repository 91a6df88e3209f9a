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
 * Tests the outbox and its drain.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 * @covers     \local_snsproducer\local\outbox
 * @covers     \local_snsproducer\local\drain
 * @covers     \local_snsproducer\local\spool
 */
final class outbox_test extends \advanced_testcase {
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
     * Keeps events.
     *
     * @param int $n
     * @param int $from number of the first
     * @return tally what it counted
     */
    private static function keep(int $n, int $from = 0): tally {
        $envelopes = [];
        for ($i = $from; $i < $from + $n; $i++) {
            $envelopes[] = new envelope("e$i", '\a\event\b', '{"id":"e' . $i . '"}', 3600, time());
        }
        $tally = new tally();
        outbox::keep($envelopes, [], false, $tally);
        return $tally;
    }

    /**
     * Drains.
     *
     * @param array $limits
     * @return drain
     */
    private function drain(array $limits = []): drain {
        $limits += wanted_list::LIMITS;
        return drain::run(new sender($this->sink->connect(), $limits, 20000), $limits, drain::MANY, 20000);
    }

    /**
     * States with how many rows are in each.
     *
     * @return array
     */
    private function states(): array {
        global $DB;
        return $DB->get_records_sql_menu('SELECT state, COUNT(*) FROM {' . outbox::TABLE . '} GROUP BY state');
    }

    public function test_it_drains_oldest_first_until_it_is_empty(): void {
        self::keep(25);
        $drain = $this->drain(['max_events' => 10]);
        $this->assertSame([25, null], [$drain->gone, $drain->stopped]);
        $this->assertSame(array_map(fn($i) => "e$i", range(0, 24)), array_column($this->sink->events(), 'id'));
        $this->assertFalse(outbox::has_waiting());
        $this->assertSame(['accepted' => 25, 'unaccounted' => -25], ledger::total(0));
    }

    public function test_one_bad_row_does_not_stop_it(): void {
        self::keep(60);
        $this->sink->answer(['poison' => '"e7"']);
        $drain = $this->drain(['max_events' => 50]);
        $this->assertSame([59, 1, null], [$drain->gone, $drain->refused, $drain->stopped]);
        $this->assertEquals(['refused' => 1], $this->states());
        // A person asks for it again.
        global $DB;
        outbox::retry($DB->get_fieldset_select(outbox::TABLE, 'id', '1 = 1'));
        $this->assertEquals(['waiting' => 1], $this->states());
        $this->sink->answer([]);
        $this->assertSame(1, $this->drain()->gone);
    }

    public function test_what_stops_it_leaves_all_as_it_was(): void {
        self::keep(5);
        $this->sink->answer(['status' => 429]);
        $drain = $this->drain();
        $this->assertSame([0, '429'], [$drain->gone, $drain->stopped]);
        $this->assertEquals(['waiting' => 5], $this->states());
    }

    public function test_a_row_too_large_for_a_batch_goes_alone(): void {
        self::keep(3);
        $this->assertSame(3, $this->drain(['max_body' => 16])->gone);
        $this->assertCount(3, $this->sink->requests());
    }

    public function test_rows_of_another_site_are_never_sent(): void {
        global $DB;
        self::keep(2);
        $DB->set_field(outbox::TABLE, 'wwwroot', 'https://the.original', ['eventid' => 'e0']);
        $this->drain();
        $this->assertSame(['e1'], array_column($this->sink->events(), 'id'));
        $this->assertEquals(['waiting' => 1], $this->states());
    }

    public function test_only_one_process_drains(): void {
        global $CFG;
        // Of all kinds of lock only these exclude each other within one process.
        $CFG->lock_factory = '\core\lock\file_lock_factory';
        self::keep(1);
        $lock = \core\lock\lock_config::get_lock_factory('local_snsproducer')->get_lock('drain', 0);
        try {
            $this->assertSame('locked', $this->drain()->stopped);
        } finally {
            $lock->release();
        }
        $this->assertSame(1, $this->drain()->gone);
    }

    public function test_at_the_cap_newer_events_are_counted_as_lost(): void {
        self::keep(1);
        foreach ([['rows' => outbox::MOST_ROWS, 'oldest' => 0], ['rows' => 1, 'oldest' => time() - outbox::OLDEST - 1]] as $full) {
            state::set('outbox', json_encode($full + ['at' => time()]));
            self::keep(2, 10)->write();
        }
        $this->assertEquals(['waiting' => 1], $this->states());
        $this->assertSame(4, ledger::total(0)['lost_at_cap']);
        $almost = ['rows' => outbox::MOST_ROWS - 1, 'oldest' => time() - outbox::OLDEST + 60];
        state::set('outbox', json_encode($almost + ['at' => time()]));
        self::keep(2, 10);
        $this->assertEquals(['waiting' => 3], $this->states());
    }

    public function test_what_is_known_of_its_size_is_believed_for_ten_minutes(): void {
        global $DB;
        state::set('outbox', json_encode(['rows' => outbox::MOST_ROWS, 'oldest' => 0, 'at' => time() - 601]));
        self::keep(1);
        $this->assertEquals(['waiting' => 1], $this->states());
        $DB->set_field(outbox::TABLE, 'timecreated', time() - outbox::OLDEST - 10);
        $this->assertFalse(outbox::is_full());
        outbox::measure();
        $this->assertTrue(outbox::is_full());
    }

    public function test_an_id_that_is_there_already_costs_the_others_nothing(): void {
        self::keep(1);
        self::keep(3);
        $this->assertEquals(['waiting' => 3], $this->states());
        $this->assertDebuggingCalled();
    }

    public function test_dropping_is_counted_as_refused(): void {
        global $DB;
        self::keep(3);
        $ids = $DB->get_fieldset_select(outbox::TABLE, 'id', '1 = 1');
        outbox::drop(array_slice($ids, 0, 2));
        $this->assertEquals(['waiting' => 1], $this->states());
        $total = ledger::total(0);
        $this->assertSame([2, 1], [$total['refused'], $total['waiting']]);
    }

    public function test_another_spool_is_noted_until_a_person_accepts_it(): void {
        self::keep(1);
        $this->drain();
        $this->assertSame(['one', null], [state::get('spool'), spool::other()]);
        self::keep(1);
        $this->sink->answer(['spool' => 'two']);
        $this->drain();
        $this->assertSame(['one', 'two'], [state::get('spool'), spool::other()]);
        spool::accept();
        $this->assertSame(['two', null], [state::get('spool'), spool::other()]);
    }
}
