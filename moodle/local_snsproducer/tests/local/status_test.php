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

use local_snsproducer\tests\sink;

/**
 * Tests the facts.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 * @covers     \local_snsproducer\local\status
 */
final class status_test extends \advanced_testcase {
    /**
     * On a fresh site each fact is there, and says that nothing is set.
     */
    public function test_a_fresh_site(): void {
        $this->resetAfterTest();
        $facts = (new status())->all();
        $this->assertSame([], $facts['unknown']);
        $this->assertFalse($facts['site']['configured']);
        $this->assertFalse($facts['site']['armed']);
        $this->assertSame(['current' => null, 'next' => null], $facts['fingerprints']);
        $this->assertNull($facts['wanted']);
        $this->assertSame(0, $facts['outbox']['waiting']);
        $this->assertSame(0, $facts['ledger']['outcomes']['observed']);
        $this->assertArrayHasKey('fetch_wanted', $facts['cron']);
    }

    /**
     * A connected site, and then a copy of it.
     */
    public function test_a_connected_site_and_its_copy(): void {
        global $CFG;
        $this->resetAfterTest();
        $sink = new sink();
        $sink->connect([['event' => '\core\event\course_created']]);
        $sink->stop();
        $facts = (new status())->all();
        $this->assertTrue($facts['site']['armed']);
        $this->assertFalse($facts['site']['copy']);
        $this->assertSame(['\core\event\course_created'], $facts['wanted']['events']);
        $this->assertSame(substr(hash('sha256', str_repeat('k', 24)), 0, 8), $facts['fingerprints']['current']);
        $CFG->wwwroot = 'https://copy.example';
        $site = (new status())->site();
        $this->assertTrue($site['copy']);
        $this->assertFalse($site['armed']);
        $this->assertNull((new status())->probe());
    }

    /**
     * A secret that can't be read is told, and never shown.
     */
    public function test_a_secret_that_cannot_be_read(): void {
        $this->resetAfterTest();
        set_config('secret', 'sodium:nonsense', 'local_snsproducer');
        set_config('secretnext', 'whsec_short', 'local_snsproducer');
        $this->assertSame(['current' => '', 'next' => ''], (new status())->fingerprints());
        set_config('secret', \core\encryption::encrypt('whsec_' . base64_encode(str_repeat('k', 24))), 'local_snsproducer');
        $this->assertSame(8, strlen((new status())->fingerprints()['current']));
        $this->assertStringNotContainsString('whsec', json_encode((new status())->all()));
    }

    /**
     * The environment decides before the rest.
     */
    public function test_the_environment_decides(): void {
        $this->resetAfterTest();
        set_config('endpoint', 'http://127.0.0.1:1', 'local_snsproducer');
        putenv('LOCAL_SNSPRODUCER_ENDPOINT=http://127.0.0.1:2');
        try {
            $this->assertSame('http://127.0.0.1:2', (new status())->site()['endpoint']);
        } finally {
            putenv('LOCAL_SNSPRODUCER_ENDPOINT');
        }
    }

    /**
     * The ledger adds hours and events up; what is on its way is told apart.
     */
    public function test_the_ledger_is_added_up(): void {
        $found = status::balance([
            3600 => ['a' => ['observed' => 3, 'accepted' => 2, 'unaccounted' => 1], 'b' => ['observed' => 1, 'refused' => 1]],
            7200 => ['a' => ['observed' => 2, 'unaccounted' => 2, 'when_unknown' => 1]],
        ], 7200);
        $this->assertSame(6, $found['outcomes']['observed']);
        $this->assertSame(2, $found['outcomes']['accepted']);
        $this->assertSame(3, $found['outcomes']['unaccounted']);
        $this->assertSame(1, $found['outcomes']['when_unknown']);
        $this->assertSame(0, $found['outcomes']['lost_at_cap']);
        $this->assertSame(2, $found['recent']);
    }
}
