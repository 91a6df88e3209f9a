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
 * Tests that an inventory tells what is known, and says where nothing is.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 * @covers     \local_snsproducer\local\inventory
 */
final class inventory_test extends \advanced_testcase {
    public function test_this_moodle_is_told(): void {
        global $CFG;
        $inventory = inventory::take();
        // Old classes of events say that they are old when they are loaded.
        $this->resetDebugging();
        $this->assertSame(['inventory', 'moodle', 'plugin', 'activities', 'entities', 'events'], array_keys($inventory));
        $this->assertStringStartsWith($inventory['moodle'], $CFG->release);
        $this->assertSame(get_config('local_snsproducer')->version, (string)\core_plugin_manager::instance()
            ->get_plugin_info('local_snsproducer')->versiondb);
        $this->assertContains('assign', $inventory['activities']);
        $this->assertContains('idnumber', $inventory['entities']['course']);
        $this->assertSame(
            ['component' => 'core', 'deprecated' => false, 'other' => ['enrol', 'userenrolment']],
            $inventory['events']['\core\event\user_enrolment_deleted']
        );
        $this->assertSame(['badgeissuedid', 'dateexpire'], array_values(array_intersect(
            $inventory['events']['\core\event\badge_awarded']['other'],
            ['badgeissuedid', 'dateexpire']
        )), 'its docblock names another key');
        $this->assertArrayHasKey('\local_snsproducer\event\grade_released', $inventory['events']);
        $this->assertArrayNotHasKey('\core\event\base', $inventory['events']);
        $this->assertArrayNotHasKey('\core\event\unknown_logged', $inventory['events']);
        $this->assertTrue($inventory['events']['\mod_choice\event\answer_submitted']['deprecated']);
        $this->assertNull($inventory['events']['\core\event\course_ended']['other'], 'raised by a class named elsewhere');
        $this->assertSame($inventory, json_decode(inventory::text($inventory), true));
    }

    public function test_keys_of_a_docblock(): void {
        $docblock = <<<'DOC'
/**
 * Something happened.
 *
 * @property-read array $other {
 *      Extra information about event.
 *
 *      - string enrol: name of enrolment instance.
 *      - int|null groupid: (optional) a group - of the course.
 *      - array  userenrolment: the record: all of it.
 *      - $loose
 * }
 *
 * - string notthis: behind the end.
 */
DOC;
        $this->assertSame(['enrol', 'groupid', 'userenrolment', 'loose'], inventory::keys_of_docblock($docblock));
        $this->assertSame([], inventory::keys_of_docblock('/** Nothing. */'));
    }

    public function test_keys_of_code(): void {
        $source = <<<'CODE'
            if (!isset($this->other['one'])) { return $this->data['other']["two"]; }
            $event = self::create(['objectid' => 1, 'other' => ['three' => ['notme' => 1], 'four' => f('x', ['nor' => 2])]]);
            $params['other'] = array('five' => 5);
            $params['another'] = ['notme' => 1];
CODE;
        $this->assertEqualsCanonicalizing(['one', 'two', 'three', 'four', 'five'], inventory::keys_of_code($source));
    }

    public function test_keys_where_an_event_is_raised_are_those_of_its_function(): void {
        $source = <<<'CODE'
<?php
function first() { \core\event\a_done::create(['context' => $c, 'other' => ['x' => 1]])->trigger(); }
function second() { \core\event\b_done::create(['context' => $c])->trigger(); }
function third($other) { \core\event\c_done::create(['context' => $c, 'other' => $other])->trigger(); }
function fourth() { \core\event\a_done::create(['context' => $c, 'other' => ['y' => 1]])->trigger(); }
function fifth() { $o = ['z' => 1]; $eventclass::create(['context' => $c, 'other' => $o])->trigger(); }
CODE;
        $this->assertSame([
            '\core\event\a_done' => ['x', 'y'],
            '\core\event\b_done' => [],
            '\core\event\c_done' => null,
        ], inventory::keys_where_made($source));
    }

    public function test_keys_seen_in_the_log_make_a_class_known(): void {
        $this->assertNull(inventory::other_keys('core\event\course_ended', null));
        $keys = inventory::other_keys('core\event\course_ended', null, ['idnumber', 'fullname', 'shortname']);
        $this->assertSame(['fullname', 'idnumber', 'shortname'], $keys);
        $this->assertSame([], inventory::other_keys('core\event\cohort_created', []));
    }
}
