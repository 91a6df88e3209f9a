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

namespace local_snsproducer\local\backfill;

use local_snsproducer\local\wanted\row;

/**
 * Which entity fields a past event may have.
 *
 * An entity is read when the event is sent: for a past event that is the state of today, not of then. What a contract tells
 * as the state of its subject (a name, dates, whether a place is active) would be untrue, and a consumer could not see it.
 * So of past events only those fields are told that say which thing was meant: numbers and idnumbers by which a consumer
 * finds the person, course or activity in its own books today, and what never changes about a thing (the number of an
 * attempt). Of the thing that the event itself is about only its number:
 * a course.updated tells the course's idnumber as news. How the request came in (`request`) is kept in the log with the
 * event, and is true. All else is absent, which means "not known", as everywhere.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class past_fields {
    /** @var array entity => fields that say which one it is. */
    private const IDENTITY = [
        'actor' => ['id', 'idnumber', 'username'],
        'attempt' => ['attempt', 'preview'],
        'badge' => ['type'],
        'category' => ['id', 'idnumber'],
        'cm' => ['id', 'idnumber', 'instance', 'modname'],
        'cohort' => ['id', 'idnumber'],
        'competency' => ['idnumber'],
        'course' => ['id', 'idnumber', 'shortname'],
        'enrolment' => ['enrol', 'enrolid'],
        'grade_item' => ['idnumber', 'iteminstance', 'itemmodule', 'itemtype'],
        'group' => ['id', 'idnumber'],
        'grouping' => ['id', 'idnumber'],
        'request' => ['origin', 'realuserid'],
        'role' => ['archetype', 'shortname'],
        'submission' => ['attemptnumber', 'groupid', 'userid'],
        'user' => ['id', 'idnumber', 'username'],
    ];

    /** @var string[] Actions by which an event tells how its target is now. */
    private const TELLS_STATE = ['created', 'updated', 'deleted', 'restored'];

    /** @var array The target of such an event => the entity that it is about. */
    private const SUBJECT = [
        'cohort' => 'cohort', 'competency' => 'competency', 'course' => 'course', 'course_category' => 'category',
        'course_module' => 'cm', 'grade_item' => 'grade_item', 'group' => 'group', 'grouping' => 'grouping', 'role' => 'role',
        'user' => 'user',
    ];

    /**
     * Of what rows ask for, what a past event may have.
     *
     * @param row[] $rows
     * @param string $eventname
     * @return array entity => fields
     */
    public static function allowed(array $rows, string $eventname): array {
        $fields = [];
        foreach ($rows as $row) {
            foreach ($row->entities as $entity => $wanted) {
                $may = array_intersect($wanted, self::of($entity, $eventname));
                if ($may) {
                    $fields[$entity] = array_values(array_unique(array_merge($fields[$entity] ?? [], $may)));
                }
            }
        }
        return $fields;
    }

    /**
     * What a row asks for and a past event can't have.
     *
     * @param row $row
     * @return string[] such as `enrolment.status`
     */
    public static function missing(row $row): array {
        $missing = [];
        foreach ($row->entities as $entity => $wanted) {
            foreach (array_diff($wanted, self::of($entity, $row->event)) as $field) {
                $missing[] = "$entity.$field";
            }
        }
        return $missing;
    }

    /**
     * Whether a row's `when` can be decided for a past event at all.
     *
     * @param row $row
     * @return bool
     */
    public static function can_decide(row $row): bool {
        if ($row->when === null || $row->when->is_on_event()) {
            return true;
        }
        $path = explode('.', $row->when->field);
        return count($path) === 3 && in_array($path[2], self::of($path[1], $row->event), true);
    }

    /**
     * The fields of one entity that a past event of this name may have.
     *
     * @param string $entity
     * @param string $eventname
     * @return string[]
     */
    private static function of(string $entity, string $eventname): array {
        $fields = self::IDENTITY[$entity] ?? [];
        // The name of a Moodle event is \component\event\target_action.
        $words = explode('_', substr((string)strrchr($eventname, '\\'), 1));
        $action = array_pop($words);
        $issubject = in_array($action, self::TELLS_STATE, true) && (self::SUBJECT[implode('_', $words)] ?? null) === $entity;
        return $issubject ? array_values(array_intersect($fields, ['id'])) : $fields;
    }
}
