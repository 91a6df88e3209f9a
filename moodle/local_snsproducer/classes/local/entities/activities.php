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
 * What is inside activities: assignments, quizzes, tools, and what people do and are given there.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class activities implements family {
    /** The tables of overrides. */
    private const OVERRIDES = ['assign_overrides' => true, 'lesson_overrides' => true, 'quiz_overrides' => true];

    /**
     * Reads activities.
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
            'assign', 'quiz', 'lti' => $this->by_record($entity, $entity, $this->instance($entity, $r)),
            'override' => isset(self::OVERRIDES[$table]) ? $this->by_record('override', $table, $objectid) : null,
            'attempt' => $table === 'quiz_attempts' ? $this->by_record('attempt', $table, $objectid) : null,
            'submission' => $this->by_record('submission', 'assign_submission', $table === 'assign_submission'
                ? $objectid : (int)($r->event['other']['submissionid'] ?? 0)),
            'extension' => $r->name === '\mod_assign\event\extension_granted'
                ? $this->extension($objectid, (int)($r->event['relateduserid'] ?? 0)) : null,
            default => null,
        };
    }

    /**
     * The id of the event's activity among its kind.
     *
     * @param string $module the kind asked for
     * @param raised $r
     * @return int 0 where the event is of no activity of this kind
     */
    private function instance(string $module, raised $r): int {
        if ((int)($r->event['contextlevel'] ?? 0) !== CONTEXT_MODULE || places::module($r) !== $module) {
            return 0;
        }
        $other = is_array($r->event['other'] ?? null) ? $r->event['other'] : [];
        $told = match (true) {
            ($r->event['objecttable'] ?? null) === $module => $r->event['objectid'] ?? null,
            isset($other["{$module}id"]) => $other["{$module}id"],
            isset($other['modulename']) => $other['instanceid'] ?? null,
            default => null,
        };
        if ($told === null) {
            $cm = (new places($this->cache))->cm_by_id(
                (int)($r->event['courseid'] ?? 0),
                (int)($r->event['contextinstanceid'] ?? 0),
                $module,
            );
            $told = $cm['instance'] ?? 0;
        }
        return (int)$told;
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
     * Until when one person may submit.
     *
     * @param int $assignid
     * @param int $userid
     * @return array|null
     */
    private function extension(int $assignid, int $userid): ?array {
        global $CFG;
        if ($assignid <= 0 || $userid <= 0) {
            return null;
        }
        require_once($CFG->dirroot . '/mod/assign/locallib.php');
        $assign = $this->cache->get('assignment', $assignid, function () use ($assignid): \assign {
            $assign = new \assign(null, null, null);
            // The flags are found by the assignment's id alone; given more, Moodle would work out a person's due date.
            $assign->set_instance((object)['id' => $assignid]);
            return $assign;
        });
        $flags = $assign->get_user_flags($userid, false);
        return $flags ? shape::of('extension', $flags) : null;
    }
}
