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
 * How the plugin does.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

use local_snsproducer\local\pages;
use local_snsproducer\local\spool;
use local_snsproducer\local\status;
use local_snsproducer\output\overview;

require(__DIR__ . '/../../config.php');
require_once($CFG->libdir . '/adminlib.php');

admin_externalpage_setup('local_snsproducer_overview');
$manages = has_capability('local/snsproducer:manage', context_system::instance());

$spool = optional_param('acceptspool', '', PARAM_RAW);
if ($spool !== '') {
    require_sesskey();
    require_capability('local/snsproducer:manage', context_system::instance());
    // Only the one that was shown: meanwhile yet another may have answered.
    if ($spool === spool::other()) {
        spool::accept();
    }
    redirect(pages::url('overview'));
}

$page = new overview(new status(), $manages);
echo $OUTPUT->header();
echo $OUTPUT->heading(get_string('pageoverview', 'local_snsproducer'));
echo $OUTPUT->render_from_template('local_snsproducer/overview', $page->export_for_template($OUTPUT));
echo $OUTPUT->footer();
