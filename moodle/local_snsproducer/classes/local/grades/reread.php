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

use local_snsproducer\event\grade_released;

/**
 * Reads the grades that wait again, and tells those that may be seen now.
 *
 * One run at a time; each row is looked at once a run, those looked at longest ago first, so that none keeps others
 * waiting. Nothing is told that did not get its row in the outbox, in the transaction that takes the grade off the list.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class reread {
    /** Rows taken at a time. */
    private const BATCH = 500;

    /** @var int grades told */
    private int $released = 0;

    /** @var int rows of grades that are gone or have no value any more */
    private int $gone = 0;

    /** @var int rows that go on waiting */
    private int $waiting = 0;

    /** @var bool whether an event found nobody to take it: then no other will */
    private bool $untaken = false;

    /**
     * Looks at the grades that wait.
     *
     * @param float $seconds how long it may take; it ends after the batch in which that passes
     * @return array|null how many were `released`, `gone` and are `waiting` still; null where another run is at it
     */
    public static function run(float $seconds = 60.0): ?array {
        $lock = \core\lock\lock_config::get_lock_factory('local_snsproducer')->get_lock('read_grades', 0);
        if (!$lock) {
            return null;
        }
        try {
            $run = new self();
            $run->all($seconds);
            return ['released' => $run->released, 'gone' => $run->gone, 'waiting' => $run->waiting];
        } finally {
            $lock->release();
        }
    }

    /**
     * All rows that were there when this began, batch by batch.
     *
     * @param float $seconds
     */
    private function all(float $seconds): void {
        global $CFG;
        require_once($CFG->libdir . '/gradelib.php');
        // Rows written in this very second are left to the next run: their request may not be through.
        $start = time();
        $end = microtime(true) + $seconds;
        do {
            $rows = pending::oldest($start, self::BATCH);
            // Noted first: a row on which this fails is then behind all others.
            pending::checked(array_keys($rows), time());
            $this->batch($rows);
        } while (count($rows) === self::BATCH && !$this->untaken && microtime(true) < $end);
    }

    /**
     * Some rows, item by item.
     *
     * @param \stdClass[] $rows
     */
    private function batch(array $rows): void {
        $byitem = [];
        foreach ($rows as $row) {
            $byitem[(int)$row->itemid][(int)$row->id] = (int)$row->userid;
        }
        $release = new release();
        $items = [];
        foreach ($byitem as $itemid => $userids) {
            $items[$itemid] = \grade_item::fetch(['id' => $itemid]) ?: null;
            if ($items[$itemid] !== null) {
                $release->expect((int)$items[$itemid]->courseid, array_values($userids));
            }
        }
        foreach ($byitem as $itemid => $userids) {
            try {
                $this->item($items[$itemid], $userids, $release);
            } catch (\Throwable $e) {
                $this->waiting += count($userids);
                debugging("local_snsproducer: grades of item {$itemid} could not be read: " . get_class($e), DEBUG_DEVELOPER);
            }
            if ($this->untaken) {
                return;
            }
        }
    }

    /**
     * The rows of one item.
     *
     * @param \grade_item|null $item
     * @param int[] $userids row id → userid
     * @param release $release
     */
    private function item(?\grade_item $item, array $userids, release $release): void {
        $gone = [];
        $grades = $item === null ? [] : \grade_grade::fetch_users_grades($item, array_values($userids), false);
        foreach ($userids as $rowid => $userid) {
            $grade = $grades[$userid] ?? null;
            if ($grade === null || $grade->finalgrade === null) {
                $gone[] = $rowid;
                continue;
            }
            $grade->grade_item = $item;
            $what = $release->is_released($grade) === true ? $this->tell($rowid, (int)$item->id, $userid) : 'waiting';
            $this->$what++;
            if ($this->untaken) {
                break;
            }
        }
        pending::forget($gone);
        $this->gone += count($gone);
    }

    /**
     * Tells one grade, as it is now, in the transaction that takes it off the list.
     *
     * @param int $rowid
     * @param int $itemid
     * @param int $userid
     * @return string what became of it: released, gone or waiting
     */
    private function tell(int $rowid, int $itemid, int $userid): string {
        global $DB;
        $transaction = $DB->start_delegated_transaction();
        try {
            // Deleted first: who remembers this grade anew waits here, and what is read next is the newest.
            pending::forget([$rowid]);
            $item = \grade_item::fetch(['id' => $itemid]);
            $grade = $item ? \grade_grade::fetch(['itemid' => $itemid, 'userid' => $userid]) : false;
            $there = $grade && $grade->finalgrade !== null;
            if ($there) {
                $grade->grade_item = $item;
                if ((new release())->is_released($grade) !== true) {
                    throw new not_now('hidden again');
                }
                $before = self::in_outbox($userid);
                grade_released::create_from_grade($grade)->trigger();
                if (self::in_outbox($userid) <= $before) {
                    $this->untaken = true;
                    throw new not_now('nobody took the event');
                }
            }
            $transaction->allow_commit();
            return $there ? 'released' : 'gone';
        } catch (\Throwable $e) {
            try {
                $transaction->rollback($e);
            } catch (not_now $same) {
                return 'waiting';
            } catch (\Throwable $same) {
                debugging('local_snsproducer: a grade could not be told: ' . get_class($same), DEBUG_DEVELOPER);
            }
            return 'waiting';
        }
    }

    /**
     * How many released grades of a person lie in the outbox.
     *
     * @param int $userid
     * @return int
     */
    private static function in_outbox(int $userid): int {
        global $DB;
        return $DB->count_records('local_snsproducer_outbox', [
            'eventname' => '\\' . grade_released::class,
            'relateduserid' => $userid,
        ]);
    }
}
