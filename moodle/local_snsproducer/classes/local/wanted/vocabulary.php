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
 * What may leave this site at all, and how near it is to a person. No answer of the sidecar can ask for more.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class vocabulary {
    /** @var string[] Keys that are sent with every event, whatever the contracts name. */
    public const ALWAYS = [
        'anonymous', 'contextid', 'contextinstanceid', 'contextlevel', 'courseid', 'eventname', 'objectid', 'timecreated',
    ];

    /** @var string The class of what is never sent, by no setting: what people typed, and secrets. */
    public const NEVER = 'never';

    /** @var string[] Classes, from the least strict: '' is nobody's. */
    private const CLASSES = ['', 'identifier', 'name', 'performance', 'contact', 'special', self::NEVER];

    /** @var array<string, string> The keys of get_data(), each with its class. */
    private const EVENT = [
        'action' => '', 'anonymous' => '', 'component' => '', 'contextid' => '', 'contextinstanceid' => '',
        'contextlevel' => '', 'courseid' => '', 'crud' => '', 'edulevel' => '', 'eventname' => '', 'objectid' => '',
        'objecttable' => '', 'other' => '', 'relateduserid' => 'identifier', 'target' => '', 'timecreated' => '',
        'userid' => 'identifier',
    ];

    /** @var array<string, string> A person's fields. */
    private const PERSON = [
        'id' => 'identifier', 'idnumber' => 'identifier', 'username' => 'identifier', 'auth' => 'identifier',
        'suspended' => 'identifier', 'institution' => 'identifier', 'department' => 'identifier', 'email' => 'contact',
    ];

    /** @var array<string, string> What an override changes. */
    private const DATES = [
        'timeopen' => '', 'timeclose' => '', 'duedate' => '', 'cutoffdate' => '', 'allowsubmissionsfromdate' => '',
        'attempts' => '', 'timelimit' => '',
    ];

    /** @var array<string, array<string, string>> The entities that can be read, their fields, and the class of each. */
    private const ENTITIES = [
        'actor' => self::PERSON,
        'assign' => [
            'duedate' => '', 'cutoffdate' => '', 'allowsubmissionsfromdate' => '', 'markingworkflow' => '',
            'blindmarking' => '',
        ],
        'attempt' => [
            'attempt' => '', 'state' => '', 'sumgrades' => 'performance', 'timestart' => '', 'timefinish' => '',
            'preview' => '',
        ],
        'badge' => ['name' => '', 'type' => ''],
        'calendar_event' => [
            'scope' => '', 'eventtype' => '', 'timestart' => '', 'timeduration' => '', 'groupid' => '', 'modulename' => '',
            'instance' => '',
        ],
        'category' => ['id' => '', 'idnumber' => '', 'name' => '', 'path' => '', 'visible' => ''],
        'cm' => [
            'id' => '', 'idnumber' => '', 'name' => '', 'modname' => '', 'instance' => '', 'section' => '', 'visible' => '',
        ],
        'cohort' => ['id' => '', 'idnumber' => '', 'name' => '', 'contextid' => '', 'component' => ''],
        'competency' => ['shortname' => '', 'idnumber' => ''],
        'completion' => ['timecompleted' => 'performance'],
        'course' => [
            'id' => '', 'idnumber' => '', 'shortname' => '', 'fullname' => '', 'category' => '', 'visible' => '',
            'startdate' => '', 'enddate' => '',
        ],
        'enrol' => ['name' => '', 'status' => '', 'roleid' => '', 'enrolstartdate' => '', 'enrolenddate' => ''],
        'enrolment' => ['enrol' => '', 'enrolid' => '', 'status' => '', 'timestart' => '', 'timeend' => ''],
        'extension' => ['extensionduedate' => ''],
        'grade' => [
            'released' => '', 'finalgrade' => 'performance', 'rawgrade' => 'performance', 'hidden' => '', 'locked' => '',
            'overridden' => 'performance', 'timemodified' => '', 'rawgrademax' => 'performance',
            'rawgrademin' => 'performance',
        ],
        'grade_item' => [
            'itemtype' => '', 'itemmodule' => '', 'iteminstance' => '', 'itemname' => '', 'idnumber' => '', 'grademax' => '',
            'grademin' => '', 'gradetype' => '', 'scaleid' => '', 'categoryid' => '', 'hidden' => '', 'locked' => '',
        ],
        'group' => ['id' => '', 'idnumber' => '', 'name' => ''],
        'grouping' => ['id' => '', 'idnumber' => '', 'name' => ''],
        'lti' => ['typeid' => '', 'toolurl' => ''],
        'override' => self::DATES,
        'quiz' => ['timeopen' => '', 'timeclose' => '', 'timelimit' => '', 'grade' => ''],
        'request' => ['origin' => '', 'realuserid' => 'identifier'],
        'role' => ['shortname' => '', 'archetype' => ''],
        'section' => ['section' => '', 'name' => '', 'visible' => ''],
        'submission' => ['userid' => 'identifier', 'groupid' => '', 'status' => '', 'attemptnumber' => '', 'timemodified' => ''],
        'user' => self::PERSON,
    ];

    /** @var string Keys of `other` that hold what people typed, or a secret, wherever the word stands. */
    private const TYPED = '/content|message|comment|feedback|passw|secret|token|sesskey|session|(?<!con)text$/';

    /** @var string[] The same, by the whole key. */
    private const TYPED_EXACTLY = [
        'answer', 'answers', 'body', 'cmivalue', 'description', 'errorinfo', 'extrauserinfo', 'html', 'intro', 'introduction',
        'newvalue', 'note', 'notes', 'oldvalue', 'params', 'q', 'query', 'receivedbrowserexamkey', 'receivedconfigkey', 'replace',
        'response', 'responses', 'savedconfigkey', 'search', 'searchterm', 'subject', 'summary', 'value', 'values',
    ];

    /** @var string Endings by which such a key tells of a thing instead: `messageid`, `onlinetextwordcount`. */
    private const OF_A_THING = '/(id|ids|hash|hashes|type|count|num|number|format)$/';

    /** @var string Keys of `other` by which a person can be reached or found. */
    private const REACHES = '/email|phone|mobile|^(address|street|city|ip|ipaddress|lastip|remoteaddr)$/';

    /** @var string[] Keys of `other` that hold a person's name. */
    private const NAMES = ['firstname', 'lastname', 'alternatename', 'middlename', 'loggedinasusername', 'originalusername'];

    /** @var string[] Keys of `other` that say who. */
    private const SAYS_WHO = [
        'userid', 'relateduserid', 'realuserid', 'username', 'submitterid', 'overrideby', 'modifierid', 'markerid', 'idnumber',
    ];

    /**
     * Reads a path such as `event.other.enrol` or `entities.course.idnumber`, as `when` names it.
     *
     * @param string $text
     * @return string[]|null the root and the keys behind it; null: no such path exists
     */
    public static function path(string $text): ?array {
        $keys = explode('.', $text);
        foreach ($keys as $key) {
            if (!preg_match('/^[A-Za-z0-9_-]+$/D', $key)) {
                return null;
            }
        }
        $exists = match ($keys[0]) {
            'event' => count($keys) > 1 && isset(self::EVENT[$keys[1]]) && ($keys[1] === 'other') === (count($keys) > 2),
            'entities' => count($keys) === 3 && isset(self::ENTITIES[$keys[1]][$keys[2]]),
            default => false,
        };
        return $exists ? $keys : null;
    }

    /**
     * The class of a path.
     *
     * @param string $text as path() reads it
     * @return string one of CLASSES; NEVER also for what is no path
     */
    public static function class_of(string $text): string {
        $keys = self::path($text);
        if ($keys === null) {
            return self::NEVER;
        }
        if ($keys[0] === 'entities') {
            return self::ENTITIES[$keys[1]][$keys[2]];
        }
        $class = self::EVENT[$keys[1]];
        foreach (array_slice($keys, 2) as $key) {
            $class = self::stricter($class, self::class_of_other(strtolower($key)));
        }
        return $class;
    }

    /**
     * Whether a field of a class may leave.
     *
     * @param string $class a name that is not known counts as NEVER
     * @param bool $contact whether an administrator allowed class contact
     * @param bool $special whether an administrator allowed class special
     * @return bool
     */
    public static function may_leave(string $class, bool $contact, bool $special): bool {
        return match ($class) {
            '', 'identifier', 'name', 'performance' => true,
            'contact' => $contact,
            'special' => $special,
            default => false,
        };
    }

    /**
     * The stricter of two classes.
     *
     * @param string $one
     * @param string $other
     * @return string
     */
    public static function stricter(string $one, string $other): string {
        $rank = function (string $class): int {
            $at = array_search($class, self::CLASSES, true);
            return $at === false ? count(self::CLASSES) - 1 : $at;
        };
        return self::CLASSES[max($rank($one), $rank($other))];
    }

    /**
     * What a row asks for, without what may not leave.
     *
     * A condition on a forbidden field is kept, as one whose value is never known: it would tell of the field by what it
     * lets through, and a row without its condition would take more than its contract speaks of. So it is where the row says
     * that a key which is sent with every event (`objectid`) is of a class that is not allowed: then it takes nothing.
     *
     * @param row $row as the sidecar told it
     * @param bool $contact whether an administrator allowed class contact
     * @param bool $special whether an administrator allowed class special
     * @return row
     */
    public static function allow(row $row, bool $contact, bool $special): row {
        // The path as `when` names it, and as rows name it.
        $may = function (string $path, string $bare) use ($row, $contact, $special): bool {
            $class = self::class_of($path);
            // However a contract reads it: the value, the items of a list, the names of a map's keys.
            foreach ([$bare, $bare . '[]', $bare . '{}'] as $told) {
                $class = self::stricter($class, $row->personal[$told] ?? '');
            }
            return self::may_leave($class, $contact, $special);
        };
        $keys = array_filter($row->keys, function (string $key) use ($may): bool {
            $bare = preg_replace('/(\[\]|\{\})$/D', '', $key);
            return $may("event.$bare", $bare);
        });
        $entities = [];
        foreach ($row->entities as $entity => $fields) {
            $left = array_filter($fields, fn(string $field) => $may("entities.$entity.$field", "entities.$entity.$field"));
            if ($left !== []) {
                $entities[$entity] = array_values($left);
            }
        }
        $when = $row->when;
        if ($when !== null && !$may($when->field, preg_replace('/^event\./', '', $when->field))) {
            $when = $when->forbidden();
        }
        foreach (self::ALWAYS as $key) {
            if (!$may("event.$key", $key)) {
                $when = ($when ?? new when("event.$key", null, []))->forbidden();
            }
        }
        return new row($row->contract, $row->event, $when, array_values($keys), $entities, $row->personal);
    }

    /**
     * The fields that can be read of each entity.
     *
     * @return array<string, string[]>
     */
    public static function entities(): array {
        return array_map('array_keys', self::ENTITIES);
    }

    /**
     * The class of one key under `other`.
     *
     * @param string $key lower case
     * @return string
     */
    private static function class_of_other(string $key): string {
        if (in_array($key, self::TYPED_EXACTLY, true)) {
            return self::NEVER;
        }
        if (!preg_match(self::OF_A_THING, $key)) {
            if (preg_match(self::TYPED, $key)) {
                return self::NEVER;
            }
            if (preg_match(self::REACHES, $key)) {
                return 'contact';
            }
        }
        return match (true) {
            // A session's id is as good as a password.
            $key === 'sessionid' => self::NEVER,
            in_array($key, self::NAMES, true) => 'name',
            in_array($key, self::SAYS_WHO, true) => 'identifier',
            default => '',
        };
    }
}
