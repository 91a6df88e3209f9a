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

/**
 * How much waits, and since when. At the cap newer events are lost: the one loss by rule.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class outbox extends base {
    /** @var string The page where the cure is. */
    protected const CURE = 'outbox';

    /** @var int Waiting for longer than this is told, in seconds: a task empties the outbox each minute. */
    private const WARN_AGE = 900;

    /** @var int Waiting for longer than this is a fault, in seconds. */
    private const ERR_AGE = DAYSECS;

    /** @var int More rows than this are a fault: half of the cap. */
    private const ERR_ROWS = 1000000;

    /**
     * What is found.
     *
     * @return result
     */
    protected function judge(): result {
        $outbox = $this->status->outbox();
        $rows = $outbox['waiting'] + $outbox['open'];
        $age = $outbox['oldest'] === null ? 0 : max(0, time() - $outbox['oldest']);
        $a = ['rows' => $rows, 'foreign' => $outbox['foreign'], 'age' => format_time(max(1, $age))];
        return match (true) {
            $rows === 0 => $this->say(result::OK, 'empty'),
            // A copy has its original's rows and never sends them.
            $outbox['foreign'] > 0 => $this->say(result::WARNING, 'foreign', $a),
            $age > self::ERR_AGE, $rows > self::ERR_ROWS => $this->say(result::ERROR, 'stuck', $a),
            $age > self::WARN_AGE => $this->say(result::WARNING, 'late', $a),
            default => $this->say(result::OK, 'ok', $a),
        };
    }
}
