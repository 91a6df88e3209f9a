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
 * An administrator sent a test event, to see the whole way to the consumers' queue.
 *
 * @property-read array $other {
 *     Extra information about the event.
 *
 *     - int number: drawn at random and shown where the test was asked for, to be found again at the other end.
 * }
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class test_sent extends \core\event\base {
    #[\Override]
    protected function init() {
        $this->data['crud'] = 'r';
        $this->data['edulevel'] = self::LEVEL_OTHER;
        $this->context = \context_system::instance();
    }

    #[\Override]
    public static function get_name() {
        return get_string('eventtestsent', 'local_snsproducer');
    }

    #[\Override]
    public function get_description() {
        return "The user with id '{$this->userid}' sent the test event number '{$this->other['number']}'.";
    }

    #[\Override]
    protected function validate_data() {
        parent::validate_data();
        if (!isset($this->other['number']) || !is_int($this->other['number'])) {
            throw new \coding_exception('The \'number\' value must be set in other, and be an int.');
        }
    }

    #[\Override]
    public static function get_other_mapping() {
        return false; // Nothing in it is an id.
    }
}
