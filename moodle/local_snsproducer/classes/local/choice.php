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

use local_snsproducer\local\entities\reader;
use local_snsproducer\local\wanted\cut;
use local_snsproducer\local\wanted\row;

/**
 * Which rows of the wanted list take an event, decided with no more read than they ask for.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class choice {
    /**
     * What was decided.
     *
     * @param row[] $rows
     * @param array $entities
     * @param bool $unknown
     */
    private function __construct(
        /** @var row[] those that take it; none: it does not leave Moodle */
        public readonly array $rows,
        /** @var array entity => field => value, read for it */
        public readonly array $entities,
        /** @var bool whether a row did not take it because what its condition asks for isn't known */
        public readonly bool $unknown,
    ) {
    }

    /**
     * Decides for one event.
     *
     * @param row[] $rows the rows of the wanted list for events of its name
     * @param raised $raised
     * @param reader $reader
     * @param raised[] $all all events of the same flush, which may lend it what is gone by now
     * @return self
     */
    public static function of(array $rows, raised $raised, reader $reader, array $all): self {
        $open = self::open($rows, $raised);
        $fields = [];
        foreach ($open as $row) {
            foreach ($row->entities as $entity => $some) {
                $fields[$entity] = array_values(array_unique(array_merge($fields[$entity] ?? [], $some)));
            }
        }
        $entities = $fields ? $reader->read($raised, $fields, $all) : [];
        $taken = cut::take($open, $raised->event, $entities);
        return new self($taken['rows'], $entities, $taken['unknown'] > 0);
    }

    /**
     * The rows that may take an event by what it says itself.
     *
     * @param row[] $rows the rows of the wanted list for events of its name
     * @param raised $raised
     * @return row[]
     */
    public static function open(array $rows, raised $raised): array {
        // Only a clear no says no: what a condition asks for may be an entity's, and not read yet.
        return array_values(array_filter(
            $rows,
            fn(row $row) => $row->holds($raised->event, $raised->held) !== false,
        ));
    }
}
