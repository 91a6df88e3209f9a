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
 * Signed requests to the sidecar by bare curl, and to nobody else.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class http {
    /** @var int The largest answer that is read, in bytes: one line for each of the 2,000 events of a batch fits. */
    public const MAX_ANSWER = 1 << 20;

    /** @var int The largest answer to a question for the wanted list, in bytes. */
    public const MAX_WANTED = 4 << 20;

    /** @var int The most bytes of an answer's head. */
    private const MAX_HEAD = 16 << 10;

    /** @var \CurlHandle|null Kept for the life of the process, so that a drain uses one connection. */
    private static ?\CurlHandle $curl = null;

    /** @var int The process that made it: a forked child must not speak on its parent's connection. */
    private static int $owner = 0;

    /** @var string The address that it was given. */
    private static string $resolved = '';

    /**
     * Signs and posts. Never throws: what goes wrong is in the answer.
     *
     * No redirect is followed, no proxy used, and no cookie kept.
     *
     * @param connection $connection
     * @param string $path one of the connection's paths
     * @param string $contenttype
     * @param string $body
     * @param int $budgetms all that it may take, name look-up and connecting included
     * @param bool $bulk of a long list of events at once: live ones go first
     * @param string|null $id the `webhook-id`; null: a new one
     * @param bool $maylookup whether the endpoint's name may be looked up: only where nobody waits (see address). Then
     *     connecting may take the whole budget, too
     * @return answer
     */
    public static function post(
        connection $connection,
        string $path,
        string $contenttype,
        string $body,
        int $budgetms,
        bool $bulk = false,
        ?string $id = null,
        bool $maylookup = false
    ): answer {
        $begun = hrtime(true);
        try {
            $secrets = $connection->secrets();
            if ($secrets === []) {
                return new answer(0, 'nosecret', detail: 'no secret can be read');
            }
            $id ??= bin2hex(random_bytes(12));
            $seconds = time();
            $headers = [
                'Content-Type: ' . $contenttype,
                signature::ID . ': ' . $id,
                signature::TIMESTAMP . ': ' . $seconds,
                signature::SIGNATURE . ': ' . signature::sign($secrets, $id, $seconds, $body),
                // Curl would wait for a "100 Continue" before a larger body.
                'Expect:',
                'Accept: application/json, application/problem+json',
            ];
            if ($bulk) {
                $headers[] = 'bulk: 1';
            }
            $largest = $path === $connection->wanted_path() ? self::MAX_WANTED : self::MAX_ANSWER;
            return self::exchange($connection, $path, $headers, $body, $budgetms, $largest, $maylookup, $begun);
        } catch (\Throwable $unusable) {
            return new answer(0, 'unusable', elapsedms: self::since($begun), detail: get_class($unusable));
        }
    }

    /**
     * One request and its answer.
     *
     * @param connection $connection
     * @param string $path
     * @param string[] $headers
     * @param string $body
     * @param int $budgetms
     * @param int $largest the most bytes of an answer
     * @param bool $maylookup
     * @param int $begun nanoseconds
     * @return answer
     */
    private static function exchange(
        connection $connection,
        string $path,
        array $headers,
        string $body,
        int $budgetms,
        int $largest,
        bool $maylookup,
        int $begun
    ): answer {
        $endpoint = $connection->endpoint;
        $resolved = null;
        if ($endpoint->name !== null && !$maylookup) {
            $ip = address::of($endpoint);
            if ($ip === null) {
                return new answer(0, 'dns', detail: 'the task that asks for the wanted list has not found its address yet');
            }
            $resolved = $endpoint->name . ':' . $endpoint->port . ':' . (str_contains($ip, ':') ? "[$ip]" : $ip);
        }
        $read = '';
        $head = [];
        $headbytes = 0;
        $toolarge = false;
        $curl = self::handle($maylookup ? 'looked up' : (string) $resolved);
        curl_setopt_array($curl, [
            CURLOPT_URL => $endpoint->base . $path,
            CURLOPT_POST => true,
            CURLOPT_POSTFIELDS => $body,
            CURLOPT_HTTPHEADER => $headers,
            CURLOPT_PROTOCOLS => CURLPROTO_HTTP | CURLPROTO_HTTPS,
            CURLOPT_FOLLOWLOCATION => false,
            CURLOPT_PROXY => '',
            CURLOPT_NOSIGNAL => true,
            CURLOPT_HTTP_VERSION => CURL_HTTP_VERSION_1_1,
            CURLOPT_CONNECTTIMEOUT_MS => max(1, $maylookup ? $budgetms : min($connection->connectbudget, $budgetms)),
            CURLOPT_TIMEOUT_MS => max(1, $budgetms),
            CURLOPT_SSL_VERIFYPEER => true,
            CURLOPT_SSL_VERIFYHOST => 2,
            CURLOPT_HEADERFUNCTION => function ($curl, string $line) use (&$head, &$headbytes, &$toolarge): int {
                $headbytes += strlen($line);
                if ($headbytes > self::MAX_HEAD) {
                    $toolarge = true;
                    return 0;
                }
                if (preg_match('/^([!-9;-~]+):[ \t]*(.*?)[ \t]*\r?\n?$/sD', $line, $match)) {
                    $head[strtolower($match[1])][] = $match[2];
                } else if (str_starts_with($line, 'HTTP/')) {
                    // Each head begins anew: what an interim answer (1xx) said is not the answer's.
                    $head = [];
                }
                return strlen($line);
            },
            CURLOPT_WRITEFUNCTION => function ($curl, string $part) use (&$read, &$toolarge, $largest): int {
                if (strlen($read) + strlen($part) > $largest) {
                    $toolarge = true;
                    return 0;
                }
                $read .= $part;
                return strlen($part);
            },
        ]);
        if ($endpoint->socket !== null) {
            curl_setopt($curl, CURLOPT_UNIX_SOCKET_PATH, $endpoint->socket);
        }
        if ($resolved !== null) {
            curl_setopt($curl, CURLOPT_RESOLVE, [$resolved]);
        }
        if ($connection->cafile !== null) {
            // Without CAPATH the system's certificates would still be trusted beside these.
            curl_setopt($curl, CURLOPT_CAINFO, $connection->cafile);
            curl_setopt($curl, CURLOPT_CAPATH, '/nonexistent');
        }
        curl_exec($curl);
        $errno = curl_errno($curl);
        $status = (int) curl_getinfo($curl, CURLINFO_RESPONSE_CODE);
        $detail = curl_error($curl);
        $address = $endpoint->socket === null ? ((string) curl_getinfo($curl, CURLINFO_PRIMARY_IP) ?: null) : null;
        // The callbacks hold this answer's variables: let them go.
        curl_reset($curl);
        if ($errno !== CURLE_OK) {
            self::$curl = null;
            return new answer(0, $toolarge ? 'toolarge' : self::failure($errno), '', [], self::since($begun), $detail);
        }
        return new answer($status, null, $read, $head, self::since($begun), '', $address);
    }

    /**
     * The process's handle, without any option of the request before.
     *
     * @param string $resolved the address it was given; a handle remembers it, so another one needs another handle
     * @return \CurlHandle
     */
    private static function handle(string $resolved): \CurlHandle {
        if (self::$curl === null || self::$owner !== getmypid() || self::$resolved !== $resolved) {
            self::$curl = curl_init();
            self::$owner = getmypid();
            self::$resolved = $resolved;
        }
        return self::$curl;
    }

    /**
     * One word for an error of curl's.
     *
     * @param int $errno
     * @return string
     */
    private static function failure(int $errno): string {
        return match ($errno) {
            CURLE_COULDNT_CONNECT => 'refused',
            CURLE_OPERATION_TIMEDOUT => 'timeout',
            CURLE_COULDNT_RESOLVE_HOST => 'dns',
            CURLE_SSL_CONNECT_ERROR, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER, CURLE_SSL_CACERT, CURLE_SSL_CACERT_BADFILE,
            CURLE_SSL_ENGINE_NOTFOUND, CURLE_SSL_ENGINE_SETFAILED, CURLE_SSL_PEER_CERTIFICATE => 'tls',
            CURLE_URL_MALFORMAT, CURLE_FAILED_INIT => 'unusable',
            default => 'broken',
        };
    }

    /**
     * Milliseconds since a moment.
     *
     * @param int $begun nanoseconds
     * @return int
     */
    private static function since(int $begun): int {
        return intdiv(hrtime(true) - $begun, 1000000);
    }
}
