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

use local_snsproducer\local\not_usable;

/**
 * Tests that a condition on what is not known takes nothing.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 * @covers     \local_snsproducer\local\wanted\when
 */
final class when_test extends \basic_testcase {
    public function test_it_is_compared_as_text(): void {
        $table = [
            [['kind' => 'a'], true, false], [['kind' => 'b'], false, true], [['kind' => 1], true, true],
            [['kind' => null], null, null],
            [[], null, null], [null, null, null], [['kind' => ['a' => 1]], null, null], [['a'], null, null],
        ];
        foreach ($table as [$other, $in, $notin]) {
            $this->assertSame($in, (new when('event.other.kind', ['a', '1'], null))->holds(['other' => $other], []));
            $this->assertSame($notin, (new when('event.other.kind', null, ['a']))->holds(['other' => $other], []));
        }
    }

    public function test_it_reads_event_and_entities_and_nothing_else(): void {
        $event = ['userid' => '7', 'other' => ['a' => 'x']];
        $entities = ['grade' => ['released' => true], 'user' => ['password' => 'x']];
        $holds = fn(string $field) => (new when($field, null, []))->holds($event, $entities);
        foreach (['event.userid', 'event.other.a', 'entities.grade.released'] as $field) {
            $this->assertTrue($holds($field), $field);
        }
        $cases = [
            'event.other', 'event.nobody', 'entities.user.password', 'entities.grade', 'userid', '', 'event.userid.x',
        ];
        foreach ($cases as $field) {
            $this->assertNull($holds($field), $field);
        }
        $this->assertTrue((new when('event.userid', null, []))->is_on_event());
        $this->assertFalse((new when('entities.grade.released', null, []))->is_on_event());
    }

    public function test_a_forbidden_value_is_never_known(): void {
        $when = (new when('entities.user.email', ['a@example.org'], null))->forbidden();
        $this->assertNull($when->holds([], ['user' => ['email' => 'a@example.org']]));
        $this->assertNull($when->holds([], ['user' => ['email' => 'b@example.org']]));
    }

    public function test_it_reads_back_what_it_told(): void {
        $told = ['field' => 'event.action', 'in' => ['a'], 'not_in' => []];
        $this->assertSame($told, when::read($told)->told());
        $cases = [
            null, [], 'x', ['field' => 5], ['field' => 'x', 'in' => 'a'], ['field' => 'x', 'in' => [1]],
            ['field' => 'x', 'not_in' => ['a' => 'b']],
        ];
        foreach ($cases as $bad) {
            try {
                when::read($bad);
                $this->fail(json_encode($bad));
            } catch (not_usable $problem) {
                $this->assertSame('form', $problem->reason);
            }
        }
    }
}
