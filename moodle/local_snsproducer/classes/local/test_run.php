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

namespace local_snsproducer\local;

use local_snsproducer\event\test_sent;
use local_snsproducer\local\wanted\fetch;
use local_snsproducer\local\wanted\store;

/**
 * One test event on its way: from the settings through signing, sending and mapping to the message at SNS. It goes the very
 * way that each other event goes, so what fails for it fails for them.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class test_run {
    /** @var string The event that is sent. */
    private const EVENT = '\local_snsproducer\event\test_sent';

    /** @var string[] Diagnoses that say that nobody of ours answered, or not now. */
    private const NOT_REACHED = [
        'refused', 'timeout', 'dns', 'tls', 'broken', 'toolarge', 'unusable', 'stranger', 'full', 'busy', 'notready', 'path',
    ];

    /** @var step[] The steps so far. */
    private array $steps = [];

    /** @var string The event's id at the sidecar; empty: it has none that could be asked about. */
    private string $eventid = '';

    /**
     * A run.
     *
     * @param int $number what the event carries, to be found again at the other end
     */
    private function __construct(
        /** @var int What the event carries. */
        public readonly int $number
    ) {
    }

    /**
     * Goes the way up to the sidecar's yes, or to the step that fails.
     *
     * @return self
     */
    public static function start(): self {
        $run = new self(random_int(100000, 999999));
        $run->settings() && $run->connected() && $run->asked() && $run->wanted() && $run->sent();
        return $run;
    }

    /**
     * Takes up a run that began in another request.
     *
     * @param mixed $kept what kept() gave
     * @return self|null null: it is none
     */
    public static function take_up(mixed $kept): ?self {
        if (!is_array($kept) || !is_int($kept['number'] ?? null) || !is_array($kept['steps'] ?? null)) {
            return null;
        }
        $run = new self($kept['number']);
        $run->eventid = (string) ($kept['eventid'] ?? '');
        $run->steps = array_map(static fn(array $step) => new step(...$step), $kept['steps']);
        return $run;
    }

    /**
     * As it is kept between two requests.
     *
     * @return array
     */
    public function kept(): array {
        return [
            'number' => $this->number,
            'eventid' => $this->eventid,
            'steps' => array_map(static fn(step $step) => $step->kept(), $this->steps),
        ];
    }

    /**
     * The steps up to the sidecar's yes.
     *
     * @return step[]
     */
    public function steps(): array {
        return $this->steps;
    }

    /**
     * The event's id.
     *
     * @return string empty: it was not sent
     */
    public function eventid(): string {
        return $this->eventid;
    }

    /**
     * Asks the sidecar for the rest of the way, again and again until each message is at SNS or set aside.
     *
     * @param int $seconds for how long
     * @return step[]
     */
    public function follow(int $seconds): array {
        $connection = connection::get();
        if ($this->eventid === '' || $connection === null) {
            return [];
        }
        $until = hrtime(true) + $seconds * 1000000000;
        $pause = 100000;
        do {
            $told = trace::ask($connection, $this->eventid);
            if (!is_array($told)) {
                return [step::failed('mapped', diagnosis::of($told))];
            }
            // What is held may be tried again within the time.
            $states = array_column(array_filter((array) ($told['deliveries'] ?? []), 'is_array'), 'state');
            $isopen = array_intersect(['waiting', 'held'], array_filter($states, 'is_string')) !== [];
            if (!$isopen || hrtime(true) >= $until) {
                return self::steps_of($told);
            }
            usleep($pause);
            $pause = min(1000000, 2 * $pause);
        } while (true);
    }

    /**
     * The steps that the sidecar tells of. Pure.
     *
     * @param array $told what it said of the event
     * @return step[]
     */
    public static function steps_of(array $told): array {
        $a = ['reason' => self::word($told['reason'] ?? ''), 'detail' => self::word($told['detail'] ?? '')];
        $deliveries = is_array($told['deliveries'] ?? null) ? array_filter($told['deliveries'], 'is_array') : [];
        if ($told['fate'] !== 'stored' || $deliveries === []) {
            $fate = in_array($told['fate'], ['parked', 'unrouted', 'pruned', 'stored'], true) ? $told['fate'] : 'unknown';
            return [new step(
                'mapped',
                step::FAILED,
                get_string("fate{$fate}", 'local_snsproducer', $a),
                get_string("fate{$fate}_cure", 'local_snsproducer', $a)
            )];
        }
        $steps = [];
        foreach ($deliveries as $delivery) {
            array_push($steps, ...self::steps_of_delivery($delivery));
        }
        return $steps;
    }

    /**
     * A text from outside, as short as a page can bear.
     *
     * @param mixed $value
     * @return string
     */
    private static function word(mixed $value): string {
        return is_scalar($value) ? \core_text::substr((string) $value, 0, 500) : '';
    }

    /**
     * The steps of one message.
     *
     * @param array $delivery
     * @return step[]
     */
    private static function steps_of_delivery(array $delivery): array {
        $a = [];
        foreach (['topic', 'contract', 'state', 'reason', 'detail', 'message_id', 'at'] as $key) {
            $a[$key] = self::word($delivery[$key] ?? '');
        }
        $state = in_array($a['state'], ['waiting', 'held', 'parked', 'settled', 'skipped'], true) ? $a['state'] : 'waiting';
        $ends = ['settled' => step::DONE, 'parked' => step::FAILED, 'skipped' => step::FAILED, 'held' => step::FAILED];
        // What is parked may have failed at the mapping or at SNS: the reason says which.
        $mapped = new step('mapped', step::DONE, get_string('step_mapped', 'local_snsproducer', $a));
        return [$mapped, new step(
            'published',
            $ends[$state] ?? step::OPEN,
            get_string("delivery{$state}", 'local_snsproducer', $a),
            $state === 'settled' ? '' : get_string("delivery{$state}_cure", 'local_snsproducer', $a)
        )];
    }

    /**
     * Whether the settings are complete.
     *
     * @return bool
     */
    private function settings(): bool {
        $status = new status();
        $site = $status->site();
        if (!$site['configured']) {
            return $this->fail('settings', get_string('step_notset', 'local_snsproducer', $site), 'settings');
        }
        if (connection::get()?->secrets() === []) {
            $nosecret = new answer(0, 'nosecret');
            $this->steps[] = step::failed('settings', diagnosis::of($nosecret, $status));
            return false;
        }
        return $this->done('settings', get_string('step_set', 'local_snsproducer', $site));
    }

    /**
     * Whether this very site is connected.
     *
     * @return bool
     */
    private function connected(): bool {
        $site = (new status())->site();
        return match (true) {
            $site['copy'] => $this->fail('connected', get_string('connect_copy', 'local_snsproducer', $site), 'connect'),
            !$site['armed'] => $this->fail('connected', get_string('connect_ready', 'local_snsproducer', $site), 'connect'),
            default => $this->done('connected', get_string('connect_connected', 'local_snsproducer', $site)),
        };
    }

    /**
     * Whether the sidecar answers, and both know each other by signature: asks what it wants, as the task does.
     *
     * @return bool
     */
    private function asked(): bool {
        $word = fetch::run();
        $status = new status();
        $found = diagnosis::of_fetch($status->fetch(), $status);
        if ($word === 'error' || in_array($found->kind, self::NOT_REACHED, true)) {
            $this->steps[] = step::failed('reached', $found);
            return false;
        }
        $this->done('reached', get_string('step_reached', 'local_snsproducer', $status->fetch()));
        if ($found->kind !== 'fine') {
            $this->steps[] = step::failed('signed', $found);
            return false;
        }
        // It answered a moment ago: what the breaker knows is older.
        breaker::succeeded();
        $prints = implode(', ', array_filter($status->fingerprints()));
        return $this->done('signed', get_string('step_signed', 'local_snsproducer', $prints));
    }

    /**
     * Whether the sidecar wants test events.
     *
     * @return bool
     */
    private function wanted(): bool {
        if (store::current()?->wants(self::EVENT)) {
            return $this->done('wanted', get_string('step_wanted', 'local_snsproducer'));
        }
        $cure = get_string('step_unwanted_cure', 'local_snsproducer');
        $this->steps[] = new step('wanted', step::FAILED, get_string('step_unwanted', 'local_snsproducer'), $cure);
        return false;
    }

    /**
     * Whether the event is raised, sent, and taken.
     *
     * @return bool
     */
    private function sent(): bool {
        // What was raised before goes first; what follows is cut by the list that was just fetched.
        request::deliver_now();
        test_sent::create(['other' => ['number' => $this->number]])->trigger();
        $sent = request::deliver_now();
        if ($sent === null) {
            $cure = get_string('step_notsent_cure', 'local_snsproducer');
            $this->steps[] = new step('sent', step::FAILED, get_string('step_notsent', 'local_snsproducer'), $cure);
            return false;
        }
        foreach ($sent->refused as $reason) {
            return $this->fail('sent', get_string('step_refused', 'local_snsproducer', $reason), 'outbox');
        }
        $outcome = reset($sent->outcomes);
        if ($outcome === false) {
            return $this->unsent($sent);
        }
        $this->eventid = (string) array_key_first($sent->outcomes);
        if ($outcome === 'unwanted') {
            $cure = get_string('step_unwanted_cure', 'local_snsproducer');
            $this->steps[] = new step('sent', step::FAILED, get_string('step_unwantednow', 'local_snsproducer'), $cure);
            return false;
        }
        $a = ['id' => $this->eventid, 'ms' => $sent->answer?->elapsedms ?? 0, 'outcome' => $outcome];
        return $this->done('sent', get_string('step_sent', 'local_snsproducer', $a));
    }

    /**
     * Says why the event got no answer. It lies in the outbox now, as any other would.
     *
     * @param sent $sent
     * @return bool false
     */
    private function unsent(sent $sent): bool {
        $waits = get_string('step_waits', 'local_snsproducer');
        if ($sent->answer === null) {
            $words = get_string('step_stopped', 'local_snsproducer', (string) $sent->stopped);
            $this->steps[] = new step('sent', step::FAILED, $words, $waits, 'outbox');
        } else {
            $found = diagnosis::of($sent->answer);
            $this->steps[] = new step('sent', step::FAILED, $found->what(), $found->cure() . ' ' . $waits, $found->page);
        }
        return false;
    }

    /**
     * A step that went well.
     *
     * @param string $name
     * @param string $words
     * @return bool true
     */
    private function done(string $name, string $words): bool {
        $this->steps[] = new step($name, step::DONE, $words);
        return true;
    }

    /**
     * A step that failed, and whose words say what to do.
     *
     * @param string $name
     * @param string $words
     * @param string $page
     * @return bool false
     */
    private function fail(string $name, string $words, string $page): bool {
        $this->steps[] = new step($name, step::FAILED, $words, get_string("step{$name}_cure", 'local_snsproducer'), $page);
        return false;
    }
}
