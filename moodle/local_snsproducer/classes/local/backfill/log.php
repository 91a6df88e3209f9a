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

namespace local_snsproducer\local\backfill;

/**
 * Past events, from one of Moodle's log stores, in the order of their times.
 *
 * They are read by Moodle's log API only, a page at a time: between two pages nothing is open, so that sending may take as
 * long as it takes. Where to go on is the pair (time, row) of the last one read: the log's index is on the time, and rows
 * are not in the order of time where a long process wrote its events at its end.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class log {
    /**
     * A log store.
     *
     * @param string $store its name, such as `logstore_standard`
     * @param \core\log\sql_reader $reader
     */
    public function __construct(
        /** @var string Its name: part of the ids of events that were read from it. */
        public readonly string $store,
        /** @var \core\log\sql_reader Moodle's reader. */
        public readonly \core\log\sql_reader $reader,
    ) {
    }

    /**
     * Finds a log store that can be read.
     *
     * @param string $store its name; empty: the first
     * @return self|null null: there is none, see {@see self::none()}
     */
    public static function open(string $store = ''): ?self {
        foreach (get_log_manager()->get_readers('\core\log\sql_reader') as $name => $reader) {
            if ($store === '' || $store === $name) {
                return new self($name, $reader);
            }
        }
        return null;
    }

    /**
     * Why there is none.
     *
     * @param string $store as it was asked for
     * @return string
     */
    public static function none(string $store): string {
        $names = array_keys(get_log_manager()->get_readers('\core\log\sql_reader'));
        return match (true) {
            $names === [] => 'no log store that can be read is enabled: Site administration, Plugins, Logging, Manage log stores',
            default => "there is no log store $store that can be read; there is " . implode(', ', $names),
        };
    }

    /**
     * One page of events, oldest first.
     *
     * @param string[] $names the events' names, with their leading backslash
     * @param int $since Unix seconds
     * @param int $until Unix seconds, exclusive
     * @param array|null $after [time, row] of the last one that was read; null: from the beginning
     * @param int $most how many rows at most
     * @return array[] lists of `row` (int), `event` (as get_data() gives it) and `extra` (as get_logextra() gives it)
     */
    public function page(array $names, int $since, int $until, ?array $after, int $most): array {
        global $DB;
        if ($names === [] || $since >= $until) {
            return [];
        }
        [$in, $params] = $DB->get_in_or_equal($names, SQL_PARAMS_NAMED, 'name');
        $params += ['since' => $since, 'until' => $until];
        $where = "eventname $in AND timecreated >= :since AND timecreated < :until";
        if ($after !== null) {
            $where .= ' AND (timecreated > :aftertime OR id > :afterrow)';
            $params['since'] = max($since, $after[0]);
            $params += ['aftertime' => $after[0], 'afterrow' => $after[1]];
        }
        $rows = [];
        // Each store adds the id to this order.
        $events = $this->reader->get_events_select_iterator($where, $params, 'timecreated ASC', 0, $most);
        foreach ($events as $id => $event) {
            // A row that Moodle itself doesn't take for an event any more still has to be passed.
            $rows[] = [
                'row' => (int)$id,
                'event' => $event ? $event->get_data() : null,
                'extra' => $event ? (array)$event->get_logextra() : [],
            ];
        }
        if (method_exists($events, 'close')) {
            $events->close();
        }
        return $rows;
    }
}
