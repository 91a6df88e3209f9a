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

/**
 * Tests what a list tells.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 * @covers     \local_snsproducer\local\wanted\wanted_list
 */
final class wanted_list_test extends \basic_testcase {
    public function test_it_finds_rows_by_name(): void {
        $rows = [new row('a', '\x', null, [], []), new row('b', '\y', null, [], []), new row('c', '\x', null, [], [])];
        $list = wanted_list::of('e', wanted_list::LIMITS, $rows);
        $this->assertSame([true, true, false], [$list->wants('\x'), $list->wants('\y'), $list->wants('\z')]);
        $this->assertSame([$rows[0], $rows[2]], $list->rows('\x'));
        $this->assertSame([], $list->rows('\z'));
        $this->assertSame(['\x', '\y'], $list->names());
    }

    public function test_limits_that_are_not_told_have_defaults(): void {
        $this->assertSame(wanted_list::LIMITS, wanted_list::limits(null));
        $told = ['max_body' => 1000, 'max_events' => 0, 'max_event' => 'x', 'max_depth' => -5, 'other' => 1];
        $this->assertSame(['max_body' => 1000] + wanted_list::LIMITS, wanted_list::limits($told));
    }
}
