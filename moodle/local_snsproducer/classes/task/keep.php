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

namespace local_snsproducer\task;

use local_snsproducer\local\clock;
use local_snsproducer\local\ledger;

/**
 * Keeps the ledger: adds up what requests counted, and lets go of what is old.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class keep extends \core\task\scheduled_task {
    /** @var int how long it goes on, in milliseconds */
    private const LONGEST = 60000;

    /**
     * What it is called.
     *
     * @return string
     */
    public function get_name() {
        return get_string('taskkeep', 'local_snsproducer');
    }

    /**
     * Does it. The ledger is kept where nothing is connected too: it tells of the past.
     */
    public function execute() {
        $lock = \core\lock\lock_config::get_lock_factory('local_snsproducer')->get_lock('keep', 0);
        if (!$lock) {
            mtrace('Another process does it.');
            return;
        }
        try {
            $counts = ledger::roll_up(clock::ticks() + self::LONGEST);
            mtrace("{$counts} counts were added to the ledger.");
            ledger::prune();
        } finally {
            $lock->release();
        }
    }
}
