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
use local_snsproducer\local\diagnosis;

/**
 * Whether both clocks show one time: 300 s apart nothing is taken, and from 2 s on the times of events are corrected.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class clock extends base {
    /** @var string The page where the cure is. */
    protected const CURE = 'test';

    /** @var int From so many seconds on the sidecar corrects times; the HTTP date is cut to the second, which adds one. */
    private const WARN = 3;

    /** @var int From so many seconds on it is late: at 300 nothing is taken. */
    private const ERR = 120;

    /**
     * What is found.
     *
     * @return result
     */
    protected function judge(): result {
        if ($idle = $this->idle()) {
            return $idle;
        }
        $answer = $this->status->probe();
        if ($answer->problem() === 'clock') {
            return $this->say(result::ERROR, 'refused', diagnosis::of($answer, $this->status)->html());
        }
        $skew = $this->status->skew();
        if ($skew === null) {
            return $this->say(result::UNKNOWN, 'unknown');
        }
        $apart = abs($skew);
        return match (true) {
            $apart >= self::ERR => $this->say(result::ERROR, 'far', $apart),
            $apart >= self::WARN => $this->say(result::WARNING, 'off', $apart),
            default => $this->say(result::OK, 'ok'),
        };
    }
}
