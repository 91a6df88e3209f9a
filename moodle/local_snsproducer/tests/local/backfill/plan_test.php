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

use local_snsproducer\local\wanted\row;

/**
 * Tests which past events go, and with which fields.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 * @covers     \local_snsproducer\local\backfill\plan
 * @covers     \local_snsproducer\local\backfill\past_fields
 */
final class plan_test extends \basic_testcase {
    /** @var string an event */
    private const ENROLLED = '\core\event\user_enrolment_created';

    /**
     * A row.
     *
     * @param string $contract
     * @param string $event
     * @param array $entities
     * @param array|null $when
     * @return row
     */
    private static function row(string $contract, string $event, array $entities = [], ?array $when = null): row {
        return row::read(['contract' => $contract, 'event' => $event, 'keys' => [], 'entities' => $entities]
            + ($when === null ? [] : ['when' => $when]));
    }

    /**
     * An event of that name.
     *
     * @param string $name
     * @param int $time
     * @param array $other
     * @return array
     */
    private static function event(string $name, int $time, array $other = []): array {
        return ['eventname' => $name, 'timecreated' => (string)$time, 'anonymous' => '0', 'other' => $other];
    }

    public function test_an_event_goes_only_where_none_of_its_contracts_was_observing(): void {
        $rows = [
            self::row('old', self::ENROLLED, [], ['field' => 'event.other.enrol', 'in' => ['manual']]),
            self::row('new', self::ENROLLED),
        ];
        $armed = (new armed([]))->with([$rows[0]], 100)->with($rows, 200);
        $plan = new plan($rows, $armed);
        $may = fn(int $time, string $enrol) => $plan->may(self::event(self::ENROLLED, $time, ['enrol' => $enrol]));
        $this->assertSame('yes', $may(99, 'manual'));
        $this->assertSame('told', $may(150, 'manual'), 'the old contract had it, and would have it twice');
        $this->assertSame('yes', $may(150, 'self'), 'the old contract does not speak of it');
        $this->assertSame('told', $may(200, 'self'));
        $this->assertSame('no', $plan->may(self::event('\a\event\done', 99)));
        $this->assertSame(200, $plan->end(), 'from there on all observe');
        $taken = $plan->take(self::event(self::ENROLLED, 99, ['enrol' => 'self']), []);
        $this->assertSame(['yes', ['new']], [$taken['answer'], array_column($taken['rows'], 'contract')]);
    }

    public function test_a_condition_on_what_was_so_then_takes_nothing(): void {
        $graded = '\core\event\user_graded';
        $rows = [
            self::row('grade', $graded, ['grade' => ['released']], ['field' => 'entities.grade.released', 'in' => ['true']]),
            self::row('enrolled', self::ENROLLED, ['enrolment' => ['status', 'enrolid'], 'course' => ['id', 'fullname']]),
        ];
        $plan = new plan($rows, new armed([]));
        $this->assertSame([self::ENROLLED], $plan->names(), 'reading the others is for nothing');
        $this->assertSame(['grade' => [$graded => 'entities.grade.released']], $plan->undecidable());
        $this->assertSame(['enrolment.status', 'course.fullname'], $plan->missing()['enrolled'][self::ENROLLED]);
        $this->assertSame(['enrolment' => ['enrolid'], 'course' => ['id']], $plan->fields(self::ENROLLED));
        $this->assertNull($plan->end(), 'one is not observed');
    }

    public function test_of_the_thing_that_an_event_is_about_only_its_number_is_told(): void {
        $wanted = ['course' => ['id', 'idnumber', 'shortname', 'fullname'], 'actor' => ['id', 'username', 'email']];
        $of = fn(string $event) => past_fields::allowed([self::row('c', $event, $wanted)], $event);
        $this->assertSame(['course' => ['id'], 'actor' => ['id', 'username']], $of('\core\event\course_updated'));
        $identity = ['course' => ['id', 'idnumber', 'shortname'], 'actor' => ['id', 'username']];
        $this->assertSame($identity, $of('\core\event\course_completed'));
        $this->assertSame($identity, $of('\core\event\course_module_created'));
    }

    public function test_our_own_events_are_no_news_of_the_past(): void {
        $plan = new plan([self::row('g', '\local_snsproducer\event\grade_released')], new armed([]));
        $this->assertSame([], $plan->names());
    }

    public function test_an_order_may_name_events(): void {
        $rows = [self::row('a', self::ENROLLED), self::row('b', '\core\event\course_created')];
        $plan = new plan($rows, new armed([]), ['\core\event\course_created']);
        $this->assertSame(['\core\event\course_created'], $plan->names());
    }
}
