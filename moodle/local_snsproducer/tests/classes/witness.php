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

use local_snsproducer\local\entities\held;
use local_snsproducer\local\entities\reader;
use local_snsproducer\local\raised;

/**
 * Observes what Moodle raises during a test, as the plugin's observer does, and keeps it.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class witness {
    /** @var raised[] what was raised since the last take() */
    private static array $seen = [];

    /** @var int database reads made while taking what events hold */
    public static int $reads = 0;

    /** @var int nanoseconds spent in it */
    public static int $nanos = 0;

    /** @var int events seen */
    public static int $count = 0;

    /**
     * From now on, until the end of the test, every event comes here and to no other observer.
     */
    public static function start(): void {
        self::$seen = [];
        self::$reads = self::$nanos = self::$count = 0;
        \core\event\manager::phpunit_replace_observers([
            ['eventname' => '*', 'callback' => self::class . '::see', 'internal' => true],
        ]);
    }

    /**
     * Observes one event.
     *
     * @param \core\event\base $event
     */
    public static function see(\core\event\base $event): void {
        global $DB;
        $reads = $DB->perf_get_reads();
        $begin = hrtime(true);
        $held = held::of($event);
        held::request($event);
        self::$nanos += hrtime(true) - $begin;
        self::$reads += $DB->perf_get_reads() - $reads;
        self::$count++;
        self::$seen[] = self::raised($event, $held);
    }

    /**
     * An event as the plugin keeps it.
     *
     * @param \core\event\base $event
     * @param array $held
     * @return raised
     */
    public static function raised(\core\event\base $event, array $held = []): raised {
        return new raised(
            sprintf('00000000-0000-7000-8000-%012d', self::$count),
            (int)(microtime(true) * 1e6),
            $event->get_data(),
            held::request($event),
            $held,
        );
    }

    /**
     * What was raised since the last call.
     *
     * @return raised[]
     */
    public static function take(): array {
        $seen = self::$seen;
        self::$seen = [];
        return $seen;
    }

    /**
     * Reads all entities of one event, the last of its name.
     *
     * @param string $name
     * @param raised[] $all what was raised
     * @param bool $quiet
     * @return array entity → fields
     */
    public static function read(string $name, array $all, bool $quiet = false): array {
        $named = array_values(array_filter($all, fn(raised $r): bool => $r->name === $name));
        if ($named === []) {
            throw new \coding_exception("{$name} was not raised; raised were: " .
                implode(', ', array_unique(array_map(fn(raised $r): string => $r->name, $all))));
        }
        return (new reader($quiet))->read(end($named), self::everything(), $all);
    }

    /**
     * All entities with all their fields.
     *
     * @return array entity → fields[]
     */
    public static function everything(): array {
        return array_map('array_keys', forms::FORMS);
    }
}
