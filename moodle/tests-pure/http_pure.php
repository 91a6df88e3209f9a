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
 * What a request costs and answers, whatever the other side does.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

// phpcs:disable moodle.Files.MoodleInternal.MoodleInternalGlobalState -- Moodle is not loaded here, on purpose.

use local_snsproducer\local\answer;
use local_snsproducer\local\connection;
use local_snsproducer\local\http;
use local_snsproducer\local\secret;
use local_snsproducer\local\signature;

/**
 * A server of server.php, for as long as this lives.
 */
final class badserver {
    /** @var resource the process */
    private $process;
    /** @var string where it listens */
    public readonly string $address;

    /**
     * Starts it.
     *
     * @param string $mode
     * @param string $address
     * @param string|null $pem
     */
    public function __construct(string $mode, string $address = 'tcp://127.0.0.1:0', ?string $pem = null) {
        $command = [PHP_BINARY, __DIR__ . '/server.php', $address, $mode, ...($pem === null ? [] : [$pem])];
        $this->process = proc_open($command, [1 => ['pipe', 'w'], 2 => STDERR], $pipes);
        $this->address = trim((string) fgets($pipes[1]));
    }

    /**
     * Ends it.
     */
    public function __destruct() {
        proc_terminate($this->process, 9);
        proc_close($this->process);
    }
}

/** What both sides share here. */
const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

/**
 * A connection to an endpoint.
 *
 * @param string $endpoint
 * @param array $more
 * @return connection
 */
function to(string $endpoint, array $more = []): connection {
    $config = ['enabled' => 1, 'endpoint' => $endpoint, 'sourcekey' => 'vle', 'secret' => SECRET, 'connectbudget' => 1000];
    return connection::of($more + $config, 'https://vle.example.org');
}

/**
 * Posts, and looks at the time that it takes.
 *
 * @param connection $connection
 * @param int $budget
 * @param string $body
 * @return answer
 */
function post(connection $connection, int $budget = 300, string $body = '[]'): answer {
    $begun = hrtime(true);
    $answer = http::post($connection, $connection->events_path(), 'application/cloudevents-batch+json', $body, $budget, true);
    $took = (hrtime(true) - $begun) / 1e6;
    // The machine may be busy: what matters is that the budget ends it, not some other limit.
    checks::same(true, $took < $budget + 1500, sprintf('%s within %d ms: %.0f', $connection->endpoint->text(), $budget, $took));
    return $answer;
}

// A request as the sidecar gets it.
$server = new badserver('echo');
$both = to("http://$server->address", ['secretnext' => 'whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=']);
// Every byte value, and more than curl sends without asking first.
$body = str_repeat(implode('', array_map(chr(...), range(0, 255))), 5000);
putenv('http_proxy=http://127.0.0.1:1');
putenv('ALL_PROXY=http://127.0.0.1:1');
foreach (['first', 'second, on what is left of the first'] as $which) {
    $answer = post($both, 5000, $body);
    checks::same([202, null], [$answer->status, $answer->failure], "the $which request is answered, past any proxy");
    $got = $answer->json();
    $head = $got['head'] ?? '';
    checks::same(hash('sha256', $body), $got['sha256'] ?? '', "the $which body is sent as it is");
    checks::same(true, str_starts_with($head, 'POST /v1/sources/vle/events HTTP/1.1'), 'to its path');
    checks::same(0, preg_match('/^(expect|cookie|authorization|content-encoding):/mi', $head), 'with no header that is not meant');
    checks::same(1, preg_match('/^bulk: 1\r?$/mi', $head), 'with its priority');
    checks::same(1, preg_match('/^content-type: application\/cloudevents-batch\+json\r?$/mi', $head), 'with its type');
    $value = fn(string $name) => preg_match("/^$name: (.*?)\r?$/mi", $head, $match) ? $match[1] : '';
    $verified = signature::verify(
        [secret::parse(SECRET)],
        $value(signature::ID),
        $value(signature::TIMESTAMP),
        $value(signature::SIGNATURE),
        $body,
        time()
    );
    checks::same(true, $verified !== null, "the $which request is signed");
    checks::same(2, count(explode(' ', $value(signature::SIGNATURE))), 'with both secrets');
}
checks::same(1795536687, $answer->serverdate(), 'the sidecar\'s clock is told');
checks::same(null, $answer->header('x-two'), 'a header that is there twice is none');
checks::same(['a', 'b'], $answer->headers['x-two'], 'but each value is there');
checks::same('127.0.0.1', $answer->address, 'the address that answered is told');
unset($server);
checks::same('refused', post($both)->failure, 'nobody listens');

// A Unix socket.
$path = sys_get_temp_dir() . '/snsproducer' . bin2hex(random_bytes(6)) . '.sock';
$server = new badserver('echo', "unix://$path");
$answer = post(to("unix:$path"), 2000);
checks::same([202, null], [$answer->status, $answer->address], 'a Unix socket');
unset($server);
unlink($path);
checks::same('refused', post(to("unix:$path"))->failure, 'a Unix socket that is gone');

// The other side at its worst.
$modes = [
    'hang' => 'timeout', 'trickle' => 'timeout', 'trickle-head' => 'timeout', 'large' => 'toolarge', 'large-head' => 'toolarge',
    'garbage' => 'broken', 'cut' => 'broken', 'nothing' => 'broken',
];
foreach ($modes as $mode => $failure) {
    $server = new badserver($mode);
    $answer = post(to("http://$server->address"), $failure === 'timeout' ? 300 : 3000);
    checks::same([0, $failure, ''], [$answer->status, $answer->failure, $answer->body], $mode);
    checks::same(false, str_contains($answer->detail, 'whsec_'), "$mode: no secret in the words");
    unset($server);
}
$server = new badserver('redirect');
checks::same(307, post(to("http://$server->address"), 2000)->status, 'a redirect is not followed');
unset($server);
$server = new badserver('interim');
$answer = post(to("http://$server->address"), 2000);
checks::same([202, null, 7], [$answer->status, $answer->serverdate(), $answer->retry_after()], 'an interim answer is none');
unset($server);
$server = new badserver('clock');
$answer = post(to("http://$server->address"), 2000);
checks::same([401, 'clock'], [$answer->status, $answer->problem()], 'what the sidecar calls the problem');
unset($server);

// Backlog full: connecting hangs, and the connect budget ends it.
$server = new badserver('deaf');
$held = [];
for ($n = 0; $n < 600; $n++) {
    $flags = STREAM_CLIENT_ASYNC_CONNECT | STREAM_CLIENT_CONNECT;
    $held[] = @stream_socket_client("tcp://$server->address", $errno, $message, 0, $flags);
}
$answer = post(to("http://$server->address", ['connectbudget' => 50]), 3000);
checks::same(['timeout', true], [$answer->failure, $answer->elapsedms < 2500], 'connecting has a budget of its own');
unset($server, $held);

// TLS.
if (function_exists('openssl_pkey_new')) {
    $make = function (string $name): string {
        $config = tempnam(sys_get_temp_dir(), 'sns');
        $extensions = "[v]\nsubjectAltName=$name\nbasicConstraints=critical,CA:TRUE\n";
        file_put_contents($config, "[req]\ndistinguished_name=d\n[d]\n$extensions");
        $options = [
            'config' => $config,
            'private_key_type' => OPENSSL_KEYTYPE_EC,
            'private_key_bits' => 2048,
            'curve_name' => 'prime256v1',
            'x509_extensions' => 'v',
            'digest_alg' => 'sha256',
        ];
        $key = openssl_pkey_new($options);
        $request = openssl_csr_new(['commonName' => 'a sidecar'], $key, $options);
        openssl_x509_export(openssl_csr_sign($request, null, $key, 1, $options), $certificate);
        openssl_pkey_export($key, $private, null, $options);
        file_put_contents($config, $certificate . $private);
        return $config;
    };
    $ours = $make('IP:127.0.0.1');
    $elsewhere = $make('IP:127.0.0.2');
    $server = new badserver('echo', 'tls://127.0.0.1:0', $ours);
    checks::same(202, post(to("https://$server->address", ['cafile' => $ours]), 2000)->status, 'TLS with its own authority');
    checks::same('tls', post(to("https://$server->address"), 2000)->failure, 'TLS of an authority that nobody knows');
    $answer = post(to("https://$server->address", ['cafile' => $elsewhere]), 2000);
    checks::same('tls', $answer->failure, 'TLS of another authority');
    $answer = post(to("https://$server->address", ['cafile' => '/nonexistent.pem']), 2000);
    checks::same('tls', $answer->failure, 'a file of authorities that is gone');
    unset($server);
    $server = new badserver('echo', 'tls://127.0.0.1:0', $elsewhere);
    $answer = post(to("https://$server->address", ['cafile' => $elsewhere]), 2000);
    checks::same('tls', $answer->failure, 'TLS of another host');
    unset($server);
    $server = new badserver('hang');
    checks::same('timeout', post(to("https://$server->address", ['cafile' => $ours]), 300)->failure, 'TLS that never answers');
    unset($server);
    array_map('unlink', [$ours, $elsewhere]);
}
checks::same('nosecret', post(to('http://127.0.0.1:1', ['secret' => 'whsec_short']))->failure, 'a secret that can\'t be read');
