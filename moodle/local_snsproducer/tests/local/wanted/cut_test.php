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

namespace local_snsproducer\local\wanted;

use local_snsproducer\tests\vectors;

/**
 * Tests that no more than declared is left of an event.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 * @covers     \local_snsproducer\local\wanted\cut
 */
final class cut_test extends \basic_testcase {
    /** @var array an event as Moodle keeps it */
    private const EVENT = [
        'eventname' => '\x', 'component' => 'x', 'objectid' => '5', 'courseid' => '2', 'contextlevel' => 70, 'contextid' => 9,
        'contextinstanceid' => '3', 'anonymous' => 0, 'timecreated' => 7205, 'userid' => '7', 'relateduserid' => null,
        'other' => [
            'a' => 1, 'secret' => 's', 'map' => ['k' => 's'], 'list' => [1, ['s' => 's']], 'deep' => ['x' => 1, 'y' => 's'],
            'none' => [],
        ],
    ];

    /** @var array what was read beside it */
    private const ENTITIES = ['course' => ['id' => '2', 'fullname' => 's'], 'user' => ['id' => '7'], 'cm' => ['id' => '3']];

    public function test_only_declared_keys_stay_and_json_tells_maps_from_lists(): void {
        $keys = ['other.a', 'other.map{}', 'other.list[]', 'other.deep.x', 'other.none.k', 'userid'];
        $rows = [
            new row('a', '\x', null, $keys, ['course' => ['id', 'idnumber']]),
            new row('b', '\x', null, ['other.deep'], ['user' => ['username']]),
        ];
        $expected = '{"event":{"anonymous":0,"contextid":9,"contextinstanceid":"3","contextlevel":70,"courseid":"2",'
            . '"eventname":"\\\\x","objectid":"5","timecreated":7205,"other":{"a":1,"map":{"k":null},"list":[1,{}],'
            . '"deep":{"x":1},"none":[]},"userid":"7"},'
            . '"entities":{"course":{"id":"2"},"user":{}}}';
        $this->assertSame($expected, json_encode(cut::cut($rows, self::EVENT, self::ENTITIES)));
        $nothing = '{"event":{"anonymous":0},"entities":{}}';
        $this->assertSame($nothing, json_encode(cut::cut([], ['anonymous' => 0], [])));
    }

    public function test_of_an_anonymous_event_only_course_activity_and_hour_stay(): void {
        $rows = [new row('a', '\x', null, ['other.a', 'userid'], ['course' => ['id'], 'user' => ['id'], 'cm' => ['id']])];
        $marks = [1, '1', true, null, 'x', 2, [], '0.0'];
        foreach ($marks as $mark) {
            $event = ['anonymous' => $mark] + self::EVENT;
            $this->assertTrue(cut::is_anonymous($event));
            $cut = cut::cut($rows, $event, self::ENTITIES);
            $kept = ['anonymous', 'contextid', 'contextinstanceid', 'contextlevel', 'courseid', 'eventname', 'timecreated'];
            $this->assertSame($kept, array_keys((array) $cut['event']));
            $this->assertSame(7200, $cut['event']->timecreated);
            $this->assertSame('{"course":{"id":"2"},"cm":{"id":"3"}}', json_encode($cut['entities']));
        }
        $cut = cut::cut($rows, ['anonymous' => 1, 'contextlevel' => 30] + self::EVENT, self::ENTITIES);
        $this->assertFalse(property_exists($cut['event'], 'contextinstanceid'), 'a user context\'s instance is a user');
        foreach ([0, '0', false, 0.0] as $mark) {
            $this->assertFalse(cut::is_anonymous(['anonymous' => $mark]));
        }
    }

    public function test_what_json_cannot_say_is_null(): void {
        $event = [
            'anonymous' => 0,
            'other' => ['a' => NAN, 'b' => INF, 'c' => new \moodle_url('/x'), 'd' => fopen('php://memory', 'r')],
        ];
        $rows = [new row('a', '\x', null, ['other.a', 'other.b', 'other.c', 'other.c.path', 'other.c{}', 'other.d'], [])];
        $this->assertSame('{"a":null,"b":null,"c":{},"d":null}', json_encode(cut::cut($rows, $event, [])['event']->other));
    }

    public function test_what_takes_an_event_and_what_could_not_be_told(): void {
        $rows = [
            new row('a', '\x', new when('event.other.a', ['1'], null), [], []),
            new row('b', '\x', new when('event.other.a', ['2'], null), [], []),
            new row('c', '\x', new when('entities.grade.released', ['true'], null), [], []),
            new row('d', '\x', null, [], []),
        ];
        $taken = cut::take($rows, self::EVENT, self::ENTITIES);
        $this->assertSame(['a', 'd'], array_map(fn(row $row) => $row->contract, $taken['rows']));
        $this->assertSame(1, $taken['unknown']);
    }

    public function test_every_shared_vector_is_taken_and_cut_as_it_says(): void {
        $file = vectors::read($this, 'cut.json', false);
        $all = array_map(fn($told) => row::read(json_decode(json_encode($told), true)), $file->rows);
        foreach ($file->vectors as $vector) {
            $rows = $all;
            if (isset($vector->rows)) {
                $rows = array_map(fn($told) => row::read(json_decode(json_encode($told), true)), $vector->rows);
            }
            $rows = array_values(array_filter($rows, fn(row $row) => $row->event === $vector->event));
            $event = (array) $vector->data->event;
            $entities = (array) $vector->data->entities;
            $taken = cut::take($rows, $event, $entities);
            $this->assertSame($vector->expect->taken, array_map(fn(row $row) => $row->contract, $taken['rows']), $vector->name);
            $this->assertSame($vector->expect->when_unknown, $taken['unknown'], $vector->name);
            $cut = cut::cut($taken['rows'], $event, $entities);
            $this->assertSame(self::sorted($vector->expect->cut), self::sorted((object) $cut), $vector->name);
        }
        $this->assertGreaterThan(1000, count($file->vectors));
    }

    /**
     * A value with each map as [‘{}’, sorted members], so that `===` tells maps from lists and looks at no order of keys.
     *
     * @param mixed $value
     * @return mixed
     */
    private static function sorted(mixed $value): mixed {
        if ($value instanceof \stdClass) {
            $members = array_map(self::sorted(...), (array) $value);
            ksort($members, SORT_STRING);
            return ['{}', $members];
        }
        return is_array($value) ? array_map(self::sorted(...), $value) : $value;
    }
}
