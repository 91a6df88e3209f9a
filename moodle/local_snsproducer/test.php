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
 * Sends a test event and shows its way.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

use local_snsproducer\local\pages;
use local_snsproducer\local\test_run;
use local_snsproducer\output\test;

require(__DIR__ . '/../../config.php');
require_once($CFG->libdir . '/adminlib.php');

admin_externalpage_setup('local_snsproducer_test');
require_capability('local/snsproducer:manage', context_system::instance());

if (optional_param('send', 0, PARAM_BOOL)) {
    require_sesskey();
    $SESSION->local_snsproducer_test = test_run::start()->kept();
    redirect(pages::url('test'));
}

$run = test_run::take_up($SESSION->local_snsproducer_test ?? null);
// So that the other pages of the same person don't wait for this one.
\core\session\manager::write_close();
$page = new test($run, $run?->follow(10) ?? []);

echo $OUTPUT->header();
echo $OUTPUT->heading(get_string('pagetest', 'local_snsproducer'));
echo $OUTPUT->render_from_template('local_snsproducer/test', $page->export_for_template($OUTPUT));
echo $OUTPUT->footer();
