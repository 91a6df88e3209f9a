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
 * What the commands under cli/ have in common: options, times, tables, and exit codes, which are those of the sidecar.
 *
 * What people read goes to standard output; progress and complaints go to standard error, so that output can be piped.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class command {
    /** @var int It is done. */
    public const DONE = 0;
    /** @var int It failed. */
    public const FAILED = 1;
    /** @var int It is done, and something was found that wants a person. */
    public const FINDINGS = 2;
    /** @var int The command line is wrong. */
    public const USAGE = 64;
    /** @var int The sidecar, or something else that is needed, doesn't answer. */
    public const UNAVAILABLE = 69;
    /** @var int Another process does the same; try again. */
    public const LOCKED = 75;
    /** @var int The configuration is wrong or incomplete. */
    public const CONFIG = 78;

    /**
     * Reads the options; shows the help, or what is wrong with them, and ends.
     *
     * @param array $options name => default; `help` is added
     * @param string $help the text of --help
     * @return array name => value
     */
    public static function options(array $options, string $help): array {
        [$given, $unknown] = cli_get_params($options + ['help' => false], ['h' => 'help']);
        if ($given['help']) {
            echo $help, "\n";
            exit(self::DONE);
        }
        if ($unknown) {
            self::fail(self::USAGE, 'not known here: ' . implode(' ', $unknown) . '. --help tells what is');
        }
        foreach ($options as $name => $default) {
            // An option that wants a value was given without one, or the other way round.
            if (is_bool($given[$name]) !== is_bool($default) && !($default === null && $given[$name] === null)) {
                self::fail(self::USAGE, is_bool($default) ? "--$name takes no value" : "--$name wants a value: --$name=…");
            }
        }
        return $given;
    }

    /**
     * Ends with a complaint.
     *
     * @param int $code
     * @param string $what what went wrong, and what to try
     * @return never
     */
    public static function fail(int $code, string $what): never {
        fwrite(STDERR, "error: $what\n");
        exit($code);
    }

    /**
     * Tells how far it is, or what was noticed: on standard error.
     *
     * @param string $line
     */
    public static function tell(string $line): void {
        fwrite(STDERR, "$line\n");
    }

    /**
     * A moment, as people write it: `2026-09-01`, `2026-09-01T12:00:00+01:00`, `-7 days`, or Unix seconds. Without an
     * offset it is UTC, whatever the site's time zone: a period must be the same on each machine.
     *
     * @param string $text
     * @param string $name the option's, for the complaint
     * @return int Unix seconds
     */
    public static function time(string $text, string $name): int {
        $time = self::parse_time($text, time());
        if ($time === null) {
            self::fail(self::USAGE, "--$name: \"$text\" is no time; 2026-09-01, 2026-09-01T12:00:00Z and \"-7 days\" are");
        }
        return $time;
    }

    /**
     * The same without an end.
     *
     * @param string $text
     * @param int $now Unix seconds
     * @return int|null null: it is no time
     */
    public static function parse_time(string $text, int $now): ?int {
        if (preg_match('/^\d{9,11}$/D', $text)) {
            return (int)$text;
        }
        try {
            $base = new \DateTimeImmutable("@$now", new \DateTimeZone('UTC'));
            // A date without a time of day begins at midnight; "-7 days" is counted from now.
            $moment = preg_match('/^\d{4}-\d{2}-\d{2}$/D', $text)
                ? new \DateTimeImmutable("$text 00:00:00", new \DateTimeZone('UTC'))
                : (preg_match('/^[+-]?\s*\d+\s+\w+$/D', $text) ? $base->modify($text)
                    : new \DateTimeImmutable($text, new \DateTimeZone('UTC')));
            return $moment ? $moment->getTimestamp() : null;
        } catch (\Throwable) {
            return null;
        }
    }

    /**
     * A moment as it is shown.
     *
     * @param int $seconds Unix seconds
     * @return string such as `2026-09-01 12:00Z`
     */
    public static function moment(int $seconds): string {
        return gmdate('Y-m-d H:i\Z', $seconds);
    }

    /**
     * Rows under each other, numbers to the right.
     *
     * @param string[] $head
     * @param array[] $rows lists of texts and numbers
     * @return string
     */
    public static function table(array $head, array $rows): string {
        $text = fn($cell): string => is_int($cell) ? number_format($cell) : (string)$cell;
        $widths = array_map('mb_strlen', $head);
        foreach ($rows as $row) {
            foreach (array_values($row) as $i => $cell) {
                $widths[$i] = max($widths[$i] ?? 0, mb_strlen($text($cell)));
            }
        }
        $lines = [];
        foreach ([$head, ...$rows] as $n => $row) {
            $cells = [];
            foreach (array_values($row) as $i => $cell) {
                $space = str_repeat(' ', $widths[$i] - mb_strlen($text($cell)));
                // A column's head stands where its numbers do.
                $right = is_int($cell) || ($n === 0 && is_int(array_values($rows[0] ?? [])[$i] ?? null));
                $cells[] = $right ? $space . $text($cell) : $text($cell) . $space;
            }
            $lines[] = rtrim(implode('  ', $cells));
        }
        return implode("\n", $lines) . "\n";
    }

    /**
     * JSON for machines.
     *
     * @param mixed $value
     * @return string
     */
    public static function json(mixed $value): string {
        return json_encode($value, JSON_PRETTY_PRINT | JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE
            | JSON_INVALID_UTF8_SUBSTITUTE | JSON_THROW_ON_ERROR) . "\n";
    }
}
