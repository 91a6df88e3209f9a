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

namespace local_snsproducer\output;

use core\check\result;
use local_snsproducer\check\all;
use local_snsproducer\local\pages;
use local_snsproducer\local\status;

/**
 * The overview: whether this site sends, what the checks find, and the numbers behind that.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class overview implements \renderable, \templatable {
    /** @var string[] The outcomes that are always shown: others only where they happened. */
    private const ALWAYS = ['observed', 'accepted', 'duplicate', 'unwanted', 'parked', 'waiting', 'not_taken', 'unaccounted'];

    /**
     * Makes the page.
     *
     * @param status $status the facts
     * @param bool $manages whether the reader may change things
     */
    public function __construct(
        /** @var status The facts. */
        private readonly status $status,
        /** @var bool Whether the reader may change things. */
        private readonly bool $manages
    ) {
    }

    /**
     * What the template needs.
     *
     * @param \renderer_base $output
     * @return array
     */
    public function export_for_template(\renderer_base $output): array {
        $facts = $this->status->all();
        $checks = $this->checks($output);
        return [
            'verdict' => $this->verdict($facts, in_array(true, array_column($checks, 'iserror'), true), $output),
            'tools' => $this->tools(),
            'checks' => $checks,
            'groups' => [
                ['title' => get_string('groupsite', 'local_snsproducer'), 'facts' => $this->site($facts), 'button' => ''],
                ['title' => get_string('groupwanted', 'local_snsproducer'), 'facts' => $this->wanted($facts), 'button' => ''],
                [
                    'title' => get_string('pageoutbox', 'local_snsproducer'),
                    'facts' => $this->outbox($facts),
                    'button' => $this->spool_button($facts, $output),
                ],
            ],
        ] + $this->ledger($facts);
    }

    /**
     * Whether this site sends, in a sentence.
     *
     * @param array $facts
     * @param bool $isfaulty whether a check found a fault
     * @param \renderer_base $output
     * @return string HTML
     */
    private function verdict(array $facts, bool $isfaulty, \renderer_base $output): string {
        $site = $facts['site'] ?? null;
        [$key, $kind] = match (true) {
            $site === null => ['unknown', 'warning'],
            $site['copy'] => ['copy', 'error'],
            !$site['enabled'] => ['off', 'warning'],
            !$site['configured'] => ['notset', 'info'],
            !$site['armed'] => ['notconnected', 'info'],
            !isset($facts['wanted']) => ['unarmed', 'error'],
            $isfaulty => ['faulty', 'warning'],
            default => ['sends', 'success'],
        };
        $a = array_map('s', array_filter($site ?? [], 'is_string'));
        $words = get_string("verdict{$key}", 'local_snsproducer', $a);
        return $output->notification($words, $kind, false);
    }

    /**
     * The other pages that the reader may open.
     *
     * @return array
     */
    private function tools(): array {
        $tools = [];
        $context = \context_system::instance();
        foreach (pages::ALL as $page => $capability) {
            if ($page !== 'overview' && has_capability($capability, $context)) {
                $tools[] = ['url' => pages::url($page)->out(false), 'text' => get_string("page{$page}", 'local_snsproducer')];
            }
        }
        if (has_capability('moodle/site:config', $context)) {
            $tools[] = ['url' => pages::url('settings')->out(false), 'text' => get_string('settings', 'local_snsproducer')];
        }
        return $tools;
    }

    /**
     * What the checks find, but for those that have nothing to look at.
     *
     * @param \renderer_base $output
     * @return array
     */
    private function checks(\renderer_base $output): array {
        $shown = [];
        foreach (all::checks($this->status) as $check) {
            $check->set_component('local_snsproducer');
            $result = $check->get_result();
            if ($result->get_status() === result::NA) {
                continue;
            }
            $fine = $result->get_status() === result::OK;
            $link = $fine ? null : $check->get_action_link();
            $shown[] = [
                'iserror' => in_array($result->get_status(), [result::ERROR, result::CRITICAL], true),
                'badge' => $output->check_result($result),
                'name' => $check->get_name(),
                'summary' => $result->get_summary(),
                'details' => $fine ? '' : $result->get_details(),
                'url' => $link?->url->out(false),
                'link' => $link?->text,
            ];
        }
        return $shown;
    }

    /**
     * Where it sends to and as whom.
     *
     * @param array $facts
     * @return array
     */
    private function site(array $facts): array {
        $site = $facts['site'] ?? [];
        $prints = $facts['fingerprints'] ?? [];
        $print = static fn(?string $one): string => match ($one) {
            null => get_string('notset', 'local_snsproducer'),
            '' => get_string('unreadable', 'local_snsproducer'),
            default => $one,
        };
        $breaker = $facts['breaker'] ?? 'closed';
        return self::facts([
            'endpoint' => ($site['endpoint'] ?? '') ?: get_string('notset', 'local_snsproducer'),
            'sourcekey' => ($site['sourcekey'] ?? '') ?: get_string('notset', 'local_snsproducer'),
            'connectedas' => ($site['connectedurl'] ?? '') ?: get_string('notconnected', 'local_snsproducer'),
            'fingerprint' => $print($prints['current'] ?? null),
            'fingerprintnext' => $print($prints['next'] ?? null),
            'breaker' => get_string("breaker{$breaker}", 'local_snsproducer'),
            'spool' => ($facts['spool']['id'] ?? '') ?: get_string('notyet', 'local_snsproducer'),
        ]);
    }

    /**
     * What is wanted, and how the last question went.
     *
     * @param array $facts
     * @return array
     */
    private function wanted(array $facts): array {
        $wanted = $facts['wanted'] ?? null;
        $fetch = $facts['fetch'] ?? [];
        $never = get_string('never');
        $when = static fn(int $at): string => $at > 0 ? self::ago($at) : $never;
        $answer = ($fetch['at'] ?? 0) === 0 ? $never : trim($when($fetch['at']) . ': ' . match (true) {
            ($fetch['status'] ?? 0) !== 0 => "HTTP {$fetch['status']} {$fetch['kind']}",
            default => get_string('noanswer', 'local_snsproducer', $fetch['failure'] ?? ''),
        });
        return self::facts([
            'etag' => $wanted['etag'] ?? get_string('none'),
            'wantedevents' => (string) count($wanted['events'] ?? []),
            'wantedcontracts' => (string) count($wanted['contracts'] ?? []),
            'wantedsince' => isset($wanted['since']) ? userdate($wanted['since']) : $never,
            'wantedconfirmed' => $when($fetch['ok_at'] ?? 0),
            'wantedasked' => $answer,
        ]);
    }

    /**
     * What waits.
     *
     * @param array $facts
     * @return array
     */
    private function outbox(array $facts): array {
        $outbox = $facts['outbox'] ?? null;
        if ($outbox === null) {
            return [];
        }
        $oldest = $outbox['oldest'] === null ? get_string('none') : self::ago($outbox['oldest']);
        return self::facts([
            'statewaiting' => (string) $outbox['waiting'],
            'stateopen' => (string) $outbox['open'],
            'staterefused' => (string) $outbox['refused'],
            'oldest' => $oldest,
            'pending' => (string) $outbox['pending'],
        ]);
    }

    /**
     * The button that says that another spool is the right one.
     *
     * @param array $facts
     * @param \renderer_base $output
     * @return string HTML; empty where there is no other
     */
    private function spool_button(array $facts, \renderer_base $output): string {
        $other = $facts['spool']['other'] ?? '';
        if ($other === '' || !$this->manages) {
            return '';
        }
        $button = new \single_button(
            pages::url('overview', ['acceptspool' => $other]),
            get_string('acceptspool', 'local_snsproducer', $other),
            'post'
        );
        return $output->render($button);
    }

    /**
     * The ledger beside what the sidecar counted.
     *
     * @param array $facts
     * @return array
     */
    private function ledger(array $facts): array {
        $ledger = $facts['ledger'] ?? null;
        if ($ledger === null) {
            return ['ledger' => null, 'ledgerwords' => get_string('check_unknown', 'local_snsproducer'), 'sidecarwords' => ''];
        }
        $theirs = $facts['sidecar']['events'] ?? [];
        $beside = ['observed' => 'received'];
        $rows = [];
        foreach ($ledger['outcomes'] as $outcome => $n) {
            if ($n === 0 && !in_array($outcome, self::ALWAYS, true)) {
                continue;
            }
            $there = $theirs[$beside[$outcome] ?? $outcome] ?? null;
            $rows[] = [
                'first' => get_string("outcome{$outcome}", 'local_snsproducer'),
                'cells' => [
                    ['text' => (string) $n, 'number' => true],
                    ['text' => $there === null ? '' : (string) $there, 'number' => true],
                ],
            ];
        }
        $missing = $ledger['outcomes']['unaccounted'] - $ledger['recent'];
        $words = $missing === 0 ? 'holds' : 'missing';
        $sidecar = $facts['sidecar'] ?? null;
        return [
            'ledger' => [
                'id' => 'ledger',
                'caption' => get_string('ledgercaption', 'local_snsproducer'),
                'head' => [
                    ['text' => get_string('outcome', 'local_snsproducer')],
                    ['text' => get_string('here', 'local_snsproducer'), 'number' => true],
                    ['text' => get_string('atsidecar', 'local_snsproducer'), 'number' => true],
                ],
                'rows' => $rows,
            ],
            'ledgerwords' => get_string("ledger{$words}", 'local_snsproducer', $missing),
            'sidecarwords' => $sidecar === null ? get_string('sidecarnever', 'local_snsproducer')
                : get_string('sidecarcounts', 'local_snsproducer', self::ago($sidecar['at'])),
        ];
    }

    /**
     * Names and values for the template.
     *
     * @param array $values string's key → value
     * @return array
     */
    private static function facts(array $values): array {
        $facts = [];
        foreach ($values as $key => $value) {
            $facts[] = ['name' => get_string("fact{$key}", 'local_snsproducer'), 'value' => $value];
        }
        return $facts;
    }

    /**
     * How long ago something was.
     *
     * @param int $at Unix seconds
     * @return string
     */
    private static function ago(int $at): string {
        return get_string('ago', 'local_snsproducer', format_time(max(1, time() - $at)));
    }
}
