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
 * The person affected (`user`), the one who did it (`actor`), and how (`request`).
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class people implements family {
    /** Events whose person affected is the one who did it. */
    private const BY_USERID = [
        '\mod_assign\event\assessable_submitted' => true,
        '\mod_lti\event\course_module_viewed' => true,
    ];

    /** Events that are about an account. */
    private const BY_OBJECTID = [
        '\core\event\user_created' => true,
        '\core\event\user_updated' => true,
        '\core\event\user_deleted' => true,
    ];

    /**
     * Reads people.
     *
     * @param cache $cache
     */
    public function __construct(
        /** @var cache what is known already */
        private readonly cache $cache,
    ) {
    }

    #[\Override]
    public function read(string $entity, raised $r): ?array {
        if ($entity === 'request') {
            return ['origin' => $r->logextra['origin'] ?? null, 'realuserid' => $r->logextra['realuserid'] ?? null];
        }
        $id = $entity === 'actor' ? self::actor_id($r) : self::user_id($r);
        return $id === null ? null : $this->person($id, $r);
    }

    /**
     * Whom an event is about.
     *
     * @param raised $r
     * @return int|null null: nobody (0 and -1 are no people)
     */
    public static function user_id(raised $r): ?int {
        $id = match (true) {
            isset(self::BY_OBJECTID[$r->name]) => $r->event['objectid'] ?? null,
            !empty($r->event['relateduserid']) => $r->event['relateduserid'],
            isset(self::BY_USERID[$r->name]) => $r->event['userid'] ?? null,
            default => null,
        };
        return (int)$id > 0 ? (int)$id : null;
    }

    /**
     * Who did it.
     *
     * @param raised $r
     * @return int|null null: nobody, Moodle itself did
     */
    public static function actor_id(raised $r): ?int {
        $id = (int)($r->event['userid'] ?? 0);
        return $id > 0 ? $id : null;
    }

    /**
     * A person, read together with those of all events of the same name.
     *
     * @param int $id
     * @param raised $r the event that asks
     * @return array|null
     */
    private function person(int $id, raised $r): ?array {
        return $this->cache->get('person', $id, function () use ($id, $r): ?array {
            $ids = [$id => $id];
            foreach ($this->cache->named($r->name) as $other) {
                foreach ([self::user_id($other), self::actor_id($other)] as $also) {
                    if ($also !== null && !$this->cache->has('person', $also) && count($ids) < cache::MANY) {
                        $ids[$also] = $also;
                    }
                }
            }
            self::keep($this->cache, $ids);
            return $this->cache->get('person', $id, fn() => null);
        });
    }

    /**
     * Reads people in one query and keeps them.
     *
     * @param cache $cache
     * @param int[] $ids
     */
    private static function keep(cache $cache, array $ids): void {
        global $CFG;
        require_once($CFG->dirroot . '/user/lib.php');
        $found = user_get_users_by_id(array_values($ids));
        foreach ($ids as $id) {
            $cache->put('person', $id, isset($found[$id]) ? shape::of('user', $found[$id]) : null);
        }
    }
}
