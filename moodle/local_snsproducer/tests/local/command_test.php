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
 * Tests of what the commands have in common.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 * @covers     \local_snsproducer\local\command
 */
final class command_test extends \basic_testcase {
    /**
     * Times as people write them, and what they mean at Unix second 1_800_000_000 (2027-01-15T08:00:00Z).
     *
     * @return array
     */
    public static function times_provider(): array {
        return [
            ['2026-09-01', 1788220800],
            ['2026-09-01T12:00:00Z', 1788264000],
            ['2026-09-01T12:00:00+01:00', 1788260400],
            ['2026-09-01 12:00', 1788264000],
            ['1788220800', 1788220800],
            ['-7 days', 1800000000 - 7 * DAYSECS],
            ['yesterweek', null],
            ['2026-13-01', null],
            ['', 1800000000],
        ];
    }

    /**
     * A time is UTC where it doesn't say otherwise.
     *
     * @dataProvider times_provider
     * @param string $text
     * @param int|null $expected
     */
    public function test_a_time_is_utc_unless_it_says_otherwise(string $text, ?int $expected): void {
        if ($text === '') {
            $this->assertIsInt(command::parse_time('now', 1800000000));
            return;
        }
        $this->assertSame($expected, command::parse_time($text, 1800000000));
    }

    public function test_numbers_of_a_table_stand_to_the_right(): void {
        $expected = "name        n\n"
            . "a       1,200\n"
            . "longer      3\n";
        $this->assertSame($expected, command::table(['name', 'n'], [['a', 1200], ['longer', 3]]));
        $this->assertSame("name\n", command::table(['name'], []));
    }
}
