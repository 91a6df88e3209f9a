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
 * Whether the sidecar still keeps its events where it did: with another spool it has forgotten what it had accepted.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class spool extends base {
    /**
     * What is found.
     *
     * @return result
     */
    protected function judge(): result {
        if ($idle = $this->idle()) {
            return $idle;
        }
        $spool = $this->status->spool();
        $a = ['id' => s($spool['id']), 'other' => s($spool['other'])];
        return match (true) {
            $spool['id'] === '' => $this->say(result::NA, 'none'),
            $spool['other'] !== '' => $this->say(result::ERROR, 'changed', $a),
            default => $this->say(result::OK, 'same', $a),
        };
    }
}
