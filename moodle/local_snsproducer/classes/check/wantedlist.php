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
 * Whether there is a wanted list, and a fresh one. Without one nothing is sent or kept; an old one is used on.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class wantedlist extends base {
    /** @var string The page where the cure is. */
    protected const CURE = 'test';

    /** @var int An older list is told, in seconds. */
    private const OLD = DAYSECS;

    /**
     * What is found.
     *
     * @return result
     */
    protected function judge(): result {
        if ($idle = $this->idle()) {
            return $idle;
        }
        $wanted = $this->status->wanted();
        if ($wanted === null) {
            return $this->say(result::ERROR, 'none');
        }
        $asked = $this->status->fetch()['ok_at'];
        $age = max(0, time() - $asked);
        $a = [
            'events' => count($wanted['events']),
            'contracts' => count($wanted['contracts']),
            'age' => $asked > 0 ? format_time(max(1, $age)) : get_string('never'),
        ];
        return match (true) {
            $age > self::OLD => $this->say(result::WARNING, 'old', $a),
            $wanted['events'] === [] => $this->say(result::WARNING, 'empty', $a),
            default => $this->say(result::OK, 'ok', $a),
        };
    }
}
