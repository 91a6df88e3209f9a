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
 * Prints what this Moodle has that contracts can ask for.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

define('CLI_SCRIPT', true);

require(__DIR__ . '/../../../config.php');
require_once($CFG->libdir . '/clilib.php');

use local_snsproducer\local\backfill\log;
use local_snsproducer\local\command;
use local_snsproducer\local\inventory;

$options = command::options(['log' => '', 'store' => ''], <<<'HELP'
Prints what this Moodle has that contracts can ask for: each class of events with the keys of its `other`,
the activities, and what the plugin reads beside an event. Changes nothing, and names no person.

Options:
  --log=ROWS     Look at the newest ROWS of the log too: `other` is told more exactly. Default: don't.
  --store=NAME   Of which log store, such as logstore_standard. Default: the first that can be read.
  -h, --help     Print this.

Run it on the next Moodle (a copy for tests, say), then where the sidecar is:

  php local/snsproducer/cli/inventory.php > inventory.json
  moodle-sns-producer contracts check --moodle inventory.json

The latter tells what each contract would lose there.
HELP);

$seen = [];
if ($options['log'] !== '') {
    if (!preg_match('/^[1-9]\d{0,7}$/D', $options['log'])) {
        command::fail(command::USAGE, '--log wants a number of rows');
    }
    $log = log::open($options['store']) ?? command::fail(command::UNAVAILABLE, log::none($options['store']));
    $seen = inventory::seen($log->reader, (int)$options['log']);
    command::tell(count($seen) . ' classes of events in the newest ' . $options['log'] . " rows of $log->store");
}

// Classes of events that are deprecated complain when they are loaded: that is what is looked for here.
$CFG->debug = 0;
$CFG->debugdeveloper = false;
error_reporting(0);
$inventory = inventory::take($seen);
$unknown = count(array_filter($inventory['events'], fn($event) => $event['other'] === null));
command::tell(count($inventory['events']) . " classes of events, $unknown of which don't tell the keys of `other`");
echo inventory::text($inventory);
exit(command::DONE);
