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
 * Tests that a node's breaker is shared by its processes and breaks nothing.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 * @covers     \local_snsproducer\local\breaker
 */
final class breaker_test extends \advanced_testcase {
    public function test_three_failures_open_it_and_a_success_closes_it(): void {
        global $CFG;
        $this->resetAfterTest();
        $this->assertSame(['closed', true], [breaker::state(), breaker::allows()]);
        breaker::failed();
        breaker::failed();
        $this->assertSame(['closed', true], [breaker::state(), breaker::allows()]);
        breaker::failed();
        $this->assertSame(['open', false], [breaker::state(), breaker::allows()]);
        $wwwroot = $CFG->wwwroot;
        $CFG->wwwroot = 'https://other.example.org';
        $this->assertSame('closed', breaker::state(), 'another site of the node');
        $CFG->wwwroot = $wwwroot;
        breaker::succeeded();
        $this->assertSame(['closed', true], [breaker::state(), breaker::allows()]);
    }
}
