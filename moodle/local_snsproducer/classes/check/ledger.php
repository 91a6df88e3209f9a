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
 * Whether each event that was observed in the last 24 hours is accounted for.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class ledger extends base {
    /**
     * What is found.
     *
     * @return result
     */
    protected function judge(): result {
        $ledger = $this->status->ledger();
        // Of the hour that still runs some may be on its way.
        $missing = $ledger['outcomes']['unaccounted'] - $ledger['recent'];
        $a = [
            'observed' => $ledger['outcomes']['observed'],
            'missing' => abs($missing),
            'lost' => $ledger['outcomes']['lost_at_cap'],
            'unarmed' => $ledger['outcomes']['unarmed'],
        ];
        return match (true) {
            $a['lost'] > 0 => $this->say(result::ERROR, 'lost', $a),
            $missing > 0 => $this->say(result::ERROR, 'missing', $a),
            $missing < 0 => $this->say(result::WARNING, 'over', $a),
            $a['unarmed'] > 0 => $this->say(result::WARNING, 'unarmed', $a),
            default => $this->say(result::OK, 'holds', $a),
        };
    }
}
