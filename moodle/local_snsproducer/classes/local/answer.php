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
 * What came of one request to the sidecar.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class answer {
    /**
     * Made by http::post().
     *
     * @param int $status
     * @param string|null $failure
     * @param string $body
     * @param array $headers
     * @param int $elapsedms
     * @param string $detail
     * @param string|null $address
     */
    public function __construct(
        /** @var int The HTTP status; 0: none came. */
        public readonly int $status,
        /**
         * @var string|null Why no whole answer came; null: one came. `refused` (nobody listens), `timeout`, `dns`, `tls`,
         *     `broken` (the connection broke, or that was no HTTP), `toolarge` (the answer), `nosecret`, `unusable` (this PHP
         *     or these settings can't).
         */
        public readonly ?string $failure,
        /** @var string The body, bounded. */
        public readonly string $body = '',
        /** @var array<string, string[]> Name in lower case → each value. */
        public readonly array $headers = [],
        /** @var int Milliseconds from the call to the answer or failure. */
        public readonly int $elapsedms = 0,
        /** @var string What curl said, for an administrator: no secret, no body. */
        public readonly string $detail = '',
        /** @var string|null The address that answered; null: a socket, or none. */
        public readonly ?string $address = null
    ) {
    }

    /**
     * The value of a header that is there exactly once.
     *
     * @param string $name in lower case
     * @return string|null
     */
    public function header(string $name): ?string {
        $values = $this->headers[$name] ?? [];
        return count($values) === 1 ? $values[0] : null;
    }

    /**
     * The body as a JSON object.
     *
     * @return array|null null: it is none
     */
    public function json(): ?array {
        // Deeper than anything the sidecar answers.
        $value = json_decode($this->body, true, 64);
        return is_array($value) && str_starts_with(ltrim($this->body), '{') ? $value : null;
    }

    /**
     * What the sidecar calls the problem: the last word of the answer's `type`.
     *
     * @return string|null e.g. `clock`, `signature`, `max-body`; null: it is no problem of the sidecar's
     */
    public function problem(): ?string {
        $type = $this->json()['type'] ?? null;
        $isours = is_string($type) && preg_match('/^urn:moodle-sns-producer:problem:([a-z-]+)$/D', $type, $match);
        return $isours ? $match[1] : null;
    }

    /**
     * When the sidecar says one may come again.
     *
     * @return int|null seconds, at most an hour
     */
    public function retry_after(): ?int {
        $value = $this->header('retry-after');
        return $value !== null && preg_match('/^[0-9]{1,9}$/D', $value) ? min((int) $value, 3600) : null;
    }

    /**
     * The sidecar's clock when it answered.
     *
     * @return int|null Unix seconds
     */
    public function serverdate(): ?int {
        $date = $this->header('date');
        if ($date === null) {
            return null;
        }
        $utc = new \DateTimeZone('UTC');
        $parsed = \DateTimeImmutable::createFromFormat('D, d M Y H:i:s \G\M\T', $date, $utc);
        return $parsed === false ? null : $parsed->getTimestamp();
    }
}
