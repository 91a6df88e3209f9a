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

namespace local_snsproducer\local;

/**
 * The pages of the plugin: where they are and who may open them.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class pages {
    /** @var string[] Name of a page => the capability that opens it, in the order of the menu. */
    public const ALL = [
        'overview' => 'local/snsproducer:view',
        'connect' => 'local/snsproducer:manage',
        'test' => 'local/snsproducer:manage',
        'preview' => 'local/snsproducer:viewbody',
        'outbox' => 'local/snsproducer:view',
    ];

    /**
     * Where a page is.
     *
     * @param string $page one of the keys of ALL, or `settings`
     * @param array $parameters of its address
     * @return \moodle_url
     */
    public static function url(string $page, array $parameters = []): \moodle_url {
        return match ($page) {
            'settings' => new \moodle_url('/admin/settings.php', ['section' => 'local_snsproducer'] + $parameters),
            'overview' => new \moodle_url('/local/snsproducer/index.php', $parameters),
            default => new \moodle_url("/local/snsproducer/{$page}.php", $parameters),
        };
    }

    /**
     * A link to a page as a check or a step offers it.
     *
     * @param string $page one of the keys of ALL, or `settings`
     * @return \action_link
     */
    public static function link(string $page): \action_link {
        $name = $page === 'settings' ? get_string('settings', 'local_snsproducer') : get_string("page{$page}", 'local_snsproducer');
        return new \action_link(self::url($page), $name);
    }
}
