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

namespace local_snsproducer\local\breaker;

/**
 * A circuit breaker. Opens after 3 failures within 10 s. While it is open one request each 5 s may try; a success closes
 * it. Times are passed in, in milliseconds since 1970.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class machine {
    /** @var int Failures that open it. */
    public const FAILURES = 3;

    /** @var int Within how many milliseconds. */
    public const WINDOW = 10000;

    /** @var int How often one may try while it is open, in milliseconds. */
    public const PROBE = 5000;

    /** @var string All requests go. */
    public const CLOSED = 'closed';

    /** @var string None goes. */
    public const OPEN = 'open';

    /** @var string The next one may try. */
    public const HALF = 'half';

    /**
     * A breaker over numbers that all processes of a node share.
     *
     * @param numbers $numbers
     */
    public function __construct(
        /** @var numbers What it remembers. */
        private readonly numbers $numbers
    ) {
    }

    /**
     * Whether a request may be sent. While it is open, asking takes the one try there is.
     *
     * @param int $now
     * @return bool
     */
    public function allows(int $now): bool {
        return $this->numbers->get('open') === null || $this->numbers->claim('probe', $now, self::PROBE);
    }

    /**
     * What it is, without taking the try.
     *
     * @param int $now
     * @return string
     */
    public function state(int $now): string {
        if ($this->numbers->get('open') === null) {
            return self::CLOSED;
        }
        return ($this->numbers->get('probe') ?? 0) > $now ? self::OPEN : self::HALF;
    }

    /**
     * A request failed.
     *
     * @param int $now
     */
    public function failed(int $now): void {
        if ($this->numbers->get('open') !== null) {
            return;
        }
        // A slot for each failure: none overwrites another that came at the same moment.
        $slot = $this->numbers->increment('failures') % self::FAILURES;
        $this->numbers->set("at$slot", $now);
        for ($n = 0; $n < self::FAILURES; $n++) {
            $at = $this->numbers->get("at$n");
            if ($at === null || $now - $at > self::WINDOW) {
                return;
            }
        }
        $this->numbers->claim('probe', $now, self::PROBE);
        $this->numbers->set('open', $now);
    }

    /**
     * A request was answered.
     */
    public function succeeded(): void {
        if ($this->numbers->get('failures') === null) {
            return;
        }
        for ($n = 0; $n < self::FAILURES; $n++) {
            $this->numbers->delete("at$n");
        }
        $this->numbers->delete('failures');
        $this->numbers->delete('probe');
        $this->numbers->delete('open');
    }
}
