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

namespace local_snsproducer\local\grades;

/**
 * Telling grades when they may be seen.
 *
 * @covers \local_snsproducer\local\grades\reread
 * @covers \local_snsproducer\event\grade_released
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class reread_test extends \advanced_testcase {
    /** The event. */
    private const NAME = '\local_snsproducer\event\grade_released';

    /** @var \core\event\base[] the releases raised */
    private static array $told = [];

    /** @var bool whether the outbox takes them */
    private static bool $takes = true;

    /** @var \stdClass the course */
    private \stdClass $course;

    /** @var \stdClass the student */
    private \stdClass $student;

    #[\Override]
    protected function setUp(): void {
        global $CFG;
        parent::setUp();
        require_once($CFG->libdir . '/gradelib.php');
        $this->resetAfterTest();
        // What can't be told is rolled back, which a test's own transaction wouldn't survive.
        $this->preventResetByRollback();
        $this->setAdminUser();
        $this->course = $this->getDataGenerator()->create_course();
        $this->student = $this->getDataGenerator()->create_and_enrol($this->course, 'student');
        self::$told = [];
        self::$takes = true;
        // In place of the plugin's own observer of strict events.
        \core\event\manager::phpunit_replace_observers([
            ['eventname' => self::NAME, 'callback' => self::class . '::take', 'internal' => true],
        ]);
    }

    #[\Override]
    protected function tearDown(): void {
        // Moodle's own reset after a test leaves replaced observers to the next test, and takes them away only after that.
        \core\event\manager::phpunit_reset();
        parent::tearDown();
    }

    /**
     * Takes an event into the outbox.
     *
     * @param \core\event\base $event
     */
    public static function take(\core\event\base $event): void {
        global $DB;
        if (!self::$takes) {
            return;
        }
        self::$told[] = $event;
        $DB->insert_record('local_snsproducer_outbox', ['eventid' => \core\uuid::generate(), 'eventname' => self::NAME,
            'wwwroot' => 'x', 'state' => 'open', 'body' => '{}', 'bulk' => 0, 'hour' => 0, 'userid' => -1,
            'relateduserid' => $event->relateduserid, 'timecreated' => time()]);
    }

    /**
     * An item with the student's grade, remembered as not told.
     *
     * @param float|null $grade
     * @param array $more
     * @return \grade_item
     */
    private function item(?float $grade = 50.0, array $more = []): \grade_item {
        $made = $this->getDataGenerator()->create_grade_item($more + ['courseid' => $this->course->id]);
        $item = \grade_item::fetch(['id' => $made->id]);
        $item->update_final_grade($this->student->id, $grade);
        pending::remember((int)$item->id, (int)$this->student->id);
        return $item;
    }

    /**
     * The run, as the task makes it in some later second.
     *
     * @return array
     */
    private function run_task(): array {
        global $DB;
        $DB->set_field('local_snsproducer_pending', 'timecreated', 1);
        $DB->set_field('local_snsproducer_pending', 'timechecked', 0);
        return reread::run();
    }

    public function test_an_item_that_is_shown(): void {
        $item = $this->item(61.5);
        $item->set_hidden(1);
        $this->assertSame(['released' => 0, 'gone' => 0, 'waiting' => 1], $this->run_task());
        $this->assertSame([], self::$told);
        $item->set_hidden(0);
        $this->assertSame(['released' => 1, 'gone' => 0, 'waiting' => 0], $this->run_task());
        $this->assertSame(0, pending::count());
        $data = self::$told[0]->get_data();
        $grade = \grade_grade::fetch(['itemid' => $item->id, 'userid' => $this->student->id]);
        $this->assertSame(self::NAME, $data['eventname']);
        $this->assertSame($grade->id, $data['objectid']);
        $this->assertSame('grade_grades', $data['objecttable']);
        $this->assertSame($this->student->id, $data['relateduserid']);
        $this->assertSame($this->course->id, (string)$data['courseid']);
        $this->assertSame(-1, $data['userid']);
        $this->assertSame(0, $data['anonymous']);
        $this->assertEquals(['itemid' => (int)$item->id, 'finalgrade' => '61.50000', 'overridden' => false], $data['other']);
        $this->assertSame(['released' => 0, 'gone' => 0, 'waiting' => 0], $this->run_task());
        $this->assertCount(1, self::$told);
    }

    public function test_a_date_that_passes(): void {
        $item = $this->item();
        $item->set_hidden(time() + 1000);
        $this->assertSame(1, $this->run_task()['waiting']);
        $item->set_hidden(time() - 1);
        $this->assertSame(1, $this->run_task()['released']);
    }

    public function test_one_grade_that_is_shown_and_told_as_it_is_now(): void {
        $item = $this->item(50);
        $grade = \grade_grade::fetch(['itemid' => $item->id, 'userid' => $this->student->id]);
        $grade->set_hidden(1);
        $this->assertSame(1, $this->run_task()['waiting']);
        $item->update_final_grade($this->student->id, 70);
        \grade_grade::fetch(['itemid' => $item->id, 'userid' => $this->student->id])->set_hidden(0);
        $this->assertSame(1, $this->run_task()['released']);
        $this->assertSame('70.00000', self::$told[0]->other['finalgrade']);
    }

    public function test_a_category_that_is_shown(): void {
        $category = new \grade_category($this->getDataGenerator()->create_grade_category(['courseid' => $this->course->id]), false);
        $this->item(50, ['categoryid' => $category->id]);
        $category->set_hidden(1, true);
        $this->assertSame(1, $this->run_task()['waiting']);
        $category->set_hidden(0, true);
        $this->assertSame(1, $this->run_task()['released']);
    }

    public function test_a_total_with_a_hidden_part(): void {
        $part = $this->item(50);
        $part->set_hidden(1);
        grade_regrade_final_grades($this->course->id);
        $total = \grade_item::fetch_course_item($this->course->id);
        pending::remember((int)$total->id, (int)$this->student->id);
        $this->assertSame(['released' => 0, 'gone' => 0, 'waiting' => 2], $this->run_task());
        $part->set_hidden(0);
        $this->assertSame(['released' => 2, 'gone' => 0, 'waiting' => 0], $this->run_task());
    }

    public function test_what_is_gone_leaves_the_list(): void {
        $item = $this->item();
        $item->set_hidden(1);
        \grade_grade::fetch(['itemid' => $item->id, 'userid' => $this->student->id])->delete();
        $deleted = $this->item();
        $deleted->delete();
        $null = $this->item();
        $null->set_hidden(1);
        $null->update_final_grade($this->student->id, null);
        $this->assertSame(3, pending::count());
        $this->assertSame(['released' => 0, 'gone' => 3, 'waiting' => 0], $this->run_task());
        $this->assertSame(0, pending::count());
    }

    public function test_a_deleted_person(): void {
        $this->item()->set_hidden(1);
        delete_user($this->student);
        $this->assertSame(1, $this->run_task()['gone']);
        $this->assertSame([], self::$told);
    }

    public function test_a_marking_workflow_needs_no_list(): void {
        global $CFG;
        require_once($CFG->dirroot . '/mod/assign/locallib.php');
        $made = $this->getDataGenerator()->create_module('assign', ['course' => $this->course->id, 'markingworkflow' => 1]);
        $cm = get_coursemodule_from_instance('assign', $made->id);
        $assign = new \assign(\context_module::instance($cm->id), $cm, $this->course);
        $sink = $this->redirectEvents();
        $assign->save_grade($this->student->id, (object)['grade' => 50, 'attemptnumber' => -1, 'workflowstate' => 'inmarking']);
        foreach ($sink->get_events() as $event) {
            if ($event instanceof \core\event\user_graded) {
                $this->assertNull($event->other['finalgrade'], 'an unreleased grade is not in the gradebook');
            }
        }
        $item = \grade_item::fetch(['itemmodule' => 'assign', 'iteminstance' => $made->id]);
        pending::remember((int)$item->id, (int)$this->student->id);
        $sink->clear();
        $this->assertSame(1, $this->run_task()['gone'], 'there is no value yet: the list forgets it');
        $assign->save_grade($this->student->id, (object)['grade' => 50, 'attemptnumber' => -1, 'workflowstate' => 'released']);
        $graded = array_filter($sink->get_events(), fn($e) => $e instanceof \core\event\user_graded
            && (int)$e->other['itemid'] === (int)$item->id);
        $this->assertEquals(50, end($graded)->other['finalgrade'], 'Moodle announces it itself');
        $sink->close();
    }

    public function test_blind_marking_needs_no_list(): void {
        global $CFG;
        require_once($CFG->dirroot . '/mod/assign/locallib.php');
        $made = $this->getDataGenerator()->create_module('assign', ['course' => $this->course->id, 'blindmarking' => 1]);
        $cm = get_coursemodule_from_instance('assign', $made->id);
        $assign = new \assign(\context_module::instance($cm->id), $cm, $this->course);
        $item = \grade_item::fetch(['itemmodule' => 'assign', 'iteminstance' => $made->id]);
        $sink = $this->redirectEvents();
        $assign->save_grade($this->student->id, (object)['grade' => 50, 'attemptnumber' => -1]);
        $values = fn() => array_values(array_filter(array_map(fn($e) => $e instanceof \core\event\user_graded
            && (int)$e->other['itemid'] === (int)$item->id ? $e->other['finalgrade'] : null, $sink->get_events())));
        $this->assertSame([], $values());
        pending::remember((int)$item->id, (int)$this->student->id);
        $this->assertSame(1, $this->run_task()['gone']);
        $assign->reveal_identities();
        $this->assertEquals([50], $values());
        $sink->close();
    }

    public function test_what_nobody_takes_goes_on_waiting(): void {
        $this->item();
        $this->item();
        self::$takes = false;
        $this->assertSame(['released' => 0, 'gone' => 0, 'waiting' => 1], $this->run_task(), 'after the first it stops');
        $this->assertSame(2, pending::count());
        self::$takes = true;
        $this->assertSame(['released' => 2, 'gone' => 0, 'waiting' => 0], $this->run_task());
    }

    public function test_one_that_cannot_be_read_keeps_no_other_waiting(): void {
        global $DB;
        $bad = $this->item();
        // A grade item whose course is gone: it can't be told, and must not stop the rest.
        $DB->set_field('grade_items', 'courseid', 987654, ['id' => $bad->id]);
        $this->item();
        $done = $this->run_task();
        $this->assertSame(1, $done['released']);
        $this->assertSame(1, pending::count());
        $this->assertDebuggingCalled();
    }

    public function test_one_run_at_a_time(): void {
        $this->item();
        $factory = new \core\lock\db_record_lock_factory('local_snsproducer');
        set_config('lock_factory', '\core\lock\db_record_lock_factory');
        $lock = $factory->get_lock('read_grades', 0);
        $this->assertNotFalse($lock);
        $this->assertNull(reread::run());
        $lock->release();
        $this->assertSame(1, $this->run_task()['released']);
    }

    public function test_the_task_says_what_it_did(): void {
        $this->item();
        $this->expectOutputRegex('/Released: 0, gone: 0, waiting: 0/');
        (new \local_snsproducer\task\read_grades())->execute();
    }
}
