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

use local_snsproducer\local\endpoint;
use local_snsproducer\local\not_usable;
use local_snsproducer\local\status;

/**
 * The setting that says where the sidecar is: refused while it is being saved where it can't work, in words that
 * say what can.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class endpoint_setting extends \admin_setting_configtext {
    use told_by_environment;

    /**
     * Makes the setting; its default is empty: nothing is sent before somebody says where to.
     *
     * @param string $name
     * @param string $visiblename
     * @param string $description
     */
    public function __construct(string $name, string $visiblename, string $description) {
        parent::__construct($name, $visiblename, $description, '', PARAM_RAW_TRIMMED, 30);
    }

    /**
     * Whether it can be the sidecar's address.
     *
     * @param string $data
     * @return true|string what is wrong, in words
     */
    public function validate($data) {
        $data = trim((string) $data);
        if ($data === '') {
            return true;
        }
        try {
            endpoint::parse($data, $this->plaintext_allowed());
        } catch (not_usable $fault) {
            return get_string('endpoint_bad', 'local_snsproducer', status::words($fault));
        }
        return true;
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

    /**
     * Whether plain HTTP to another machine is allowed: by the very form that is being saved, where it says so.
     *
     * @return bool
     */
    private function plaintext_allowed(): bool {
        $form = (array) data_submitted();
        return (bool) ($form['s_local_snsproducer_plaintext'] ?? get_config('local_snsproducer', 'plaintext'));
    }
}
