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

use local_snsproducer\event\grade_released;
use local_snsproducer\local\raised;

/**
 * Grades and grade items, and whether the person may see the grade yet.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class marks implements family {
    /** Events about a grade; their item is `other.itemid`. */
    private const GRADE = [
        '\core\event\user_graded' => true,
        '\core\event\grade_deleted' => true,
        '\\' . grade_released::class => true,
    ];

    /** Events about a grade item; it is their object. */
    private const ITEM = [
        '\core\event\grade_item_created' => true,
        '\core\event\grade_item_updated' => true,
        '\core\event\grade_item_deleted' => true,
    ];

    /**
     * Reads grades.
     *
     * @param cache $cache
     */
    public function __construct(
        /** @var cache what is known already */
        private readonly cache $cache,
    ) {
    }

    /**
     * Whether an event is about a grade or a grade item.
     *
     * @param string $name
     * @return bool
     */
    public static function is_about_grades(string $name): bool {
        return isset(self::GRADE[$name]) || isset(self::ITEM[$name]);
    }

    #[\Override]
    public function read(string $entity, raised $r): ?array {
        if ($entity === 'grade_item') {
            return $this->item_of($r);
        }
        if ($entity !== 'grade' || !isset(self::GRADE[$r->name])) {
            return null;
        }
        $itemid = (int)($r->event['other']['itemid'] ?? 0);
        $userid = (int)($r->event['relateduserid'] ?? 0);
        $item = $this->item($itemid);
        if ($item === null || $userid <= 0) {
            return null;
        }
        $grades = $this->cache->get('grades', $itemid, function () use ($item, $itemid, $userid, $r): array {
            // All people of this item at once: a teacher saves a whole column.
            $ids = [$userid => $userid];
            foreach ($this->cache->named($r->name) as $other) {
                if ((int)($other->event['other']['itemid'] ?? 0) === $itemid) {
                    $ids[(int)$other->event['relateduserid']] = (int)$other->event['relateduserid'];
                }
            }
            return \grade_grade::fetch_users_grades($item, array_values($ids), false) + array_fill_keys($ids, null);
        });
        $grade = array_key_exists($userid, $grades) ? $grades[$userid]
            : (\grade_grade::fetch(['itemid' => $itemid, 'userid' => $userid]) ?: null);
        if ($grade === null) {
            return null;
        }
        $grade->grade_item = $item;
        $fields = shape::of('grade', $grade);
        $released = $this->release($r, (int)$item->courseid)->is_released($grade);
        return $released === null ? $fields : ['released' => $released] + $fields;
    }

    /**
     * What decides whether a grade may be seen, told beforehand whose grades of the course will be asked for.
     *
     * @param raised $r
     * @param int $courseid
     * @return \local_snsproducer\local\grades\release
     */
    private function release(raised $r, int $courseid): \local_snsproducer\local\grades\release {
        $release = $this->cache->get('release', 0, fn() => new \local_snsproducer\local\grades\release());
        $this->cache->get('release of course', $courseid, function () use ($release, $r, $courseid): bool {
            foreach ($this->cache->named($r->name) as $other) {
                if ((int)($other->event['courseid'] ?? 0) === $courseid) {
                    $release->expect($courseid, [(int)($other->event['relateduserid'] ?? 0)]);
                }
            }
            return true;
        });
        return $release;
    }

    /**
     * The grade item of an event about grades.
     *
     * @param raised $r
     * @return array|null
     */
    public function item_of(raised $r): ?array {
        if (isset($r->held['grade_item'])) {
            return $r->held['grade_item'];
        }
        $id = match (true) {
            isset(self::GRADE[$r->name]) => (int)($r->event['other']['itemid'] ?? 0),
            isset(self::ITEM[$r->name]) => (int)($r->event['objectid'] ?? 0),
            default => 0,
        };
        $item = $this->item($id);
        return $item === null ? $this->cache->lent_item($id) : shape::of('grade_item', $item);
    }

    /**
     * A grade item.
     *
     * @param int $id
     * @return \grade_item|null
     */
    private function item(int $id): ?\grade_item {
        global $CFG;
        return $this->cache->get('item', $id, function () use ($id, $CFG): ?\grade_item {
            require_once($CFG->libdir . '/gradelib.php');
            // On PostgreSQL grade_item::fetch() is three queries, by a cursor.
            $record = $this->cache->record('grade_items', $id);
            return $record === null ? null : new \grade_item($record, false);
        });
    }
}
