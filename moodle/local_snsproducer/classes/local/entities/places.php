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
 * Where it happened: course, category, section and activity.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class places implements family {
    /**
     * Reads places.
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
        return match ($entity) {
            'course' => $this->course((int)($r->event['courseid'] ?? 0)),
            'category' => (int)($r->event['contextlevel'] ?? 0) === CONTEXT_COURSECAT
                ? $this->category((int)($r->event['contextinstanceid'] ?? 0)) : null,
            'section' => ($r->event['objecttable'] ?? null) === 'course_sections'
                ? $this->section((int)$r->event['objectid']) : null,
            'cm' => $this->cm($r),
            default => null,
        };
    }

    /**
     * A course. The site itself (course 1) is none.
     *
     * @param int $id
     * @return array|null
     */
    private function course(int $id): ?array {
        if ($id <= SITEID) {
            return null;
        }
        $record = $this->cache->record('course', $id);
        return $record === null ? $this->cache->lent_course($id) : shape::of('course', $record);
    }

    /**
     * A course category.
     *
     * @param int $id
     * @return array|null
     */
    private function category(int $id): ?array {
        if ($this->cache->quiet) {
            $record = $this->cache->record('course_categories', $id);
            return $record === null ? null : shape::of('category', $record);
        }
        return $this->cache->get('category', $id, function () use ($id): ?array {
            $category = \core_course_category::get($id, IGNORE_MISSING, true);
            return $category ? shape::of('category', $category->get_db_record()) : null;
        });
    }

    /**
     * A section of a course.
     *
     * @param int $id
     * @return array|null
     */
    private function section(int $id): ?array {
        $record = $this->cache->record('course_sections', $id);
        return $record === null ? null : shape::of('section', $record);
    }

    /**
     * The activity an event is about: that of its context, or the one whose grade item it is.
     *
     * @param raised $r
     * @return array|null
     */
    private function cm(raised $r): ?array {
        $courseid = (int)($r->event['courseid'] ?? 0);
        if ((int)($r->event['contextlevel'] ?? 0) === CONTEXT_MODULE) {
            return $this->cm_by_id($courseid, (int)$r->event['contextinstanceid'], self::module($r));
        }
        if (marks::is_about_grades($r->name)) {
            $item = (new marks($this->cache))->item_of($r);
            if (($item['itemtype'] ?? null) === 'mod' && $item['itemmodule'] !== null) {
                return $this->cm_by_instance($courseid, (string)$item['itemmodule'], (int)$item['iteminstance']);
            }
        }
        return null;
    }

    /**
     * The kind of activity, where the event itself tells it.
     *
     * @param raised $r
     * @return string '' where it doesn't
     */
    public static function module(raised $r): string {
        $told = $r->event['other']['modulename'] ?? null;
        if (is_string($told)) {
            return $told;
        }
        $component = (string)($r->event['component'] ?? '');
        return match (true) {
            str_starts_with($component, 'mod_') => substr($component, 4),
            str_starts_with($component, 'assignsubmission_') => 'assign',
            default => '',
        };
    }

    /**
     * An activity by its id.
     *
     * @param int $courseid
     * @param int $id
     * @param string $module its kind, '' where not known
     * @return array|null
     */
    public function cm_by_id(int $courseid, int $id, string $module): ?array {
        if ($id <= 0) {
            return null;
        }
        return $this->cache->get('cm', $id, function () use ($courseid, $id, $module): ?array {
            if (!$this->cache->quiet) {
                $found = $this->modinfo($courseid)?->cms[$id] ?? null;
                if ($found !== null) {
                    return self::from_modinfo($found);
                }
            }
            // Quiet, or not in the course's list (being made or deleted): a read that fills no cache.
            return self::from_record(get_coursemodule_from_id($module, $id, 0, true, IGNORE_MISSING));
        });
    }

    /**
     * An activity by its kind and its id among that kind.
     *
     * @param int $courseid
     * @param string $module
     * @param int $instance
     * @return array|null
     */
    private function cm_by_instance(int $courseid, string $module, int $instance): ?array {
        return $this->cache->get('cm of instance', "{$module} {$instance}", function () use (
            $courseid,
            $module,
            $instance,
        ): ?array {
            if (!$this->cache->quiet) {
                $found = $this->modinfo($courseid)?->instances[$module][$instance] ?? null;
                if ($found !== null) {
                    return self::from_modinfo($found);
                }
            }
            return self::from_record(get_coursemodule_from_instance($module, $instance, 0, true, IGNORE_MISSING));
        });
    }

    /**
     * The list of a course's activities, made from the course as it is in the database: asked by id, Moodle would
     * make it from $COURSE as the page found it.
     *
     * @param int $courseid
     * @return \course_modinfo|null null where the course is gone
     */
    private function modinfo(int $courseid): ?\course_modinfo {
        return $this->cache->get('modinfo', $courseid, function () use ($courseid): ?\course_modinfo {
            $course = $this->cache->record('course', $courseid);
            return $course === null ? null : get_fast_modinfo(clone $course);
        });
    }

    /**
     * The fields of an activity from Moodle's list.
     *
     * @param \cm_info $cm
     * @return array
     */
    private static function from_modinfo(\cm_info $cm): array {
        return [
            'id' => $cm->id,
            'idnumber' => $cm->idnumber,
            'name' => $cm->name,
            'modname' => $cm->modname,
            'instance' => $cm->instance,
            'section' => $cm->sectionnum,
            'visible' => $cm->visible,
        ];
    }

    /**
     * The fields of an activity from its record, whose `section` is an id and whose section's number stands beside.
     *
     * @param \stdClass|false $record
     * @return array|null
     */
    private static function from_record(\stdClass|false $record): ?array {
        if (!$record) {
            return null;
        }
        $record->section = $record->sectionnum;
        return shape::of('cm', $record);
    }
}
