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
 * Shows what waits to be sent, and does something about it.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

define('CLI_SCRIPT', true);

require(__DIR__ . '/../../../config.php');
require_once($CFG->libdir . '/clilib.php');

use local_snsproducer\local\backfill\order;
use local_snsproducer\local\command;
use local_snsproducer\local\connection;
use local_snsproducer\local\drain;
use local_snsproducer\local\sender;
use local_snsproducer\local\waiting;
use local_snsproducer\local\wanted\store;

$options = command::options([
    'send' => false, 'retry' => false, 'delete' => false, 'state' => '', 'event' => '', 'why' => '', 'json' => false,
], <<<'HELP'
Shows what waits to be sent, and does something about it. No body of an event is shown.

Options:
  --send         Send what waits now, instead of leaving it to the task.
  --retry        Let events that the sidecar refused wait again.
  --delete       Delete events for good: no consumer will ever learn of them. Needs --why and --state or --event.
  --why=TEXT     Why they are deleted: it is kept in Moodle's log.
  --state=STATE  Only those that are waiting, open (strict, at work) or refused.
  --event=NAME   Only these events: '\core\event\user_enrolment_created'.
  --json         For machines.
  -h, --help     Print this.

  php local/snsproducer/cli/outbox.php
  php local/snsproducer/cli/outbox.php --retry --event='\core\event\user_graded'

Exit codes: 0 done, 2 something is left that waits for a person, 64 usage, 69 the sidecar doesn't take events now,
75 a task is sending at this moment, 78 not set up.
HELP);

if ($options['state'] !== '' && !in_array($options['state'], waiting::STATES, true)) {
    command::fail(command::USAGE, '--state is ' . implode(', ', waiting::STATES));
}
$event = $options['event'] === '' ? '' : '\\' . ltrim($options['event'], '\\');
$choice = new waiting($options['state'], $event);
if ((int)$options['send'] + (int)$options['retry'] + (int)$options['delete'] > 1) {
    command::fail(command::USAGE, 'one of --send, --retry and --delete');
}

if ($options['retry']) {
    $refused = new waiting('refused', $event);
    command::tell(waiting::retry($refused->ids(null)) . ' refused events wait again');
}
if ($options['delete']) {
    if (trim($options['why']) === '' || ($options['state'] === '' && $event === '')) {
        command::fail(command::USAGE, '--delete needs --why, and --state or --event');
    }
    // Moodle's log of it needs somebody who did it.
    \core\session\manager::set_user(get_admin());
    command::tell(waiting::delete($choice->ids(null), trim($options['why'])) . ' events deleted');
}
if ($options['send']) {
    $obstacle = order::obstacle();
    if ($obstacle !== null) {
        command::fail(command::CONFIG, $obstacle);
    }
    $limits = store::current()->limits;
    do {
        $drained = drain::run(new sender(connection::get(), $limits, 60000, 15000), $limits, 60000);
        command::tell("$drained->gone sent, $drained->refused refused");
    } while ($drained->stopped === 'time' && $drained->gone > 0);
    if ($drained->stopped === 'locked') {
        command::fail(command::LOCKED, 'a task is sending what waits at this moment');
    }
    if ($drained->stopped !== null) {
        command::fail(command::UNAVAILABLE, "the sidecar takes no events now ($drained->stopped); cli/status.php tells more");
    }
}

$ischosen = fn($group): bool => in_array($options['state'], ['', $group->state], true)
    && in_array($event, ['', $group->eventname], true);
$groups = array_values(array_filter(waiting::groups(), $ischosen));
$refused = array_filter($groups, fn($group) => $group->state === 'refused' || $group->wwwroot !== $CFG->wwwroot);
if ($options['json']) {
    echo command::json(array_map(fn($group) => array_diff_key((array)$group, ['id' => 0]), $groups));
} else if (!$groups) {
    echo "Nothing waits.\n";
} else {
    echo command::table(['state', 'event', 'events', 'oldest', 'why'], array_map(fn($group) => [
        $group->state,
        $group->eventname,
        (int)$group->n,
        command::moment((int)$group->oldest),
        $group->wwwroot === $CFG->wwwroot ? (string)$group->reason : "raised under $group->wwwroot: never sent from here",
    ], $groups));
}
exit($refused ? command::FINDINGS : command::DONE);
