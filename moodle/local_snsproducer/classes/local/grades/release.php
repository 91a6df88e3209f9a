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

namespace local_snsproducer\local\grades;

/**
 * Whether a person may see a grade, as Moodle's gradebook has it at this moment.
 *
 * Moodle keeps the unreleased grade of a marking workflow, or of blind marking, out of the gradebook: only hiding is
 * decided here. A total counts hidden grades, so a total that shows would tell them: it is not released while a grade
 * beneath it that has a value is hidden. A grade that a formula makes is a total of the grades that it names.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class release {
    /** @var array courseid → itemid → \grade_item */
    private array $items = [];

    /** @var array courseid → categoryid → path */
    private array $paths = [];

    /** @var array courseid → userid → userid: whose totals are asked for */
    private array $expected = [];

    /** @var array itemid → the items beneath it */
    private array $beneath = [];

    /** @var array itemid → userid → \grade_grade, null where there is none */
    private array $grades = [];

    /** @var array userid → true: all grades of that person are known */
    private array $whole = [];

    /**
     * Says whose grades in a course will be asked for, so that those of many are read together.
     *
     * @param int $courseid
     * @param int[] $userids
     */
    public function expect(int $courseid, array $userids): void {
        foreach ($userids as $userid) {
            $this->expected[$courseid][(int)$userid] = (int)$userid;
        }
    }

    /**
     * Whether the grade may be seen by its person.
     *
     * @param \grade_grade $grade with its item loaded
     * @return bool|null null where it can't be told
     */
    public function is_released(\grade_grade $grade): ?bool {
        $item = $grade->grade_item;
        if (!$item instanceof \grade_item) {
            return null;
        }
        if ($grade->is_hidden()) {
            return false;
        }
        $beneath = $this->beneath($item);
        if ($beneath === []) {
            return true;
        }
        $userid = (int)$grade->userid;
        $this->expect((int)$item->courseid, [$userid]);
        $this->load($beneath, (int)$item->courseid, $userid);
        foreach ($beneath as $id => $part) {
            $one = $this->grades[$id][$userid] ?? null;
            if ($one === null || $one->finalgrade === null) {
                continue;
            }
            $one->grade_item = $part;
            if ($one->is_hidden()) {
                return false;
            }
        }
        return true;
    }

    /**
     * The items that a total is made of, at any depth, and those that a formula names.
     *
     * @param \grade_item $item
     * @return \grade_item[] itemid → item; none where the item is no total and has no formula
     */
    private function beneath(\grade_item $item): array {
        if (isset($this->beneath[(int)$item->id])) {
            return $this->beneath[(int)$item->id];
        }
        if (!self::is_made_of_others($item)) {
            return [];
        }
        $all = $this->items((int)$item->courseid);
        $beneath = [];
        $todo = [$item];
        while ($todo !== []) {
            foreach ($this->parts(array_pop($todo), $all) as $id => $part) {
                if ($id !== (int)$item->id && !isset($beneath[$id])) {
                    $beneath[$id] = $part;
                    $todo[] = $part;
                }
            }
        }
        return $this->beneath[(int)$item->id] = $beneath;
    }

    /**
     * Whether Moodle makes the item's grades from those of other items.
     *
     * @param \grade_item $item
     * @return bool
     */
    private static function is_made_of_others(\grade_item $item): bool {
        return $item->is_course_item() || $item->is_category_item() || $item->is_calculated();
    }

    /**
     * The items one item is made of.
     *
     * @param \grade_item $item
     * @param \grade_item[] $all itemid → item, of the course
     * @return \grade_item[]
     */
    private function parts(\grade_item $item, array $all): array {
        if ($item->is_course_item()) {
            return $all;
        }
        $parts = [];
        if ($item->is_calculated() && preg_match_all('/##gi(\d+)##/', (string)$item->calculation, $named)) {
            $parts = array_intersect_key($all, array_flip(array_map('intval', $named[1])));
        }
        if ($item->is_category_item()) {
            $paths = $this->paths((int)$item->courseid);
            $inside = '/' . (int)$item->iteminstance . '/';
            foreach ($all as $id => $one) {
                // A total stands for its category; any other item lies in one.
                $category = (int)($one->is_category_item() ? $one->iteminstance : $one->categoryid);
                if (str_contains($paths[$category] ?? '', $inside)) {
                    $parts[$id] = $one;
                }
            }
        }
        return $parts;
    }

    /**
     * All grade items of a course.
     *
     * @param int $courseid
     * @return \grade_item[] itemid → item
     */
    private function items(int $courseid): array {
        if (!isset($this->items[$courseid])) {
            $this->items[$courseid] = [];
            foreach (\grade_item::fetch_all(['courseid' => $courseid]) ?: [] as $item) {
                $this->items[$courseid][(int)$item->id] = $item;
            }
        }
        return $this->items[$courseid];
    }

    /**
     * The paths of a course's grade categories: `/1/5/`, from the course's own category down to itself.
     *
     * @param int $courseid
     * @return string[] categoryid → path
     */
    private function paths(int $courseid): array {
        if (!isset($this->paths[$courseid])) {
            $this->paths[$courseid] = [];
            foreach (\grade_category::fetch_all(['courseid' => $courseid]) ?: [] as $category) {
                $this->paths[$courseid][(int)$category->id] = (string)$category->path;
            }
        }
        return $this->paths[$courseid];
    }

    /**
     * Reads a person's grades of some items, in the fewer queries: all grades of each person expected, or each
     * item's grades of all of them.
     *
     * @param \grade_item[] $items itemid → item
     * @param int $courseid
     * @param int $userid
     */
    private function load(array $items, int $courseid, int $userid): void {
        if (isset($this->whole[$userid])) {
            return;
        }
        $missing = array_filter(
            $items,
            fn(int $id): bool => !array_key_exists($userid, $this->grades[$id] ?? []),
            ARRAY_FILTER_USE_KEY,
        );
        if ($missing === []) {
            return;
        }
        if (count($this->expected[$courseid]) < count($missing)) {
            foreach (\grade_grade::fetch_all(['userid' => $userid]) ?: [] as $grade) {
                $this->grades[(int)$grade->itemid][$userid] = $grade;
            }
            $this->whole[$userid] = true;
            return;
        }
        foreach ($missing as $id => $item) {
            $found = \grade_grade::fetch_users_grades($item, array_values($this->expected[$courseid]), false);
            foreach ($this->expected[$courseid] as $each) {
                $this->grades[$id][$each] = $found[$each] ?? null;
            }
        }
    }
}
