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

namespace local_snsproducer\external;

use core_external\external_api;
use local_snsproducer\tests\sink;

/**
 * Tests the web service functions.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 * @covers     \local_snsproducer\external\get_status
 * @covers     \local_snsproducer\external\get_contracts
 */
final class external_test extends \advanced_testcase {
    protected function setUp(): void {
        parent::setUp();
        $this->resetAfterTest();
    }

    /**
     * Calls a function as a web service does, its answer cleaned as it is described.
     *
     * @param string $class
     * @return array
     */
    private static function call(string $class): array {
        return external_api::clean_returnvalue($class::execute_returns(), $class::execute());
    }

    /**
     * Nobody without the capability learns anything.
     */
    public function test_they_need_the_capability(): void {
        $this->setUser($this->getDataGenerator()->create_user());
        foreach ([get_status::class, get_contracts::class] as $class) {
            try {
                $class::execute();
                $this->fail($class);
            } catch (\required_capability_exception $denied) {
                $this->assertStringContainsString('nopermissions', $denied->errorcode);
            }
        }
    }

    /**
     * Moodle knows them.
     */
    public function test_moodle_knows_them(): void {
        foreach (['get_status', 'get_contracts'] as $name) {
            $info = external_api::external_function_info("local_snsproducer_{$name}");
            $this->assertSame('read', $info->type);
            $this->assertNotEmpty($info->description);
        }
    }

    /**
     * A fresh site, and one that sends.
     */
    public function test_the_status(): void {
        global $CFG;
        $this->setAdminUser();
        $fresh = self::call(get_status::class);
        $this->assertFalse($fresh['armed']);
        $this->assertSame('', $fresh['etag']);
        $this->assertSame([], $fresh['unknown']);
        $sink = new sink();
        $sink->connect([['event' => '\core\event\course_created']]);
        $told = self::call(get_status::class);
        // It asks the sidecar nothing.
        $this->assertSame([], $sink->requests());
        $sink->stop();
        $this->assertTrue($told['armed']);
        $this->assertSame($CFG->wwwroot, $told['connectedurl']);
        $this->assertNotSame('', $told['etag']);
        $this->assertCount(1, $told['fingerprints']);
        $this->assertSame(0, $told['missing']);
    }

    /**
     * What contracts take, with its class, as far as it is allowed.
     */
    public function test_the_contracts(): void {
        $this->setAdminUser();
        $this->assertSame([], self::call(get_contracts::class)['contracts']);
        $row = [
            'event' => '\core\event\user_created', 'keys' => ['userid', 'other.ids[]'],
            'entities' => ['user' => ['username', 'email']], 'when' => ['field' => 'event.userid', 'not_in' => ['0']],
        ];
        $sink = new sink();
        $sink->connect([$row]);
        $told = self::call(get_contracts::class)['contracts'];
        $this->assertSame('moodle.unit.done.v1', $told[0]['contract']);
        $this->assertSame('{"field":"event.userid","not_in":["0"]}', $told[0]['condition']);
        $fields = array_column($told[0]['fields'], 'class', 'path');
        $expected = ['event.userid' => 'identifier', 'event.other.ids[]' => '', 'entities.user.username' => 'identifier'];
        $this->assertSame($expected, $fields);
        $sink->connect([], ['allowcontact' => '1']);
        $fields = array_column(self::call(get_contracts::class)['contracts'][0]['fields'], 'class', 'path');
        $this->assertSame('contact', $fields['entities.user.email']);
        $sink->stop();
    }
}
