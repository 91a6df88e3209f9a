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

use local_snsproducer\local\wanted\fetch;

/**
 * Asks the sidecar what it wants, each minute: that is also this site's sign of life.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class fetch_wanted extends \core\task\scheduled_task {
    /**
     * What administrators see.
     *
     * @return string
     */
    public function get_name() {
        return get_string('taskfetchwanted', 'local_snsproducer');
    }

    /**
     * Asks once. A failure is no failure of the task: Moodle would ask again later and later.
     */
    public function execute() {
        mtrace('local_snsproducer: ' . fetch::run());
    }
}
