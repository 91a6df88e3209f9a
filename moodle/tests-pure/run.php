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

/**
 * The pure tests: no Moodle, no database, no PHPUnit. `php moodle/tests-pure/run.php [WORD]` runs the files whose name holds
 * the word, or all, and says `N passed, M failed` in its last line.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

// phpcs:disable moodle.Files.MoodleInternal.MoodleInternalGlobalState -- Moodle is not loaded here, on purpose.

require(__DIR__ . '/pure.php');

/**
 * Counts what was checked.
 */
final class checks {
    /** @var int what was so */
    public static int $passed = 0;
    /** @var int what was not */
    public static int $failed = 0;

    /**
     * Checks that two values are the same, type and all; of objects, that their members are.
     *
     * @param mixed $expected
     * @param mixed $found
     * @param string $what
     */
    public static function same(mixed $expected, mixed $found, string $what): void {
        if (self::plain($expected) === self::plain($found)) {
            self::$passed++;
            return;
        }
        self::$failed++;
        echo "FAILED: $what\n  expected ", json_encode($expected, PURE_JSON), "\n  found    ", json_encode($found, PURE_JSON), "\n";
    }

    /**
     * Checks that something is refused.
     *
     * @param string $reason the reason of not_usable
     * @param Closure $do
     * @param string $what
     */
    public static function refused(string $reason, Closure $do, string $what): void {
        try {
            $do();
            $found = 'taken';
        } catch (local_snsproducer\local\not_usable $refused) {
            $found = $refused->reason;
        }
        self::same($reason, $found, $what);
    }

    /**
     * A value with each map as [‘{}’, sorted members], so that `===` tells maps from lists and looks at no order of keys.
     *
     * @param mixed $value
     * @return mixed
     */
    private static function plain(mixed $value): mixed {
        if ($value instanceof stdClass) {
            $members = array_map(self::plain(...), (array) $value);
            ksort($members, SORT_STRING);
            return ['{}', $members];
        }
        return is_array($value) ? array_map(self::plain(...), $value) : $value;
    }
}

foreach (glob(__DIR__ . '/*_pure.php') as $file) {
    if (str_contains(basename($file), $argv[1] ?? '')) {
        try {
            require($file);
        } catch (Throwable $broken) {
            checks::$failed++;
            echo "FAILED: ", basename($file), ": $broken\n";
        }
    }
}
printf("%d passed, %d failed\n", checks::$passed, checks::$failed);
exit(checks::$failed > 0 || checks::$passed === 0 ? 1 : 0);
