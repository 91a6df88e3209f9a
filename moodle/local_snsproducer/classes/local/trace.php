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

/**
 * Asks the sidecar what became of events of this site.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class trace {
    /** @var string What the ids of answers begin with. */
    private const RESERVED = 'trace-';

    /** @var int What asking may take, in milliseconds. */
    private const BUDGET = 2000;

    /**
     * Asks about one event.
     *
     * @param connection $connection
     * @param string $eventid
     * @return array|answer its fate, as the sidecar told and signed it; the answer, where there is no such
     */
    public static function ask(connection $connection, string $eventid): array|answer {
        $id = bin2hex(random_bytes(12));
        $question = json_encode(['ids' => [$eventid]]);
        $path = $connection->trace_path();
        $answer = http::post($connection, $path, 'application/json', $question, self::BUDGET, false, $id);
        if ($answer->status !== 200 || !self::is_signed($connection, $answer, $id)) {
            return $answer;
        }
        foreach ($answer->json()['events'] ?? [] as $event) {
            if (is_array($event) && ($event['id'] ?? null) === $eventid && is_string($event['fate'] ?? null)) {
                return $event;
            }
        }
        return $answer;
    }

    /**
     * Whether the sidecar signed an answer to this very question.
     *
     * @param connection $connection
     * @param answer $answer
     * @param string $id of the question
     * @return bool
     */
    private static function is_signed(connection $connection, answer $answer, string $id): bool {
        $verdict = signature::judge(
            $connection->secrets(),
            $answer->header(signature::ID) === self::RESERVED . $id ? self::RESERVED . $id : '',
            $answer->header(signature::TIMESTAMP) ?? '',
            $answer->header(signature::SIGNATURE) ?? '',
            $answer->body,
            time()
        );
        return $verdict instanceof secret;
    }
}
