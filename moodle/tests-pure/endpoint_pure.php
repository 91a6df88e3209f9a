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

/**
 * Which endpoints are taken.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

// phpcs:disable moodle.Files.MoodleInternal.MoodleInternalGlobalState -- Moodle is not loaded here, on purpose.

use local_snsproducer\local\endpoint;

$taken = [
    // Text, base, socket, name that is looked up, port.
    ['http://127.0.0.1:8080', 'http://127.0.0.1:8080', null, null, 8080],
    [' http://127.0.0.1:8080/ ', 'http://127.0.0.1:8080', null, null, 8080],
    ['http://127.255.255.254:1', 'http://127.255.255.254:1', null, null, 1],
    ['http://localhost:8080', 'http://localhost:8080', null, null, 8080],
    ['HTTP://LocalHost', 'http://localhost:80', null, null, 80],
    ['http://[::1]:8080', 'http://[::1]:8080', null, null, 8080],
    ['https://sidecar.example.org', 'https://sidecar.example.org:443', null, 'sidecar.example.org', 443],
    ['https://Sidecar.Example.org:8443', 'https://sidecar.example.org:8443', null, 'sidecar.example.org', 8443],
    ['https://sns_producer:8443', 'https://sns_producer:8443', null, 'sns_producer', 8443],
    ['https://10.1.2.3:65535', 'https://10.1.2.3:65535', null, null, 65535],
    ['https://[fd12:3456::1]:8443', 'https://[fd12:3456::1]:8443', null, null, 8443],
    ['https://a1.b2', 'https://a1.b2:443', null, 'a1.b2', 443],
    ['unix:/run/moodle-sns-producer/in.sock', 'http://localhost', '/run/moodle-sns-producer/in.sock', null, 0],
];
foreach ($taken as [$text, $base, $socket, $name, $port]) {
    $endpoint = endpoint::parse($text);
    checks::same([$base, $socket, $name, $port], [$endpoint->base, $endpoint->socket, $endpoint->name, $endpoint->port], $text);
    checks::same($base, endpoint::parse($endpoint->text())->base, "$text, written and read again");
}
$refused = [
    '' => 'empty',
    '   ' => 'empty',
    '127.0.0.1:8080' => 'scheme',
    'ftp://127.0.0.1' => 'scheme',
    'file:///etc/passwd' => 'scheme',
    'gopher://127.0.0.1:8080' => 'scheme',
    'http:/127.0.0.1' => 'scheme',
    'http//127.0.0.1' => 'scheme',
    '//127.0.0.1:8080' => 'scheme',
    'javascript:alert(1)' => 'scheme',
    "http://127.0.0.1:8080\n.evil.example" => 'port',
    "http://127.0.0.1\r\nX: y" => 'port',
    'http://user@127.0.0.1:8080' => 'user',
    'https://user:password@sidecar.example.org' => 'user',
    'https://127.0.0.1@evil.example' => 'user',
    'https://sidecar.example.org/v1' => 'path',
    'https://sidecar.example.org/?x=1' => 'path',
    'https://sidecar.example.org?x' => 'path',
    'https://sidecar.example.org#x' => 'path',
    'https://sidecar.example.org//' => 'path',
    'https://sidecar.example.org\\@evil.example' => 'path',
    'https://' => 'host',
    'https://:8443' => 'host',
    'https://[::1' => 'host',
    'https://[::1]x' => 'host',
    'https://::1' => 'port',
    'https://[]' => 'host',
    'https://[127.0.0.1]' => 'host',
    'https://[fe80::1%25eth0]' => 'host',
    'https://a..b' => 'host',
    'https://-a.example' => 'host',
    'https://a b' => 'host',
    'https://ex ample.org' => 'host',
    'https://exämple.org' => 'host',
    'https://a%2e' => 'host',
    'https://example.org.' => 'host',
    'https://' . str_repeat('a', 64) => 'host',
    'https://' . str_repeat('a.', 130) . 'b' => 'host',
    // Addresses in the forms that only C's library reads.
    'http://2130706433' => 'host',
    'http://0x7f000001' => 'host',
    'http://0x7f.1' => 'host',
    'http://127.1' => 'host',
    'http://0177.0.0.1' => 'host',
    'http://127.0.0.1.:80' => 'host',
    'http://127.0.0.256' => 'host',
    'https://a.0x' => 'host',
    'https://2852039166' => 'host',
    'https://example.1' => 'host',
    'http://127.0.0.1:' => 'port',
    'http://127.0.0.1:0' => 'port',
    'http://127.0.0.1:65536' => 'port',
    'http://127.0.0.1:8080:80' => 'port',
    'http://127.0.0.1:-1' => 'port',
    'http://127.0.0.1:+80' => 'port',
    'http://127.0.0.1: 80' => 'port',
    'http://127.0.0.1:999999' => 'port',
    'https://169.254.169.254' => 'metadata',
    'http://169.254.169.254' => 'metadata',
    'https://169.254.170.2:80' => 'metadata',
    'https://[fe80::1]' => 'metadata',
    'https://[febf::1]' => 'metadata',
    'https://[fd00:ec2::254]' => 'metadata',
    'https://[::ffff:169.254.169.254]' => 'metadata',
    'https://[::ffff:a9fe:a9fe]' => 'metadata',
    'https://metadata.google.internal' => 'metadata',
    'https://Metadata.Google.Internal:443' => 'metadata',
    'https://0.0.0.0' => 'metadata',
    'https://[::]' => 'metadata',
    'http://0.0.0.0:8080' => 'metadata',
    'http://10.0.0.1:8080' => 'plaintext',
    'http://sidecar.example.org' => 'plaintext',
    'http://localhost.example.org' => 'plaintext',
    'http://128.0.0.1' => 'plaintext',
    'http://[::2]:80' => 'plaintext',
    'http://[fd12::1]' => 'plaintext',
    'http://127.0.0.1.nip.io' => 'plaintext',
    'unix:' => 'socket',
    'unix:run/in.sock' => 'socket',
    'unix:/' => 'socket',
    "unix:/run/\0x" => 'socket',
    'unix:/' . str_repeat('a', 107) => 'socket',
    'unix://run/in.sock' => 'taken',
];
foreach ($refused as $text => $reason) {
    checks::refused($reason, fn() => endpoint::parse($text), (string) json_encode($text, JSON_INVALID_UTF8_SUBSTITUTE));
}
$plain = [
    'http://10.0.0.1:8080' => 'taken',
    'http://sidecar:8080' => 'taken',
    'http://169.254.169.254' => 'metadata',
    'http://[::ffff:127.0.0.1]' => 'taken',
];
foreach ($plain as $text => $reason) {
    checks::refused($reason, fn() => endpoint::parse($text, true), "$text, where plain HTTP is allowed");
}
$addresses = [
    '10.0.0.1' => true, '::1' => true, '127.0.0.1' => true, '169.254.169.254' => false, '::ffff:169.254.1.1' => false,
    'fe80::1' => false, '0.0.0.0' => false, 'x' => false, '' => false,
];
foreach ($addresses as $ip => $may) {
    checks::same($may, endpoint::may_be_at($ip), "a name may lead to $ip");
}
