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
 * Sends events of the past, from Moodle's log.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

define('CLI_SCRIPT', true);

require(__DIR__ . '/../../../config.php');
require_once($CFG->libdir . '/clilib.php');

use local_snsproducer\local\backfill\armed;
use local_snsproducer\local\backfill\job;
use local_snsproducer\local\backfill\log;
use local_snsproducer\local\backfill\order;
use local_snsproducer\local\backfill\plan;
use local_snsproducer\local\command;
use local_snsproducer\local\connection;
use local_snsproducer\task\backfill;

$options = command::options([
    'since' => '', 'until' => '', 'event' => '', 'rate' => '200', 'store' => '', 'dry-run' => false, 'task' => false,
    'again' => false, 'ignore-armed' => false, 'status' => false, 'cancel' => false, 'json' => false,
], <<<'HELP'
Sends events of the past, from Moodle's log, as messages marked "backfill".

Options:
  --since=TIME    Begin of the period: 2026-09-01, 2026-09-01T12:00:00Z, "-90 days". UTC where no offset is given.
  --until=TIME    Its end. Default: as far as there is something to send.
  --event=NAMES   Only these events, with commas between: '\core\event\user_enrolment_created'. Default: all wanted.
  --rate=N        At most N events a second. Default: 200. Live events of other requests go first all the same.
  --store=NAME    The log store, such as logstore_standard. Default: the first that can be read.
  --dry-run       Say what would be sent, to which contracts, and what it would lack. Sends and remembers nothing.
  --task          Have cron do it, five minutes at a time, instead of doing it now.
  --again         Begin a period again that was done. The sidecar knows ids of past events for 35 days; after that
                  the messages are published a second time.
  --ignore-armed  Send events too that were observed when they were raised, as far as the plugin knows. Those that
                  did go then go twice, under two ids. For a period in which the plugin surely sent nothing.
  --status        Say how far it is. --cancel: forget the order; what was sent is sent.
  --json          For machines (--status, --dry-run).
  -h, --help      Print this.

What goes: events of the wanted list, each under an id made of log store and row, so that a second run makes no
second event. An event goes only where none of the contracts that take it was observing at its time; `cli/status.php`
shows since when they do.

What past events can't have: fields that Moodle keeps elsewhere (names, dates, whether a place is active, a grade's
maximum) would show the state of today and are left out: absent means "not known". Which person, course or activity
was meant is told, by its number and idnumber of today. Contracts whose condition asks for such a field send nothing
(released grades, for one). `raised` is the whole second that the log knows, so that a consumer still sees that the
message is older than what it holds.

It goes on where it stopped, when it is called again with the same period.

  php local/snsproducer/cli/backfill.php --since=2026-09-01 --dry-run
  php local/snsproducer/cli/backfill.php --since=2026-09-01

Exit codes: 0 done, 2 done and some events were refused or parked, 64 usage, 69 the sidecar doesn't take events now,
75 another run goes on, 78 not set up.
HELP);

$now = time();

if ($options['cancel']) {
    job::cancel();
    command::tell('forgotten');
    exit(command::DONE);
}
$kept = job::read();
if ($options['status']) {
    if ($options['json']) {
        echo command::json($kept === null ? null : get_object_vars($kept));
    } else if ($kept === null) {
        echo "No backfill was ordered.\n";
    } else {
        echo 'From ' . command::moment($kept->since) . ' until ' . command::moment($kept->until) . " of $kept->store, "
            . ($kept->finished === null
                ? 'at ' . command::moment($kept->after[0] ?? $kept->since)
                : 'done ' . command::moment($kept->finished)) . "\n";
        echo backfill_sums($kept);
    }
    exit(command::DONE);
}

$obstacle = order::obstacle();
if ($obstacle !== null) {
    command::fail(command::CONFIG, $obstacle);
}
if ($options['since'] === '') {
    command::fail(command::USAGE, 'since when? --since=2026-09-01; --help tells more');
}
if (!preg_match('/^[1-9]\d{0,4}$/D', $options['rate'])) {
    command::fail(command::USAGE, '--rate is a number of events a second, 1 to 99999');
}
$log = log::open($options['store']) ?? command::fail(command::UNAVAILABLE, log::none($options['store']));
$only = array_map(fn($name) => '\\' . ltrim(trim($name), '\\'), array_filter(explode(',', $options['event'])));
$since = command::time($options['since'], 'since');
$connection = connection::get();
$until = min($now, $options['until'] === '' ? $now : command::time($options['until'], 'until'));
if ($since >= $until) {
    command::fail(command::USAGE, '--since is not before --until');
}
$rate = (int)$options['rate'];
$wish = fn(int $until): job => new job($log->store, $since, $until, $rate, $only, $options['ignore-armed'], ordered: $now);
$plan = order::plan($wish($until), $connection);
$unknown = array_diff($only, $plan->names());
if ($unknown) {
    command::fail(command::USAGE, 'no contract here takes past events of ' . implode(', ', $unknown));
}
$doubt = order::doubt($wish($until), $plan);
if ($doubt !== null) {
    command::fail(command::CONFIG, $doubt);
}
$end = $plan->end();
if (!$options['ignore-armed'] && $end !== null && $end < $until) {
    command::tell('every contract observes its events since ' . command::moment($end) . ': there the backfill ends');
    $until = $end;
}
if ($since >= $until) {
    command::tell('nothing to send: the contracts observe their events since before ' . command::moment($since));
    exit(command::DONE);
}
$job = $wish($until);
if ($kept !== null && $kept->finished === null && $options['until'] === '' && $kept->is_same($wish($kept->until))) {
    // Called again without an end: the end that was worked out then.
    $job = $wish($kept->until);
}
if ($kept !== null && $kept->is_same($job) && !$options['again'] && !$options['dry-run']) {
    if ($kept->finished !== null) {
        command::tell('this period was done ' . command::moment($kept->finished) . '; --again begins it anew');
        exit(command::DONE);
    }
    $job = $kept->at_rate($rate);
    command::tell('going on at ' . command::moment($kept->after[0] ?? $kept->since));
} else if ($kept !== null && $kept->finished === null && !$options['again'] && !$options['dry-run']) {
    command::fail(command::USAGE, 'another period is under way (--status shows it): --cancel it, or begin this one with --again');
}

if ($options['task']) {
    $job->keep();
    backfill::queue();
    command::tell('cron does it: --status shows how far it is');
    exit(command::DONE);
}

$lock = $options['dry-run'] ? null : order::lock() ?? command::fail(command::LOCKED, 'another run of a backfill goes on');
if (!$options['dry-run']) {
    $job->keep();
}
$run = order::run($job, $log, $options['dry-run']);
command::tell(count($plan->names()) . " kinds of events, from $log->store");
$failures = 0;
$shown = 0;
while (($word = $run->step()) !== 'done') {
    if ($word === 'more') {
        $failures = 0;
        if (time() - $shown >= 5) {
            $shown = time();
            // By time: to count the rows of a large log first would take as long as reading them.
            $percent = intdiv(100 * ($job->after[0] - $job->since), $job->until - $job->since);
            $counts = $job->counts + ['sent' => 0];
            command::tell('  ' . command::moment($job->after[0]) . "  $percent %, read {$counts['read']}, sent {$counts['sent']}");
        }
        $run->pace();
        continue;
    }
    // The first pauses are short: a sidecar that restarts is back within seconds.
    $pause = min(60, 2 ** $failures);
    if (++$failures > 12) {
        $lock?->release();
        command::fail(command::UNAVAILABLE, "the sidecar takes no events now ($word); the same command goes on where it stopped");
    }
    command::tell("  the sidecar takes no events now ($word): waiting $pause s");
    sleep($pause);
}
$lock?->release();

if ($options['json']) {
    echo command::json(get_object_vars($job) + ['missing' => $plan->missing(), 'undecidable' => $plan->undecidable()]);
} else {
    echo backfill_sums($job);
    if ($options['dry-run']) {
        echo backfill_lacks($plan, $job->counts['contracts'] ?? []);
    }
}
$bad = ($job->counts['outcomes']['refused'] ?? 0) + ($job->counts['outcomes']['parked'] ?? 0);
exit($bad > 0 ? command::FINDINGS : command::DONE);

/**
 * What became of the events, for people.
 *
 * @param job $job
 * @return string
 */
function backfill_sums(job $job): string {
    $counts = $job->counts;
    $rows = [
        ['read from the log', $counts['read'] ?? 0],
        ['observed when raised, so told already', $counts['told_before'] ?? 0],
        ['of no contract', $counts['not_taken'] ?? 0],
        ['sent', $counts['sent'] ?? 0],
    ];
    foreach ($counts['outcomes'] ?? [] as $outcome => $n) {
        $rows[] = ["  $outcome", $n];
    }
    $text = command::table(['events', 'number'], $rows);
    if ($counts['contracts'] ?? []) {
        ksort($counts['contracts']);
        $rows = array_map(fn($contract, $n) => [$contract, $n], array_keys($counts['contracts']), $counts['contracts']);
        $text .= "\n" . command::table(['contract', 'messages'], $rows);
    }
    foreach ($counts['refusals'] ?? [] as $id => $why) {
        $text .= "refused: $id  $why\n";
    }
    return $text;
}

/**
 * What past events can't have, for people.
 *
 * @param plan $plan
 * @param array $contracts those that get something => how much
 * @return string
 */
function backfill_lacks(plan $plan, array $contracts): string {
    $text = '';
    $undecidable = $plan->undecidable();
    if ($undecidable) {
        $text .= "\nNothing goes to these: their condition asks for what isn't known of the past.\n";
        foreach ($undecidable as $contract => $events) {
            $text .= "  $contract  (" . implode(', ', array_unique($events)) . ")\n";
        }
    }
    $missing = array_intersect_key($plan->missing(), $contracts);
    if ($missing) {
        $text .= "\nFields that their messages lack (absent: not known):\n";
        foreach ($missing as $contract => $events) {
            $text .= "  $contract  " . implode(', ', array_unique(array_merge(...array_values($events)))) . "\n";
        }
    }
    return $text;
}
