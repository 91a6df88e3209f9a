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

use local_snsproducer\local\wanted\row;

/**
 * Tests that it is known when each contract was observing.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 * @covers     \local_snsproducer\local\backfill\armed
 */
final class armed_test extends \advanced_testcase {
    /**
     * Rows of contracts that read one event.
     *
     * @param string[] $contracts
     * @return row[]
     */
    private static function rows(array $contracts): array {
        return array_map(fn($contract) => row::read([
            'contract' => $contract, 'event' => '\a\event\done', 'keys' => [], 'entities' => [],
        ]), $contracts);
    }

    public function test_a_contract_is_observed_from_the_list_that_names_it_to_the_one_that_does_not(): void {
        $armed = (new armed([]))->with(self::rows(['a']), 100)->with(self::rows(['a', 'b']), 200)->with(self::rows(['b']), 300);
        $this->assertSame(['a' => [[100, 300]], 'b' => [[200, null]]], array_map(
            fn($events) => $events['\a\event\done'],
            $armed->spans
        ));
        $was = fn(string $contract, int $time) => $armed->was($contract, '\a\event\done', $time);
        $this->assertSame([false, true, true, false], [$was('a', 99), $was('a', 100), $was('a', 299), $was('a', 300)]);
        $this->assertSame([false, true], [$was('b', 199), $was('b', 1000)]);
        $this->assertFalse($armed->was('a', '\a\event\other', 150));
        $this->assertSame(['b' => 200], $armed->since());
        $this->assertSame([null, 200], [$armed->now_since('a', '\a\event\done'), $armed->now_since('b', '\a\event\done')]);
    }

    public function test_what_comes_after_idleness_begins_where_that_was_last_noted(): void {
        $armed = (new armed([]))->with(self::rows(['a']), 100)->with([], 200)->with([], 260)->with(self::rows(['a']), 330);
        $this->assertSame([[100, 200], [260, null]], $armed->spans['a']['\a\event\done'], 'enabled again after 260');
        $again = $armed->with(self::rows(['a', 'b']), 400);
        $this->assertSame([[400, null]], $again->spans['b']['\a\event\done'], 'no idleness before this one');
    }

    public function test_spans_are_bounded_and_a_forgotten_gap_counts_as_observed(): void {
        $armed = new armed([]);
        for ($i = 0; $i < 30; $i++) {
            $armed = $armed->with(self::rows(['a', 'x']), $i * 100)->with(self::rows(['x']), $i * 100 + 50);
        }
        $spans = $armed->spans['a']['\a\event\done'];
        $this->assertCount(20, $spans);
        $this->assertSame(0, $spans[0][0]);
        $this->assertTrue($armed->was('a', '\a\event\done', 60));
        $this->assertFalse($armed->was('a', '\a\event\done', 2960));
    }

    public function test_it_is_kept_and_read_back(): void {
        $this->resetAfterTest();
        $this->assertSame([], armed::read()->spans);
        armed::note(self::rows(['a']), 100);
        armed::note(self::rows(['a']), 160);
        $this->assertSame(['a' => ['\a\event\done' => [[100, null]]]], armed::read()->spans);
        armed::note([], 200);
        $this->assertSame(200, armed::read()->idle);
    }
}
