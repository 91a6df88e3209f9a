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

use local_snsproducer\event\grade_released;
use local_snsproducer\local\grades\pending;
use local_snsproducer\local\wanted\row;

/**
 * What is done with an event that no row of the wanted list takes.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class not_taken {
    /** @var array events of a grade, by their names */
    private const GRADED = ['\core\event\user_graded' => true, '\\' . grade_released::class => true];

    /** @var string what a row asks that tells only grades whose person may see them */
    private const RELEASED = 'entities.grade.released';

    /**
     * Remembers a grade that a row did not take because its person may not see it yet, or because that is not known:
     * nothing announces its release. Another row may have taken it all the same.
     *
     * @param row[] $rows the rows of the wanted list for events of its name
     * @param raised $raised
     * @param choice $choice
     */
    public static function remember(array $rows, raised $raised, choice $choice): void {
        if (!isset(self::GRADED[$raised->name])) {
            return;
        }
        foreach ($rows as $row) {
            if ($row->when?->field === self::RELEASED && !in_array($row, $choice->rows, true)) {
                $other = $raised->event['other'] ?? null;
                pending::remember((int) ($other['itemid'] ?? 0), $raised->number('relateduserid') ?? 0);
                return;
            }
        }
    }

    /**
     * Counts it.
     *
     * @param raised $raised
     * @param choice $choice
     * @param tally $tally
     */
    public static function count(raised $raised, choice $choice, tally $tally): void {
        $tally->add($raised->hour(), $raised->name, 'not_taken');
        if ($choice->unknown) {
            $tally->add($raised->hour(), $raised->name, 'when_unknown');
        }
    }
}
