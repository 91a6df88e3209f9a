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
 * What the sidecar wants: which events, and of each what its contracts read.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class wanted_list {
    /** @var array<string, int> What a batch may be where the sidecar hasn't said: bytes, events, bytes an event, levels. */
    public const LIMITS = ['max_body' => 4 << 20, 'max_events' => 2000, 'max_event' => 1 << 20, 'max_depth' => 32];

    /**
     * A list.
     *
     * @param string $etag
     * @param array $limits
     * @param array $names
     * @param \Closure $load
     */
    public function __construct(
        /** @var string Its name: goes with each event that was cut by it. */
        public readonly string $etag,
        /** @var array<string, int> max_body, max_events, max_event, max_depth. */
        public readonly array $limits,
        /** @var array<string, mixed> The wanted events' names, as keys. */
        private readonly array $names,
        /** @var \Closure Gives the rows of a name: row[]. */
        private readonly \Closure $load
    ) {
    }

    /**
     * A list of rows that are at hand.
     *
     * @param string $etag
     * @param array $limits
     * @param row[] $rows
     * @return self
     */
    public static function of(string $etag, array $limits, array $rows): self {
        $byname = [];
        foreach ($rows as $row) {
            $byname[$row->event][] = $row;
        }
        return new self($etag, $limits, $byname, fn(string $name) => $byname[$name] ?? []);
    }

    /**
     * Whether any row names this event.
     *
     * @param string $eventname with its leading backslash
     * @return bool
     */
    public function wants(string $eventname): bool {
        return isset($this->names[$eventname]);
    }

    /**
     * The rows for an event.
     *
     * @param string $eventname
     * @return row[]
     */
    public function rows(string $eventname): array {
        return $this->wants($eventname) ? ($this->load)($eventname) : [];
    }

    /**
     * The wanted events.
     *
     * @return string[]
     */
    public function names(): array {
        return array_keys($this->names);
    }

    /**
     * Reads limits as the sidecar told them; what is missing has its default.
     *
     * @param mixed $told
     * @return array<string, int>
     */
    public static function limits(mixed $told): array {
        $limits = self::LIMITS;
        foreach ($limits as $name => $default) {
            $value = is_array($told) ? ($told[$name] ?? null) : null;
            if (is_int($value) && $value > 0) {
                $limits[$name] = $value;
            }
        }
        return $limits;
    }
}
