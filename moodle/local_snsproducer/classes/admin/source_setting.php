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
 * The setting that says under which name the sidecar knows this site.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class source_setting extends \admin_setting_configtext {
    use told_by_environment;

    /**
     * Makes the setting.
     *
     * @param string $name
     * @param string $visiblename
     * @param string $description
     */
    public function __construct(string $name, string $visiblename, string $description) {
        parent::__construct($name, $visiblename, $description, '', PARAM_RAW_TRIMMED, 24);
    }

    /**
     * Whether the sidecar could have a source of this key.
     *
     * @param string $data
     * @return true|string what is wrong, in words
     */
    public function validate($data) {
        $data = trim((string) $data);
        if ($data === '' || preg_match('/^[a-z0-9][a-z0-9_-]{0,31}$/D', $data)) {
            return true;
        }
        return get_string('sourcekey_bad', 'local_snsproducer');
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
