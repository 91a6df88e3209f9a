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

use local_snsproducer\local\not_usable;
use local_snsproducer\local\secret;
use local_snsproducer\local\status;

/**
 * A setting for a secret that is never shown again: only its fingerprint is, to be compared with the sidecar's.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class secret_setting extends \admin_setting_encryptedpassword {
    use told_by_environment;

    /**
     * Keeps the secret, encrypted, if it is one.
     *
     * @param mixed $data
     * @return string empty, or what is wrong in words that never hold the text
     */
    public function write_setting($data) {
        $data = trim((string) $data);
        if ($data !== '') {
            try {
                secret::parse($data);
            } catch (not_usable $fault) {
                return get_string('secret_bad', 'local_snsproducer', status::words($fault));
            }
        }
        try {
            return parent::write_setting($data);
        } catch (\moodle_exception $fault) {
            // Moodle's key for encryption can't be made or read: its words name the file, never the secret.
            return $fault->getMessage();
        }
    }

    /**
     * That it changed is logged; neither what it was nor what it is, encrypted or not.
     *
     * @param string $name
     * @param mixed $oldvalue
     * @param mixed $value
     */
    protected function add_to_config_log($name, $oldvalue, $value) {
        $hidden = static fn($text): string => ($text === null || $text === '') ? '' : '********';
        parent::add_to_config_log($name, $hidden($oldvalue), $hidden($value));
    }

    /**
     * The field, with the fingerprint of what is in force.
     *
     * @param mixed $data
     * @param string $query
     * @return string HTML
     */
    public function output_html($data, $query = '') {
        $which = $this->name === 'secret' ? 'current' : 'next';
        $print = (new status())->fingerprints()[$which] ?? null;
        $told = match (true) {
            $print === null => get_string('fingerprint_none', 'local_snsproducer'),
            $print === '' => get_string('fingerprint_bad', 'local_snsproducer'),
            default => get_string('fingerprint_is', 'local_snsproducer', $print),
        };
        $before = $this->description;
        $this->description = $told . "\n\n" . $before;
        try {
            return $this->with_origin(fn() => parent::output_html($data, $query));
        } finally {
            $this->description = $before;
        }
    }
}
