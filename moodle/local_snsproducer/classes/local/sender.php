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
 * Sends events in batches and reads what became of each. Used by the end of a request and by the outbox alike.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class sender {
    /** @var string the media type of a batch */
    private const BATCH = 'application/cloudevents-batch+json';

    /** @var int[] answers that speak of what was sent: a smaller batch may do */
    private const OF_THE_BATCH = [400, 413, 415, 422];

    /** @var int with less than this left no request is begun, in milliseconds */
    private const LEAST = 3;

    /** @var int with less than this, in milliseconds, an answer that didn't come in time says little of the sidecar */
    private const FAIR = 100;

    /** @var int the longest reason that is kept, in characters */
    private const LONGEST_REASON = 255;

    /** @var ?bool whether an empty batch was taken, once that had to be asked */
    private ?bool $takesany = null;

    /** @var int milliseconds that the last request was given */
    private int $given = 0;

    /** @var float milliseconds that its requests have taken */
    private float $spent = 0.0;

    /**
     * A sender with one budget for all that it sends.
     *
     * @param connection $connection
     * @param array $limits
     * @param int $budget
     * @param int $most
     */
    public function __construct(
        /** @var connection where to */
        private readonly connection $connection,
        /** @var array max_body, max_events and max_event: see wanted_list */
        private readonly array $limits,
        /** @var int milliseconds that its requests may take together */
        private readonly int $budget,
        /** @var int milliseconds that one of them may take */
        private readonly int $most = PHP_INT_MAX,
    ) {
    }

    /**
     * Milliseconds of the budget that are left.
     *
     * @return int not below 0
     */
    public function remaining(): int {
        return max(0, $this->budget - (int) ceil($this->spent));
    }

    /**
     * Sends events, in batches within the limits, until all have an answer or something stops it.
     *
     * @param envelope[] $envelopes
     * @param bool $bulk whether live events of others may go first
     * @return sent
     */
    public function send(array $envelopes, bool $bulk): sent {
        $sent = new sent();
        $fitting = [];
        foreach ($envelopes as $envelope) {
            $most = $this->limits['max_event'];
            if ($envelope->size() > $most) {
                $sent->refused[$envelope->id] = "too-large: {$envelope->size()} bytes, an event may have {$most}";
            } else {
                $fitting[] = $envelope;
            }
        }
        foreach ($this->batches($fitting) as $batch) {
            if ($sent->stopped !== null) {
                array_push($sent->left, ...$batch);
            } else {
                $this->deliver($batch, $bulk, $sent);
            }
        }
        return $sent;
    }

    /**
     * Splits by the limits, in order. A batch has at least one event.
     *
     * @param envelope[] $envelopes
     * @return envelope[][]
     */
    private function batches(array $envelopes): array {
        $maxbody = $this->limits['max_body'];
        $maxevents = $this->limits['max_events'];
        $batches = [];
        $batch = [];
        // Two brackets, and one comma fewer than events.
        $bytes = 1;
        foreach ($envelopes as $envelope) {
            $more = $envelope->size() + 1;
            if ($batch && (count($batch) >= $maxevents || $bytes + $more > $maxbody)) {
                $batches[] = $batch;
                $batch = [];
                $bytes = 1;
            }
            $batch[] = $envelope;
            $bytes += $more;
        }
        if ($batch) {
            $batches[] = $batch;
        }
        return $batches;
    }

    /**
     * Sends one batch; halves it where the answer speaks of what was sent, until the one event that is refused stands
     * alone.
     *
     * @param envelope[] $batch
     * @param bool $bulk
     * @param sent $sent what became of it is added here
     */
    private function deliver(array $batch, bool $bulk, sent $sent): void {
        if ($sent->stopped !== null) {
            array_push($sent->left, ...$batch);
            return;
        }
        $body = '[' . implode(',', array_map(fn(envelope $one) => $one->body, $batch)) . ']';
        $answer = $this->post($body, $bulk, $sent);
        if ($answer === null) {
            array_push($sent->left, ...$batch);
            return;
        }
        if ($answer->status === 202 && $this->told($answer, $batch, $sent)) {
            breaker::succeeded();
            return;
        }
        if (!in_array($answer->status, self::OF_THE_BATCH, true)) {
            if ($answer->failure !== 'timeout' || $this->given >= min(self::FAIR, $this->budget)) {
                breaker::failed();
            }
            $sent->stopped = $answer->failure ?? (string) $answer->status;
            array_push($sent->left, ...$batch);
            return;
        }
        breaker::succeeded();
        if (count($batch) > 1) {
            $half = intdiv(count($batch) + 1, 2);
            $this->deliver(array_slice($batch, 0, $half), $bulk, $sent);
            $this->deliver(array_slice($batch, $half), $bulk, $sent);
            return;
        }
        // A proxy that refuses everything must not make every event a refused one: is nothing at all taken?
        $this->takesany ??= $this->post('[]', $bulk, $sent)?->status === 202;
        if ($this->takesany) {
            $sent->refused[$batch[0]->id] = self::reason($answer);
        } else {
            $sent->stopped ??= (string) $answer->status;
            $sent->left[] = $batch[0];
        }
    }

    /**
     * One request within budget and breaker.
     *
     * @param string $body
     * @param bool $bulk
     * @param sent $sent where it says why it stopped
     * @return ?answer null: it was not sent
     */
    private function post(string $body, bool $bulk, sent $sent): ?answer {
        $left = min($this->remaining(), $this->most);
        if ($left < self::LEAST) {
            $sent->stopped = 'budget';
            return null;
        }
        if (!breaker::allows()) {
            $sent->stopped = 'breaker';
            return null;
        }
        $this->given = $left;
        $begun = hrtime(true);
        $answer = http::post($this->connection, $this->connection->events_path(), self::BATCH, $body, $left, $bulk);
        $this->spent += (hrtime(true) - $begun) / 1e6;
        $sent->answer = $answer;
        return $answer;
    }

    /**
     * Reads what became of each event of a batch.
     *
     * @param answer $answer
     * @param envelope[] $batch
     * @param sent $sent
     * @return bool false: that is no answer of a sidecar, so nothing is known
     */
    private function told(answer $answer, array $batch, sent $sent): bool {
        $told = $answer->json();
        $count = fn(string $key): ?int => is_int($told[$key] ?? null) && $told[$key] >= 0 ? $told[$key] : null;
        $parked = array_column(is_array($told['parked'] ?? null) ? $told['parked'] : [], 'index');
        $sum = array_sum([$count('accepted'), $count('duplicate'), $count('unwanted'), count($parked)]);
        if ($told === null || $count('accepted') === null || $sum !== count($batch)) {
            return false;
        }
        $outcomes = [];
        $mark = function (array $indexes, string $outcome) use (&$outcomes, $batch): void {
            foreach ($indexes as $index) {
                if (is_int($index) && isset($batch[$index])) {
                    $outcomes[$index] = $outcome;
                }
            }
        };
        $mark($parked, 'parked');
        foreach (['duplicate' => 'duplicates', 'unwanted' => 'unwanteds'] as $outcome => $key) {
            $indexes = is_array($told[$key] ?? null) ? $told[$key] : [];
            // A sidecar that gives numbers only: then of which events they speak is a guess, but they add up.
            $open = array_keys(array_diff_key($batch, $outcomes, array_flip(array_filter($indexes, 'is_int'))));
            $missing = max(0, $count($outcome) - count($indexes));
            $mark(array_merge($indexes, array_slice($open, 0, $missing)), $outcome);
        }
        foreach ($batch as $index => $envelope) {
            $sent->outcomes[$envelope->id] = $outcomes[$index] ?? 'accepted';
        }
        $sent->spool = is_string($told['spool'] ?? null) ? substr($told['spool'], 0, self::LONGEST_REASON) : $sent->spool;
        return true;
    }

    /**
     * Why an event was refused, for a person to read.
     *
     * @param answer $answer
     * @return string
     */
    private static function reason(answer $answer): string {
        $told = $answer->json() ?? [];
        $detail = is_string($told['detail'] ?? null) ? $told['detail'] : '';
        $words = trim($answer->status . ' ' . ($answer->problem() ?? '') . ': ' . $detail, ': ');
        return \core_text::substr(clean_param($words, PARAM_NOTAGS), 0, self::LONGEST_REASON);
    }
}
