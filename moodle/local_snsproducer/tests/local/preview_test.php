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

use local_snsproducer\local\wanted\store;
use local_snsproducer\tests\sink;

/**
 * Tests what is shown of what would be sent.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 * @covers     \local_snsproducer\local\preview
 */
final class preview_test extends \advanced_testcase {
    /** @var array What contracts ask for of a new user. */
    private const ROW = [
        'event' => '\core\event\user_created', 'contract' => 'moodle.user.created.v1', 'keys' => ['userid', 'relateduserid'],
        'entities' => ['user' => ['username', 'email', 'idnumber'], 'course' => ['shortname']],
        'personal' => ['entities.user.idnumber' => 'special'],
    ];

    /**
     * Makes a user, and previews the event of it.
     *
     * @param array $rows
     * @param array $config
     * @return preview
     */
    private function preview(array $rows, array $config = []): preview {
        $this->resetAfterTest();
        $sink = new sink();
        $sink->connect($rows, $config);
        $sink->stop();
        $events = $this->redirectEvents();
        $user = $this->getDataGenerator()->create_user(['username' => 'ann', 'email' => 'ann@example.org', 'idnumber' => 'A1']);
        \core\event\user_created::create_from_userid($user->id)->trigger();
        $raised = $events->get_events();
        $events->close();
        return preview::of($raised[0], store::current(), connection::get());
    }

    /**
     * Each field with its value, its class, and who asks for it.
     */
    public function test_it_shows_each_field_with_its_class(): void {
        $preview = $this->preview([self::ROW]);
        $fields = array_column($preview->fields, null, 'path');
        $this->assertSame('"ann"', $fields['entities.user.username']['value']);
        $this->assertSame('identifier', $fields['entities.user.username']['class']);
        $this->assertSame(['moodle.user.created.v1'], $fields['entities.user.username']['contracts']);
        $this->assertSame([], $fields['event.eventname']['contracts']);
        $this->assertSame(['moodle.user.created.v1' => 'takes'], $preview->contracts);
        $this->assertFalse($preview->anonymous);
    }

    /**
     * What is not sent, and why not.
     */
    public function test_it_says_what_is_left_out_and_why(): void {
        $left = array_column($this->preview([self::ROW])->left, null, 'path');
        $this->assertSame(['contact', 'forbidden'], [$left['entities.user.email']['class'], $left['entities.user.email']['why']]);
        $number = $left['entities.user.idnumber'];
        $this->assertSame(['special', 'forbidden'], [$number['class'], $number['why']]);
        $this->assertSame('unread', $left['entities.course.shortname']['why']);
        $this->assertSame('unasked', $left['event.crud']['why']);
    }

    /**
     * What an administrator allows is shown as sent.
     */
    public function test_what_is_allowed_is_shown_as_sent(): void {
        $fields = array_column($this->preview([self::ROW], ['allowcontact' => '1'])->fields, null, 'path');
        $this->assertSame('"ann@example.org"', $fields['entities.user.email']['value']);
        $this->assertSame('contact', $fields['entities.user.email']['class']);
        $this->assertArrayNotHasKey('entities.user.idnumber', $fields);
    }

    /**
     * A contract whose condition doesn't hold takes nothing, and nothing is shown as sent.
     */
    public function test_an_event_that_no_contract_takes(): void {
        $preview = $this->preview([
            ['when' => ['field' => 'event.userid', 'in' => ['-7']]] + self::ROW,
            ['when' => ['field' => 'entities.course.id', 'in' => ['1']], 'contract' => 'moodle.other.v1'] + self::ROW,
        ]);
        $this->assertSame(['moodle.other.v1' => 'unknown', 'moodle.user.created.v1' => 'condition'], $preview->contracts);
        $this->assertSame([], $preview->fields);
    }

    /**
     * Without a log that can be read there is nothing to choose from.
     */
    public function test_it_reads_the_log_where_there_is_one(): void {
        $this->preview([self::ROW]);
        $this->preventResetByRollback();
        set_config('enabled_stores', '', 'tool_log');
        get_log_manager(true);
        $this->assertNull(preview::log());
        set_config('enabled_stores', 'logstore_standard', 'tool_log');
        set_config('buffersize', 0, 'logstore_standard');
        get_log_manager(true);
        $log = preview::log();
        $this->setAdminUser();
        \core\event\user_created::create_from_userid(get_admin()->id)->trigger();
        $events = preview::events($log, store::current(), '');
        $this->assertCount(1, $events);
        $this->assertInstanceOf(\core\event\user_created::class, preview::event($log, array_key_first($events)));
        $this->assertSame([], preview::events($log, store::current(), '')[0] ?? []);
        $this->assertNull(preview::event($log, 0));
        $preview = preview::of(reset($events), store::current(), connection::get());
        $this->assertSame('"admin"', array_column($preview->fields, 'value', 'path')['entities.user.username']);
        get_log_manager(true);
    }
}
