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
 * Who belongs where: groups, groupings, cohorts, enrolments and their methods, roles.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class memberships implements family {
    /**
     * Reads memberships.
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
        $table = $r->event['objecttable'] ?? null;
        $objectid = (int)($r->event['objectid'] ?? 0);
        return match ($entity) {
            'group' => $this->group($r, $table, $objectid),
            'grouping' => $table === 'groupings' ? $this->by_function('grouping', 'groups_get_grouping', $objectid) : null,
            'cohort' => $table === 'cohort' ? $this->by_record('cohort', 'cohort', $objectid) : null,
            'enrol' => $table === 'enrol' ? $this->by_record('enrol', 'enrol', $objectid) : null,
            'enrolment' => $table === 'user_enrolments' ? $this->enrolment($r, $objectid) : null,
            'role' => $table === 'role' ? $this->role($objectid) : null,
            default => null,
        };
    }

    /**
     * The group: the event's own, the one it names, or that of a calendar entry or a team's submission.
     *
     * @param raised $r
     * @param string|null $table
     * @param int $objectid
     * @return array|null
     */
    private function group(raised $r, ?string $table, int $objectid): ?array {
        $id = match (true) {
            $table === 'groups' => $objectid,
            !empty($r->event['other']['groupid']) => $r->event['other']['groupid'],
            $table === 'event' => $r->held['calendar_event']['groupid']
                ?? $this->cache->record('event', $objectid)?->groupid,
            $table === 'assign_submission' => $r->held['submission']['groupid']
                ?? $this->cache->record('assign_submission', $objectid)?->groupid,
            default => 0,
        };
        return $this->by_function('group', 'groups_get_group', (int)$id);
    }

    /**
     * What one of Moodle's own functions gives by id.
     *
     * @param string $entity
     * @param string $function takes an id; gives false where there is none
     * @param int $id
     * @return array|null
     */
    private function by_function(string $entity, string $function, int $id): ?array {
        if ($id <= 0) {
            return null;
        }
        return $this->cache->get($entity, $id, function () use ($entity, $function, $id): ?array {
            $record = $function($id);
            return $record ? shape::of($entity, $record) : null;
        });
    }

    /**
     * What a record gives.
     *
     * @param string $entity
     * @param string $table
     * @param int $id
     * @return array|null
     */
    private function by_record(string $entity, string $table, int $id): ?array {
        $record = $this->cache->record($table, $id);
        return $record === null ? null : shape::of($entity, $record);
    }

    /**
     * A person's place by one method, read together with those of all events of the same name: 200 enrolments at
     * once are one query.
     *
     * @param raised $r
     * @param int $id
     * @return array|null
     */
    private function enrolment(raised $r, int $id): ?array {
        if ($id <= 0) {
            return null;
        }
        $found = $this->cache->get('enrolment', $id, function () use ($r, $id): ?array {
            $ids = [$id => $id];
            foreach ($this->cache->named($r->name) as $other) {
                $also = (int)($other->event['objectid'] ?? 0);
                if ($also > 0 && !$this->cache->has('enrolment', $also) && count($ids) < cache::MANY) {
                    $ids[$also] = $also;
                }
            }
            $rows = enrol_get_course_users(false, false, [], array_values($ids));
            foreach ($ids as $each) {
                $row = $rows[$each] ?? null;
                $this->cache->put('enrolment', $each, $row === null ? null : [
                    'enrolid' => $row->ueenrolid,
                    'status' => $row->uestatus,
                    'timestart' => $row->uetimestart,
                    'timeend' => $row->uetimeend,
                ]);
                if ($row !== null && !$this->cache->has('person', (int)$row->id)) {
                    // The person comes in the same row.
                    $this->cache->put('person', (int)$row->id, shape::of('user', $row));
                }
            }
            return $this->cache->get('enrolment', $id, fn() => null);
        });
        return $found === null ? null : ['enrol' => $r->event['other']['enrol'] ?? null] + $found;
    }

    /**
     * A role.
     *
     * @param int $id
     * @return array|null
     */
    private function role(int $id): ?array {
        $roles = $this->cache->get('roles', 0, fn(): array => get_all_roles());
        return isset($roles[$id]) ? shape::of('role', $roles[$id]) : null;
    }
}
