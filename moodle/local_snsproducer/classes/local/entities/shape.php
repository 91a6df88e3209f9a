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

/**
 * From a record of Moodle's to the fields of an entity: the only place that names columns.
 *
 * Pure: it reads no globals and nothing from the database. Values keep the form Moodle gave them ("0", 0 or
 * null): the sidecar's contracts know them all.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class shape {
    /** What is told of a person; email only where a setting allows it. */
    private const PERSON = ['id', 'idnumber', 'username', 'auth', 'suspended', 'institution', 'department', 'email'];

    /** The columns that are fields under the same name. */
    private const COLUMNS = [
        'actor' => self::PERSON,
        'assign' => ['duedate', 'cutoffdate', 'allowsubmissionsfromdate', 'markingworkflow', 'blindmarking'],
        'attempt' => ['attempt', 'state', 'sumgrades', 'timestart', 'timefinish', 'preview'],
        'badge' => ['name', 'type'],
        'calendar_event' => ['eventtype', 'timestart', 'timeduration', 'groupid', 'modulename', 'instance'],
        'category' => ['id', 'idnumber', 'name', 'path', 'visible'],
        'cm' => ['id', 'idnumber', 'name', 'modname', 'instance', 'section', 'visible'],
        'cohort' => ['id', 'idnumber', 'name', 'contextid', 'component'],
        'competency' => ['shortname', 'idnumber'],
        'completion' => ['timecompleted'],
        'course' => ['id', 'idnumber', 'shortname', 'fullname', 'category', 'visible', 'startdate', 'enddate'],
        'enrol' => ['name', 'status', 'roleid', 'enrolstartdate', 'enrolenddate'],
        'enrolment' => ['enrol', 'enrolid', 'status', 'timestart', 'timeend'],
        'extension' => ['extensionduedate'],
        'grade' => ['finalgrade', 'rawgrade', 'rawgrademax', 'rawgrademin', 'hidden', 'locked', 'overridden',
            'timemodified'],
        'grade_item' => ['itemtype', 'itemmodule', 'iteminstance', 'itemname', 'idnumber', 'grademax', 'grademin',
            'gradetype', 'scaleid', 'categoryid', 'hidden', 'locked'],
        'group' => ['id', 'idnumber', 'name'],
        'grouping' => ['id', 'idnumber', 'name'],
        'lti' => ['typeid'],
        'override' => ['timeopen', 'timeclose', 'duedate', 'cutoffdate', 'allowsubmissionsfromdate', 'attempts',
            'timelimit'],
        'quiz' => ['timeopen', 'timeclose', 'timelimit', 'grade'],
        'role' => ['shortname', 'archetype'],
        'section' => ['section', 'name', 'visible'],
        'submission' => ['userid', 'groupid', 'status', 'attemptnumber', 'timemodified'],
        'user' => self::PERSON,
    ];

    /** What lesson_overrides calls the fields of an override. */
    private const LESSON = ['available' => 'timeopen', 'deadline' => 'timeclose', 'maxattempts' => 'attempts'];

    /**
     * The fields of an entity that a record holds.
     *
     * @param string $entity the entity's name, as the wanted list writes it
     * @param array|object $record a row of Moodle's, or an object of Moodle's with the same properties
     * @return array field → value: those of the entity's fields that the record has. Of a deleted person the id
     *     only: Moodle has scrambled the rest.
     */
    public static function of(string $entity, array|object $record): array {
        $record = is_array($record) ? $record : get_object_vars($record);
        if ($entity === 'override') {
            foreach (self::LESSON as $column => $field) {
                if (array_key_exists($column, $record)) {
                    $record[$field] = $record[$column];
                }
            }
        }
        if (($entity === 'user' || $entity === 'actor') && !empty($record['deleted'])) {
            return array_intersect_key($record, ['id' => true]);
        }
        $fields = [];
        foreach (self::COLUMNS[$entity] ?? [] as $column) {
            if (array_key_exists($column, $record) && (is_scalar($record[$column]) || $record[$column] === null)) {
                $fields[$column] = $record[$column];
            }
        }
        if ($entity === 'calendar_event') {
            $fields['scope'] = self::scope($record);
        }
        if ($entity === 'lti' && array_key_exists('toolurl', $record)) {
            $fields['toolurl'] = self::host((string)$record['toolurl']);
        }
        return $fields;
    }

    /**
     * Whose calendar an entry is in: site, category, course, group or user.
     *
     * Only the row's own ids tell: one student's extension makes an entry in the course's context, with the
     * type `due`, that nobody but the student sees.
     *
     * @param array $row a row of table event
     * @return string
     */
    private static function scope(array $row): string {
        return match (true) {
            (int)($row['categoryid'] ?? 0) > 0 => 'category',
            (int)($row['groupid'] ?? 0) > 0 => 'group',
            (int)($row['courseid'] ?? 0) === 1 => 'site',
            (int)($row['courseid'] ?? 0) > 1 => 'course',
            default => 'user',
        };
    }

    /**
     * The host of a tool's address; null where there is none. The rest of an address may hold keys.
     *
     * @param string $url what the teacher typed
     * @return string|null
     */
    private static function host(string $url): ?string {
        $url = trim($url);
        if ($url === '') {
            return null;
        }
        $host = parse_url(str_contains($url, '//') ? $url : "//{$url}", PHP_URL_HOST);
        return is_string($host) && $host !== '' ? $host : null;
    }
}
