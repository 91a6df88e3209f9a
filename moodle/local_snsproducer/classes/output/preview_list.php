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
use local_snsproducer\local\preview;
use local_snsproducer\local\wanted\wanted_list;

/**
 * The recent events of which one can see what would be sent.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class preview_list implements \renderable, \templatable {
    /**
     * Makes the page.
     *
     * @param wanted_list|null $list null: there is none
     * @param \core\log\sql_reader|null $log null: there is none that can be read
     * @param string $name of this event only; empty: all
     */
    public function __construct(
        /** @var wanted_list|null What is wanted. */
        private readonly ?wanted_list $list,
        /** @var \core\log\sql_reader|null Where events are looked for. */
        private readonly ?\core\log\sql_reader $log,
        /** @var string Of this event only; empty: all. */
        private readonly string $name
    ) {
    }

    /**
     * What the template needs.
     *
     * @param \renderer_base $output
     * @return array
     */
    public function export_for_template(\renderer_base $output): array {
        $names = $this->list?->names() ?? [];
        sort($names);
        $events = $this->list !== null && $this->log !== null ? preview::events($this->log, $this->list, $this->name) : [];
        $form = get_string('strftimedatetimeshort', 'langconfig');
        $rows = [];
        foreach ($events as $id => $event) {
            $rows[] = [
                'url' => pages::url('preview', ['id' => $id])->out(false),
                'eventname' => $event->eventname,
                'at' => userdate($event->timecreated, $form),
                'objectid' => (string) $event->objectid,
                'courseid' => (string) $event->courseid,
            ];
        }
        return [
            'words' => match (true) {
                $this->list === null => get_string('preview_nolist', 'local_snsproducer'),
                $this->log === null => get_string('preview_nolog', 'local_snsproducer'),
                $rows === [] => get_string('preview_none', 'local_snsproducer', format_time(preview::PERIOD)),
                default => '',
            },
            'isany' => $rows !== [],
            'rows' => $rows,
            'formurl' => pages::url('preview')->out(false),
            'names' => array_map(fn(string $name) => [
                'value' => $name,
                'selected' => $name === $this->name,
            ], $names),
        ];
    }
}
