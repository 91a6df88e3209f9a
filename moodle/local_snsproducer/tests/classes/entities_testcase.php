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

namespace local_snsproducer\tests;

/**
 * Tests of what is read beside an event: real situations, the forms of all values, and no read in the observer.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
abstract class entities_testcase extends \advanced_testcase {
    #[\Override]
    protected function setUp(): void {
        parent::setUp();
        $this->resetAfterTest();
        $this->setAdminUser();
    }

    #[\Override]
    protected function tearDown(): void {
        // Moodle's own reset after a test leaves replaced observers to the next test, and takes them away only after that.
        \core\event\manager::phpunit_reset();
        parent::tearDown();
    }

    /**
     * Reads the entities of an event raised by some work, and checks the forms of all values.
     *
     * @param string $name the event's name
     * @param callable $work
     * @return array entity → fields
     */
    protected function entities(string $name, callable $work): array {
        witness::start();
        $work();
        $all = witness::take();
        $entities = witness::read($name, $all);
        $this->assertSame([], forms::wrong($entities), $name);
        $this->assertSame(0, witness::$reads, 'the observer read the database');
        // In the middle of a long process it gives the same, by reads that fill no cache of Moodle's.
        $quiet = witness::read($name, $all, true);
        $this->assertSame([], forms::wrong($quiet), $name);
        $this->assertSame(json_encode(self::sorted($entities)), json_encode(self::sorted($quiet)));
        return $entities;
    }

    /**
     * Sorts by name.
     *
     * @param array $entities
     * @return array
     */
    private static function sorted(array $entities): array {
        ksort($entities);
        return array_map(function (array $fields): array {
            ksort($fields);
            return array_map(fn($value) => is_int($value) ? (string)$value : $value, $fields);
        }, $entities);
    }
}
