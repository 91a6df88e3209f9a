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
use local_snsproducer\local\connection;
use local_snsproducer\local\drain;
use local_snsproducer\local\outbox;
use local_snsproducer\local\sender;
use local_snsproducer\local\strict;
use local_snsproducer\local\wanted\store;
use local_snsproducer\local\wanted\wanted_list;

/**
 * Sends what waits in the outbox, each minute.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class drain_outbox extends \core\task\scheduled_task {
    /** @var int how long it goes on, in milliseconds: the next one starts each minute */
    private const LONGEST = 55000;

    /** @var int how long one request may take, in milliseconds */
    private const LONGEST_REQUEST = 10000;

    /**
     * What it is called.
     *
     * @return string
     */
    public function get_name() {
        return get_string('taskdrainoutbox', 'local_snsproducer');
    }

    /**
     * Does it.
     */
    public function execute() {
        $connection = connection::get();
        if (!$connection?->is_armed()) {
            mtrace('This site is not connected: nothing is sent.');
            return;
        }
        $until = clock::ticks() + self::LONGEST;
        $adopted = strict::adopt($connection, clock::ticks() + intdiv(self::LONGEST, 3));
        if ($adopted > 0) {
            mtrace("{$adopted} events of strict mode had lost their request, and were completed.");
        }
        $limits = store::current()?->limits ?? wanted_list::LIMITS;
        $sender = new sender($connection, $limits, self::LONGEST, self::LONGEST_REQUEST);
        $drain = drain::run($sender, $limits, drain::MANY, max(0, $until - clock::ticks()));
        mtrace("{$drain->gone} events left the outbox, {$drain->refused} were refused"
            . ($drain->stopped === null ? ', none waits.' : ", and it stopped: {$drain->stopped}."));
        outbox::measure();
    }
}
