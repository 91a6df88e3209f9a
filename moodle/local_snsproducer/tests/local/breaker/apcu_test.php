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
 * Tests the breaker's numbers in APCu, where the command line has one (apc.enable_cli=1).
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 * @covers     \local_snsproducer\local\breaker\apcu
 */
final class apcu_test extends \advanced_testcase {
    protected function setUp(): void {
        parent::setUp();
        if (!function_exists('apcu_enabled') || !apcu_enabled()) {
            $this->markTestSkipped('SKIPPED: no APCu on the command line: php -d apc.enable_cli=1');
        }
    }

    public function test_numbers_and_claims(): void {
        $numbers = new apcu('test' . random_string(8));
        $this->assertNull($numbers->get('n'));
        $this->assertSame([1, 2], [$numbers->increment('n'), $numbers->increment('n')]);
        $numbers->set('m', 7);
        $this->assertSame([2, 7], [$numbers->get('n'), $numbers->get('m')]);
        $numbers->delete('n');
        $this->assertNull($numbers->get('n'));
        $this->assertTrue($numbers->claim('c', 1000, 500));
        $this->assertFalse($numbers->claim('c', 1499, 500));
        $this->assertTrue($numbers->claim('c', 1500, 500));
        $this->assertFalse($numbers->claim('c', 1500, 500));
    }
}
