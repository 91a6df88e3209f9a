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

use core\check\check;
use core\check\result;
use local_snsproducer\local\pages;
use local_snsproducer\local\status;

/**
 * What the checks have in common: they look at one set of facts, say in words what is wrong and what to do, link to where it
 * is done, and never throw: a status page that breaks shows nothing at all.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
abstract class base extends check {
    /** @var string The page where the cure is. */
    protected const CURE = 'overview';

    /** @var status The facts, looked up once for all checks of a page. */
    protected readonly status $status;

    /**
     * Makes the check.
     *
     * @param status|null $status the facts; null: what is so now
     */
    final public function __construct(?status $status = null) {
        $this->status = $status ?? new status();
    }

    /**
     * Where the cure is.
     *
     * @return \action_link|null
     */
    public function get_action_link(): ?\action_link {
        return pages::link(static::CURE);
    }

    /**
     * What is found. Never throws.
     *
     * @return result
     */
    final public function get_result(): result {
        try {
            return $this->judge();
        } catch (\Throwable $fault) {
            return new result(
                result::UNKNOWN,
                get_string('check_unknown', 'local_snsproducer'),
                get_string('check_unknown_details', 'local_snsproducer', s(get_class($fault)))
            );
        }
    }

    /**
     * What is found.
     *
     * @return result
     */
    abstract protected function judge(): result;

    /**
     * A result in this check's own words: string `check<id>_<case>`, and `check<id>_<case>_details` where there is one.
     *
     * @param string $status one of result's
     * @param string $case
     * @param mixed $a for the words; texts from outside must be escaped
     * @return result
     */
    protected function say(string $status, string $case, mixed $a = null): result {
        $name = $this->get_id() . '_' . $case;
        $details = get_string_manager()->string_exists("check{$name}_details", 'local_snsproducer')
            ? get_string("check{$name}_details", 'local_snsproducer', $a) : '';
        return new result($status, get_string("check{$name}", 'local_snsproducer', $a), $details);
    }

    /**
     * What is said where nothing is sent anyway, so that there is nothing to check.
     *
     * @return result|null null: there is something to check
     */
    protected function idle(): ?result {
        return $this->status->site()['armed'] ? null : new result(result::NA, get_string('check_idle', 'local_snsproducer'));
    }
}
