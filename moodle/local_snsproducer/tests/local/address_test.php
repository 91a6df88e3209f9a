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
 * Tests that a name's address is found by the task and used by pages.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 * @covers     \local_snsproducer\local\address
 */
final class address_test extends \advanced_testcase {
    public function test_an_address_is_kept_for_its_name(): void {
        global $DB;
        $this->resetAfterTest();
        $endpoint = endpoint::parse('https://sidecar.example.test:8443');
        $this->assertNull(address::of($endpoint));
        address::found($endpoint, '10.1.2.3');
        $this->assertSame('10.1.2.3', address::of($endpoint));
        $reads = $DB->perf_get_reads();
        address::of($endpoint);
        $this->assertSame($reads, $DB->perf_get_reads(), 'a page asks no database either');
        address::found($endpoint, '169.254.169.254');
        $this->assertSame('10.1.2.3', address::of($endpoint), 'a name leads to no metadata service');
        $this->assertNull(address::of(endpoint::parse('https://other.example.test')));
        \cache::make('local_snsproducer', 'wanted')->purge();
        $this->assertSame('10.1.2.3', address::of($endpoint));
    }

    public function test_a_page_does_not_look_a_name_up(): void {
        $this->resetAfterTest();
        $config = [
            'enabled' => 1, 'endpoint' => 'https://sidecar.invalid', 'sourcekey' => 'vle',
            'secret' => 'whsec_' . base64_encode(str_repeat('k', 24)),
        ];
        $connection = connection::of($config, 'https://vle.example.org');
        $answer = http::post($connection, $connection->events_path(), 'application/json', '[]', 300);
        $this->assertSame([0, 'dns'], [$answer->status, $answer->failure]);
        address::found($connection->endpoint, '127.0.0.1');
        $answer = http::post($connection, $connection->events_path(), 'application/json', '[]', 300);
        $this->assertNotSame('dns', $answer->failure, 'the address is used');
    }
}
