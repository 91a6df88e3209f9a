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

namespace local_snsproducer;

use local_snsproducer\local\outbox;
use local_snsproducer\local\state;

/**
 * Tests what stands against uninstalling.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 * @covers     \local_snsproducer\local\waiting
 */
final class uninstall_test extends \advanced_testcase {
    /**
     * While something waits it is refused, with words and the way out; unless an administrator allowed it.
     */
    public function test_it_is_refused_while_something_waits(): void {
        global $CFG, $DB;
        require_once($CFG->dirroot . '/local/snsproducer/db/uninstall.php');
        $this->resetAfterTest();
        $this->assertTrue(xmldb_local_snsproducer_uninstall());
        $DB->insert_record(outbox::TABLE, [
            'eventid' => 'x', 'eventname' => '\a\event\b', 'wwwroot' => $CFG->wwwroot, 'state' => 'waiting', 'body' => '{}',
            'bulk' => 0, 'hour' => 3600, 'timecreated' => 4000,
        ]);
        try {
            xmldb_local_snsproducer_uninstall();
            $this->fail('it was not refused');
        } catch (\moodle_exception $refused) {
            $this->assertSame('uninstall_first', $refused->errorcode);
            $this->assertStringContainsString('outbox.php', $refused->getMessage());
        }
        state::set('allow_uninstall', '1');
        $this->assertTrue(xmldb_local_snsproducer_uninstall());
    }
}
