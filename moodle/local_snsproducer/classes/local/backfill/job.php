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

namespace local_snsproducer\local\backfill;

use local_snsproducer\local\state;

/**
 * A backfill that was ordered: its period, its pace, how far it is and what became of the events so far. Kept in the state,
 * one at a time.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class job {
    /** @var string The state's name of the job. */
    private const STATE = 'backfill';

    /** @var string The state's name of the key that hides the rows of anonymous events. */
    private const KEY = 'backfillkey';

    /** @var int The most refusals whose reasons are kept. */
    private const MOST_REFUSALS = 20;

    /** @var string The lock that each run holds. */
    public const LOCK = 'backfill';

    /**
     * A job.
     *
     * @param string $store
     * @param int $since
     * @param int $until
     * @param int $rate
     * @param string[] $only
     * @param bool $ignorearmed
     * @param array|null $after
     * @param array $counts
     * @param int $ordered
     * @param int|null $finished
     */
    public function __construct(
        /** @var string The log store that it reads. */
        public readonly string $store,
        /** @var int Begin of the period, Unix seconds. */
        public readonly int $since,
        /** @var int End of the period, exclusive, Unix seconds. */
        public readonly int $until,
        /** @var int Events a second at most. */
        public readonly int $rate,
        /** @var string[] Names of events; none: all that the list wants. */
        public readonly array $only = [],
        /** @var bool Whether events go that were observed when they were raised, as far as is known. */
        public readonly bool $ignorearmed = false,
        /** @var array|null [time, row] of the last event that was dealt with. */
        public ?array $after = null,
        /** @var array What became of the events so far. */
        public array $counts = [],
        /** @var int When it was ordered, Unix seconds. */
        public readonly int $ordered = 0,
        /** @var int|null When it came to its end, Unix seconds. */
        public ?int $finished = null,
    ) {
    }

    /**
     * The job that is kept.
     *
     * @return self|null null: none was ever ordered, or it was cancelled
     */
    public static function read(): ?self {
        $kept = json_decode((string)state::get(self::STATE), true);
        if (!is_array($kept) || !is_string($kept['store'] ?? null)) {
            return null;
        }
        return new self(
            $kept['store'],
            (int)$kept['since'],
            (int)$kept['until'],
            (int)$kept['rate'],
            (array)$kept['only'],
            (bool)$kept['ignorearmed'],
            $kept['after'],
            (array)$kept['counts'],
            (int)$kept['ordered'],
            $kept['finished'],
        );
    }

    /**
     * Whether another order means this same job, so that it goes on where it is.
     *
     * @param self $other
     * @return bool
     */
    public function is_same(self $other): bool {
        $what = fn(self $job) => [$job->store, $job->since, $job->until, $job->only, $job->ignorearmed];
        return $what($this) === $what($other);
    }

    /**
     * The same job where it is, at another pace.
     *
     * @param int $rate events a second
     * @return self
     */
    public function at_rate(int $rate): self {
        return new self(...array_merge(get_object_vars($this), ['rate' => $rate]));
    }

    /**
     * Remembers it as it is.
     */
    public function keep(): void {
        state::set(self::STATE, json_encode(get_object_vars($this), JSON_UNESCAPED_SLASHES | JSON_INVALID_UTF8_SUBSTITUTE
            | JSON_THROW_ON_ERROR));
    }

    /**
     * Forgets it.
     */
    public static function cancel(): void {
        state::set(self::STATE, null);
    }

    /**
     * A page is done.
     *
     * @param array $after [time, row] of its last event
     * @param array $counts to be added
     * @param bool $dry whether to remember nothing
     */
    public function advance(array $after, array $counts, bool $dry): void {
        $this->after = $after;
        foreach ($counts as $what => $n) {
            if ($what === 'refusals') {
                $this->counts[$what] = array_slice(($this->counts[$what] ?? []) + $n, 0, self::MOST_REFUSALS);
            } else if (is_array($n)) {
                foreach ($n as $inner => $count) {
                    $this->counts[$what][$inner] = ($this->counts[$what][$inner] ?? 0) + $count;
                }
            } else {
                $this->counts[$what] = ($this->counts[$what] ?? 0) + $n;
            }
        }
        if (!$dry) {
            $this->keep();
        }
    }

    /**
     * It came to its end.
     *
     * @param bool $dry whether to remember nothing
     */
    public function finish(bool $dry): void {
        $this->finished = time();
        if (!$dry) {
            $this->keep();
        }
    }

    /**
     * This site's key for the ids of anonymous events. Made once; without it a second run would send those a second time.
     *
     * @return string
     */
    public static function key(): string {
        $key = state::get(self::KEY);
        if ($key === null) {
            state::set(self::KEY, bin2hex(random_bytes(32)));
            // Another process may have been quicker.
            $key = (string)state::get(self::KEY);
        }
        return $key;
    }
}
