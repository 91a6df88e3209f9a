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
use local_snsproducer\local\state;
use local_snsproducer\local\waiting;

/**
 * The outbox: what waits and why, and what can be done about it.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class outbox implements \renderable, \templatable {
    /** @var int Rows of a page. */
    private const PER_PAGE = 50;

    /**
     * Makes the page.
     *
     * @param waiting $choice which rows are listed
     * @param int $page which page of them, from 0
     */
    public function __construct(
        /** @var waiting Which rows are listed. */
        private readonly waiting $choice,
        /** @var int Which page of them, from 0. */
        private readonly int $page
    ) {
    }

    /**
     * What the template needs.
     *
     * @param \renderer_base $output
     * @return array
     */
    public function export_for_template(\renderer_base $output): array {
        $context = \context_system::instance();
        $manages = has_capability('local/snsproducer:manage', $context);
        $groups = waiting::groups();
        $total = $this->choice->count();
        $page = max(0, min($this->page, intdiv(max(0, $total - 1), self::PER_PAGE)));
        $filter = array_filter(['state' => $this->choice->state, 'eventname' => $this->choice->eventname]);
        $url = pages::url('outbox', $filter);
        return [
            'words' => $groups === [] ? get_string('outbox_empty', 'local_snsproducer') : '',
            'groups' => $this->groups($groups),
            'sendbutton' => $manages && $groups !== [] ? $output->render(new \single_button(
                pages::url('outbox', ['action' => 'send']),
                get_string('sendnow', 'local_snsproducer'),
                'post',
                \single_button::BUTTON_PRIMARY
            )) : '',
            'uninstallbutton' => $manages && $groups !== [] ? $output->render($this->uninstall_button()) : '',
            'manages' => $manages,
            'isany' => $groups !== [],
            'formurl' => pages::url('outbox')->out(false),
            'sesskey' => sesskey(),
            'state' => $this->choice->state,
            'eventname' => $this->choice->eventname,
            'states' => $this->options(waiting::STATES, $this->choice->state, true),
            'names' => $this->options($groups === [] ? [] : waiting::names(), $this->choice->eventname, false),
            'rows' => $this->rows($page, has_capability('local/snsproducer:viewbody', $context)),
            'total' => $total,
            'paging' => $output->paging_bar($total, $page, self::PER_PAGE, $url),
        ];
    }

    /**
     * The counts by state, event and reason.
     *
     * @param \stdClass[] $groups
     * @return array
     */
    private function groups(array $groups): array {
        global $CFG;
        return array_map(fn(\stdClass $group) => [
            'state' => get_string("state{$group->state}", 'local_snsproducer'),
            'eventname' => $group->eventname,
            'url' => pages::url('outbox', ['state' => $group->state, 'eventname' => $group->eventname])->out(false),
            'reason' => (string) $group->reason,
            'address' => $group->wwwroot === $CFG->wwwroot ? '' : $group->wwwroot,
            'n' => (int) $group->n,
            'oldest' => get_string('ago', 'local_snsproducer', format_time(max(1, time() - (int) $group->oldest))),
        ], $groups);
    }

    /**
     * The listed rows.
     *
     * @param int $page
     * @param bool $readsbodies whether the reader may see what is in them
     * @return array
     */
    private function rows(int $page, bool $readsbodies): array {
        global $CFG;
        return array_map(fn(\stdClass $row) => [
            'id' => (int) $row->id,
            'eventid' => $row->eventid,
            'eventname' => $row->eventname,
            'raised' => userdate($row->timecreated, get_string('strftimedatetimeshort', 'langconfig')),
            'state' => get_string("state{$row->state}", 'local_snsproducer'),
            'reason' => (string) $row->reason,
            'address' => $row->wwwroot === $CFG->wwwroot ? '' : $row->wwwroot,
            'url' => $readsbodies ? pages::url('outbox', ['id' => $row->id])->out(false) : '',
        ], $this->choice->rows($page * self::PER_PAGE, self::PER_PAGE));
    }

    /**
     * What can be chosen in a list.
     *
     * @param string[] $values
     * @param string $chosen
     * @param bool $arestates whether they are shown by their word
     * @return array
     */
    private function options(array $values, string $chosen, bool $arestates): array {
        return array_map(static fn(string $value) => [
            'value' => $value,
            'text' => $arestates ? get_string("state{$value}", 'local_snsproducer') : $value,
            'selected' => $value === $chosen,
        ], $values);
    }

    /**
     * Allows to uninstall the plugin although something waits, or takes that back.
     *
     * @return \single_button
     */
    private function uninstall_button(): \single_button {
        $isallowed = state::get('allow_uninstall') === '1';
        return new \single_button(
            pages::url('outbox', ['action' => 'uninstall', 'allow' => (int) !$isallowed]),
            $isallowed ? get_string('uninstall_forbid', 'local_snsproducer') : get_string('uninstall_allow', 'local_snsproducer'),
            'post'
        );
    }
}
