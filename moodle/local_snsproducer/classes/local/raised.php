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
 * One event as it was observed: what Moodle said, and what only the event itself holds. Everything else is read
 * after the response.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class raised {
    /** @var string the event's name, with its leading backslash */
    public readonly string $name;

    /**
     * An observed event.
     *
     * @param string $id
     * @param int $micros
     * @param array $event
     * @param array $logextra
     * @param array $held
     * @param ?int $strictrow
     */
    public function __construct(
        /** @var string the event's id for ever: a UUIDv7 of the moment it was raised */
        public readonly string $id,
        /** @var int when it was raised: microseconds since 1970, growing strictly within a process */
        public readonly int $micros,
        /** @var array what get_data() gives */
        public readonly array $event,
        /** @var array origin (text or null) and realuserid (int, text or null), nothing more */
        public readonly array $logextra = [],
        /** @var array entity => field => value: what only the event holds */
        public readonly array $held = [],
        /** @var ?int id of its row in the outbox, where it is in strict mode */
        public readonly ?int $strictrow = null,
    ) {
        $this->name = (string) ($event['eventname'] ?? '');
    }

    /**
     * Whether an event with this mark is anonymous. Only a clear 0 says that it is not: what is missing or unreadable counts
     * as anonymous, so that a fault never names a person.
     *
     * @param mixed $mark the event's key `anonymous`
     * @return bool
     */
    public static function is_anonymous(mixed $mark): bool {
        return match (true) {
            // As Moodle itself writes it: nearly always.
            $mark === 0, $mark === '0' => false,
            is_bool($mark) => $mark,
            default => wanted\value::whole($mark) !== 0,
        };
    }

    /**
     * The same, once it has a row in the outbox.
     *
     * @param int $row the row's id
     * @return self
     */
    public function with_row(int $row): self {
        return new self($this->id, $this->micros, $this->event, $this->logextra, $this->held, $row);
    }

    /**
     * The hour of the ledger it belongs to.
     *
     * @return int Unix seconds, the start of the hour
     */
    public function hour(): int {
        $seconds = intdiv($this->micros, 1000000);
        return $seconds - $seconds % HOURSECS;
    }

    /**
     * The number of an event that a person or thing may have as text, int or null.
     *
     * @param string $key a key of the event: `userid`
     * @return ?int null where there is none or it is no number
     */
    public function number(string $key): ?int {
        $value = $this->event[$key] ?? null;
        return is_int($value) || (is_string($value) && preg_match('/^-?\d{1,18}$/', $value)) ? (int) $value : null;
    }
}
