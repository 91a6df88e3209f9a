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

namespace local_snsproducer\local\grades;

/**
 * Remembering grades that were not told.
 *
 * @covers \local_snsproducer\local\grades\pending
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class pending_test extends \advanced_testcase {
    #[\Override]
    protected function setUp(): void {
        parent::setUp();
        $this->resetAfterTest();
    }

    public function test_a_grade_is_remembered_once(): void {
        global $DB;
        pending::remember(5, 7);
        pending::remember(5, 7);
        pending::remember(5, 8);
        $this->assertSame(2, pending::count());
        $this->assertEqualsCanonicalizing(['7', '8'], $DB->get_fieldset('local_snsproducer_pending', 'userid'));
    }

    public function test_nobodys_grade_is_not_remembered(): void {
        pending::remember(0, 7);
        pending::remember(5, -1);
        $this->assertSame(0, pending::count());
    }

    public function test_those_looked_at_longest_ago_come_first(): void {
        global $DB;
        $now = time();
        foreach ([1 => 30, 2 => 10, 3 => 20] as $itemid => $checked) {
            pending::remember($itemid, 7);
            $DB->set_field('local_snsproducer_pending', 'timechecked', $checked, ['itemid' => $itemid]);
        }
        $DB->set_field('local_snsproducer_pending', 'timecreated', 1);
        $this->assertSame(['2', '3', '1'], array_column(pending::oldest($now, 10), 'itemid'));
        $first = array_keys(pending::oldest($now, 1));
        pending::checked($first, $now);
        $this->assertSame(['3', '1'], array_column(pending::oldest($now, 10), 'itemid'));
        pending::forget($first);
        $this->assertSame(2, pending::count());
    }

    public function test_one_remembered_anew_is_looked_at_anew(): void {
        global $DB;
        pending::remember(5, 7);
        $DB->set_field('local_snsproducer_pending', 'timechecked', time());
        pending::remember(5, 7);
        $this->assertSame('0', $DB->get_field('local_snsproducer_pending', 'timechecked', ['itemid' => 5, 'userid' => 7]));
    }
}
