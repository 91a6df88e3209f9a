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
 * Whether requests send at once. While the breaker is open they don't: what they raise goes to the outbox.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class breaker extends base {
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
        return match ($this->status->breaker()) {
            'closed' => $this->say(result::OK, 'closed'),
            'half' => $this->say(result::WARNING, 'half'),
            default => $this->say(result::WARNING, 'open'),
        };
    }
}
