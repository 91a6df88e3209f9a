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
 * Tests that time is told once.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 * @covers     \local_snsproducer\local\clock
 */
final class clock_test extends \basic_testcase {
    public function test_time_grows_strictly_within_a_process(): void {
        $before = 0;
        for ($n = 0; $n < 2000; $n++) {
            $now = clock::now();
            $this->assertGreaterThan($before, $now);
            $before = $now;
        }
        $this->assertEqualsWithDelta(microtime(true), clock::now() / 1e6, 2);
    }

    public function test_a_time_has_its_wire_form(): void {
        $this->assertSame('2026-11-24T16:11:27.310028Z', clock::rfc3339(1795536687310028));
        $this->assertSame('1970-01-01T00:00:00.000001Z', clock::rfc3339(1));
    }
}
