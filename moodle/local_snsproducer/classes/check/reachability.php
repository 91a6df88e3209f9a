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
 * Whether the sidecar answers. With signature and clock it shares one question, which takes a second at most.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class reachability extends base {
    /** @var string The page where the cure is. */
    protected const CURE = 'test';

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
        $a = ['endpoint' => s($this->status->site()['endpoint']), 'ms' => $answer->elapsedms];
        if ($answer->status !== 0 && $answer->status < 500 && $answer->status !== 429) {
            return $this->say(result::OK, 'ok', $a);
        }
        $a['cure'] = diagnosis::of($answer, $this->status)->html();
        return $answer->status === 0 ? $this->say(result::ERROR, 'silent', $a) : $this->say(result::WARNING, 'notready', $a);
    }
}
