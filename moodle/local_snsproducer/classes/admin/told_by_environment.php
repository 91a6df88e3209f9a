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
 * What a setting says where an environment variable decides and not what is saved here. (Where config.php decides,
 * Moodle says so itself.)
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
trait told_by_environment {
    /**
     * The variable that decides, if it is set.
     *
     * @return string|null its name
     */
    protected function variable(): ?string {
        $name = 'LOCAL_SNSPRODUCER_' . strtoupper($this->name);
        $value = getenv($name);
        return $value === false || $value === '' ? null : $name;
    }

    /**
     * Renders the setting with the words about the variable before its description.
     *
     * @param callable $render (): string
     * @return string HTML
     */
    protected function with_origin(callable $render): string {
        $variable = $this->variable();
        if ($variable === null) {
            return $render();
        }
        $before = $this->description;
        $this->description = get_string('fromenvironment', 'local_snsproducer', $variable) . "\n\n" . $before;
        try {
            return $render();
        } finally {
            $this->description = $before;
        }
    }

    /**
     * The field.
     *
     * @param mixed $data
     * @param string $query
     * @return string HTML
     */
    public function output_html($data, $query = '') {
        return $this->with_origin(fn() => parent::output_html($data, $query));
    }
}
