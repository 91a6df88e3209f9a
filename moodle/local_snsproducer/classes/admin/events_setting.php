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
 * A setting for names of events, one a line. A name that no plugin here has is refused: a typo would promise
 * something that never happens.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class events_setting extends \admin_setting_configtextarea {
    /** @var int The most names that are taken: each is looked at in every event's observer. */
    private const MOST = 200;

    /**
     * Makes the setting.
     *
     * @param string $name
     * @param string $visiblename
     * @param string $description
     */
    public function __construct(string $name, string $visiblename, string $description) {
        parent::__construct($name, $visiblename, $description, '', PARAM_RAW_TRIMMED, 30, 6);
    }

    /**
     * The names in a text: one a line, in the order written, each once.
     *
     * @param string $text
     * @return string[]
     */
    public static function names(string $text): array {
        $lines = array_map('trim', preg_split('/\R/', $text) ?: []);
        return array_values(array_unique(array_filter($lines, static fn($line) => $line !== '')));
    }

    /**
     * Whether each line names an event of this Moodle.
     *
     * @param string $data
     * @return true|string what is wrong, in words
     */
    public function validate($data) {
        $names = self::names((string) $data);
        if (count($names) > self::MOST) {
            return get_string('strict_many', 'local_snsproducer', self::MOST);
        }
        foreach ($names as $name) {
            if (!preg_match('/^\\\\[a-z0-9_]+\\\\event\\\\[a-z0-9_]+$/D', $name)) {
                return get_string('strict_form', 'local_snsproducer', $name);
            }
            if (!is_subclass_of($name, \core\event\base::class)) {
                return get_string('strict_unknown', 'local_snsproducer', $name);
            }
        }
        return true;
    }

    /**
     * Keeps the names, tidied.
     *
     * @param mixed $data
     * @return string empty, or what is wrong in words
     */
    public function write_setting($data) {
        return parent::write_setting(implode("\n", self::names((string) $data)));
    }
}
