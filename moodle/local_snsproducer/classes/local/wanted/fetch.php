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

namespace local_snsproducer\local\wanted;

use local_snsproducer\local\address;
use local_snsproducer\local\answer;
use local_snsproducer\local\backfill\armed;
use local_snsproducer\local\connection;
use local_snsproducer\local\http;
use local_snsproducer\local\ledger;
use local_snsproducer\local\not_usable;
use local_snsproducer\local\signature;
use local_snsproducer\local\state;
use local_snsproducer\local\trouble;

/**
 * Asks the sidecar what it wants, and keeps the answer.
 *
 * What came of it stands in two values of state. `fetch`: `at` (the last try), `ok_at` (the last answer that was taken),
 * `status`, `failure` (one word; null: taken), `kind` (what the sidecar calls the problem), `detail`, `ms`, `skew` (the
 * sidecar's clock minus ours in seconds), `ours` and `theirs` (both clocks, where the sidecar says that one is wrong).
 * `sidecar`: `at`, `since` and `events` (outcome → number), what the sidecar counted of this site.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class fetch {
    /** @var int The form of question and answer that is spoken here. */
    private const WIRE = 1;

    /** @var int What asking may take, in milliseconds: nobody waits for a task. */
    private const BUDGET = 15000;

    /** @var int The most rows of a list. */
    private const MOST_ROWS = 10000;

    /**
     * Asks once. Never throws.
     *
     * @return string `new`, `same`, or why there was no list: `disabled` and the other reasons of connection::problem(),
     *     `unarmed`, `copy`, a failure of http::post(), `status`, `signature`, `clock`, `form`, `error`
     */
    public static function run(): string {
        try {
            $problem = connection::problem();
            $connection = connection::get();
            if ($problem !== null || $connection === null) {
                armed::note([], time());
                return $problem === null ? 'disabled' : $problem->reason;
            }
            if ($connection->is_copy()) {
                return 'copy';
            }
            if (!$connection->is_armed()) {
                armed::note([], time());
                return 'unarmed';
            }
            return self::ask($connection);
        } catch (\Throwable $trouble) {
            trouble::tell('asking for the wanted list', $trouble);
            return 'error';
        }
    }

    /**
     * Asks and keeps the answer.
     *
     * @param connection $connection
     * @return string
     */
    private static function ask(connection $connection): string {
        $id = bin2hex(random_bytes(12));
        $answer = http::post(
            $connection,
            $connection->wanted_path(),
            'application/json',
            self::question($connection),
            self::BUDGET,
            false,
            $id,
            true
        );
        $now = time();
        if ($connection->endpoint->name !== null && $answer->address !== null) {
            address::found($connection->endpoint, $answer->address);
        }
        try {
            $word = self::take($connection, $answer, $id, $now);
            armed::note(store::all($connection->allowcontact, $connection->allowspecial), $now);
            self::remember($answer, $now, null, null);
            return $word;
        } catch (not_usable $problem) {
            self::remember($answer, $now, $problem->reason, $problem->getMessage());
            return $problem->reason;
        }
    }

    /**
     * What is asked: who we are, which list we have, what we counted.
     *
     * @param connection $connection
     * @return string JSON
     */
    private static function question(connection $connection): string {
        global $CFG;
        $ledger = [];
        try {
            $ledger = ledger::for_wire();
        } catch (\Throwable $trouble) {
            // Counts that can't be read are no reason not to ask.
            trouble::tell('reading the ledger', $trouble);
        }
        return json_encode([
            'wire' => self::WIRE,
            'plugin' => (string) get_config(connection::PLUGIN, 'version'),
            'moodle' => (string) $CFG->release,
            'url' => $connection->wwwroot,
            'etag' => store::etag(),
            'ledger' => $ledger,
        ], JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_INVALID_UTF8_SUBSTITUTE | JSON_THROW_ON_ERROR);
    }

    /**
     * Verifies and keeps an answer. Nothing of it is believed before its signature is.
     *
     * @param connection $connection
     * @param answer $answer
     * @param string $id of the question
     * @param int $now Unix seconds
     * @return string `new` or `same`
     * @throws not_usable
     */
    private static function take(connection $connection, answer $answer, string $id, int $now): string {
        if ($answer->failure !== null) {
            throw new not_usable($answer->failure, $answer->detail);
        }
        if ($answer->status !== 200) {
            throw new not_usable('status', 'the sidecar answered ' . $answer->status);
        }
        $verdict = signature::judge(
            $connection->secrets(),
            $answer->header(signature::ID) === signature::RESERVED . $id ? signature::RESERVED . $id : '',
            $answer->header(signature::TIMESTAMP) ?? '',
            $answer->header(signature::SIGNATURE) ?? '',
            $answer->body,
            $now
        );
        if ($verdict === 'clock') {
            throw new not_usable('clock', 'the answer is signed, but at another time than it is here');
        }
        if (is_string($verdict)) {
            throw new not_usable('signature', 'the answer is not signed with a secret of this site: is that the sidecar?');
        }
        $told = $answer->json();
        if ($told === null || !is_string($told['etag'] ?? null) || !preg_match('/^[\x21-\x7e]{1,255}$/D', $told['etag'])) {
            throw new not_usable('form', 'the answer is not {"etag", "limits", "rows"}');
        }
        self::remember_sidecar($told['ledger'] ?? null, $now);
        if (!array_key_exists('rows', $told)) {
            if ($told['etag'] !== store::etag()) {
                throw new not_usable('form', 'the answer names another list and doesn\'t tell it');
            }
            return 'same';
        }
        if (!is_array($told['rows']) || !array_is_list($told['rows']) || count($told['rows']) > self::MOST_ROWS) {
            throw new not_usable('form', 'rows is not a list');
        }
        // One row that can't be read, and the list before stays in force: a part of a list would lose events.
        $rows = array_map(row::read(...), $told['rows']);
        return store::save($told['etag'], wanted_list::limits($told['limits'] ?? null), $rows) ? 'new' : 'same';
    }

    /**
     * Says in state what came of it.
     *
     * @param answer $answer
     * @param int $now Unix seconds
     * @param string|null $failure
     * @param string|null $detail
     */
    private static function remember(answer $answer, int $now, ?string $failure, ?string $detail): void {
        $before = json_decode((string) state::get('fetch'), true);
        $theirs = $answer->serverdate();
        $kind = $answer->problem();
        $told = $kind === null ? null : ($answer->json()['detail'] ?? null);
        $came = [
            'at' => $now,
            'ok_at' => $failure === null ? $now : ($before['ok_at'] ?? null),
            'status' => $answer->status,
            'failure' => $failure,
            'kind' => $kind,
            'detail' => is_string($told) ? \core_text::substr($told, 0, 500) : $detail,
            'ms' => $answer->elapsedms,
            'skew' => $theirs === null ? null : $theirs - $now,
        ];
        if ($kind === 'clock' || $failure === 'clock') {
            $came += ['ours' => $now, 'theirs' => $theirs];
        }
        state::set('fetch', json_encode($came, JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_INVALID_UTF8_SUBSTITUTE));
    }

    /**
     * Keeps what the sidecar counted of this site.
     *
     * @param mixed $ledger `{"since": RFC 3339, "events": {outcome: number}}`; anything else is passed over
     * @param int $now Unix seconds
     */
    private static function remember_sidecar(mixed $ledger, int $now): void {
        if (!is_array($ledger) || !is_string($ledger['since'] ?? null) || !is_array($ledger['events'] ?? null)) {
            return;
        }
        $events = array_filter($ledger['events'], 'is_int');
        state::set('sidecar', json_encode(['at' => $now, 'since' => $ledger['since'], 'events' => (object) $events]));
    }
}
