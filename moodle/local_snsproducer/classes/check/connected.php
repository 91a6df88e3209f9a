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
use local_snsproducer\local\pages;

/**
 * Whether this site is connected, and not a copy of the one that is.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class connected extends base {
    /** @var string The page where the cure is. */
    protected const CURE = 'connect';

    /**
     * Where the cure is.
     *
     * @return \action_link|null
     */
    public function get_action_link(): ?\action_link {
        try {
            $site = $this->status->site();
            return pages::link($site['enabled'] && ($site['configured'] || $site['connected']) ? 'connect' : 'settings');
        } catch (\Throwable $fault) {
            return parent::get_action_link();
        }
    }

    /**
     * What is found.
     *
     * @return result
     */
    protected function judge(): result {
        $site = $this->status->site();
        $a = ['connected' => s($site['connectedurl']), 'here' => s($site['wwwroot']), 'problem' => s($site['problem'])];
        return match (true) {
            $site['copy'] => $this->say(result::ERROR, 'copy', $a),
            !$site['enabled'] => $this->say(result::WARNING, 'off'),
            !$site['configured'] => $this->say(result::INFO, 'notset', $a),
            !$site['connected'] => $this->say(result::WARNING, 'notconnected'),
            default => $this->say(result::OK, 'ok', $a),
        };
    }
}
