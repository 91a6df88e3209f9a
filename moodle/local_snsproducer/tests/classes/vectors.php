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

namespace local_snsproducer\tests;

/**
 * The vectors that the sidecar is checked by too.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class vectors {
    /**
     * Reads a file of tests/vectors of the project: beside the plugin in its repository, or in the folder that the
     * environment variable SNS_VECTORS names. Without it the test is skipped: moodle/tests-pure/ checks the same.
     *
     * @param \PHPUnit\Framework\TestCase $test
     * @param string $file
     * @param bool $asarrays whether maps are read as arrays
     * @return mixed
     */
    public static function read(\PHPUnit\Framework\TestCase $test, string $file, bool $asarrays = true): mixed {
        $folder = getenv('SNS_VECTORS') ?: dirname(__DIR__, 4) . '/tests/vectors';
        if (!is_file("$folder/$file")) {
            $test->markTestSkipped("SKIPPED: no $file: set SNS_VECTORS to tests/vectors of the project");
        }
        return json_decode(file_get_contents("$folder/$file"), $asarrays, 512, JSON_THROW_ON_ERROR);
    }
}
