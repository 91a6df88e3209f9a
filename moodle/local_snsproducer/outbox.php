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
 * What waits to be sent, and what can be done about it.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

use local_snsproducer\form\delete_rows;
use local_snsproducer\local\pages;
use local_snsproducer\local\state;
use local_snsproducer\local\waiting;
use local_snsproducer\output\outbox as outbox_page;
use local_snsproducer\output\outbox_row;

require(__DIR__ . '/../../config.php');
require_once($CFG->libdir . '/adminlib.php');

admin_externalpage_setup('local_snsproducer_outbox');
$context = context_system::instance();
require_capability('local/snsproducer:view', $context);

$state = optional_param('state', '', PARAM_ALPHA);
$eventname = optional_param('eventname', '', PARAM_RAW);
$action = optional_param('action', '', PARAM_ALPHA);
$choice = new waiting(
    in_array($state, waiting::STATES, true) ? $state : '',
    preg_match('/^[\w\\\\]{1,255}$/D', $eventname) ? $eventname : ''
);
$here = pages::url('outbox', array_filter(['state' => $choice->state, 'eventname' => $choice->eventname]));
$words = static fn(string $key, $a = null): string => get_string($key, 'local_snsproducer', $a);

if ($action !== '') {
    require_capability('local/snsproducer:manage', $context);
}
$ids = optional_param_array('ids', [], PARAM_INT);
if (optional_param('all', 0, PARAM_BOOL)) {
    $ids = null;
}

if ($action === 'retry') {
    require_sesskey();
    $n = waiting::retry($choice->ids($ids));
    redirect($here, $words('retry_done', $n), null, \core\output\notification::NOTIFY_SUCCESS);
}
if ($action === 'send') {
    require_sesskey();
    core_php_time_limit::raise(60);
    // So that the other pages of the same person don't wait for this one.
    \core\session\manager::write_close();
    $drained = waiting::send();
    $case = match (true) {
        $drained === null => 'unarmed',
        $drained->stopped === null => 'done',
        in_array($drained->stopped, ['locked', 'time'], true) => $drained->stopped,
        default => 'stopped',
    };
    $told = ['gone' => $drained->gone ?? 0, 'refused' => $drained->refused ?? 0, 'why' => s($drained->stopped ?? '')];
    $kind = in_array($case, ['unarmed', 'stopped'], true) ? 'warning' : 'success';
    $notice = $OUTPUT->notification(get_string("send_{$case}", 'local_snsproducer', $told), $kind);
}
if ($action === 'uninstall') {
    require_sesskey();
    $allow = optional_param('allow', 0, PARAM_BOOL);
    state::set('allow_uninstall', $allow ? '1' : null);
    redirect($here, $words($allow ? 'uninstall_allowed' : 'uninstall_refused'));
}
if ($action === 'delete') {
    $form = new delete_rows($here->out(false), ['n' => 0]);
    if ($form->is_cancelled()) {
        redirect($here);
    }
    if ($data = $form->get_data()) {
        core_php_time_limit::raise(300);
        $given = $data->ids === '' ? null : array_map('intval', explode(',', $data->ids));
        $n = waiting::delete($choice->ids($given), trim($data->reason));
        redirect($here, $words('delete_done', $n), null, \core\output\notification::NOTIFY_SUCCESS);
    }
    if (!$form->is_submitted()) {
        require_sesskey();
    }
    $given = $form->is_submitted() ? optional_param('ids', '', PARAM_SEQUENCE) : ($ids === null ? '' : implode(',', $ids));
    if ($given === '' && $ids !== null && !$form->is_submitted()) {
        redirect($here, $words('nonechosen'), null, \core\output\notification::NOTIFY_INFO);
    }
    $n = count($choice->ids($given === '' ? null : array_map('intval', explode(',', $given))));
    $form = new delete_rows($here->out(false), ['n' => $n]);
    $form->set_data(['ids' => $given, 'state' => $choice->state, 'eventname' => $choice->eventname]);
    $PAGE->navbar->add($words('delete_rows', $n));
    echo $OUTPUT->header();
    echo $OUTPUT->heading($words('delete_rows', $n));
    echo $OUTPUT->notification($words('delete_sure', $n), 'warning', false);
    $form->display();
    echo $OUTPUT->footer();
    exit;
}

$id = optional_param('id', 0, PARAM_INT);
if ($id !== 0) {
    require_capability('local/snsproducer:viewbody', $context);
    $row = waiting::one($id);
    if ($row === null) {
        redirect($here, $words('rowgone'), null, \core\output\notification::NOTIFY_INFO);
    }
    $page = new outbox_row($row);
    $PAGE->navbar->add($words('row'));
    echo $OUTPUT->header();
    echo $OUTPUT->heading($words('row'));
    echo $OUTPUT->render_from_template('local_snsproducer/outbox_row', $page->export_for_template($OUTPUT));
    echo $OUTPUT->footer();
    exit;
}

$page = new outbox_page($choice, optional_param('page', 0, PARAM_INT));
echo $OUTPUT->header();
echo $OUTPUT->heading($words('pageoutbox'));
echo $notice ?? '';
echo $OUTPUT->render_from_template('local_snsproducer/outbox', $page->export_for_template($OUTPUT));
echo $OUTPUT->footer();
