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
 * Tests what a person can do about what waits.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 * @covers     \local_snsproducer\local\waiting
 * @covers     \local_snsproducer\event\outbox_deleted
 */
final class waiting_test extends \advanced_testcase {
    protected function setUp(): void {
        parent::setUp();
        $this->resetAfterTest();
        $this->setAdminUser();
    }

    /**
     * Writes a row.
     *
     * @param string $state
     * @param string $name
     * @param string|null $reason
     * @return int its id
     */
    private static function row(string $state, string $name = '\a\event\b', ?string $reason = null): int {
        global $CFG, $DB;
        static $n = 0;
        return $DB->insert_record(outbox::TABLE, [
            'eventid' => 'id-' . ++$n, 'eventname' => $name, 'wwwroot' => $CFG->wwwroot, 'state' => $state, 'reason' => $reason,
            'body' => '{}', 'bulk' => 0, 'hour' => 3600, 'timecreated' => 4000 + $n,
        ]);
    }

    /**
     * The counts by state, event and reason, the most first.
     */
    public function test_it_counts_by_state_event_and_reason(): void {
        self::row('refused', '\a\event\b', 'too-large');
        self::row('waiting');
        self::row('waiting');
        $told = array_map(static fn($group) => [$group->state, $group->reason, (int) $group->n], waiting::groups());
        $this->assertSame([['waiting', null, 2], ['refused', 'too-large', 1]], $told);
        $this->assertSame(['\a\event\b'], waiting::names());
    }

    /**
     * A choice finds its rows and no other, page by page.
     */
    public function test_a_choice_finds_its_rows(): void {
        $one = self::row('waiting');
        $two = self::row('waiting', '\c\event\d');
        $three = self::row('refused');
        $ids = static fn(array $rows): array => array_map(static fn($row) => (int) $row->id, $rows);
        $this->assertSame([$one, $two, $three], $ids((new waiting())->rows(0, 10)));
        $this->assertSame([$two], $ids((new waiting())->rows(1, 1)));
        $this->assertSame([$one, $two], (new waiting('waiting'))->ids(null));
        $this->assertSame([$one], (new waiting('waiting', '\a\event\b'))->ids(null));
        $this->assertSame(1, (new waiting('refused'))->count());
        $this->assertSame([$one], (new waiting())->ids([$one, $one, 999999]));
        $this->assertFalse(property_exists((new waiting())->rows(0, 1)[0], 'body'));
        $this->assertNull(waiting::one(999999));
    }

    /**
     * Only refused rows wait again, and only they are counted.
     */
    public function test_only_refused_rows_wait_again(): void {
        $waiting = self::row('waiting');
        $refused = self::row('refused', '\a\event\b', 'too-large');
        $open = self::row('open');
        $this->assertSame(1, waiting::retry([$waiting, $refused, $open]));
        $row = waiting::one($refused);
        $this->assertSame('waiting', $row->state);
        $this->assertNull($row->reason);
        $this->assertSame('open', waiting::one($open)->state);
    }

    /**
     * What waits can be sent at once, where this site sends at all.
     */
    public function test_what_waits_can_be_sent_at_once(): void {
        $row = self::row('waiting');
        $this->assertNull(waiting::send());
        $sink = new \local_snsproducer\tests\sink();
        $sink->connect([['event' => '\a\event\b']]);
        $drain = waiting::send();
        $this->assertSame([1, 0, null], [$drain->gone, $drain->refused, $drain->stopped]);
        $this->assertNull(waiting::one($row));
        $sink->stop();
        self::row('waiting');
        $this->assertSame('refused', waiting::send()->stopped);
        $this->assertSame(1, (new waiting('waiting'))->count());
    }

    /**
     * Deleting is logged with the reason, and the ledger adds up after it.
     */
    public function test_deleting_is_logged_and_counted(): void {
        $ids = [self::row('waiting'), self::row('refused')];
        self::row('waiting');
        $sink = $this->redirectEvents();
        $this->assertSame(2, waiting::delete($ids, 'a <b>test</b>'));
        $events = $sink->get_events();
        $this->assertCount(1, $events);
        $this->assertInstanceOf(\local_snsproducer\event\outbox_deleted::class, $events[0]);
        $this->assertSame(['rows' => 2, 'reason' => 'a <b>test</b>', 'events' => ['\a\event\b' => 2]], $events[0]->other);
        $this->assertStringNotContainsString('<b>', $events[0]->get_description());
        $this->assertEventContextNotUsed($events[0]);
        $this->assertSame(1, (new waiting())->count());
        $this->assertSame(2, ledger::total(0)['refused']);
        $this->assertSame(0, waiting::delete($ids, 'again'));
        $this->assertCount(1, $sink->get_events());
    }
}
