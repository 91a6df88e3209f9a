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

use local_snsproducer\local\wanted\store;

/**
 * What is so now: the facts that pages, checks, web service and command line tell. Each fact is looked up once, when
 * it is asked for; nothing is changed. A fact that can't be looked up throws: all() leaves it out and says why.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class status {
    /** @var int What the ledger is summed over, in seconds. */
    public const PERIOD = DAYSECS;

    /** @var int How long the one question to the sidecar may take, in milliseconds. */
    private const PROBE_MS = 1000;

    /** @var string[] The plugin's scheduled tasks. */
    private const TASKS = ['fetch_wanted', 'drain_outbox', 'read_grades', 'keep'];

    /**
     * Looks at nothing yet.
     *
     * @param array $known facts that are known already, by name
     */
    public function __construct(
        /** @var array What was looked up, by name. */
        private array $known = []
    ) {
    }

    /**
     * Looks a fact up once.
     *
     * @param string $name
     * @param callable $look (): mixed
     * @return mixed
     */
    private function once(string $name, callable $look): mixed {
        if (!array_key_exists($name, $this->known)) {
            $this->known[$name] = $look();
        }
        return $this->known[$name];
    }

    /**
     * All facts by name; under `unknown` those that could not be looked up, with the reason. Never throws.
     *
     * @return array
     */
    public function all(): array {
        $facts = ['unknown' => []];
        foreach (['site', 'fingerprints', 'wanted', 'fetch', 'breaker', 'outbox', 'ledger', 'sidecar', 'spool', 'cron'] as $name) {
            try {
                $facts[$name] = $this->$name();
            } catch (\Throwable $fault) {
                // Its words may hold a statement with values.
                $facts['unknown'][$name] = get_class($fault);
            }
        }
        return $facts;
    }

    /**
     * What is set, and whether anything is sent: `enabled`, `configured`, `connected`, `copy`, `armed` (bool); `problem` (what
     * keeps it from being configured, in words), `endpoint`, `sourcekey`, `connectedurl`, `wwwroot` (text, empty where not set).
     *
     * @return array
     */
    public function site(): array {
        return $this->once('site', static function (): array {
            global $CFG;
            $problem = connection::problem();
            $connected = (string) get_config('local_snsproducer', 'connectedurl');
            return [
                'enabled' => (bool) get_config('local_snsproducer', 'enabled'),
                'configured' => $problem === null,
                'connected' => $connected !== '',
                'copy' => $connected !== '' && $connected !== $CFG->wwwroot,
                'armed' => connection::get()?->is_armed() ?? false,
                'problem' => $problem === null ? '' : self::words($problem),
                'endpoint' => self::setting('endpoint'),
                'sourcekey' => self::setting('sourcekey'),
                'connectedurl' => $connected,
                'wwwroot' => $CFG->wwwroot,
            ];
        });
    }

    /**
     * The fingerprints of the secrets in force: `current` and `next`; null: not set; empty: what is set is no secret.
     *
     * @return array
     */
    public function fingerprints(): array {
        return $this->once('fingerprints', static function (): array {
            $prints = [];
            foreach (['current' => 'secret', 'next' => 'secretnext'] as $which => $setting) {
                $sealed = self::setting($setting);
                try {
                    // What config.php or the environment gives is plain; what the settings page stored is encrypted.
                    $plain = str_starts_with($sealed, 'whsec_') ? $sealed : \core\encryption::decrypt($sealed);
                    $prints[$which] = $sealed === '' ? null : secret::parse($plain)->fingerprint();
                } catch (\Throwable $unreadable) {
                    // Its words may hold what was to be decrypted.
                    $prints[$which] = '';
                }
            }
            return $prints;
        });
    }

    /**
     * The wanted list in force: `etag`, `contracts`, `events` (sorted names), `since` (Unix seconds when it became this
     * one); null: there is none, and so nothing is sent.
     *
     * @return array|null
     */
    public function wanted(): ?array {
        return $this->once('wanted', static function (): ?array {
            $list = store::current();
            if ($list === null) {
                return null;
            }
            $contracts = [];
            foreach (store::all(true, true) as $row) {
                $contracts[$row->contract] = $row->contract;
            }
            sort($contracts);
            $events = $list->names();
            sort($events);
            return ['etag' => $list->etag, 'contracts' => $contracts, 'events' => $events, 'since' => (int) store::timecreated()];
        });
    }

    /**
     * How the last fetch of the wanted list went: `at`, `ok_at` (Unix seconds, 0 never), `status`, `failure`, `kind`,
     * `detail`, `ms`, `skew` (the sidecar's clock minus ours, seconds; null unknown), `ours` and `theirs` (both
     * clocks, where one is wrong).
     *
     * @return array
     */
    public function fetch(): array {
        return $this->once('fetch', static function (): array {
            $kept = self::kept('fetch');
            return [
                'at' => (int) ($kept['at'] ?? 0),
                'ok_at' => (int) ($kept['ok_at'] ?? 0),
                'status' => (int) ($kept['status'] ?? 0),
                'failure' => (string) ($kept['failure'] ?? ''),
                'kind' => (string) ($kept['kind'] ?? ''),
                'detail' => (string) ($kept['detail'] ?? ''),
                'ms' => (int) ($kept['ms'] ?? 0),
                'skew' => isset($kept['skew']) ? (int) $kept['skew'] : null,
                'ours' => isset($kept['ours']) ? (int) $kept['ours'] : null,
                'theirs' => isset($kept['theirs']) ? (int) $kept['theirs'] : null,
            ];
        });
    }

    /**
     * The breaker of this node: closed, open or half.
     *
     * @return string
     */
    public function breaker(): string {
        return $this->once('breaker', static fn(): string => breaker::state());
    }

    /**
     * The outbox: `waiting`, `open`, `refused` (rows), `foreign` (rows made under another address, never sent), `oldest`
     * (when the oldest that is still to be sent was raised, Unix seconds; null: none), `pending` (grades that wait for
     * their release).
     *
     * @return array
     */
    public function outbox(): array {
        return $this->once('outbox', static function (): array {
            global $CFG, $DB;
            $counts = ['waiting' => 0, 'open' => 0, 'refused' => 0, 'foreign' => 0];
            $sql = 'SELECT state, COUNT(1) AS n FROM {local_snsproducer_outbox} GROUP BY state';
            foreach ($DB->get_records_sql_menu($sql) as $state => $n) {
                $counts[$state] = (int) $n;
            }
            $counts['pending'] = $DB->count_records('local_snsproducer_pending');
            $counts['oldest'] = null;
            foreach (['waiting', 'open'] as $state) {
                $first = $DB->get_records('local_snsproducer_outbox', ['state' => $state], 'id', 'id, timecreated', 0, 1);
                foreach ($first as $row) {
                    $counts['oldest'] = min($counts['oldest'] ?? PHP_INT_MAX, (int) $row->timecreated);
                }
            }
            if ($counts['waiting'] + $counts['open'] + $counts['refused'] > 0) {
                $foreign = 'wwwroot <> :here';
                $counts['foreign'] = $DB->count_records_select('local_snsproducer_outbox', $foreign, ['here' => $CFG->wwwroot]);
            }
            return $counts;
        });
    }

    /**
     * The ledger of the last 24 hours: `since` (Unix seconds), `outcomes` (outcome → number; `observed`, the parts of it, and
     * `unaccounted`), `recent` (how many of the unaccounted were observed in the hour that still runs: they may be on their way).
     *
     * @return array
     */
    public function ledger(): array {
        return $this->once('ledger', static function (): array {
            $now = time();
            $since = $now - $now % HOURSECS - self::PERIOD;
            return ['since' => $since] + self::balance(ledger::sums($since), $now - $now % HOURSECS);
        });
    }

    /**
     * Adds hours and events up. Pure.
     *
     * @param array $sums hour → event's name → outcome → number
     * @param int $running the hour that still runs
     * @return array as ledger(), without `since`
     */
    public static function balance(array $sums, int $running): array {
        $outcomes = array_fill_keys(['observed', ...ledger::PARTS, 'unaccounted'], 0);
        $recent = 0;
        foreach ($sums as $hour => $names) {
            foreach ($names as $parts) {
                foreach ($parts as $outcome => $n) {
                    $outcomes[$outcome] = ($outcomes[$outcome] ?? 0) + $n;
                }
                $recent += $hour >= $running ? $parts['unaccounted'] ?? 0 : 0;
            }
        }
        return ['outcomes' => $outcomes, 'recent' => $recent];
    }

    /**
     * What the sidecar last said of this source's events: `at` (when it said so), `since` (text), `events` (what it counted).
     *
     * @return array|null null: it hasn't said yet
     */
    public function sidecar(): ?array {
        return $this->once('sidecar', static function (): ?array {
            $kept = self::kept('sidecar');
            if (!is_array($kept['events'] ?? null)) {
                return null;
            }
            return [
                'at' => (int) ($kept['at'] ?? 0),
                'since' => (string) ($kept['since'] ?? ''),
                'events' => array_map('intval', $kept['events']),
            ];
        });
    }

    /**
     * The spool that takes this site's events: `id`, `other` (one that answered since, while nobody has said that it is right);
     * empty where there is none.
     *
     * @return array
     */
    public function spool(): array {
        return $this->once('spool', static function (): array {
            return ['id' => (string) state::get('spool'), 'other' => (string) spool::other()];
        });
    }

    /**
     * The plugin's scheduled tasks: name → `last` (when it last ran, Unix seconds, 0 never), `failing` (bool), `disabled` (bool).
     *
     * @return array
     */
    public function cron(): array {
        return $this->once('cron', static function (): array {
            $tasks = [];
            foreach (self::TASKS as $name) {
                $task = \core\task\manager::get_scheduled_task("\\local_snsproducer\\task\\{$name}");
                if ($task) {
                    $tasks[$name] = [
                        'last' => (int) $task->get_last_run_time(),
                        'failing' => (int) $task->get_fail_delay() > 0,
                        'disabled' => (bool) $task->get_disabled(),
                    ];
                }
            }
            return $tasks;
        });
    }

    /**
     * Asks the sidecar one signed question that changes nothing, for at most a second, once.
     *
     * @return answer|null null: not configured, or a copy, which asks nothing
     */
    public function probe(): ?answer {
        return $this->once('probe', function (): ?answer {
            $connection = connection::get();
            if ($connection === null || $connection->is_copy()) {
                return null;
            }
            $question = json_encode(['ids' => []]);
            $answer = http::post($connection, $connection->trace_path(), 'application/json', $question, self::PROBE_MS);
            $theirs = $answer->serverdate();
            $this->known['skew'] = $theirs === null ? null : $theirs - time();
            return $answer;
        });
    }

    /**
     * The sidecar's clock minus ours when it answered the probe; the date of an answer is cut to the second.
     *
     * @return int|null seconds; null: it didn't answer, or without a date
     */
    public function skew(): ?int {
        $this->probe();
        return $this->known['skew'] ?? null;
    }

    /**
     * A value that the plugin keeps, read from JSON.
     *
     * @param string $name
     * @return array empty where it is not there or no object
     */
    private static function kept(string $name): array {
        $value = json_decode((string) state::get($name), true);
        return is_array($value) ? $value : [];
    }

    /**
     * What is wrong with a text, in the words of the reader's language.
     *
     * @param not_usable $problem
     * @return string not escaped
     */
    public static function words(not_usable $problem): string {
        return get_string_manager()->string_exists("notusable_{$problem->reason}", 'local_snsproducer')
            ? get_string("notusable_{$problem->reason}", 'local_snsproducer') : $problem->getMessage();
    }

    /**
     * A setting as it is in force: the environment before the rest.
     *
     * @param string $name
     * @return string
     */
    private static function setting(string $name): string {
        $environment = getenv('LOCAL_SNSPRODUCER_' . strtoupper($name));
        $value = $environment === false || $environment === '' ? get_config('local_snsproducer', $name) : $environment;
        return trim((string) $value);
    }
}
