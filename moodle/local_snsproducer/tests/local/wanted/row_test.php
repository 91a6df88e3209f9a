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

use local_snsproducer\local\not_usable;

/**
 * Tests that a row is read with care.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 * @covers     \local_snsproducer\local\wanted\row
 */
final class row_test extends \basic_testcase {
    /** @var array a row as it is told */
    private const TOLD = [
        'contract' => 'moodle.x.done.v1', 'event' => '\core\event\x', 'when' => ['field' => 'event.action', 'in' => ['a']],
        'keys' => ['userid', 'other.a{}'], 'entities' => ['cm' => ['id']],
    ];

    public function test_a_row_reads_back_from_its_json(): void {
        $row = row::read(self::TOLD + ['personal' => ['userid' => 'identifier'], 'something new' => 1]);
        $again = json_decode(json_encode($row->told()), true);
        $this->assertEquals($row, row::read($again));
        $none = row::read(['entities' => []] + self::TOLD);
        $this->assertSame('{}', json_encode($none->told()['entities']), 'an empty map stays one');
        $this->assertTrue(row::read(array_diff_key(self::TOLD, ['when' => 1]))->holds([], []), 'no condition: all');
        $this->assertNull($row->holds([], []));
    }

    public function test_what_is_no_row_is_refused(): void {
        $bad = [
            ['contract' => 5], ['contract' => ''], ['event' => 'core\event\x'], ['event' => "\\core\\event\\x'"], ['event' => '\\'],
            ['keys' => 'userid'], ['keys' => [5]], ['keys' => ['a' => 'userid']], ['keys' => null], ['entities' => 'x'],
            ['entities' => ['cm']],
            ['entities' => ['cm' => 'id']], ['entities' => ['cm' => [1]]], ['entities' => null], ['personal' => 'x'],
            ['personal' => ['a' => 1]],
            ['when' => 'x'],
        ];
        foreach ($bad as $change) {
            try {
                row::read($change + self::TOLD);
                $this->fail(json_encode($change));
            } catch (not_usable $problem) {
                $this->assertSame('form', $problem->reason);
            }
        }
    }
}
