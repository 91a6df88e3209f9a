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
 * Tests that values are told apart as JSON tells them.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 * @covers     \local_snsproducer\local\wanted\value
 */
final class value_test extends \basic_testcase {
    public function test_lists_and_maps_are_what_json_makes_of_them(): void {
        $table = [
            // Value, members, whether it is a list.
            [[], null, true], [['a'], null, true], [['a' => 1], ['a' => 1], false],
            [[1 => 'a', 0 => 'b'], [1 => 'a', 0 => 'b'], false],
            [new \stdClass(), [], false], [(object) ['a' => 1], ['a' => 1], false], [new \moodle_url('/'), [], false],
            ['a', null, false], [null, null, false], [5, null, false],
        ];
        foreach ($table as [$value, $members, $islist]) {
            $this->assertSame($members, value::members($value));
            $this->assertSame($islist, value::is_list($value));
        }
    }

    public function test_one_value_has_one_text(): void {
        $table = [
            '50' => [50, 50.0, '50'], '50.00000' => ['50.00000'], 'true' => [true, 'true'], 'false' => [false],
            '0' => [0, -0.0, '0'], '' => [''],
            '1.5' => [1.5], '9223372036854775807' => [PHP_INT_MAX], '-9223372036854775808' => [PHP_INT_MIN],
            '66.66667' => [66.66667],
            '9000000000000000' => [9e15], '9100000000000000.0' => [9.1e15],
        ];
        foreach ($table as $text => $values) {
            foreach ($values as $value) {
                $this->assertSame((string) $text, value::key_text($value));
            }
        }
        foreach ([null, [], ['a'], new \stdClass(), NAN, INF] as $value) {
            $this->assertNull(value::key_text($value));
        }
    }

    public function test_whole_numbers_come_from_numbers_and_digits(): void {
        $table = [
            [5, 5], ['5', 5], ['-5', -5], ['007', 7], ['-0', 0], [5.0, 5], ['9223372036854775807', PHP_INT_MAX],
            ['-9223372036854775808', PHP_INT_MIN],
            ['9223372036854775808', null], ['+5', null], [' 5', null], ["5\n", null], ['5.0', null], ['', null], ['-', null],
            [5.5, null],
            [1e300, null], [true, null], [null, null], [[5], null],
        ];
        foreach ($table as [$value, $whole]) {
            $this->assertSame($whole, value::whole($value), var_export($value, true));
        }
    }
}
