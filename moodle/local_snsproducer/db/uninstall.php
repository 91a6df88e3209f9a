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

/**
 * What happens before the plugin is uninstalled.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

/**
 * Refuses while events wait, unless an administrator allowed it: uninstalling drops the outbox with them.
 *
 * @return bool true: nothing stands against it
 * @throws moodle_exception
 */
function xmldb_local_snsproducer_uninstall(): bool {
    global $DB;
    // An installation that broke off may have left no table.
    $manager = $DB->get_manager();
    if (!$manager->table_exists('local_snsproducer_outbox') || !$manager->table_exists('local_snsproducer_state')) {
        return true;
    }
    $waiting = $DB->count_records('local_snsproducer_outbox');
    if ($waiting > 0 && \local_snsproducer\local\state::get('allow_uninstall') !== '1') {
        $url = new moodle_url('/local/snsproducer/outbox.php');
        throw new moodle_exception(
            'uninstall_first',
            'local_snsproducer',
            $url->out(false),
            ['n' => $waiting, 'url' => $url->out(false)]
        );
    }
    return true;
}
