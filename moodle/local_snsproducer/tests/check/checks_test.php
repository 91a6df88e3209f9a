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

namespace local_snsproducer\check;

use core\check\result;
use local_snsproducer\local\answer;
use local_snsproducer\local\status;

/**
 * Tests what each check finds in which facts.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 * @covers     \local_snsproducer\check\all
 * @covers     \local_snsproducer\check\base
 * @covers     \local_snsproducer\check\breaker
 * @covers     \local_snsproducer\check\clock
 * @covers     \local_snsproducer\check\connected
 * @covers     \local_snsproducer\check\cron
 * @covers     \local_snsproducer\check\ledger
 * @covers     \local_snsproducer\check\outbox
 * @covers     \local_snsproducer\check\reachability
 * @covers     \local_snsproducer\check\refused
 * @covers     \local_snsproducer\check\signature
 * @covers     \local_snsproducer\check\spool
 * @covers     \local_snsproducer\check\wantedlist
 */
final class checks_test extends \advanced_testcase {
    /** @var array A site that sends, and all is well. */
    private const SITE = [
        'enabled' => true, 'configured' => true, 'connected' => true, 'copy' => false, 'armed' => true, 'problem' => '',
        'endpoint' => 'http://127.0.0.1:8080', 'sourcekey' => 'vle', 'connectedurl' => 'https://a.example',
        'wwwroot' => 'https://a.example',
    ];

    /** @var array A ledger in which all is well. */
    private const LEDGER = ['observed' => 5, 'accepted' => 5, 'lost_at_cap' => 0, 'unarmed' => 0, 'unaccounted' => 0];

    /**
     * Facts in which all is well.
     *
     * @return array
     */
    private static function fine(): array {
        $task = ['last' => time() - 30, 'failing' => false, 'disabled' => false];
        return [
            'site' => self::SITE,
            'fingerprints' => ['current' => '83b77474', 'next' => null],
            'wanted' => ['etag' => 'e', 'contracts' => ['c'], 'events' => ['\a\event\b'], 'since' => 1],
            'fetch' => ['at' => time(), 'ok_at' => time() - 30, 'status' => 200, 'failure' => '', 'kind' => '', 'detail' => ''],
            'breaker' => 'closed',
            'outbox' => ['waiting' => 0, 'open' => 0, 'refused' => 0, 'foreign' => 0, 'oldest' => null, 'pending' => 0],
            'ledger' => ['since' => 1, 'outcomes' => self::LEDGER, 'recent' => 0],
            'sidecar' => null,
            'spool' => ['id' => 's1', 'other' => ''],
            'cron' => ['fetch_wanted' => $task, 'drain_outbox' => $task, 'keep' => $task],
            'probe' => self::answer(200),
            'skew' => 0,
        ];
    }

    /**
     * An answer.
     *
     * @param int $status
     * @param string $problem
     * @param string $detail
     * @return answer
     */
    private static function answer(int $status, string $problem = '', string $detail = 'x'): answer {
        $body = $problem === '' ? '{}'
            : json_encode(['type' => "urn:moodle-sns-producer:problem:$problem", 'detail' => $detail]);
        return new answer($status, null, $body, [], 7);
    }

    /**
     * Facts, and what the checks then say.
     *
     * @return array
     */
    public static function facts(): array {
        $site = static fn(array $other): array => ['site' => $other + self::SITE];
        $outbox = static fn(array $other): array => ['outbox' => $other + self::fine()['outbox']];
        $ledger = static fn(array $other, int $recent = 0): array
            => ['ledger' => ['since' => 1, 'outcomes' => $other + self::LEDGER, 'recent' => $recent]];
        $task = static fn(array $other): array => ['cron' => ['fetch_wanted' => $other + self::fine()['cron']['keep']]
            + self::fine()['cron']];
        $silent = new answer(0, 'refused', '', [], 1, 'Connection refused');
        return [
            'connected' => [connected::class, [], result::OK],
            'a copy' => [connected::class, $site(['copy' => true, 'armed' => false]), result::ERROR],
            'nothing set' => [connected::class, $site(['configured' => false, 'armed' => false]), result::INFO],
            'switched off' => [connected::class, $site(['enabled' => false, 'armed' => false]), result::WARNING],
            'not connected' => [connected::class, $site(['connected' => false, 'armed' => false]), result::WARNING],
            'reached' => [reachability::class, [], result::OK],
            'reached, though it refuses' => [reachability::class, ['probe' => self::answer(401, 'signature')], result::OK],
            'silent' => [reachability::class, ['probe' => $silent], result::ERROR],
            'full' => [reachability::class, ['probe' => self::answer(429, 'full')], result::WARNING],
            'not ready' => [reachability::class, ['probe' => self::answer(503, 'not-ready')], result::WARNING],
            'known' => [signature::class, [], result::OK],
            'known, with a wrong clock' => [signature::class, ['probe' => self::answer(401, 'clock')], result::OK],
            'another secret' => [signature::class, ['probe' => self::answer(401, 'signature')], result::ERROR],
            'no sidecar' => [signature::class, ['probe' => self::answer(404)], result::ERROR],
            'signature unknown' => [signature::class, ['probe' => $silent], result::UNKNOWN],
            'one time' => [clock::class, [], result::OK],
            'a second is nothing' => [clock::class, ['skew' => -1], result::OK],
            'ten seconds' => [clock::class, ['skew' => 10], result::WARNING],
            'behind' => [clock::class, ['skew' => -200], result::ERROR],
            'refused for the clock' => [clock::class, ['probe' => self::answer(401, 'clock')], result::ERROR],
            'clock unknown' => [clock::class, ['probe' => $silent, 'skew' => null], result::UNKNOWN],
            'a list' => [wantedlist::class, [], result::OK],
            'no list' => [wantedlist::class, ['wanted' => null], result::ERROR],
            'an old list' => [
                wantedlist::class, ['fetch' => ['ok_at' => time() - 2 * DAYSECS] + self::fine()['fetch']], result::WARNING,
            ],
            'a list never confirmed' => [wantedlist::class, ['fetch' => ['ok_at' => 0] + self::fine()['fetch']], result::WARNING],
            'an empty list' => [wantedlist::class, ['wanted' => ['events' => []] + self::fine()['wanted']], result::WARNING],
            'tasks' => [cron::class, [], result::OK],
            'a task disabled' => [cron::class, $task(['disabled' => true]), result::ERROR],
            'a task fails' => [cron::class, $task(['failing' => true]), result::ERROR],
            'never ran' => [cron::class, $task(['last' => 0]), result::ERROR],
            'late' => [cron::class, $task(['last' => time() - 3600]), result::ERROR],
            'no tasks' => [cron::class, ['cron' => []], result::ERROR],
            'closed' => [breaker::class, [], result::OK],
            'half' => [breaker::class, ['breaker' => 'half'], result::WARNING],
            'open' => [breaker::class, ['breaker' => 'open'], result::WARNING],
            'empty' => [outbox::class, [], result::OK],
            'a few' => [outbox::class, $outbox(['waiting' => 3, 'oldest' => time() - 60]), result::OK],
            'an hour' => [outbox::class, $outbox(['waiting' => 3, 'oldest' => time() - 3600]), result::WARNING],
            'two days' => [outbox::class, $outbox(['waiting' => 3, 'oldest' => time() - 2 * DAYSECS]), result::ERROR],
            'very many' => [outbox::class, $outbox(['waiting' => 1500000, 'oldest' => time()]), result::ERROR],
            'of another address' => [outbox::class, $outbox(['waiting' => 3, 'foreign' => 3, 'oldest' => 1]), result::WARNING],
            'none refused' => [refused::class, [], result::OK],
            'some refused' => [refused::class, $outbox(['refused' => 2]), result::WARNING],
            'it adds up' => [ledger::class, [], result::OK],
            'lost' => [ledger::class, $ledger(['lost_at_cap' => 1]), result::ERROR],
            'missing' => [ledger::class, $ledger(['unaccounted' => 2]), result::ERROR],
            'on its way' => [ledger::class, $ledger(['unaccounted' => 2], 2), result::OK],
            'too many' => [ledger::class, $ledger(['unaccounted' => -2]), result::WARNING],
            'unarmed' => [ledger::class, $ledger(['unarmed' => 2]), result::WARNING],
            'one spool' => [spool::class, [], result::OK],
            'no spool yet' => [spool::class, ['spool' => ['id' => '', 'other' => '']], result::NA],
            'another spool' => [spool::class, ['spool' => ['id' => 's1', 'other' => 's2']], result::ERROR],
        ];
    }

    /**
     * Each check says what the facts say, in words, and with a link to the cure.
     *
     * @dataProvider facts
     * @param string $class
     * @param array $facts
     * @param string $expected
     */
    public function test_a_check_says_what_the_facts_say(string $class, array $facts, string $expected): void {
        $check = new $class(new status($facts + self::fine()));
        $check->set_component('local_snsproducer');
        $result = $check->get_result();
        $this->assertSame($expected, $result->get_status(), $result->get_summary() . $result->get_details());
        $this->assertNotSame('', trim($result->get_summary()));
        $said = $result->get_summary() . $result->get_details() . $check->get_name();
        $this->assertStringNotContainsString('[[', $said);
        $this->assertStringNotContainsString('{$a', $said);
        $this->assertInstanceOf(\action_link::class, $check->get_action_link());
    }

    /**
     * A site that sends nothing has nothing to check but that.
     */
    public function test_a_site_that_sends_nothing_is_not_bothered(): void {
        $facts = ['site' => ['armed' => false, 'connected' => false] + self::SITE] + self::fine();
        foreach (all::checks(new status($facts)) as $check) {
            $fine = in_array(get_class($check), [connected::class, outbox::class, refused::class, ledger::class], true);
            $this->assertSame(!$fine, $check->get_result()->get_status() === result::NA, get_class($check));
        }
    }

    /**
     * What can't be looked up is unknown, and breaks no page.
     */
    public function test_a_check_never_throws(): void {
        $broken = array_fill_keys(array_keys(self::fine()), new \stdClass());
        foreach (all::checks(new status($broken)) as $check) {
            $this->assertSame(result::UNKNOWN, $check->get_result()->get_status(), get_class($check));
            $check->get_action_link();
        }
    }

    /**
     * What the sidecar says is text, never HTML.
     */
    public function test_what_the_sidecar_says_is_escaped(): void {
        $evil = '<img src=x onerror=alert(1)>"&';
        $facts = [
            'site' => ['endpoint' => $evil, 'connectedurl' => $evil, 'problem' => $evil, 'sourcekey' => $evil] + self::SITE,
            'spool' => ['id' => $evil, 'other' => $evil],
            'cron' => [$evil => ['last' => 1, 'failing' => true, 'disabled' => true]],
            'fingerprints' => ['current' => $evil, 'next' => $evil],
        ];
        $probes = [
            new answer(0, 'tls', '', [], 1, $evil),
            self::answer(503, 'not-ready', $evil),
            self::answer(401, 'clock', $evil),
        ];
        $probes[] = self::answer(401, 'signature', $evil);
        foreach ($probes as $probe) {
            foreach ([['copy' => true], ['copy' => false]] as $site) {
                $status = new status(['probe' => $probe, 'site' => $site + $facts['site']] + $facts + self::fine());
                foreach (all::checks($status) as $check) {
                    $result = $check->get_result();
                    $this->assertStringNotContainsString('<img', $result->get_summary() . $result->get_details());
                }
            }
        }
    }

    /**
     * Moodle finds the checks.
     */
    public function test_moodle_finds_the_checks(): void {
        $this->resetAfterTest();
        $refs = array_map(static fn($check) => $check->get_ref(), \core\check\manager::get_status_checks());
        foreach (['connected', 'reachability', 'ledger', 'cron'] as $id) {
            $this->assertContains("local_snsproducer_{$id}", $refs);
        }
    }
}
