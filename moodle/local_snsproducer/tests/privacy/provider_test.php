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

namespace local_snsproducer\privacy;

use core_privacy\local\metadata\collection;
use core_privacy\local\request\approved_contextlist;
use core_privacy\local\request\approved_userlist;
use core_privacy\local\request\userlist;
use core_privacy\local\request\writer;
use local_snsproducer\local\grades\pending;
use local_snsproducer\local\outbox;

/**
 * Tests what is told, exported and deleted of a person.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 * @covers     \local_snsproducer\privacy\provider
 */
final class provider_test extends \core_privacy\tests\provider_testcase {
    /** @var string The component. */
    private const COMPONENT = 'local_snsproducer';

    /** @var \stdClass Who did something. */
    private \stdClass $actor;

    /** @var \stdClass Whom it affected. */
    private \stdClass $affected;

    /** @var \stdClass Who has nothing to do with it. */
    private \stdClass $other;

    protected function setUp(): void {
        parent::setUp();
        $this->resetAfterTest();
        foreach (['actor', 'affected', 'other'] as $who) {
            $this->$who = $this->getDataGenerator()->create_user();
        }
        self::row((int) $this->actor->id, (int) $this->affected->id);
        self::row(null, null);
        self::row((int) $this->other->id, null);
        pending::remember(7, (int) $this->affected->id);
    }

    /**
     * Writes a row.
     *
     * @param int|null $userid
     * @param int|null $relateduserid
     */
    private static function row(?int $userid, ?int $relateduserid): void {
        global $CFG, $DB;
        static $n = 0;
        $DB->insert_record(outbox::TABLE, [
            'eventid' => 'id-' . ++$n, 'eventname' => '\a\event\b', 'wwwroot' => $CFG->wwwroot, 'state' => 'waiting',
            'body' => json_encode(['data' => ['event' => ['userid' => $userid]]]), 'bulk' => 0, 'hour' => 3600,
            'userid' => $userid, 'relateduserid' => $relateduserid, 'timecreated' => 4000,
        ]);
    }

    /**
     * The rows that are left of the outbox: userid of each.
     *
     * @return array
     */
    private static function left(): array {
        global $DB;
        return array_values($DB->get_records_menu(outbox::TABLE, null, 'id', 'id, userid'));
    }

    /**
     * Each table that holds a person, and the way out, are told; each word of it exists.
     */
    public function test_all_is_told(): void {
        $items = provider::get_metadata(new collection(self::COMPONENT))->get_collection();
        $names = array_map(static fn($item) => $item->get_name(), $items);
        $this->assertSame(['sidecar', 'local_snsproducer_outbox', 'local_snsproducer_pending'], $names);
        foreach ($items as $item) {
            foreach ([$item->get_summary(), ...array_values($item->get_privacy_fields())] as $string) {
                $this->assertTrue(get_string_manager()->string_exists($string, self::COMPONENT), $string);
            }
        }
    }

    /**
     * Who has something kept has it in their own context.
     */
    public function test_the_contexts_of_a_person(): void {
        foreach (['actor', 'affected', 'other'] as $who) {
            $contexts = provider::get_contexts_for_userid((int) $this->$who->id)->get_contextids();
            $this->assertEquals([\context_user::instance($this->$who->id)->id], $contexts);
        }
        $nobody = $this->getDataGenerator()->create_user();
        $this->assertSame([], provider::get_contexts_for_userid((int) $nobody->id)->get_contextids());
    }

    /**
     * The person of a context.
     */
    public function test_the_people_of_a_context(): void {
        $list = new userlist(\context_user::instance($this->affected->id), self::COMPONENT);
        provider::get_users_in_context($list);
        $this->assertEquals([$this->affected->id], $list->get_userids());
        $system = new userlist(\context_system::instance(), self::COMPONENT);
        provider::get_users_in_context($system);
        $this->assertSame([], $system->get_userids());
    }

    /**
     * What is kept is exported: both roles, and the grade that waits.
     */
    public function test_what_is_kept_is_exported(): void {
        $name = get_string('pluginname', self::COMPONENT);
        $outbox = [$name, get_string('privacy:path:outbox', self::COMPONENT)];
        foreach (['actor' => 'Yes', 'affected' => 'No'] as $who => $isactor) {
            writer::reset();
            $context = \context_user::instance($this->$who->id);
            $this->export_context_data_for_user((int) $this->$who->id, $context, self::COMPONENT);
            $rows = writer::with_context($context)->get_data($outbox)->rows;
            $this->assertCount(1, $rows);
            $this->assertSame($isactor, $rows[0]->isactor);
            $this->assertEquals($this->actor->id, $rows[0]->body->data->event->userid);
        }
        $pending = writer::with_context($context)->get_data([$name, get_string('privacy:path:pending', self::COMPONENT)]);
        $this->assertSame(7, $pending->rows[0]->itemid);
    }

    /**
     * Deleting for one person leaves the others, and the ledger adds up.
     */
    public function test_deleting_for_one_person(): void {
        global $DB;
        $context = \context_user::instance($this->affected->id);
        $foreign = \context_user::instance($this->other->id);
        provider::delete_data_for_user(new approved_contextlist($this->affected, self::COMPONENT, [$context->id, $foreign->id]));
        $this->assertEquals([null, $this->other->id], self::left());
        $this->assertSame(0, $DB->count_records('local_snsproducer_pending'));
        $this->assertSame(1, \local_snsproducer\local\ledger::total(0)['refused'] ?? 0);
    }

    /**
     * Deleting all of a context deletes its person's, and only in a context of a person.
     */
    public function test_deleting_a_context(): void {
        provider::delete_data_for_all_users_in_context(\context_system::instance());
        $this->assertCount(3, self::left());
        provider::delete_data_for_all_users_in_context(\context_user::instance($this->actor->id));
        $this->assertEquals([null, $this->other->id], self::left());
    }

    /**
     * Deleting for several people reaches the one whose context it is.
     */
    public function test_deleting_for_several_people(): void {
        $context = \context_user::instance($this->other->id);
        provider::delete_data_for_users(new approved_userlist($context, self::COMPONENT, [$this->actor->id]));
        $this->assertCount(3, self::left());
        provider::delete_data_for_users(new approved_userlist($context, self::COMPONENT, [$this->other->id]));
        $this->assertEquals([$this->actor->id, null], self::left());
    }
}
