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
 * Badges, calendar entries, competencies and completions of a course.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class others implements family {
    /** Entity → table whose record, by the event's objectid, it is. */
    private const TABLES = ['badge' => 'badge', 'calendar_event' => 'event', 'completion' => 'course_completions'];

    /**
     * Reads the rest.
     *
     * @param cache $cache
     */
    public function __construct(
        /** @var cache what is known already */
        private readonly cache $cache,
    ) {
    }

    #[\Override]
    public function read(string $entity, raised $r): ?array {
        if ($entity === 'competency') {
            return $this->competency((int)($r->event['other']['competencyid'] ?? 0));
        }
        $table = self::TABLES[$entity] ?? null;
        if ($table === null || ($r->event['objecttable'] ?? null) !== $table) {
            return null;
        }
        $record = $this->cache->record($table, $r->event['objectid'] ?? 0);
        return $record === null ? null : shape::of($entity, $record);
    }

    /**
     * A competency.
     *
     * @param int $id
     * @return array|null
     */
    private function competency(int $id): ?array {
        if ($id <= 0) {
            return null;
        }
        return $this->cache->get('competency', $id, function () use ($id): ?array {
            $found = \core_competency\competency::get_record(['id' => $id]);
            return $found ? shape::of('competency', $found->to_record()) : null;
        });
    }
}
