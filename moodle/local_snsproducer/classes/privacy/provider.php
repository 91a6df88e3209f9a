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
use core_privacy\local\request\contextlist;
use core_privacy\local\request\core_userlist_provider;
use core_privacy\local\request\transform;
use core_privacy\local\request\userlist;
use core_privacy\local\request\writer;
use local_snsproducer\local\outbox;

/**
 * What of a person the plugin keeps and sends: events that wait in the outbox, grades that wait for their release, and what
 * the sidecar was told, which only the sidecar's `erase` can reach.
 *
 * What is kept of a person lies in the context of that person: an event that waits may speak of any place.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class provider implements
    \core_privacy\local\metadata\provider,
    \core_privacy\local\request\plugin\provider,
    core_userlist_provider {
    /** @var string Grades that wait for their release. */
    private const PENDING = 'local_snsproducer_pending';

    /** @var string Which rows of the outbox speak of a person. */
    private const OF_PERSON = 'userid = :userid OR relateduserid = :relateduserid';

    /** @var int How many rows are read at once. */
    private const CHUNK = 1000;

    /**
     * What is kept and what leaves this site.
     *
     * @param collection $collection
     * @return collection
     */
    public static function get_metadata(collection $collection): collection {
        $collection->add_external_location_link('sidecar', [
            'userid' => 'privacy:metadata:sidecar:userid',
            'identity' => 'privacy:metadata:sidecar:identity',
            'contact' => 'privacy:metadata:sidecar:contact',
            'participation' => 'privacy:metadata:sidecar:participation',
            'performance' => 'privacy:metadata:sidecar:performance',
            'special' => 'privacy:metadata:sidecar:special',
            'time' => 'privacy:metadata:sidecar:time',
        ], 'privacy:metadata:sidecar');
        $collection->add_database_table(outbox::TABLE, [
            'eventid' => 'privacy:metadata:outbox:eventid',
            'eventname' => 'privacy:metadata:outbox:eventname',
            'body' => 'privacy:metadata:outbox:body',
            'userid' => 'privacy:metadata:outbox:userid',
            'relateduserid' => 'privacy:metadata:outbox:relateduserid',
            'state' => 'privacy:metadata:outbox:state',
            'reason' => 'privacy:metadata:outbox:reason',
            'timecreated' => 'privacy:metadata:outbox:timecreated',
        ], 'privacy:metadata:outbox');
        $collection->add_database_table(self::PENDING, [
            'itemid' => 'privacy:metadata:pending:itemid',
            'userid' => 'privacy:metadata:pending:userid',
            'timecreated' => 'privacy:metadata:pending:timecreated',
            'timechecked' => 'privacy:metadata:pending:timechecked',
        ], 'privacy:metadata:pending');
        return $collection;
    }

    /**
     * The person's own context, if anything is kept.
     *
     * @param int $userid
     * @return contextlist
     */
    public static function get_contexts_for_userid(int $userid): contextlist {
        $list = new contextlist();
        if (self::keeps_of($userid)) {
            $list->add_user_context($userid);
        }
        return $list;
    }

    /**
     * The person whose context it is, if anything is kept.
     *
     * @param userlist $userlist
     */
    public static function get_users_in_context(userlist $userlist) {
        $context = $userlist->get_context();
        if ($context instanceof \context_user && self::keeps_of((int) $context->instanceid)) {
            $userlist->add_user((int) $context->instanceid);
        }
    }

    /**
     * What is kept of a person.
     *
     * @param approved_contextlist $contextlist
     */
    public static function export_user_data(approved_contextlist $contextlist) {
        global $DB;
        $userid = (int) $contextlist->get_user()->id;
        foreach ($contextlist->get_contexts() as $context) {
            if (!$context instanceof \context_user || (int) $context->instanceid !== $userid) {
                continue;
            }
            $events = [];
            foreach ($DB->get_recordset_select(outbox::TABLE, self::OF_PERSON, self::person($userid), 'id') as $row) {
                $events[] = (object) [
                    'eventid' => $row->eventid,
                    'eventname' => $row->eventname,
                    'state' => $row->state,
                    'reason' => $row->reason,
                    'timecreated' => transform::datetime($row->timecreated),
                    'isactor' => transform::yesno((int) $row->userid === $userid),
                    'body' => json_decode($row->body),
                ];
            }
            $pending = [];
            foreach ($DB->get_records(self::PENDING, ['userid' => $userid], 'id') as $row) {
                $pending[] = (object) [
                    'itemid' => (int) $row->itemid,
                    'timecreated' => transform::datetime($row->timecreated),
                    'timechecked' => $row->timechecked ? transform::datetime($row->timechecked) : null,
                ];
            }
            $name = get_string('pluginname', 'local_snsproducer');
            foreach (['outbox' => $events, 'pending' => $pending] as $what => $found) {
                if ($found) {
                    $where = [$name, get_string("privacy:path:{$what}", 'local_snsproducer')];
                    writer::with_context($context)->export_data($where, (object) ['rows' => $found]);
                }
            }
        }
    }

    /**
     * Deletes what is kept of the person whose context it is.
     *
     * @param \context $context
     */
    public static function delete_data_for_all_users_in_context(\context $context) {
        if ($context instanceof \context_user) {
            self::delete_of((int) $context->instanceid);
        }
    }

    /**
     * Deletes what is kept of a person.
     *
     * @param approved_contextlist $contextlist
     */
    public static function delete_data_for_user(approved_contextlist $contextlist) {
        $userid = (int) $contextlist->get_user()->id;
        foreach ($contextlist->get_contexts() as $context) {
            if ($context instanceof \context_user && (int) $context->instanceid === $userid) {
                self::delete_of($userid);
            }
        }
    }

    /**
     * Deletes what is kept of the person whose context it is, if it is among these.
     *
     * @param approved_userlist $userlist
     */
    public static function delete_data_for_users(approved_userlist $userlist) {
        $context = $userlist->get_context();
        $people = array_map('intval', $userlist->get_userids());
        if ($context instanceof \context_user && in_array((int) $context->instanceid, $people, true)) {
            self::delete_of((int) $context->instanceid);
        }
    }

    /**
     * Whether anything is kept of a person.
     *
     * @param int $userid
     * @return bool
     */
    private static function keeps_of(int $userid): bool {
        global $DB;
        return $DB->record_exists_select(outbox::TABLE, self::OF_PERSON, self::person($userid))
            || $DB->record_exists(self::PENDING, ['userid' => $userid]);
    }

    /**
     * Deletes what is kept of a person. An event that speaks of two goes whole: without the one it would say something else.
     * The ledger counts it as deleted by a person.
     *
     * @param int $userid
     */
    private static function delete_of(int $userid): void {
        global $DB;
        do {
            $rows = $DB->get_records_select(outbox::TABLE, self::OF_PERSON, self::person($userid), 'id', 'id', 0, self::CHUNK);
            outbox::drop(array_keys($rows));
        } while (count($rows) === self::CHUNK);
        $DB->delete_records(self::PENDING, ['userid' => $userid]);
    }

    /**
     * The parameters of OF_PERSON.
     *
     * @param int $userid
     * @return array
     */
    private static function person(int $userid): array {
        return ['userid' => $userid, 'relateduserid' => $userid];
    }
}
