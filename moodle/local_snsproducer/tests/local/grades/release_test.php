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
 * When a person may see a grade.
 *
 * @covers \local_snsproducer\local\grades\release
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class release_test extends \advanced_testcase {
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
        $this->setAdminUser();
        $this->course = $this->getDataGenerator()->create_course();
        $this->student = $this->getDataGenerator()->create_and_enrol($this->course, 'student');
    }

    /**
     * An item with the student's grade in it.
     *
     * @param float|null $grade null: no value
     * @param array $more
     * @return \grade_item
     */
    private function item(?float $grade, array $more = []): \grade_item {
        $made = $this->getDataGenerator()->create_grade_item($more + ['courseid' => $this->course->id]);
        $item = \grade_item::fetch(['id' => $made->id]);
        $item->update_final_grade($this->student->id, $grade);
        return $item;
    }

    /**
     * Whether the student's grade is released.
     *
     * @param \grade_item $item
     * @param release|null $release
     * @return bool|null
     */
    private function released(\grade_item $item, ?release $release = null): ?bool {
        grade_regrade_final_grades($this->course->id);
        $grade = \grade_grade::fetch(['itemid' => $item->id, 'userid' => $this->student->id]);
        $grade->grade_item = \grade_item::fetch(['id' => $item->id]);
        return ($release ?? new release())->is_released($grade);
    }

    public function test_an_item_or_a_grade_is_hidden_for_ever_or_until_a_date(): void {
        $item = $this->item(50);
        $this->assertTrue($this->released($item));
        $grade = \grade_grade::fetch(['itemid' => $item->id, 'userid' => $this->student->id]);
        foreach ([1 => false, time() + 3600 => false, time() - 3600 => true, 0 => true] as $hidden => $released) {
            $item->set_hidden($hidden);
            $this->assertSame($released, $this->released($item), "item {$hidden}");
            $item->set_hidden(0);
            $grade->set_hidden($hidden);
            $this->assertSame($released, $this->released($item), "grade {$hidden}");
            $grade->set_hidden(0);
        }
    }

    public function test_a_total_is_held_back_while_a_grade_beneath_it_with_a_value_is_hidden(): void {
        $category = new \grade_category($this->getDataGenerator()->create_grade_category(['courseid' => $this->course->id]), false);
        $inner = new \grade_category($this->getDataGenerator()->create_grade_category(['courseid' => $this->course->id,
            'parent' => $category->id]), false);
        $other = new \grade_category($this->getDataGenerator()->create_grade_category(['courseid' => $this->course->id]), false);
        $deep = $this->item(50, ['categoryid' => $inner->id]);
        $this->item(50, ['categoryid' => $other->id]);
        $coursetotal = \grade_item::fetch_course_item($this->course->id);
        $total = $category->load_grade_item();
        $innertotal = $inner->load_grade_item();
        $othertotal = $other->load_grade_item();
        foreach ([$coursetotal, $total, $innertotal, $othertotal] as $each) {
            $this->assertTrue($this->released($each));
        }
        $deep->set_hidden(1);
        $this->assertFalse($this->released($coursetotal));
        $this->assertFalse($this->released($total));
        $this->assertFalse($this->released($innertotal));
        $this->assertTrue($this->released($othertotal), 'nothing beneath it is hidden');
        $deep->set_hidden(time() - 10);
        $this->assertTrue($this->released($coursetotal));
        \grade_grade::fetch(['itemid' => $deep->id, 'userid' => $this->student->id])->set_hidden(1);
        $this->assertFalse($this->released($total));
    }

    public function test_a_hidden_grade_without_a_value_holds_no_total_back(): void {
        $this->item(50);
        $empty = $this->item(null);
        $empty->set_hidden(1);
        $total = \grade_item::fetch_course_item($this->course->id);
        $this->assertTrue($this->released($total));
        $empty->update_final_grade($this->student->id, 3);
        $this->assertFalse($this->released($total));
    }

    public function test_hiding_a_category_hides_what_is_in_it(): void {
        $category = new \grade_category($this->getDataGenerator()->create_grade_category(['courseid' => $this->course->id]), false);
        $item = $this->item(50, ['categoryid' => $category->id]);
        $category->set_hidden(1, true);
        $this->assertFalse($this->released(\grade_item::fetch(['id' => $item->id])));
        $category->set_hidden(0, true);
        $this->assertTrue($this->released(\grade_item::fetch(['id' => $item->id])));
    }

    public function test_a_formula_is_held_back_with_the_grades_it_names(): void {
        $part = $this->item(50, ['idnumber' => 'P']);
        $made = $this->item(null, ['idnumber' => 'F']);
        $made->set_calculation('=[[P]]*2');
        $this->assertTrue($this->released($made));
        $part->set_hidden(1);
        $this->assertFalse($this->released(\grade_item::fetch(['id' => $made->id])));
    }

    public function test_it_says_the_same_however_many_are_asked_for(): void {
        $first = $this->item(50);
        $this->item(60);
        $release = new release();
        $release->expect((int)$this->course->id, array_map(
            fn() => (int)$this->getDataGenerator()->create_and_enrol($this->course, 'student')->id,
            range(1, 5),
        ));
        $total = \grade_item::fetch_course_item($this->course->id);
        $this->assertTrue($this->released($total, $release));
        $first->set_hidden(1);
        $release = new release();
        $release->expect((int)$this->course->id, [1, 2, 3, 4, 5]);
        $this->assertFalse($this->released($total, $release));
    }
}
