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

namespace local_snsproducer\admin;

/**
 * A setting for a whole number between two bounds.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class within_setting extends \admin_setting_configtext {
    /**
     * Makes the setting.
     *
     * @param string $name
     * @param string $visiblename
     * @param string $description
     * @param int $default
     * @param int $least the least that is taken
     * @param int $most the most that is taken
     */
    public function __construct(
        string $name,
        string $visiblename,
        string $description,
        int $default,
        /** @var int the least that is taken */
        private readonly int $least,
        /** @var int the most that is taken */
        private readonly int $most
    ) {
        parent::__construct($name, $visiblename, $description, $default, PARAM_RAW_TRIMMED, 8);
    }

    /**
     * Whether it is a whole number within the bounds.
     *
     * @param string $data
     * @return true|string what is wrong, in words
     */
    public function validate($data) {
        $data = trim((string) $data);
        if (preg_match('/^[0-9]{1,9}$/D', $data) && (int) $data >= $this->least && (int) $data <= $this->most) {
            return true;
        }
        return get_string('within_bad', 'local_snsproducer', ['least' => $this->least, 'most' => $this->most]);
    }

    /**
     * Keeps it without the spaces around it.
     *
     * @param mixed $data
     * @return string empty, or what is wrong in words
     */
    public function write_setting($data) {
        return parent::write_setting(trim((string) $data));
    }
}
