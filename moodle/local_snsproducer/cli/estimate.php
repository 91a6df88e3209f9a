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
 * Tells how many messages each contract would have given in a period.
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
use local_snsproducer\local\connection;
use local_snsproducer\local\estimate;
use local_snsproducer\local\not_usable;
use local_snsproducer\local\wanted\store;

$options = command::options([
    'since' => '-28 days', 'until' => '', 'rows' => '', 'store' => '', 'all' => false, 'json' => false,
], <<<'HELP'
Tells how many messages each contract would have given in a period, from Moodle's log: how much a topic, a queue
and a bill must bear. Sends nothing and changes nothing.

Options:
  --since=TIME   Begin: 2026-09-01, 2026-09-01T12:00:00Z, "-28 days". UTC where no offset is given. Default: -28 days.
  --until=TIME   End. Default: now.
  --rows=FILE    What contracts ask for, instead of the wanted list in force; - is standard input. Before anything is
                 connected: moodle-sns-producer contracts list --output json | … --rows=-
                 An older sidecar tells no conditions there: then all numbers are "at most".
  --store=NAME   The log store, such as logstore_standard. Default: the first that can be read.
  --all          Show contracts without a message too.
  --json         For machines, with the number of each hour.
  -h, --help     Print this.

  php local/snsproducer/cli/estimate.php --since=2026-09-01 --until=2026-10-01

A condition on the event is decided. One on something beside it (a grade's release) can't be, for the past: then the
number is what it could be at most. Choose a period with the busiest days of a term. A term's first day, an
enrolment of thousands or an import is an hour's peak: that is what a queue must take.

Exit codes: 0 done, 64 usage, 69 no log store can be read, 78 there is neither a wanted list nor --rows.
HELP);

$since = command::time($options['since'], 'since');
$until = $options['until'] === '' ? time() : command::time($options['until'], 'until');
if ($since >= $until) {
    command::fail(command::USAGE, '--since is not before --until');
}
if ($options['rows'] !== '') {
    $text = @file_get_contents($options['rows'] === '-' ? 'php://stdin' : $options['rows']);
    if ($text === false) {
        command::fail(command::UNAVAILABLE, "{$options['rows']} can't be read");
    }
    try {
        ['rows' => $rows, 'conditions' => $conditions] = estimate::read($text);
    } catch (not_usable $e) {
        command::fail(command::USAGE, "{$options['rows']}: " . $e->getMessage());
    }
} else {
    $connection = connection::get();
    $conditions = true;
    $rows = store::current() === null ? []
        : store::all($connection?->allowcontact ?? false, $connection?->allowspecial ?? false);
    if (!$rows) {
        command::fail(command::CONFIG, 'there is no wanted list yet: give one with --rows, see --help');
    }
}
$log = log::open($options['store']) ?? command::fail(command::UNAVAILABLE, log::none($options['store']));

$estimate = new estimate($rows, $conditions);
$after = null;
$read = 0;
$shown = time();
while ($page = $log->page($estimate->names(), $since, $until, $after, 5000)) {
    foreach ($page as $one) {
        if ($one['event'] !== null) {
            $estimate->add($one['event']);
            $after = [(int)$one['event']['timecreated'], $one['row']];
        } else {
            $after = [$after[0] ?? $since, $one['row']];
        }
    }
    $read += count($page);
    if (time() - $shown >= 2) {
        $shown = time();
        command::tell('  ' . command::moment($after[0]) . "  $read events");
    }
}

$report = $estimate->report();
if ($options['json']) {
    echo command::json(['since' => $since, 'until' => $until, 'store' => $log->store] + $report);
    exit(command::DONE);
}

$days = max(1, ($until - $since) / DAYSECS);
echo command::moment($since) . ' until ' . command::moment($until) . ", $log->store, " . number_format($report['events'])
    . " events of wanted kinds\n\n";
$table = [];
$sums = ['messages' => 0, 'at_most' => 0];
foreach ($report['contracts'] as $contract => $one) {
    if ($one['at_most'] === 0 && !$options['all']) {
        continue;
    }
    $sums['messages'] += $one['messages'];
    $sums['at_most'] += $one['at_most'];
    $table[] = [
        $contract,
        $one['messages'],
        $one['at_most'],
        (int)ceil($one['at_most'] / $days),
        $one['peak']['n'] ?? 0,
        $one['peak'] === null ? '' : command::moment($one['peak']['hour']),
    ];
}
$table[] = ['all', $sums['messages'], $sums['at_most'], (int)ceil($sums['at_most'] / $days), max([0, ...$report['peak_hours']]),
    $report['peak_hours'] ? command::moment(array_key_first($report['peak_hours'])) : ''];
echo command::table(['contract', 'sure', 'at most', 'a day', 'peak hour', 'which'], $table);
$busy = fn(array $times) => implode(', ', array_map(
    fn($time, $n) => command::moment($time) . ' ' . number_format($n),
    array_keys($times),
    $times
));
if ($report['peak_minutes']) {
    echo "\nBusiest hours: {$busy($report['peak_hours'])}\nBusiest minutes: {$busy($report['peak_minutes'])}\n";
}
if (!$conditions) {
    echo "\nThe list tells no conditions: a contract that speaks of some of its events only gives fewer than \"at most\".\n";
}
exit(command::DONE);
