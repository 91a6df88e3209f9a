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
 * Where the sidecar is: `http://127.0.0.1:8080`, `https://host:port` or `unix:/run/…/in.sock`.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class endpoint {
    /** @var int The longest path of a Unix socket, in bytes (Linux). */
    private const LONGEST_SOCKET = 107;

    /**
     * Made by parse() only.
     *
     * @param string $base what a path is put behind, e.g. `https://sidecar.example.org:8443`
     * @param string|null $socket path of the Unix socket, if it is one
     * @param string|null $name host name that must be looked up; null for an address or a socket
     * @param int $port
     */
    private function __construct(
        /** @var string What a path is put behind. */
        public readonly string $base,
        /** @var string|null Path of the Unix socket, if it is one. */
        public readonly ?string $socket,
        /** @var string|null Host name that must be looked up. */
        public readonly ?string $name,
        /** @var int The port; 0 for a socket. */
        public readonly int $port
    ) {
    }

    /**
     * Reads an endpoint as it is written in the settings.
     *
     * @param string $text
     * @param bool $plaintext whether a person said that plain HTTP to another machine is safe there (a proxy beside
     *     Moodle does TLS)
     * @return self
     * @throws not_usable with reason `empty`, `scheme`, `socket`, `user`, `path`, `host`, `port`, `metadata` or `plaintext`
     */
    public static function parse(string $text, bool $plaintext = false): self {
        $text = trim($text);
        if ($text === '') {
            throw new not_usable('empty', 'no endpoint');
        }
        if (str_starts_with($text, 'unix:')) {
            return self::of_socket(substr($text, 5));
        }
        if (!preg_match('~^(https?)://([^/?#\\\\]*)(.*)$~isD', $text, $match)) {
            throw new not_usable('scheme', 'an endpoint is http://host:port, https://host:port or unix:/path');
        }
        [, $scheme, $authority, $rest] = $match;
        $scheme = strtolower($scheme);
        if (str_contains($authority, '@')) {
            throw new not_usable('user', 'an endpoint holds no user and no password');
        }
        if ($rest !== '' && $rest !== '/') {
            throw new not_usable('path', 'an endpoint ends after host and port: the path is the plugin\'s');
        }
        if (!preg_match('~^(\[[^\]]*\]|[^:\[\]]*)(?::(.*))?$~sD', $authority, $match)) {
            throw new not_usable('host', 'that is no host name and no address');
        }
        $port = $match[2] ?? ($scheme === 'https' ? '443' : '80');
        if (!preg_match('/^[0-9]{1,5}$/D', $port) || (int) $port < 1 || (int) $port > 65535) {
            throw new not_usable('port', 'a port is a number from 1 to 65535');
        }
        [$host, $address] = self::host(strtolower($match[1]));
        $loopback = $host === 'localhost' || ($address !== null && self::is_loopback($address));
        if ($scheme === 'http' && !$loopback && !$plaintext) {
            throw new not_usable('plaintext', 'plain HTTP goes to this machine only: use https, or a Unix socket');
        }
        // The name localhost needs no look-up: curl knows it.
        $name = $address === null && $host !== 'localhost' ? $host : null;
        return new self("$scheme://$host:" . (int) $port, null, $name, (int) $port);
    }

    /**
     * Whether a name may lead to this address.
     *
     * @param string $ip
     * @return bool
     */
    public static function may_be_at(string $ip): bool {
        $bytes = self::bytes($ip, FILTER_FLAG_IPV4) ?? self::bytes($ip, FILTER_FLAG_IPV6);
        return $bytes !== null && !self::is_forbidden($ip, $bytes);
    }

    /**
     * As it is written in the settings.
     *
     * @return string
     */
    public function text(): string {
        return $this->socket === null ? $this->base : 'unix:' . $this->socket;
    }

    /**
     * The endpoint of a Unix socket.
     *
     * @param string $path
     * @return self
     */
    private static function of_socket(string $path): self {
        if (!preg_match('~^/[^\0]+$~sD', $path) || strlen($path) > self::LONGEST_SOCKET) {
            throw new not_usable('socket', 'the path of a Unix socket begins with / and has at most 107 bytes');
        }
        // A host must stand in the request: the sidecar doesn't look at it.
        return new self('http://localhost', $path, null, 0);
    }

    /**
     * A host as it stands in a URL, and its address in bytes if it is one.
     *
     * @param string $host lower case
     * @return array{string, ?string}
     */
    private static function host(string $host): array {
        if (str_starts_with($host, '[')) {
            $address = self::bytes(substr($host, 1, -1), FILTER_FLAG_IPV6);
        } else {
            $address = self::bytes($host, FILTER_FLAG_IPV4);
            // A last label of digits is read as an address by curl, in many forms (2130706433, 0x7f.1): only the plain one
            // may stand here, so that what is forbidden can be seen.
            $label = '[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?';
            $isname = preg_match("/^($label\\.)*$label\$/D", $host) && strlen($host) <= 253
                && !preg_match('/(^|\.)(0x[0-9a-f]*|[0-9]+)$/D', $host);
            if ($address === null && !$isname) {
                throw new not_usable('host', 'that is no host name and no address');
            }
        }
        if ($address === null && str_starts_with($host, '[')) {
            throw new not_usable('host', 'that is no host name and no address');
        }
        if (self::is_forbidden($host, $address)) {
            throw new not_usable('metadata', 'that address belongs to no sidecar');
        }
        return [$host, $address];
    }

    /**
     * The bytes of an address; of an IPv4 address in IPv6 form those of the IPv4 one.
     *
     * @param string $text
     * @param int $family FILTER_FLAG_IPV4 or FILTER_FLAG_IPV6
     * @return string|null null: no such address
     */
    private static function bytes(string $text, int $family): ?string {
        if (filter_var($text, FILTER_VALIDATE_IP, $family) === false) {
            return null;
        }
        $bytes = (string) inet_pton($text);
        $mapped = str_repeat("\0", 10) . "\xff\xff";
        return strlen($bytes) === 16 && str_starts_with($bytes, $mapped) ? substr($bytes, 12) : $bytes;
    }

    /**
     * Whether an address is this machine.
     *
     * @param string $bytes
     * @return bool
     */
    private static function is_loopback(string $bytes): bool {
        return strlen($bytes) === 4 ? $bytes[0] === "\x7f" : $bytes === str_repeat("\0", 15) . "\x01";
    }

    /**
     * Whether it is a cloud's metadata service, a link-local address (where those are) or no address at all (0.0.0.0):
     * a sidecar is at none of these, and who can change a setting shall not reach them by it.
     *
     * @param string $host
     * @param string|null $bytes
     * @return bool
     */
    private static function is_forbidden(string $host, ?string $bytes): bool {
        if ($bytes === null) {
            return in_array($host, ['metadata', 'metadata.google.internal', 'instance-data'], true);
        }
        if (strlen($bytes) === 4) {
            return str_starts_with($bytes, "\xa9\xfe") || $bytes[0] === "\0";
        }
        $linklocal = $bytes[0] === "\xfe" && (ord($bytes[1]) & 0xc0) === 0x80;
        return $linklocal || $bytes === str_repeat("\0", 16) || $bytes === inet_pton('fd00:ec2::254');
    }
}
