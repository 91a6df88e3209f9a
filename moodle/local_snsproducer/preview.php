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
 * What would be sent of a recent event.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

use local_snsproducer\local\connection;
use local_snsproducer\local\pages;
use local_snsproducer\local\preview;
use local_snsproducer\local\wanted\store;
use local_snsproducer\output\preview as preview_page;
use local_snsproducer\output\preview_list;

require(__DIR__ . '/../../config.php');
require_once($CFG->libdir . '/adminlib.php');

admin_externalpage_setup('local_snsproducer_preview');
require_capability('local/snsproducer:viewbody', context_system::instance());

$id = optional_param('id', 0, PARAM_INT);
$name = optional_param('name', '', PARAM_RAW);
$name = preg_match('/^[\w\\\\]{1,255}$/D', $name) ? $name : '';
$list = store::current();
$log = preview::log();
$event = $id > 0 && $log !== null ? preview::event($log, $id) : null;

// Of what is not wanted nothing is shown: this page tells what would leave, and is no way into the log.
if ($event !== null && $list !== null && $list->wants($event->eventname)) {
    $page = new preview_page($event, preview::of($event, $list, connection::get()));
    $template = 'local_snsproducer/preview';
} else {
    $page = new preview_list($list, $log, $name);
    $template = 'local_snsproducer/preview_list';
}

echo $OUTPUT->header();
echo $OUTPUT->heading(get_string('pagepreview', 'local_snsproducer'));
if ($id > 0 && $template === 'local_snsproducer/preview_list') {
    echo $OUTPUT->notification(get_string('preview_gone', 'local_snsproducer'), 'info');
}
echo $OUTPUT->render_from_template($template, $page->export_for_template($OUTPUT));
echo $OUTPUT->footer();
