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

namespace local_snsproducer\output;

use local_snsproducer\local\pages;
use local_snsproducer\local\status;

/**
 * Which site is connected, and what can be done about it.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class connect implements \renderable, \templatable {
    /**
     * Makes the page.
     *
     * @param status $status the facts
     */
    public function __construct(
        /** @var status The facts. */
        private readonly status $status
    ) {
    }

    /**
     * What the template needs.
     *
     * @param \renderer_base $output
     * @return array
     */
    public function export_for_template(\renderer_base $output): array {
        $site = $this->status->site();
        $case = match (true) {
            $site['copy'] => 'copy',
            !$site['configured'] && !$site['connected'] => 'notset',
            !$site['connected'] => 'ready',
            default => 'connected',
        };
        $kind = match ($case) {
            'copy' => 'warning',
            'connected' => 'success',
            default => 'info',
        };
        $a = array_map('s', array_filter($site, 'is_string'));
        $buttons = match ($case) {
            'notset' => [],
            'ready' => [$this->button('connect', get_string('connect_here', 'local_snsproducer', $site['wwwroot']), true)],
            'copy' => [
                $this->button('disconnect', get_string('connect_iscopy', 'local_snsproducer'), true),
                $this->button('connect', get_string('connect_moved', 'local_snsproducer', $site['wwwroot']), false),
            ],
            'connected' => [$this->button('disconnect', get_string('disconnect', 'local_snsproducer'), false)],
        };
        return [
            'notice' => $output->notification(get_string("connect_{$case}", 'local_snsproducer', $a), $kind, false),
            'words' => get_string("connect_{$case}_words", 'local_snsproducer', $site),
            'buttons' => array_map(static fn($button) => $output->render($button), $buttons),
            'settingsurl' => $case === 'notset' ? pages::url('settings')->out(false) : '',
            'testurl' => $case === 'connected' ? pages::url('test')->out(false) : '',
        ];
    }

    /**
     * A button that does something.
     *
     * @param string $action
     * @param string $words
     * @param bool $first whether it is what is most likely meant
     * @return \single_button
     */
    private function button(string $action, string $words, bool $first): \single_button {
        $type = $first ? \single_button::BUTTON_PRIMARY : \single_button::BUTTON_SECONDARY;
        // Disconnecting asks once more, so that step changes nothing.
        return new \single_button(pages::url('connect', ['action' => $action]), $words, 'post', $type);
    }
}
