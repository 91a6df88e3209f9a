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

use local_snsproducer\local\entities\reader;
use local_snsproducer\local\wanted\cut;
use local_snsproducer\local\wanted\row;
use local_snsproducer\local\wanted\store;
use local_snsproducer\local\wanted\value;
use local_snsproducer\local\wanted\vocabulary;
use local_snsproducer\local\wanted\wanted_list;

/**
 * What would be sent of a past event, field by field: the very choice and cut that sending makes, with nothing sent. What only
 * the event held when it was raised (a deleted record, a grade) is not in Moodle's log, so those fields are missing here.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class preview {
    /** @var int How far back events are looked for, in seconds: the log has an index on time and none on names. */
    public const PERIOD = 7 * DAYSECS;

    /** @var int The most events that are offered. */
    private const MOST = 50;

    /** @var int The longest value that is shown, in characters. */
    private const LONGEST = 200;

    /**
     * A preview.
     *
     * @param array $fields
     * @param array $left
     * @param array $contracts
     * @param bool $anonymous
     */
    private function __construct(
        /** @var array[] What would be sent: `path`, `value` (text), `class` (empty: nobody's), `contracts` (empty: always sent). */
        public readonly array $fields,
        /** @var array[] What would not: `path`, `class`, `why` (`forbidden`, `unread`, `unasked`, `anonymous`). */
        public readonly array $left,
        /** @var string[] Contract → `takes`, `condition` (its `when` doesn't hold) or `unknown` (it can't be decided). */
        public readonly array $contracts,
        /** @var bool Whether Moodle marks the event anonymous. */
        public readonly bool $anonymous
    ) {
    }

    /**
     * The log that can be read.
     *
     * @return \core\log\sql_reader|null null: there is none
     */
    public static function log(): ?\core\log\sql_reader {
        $readers = get_log_manager()->get_readers('\core\log\sql_reader');
        return reset($readers) ?: null;
    }

    /**
     * Recent events of wanted names, the newest first.
     *
     * @param \core\log\sql_reader $log
     * @param wanted_list $list
     * @param string $name of this event only; empty: all
     * @return \core\event\base[] the log's id → event
     */
    public static function events(\core\log\sql_reader $log, wanted_list $list, string $name): array {
        global $DB;
        $names = $name !== '' && $list->wants($name) ? [$name] : $list->names();
        if ($names === []) {
            return [];
        }
        [$in, $params] = $DB->get_in_or_equal($names, SQL_PARAMS_NAMED);
        $params['since'] = time() - self::PERIOD;
        $select = "timecreated > :since AND eventname {$in}";
        return $log->get_events_select($select, $params, 'timecreated DESC, id DESC', 0, self::MOST);
    }

    /**
     * One event of the log.
     *
     * @param \core\log\sql_reader $log
     * @param int $id the log's
     * @return \core\event\base|null null: it isn't there, or can't be restored
     */
    public static function event(\core\log\sql_reader $log, int $id): ?\core\event\base {
        $found = $log->get_events_select('id = :id', ['id' => $id], 'id', 0, 1);
        return reset($found) ?: null;
    }

    /**
     * What would be sent of an event now.
     *
     * @param \core\event\base $event
     * @param wanted_list $list
     * @param connection|null $connection for what an administrator allowed; null: nothing special
     * @return self
     */
    public static function of(\core\event\base $event, wanted_list $list, ?connection $connection): self {
        $data = $event->get_data();
        $extra = (array) $event->get_logextra();
        $micros = (int) $data['timecreated'] * 1000000;
        $extra = ['origin' => $extra['origin'] ?? null, 'realuserid' => $extra['realuserid'] ?? null];
        $raised = new raised(event_id::v7($micros), $micros, $data, $extra);
        $rows = $list->rows($raised->name);
        $choice = choice::of($rows, $raised, new reader(false), [$raised]);
        $asked = array_filter(store::all(true, true), static fn(row $row) => $row->event === $raised->name);
        return self::made($data, $choice, $rows, $asked);
    }

    /**
     * Puts a preview together. Pure.
     *
     * @param array $data what get_data() gave
     * @param choice $choice
     * @param row[] $rows the rows for this event, as far as they are allowed
     * @param row[] $asked the same rows with all that could be allowed
     * @return self
     */
    private static function made(array $data, choice $choice, array $rows, array $asked): self {
        $anonymous = cut::is_anonymous($data);
        $contracts = [];
        foreach ($rows as $row) {
            $holds = $row->holds($data, $choice->entities);
            $contracts[$row->contract] = match ($holds) {
                true => 'takes',
                false => 'condition',
                null => 'unknown',
            };
        }
        ksort($contracts);
        if ($choice->rows === []) {
            return new self([], [], $contracts, $anonymous);
        }
        $cut = cut::cut($choice->rows, $data, $choice->entities);
        $classes = self::classes($asked);
        $fields = [];
        foreach (self::flat($cut['event'], '') as $path => $value) {
            $fields[] = self::field("event.$path", $path, $value, $choice->rows, $classes);
        }
        foreach (self::flat($cut['entities'], '') as $path => $value) {
            $fields[] = self::field("entities.$path", "entities.$path", $value, $choice->rows, $classes);
        }
        $left = self::left_out($data, $choice->rows, $asked, array_column($fields, 'path'), $classes, $anonymous);
        return new self($fields, $left, $contracts, $anonymous);
    }

    /**
     * What was asked for, or lay in the event, and does not go.
     *
     * @param array $data
     * @param row[] $taking
     * @param row[] $asked
     * @param string[] $sent paths that go
     * @param array $classes
     * @param bool $anonymous
     * @return array[]
     */
    private static function left_out(
        array $data,
        array $taking,
        array $asked,
        array $sent,
        array $classes,
        bool $anonymous
    ): array {
        $names = array_map(static fn(row $row) => $row->contract, $taking);
        $allowed = self::paths($taking);
        $left = [];
        $wanted = self::paths(array_filter($asked, static fn(row $row) => in_array($row->contract, $names, true)));
        foreach (array_keys($wanted) as $path) {
            if (in_array($path, $sent, true) || array_filter($sent, static fn($one) => str_starts_with($one, "$path."))) {
                continue;
            }
            $why = match (true) {
                !isset($allowed[$path]) => 'forbidden',
                $anonymous => 'anonymous',
                default => 'unread',
            };
            $left[$path] = ['path' => $path, 'class' => $classes[$path] ?? vocabulary::class_of($path), 'why' => $why];
        }
        foreach (self::flat((object) $data, '') as $key => $value) {
            $path = "event.$key";
            if (!in_array($path, $sent, true) && !isset($left[$path]) && !isset($wanted[$path])) {
                $class = vocabulary::path($path) === null ? '' : vocabulary::class_of($path);
                $left[$path] = ['path' => $path, 'class' => $class, 'why' => $anonymous ? 'anonymous' : 'unasked'];
            }
        }
        ksort($left);
        return array_values($left);
    }

    /**
     * The paths that rows ask for.
     *
     * @param row[] $rows
     * @return array path → contracts that ask for it
     */
    private static function paths(array $rows): array {
        $paths = [];
        foreach ($rows as $row) {
            foreach ($row->keys as $key) {
                $paths['event.' . preg_replace('/(\[\]|\{\})$/D', '', $key)][] = $row->contract;
            }
            foreach ($row->entities as $entity => $fields) {
                foreach ($fields as $field) {
                    $paths["entities.$entity.$field"][] = $row->contract;
                }
            }
        }
        return $paths;
    }

    /**
     * The class of each path that rows ask for: the stricter of the contract's and our own.
     *
     * @param row[] $rows
     * @return array path → class
     */
    private static function classes(array $rows): array {
        $classes = [];
        foreach ($rows as $row) {
            foreach (array_keys(self::paths([$row])) as $path) {
                $told = $row->personal[$path] ?? $row->personal[preg_replace('/^event\./', '', $path)] ?? '';
                $own = vocabulary::stricter(vocabulary::class_of($path), $told);
                $classes[$path] = vocabulary::stricter($classes[$path] ?? '', $own);
            }
        }
        return $classes;
    }

    /**
     * One field that would be sent.
     *
     * @param string $path
     * @param string $key
     * @param mixed $value
     * @param row[] $rows
     * @param array $classes
     * @return array
     */
    private static function field(string $path, string $key, mixed $value, array $rows, array $classes): array {
        $askers = [];
        $class = '';
        foreach (self::paths($rows) as $asked => $contracts) {
            if ($asked === $path || str_starts_with($path, "$asked.")) {
                array_push($askers, ...$contracts);
                $class = vocabulary::stricter($class, $classes[$asked] ?? '');
            }
        }
        $own = vocabulary::path($path) === null ? '' : vocabulary::class_of($path);
        $askers = array_values(array_unique($askers));
        sort($askers);
        return [
            'path' => $path,
            'value' => self::text($value),
            'class' => vocabulary::stricter($class, $own),
            'contracts' => in_array($key, vocabulary::ALWAYS, true) ? [] : $askers,
        ];
    }

    /**
     * Maps within maps as one list of paths; lists and plain values are leaves.
     *
     * @param object $map
     * @param string $prefix
     * @return array path → value
     */
    private static function flat(object $map, string $prefix): array {
        $flat = [];
        foreach ((array) $map as $key => $value) {
            $members = value::members($value);
            if ($members !== null && $members !== []) {
                $flat += self::flat((object) $members, "$prefix$key.");
            } else {
                $flat["$prefix$key"] = $value;
            }
        }
        return $flat;
    }

    /**
     * A value as it stands in JSON.
     *
     * @param mixed $value
     * @return string at most LONGEST characters
     */
    private static function text(mixed $value): string {
        $text = json_encode($value, envelope::JSON & ~JSON_THROW_ON_ERROR);
        $text = is_string($text) ? $text : '';
        return \core_text::strlen($text) > self::LONGEST ? \core_text::substr($text, 0, self::LONGEST) . '…' : $text;
    }
}
