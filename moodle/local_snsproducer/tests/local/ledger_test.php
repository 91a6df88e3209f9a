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
 * Tests that the ledger's sums hold.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 * @covers     \local_snsproducer\local\ledger
 * @covers     \local_snsproducer\local\tally
 */
final class ledger_test extends \advanced_testcase {
    /** @var string */
    private const A = '\a\event\a';

    /** @var string */
    private const B = '\a\event\b';

    protected function setUp(): void {
        parent::setUp();
        $this->resetAfterTest();
    }

    /**
     * The hour some hours ago.
     *
     * @param int $ago
     * @return int
     */
    private static function hour(int $ago = 0): int {
        return time() - time() % HOURSECS - $ago * HOURSECS;
    }

    /**
     * A tally with this in it, written down.
     *
     * @param array $counts of [hour, name, outcome, n]
     */
    private static function written(array $counts): void {
        $tally = new tally();
        foreach ($counts as [$hour, $name, $outcome, $n]) {
            $tally->add($hour, $name, $outcome, $n);
        }
        $tally->write();
    }

    public function test_what_is_missing_from_the_sum_is_unaccounted(): void {
        $hour = self::hour();
        self::written([[$hour, self::A, 'observed', 10], [$hour, self::A, 'accepted', 6], [$hour, self::A, 'not_taken', 1]]);
        self::written([[$hour, self::A, 'when_unknown', 1], [$hour, self::A, 'duplicate', 1]]);
        $this->assertEquals([
            'observed' => 10, 'accepted' => 6, 'not_taken' => 1, 'when_unknown' => 1, 'duplicate' => 1, 'unaccounted' => 2,
        ], ledger::sums($hour)[$hour][self::A]);
    }

    public function test_what_waits_is_counted_where_it_lies(): void {
        $hour = self::hour();
        self::written([[$hour, self::A, 'observed', 3]]);
        $envelopes = array_map(fn($id) => new envelope($id, self::A, '{}', $hour, time()), ['1', '2', '3']);
        outbox::keep($envelopes, ['2' => 'why'], false, new tally());
        $this->assertEquals(['observed' => 3, 'waiting' => 2, 'refused' => 1], ledger::sums($hour)[$hour][self::A]);
    }

    public function test_rolling_up_changes_no_sum(): void {
        global $DB;
        for ($i = 0; $i < 3; $i++) {
            self::written([
                [self::hour(), self::A, 'observed', 2],
                [self::hour(1), self::B, 'accepted', 1],
                [self::hour(1), self::B, 'observed', 1],
            ]);
            if ($i === 1) {
                ledger::roll_up(PHP_INT_MAX);
            }
        }
        $before = ledger::sums(0);
        $this->assertSame(3, ledger::roll_up(PHP_INT_MAX));
        $this->assertEquals($before, ledger::sums(0));
        $this->assertSame([0, 3], [$DB->count_records(tally::TABLE), $DB->count_records('local_snsproducer_ledger')]);
        $this->assertSame(0, ledger::roll_up(PHP_INT_MAX));
    }

    public function test_sums_begin_with_the_hour_and_may_be_of_one_event(): void {
        self::written([
            [self::hour(5), self::A, 'observed', 1],
            [self::hour(2), self::A, 'observed', 1],
            [self::hour(2), self::B, 'observed', 1],
        ]);
        $this->assertSame([self::hour(2)], array_keys(ledger::sums(self::hour(2) + 1800)));
        $this->assertSame([self::A], array_keys(ledger::sums(self::hour(2), self::A)[self::hour(2)]));
    }

    public function test_what_is_older_than_90_days_goes(): void {
        global $DB;
        self::written([[self::hour(91 * 24), self::A, 'observed', 1], [self::hour(89 * 24), self::A, 'observed', 1]]);
        ledger::roll_up(PHP_INT_MAX);
        ledger::prune();
        $this->assertSame(1, $DB->count_records('local_snsproducer_ledger'));
    }

    public function test_the_sidecar_is_told_the_last_day(): void {
        self::written([
            [self::hour(30), self::A, 'observed', 1],
            [self::hour(1), self::A, 'observed', 2],
            [self::hour(1), self::A, 'accepted', 2],
        ]);
        $this->assertEquals(
            [['hour' => gmdate('Y-m-d\TH:00:00\Z', self::hour(1)), 'event' => self::A, 'observed' => 2, 'accepted' => 2]],
            ledger::for_wire(),
        );
    }

    public function test_the_sidecar_is_told_only_hours_where_there_is_too_much(): void {
        $counts = [];
        for ($i = 0; $i < 801; $i++) {
            $counts[] = [self::hour(1 + $i % 2), "\\a\\event\\e$i", 'observed', 1];
        }
        self::written($counts);
        $told = ledger::for_wire();
        $this->assertEqualsCanonicalizing([401, 400], array_column($told, 'observed'));
        $this->assertLessThan(256 << 10, strlen(json_encode($told)));
    }

    public function test_a_tally_that_can_not_be_written_is_written_later(): void {
        global $DB;
        $tally = new tally();
        $tally->observed(self::hour(), self::A);
        $DB->get_manager()->rename_table(new \xmldb_table(tally::TABLE), 'local_snsproducer_away');
        try {
            $tally->write();
            $this->fail('It must say so.');
        } catch (\dml_exception $e) {
            $DB->get_manager()->rename_table(new \xmldb_table('local_snsproducer_away'), tally::TABLE);
        }
        $tally->write();
        $tally->write();
        $this->assertSame(1, ledger::total(0)['observed']);
    }
}
