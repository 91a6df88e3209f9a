<?php
// This file is part of the live suite of moodle-sns-producer.
//
// It is free software: you can redistribute it and/or modify it under the terms of the GNU General Public
// License as published by the Free Software Foundation, either version 3 of the License, or (at your option)
// any later version. It is distributed without any warranty.

/**
 * Finds and runs the steps of the live suite.
 *
 * @package    local_witness
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

namespace local_witness;

/**
 * A step is a closure in a file of steps/, which returns a map of name to closure. It takes a map of arguments and
 * returns one.
 */
final class steps {
    /**
     * Runs one step as somebody.
     *
     * @param string $name file/step
     * @param string $as a username; '' nobody
     * @param array $arguments
     * @return mixed what the step returns
     */
    public static function run(string $name, string $as, array $arguments): mixed {
        global $CFG, $DB;
        if ($as !== '') {
            $user = $DB->get_record('user', ['username' => $as, 'deleted' => 0], '*', MUST_EXIST);
            \core\session\manager::set_user($user);
        }
        [$file, $step] = explode('/', $name);
        $path = $CFG->dirroot . '/local/witness/steps/' . clean_param($file, PARAM_ALPHANUMEXT) . '.php';
        $steps = require($path);
        if (!isset($steps[$step])) {
            throw new \coding_exception("no step $name");
        }
        return $steps[$step]($arguments);
    }

    /**
     * Moodle's own makers of test data. They number what they make within one request, so names are always given.
     *
     * @return \testing_data_generator
     */
    public static function maker(): \testing_data_generator {
        global $CFG;
        require_once($CFG->libdir . '/testing/generator/lib.php');
        static $maker = null;
        return $maker ??= new \testing_data_generator();
    }
}
