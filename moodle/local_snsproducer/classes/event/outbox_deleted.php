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
 * Somebody deleted events that waited to be sent: they will never be told.
 *
 * @property-read array $other {
 *     Extra information about the event.
 *
 *     - int rows: how many.
 *     - string reason: why, in the words of who did it.
 *     - array events: name of an event => how many of it.
 * }
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class outbox_deleted extends \core\event\base {
    #[\Override]
    protected function init() {
        $this->data['crud'] = 'd';
        $this->data['edulevel'] = self::LEVEL_OTHER;
    }

    #[\Override]
    public static function get_name() {
        return get_string('eventoutboxdeleted', 'local_snsproducer');
    }

    #[\Override]
    public function get_description() {
        $rows = (int) $this->other['rows'];
        return "The user with id '{$this->userid}' deleted {$rows} events that waited in the outbox of the SNS producer: "
            . s($this->other['reason']);
    }

    #[\Override]
    public function get_url() {
        return new \moodle_url('/local/snsproducer/outbox.php');
    }

    #[\Override]
    protected function validate_data() {
        parent::validate_data();
        if (!isset($this->other['rows'], $this->other['reason'])) {
            throw new \coding_exception('The \'rows\' and \'reason\' values must be set in other.');
        }
    }

    #[\Override]
    public static function get_other_mapping() {
        return false; // Nothing in it is an id.
    }
}
