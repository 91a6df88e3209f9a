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

use local_snsproducer\local\entities\reader;
use local_snsproducer\local\grades\pending;
use local_snsproducer\local\wanted\row;

/**
 * What becomes of events that no row takes.
 *
 * @covers \local_snsproducer\local\not_taken
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class not_taken_test extends \advanced_testcase {
    /**
     * Decides for a grade of person 7 for item 5 and remembers it where it is to be.
     *
     * @param array $rows what the wanted list tells
     * @param bool|null $released null: not known
     * @param string $name
     * @return int how many grades wait
     */
    private function decide(array $rows, ?bool $released, string $name = '\core\event\user_graded'): int {
        $this->resetAfterTest();
        $rows = array_map(fn(array $more) => row::read($more + ['contract' => 'c', 'event' => $name, 'keys' => [],
            'entities' => ['grade' => ['released']]]), $rows);
        $event = ['eventname' => $name, 'anonymous' => 0, 'relateduserid' => '7', 'other' => ['itemid' => '5']];
        $held = $released === null ? [] : ['grade' => ['released' => $released]];
        $raised = new raised('x', 1, $event, [], $held);
        not_taken::remember($rows, $raised, choice::of($rows, $raised, new reader(true), [$raised]));
        return pending::count();
    }

    public function test_a_grade_that_is_not_released_or_not_known_to_be_is_remembered(): void {
        $row = ['when' => ['field' => 'entities.grade.released', 'in' => ['true']]];
        $this->assertSame(0, $this->decide([$row], true));
        $this->assertSame(1, $this->decide([$row], null));
        $this->assertSame(1, $this->decide([$row], false));
    }

    public function test_also_where_another_row_takes_it(): void {
        $row = ['when' => ['field' => 'entities.grade.released', 'in' => ['true']]];
        $this->assertSame(1, $this->decide([[], $row], false));
    }

    public function test_a_release_that_was_taken_back_meanwhile_waits_again(): void {
        $row = ['when' => ['field' => 'entities.grade.released', 'in' => ['true']]];
        $this->assertSame(1, $this->decide([$row], false, '\local_snsproducer\event\grade_released'));
    }

    public function test_nothing_is_remembered_where_nobody_asks_whether_it_is_released(): void {
        $this->assertSame(0, $this->decide([], false));
        $this->assertSame(0, $this->decide([['when' => ['field' => 'event.userid', 'in' => ['3']]]], false));
        $row = ['when' => ['field' => 'entities.grade.released', 'in' => ['true']]];
        $this->assertSame(0, $this->decide([$row], false, '\core\event\grade_deleted'));
    }
}
