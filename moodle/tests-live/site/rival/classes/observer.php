<?php
// This file is part of the live suite of moodle-sns-producer.
//
// It is free software: you can redistribute it and/or modify it under the terms of the GNU General Public
// License as published by the Free Software Foundation, either version 3 of the License, or (at your option)
// any later version. It is distributed without any warranty.

/**
 * Posts each wanted event at once, and waits for the answer.
 *
 * @package    local_rival
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

namespace local_rival;

/**
 * As many bridges do it: in the observer, one call an event. It asks the same question of the event's name as the
 * plugin does, so that the difference is the way of sending.
 */
final class observer {
    /**
     * Sends.
     *
     * @param \core\event\base $event
     */
    public static function event(\core\event\base $event): void {
        global $CFG;
        if (empty($CFG->local_rival_url) || !in_array($event->eventname, $CFG->local_rival_events, true)) {
            return;
        }
        $curl = curl_init($CFG->local_rival_url);
        curl_setopt_array($curl, [CURLOPT_POST => true, CURLOPT_POSTFIELDS => json_encode($event->get_data()),
            CURLOPT_HTTPHEADER => ['Content-Type: application/json', 'Expect:'], CURLOPT_RETURNTRANSFER => true,
            CURLOPT_TIMEOUT_MS => 10000, CURLOPT_PROXY => '']);
        curl_exec($curl);
        curl_close($curl);
    }
}
