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

namespace local_snsproducer\check;

use core\check\result;

/**
 * Whether the plugin's tasks run: without them no list is fetched and the outbox is not emptied.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class cron extends base {
    /** @var int A task of each minute that hasn't run for so many seconds isn't running. */
    private const LATE = 600;

    /** @var string[] The tasks of each minute. */
    private const MINUTELY = ['fetch_wanted', 'drain_outbox'];

    /**
     * Where tasks are shown.
     *
     * @return \action_link|null
     */
    public function get_action_link(): ?\action_link {
        $url = new \moodle_url('/admin/tool/task/scheduledtasks.php');
        return new \action_link($url, get_string('scheduledtasks', 'tool_task'));
    }

    /**
     * What is found.
     *
     * @return result
     */
    protected function judge(): result {
        if ($idle = $this->idle()) {
            return $idle;
        }
        $tasks = $this->status->cron();
        $named = static fn(array $some): string => implode(', ', array_map('s', array_keys($some)));
        if ($disabled = array_filter($tasks, static fn($task) => $task['disabled'])) {
            return $this->say(result::ERROR, 'disabled', $named($disabled));
        }
        if ($failing = array_filter($tasks, static fn($task) => $task['failing'])) {
            return $this->say(result::ERROR, 'failing', $named($failing));
        }
        $last = min(array_map(static fn($name) => $tasks[$name]['last'] ?? 0, self::MINUTELY));
        return match (true) {
            $last === 0 => $this->say(result::ERROR, 'never'),
            $last < time() - self::LATE => $this->say(result::ERROR, 'late', format_time(time() - $last)),
            default => $this->say(result::OK, 'ok'),
        };
    }
}
