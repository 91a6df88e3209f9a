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

namespace local_snsproducer\local\entities;

use local_snsproducer\local\raised;

/**
 * What one reader has read already, and how it reads a single record of Moodle's.
 *
 * A miss is kept as well: what could not be read once is not asked for again.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class cache {
    /** Ids in one query: what a database takes without complaint. */
    public const MANY = 1000;

    /** @var array kind → key → what was read, null where there is nothing */
    private array $known = [];

    /** @var \core\event\base|null whose get_record_snapshot() reads records */
    private ?\core\event\base $asker = null;

    /** @var raised[] the events that are told together */
    private array $all = [];

    /**
     * A cache that knows nothing yet.
     *
     * @param bool $quiet whether caches of Moodle's must not be filled: in the middle of a long process an
     *     activity may be half made, and its caller may hold an older course
     */
    public function __construct(
        /** @var bool whether caches of Moodle's must not be filled */
        public readonly bool $quiet,
    ) {
    }

    /**
     * Says which events are told together, so that what several of them need is read in one query.
     *
     * @param raised[] $all
     */
    public function with(array $all): void {
        $this->all = $all;
    }

    /**
     * The events told together that have this name and may be told of by name.
     *
     * @param string $name
     * @return raised[]
     */
    public function named(string $name): array {
        return array_filter($this->all, fn(raised $r): bool => $r->name === $name
            && !raised::is_anonymous($r->event['anonymous'] ?? null));
    }

    /**
     * The course that a course_deleted among the events held: lent to the events that came before it.
     *
     * @param int $id
     * @return array|null the course's fields
     */
    public function lent_course(int $id): ?array {
        foreach ($this->all as $r) {
            if (($r->held['course']['id'] ?? null) !== null && (int)$r->held['course']['id'] === $id) {
                return $r->held['course'];
            }
        }
        return null;
    }

    /**
     * The grade item that a grade_item_deleted among the events held: lent to those that came before it. Deleting a
     * course whose gradebook was never opened makes its item and deletes it.
     *
     * @param int $id
     * @return array|null the item's fields
     */
    public function lent_item(int $id): ?array {
        foreach ($this->all as $r) {
            if (isset($r->held['grade_item']) && $r->event['objecttable'] === 'grade_items' && (int)$r->event['objectid'] === $id) {
                return $r->held['grade_item'];
            }
        }
        return null;
    }

    /**
     * What is known under a kind and key, read now if it isn't.
     *
     * @param string $kind
     * @param string|int $key
     * @param callable $read gives what is to be kept, null where there is nothing; what it throws counts as nothing,
     *     and is thrown on
     * @return mixed
     */
    public function get(string $kind, string|int $key, callable $read): mixed {
        if (!array_key_exists($key, $this->known[$kind] ?? [])) {
            $this->known[$kind][$key] = null;
            $this->known[$kind][$key] = $read();
        }
        return $this->known[$kind][$key];
    }

    /**
     * Keeps what was read beside something else.
     *
     * @param string $kind
     * @param string|int $key
     * @param mixed $value
     */
    public function put(string $kind, string|int $key, mixed $value): void {
        $this->known[$kind][$key] = $value;
    }

    /**
     * Whether something is known under a kind and key, be it that there is nothing.
     *
     * @param string $kind
     * @param string|int $key
     * @return bool
     */
    public function has(string $kind, string|int $key): bool {
        return array_key_exists($key, $this->known[$kind] ?? []);
    }

    /**
     * A record of Moodle's as it is in the database now.
     *
     * By get_record_snapshot(), Moodle's own way for observers to the record behind an event, asked of an event of
     * ours that is never triggered. The event that was raised isn't kept for it: thousands of them would fill the
     * memory, and a strict event completed by a task has none any more. And it gives the truth: get_course() hands
     * out $COURSE as the page found it, with the old values in the very request that changes them; get_fast_modinfo()
     * and the course format start from get_course(); no other function of Moodle's reads one course by its id
     * without asking what the present user may see.
     *
     * @param string $table
     * @param mixed $id
     * @return \stdClass|null null where there is none
     */
    public function record(string $table, mixed $id): ?\stdClass {
        $id = (int)$id;
        if ($id <= 0) {
            return null;
        }
        return $this->get("record {$table}", $id, function () use ($table, $id): ?\stdClass {
            $this->asker ??= \local_snsproducer\event\test_sent::create(['other' => ['number' => 0]]);
            // Asked once for each id: a second time Moodle would clone the false that it kept of a miss.
            return $this->asker->get_record_snapshot($table, $id) ?: null;
        });
    }
}
