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

use local_snsproducer\local\wanted\cut;
use local_snsproducer\local\wanted\row;

/**
 * An event as it goes over the wire or lies in the outbox: cut, and in its JSON form.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class envelope {
    /** @var int one form of JSON everywhere; text that is no UTF-8 must not lose an event */
    public const JSON = JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_PRESERVE_ZERO_FRACTION
        | JSON_INVALID_UTF8_SUBSTITUTE | JSON_THROW_ON_ERROR;

    /**
     * An event, cut and written.
     *
     * @param string $id
     * @param string $name
     * @param string $body
     * @param int $hour
     * @param int $timecreated
     * @param ?int $userid
     * @param ?int $relateduserid
     * @param bool $anonymous
     * @param ?int $row
     */
    public function __construct(
        /** @var string the event's id; of an anonymous event cut to the hour */
        public readonly string $id,
        /** @var string the event's name */
        public readonly string $name,
        /** @var string its JSON */
        public readonly string $body,
        /** @var int the ledger's hour, Unix seconds */
        public readonly int $hour,
        /** @var int Unix seconds; of an anonymous event the start of the hour */
        public readonly int $timecreated,
        /** @var ?int whose data is in it; null: nobody's, or it is anonymous */
        public readonly ?int $userid = null,
        /** @var ?int the other person */
        public readonly ?int $relateduserid = null,
        /** @var bool whether Moodle marks it so */
        public readonly bool $anonymous = false,
        /** @var ?int its row in the outbox, where it has one */
        public readonly ?int $row = null,
    ) {
    }

    /**
     * Cuts an event to the rows that take it and writes it.
     *
     * @param raised $raised
     * @param row[] $rows the rows of the wanted list that take it
     * @param array $entities entity => field => value
     * @param string $source the site's URL
     * @param string $etag the list's
     * @param bool $late whether its entities were read by a task long after it was raised
     * @return self
     * @throws \JsonException when it can't be written as JSON
     */
    public static function of(
        raised $raised,
        array $rows,
        array $entities,
        string $source,
        string $etag,
        bool $late = false
    ): self {
        $cut = cut::cut($rows, $raised->event, $entities);
        $anonymous = cut::is_anonymous($raised->event);
        $time = $raised->number('timecreated') ?? intdiv($raised->micros, 1000000);
        if ($anonymous) {
            $time -= $time % HOURSECS;
        }
        $envelope = [
            'specversion' => '1.0',
            'id' => $anonymous ? event_id::hour_cut($raised->id) : $raised->id,
            'source' => $source,
            'type' => $raised->name,
            'time' => gmdate('Y-m-d\TH:i:s\Z', $time),
        ];
        if (!$anonymous) {
            $envelope['raised'] = clock::rfc3339($raised->micros);
        }
        $envelope['wantedlist'] = $etag;
        if ($late) {
            $envelope['entities_late'] = true;
        }
        $envelope['data'] = ['event' => $cut['event'], 'entities' => $cut['entities']];
        // Who stands in it by a number alone, or by fields read for that number.
        $described = isset($cut['entities']->user) || isset($cut['entities']->actor);
        $person = function (string $key) use ($raised, $cut, $anonymous, $described): ?int {
            $number = $raised->number($key);
            $there = $described || property_exists($cut['event'], $key);
            return !$anonymous && $there && $number > 0 ? $number : null;
        };
        return new self(
            $envelope['id'],
            $raised->name,
            json_encode($envelope, self::JSON),
            $raised->hour(),
            $time,
            $person('userid'),
            $person('relateduserid'),
            $anonymous,
            $raised->strictrow,
        );
    }

    /**
     * An event that lies in the outbox.
     *
     * @param \stdClass $row of the outbox
     * @return self
     */
    public static function of_row(\stdClass $row): self {
        return new self(
            $row->eventid,
            $row->eventname,
            $row->body,
            (int) $row->hour,
            (int) $row->timecreated,
            row: (int) $row->id,
        );
    }

    /**
     * How many bytes it has on the wire.
     *
     * @return int
     */
    public function size(): int {
        return strlen($this->body);
    }
}
