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
 * A server that answers one connection, well or badly: `server.php ADDRESS MODE [PEM]` says its address in its first line.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

// phpcs:disable moodle.Files.MoodleInternal.MoodleInternalGlobalState -- Moodle is not loaded here, on purpose.

[, $address, $mode] = $argv;
$context = stream_context_create(isset($argv[3]) ? ['ssl' => ['local_cert' => $argv[3], 'disable_compression' => true]] : []);
$server = stream_socket_server($address, $errno, $message, STREAM_SERVER_BIND | STREAM_SERVER_LISTEN, $context);
if (!$server) {
    fwrite(STDERR, "$message\n");
    exit(1);
}
echo stream_socket_get_name($server, false), "\n";
if ($mode === 'deaf') {
    // Connections pile up and nobody takes them.
    sleep(60);
}
$answer = fn(string $head, string $body) => "HTTP/1.1 $head\r\nContent-Length: " . strlen($body) . "\r\n\r\n$body";
for (;;) {
    // A client that gives up while it shakes hands is no reason to end.
    $peer = @stream_socket_accept($server, 60);
    if (!$peer) {
        continue;
    }
    $request = '';
    while (!str_contains($request, "\r\n\r\n") && ($part = fread($peer, 65536)) !== false && $part !== '') {
        $request .= $part;
    }
    [$head, $body] = explode("\r\n\r\n", $request, 2) + ['', ''];
    $length = preg_match('/^content-length: ([0-9]+)/mi', $head, $match) ? (int) $match[1] : 0;
    while (strlen($body) < $length && ($part = fread($peer, 65536)) !== false && $part !== '') {
        $body .= $part;
    }
    switch ($mode) {
        case 'echo':
            // What came, so that the test can look at it.
            $told = json_encode(['head' => $head, 'sha256' => hash('sha256', $body)]);
            fwrite($peer, $answer("202 Accepted\r\nDate: Tue, 24 Nov 2026 16:11:27 GMT\r\nX-Two: a\r\nX-Two: b", $told));
            break;
        case 'hang':
            sleep(60);
            break;
        case 'trickle':
            fwrite($peer, "HTTP/1.1 202 Accepted\r\nContent-Length: 1000\r\n\r\n");
            for ($n = 0; $n < 1000; $n++) {
                if (@fwrite($peer, 'x') === false) {
                    break;
                }
                usleep(20000);
            }
            break;
        case 'trickle-head':
            foreach (str_split("HTTP/1.1 202 Accepted\r\n" . str_repeat("X: y\r\n", 1000)) as $character) {
                if (@fwrite($peer, $character) === false) {
                    break;
                }
                usleep(20000);
            }
            break;
        case 'redirect':
            fwrite($peer, $answer("307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/stolen", ''));
            break;
        case 'interim':
            fwrite($peer, "HTTP/1.1 103 Early Hints\r\nDate: Mon, 01 Jan 2001 00:00:00 GMT\r\n\r\n");
            fwrite($peer, $answer("202 Accepted\r\nRetry-After: 7", '{}'));
            break;
        case 'large':
            fwrite($peer, "HTTP/1.1 202 Accepted\r\n\r\n");
            for ($n = 0; $n < 8000; $n++) {
                if (@fwrite($peer, str_repeat('x', 1024)) === false) {
                    break;
                }
            }
            break;
        case 'large-head':
            @fwrite($peer, "HTTP/1.1 202 Accepted\r\n" . str_repeat('X: ' . str_repeat('y', 1000) . "\r\n", 90) . "\r\n");
            break;
        case 'garbage':
            fwrite($peer, "SSH-2.0-OpenSSH_9.2\r\n\r\n");
            break;
        case 'cut':
            fwrite($peer, "HTTP/1.1 202 Accepted\r\nContent-Length: 1000\r\n\r\n{");
            break;
        case 'nothing':
            break;
        case 'clock':
            $problem = json_encode(['type' => 'urn:moodle-sns-producer:problem:clock', 'detail' => 'made at 5 and it is 9 here']);
            fwrite($peer, $answer("401 Unauthorized\r\nContent-Type: application/problem+json", $problem));
            break;
    }
    fclose($peer);
}
