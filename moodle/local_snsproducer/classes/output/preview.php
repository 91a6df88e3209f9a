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
use local_snsproducer\local\preview as found;

/**
 * What would be sent of one event.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class preview implements \renderable, \templatable {
    /**
     * Makes the page.
     *
     * @param \core\event\base $event
     * @param found $preview
     */
    public function __construct(
        /** @var \core\event\base The event of the log. */
        private readonly \core\event\base $event,
        /** @var found What would be sent of it. */
        private readonly found $preview
    ) {
    }

    /**
     * What the template needs.
     *
     * @param \renderer_base $output
     * @return array
     */
    public function export_for_template(\renderer_base $output): array {
        $class = static fn(string $class): string => match ($class) {
            '' => get_string('classnone', 'local_snsproducer'),
            'identifier', 'name', 'contact', 'performance', 'special', 'never' => get_string("class{$class}", 'local_snsproducer'),
            default => $class,
        };
        $contracts = [];
        foreach ($this->preview->contracts as $contract => $verdict) {
            $contracts[] = ['contract' => $contract, 'verdict' => get_string("takes{$verdict}", 'local_snsproducer')];
        }
        return [
            'eventname' => $this->event->eventname,
            'at' => userdate($this->event->timecreated),
            'isanonymous' => $this->preview->anonymous,
            'istaken' => $this->preview->fields !== [],
            'contracts' => $contracts,
            'fields' => array_map(static fn(array $field) => [
                'path' => $field['path'],
                'value' => $field['value'],
                'class' => $class($field['class']),
                'contracts' => $field['contracts'] === []
                    ? get_string('always', 'local_snsproducer') : implode(', ', $field['contracts']),
            ], $this->preview->fields),
            'left' => array_map(static fn(array $left) => [
                'path' => $left['path'],
                'class' => $class($left['class']),
                'why' => get_string("left{$left['why']}", 'local_snsproducer'),
            ], $this->preview->left),
            'isleft' => $this->preview->left !== [],
            'backurl' => pages::url('preview', ['name' => $this->event->eventname])->out(false),
        ];
    }
}
