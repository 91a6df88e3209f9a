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

use local_snsproducer\local\connection;

/**
 * Tests that the list is kept whole and given cut.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 * @covers     \local_snsproducer\local\wanted\store
 */
final class store_test extends \advanced_testcase {
    /**
     * A row.
     *
     * @param string $event
     * @param array $fields of entity user
     * @param when|null $when
     * @return row
     */
    private static function row(string $event, array $fields = ['id'], ?when $when = null): row {
        return new row('moodle.x.done.v1', $event, $when, ['userid'], ['user' => $fields], ['entities.user.id' => 'identifier']);
    }

    /**
     * Sets up a connection that can work.
     */
    private function configure(): void {
        $this->resetAfterTest();
        $config = [
            'enabled' => 1, 'endpoint' => 'http://127.0.0.1:1', 'sourcekey' => 'vle',
            'secret' => 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
        ];
        foreach ($config as $name => $value) {
            set_config($name, $value, connection::PLUGIN);
        }
    }

    public function test_there_is_none_at_first(): void {
        $this->resetAfterTest();
        $this->assertNull(store::current());
        $this->assertNull(store::current(), 'and that is cached');
        $this->assertSame(['', null], [store::etag(), store::timecreated()]);
    }

    public function test_a_list_is_written_when_its_name_changes_only(): void {
        global $DB;
        $this->resetAfterTest();
        $this->assertTrue(store::save('one', wanted_list::LIMITS, [self::row('\a'), self::row('\b')]));
        $list = store::current();
        $this->assertSame(['one', true, false], [$list->etag, $list->wants('\a'), $list->wants('\c')]);
        $writes = $DB->perf_get_writes();
        $this->assertFalse(store::save('one', wanted_list::LIMITS, []));
        $this->assertSame($writes, $DB->perf_get_writes());
        $this->assertTrue(store::save('two', ['max_body' => 5] + wanted_list::LIMITS, [self::row('\c')]));
        $list = store::current();
        $this->assertSame(['two', 5], [$list->etag, $list->limits['max_body']]);
        $this->assertSame([false, true], [$list->wants('\a'), $list->wants('\c')]);
        $this->assertSame(1, $DB->count_records('local_snsproducer_list'));
        $this->assertEquals([self::row('\c')], $list->rows('\c'));
        $this->assertCount(1, store::all(false, false));
    }

    public function test_the_list_costs_no_query_once_it_is_cached(): void {
        global $DB;
        $this->configure();
        store::save('one', wanted_list::LIMITS, [self::row('\a')]);
        store::current()->rows('\a');
        get_config(connection::PLUGIN);
        $reads = $DB->perf_get_reads();
        $list = store::current();
        $this->assertTrue($list->wants('\a'));
        $this->assertCount(1, $list->rows('\a'));
        $this->assertSame($reads, $DB->perf_get_reads());
    }

    public function test_what_is_allowed_is_asked_each_time(): void {
        $this->configure();
        $when = new when('entities.user.email', null, []);
        store::save('one', wanted_list::LIMITS, [self::row('\a', ['id', 'email']), self::row('\b', ['id'], $when)]);
        $beside = ['user' => ['email' => 'x']];
        $this->assertSame(['user' => ['id']], store::current()->rows('\a')[0]->entities);
        $this->assertNull(store::current()->rows('\b')[0]->holds([], $beside));
        set_config('allowcontact', 1, connection::PLUGIN);
        $this->assertSame(['user' => ['id', 'email']], store::current()->rows('\a')[0]->entities);
        $this->assertTrue(store::current()->rows('\b')[0]->holds([], $beside));
        set_config('allowcontact', 0, connection::PLUGIN);
        $this->assertSame(['user' => ['id']], store::current()->rows('\a')[0]->entities);
    }

    public function test_rows_that_left_the_cache_are_read_again(): void {
        $this->resetAfterTest();
        store::save('one', wanted_list::LIMITS, [self::row('\a')]);
        $list = store::current();
        store::purge();
        $this->assertEquals([self::row('\a')], $list->rows('\a'));
    }

    public function test_a_list_that_cannot_be_read_is_none_and_is_asked_for_anew(): void {
        global $DB;
        $this->resetAfterTest();
        store::save('one', wanted_list::LIMITS, [self::row('\a')]);
        $DB->set_field('local_snsproducer_list', 'body', '{"rows":');
        store::purge();
        $this->assertNull(store::current());
        $this->assertSame('', store::etag());
        $this->assertTrue(store::save('one', wanted_list::LIMITS, [self::row('\a')]));
        $this->assertTrue(store::current()->wants('\a'));
    }
}
