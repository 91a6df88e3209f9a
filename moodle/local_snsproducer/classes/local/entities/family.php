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

namespace local_snsproducer\local\entities;

use local_snsproducer\local\raised;

/**
 * Entities that are read in the same way.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
interface family {
    /**
     * Reads one entity of an event.
     *
     * @param string $entity the entity's name
     * @param raised $r the event; a held entity never comes here
     * @return array|null field → value: all that is known of it; null where it can't be read or doesn't apply
     * @throws \Throwable where Moodle does: the reader leaves the entity out
     */
    public function read(string $entity, raised $r): ?array;
}
