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
 * What an event itself holds, copied when it is raised: the last moment at which a deleted thing can be read.
 *
 * The observer may read nothing from the database (a module list read half-way through Moodle's own work is kept
 * in Moodle's cache and breaks its next call). But \core\event\base has no way to ask whether a snapshot is there:
 * get_record_snapshot() reads the database where it isn't. So this table names the events whose triggers always add
 * the snapshot, as read in the sources of Moodle 4.5, 5.0 and 5.1 (the place is noted beside each). What is not
 * named here is read after the response instead.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class held {
    /**
     * Event → entity → table of the snapshot; its id is the event's objectid.
     *
     * Left out on purpose: the course of course_started and course_ended (the snapshot has the old visibility),
     * the quiz of attempt_started and of the transitions (with one person's dates in place of the quiz's), the
     * user of user_deleted (the old record; of a deleted person only the id is told).
     */
    private const SNAPSHOTS = [
        // In lib/moodlelib.php: delete_course.
        '\core\event\course_deleted' => ['course' => 'course'],
        // In course/classes/category.php: delete_full, delete_move.
        '\core\event\course_category_deleted' => ['category' => 'course_categories'],
        // In course/lib.php: course_delete_module.
        '\core\event\course_module_deleted' => ['cm' => 'course_modules'],
        // In lib/classes/event/course_section_created.php: create_from_section.
        '\core\event\course_section_created' => ['section' => 'course_sections'],
        // In course/format/classes/local/sectionactions.php: get_delete_event.
        '\core\event\course_section_deleted' => ['section' => 'course_sections'],
        // In calendar/lib.php: calendar_event update, toggle_visibility, delete.
        '\core\event\calendar_event_updated' => ['calendar_event' => 'event'],
        '\core\event\calendar_event_deleted' => ['calendar_event' => 'event'],
        // In cohort/lib.php: cohort_add_cohort, cohort_delete_cohort, cohort_add_member, cohort_remove_member.
        '\core\event\cohort_created' => ['cohort' => 'cohort'],
        '\core\event\cohort_deleted' => ['cohort' => 'cohort'],
        '\core\event\cohort_member_added' => ['cohort' => 'cohort'],
        '\core\event\cohort_member_removed' => ['cohort' => 'cohort'],
        // In lib/classes/event/course_completed.php: create_from_completion.
        '\core\event\course_completed' => ['completion' => 'course_completions'],
        // In lib/classes/event/enrol_instance_{updated,deleted}.php: create_from_record.
        '\core\event\enrol_instance_updated' => ['enrol' => 'enrol'],
        '\core\event\enrol_instance_deleted' => ['enrol' => 'enrol'],
        // In group/lib.php: each of these functions.
        '\core\event\group_created' => ['group' => 'groups'],
        '\core\event\group_updated' => ['group' => 'groups'],
        '\core\event\group_deleted' => ['group' => 'groups'],
        '\core\event\group_member_added' => ['group' => 'groups'],
        '\core\event\group_member_removed' => ['group' => 'groups'],
        '\core\event\grouping_deleted' => ['grouping' => 'groupings'],
        // In mod/assign/classes/event: create_from_submission of each.
        '\mod_assign\event\assessable_submitted' => ['submission' => 'assign_submission'],
        '\mod_assign\event\submission_status_updated' => ['submission' => 'assign_submission'],
        '\mod_assign\event\submission_removed' => ['submission' => 'assign_submission'],
        // In mod/assign/locallib.php: delete_override.
        '\mod_assign\event\user_override_deleted' => ['override' => 'assign_overrides'],
        '\mod_assign\event\group_override_deleted' => ['override' => 'assign_overrides'],
        // In mod/lesson/locallib.php: delete_override.
        '\mod_lesson\event\user_override_deleted' => ['override' => 'lesson_overrides'],
        '\mod_lesson\event\group_override_deleted' => ['override' => 'lesson_overrides'],
        // In mod/lti/lib.php: lti_view.
        '\mod_lti\event\course_module_viewed' => ['lti' => 'lti'],
        // In mod/quiz/locallib.php: quiz_attempt_save_started, quiz_delete_attempt.
        '\mod_quiz\event\attempt_started' => ['attempt' => 'quiz_attempts'],
        '\mod_quiz\event\attempt_preview_started' => ['attempt' => 'quiz_attempts'],
        '\mod_quiz\event\attempt_deleted' => ['attempt' => 'quiz_attempts'],
        // In mod/quiz/classes/quiz_attempt.php: fire_state_transition_event, fire_attempt_manual_grading_completed_event.
        '\mod_quiz\event\attempt_submitted' => ['attempt' => 'quiz_attempts'],
        '\mod_quiz\event\attempt_abandoned' => ['attempt' => 'quiz_attempts'],
        '\mod_quiz\event\attempt_becameoverdue' => ['attempt' => 'quiz_attempts'],
        '\mod_quiz\event\attempt_reopened' => ['attempt' => 'quiz_attempts'],
        '\mod_quiz\event\attempt_manual_grading_completed' => ['attempt' => 'quiz_attempts'],
    ];

    /**
     * Copies what the event holds. Called in the observer: no database read, no cache of Moodle's filled.
     *
     * @param \core\event\base $event an event that was just raised
     * @return array entity → field → value. Empty of an anonymous event (nothing of it may be told but course
     *     and activity, and those are read later), of a restored one, and where the event holds nothing.
     */
    public static function of(\core\event\base $event): array {
        if ($event->is_restored() || raised::is_anonymous($event->anonymous)) {
            return [];
        }
        $name = $event->eventname;
        try {
            if (isset(self::SNAPSHOTS[$name])) {
                return self::snapshots($event, self::SNAPSHOTS[$name]);
            }
            return match ($name) {
                '\core\event\user_enrolment_deleted' => self::enrolment($event),
                '\core\event\grade_deleted' => self::grade($event),
                '\core\event\grade_item_deleted' => self::grade_item($event),
                default => [],
            };
        } catch (\Throwable $e) {
            // An Error too: asked twice for a snapshot that isn't there, Moodle clones false.
            debugging('local_snsproducer: what ' . $name . ' holds could not be read: ' . $e->getMessage(), DEBUG_DEVELOPER);
            return [];
        }
    }

    /**
     * How the request that raises the event came in, and who is really behind it.
     *
     * An event knows that only when it comes back from a log: get_logextra() of one just raised gives null, and
     * Moodle's log stores note it themselves, in this way. No database read.
     *
     * @param \core\event\base $event
     * @return array `origin` (web, ws, cli, restore, …; null where not known) and `realuserid` (int, or null where
     *     nobody is logged in as someone else)
     */
    public static function request(\core\event\base $event): array {
        global $PAGE, $USER;
        try {
            if ($event->is_restored()) {
                $extra = (array)$event->get_logextra();
                return ['origin' => $extra['origin'] ?? null, 'realuserid' => self::number($extra['realuserid'] ?? null)];
            }
            return [
                'origin' => $PAGE->requestorigin,
                'realuserid' => \core\session\manager::is_loggedinas() ? self::number($USER->realuser ?? null) : null,
            ];
        } catch (\Throwable $e) {
            return ['origin' => null, 'realuserid' => null];
        }
    }

    /**
     * An id as a number.
     *
     * @param mixed $value
     * @return int|null
     */
    private static function number(mixed $value): ?int {
        return is_numeric($value) ? (int)$value : null;
    }

    /**
     * The snapshots that the event's trigger added.
     *
     * @param \core\event\base $event
     * @param string[] $tables entity → table
     * @return array entity → fields
     */
    private static function snapshots(\core\event\base $event, array $tables): array {
        $held = [];
        foreach ($tables as $entity => $table) {
            $record = $event->get_record_snapshot($table, $event->objectid);
            if (!$record instanceof \stdClass) {
                continue;
            }
            if ($entity === 'cm') {
                // A deleted activity: course_modules.section is no section number, and the module is an id.
                unset($record->section);
                $record->modname = $event->other['modulename'] ?? null;
            }
            $held[$entity] = shape::of($entity, $record);
        }
        return $held;
    }

    /**
     * The enrolment that user_enrolment_deleted carries in its own data.
     *
     * @param \core\event\base $event
     * @return array
     */
    private static function enrolment(\core\event\base $event): array {
        $row = $event->other['userenrolment'] ?? null;
        return is_array($row) ? ['enrolment' => shape::of('enrolment', $row)] : [];
    }

    /**
     * The grade that was deleted, with its item where the grade has it loaded (asking would read it).
     *
     * @param \core\event\base $event
     * @return array
     */
    private static function grade(\core\event\base $event): array {
        $grade = $event->get_grade();
        if (!$grade instanceof \grade_grade) {
            return [];
        }
        $held = ['grade' => shape::of('grade', $grade)];
        if ($grade->grade_item instanceof \grade_item) {
            $held['grade_item'] = shape::of('grade_item', $grade->grade_item);
        }
        return $held;
    }

    /**
     * The grade item that was deleted.
     *
     * @param \core\event\base $event
     * @return array
     */
    private static function grade_item(\core\event\base $event): array {
        $item = $event->get_grade_item();
        return $item instanceof \grade_item ? ['grade_item' => shape::of('grade_item', $item)] : [];
    }
}
