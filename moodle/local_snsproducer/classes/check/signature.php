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
 * Whether the sidecar takes this site for the source it says it is: key and secret.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class signature extends base {
    /** @var string The page where the cure is. */
    protected const CURE = 'settings';

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
        // The sidecar tells of a wrong clock only where the signature fits.
        if ($answer->status === 200 || $answer->problem() === 'clock') {
            $prints = array_filter(array_map('s', $this->status->fingerprints()));
            return $this->say(result::OK, 'ok', implode(', ', $prints));
        }
        if (in_array($answer->status, [401, 403, 404], true) || $answer->failure === 'nosecret') {
            return $this->say(result::ERROR, 'bad', diagnosis::of($answer, $this->status)->html());
        }
        return $this->say(result::UNKNOWN, 'unknown');
    }
}
