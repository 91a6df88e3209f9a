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

/**
 * Tests that no answer of the sidecar can ask for more than the vocabulary.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 * @covers     \local_snsproducer\local\wanted\vocabulary
 */
final class vocabulary_test extends \basic_testcase {
    /**
     * A row for these keys and entities.
     *
     * @param array $keys
     * @param array $entities
     * @param array $personal
     * @param when|null $when
     * @return row
     */
    private static function row(array $keys, array $entities = [], array $personal = [], ?when $when = null): row {
        return new row('c', '\core\event\x', $when, $keys, $entities, $personal);
    }

    public function test_what_people_typed_and_secrets_never_leave(): void {
        $never = [
            'content', 'newcontent', 'message', 'fullmessagehtml', 'smallmessage', 'text', 'onlinetext', 'posttext', 'body',
            'comment', 'feedback',
            'assignfeedback', 'subject', 'note', 'answer', 'responses', 'description', 'intro', 'summary', 'query', 'q',
            'search', 'searchterm',
            'password', 'newpassword', 'token', 'secret', 'sesskey', 'sessionid', 'value', 'oldvalue', 'savedconfigkey',
            'cmivalue', 'errorinfo',
        ];
        foreach ($never as $key) {
            $this->assertSame(vocabulary::NEVER, vocabulary::class_of("event.other.$key"), $key);
            $this->assertSame(vocabulary::NEVER, vocabulary::class_of("event.other.$key.a"), "under $key");
            $row = self::row(["other.$key", "other.a.$key", "other.{$key}[]", "other.$key{}"]);
            $this->assertSame([], vocabulary::allow($row, true, true)->keys, $key);
        }
        $cases = [
            'contextid', 'context', 'messageid', 'tokenid', 'contenthash', 'contenttype', 'onlinetextwordcount',
            'contentmovedcategoryid', 'commentid',
        ];
        foreach ($cases as $key) {
            $this->assertSame('', vocabulary::class_of("event.other.$key"), "$key tells of a thing");
        }
    }

    public function test_contact_data_leave_where_they_are_allowed(): void {
        $row = self::row(['other.email', 'userid', 'other.phone1'], ['user' => ['id', 'email'], 'actor' => ['email']]);
        $cut = vocabulary::allow($row, false, true);
        $this->assertSame([['userid'], ['user' => ['id']]], [$cut->keys, $cut->entities]);
        $whole = vocabulary::allow($row, true, false);
        $this->assertSame([$row->keys, $row->entities], [$whole->keys, $whole->entities]);
    }

    public function test_the_stricter_of_both_classes_decides(): void {
        $row = self::row(
            ['userid', 'other.kind', 'other.types{}', 'other.email'],
            ['course' => ['fullname', 'id'], 'user' => ['email']],
            [
                'userid' => 'special', 'other.kind' => 'contact', 'other.types' => 'unheard-of', 'other.email' => 'identifier',
                'entities.course.fullname' => 'special', 'entities.user.email' => 'identifier',
            ]
        );
        $none = vocabulary::allow($row, false, false);
        $this->assertSame([[], ['course' => ['id']]], [$none->keys, $none->entities]);
        $contact = vocabulary::allow($row, true, false);
        $this->assertSame(['other.kind', 'other.email'], $contact->keys);
        $this->assertSame(['course' => ['id'], 'user' => ['email']], $contact->entities);
        $special = vocabulary::allow($row, false, true);
        $this->assertSame([['userid'], ['course' => ['fullname', 'id']]], [$special->keys, $special->entities]);
    }

    public function test_what_is_not_in_it_is_not_read(): void {
        $row = self::row(
            [
                'userid', 'nothing', 'other', 'other.', 'other.a b', 'userid.x', 'ip', 'other.ok', 'other.list[]',
                'other.map{}', 'eventname',
            ],
            ['user' => ['id', 'password', 'firstname', 'lastip'], 'config' => ['value'], 'course' => ['summary']]
        );
        $cut = vocabulary::allow($row, true, true);
        $this->assertSame(['userid', 'other.ok', 'other.list[]', 'other.map{}', 'eventname'], $cut->keys);
        $this->assertSame(['user' => ['id']], $cut->entities);
    }

    public function test_a_condition_on_what_is_forbidden_takes_nothing(): void {
        $event = ['other' => ['message' => 'x', 'kind' => 'x']];
        $entities = ['user' => ['email' => 'x']];
        foreach (['event.other.message', 'entities.user.email'] as $field) {
            $row = self::row([], [], [], new when($field, ['x'], null));
            $this->assertTrue($row->holds($event, $entities));
            $this->assertNull(vocabulary::allow($row, false, false)->holds($event, $entities), $field);
        }
        $row = self::row([], [], ['entities.user.email' => 'contact'], new when('entities.user.email', ['x'], null));
        $this->assertTrue(vocabulary::allow($row, true, false)->holds($event, $entities), 'allowed');
        $row = self::row([], [], ['other.kind' => 'special'], new when('event.other.kind', ['x'], null));
        $this->assertNull(vocabulary::allow($row, true, false)->holds($event, $entities), 'by the row\'s own class');
    }

    public function test_a_class_holds_for_a_value_in_whatever_form_it_is_read(): void {
        $personal = ['other.a[]' => 'special', 'other.b' => 'special', 'other.c[]' => 'special'];
        $row = self::row(['other.a', 'other.b{}', 'other.c[]'], [], $personal);
        $this->assertSame([], vocabulary::allow($row, true, false)->keys);
        $this->assertSame($row->keys, vocabulary::allow($row, false, true)->keys);
    }

    public function test_a_row_whose_always_sent_key_is_forbidden_takes_nothing(): void {
        $row = self::row([], [], ['objectid' => 'special']);
        $this->assertNull(vocabulary::allow($row, true, false)->holds(['objectid' => 5], []));
        $this->assertTrue(vocabulary::allow($row, false, true)->holds(['objectid' => 5], []));
        $this->assertTrue(vocabulary::allow(self::row([], [], ['objectid' => 'performance']), false, false)->holds([], []));
    }

    public function test_the_built_in_contracts_may_read_all_that_they_read(): void {
        $file = \local_snsproducer\tests\vectors::read($this, 'cut.json');
        foreach ($file['rows'] as $told) {
            $row = row::read($told);
            $cut = vocabulary::allow($row, false, false);
            $this->assertSame([$row->keys, $row->entities], [$cut->keys, $cut->entities], $row->contract);
            $this->assertFalse($cut->when !== null && $cut->when->isforbidden, $row->contract);
        }
    }
}
