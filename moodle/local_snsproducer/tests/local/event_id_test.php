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

namespace local_snsproducer\local;

/**
 * Tests that ids are what the sidecar takes.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 * @covers     \local_snsproducer\local\event_id
 */
final class event_id_test extends \basic_testcase {
    public function test_an_id_holds_the_time_and_is_told_once(): void {
        $ids = [];
        for ($n = 0; $n < 1000; $n++) {
            $id = event_id::v7(1795536687310028);
            $this->assertTrue(event_id::is_valid($id), $id);
            $ids[$id] = true;
        }
        $this->assertCount(1000, $ids);
        $this->assertSame(1795536687310, event_id::millis($id));
        $this->assertLessThan(event_id::v7(1795536687310030), event_id::v7(1795536687310028), 'ids sort as they were raised');
    }

    public function test_a_cut_id_keeps_its_random_bits_and_loses_its_minutes(): void {
        $id = '01a20e53-90ce-7205-a292-0dd69749d9f5';
        $this->assertSame('01a20e49-1400-7000-a292-0dd69749d9f5', event_id::hour_cut($id));
        $this->assertSame(event_id::hour_cut($id), event_id::hour_cut(event_id::hour_cut($id)));
    }

    public function test_a_row_of_a_log_store_has_one_id(): void {
        $id = event_id::v8('vle', 'logstore_standard', '881');
        $this->assertTrue(event_id::is_valid($id));
        $this->assertSame($id, event_id::v8('vle', 'logstore_standard', '881'));
        $this->assertNotSame($id, event_id::v8('vle', 'logstore_standard', '882'));
        $this->assertSame($id, event_id::hour_cut($id), 'a hash holds no time');
        $this->assertNull(event_id::millis($id));
    }

    public function test_an_id_has_one_form(): void {
        $bad = ['', 'x', '01A20E53-90CE-7205-A292-0DD69749D9F5', '01a20e5390ce7205a2920dd69749d9f5',
            '6ba7b810-9dad-41d1-80b4-00c04fd430c8', '01a20e53-90ce-7205-0292-0dd69749d9f5',
            "01a20e53-90ce-7205-a292-0dd69749d9f5\n"];
        foreach ($bad as $text) {
            $this->assertFalse(event_id::is_valid($text), $text);
        }
    }
}
