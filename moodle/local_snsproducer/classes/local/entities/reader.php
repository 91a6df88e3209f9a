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
 * Reads what stands beside an event, after the response has gone: one reader for the events of one flush.
 *
 * Only entities that are asked for are read, each once, and only the fields asked for are given. What can't be read is
 * absent, never an error. Of an anonymous event nothing but course and activity is read at all.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class reader {
    /** Entity → the family that reads it. */
    private const FAMILIES = [
        'actor' => people::class,
        'assign' => activities::class,
        'attempt' => activities::class,
        'badge' => others::class,
        'calendar_event' => others::class,
        'category' => places::class,
        'cm' => places::class,
        'cohort' => memberships::class,
        'competency' => others::class,
        'completion' => others::class,
        'course' => places::class,
        'enrol' => memberships::class,
        'enrolment' => memberships::class,
        'extension' => activities::class,
        'grade' => marks::class,
        'grade_item' => marks::class,
        'group' => memberships::class,
        'grouping' => memberships::class,
        'lti' => activities::class,
        'override' => activities::class,
        'quiz' => activities::class,
        'request' => people::class,
        'role' => memberships::class,
        'section' => places::class,
        'submission' => activities::class,
        'user' => people::class,
    ];

    /** All that may be told of an anonymous event. */
    private const ANONYMOUS = ['course' => true, 'cm' => true];

    /** @var cache what was read already */
    private readonly cache $cache;

    /** @var family[] class → the family */
    private array $families = [];

    /**
     * A reader that has read nothing yet.
     *
     * @param bool $quiet true in the middle of a long process: then no cache of Moodle's is filled
     */
    public function __construct(bool $quiet) {
        $this->cache = new cache($quiet);
    }

    /**
     * Reads the entities of one event, as they are now.
     *
     * @param raised $r the event
     * @param array $wantedfields entity → fields[]: what the rows that may take it ask for
     * @param raised[] $all all events of this flush: what several need is read at once, and a deleted course is lent
     * @return array entity → field → value; never throws
     */
    public function read(raised $r, array $wantedfields, array $all): array {
        if (raised::is_anonymous($r->event['anonymous'] ?? null)) {
            $wantedfields = array_intersect_key($wantedfields, self::ANONYMOUS);
        }
        $this->cache->with($all);
        $r = $this->whole($r);
        $entities = [];
        foreach ($wantedfields as $entity => $fields) {
            $known = $this->entity((string)$entity, $r);
            if ($known === null) {
                continue;
            }
            $known = array_intersect_key($known, array_flip($fields));
            if ($known !== []) {
                $entities[$entity] = $known;
            }
        }
        return $entities;
    }

    /**
     * The event with the keys that its class knows, where a strict event that outlived its request was cut to others.
     *
     * @param raised $r
     * @return raised
     */
    private function whole(raised $r): raised {
        if (array_key_exists('objecttable', $r->event) && array_key_exists('component', $r->event)) {
            return $r;
        }
        try {
            $known = $this->cache->get('class', $r->name, fn(): ?array => is_subclass_of($r->name, \core\event\base::class)
                ? $r->name::get_static_info() : null);
        } catch (\Throwable $e) {
            $known = null;
        }
        return $known === null ? $r
            : new raised($r->id, $r->micros, $r->event + $known, $r->logextra, $r->held, $r->strictrow);
    }

    /**
     * All that is known of one entity.
     *
     * @param string $entity
     * @param raised $r
     * @return array|null
     */
    private function entity(string $entity, raised $r): ?array {
        if (isset($r->held[$entity])) {
            return $r->held[$entity];
        }
        $class = self::FAMILIES[$entity] ?? null;
        if ($class === null) {
            return null;
        }
        try {
            $this->families[$class] ??= new $class($this->cache);
            return $this->families[$class]->read($entity, $r);
        } catch (\Throwable $e) {
            debugging("local_snsproducer: {$entity} of {$r->name} could not be read: " . get_class($e), DEBUG_DEVELOPER);
            return null;
        }
    }
}
