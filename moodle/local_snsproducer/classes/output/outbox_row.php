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

namespace local_snsproducer\output;

use local_snsproducer\local\pages;

/**
 * One event of the outbox with what is in it.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class outbox_row implements \renderable, \templatable {
    /**
     * Makes the page.
     *
     * @param \stdClass $row of the outbox
     */
    public function __construct(
        /** @var \stdClass A row of the outbox. */
        private readonly \stdClass $row
    ) {
    }

    /**
     * What the template needs.
     *
     * @param \renderer_base $output
     * @return array
     */
    public function export_for_template(\renderer_base $output): array {
        $row = $this->row;
        $body = json_decode($row->body);
        $flags = JSON_PRETTY_PRINT | JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_PRESERVE_ZERO_FRACTION;
        $values = [
            'eventid' => $row->eventid,
            'event' => $row->eventname,
            'state' => get_string("state{$row->state}", 'local_snsproducer'),
            'reason' => (string) $row->reason,
            'raised' => userdate($row->timecreated),
            'address' => $row->wwwroot,
        ];
        $facts = [];
        foreach ($values as $key => $value) {
            $facts[] = ['name' => get_string("column{$key}", 'local_snsproducer'), 'value' => $value];
        }
        return [
            'facts' => $facts,
            'body' => $body === null ? $row->body : json_encode($body, $flags),
            'backurl' => pages::url('outbox')->out(false),
        ];
    }
}
