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

namespace local_snsproducer\local\breaker;

/**
 * Tests the breaker's numbers in a cache of Moodle's.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 * @covers     \local_snsproducer\local\breaker\local_cache
 */
final class local_cache_test extends \advanced_testcase {
    public function test_numbers_are_kept_under_their_name(): void {
        $this->resetAfterTest();
        $numbers = new local_cache('a');
        $this->assertNull($numbers->get('n'));
        $this->assertSame([1, 2], [$numbers->increment('n'), $numbers->increment('n')]);
        $numbers->set('m', 7);
        $other = new local_cache('a');
        $this->assertSame([2, 7], [$other->get('n'), $other->get('m')]);
        $this->assertNull((new local_cache('b'))->get('n'), 'another site\'s');
        $other->delete('n');
        $this->assertNull($numbers->get('n'));
    }

    public function test_a_claim_is_held_by_one_until_it_ends(): void {
        $this->resetAfterTest();
        $numbers = new local_cache('a');
        $this->assertTrue($numbers->claim('c', 1000, 500));
        $this->assertFalse($numbers->claim('c', 1499, 500));
        $this->assertTrue($numbers->claim('c', 1500, 500));
        $numbers->delete('c');
        $this->assertTrue($numbers->claim('c', 1501, 500));
    }
}
