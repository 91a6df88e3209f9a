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

/**
 * Which spool of a sidecar took our events. A source has one spool; when the answers come from another one, somebody
 * began anew, or two sidecars answer under one address.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class spool {
    /**
     * Notes the spool of an answer.
     *
     * State `spool` is the one that is known, `spool_other` the one that answered since: a person has to say that it is
     * right (accept()).
     *
     * @param ?string $id null: there was no answer
     */
    public static function seen(?string $id): void {
        if ($id === null) {
            return;
        }
        $known = state::several(['spool', 'spool_other']);
        if (!isset($known['spool'])) {
            state::set('spool', $id);
        } else if ($known['spool'] !== $id && ($known['spool_other'] ?? null) !== $id) {
            state::set('spool_other', $id);
        }
    }

    /**
     * The spool that answered although another one is known.
     *
     * @return ?string null: all is well
     */
    public static function other(): ?string {
        return state::get('spool_other');
    }

    /**
     * Says that the other spool is the right one from now on.
     */
    public static function accept(): void {
        $other = self::other();
        if ($other !== null) {
            state::set('spool', $other);
            state::set('spool_other', null);
        }
    }
}
