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
 * Tests that an endpoint leads to a sidecar and nowhere else.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 * @covers     \local_snsproducer\local\endpoint
 */
final class endpoint_test extends \basic_testcase {
    public function test_endpoints_that_are_taken(): void {
        $taken = [
            'http://127.0.0.1:8080' => ['http://127.0.0.1:8080', null, null],
            'http://[::1]:8080/' => ['http://[::1]:8080', null, null],
            'http://localhost' => ['http://localhost:80', null, null],
            'https://Sidecar.Example.org:8443' => ['https://sidecar.example.org:8443', null, 'sidecar.example.org'],
            'https://10.1.2.3' => ['https://10.1.2.3:443', null, null],
            'unix:/run/moodle-sns-producer/in.sock' => ['http://localhost', '/run/moodle-sns-producer/in.sock', null],
        ];
        foreach ($taken as $text => $parts) {
            $endpoint = endpoint::parse($text);
            $this->assertSame($parts, [$endpoint->base, $endpoint->socket, $endpoint->name], $text);
        }
    }

    public function test_endpoints_that_are_refused(): void {
        $refused = [
            '' => 'empty', 'ftp://127.0.0.1' => 'scheme', '127.0.0.1:8080' => 'scheme', 'https://user@127.0.0.1' => 'user',
            'https://a.example/v1' => 'path', 'https://a.example?x' => 'path', 'https://a.example#x' => 'path',
            'https://a.example\\@b.example' => 'path', 'https://' => 'host', 'http://2130706433' => 'host',
            'http://0x7f.1' => 'host',
            'http://127.0.0.1:0' => 'port', 'https://169.254.169.254' => 'metadata',
            'https://[::ffff:169.254.169.254]' => 'metadata',
            'https://metadata.google.internal' => 'metadata', 'http://10.0.0.1:8080' => 'plaintext',
            'http://127.0.0.1.nip.io' => 'plaintext', 'unix:run/in.sock' => 'socket', 'unix:/' . str_repeat('a', 107) => 'socket',
        ];
        foreach ($refused as $text => $reason) {
            try {
                endpoint::parse($text);
                $this->fail($text);
            } catch (not_usable $problem) {
                $this->assertSame($reason, $problem->reason, $text);
            }
        }
    }

    public function test_plain_http_to_another_host_needs_a_word(): void {
        $this->assertSame('http://10.0.0.1:8080', endpoint::parse('http://10.0.0.1:8080', true)->base);
        $this->expectExceptionObject(new not_usable('metadata', 'that address belongs to no sidecar'));
        endpoint::parse('http://169.254.169.254', true);
    }
}
