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

namespace local_snsproducer\tests;

/**
 * The forms that values had on a running Moodle, field by field: what the sidecar's corpus shows, and what it lacks
 * as the database's columns are.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class forms {
    /** Entity → field → the forms its values come in. */
    public const FORMS = [
        'actor' => self::PERSON,
        'assign' => ['duedate' => 'digits', 'cutoffdate' => 'digits', 'allowsubmissionsfromdate' => 'digits',
            'markingworkflow' => 'digits', 'blindmarking' => 'digits'],
        'attempt' => ['attempt' => 'digits int', 'state' => 'text', 'sumgrades' => 'decimal float int null',
            'timestart' => 'digits int', 'timefinish' => 'digits int', 'preview' => 'digits int'],
        'badge' => ['name' => 'text', 'type' => 'digits'],
        'calendar_event' => ['scope' => 'text', 'eventtype' => 'text', 'timestart' => 'digits',
            'timeduration' => 'digits', 'groupid' => 'digits', 'modulename' => 'text', 'instance' => 'digits'],
        'category' => ['id' => 'digits', 'idnumber' => 'null text', 'name' => 'text', 'path' => 'text',
            'visible' => 'digits'],
        'cm' => ['id' => 'digits', 'idnumber' => 'text', 'name' => 'text', 'modname' => 'text', 'instance' => 'digits',
            'section' => 'digits', 'visible' => 'digits'],
        'cohort' => ['id' => 'digits int', 'idnumber' => 'text', 'name' => 'text', 'contextid' => 'digits int',
            'component' => 'text'],
        'competency' => ['shortname' => 'text', 'idnumber' => 'text'],
        'completion' => ['timecompleted' => 'digits int'],
        'course' => ['id' => 'digits', 'idnumber' => 'text', 'shortname' => 'text', 'fullname' => 'text',
            'category' => 'digits', 'visible' => 'digits', 'startdate' => 'digits', 'enddate' => 'digits'],
        'enrol' => ['name' => 'null text', 'status' => 'digits int', 'roleid' => 'digits', 'enrolstartdate' => 'digits',
            'enrolenddate' => 'digits'],
        'enrolment' => ['enrol' => 'text', 'enrolid' => 'digits', 'status' => 'digits', 'timestart' => 'digits',
            'timeend' => 'digits'],
        'extension' => ['extensionduedate' => 'digits'],
        'grade' => ['released' => 'bool', 'finalgrade' => 'decimal null', 'rawgrade' => 'decimal null',
            'rawgrademax' => 'decimal', 'rawgrademin' => 'decimal', 'hidden' => 'digits', 'locked' => 'digits',
            'overridden' => 'digits', 'timemodified' => 'digits null'],
        'grade_item' => ['itemtype' => 'text', 'itemmodule' => 'null text', 'iteminstance' => 'digits null',
            'itemname' => 'null text', 'idnumber' => 'null text', 'grademax' => 'decimal', 'grademin' => 'decimal',
            'gradetype' => 'digits', 'scaleid' => 'digits null', 'categoryid' => 'digits null', 'hidden' => 'digits',
            'locked' => 'digits'],
        'group' => ['id' => 'digits', 'idnumber' => 'text', 'name' => 'text'],
        'grouping' => ['id' => 'digits', 'idnumber' => 'text', 'name' => 'text'],
        'lti' => ['typeid' => 'digits', 'toolurl' => 'null text'],
        'override' => ['timeopen' => 'digits null', 'timeclose' => 'digits null', 'duedate' => 'digits null',
            'cutoffdate' => 'digits null', 'allowsubmissionsfromdate' => 'digits null', 'attempts' => 'digits null',
            'timelimit' => 'digits null'],
        'quiz' => ['timeopen' => 'digits', 'timeclose' => 'digits', 'timelimit' => 'digits', 'grade' => 'decimal'],
        'request' => ['origin' => 'text', 'realuserid' => 'int null'],
        'role' => ['shortname' => 'text', 'archetype' => 'text'],
        'section' => ['section' => 'digits int', 'name' => 'null text', 'visible' => 'digits int'],
        'submission' => ['userid' => 'digits', 'groupid' => 'digits', 'status' => 'text', 'attemptnumber' => 'digits',
            'timemodified' => 'digits int'],
        'user' => self::PERSON,
    ];

    /** A person. */
    private const PERSON = ['id' => 'digits', 'idnumber' => 'text', 'username' => 'text', 'auth' => 'text',
        'suspended' => 'digits', 'institution' => 'text', 'department' => 'text', 'email' => 'text'];

    /**
     * The form of a value.
     *
     * @param mixed $value
     * @return string
     */
    public static function of(mixed $value): string {
        return match (true) {
            $value === null => 'null',
            is_bool($value) => 'bool',
            is_int($value) => 'int',
            is_float($value) => 'float',
            is_string($value) && preg_match('/^-?\d+$/', $value) === 1 => 'digits',
            is_string($value) && preg_match('/^-?\d+\.\d{5}$/', $value) === 1 => 'decimal',
            is_string($value) => 'text',
            default => get_debug_type($value),
        };
    }

    /**
     * What is wrong with the forms of some entities.
     *
     * @param array $entities entity → field → value
     * @return string[] `cm.section: int` and so on; text that is all digits is text
     */
    public static function wrong(array $entities): array {
        $wrong = [];
        foreach ($entities as $entity => $fields) {
            foreach ($fields as $field => $value) {
                $known = explode(' ', self::FORMS[$entity][$field] ?? '');
                $form = self::of($value);
                if (!in_array($form, $known, true) && !(is_string($value) && in_array('text', $known, true))) {
                    $wrong[] = "{$entity}.{$field}: {$form}";
                }
            }
        }
        return $wrong;
    }
}
