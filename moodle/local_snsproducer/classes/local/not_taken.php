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

use local_snsproducer\local\grades\pending;

/**
 * What is done with an event that no row of the wanted list takes.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class not_taken {
    /** @var string a grade's event */
    private const GRADED = '\core\event\user_graded';

    /**
     * Counts it; a grade that was not told is remembered, because nothing announces its release.
     *
     * @param raised $raised
     * @param choice $choice
     * @param tally $tally
     */
    public static function count(raised $raised, choice $choice, tally $tally): void {
        if ($raised->name === self::GRADED) {
            $other = $raised->event['other'] ?? null;
            pending::remember((int) ($other['itemid'] ?? 0), $raised->number('relateduserid') ?? 0);
        }
        $tally->add($raised->hour(), $raised->name, 'not_taken');
        if ($choice->unknown) {
            $tally->add($raised->hour(), $raised->name, 'when_unknown');
        }
    }
}
