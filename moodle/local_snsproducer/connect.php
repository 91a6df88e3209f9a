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
 * Connects this site, or takes that back.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

use local_snsproducer\local\connection;
use local_snsproducer\local\pages;
use local_snsproducer\local\status;
use local_snsproducer\local\wanted\fetch;
use local_snsproducer\output\connect;

require(__DIR__ . '/../../config.php');
require_once($CFG->libdir . '/adminlib.php');

admin_externalpage_setup('local_snsproducer_connect');
require_capability('local/snsproducer:manage', context_system::instance());

$action = optional_param('action', '', PARAM_ALPHA);
$confirmed = optional_param('confirm', 0, PARAM_BOOL);
$here = pages::url('connect');
$before = (string) get_config('local_snsproducer', 'connectedurl');

if ($action === 'connect') {
    require_sesskey();
    add_to_config_log('connectedurl', $before, $CFG->wwwroot, 'local_snsproducer');
    connection::connect();
    // At once, so that the first events don't wait for cron.
    fetch::run();
    redirect($here, get_string('connect_done', 'local_snsproducer'), null, \core\output\notification::NOTIFY_SUCCESS);
}
if ($action === 'disconnect' && $confirmed) {
    require_sesskey();
    connection::disconnect();
    add_to_config_log('connectedurl', $before, '', 'local_snsproducer');
    redirect($here, get_string('disconnect_done', 'local_snsproducer'), null, \core\output\notification::NOTIFY_SUCCESS);
}

echo $OUTPUT->header();
echo $OUTPUT->heading(get_string('pageconnect', 'local_snsproducer'));
if ($action === 'disconnect') {
    echo $OUTPUT->confirm(
        get_string('disconnect_sure', 'local_snsproducer', s($before)),
        new single_button(
            pages::url('connect', ['action' => 'disconnect', 'confirm' => 1]),
            get_string('disconnect', 'local_snsproducer'),
            'post'
        ),
        new single_button($here, get_string('cancel'), 'get')
    );
} else {
    $page = new connect(new status());
    echo $OUTPUT->render_from_template('local_snsproducer/connect', $page->export_for_template($OUTPUT));
}
echo $OUTPUT->footer();
