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
 * Tells how the plugin is doing.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

define('CLI_SCRIPT', true);

require(__DIR__ . '/../../../config.php');
require_once($CFG->libdir . '/clilib.php');

use core\check\result;
use local_snsproducer\check\all;
use local_snsproducer\local\backfill\armed;
use local_snsproducer\local\command;
use local_snsproducer\local\status;

$options = command::options(['contracts' => false, 'json' => false], <<<'HELP'
Tells how the plugin is doing: where it sends, what waits, the ledger of the last 24 hours, and what each status
check says, with what to do. Changes nothing. Asks the sidecar one signed question, for at most a second.

Options:
  --contracts    Since when each contract's events are observed too: what was before can be backfilled.
  --json         For machines. No secret, no event and no person is in it.
  -h, --help     Print this.

Exit codes: 0 all is well, 2 a check is a warning or worse (for cron and monitoring), 64 usage, 78 not set up, not
connected, or a copy.
HELP);

$status = new status();
$facts = $status->all();
$site = $facts['site'] ?? ['configured' => false, 'armed' => false, 'problem' => 'the configuration can\'t be read'];
$plain = static fn(string $html): string => trim(html_to_text($html, 0, false));
$rank = [result::OK => 0, result::INFO => 0, result::NA => 0, result::UNKNOWN => 1, result::WARNING => 1, result::ERROR => 1,
    result::CRITICAL => 1];
$checks = [];
$bad = 0;
foreach (all::checks($status) as $check) {
    $found = $check->get_result();
    $bad += $rank[$found->get_status()] ?? 1;
    $checks[$check->get_id()] = [
        'status' => $found->get_status(),
        'name' => $check->get_name(),
        'summary' => $plain($found->get_summary()),
        'details' => $plain($found->get_details()),
    ];
}
$since = $options['contracts'] ? armed::read()->since() : [];
ksort($since);
$code = !$site['configured'] || !$site['armed'] ? command::CONFIG : ($bad ? command::FINDINGS : command::DONE);

if ($options['json']) {
    echo command::json($facts + ['checks' => $checks] + ($options['contracts'] ? ['armed' => (object)$since] : []));
    exit($code);
}

$orelse = static fn(?string $text): string => $text === null || $text === '' ? '-' : $text;
$prints = $facts['fingerprints'] ?? [];
$list = $facts['wanted'] ?? null;
$fetch = $facts['fetch'] ?? null;
$outbox = $facts['outbox'] ?? null;
$rows = [
    ['sidecar', $orelse($site['endpoint'] ?? '') . ', source ' . $orelse($site['sourcekey'] ?? '')],
    ['secrets', 'current ' . $orelse($prints['current'] ?? '') . ', next ' . $orelse($prints['next'] ?? '') . ' (fingerprints)'],
    ['connected', match (true) {
        !$site['configured'] => 'no: ' . $site['problem'],
        $site['copy'] => "NO: this is {$site['wwwroot']}, connected is {$site['connectedurl']}. A copy sends nothing.",
        $site['armed'] => "as {$site['connectedurl']}",
        default => 'no: php local/snsproducer/cli/connect.php --connect',
    }],
    ['wanted list', $list === null ? 'none: nothing is sent'
        : count($list['contracts']) . ' contracts, ' . count($list['events']) . ' events, since ' . command::moment($list['since'])
            . ($fetch && $fetch['ok_at'] ? ', last heard ' . command::moment($fetch['ok_at']) : '')],
];
if ($outbox !== null) {
    $rows[] = ['outbox', "{$outbox['waiting']} wait, {$outbox['open']} open, {$outbox['refused']} refused"
        . ($outbox['foreign'] ? ", {$outbox['foreign']} of another site" : '')
        . ($outbox['oldest'] ? ', oldest of ' . command::moment($outbox['oldest']) : '')];
}
$rows[] = ['breaker', $facts['breaker'] ?? '-'];
echo command::table(['what', 'is'], $rows);

if (isset($facts['ledger'])) {
    // What is nothing is not told, but for what somebody may look for.
    $told = ['observed' => 0, 'accepted' => 0, 'waiting' => 0, 'unaccounted' => 0];
    $sums = array_filter(
        $facts['ledger']['outcomes'],
        fn($n, $outcome) => $n !== 0 || isset($told[$outcome]),
        ARRAY_FILTER_USE_BOTH
    );
    $parts = array_map(fn($outcome, $n) => [$outcome, $n], array_keys($sums), $sums);
    echo "\n" . command::table(['ledger since ' . command::moment($facts['ledger']['since']), 'events'], $parts);
}
echo "\n";
foreach ($checks as $check) {
    echo str_pad(strtoupper($check['status']), 9) . "{$check['name']}: {$check['summary']}\n";
    if ($check['details'] !== '' && ($rank[$check['status']] ?? 1)) {
        echo '         ' . str_replace("\n", "\n         ", wordwrap($check['details'], 110)) . "\n";
    }
}
foreach ($facts['unknown'] ?? [] as $name => $why) {
    command::tell("not to be found out: $name ($why)");
}
if ($since) {
    echo "\n" . command::table(
        ['contract', 'observed since'],
        array_map(fn($contract, $time) => [$contract, command::moment($time)], array_keys($since), $since)
    );
}
exit($code);
