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

namespace local_snsproducer\event;

/**
 * A grade that its person was not to see can be seen now: Moodle itself raises nothing when a hidden-until date
 * passes, or when an item or one grade is shown again.
 *
 * @property-read array $other {
 *     Extra information about the event.
 *
 *     - int itemid: the grade item.
 *     - string|null finalgrade: the grade as it is now, a decimal number.
 *     - bool overridden: whether the grade is overridden now.
 * }
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class grade_released extends \core\event\base {
    /**
     * Makes the event from the grade as it is now; nobody did it.
     *
     * @param \grade_grade $grade a grade of a grade item in a course, with its item loaded
     * @return self not yet triggered
     */
    public static function create_from_grade(\grade_grade $grade): self {
        /** @var self $event */
        $event = self::create([
            'context' => \context_course::instance($grade->grade_item->courseid),
            'objectid' => $grade->id,
            'relateduserid' => $grade->userid,
            'userid' => self::USER_OTHER,
            'other' => [
                'itemid' => (int)$grade->itemid,
                'finalgrade' => $grade->finalgrade,
                'overridden' => !empty($grade->overridden),
            ],
        ]);
        return $event;
    }

    #[\Override]
    protected function init() {
        $this->data['crud'] = 'r';
        $this->data['edulevel'] = self::LEVEL_TEACHING;
        $this->data['objecttable'] = 'grade_grades';
    }

    #[\Override]
    public static function get_name() {
        return get_string('eventgradereleased', 'local_snsproducer');
    }

    #[\Override]
    public function get_description() {
        return "The grade with id '{$this->objectid}' of the user with id '{$this->relateduserid}' for the grade item " .
            "with id '{$this->other['itemid']}' may be seen now.";
    }

    #[\Override]
    public function get_url() {
        return new \moodle_url('/grade/report/user/index.php', ['id' => $this->courseid, 'userid' => $this->relateduserid]);
    }

    #[\Override]
    protected function validate_data() {
        parent::validate_data();
        if (empty($this->relateduserid)) {
            throw new \coding_exception('The \'relateduserid\' must be set.');
        }
        foreach (['itemid', 'finalgrade', 'overridden'] as $key) {
            if (!array_key_exists($key, $this->other)) {
                throw new \coding_exception("The '{$key}' value must be set in other.");
            }
        }
    }

    #[\Override]
    public static function get_objectid_mapping() {
        return ['db' => 'grade_grades', 'restore' => 'grade_grades'];
    }

    #[\Override]
    public static function get_other_mapping() {
        return ['itemid' => ['db' => 'grade_items', 'restore' => 'grade_item']];
    }
}
