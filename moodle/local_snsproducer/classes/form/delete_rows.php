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

namespace local_snsproducer\form;

defined('MOODLE_INTERNAL') || die();

require_once($CFG->libdir . '/formslib.php');

/**
 * Asks why events that wait are deleted. Data: `ids` (joined by commas; empty: all that match), `state`, `eventname`, `n`.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class delete_rows extends \moodleform {
    /** @var int The longest reason, in characters. */
    private const LONGEST = 255;

    /**
     * The fields.
     */
    protected function definition() {
        $form = $this->_form;
        foreach (['ids' => PARAM_SEQUENCE, 'state' => PARAM_ALPHA, 'eventname' => PARAM_RAW] as $name => $type) {
            $form->addElement('hidden', $name);
            $form->setType($name, $type);
        }
        $form->addElement('hidden', 'action', 'delete');
        $form->setType('action', PARAM_ALPHA);
        $form->addElement('text', 'reason', get_string('delete_reason', 'local_snsproducer'), ['size' => 60]);
        $form->setType('reason', PARAM_TEXT);
        $form->addRule('reason', null, 'required', null, 'client');
        $form->addRule('reason', get_string('maximumchars', '', self::LONGEST), 'maxlength', self::LONGEST, 'client');
        $form->addHelpButton('reason', 'delete_reason', 'local_snsproducer');
        $this->add_action_buttons(true, get_string('delete_rows', 'local_snsproducer', $this->_customdata['n']));
    }

    /**
     * A reason of spaces is none.
     *
     * @param array $data
     * @param array $files
     * @return array
     */
    public function validation($data, $files) {
        $errors = parent::validation($data, $files);
        if (trim($data['reason'] ?? '') === '') {
            $errors['reason'] = get_string('required');
        }
        return $errors;
    }
}
