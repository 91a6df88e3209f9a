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

namespace local_snsproducer\local\backfill;

use local_snsproducer\local\event_id;
use local_snsproducer\local\wanted\row;

/**
 * Tests ids and form of past events.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 * @covers     \local_snsproducer\local\backfill\past
 */
final class past_test extends \basic_testcase {
    /** @var string an event */
    private const NAME = '\mod_feedback\event\response_submitted';

    /**
     * The wire form of an event.
     *
     * @param string $anonymous as the log has it
     * @return \stdClass
     */
    private static function written(string $anonymous): \stdClass {
        $event = [
            'eventname' => self::NAME, 'component' => 'mod_feedback', 'objectid' => '8', 'courseid' => '5', 'contextlevel' => '70',
            'contextid' => '9', 'contextinstanceid' => '3', 'userid' => '7', 'relateduserid' => '7', 'anonymous' => $anonymous,
            'timecreated' => '7265', 'other' => ['cmid' => '3', 'instanceid' => '4'],
        ];
        $row = row::read([
            'contract' => 'c', 'event' => self::NAME, 'keys' => ['userid', 'other.cmid'],
            'entities' => ['course' => ['id'], 'user' => ['id']],
        ]);
        $id = past::id('vle', 'logstore_standard', 12, $anonymous !== '0', 'key');
        $raised = past::raised($id, $event, ['origin' => 'web', 'ip' => '192.0.2.1', 'realuserid' => null]);
        self::assertSame(['origin', 'realuserid'], array_keys($raised->logextra), 'no address');
        $entities = ['course' => ['id' => '5'], 'user' => ['id' => '7']];
        $envelope = past::envelope($raised, [$row], $entities, 'https://vle.example.org', 'etag', 3600);
        self::assertSame([$id, self::NAME, 3600], [$envelope->id, $envelope->name, $envelope->hour]);
        return json_decode($envelope->body);
    }

    public function test_a_row_has_one_id_for_ever(): void {
        $id = past::id('vle', 'logstore_standard', 12, false, 'key');
        $this->assertSame($id, past::id('vle', 'logstore_standard', 12, false, 'other key'));
        $this->assertTrue(event_id::is_valid($id));
        $this->assertSame('8', $id[14], 'by which the sidecar knows that it is a past event');
        $others = [
            past::id('vle2', 'logstore_standard', 12, false, 'key'),
            past::id('vle', 'logstore_database', 12, false, 'key'),
            past::id('vle', 'logstore_standard', 13, false, 'key'),
            past::id('vle', 'logstore_standard', 12, true, 'key'),
            past::id('vle', 'logstore_standard', 12, true, 'other key'),
        ];
        $this->assertCount(6, array_unique([$id, ...$others]));
        $this->assertSame($others[3], past::id('vle', 'logstore_standard', 12, true, 'key'));
    }

    public function test_the_second_is_told_and_that_it_is_past(): void {
        $told = self::written('0');
        $this->assertSame('1970-01-01T02:01:05Z', $told->time);
        $this->assertSame('1970-01-01T02:01:05.000000Z', $told->raised);
        $this->assertTrue($told->backfill);
        $this->assertSame(['7', '3'], [$told->data->event->userid, $told->data->event->other->cmid]);
        $this->assertSame('7', $told->data->entities->user->id);
    }

    public function test_an_anonymous_event_tells_hour_course_and_activity_only(): void {
        $told = self::written('1');
        $this->assertSame('1970-01-01T02:00:00Z', $told->time);
        $this->assertFalse(property_exists($told, 'raised'));
        $expected = [
            'eventname' => self::NAME, 'courseid' => '5', 'contextlevel' => '70', 'contextid' => '9', 'contextinstanceid' => '3',
            'anonymous' => '1', 'timecreated' => 7200,
        ];
        $this->assertEqualsCanonicalizing($expected, (array)$told->data->event);
        $this->assertEquals((object)['course' => (object)['id' => '5']], $told->data->entities);
    }
}
