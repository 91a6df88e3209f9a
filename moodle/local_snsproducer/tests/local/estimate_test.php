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

use local_snsproducer\local\wanted\row;

/**
 * Tests what each contract would have given.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 * @covers     \local_snsproducer\local\estimate
 */
final class estimate_test extends \basic_testcase {
    /**
     * A row.
     *
     * @param string $contract
     * @param array|null $when
     * @param string $event
     * @return row
     */
    private static function row(string $contract, ?array $when = null, string $event = '\a\event\done'): row {
        return row::read(['contract' => $contract, 'event' => $event, 'keys' => [], 'entities' => []]
            + ($when === null ? [] : ['when' => $when]));
    }

    /**
     * An event.
     *
     * @param int $time
     * @param array $data
     * @return array
     */
    private static function event(int $time, array $data = []): array {
        return $data + ['eventname' => '\a\event\done', 'timecreated' => (string)$time, 'anonymous' => '0', 'other' => []];
    }

    public function test_conditions_on_the_event_are_decided_and_others_are_at_most(): void {
        $estimate = new estimate([
            self::row('all'),
            self::row('some', ['field' => 'event.other.kind', 'in' => ['a']]),
            self::row('maybe', ['field' => 'entities.grade.released', 'in' => ['true']]),
            self::row('never', null, '\a\event\other'),
        ]);
        $this->assertEqualsCanonicalizing(['\a\event\done', '\a\event\other'], $estimate->names());
        $estimate->add(self::event(7200, ['other' => ['kind' => 'a']]));
        $estimate->add(self::event(7300, ['other' => ['kind' => 'b']]));
        $estimate->add(self::event(10900));
        $report = $estimate->report();
        $told = array_map(fn($one) => [$one['messages'], $one['at_most']], $report['contracts']);
        $this->assertSame(['all' => [3, 3], 'maybe' => [0, 3], 'never' => [0, 0], 'some' => [1, 1]], $told);
        $this->assertSame(['hour' => 7200, 'n' => 2], $report['contracts']['all']['peak']);
        $this->assertSame([7200 => 2, 10800 => 1], $report['contracts']['all']['hours']);
        $this->assertNull($report['contracts']['never']['peak']);
        $this->assertSame([7200 => 5, 10800 => 2], $report['peak_hours'], 'all contracts together');
        $this->assertSame(3, $report['events']);
    }

    public function test_without_conditions_everything_is_at_most(): void {
        $list = '[{"contract":"moodle.a.done.v1","status":"draft","events":["\\\\a\\\\event\\\\done"]},'
            . '{"contract":"moodle.producer.heartbeat.v1","events":["producer:heartbeat"]}]';
        ['rows' => $rows, 'conditions' => $conditions] = estimate::read($list);
        $this->assertFalse($conditions);
        $this->assertCount(1, $rows, 'what the producer tells of itself comes from no Moodle');
        $estimate = new estimate($rows, $conditions);
        $estimate->add(self::event(7200));
        $report = $estimate->report();
        $this->assertSame([0, 1], [
            $report['contracts']['moodle.a.done.v1']['messages'], $report['contracts']['moodle.a.done.v1']['at_most'],
        ]);
    }

    public function test_a_list_of_contracts_may_tell_conditions(): void {
        $list = '[{"contract":"c","events":["\\\\a\\\\event\\\\done"],"when":{"field":"event.other.kind","in":["a"]}},'
            . '{"contract":"d","events":["\\\\a\\\\event\\\\done"],"when":null}]';
        ['rows' => $rows, 'conditions' => $conditions] = estimate::read($list);
        $this->assertTrue($conditions);
        $this->assertSame(['c' => ['a'], 'd' => null], array_combine(
            array_column($rows, 'contract'),
            array_map(fn(row $row) => $row->when?->oneof, $rows)
        ));
    }

    public function test_rows_are_read_as_the_sidecar_answers_them(): void {
        $row = '{"contract":"c","event":"\\\\a\\\\event\\\\done","keys":[],"entities":{}}';
        foreach (["[$row]", "{\"etag\":\"e\",\"rows\":[$row]}"] as $text) {
            ['rows' => $rows, 'conditions' => $conditions] = estimate::read($text);
            $this->assertSame(['c', true], [$rows[0]->contract, $conditions]);
        }
        foreach (['', '[]', '{}', '[1]', 'x', '[{"contract":"c","events":1}]'] as $bad) {
            try {
                estimate::read($bad);
                $this->fail("taken: $bad");
            } catch (not_usable $e) {
                $this->assertSame('form', $e->reason, $bad);
            }
        }
    }
}
