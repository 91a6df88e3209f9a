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
 * Tests the breaker by the table.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 * @covers     \local_snsproducer\local\breaker\machine
 */
final class machine_test extends \basic_testcase {
    /**
     * Numbers in memory.
     *
     * @return numbers
     */
    private static function memory(): numbers {
        return new class implements numbers {
            /** @var array name => number */
            private array $numbers = [];

            /**
             * A number.
             *
             * @param string $name
             * @return int|null
             */
            public function get(string $name): ?int {
                return $this->numbers[$name] ?? null;
            }

            /**
             * Sets a number.
             *
             * @param string $name
             * @param int $value
             */
            public function set(string $name, int $value): void {
                $this->numbers[$name] = $value;
            }

            /**
             * Adds one.
             *
             * @param string $name
             * @return int
             */
            public function increment(string $name): int {
                return $this->numbers[$name] = ($this->numbers[$name] ?? 0) + 1;
            }

            /**
             * Takes a claim.
             *
             * @param string $name
             * @param int $now
             * @param int $duration
             * @return bool
             */
            public function claim(string $name, int $now, int $duration): bool {
                if (($this->numbers[$name] ?? 0) > $now) {
                    return false;
                }
                $this->numbers[$name] = $now + $duration;
                return true;
            }

            /**
             * Forgets a number.
             *
             * @param string $name
             */
            public function delete(string $name): void {
                unset($this->numbers[$name]);
            }
        };
    }

    /**
     * Steps: at which second what happens. `!` a failure, `+` a success, `?` may one go.
     *
     * @return array
     */
    public static function tables(): array {
        return [
            'closed at first' => [[[0, '?', true], [0, '?', true]]],
            'three failures within 10 s open it' => [
                [[0, '!'], [5, '!'], [9, '?', true], [10, '!'], [10, '?', false], [14, '?', false]],
            ],
            'three within more do not' => [[[0, '!'], [5, '!'], [11, '!'], [11, '?', true]]],
            'the last three count' => [[[0, '!'], [8, '!'], [12, '!'], [12, '?', true], [13, '!'], [13, '?', false]]],
            'a success between makes it begin anew' => [
                [[0, '!'], [1, '!'], [2, '+'], [3, '!'], [4, '!'], [4, '?', true], [5, '!'], [5, '?', false]],
            ],
            'one may try each 5 s' => [[
                [0, '!'], [0, '!'], [0, '!'], [4, '?', false], [5, '?', true], [5, '?', false], [9, '?', false], [10, '?', true],
                [10, '?', false],
            ]],
            'a failed try leaves it open' => [
                [[0, '!'], [0, '!'], [0, '!'], [5, '?', true], [6, '!'], [9, '?', false], [10, '?', true]],
            ],
            'a successful try closes it' => [
                [[0, '!'], [0, '!'], [0, '!'], [5, '?', true], [6, '+'], [6, '?', true], [6, '?', true]],
            ],
            'closed again, it takes three failures again' => [[
                [0, '!'], [0, '!'], [0, '!'], [5, '?', true], [6, '+'], [7, '!'], [7, '!'], [7, '?', true], [7, '!'],
                [7, '?', false],
            ]],
            'a try that dies holds nobody up for long' => [
                [[0, '!'], [0, '!'], [0, '!'], [5, '?', true], [9, '?', false], [10, '?', true]],
            ],
        ];
    }

    /**
     * Each table, step by step.
     *
     * @dataProvider tables
     * @param array $steps
     */
    public function test_it_does_as_the_table_says(array $steps): void {
        $machine = new machine(self::memory());
        foreach ($steps as $n => $step) {
            $now = 1795536687000 + 1000 * $step[0];
            match ($step[1]) {
                '!' => $machine->failed($now),
                '+' => $machine->succeeded(),
                '?' => $this->assertSame($step[2], $machine->allows($now), "step $n"),
            };
        }
    }

    public function test_looking_at_it_takes_no_try(): void {
        $machine = new machine(self::memory());
        $this->assertSame(machine::CLOSED, $machine->state(0));
        foreach ([0, 1, 2] as $now) {
            $machine->failed($now);
        }
        $this->assertSame(machine::OPEN, $machine->state(100));
        $this->assertSame(machine::HALF, $machine->state(6000));
        $this->assertSame(machine::HALF, $machine->state(6000));
        $this->assertTrue($machine->allows(6000));
        $this->assertSame(machine::OPEN, $machine->state(6000));
    }
}
