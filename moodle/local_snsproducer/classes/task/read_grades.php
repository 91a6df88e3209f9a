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

namespace local_snsproducer\task;

/**
 * Tells the grades that may be seen by now.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class read_grades extends \core\task\scheduled_task {
    #[\Override]
    public function get_name() {
        return get_string('taskreadgrades', 'local_snsproducer');
    }

    #[\Override]
    public function execute() {
        $done = \local_snsproducer\local\grades\reread::run();
        if ($done === null) {
            mtrace('Another run is reading the grades.');
        } else {
            mtrace("Released: {$done['released']}, gone: {$done['gone']}, waiting: {$done['waiting']}");
        }
    }
}
