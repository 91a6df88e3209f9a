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
 * Standard Webhooks signatures, as pure functions of the message and a clock passed in.
 *
 * Stricter than the specification where it is ambiguous: ids hold no dot, so that `id.timestamp.body` can be read in
 * one way only, and the timestamp holds digits only.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class signature {
    /** @var string The header that names a message. */
    public const ID = 'webhook-id';

    /** @var string The header that says when it was signed, in Unix seconds. */
    public const TIMESTAMP = 'webhook-timestamp';

    /** @var string The header with the signatures. */
    public const SIGNATURE = 'webhook-signature';

    /** @var int How far the other side's clock may be off, in seconds either way. */
    public const TOLERANCE = 300;

    /** @var string Ids that begin so name the sidecar's own answers, never a request. */
    public const RESERVED = 'wanted-';

    /** @var int The most `v1` signatures that are looked at. */
    private const MOST_SIGNATURES = 16;

    /**
     * The value of the header `webhook-signature`.
     *
     * @param secret[] $secrets each makes one signature: during a rotation the other side may know either
     * @param string $id 1 to 64 of A-Z, a-z, 0-9, - and _
     * @param int $seconds Unix time of the signing
     * @param string $body the very bytes that are sent
     * @return string signatures with spaces between
     */
    public static function sign(array $secrets, string $id, int $seconds, string $body): string {
        $text = $id . '.' . $seconds . '.' . $body;
        return implode(' ', array_map(fn(secret $secret) => 'v1,' . base64_encode($secret->mac($text)), $secrets));
    }

    /**
     * The secret that made one of the signatures of a message, lately.
     *
     * @param secret[] $secrets
     * @param string $id value of the header `webhook-id`
     * @param int|string $timestamp value of the header `webhook-timestamp`
     * @param string $list value of the header `webhook-signature`
     * @param string $body
     * @param int $now Unix time by our clock
     * @return secret|null null: not signed by one who knows a secret, or more than TOLERANCE off
     */
    public static function verify(
        array $secrets,
        string $id,
        int|string $timestamp,
        string $list,
        string $body,
        int $now
    ): ?secret {
        $verdict = self::judge($secrets, $id, (string) $timestamp, $list, $body, $now);
        return $verdict instanceof secret ? $verdict : null;
    }

    /**
     * As verify(), and says what is wrong.
     *
     * @param secret[] $secrets
     * @param string $id
     * @param string $timestamp
     * @param string $list
     * @param string $body
     * @param int $now
     * @return secret|string the secret, or `header-id`, `header-timestamp`, `header-signature` (a header breaks its form),
     *     `signature` (none fits) or `clock` (one fits, but a clock is wrong or the message is old)
     */
    public static function judge(
        array $secrets,
        string $id,
        string $timestamp,
        string $list,
        string $body,
        int $now
    ): secret|string {
        if (!self::is_id($id)) {
            return 'header-id';
        }
        if (!preg_match('/^[0-9]{1,12}$/D', $timestamp)) {
            return 'header-timestamp';
        }
        $macs = [];
        $seen = 0;
        foreach (explode(' ', $list) as $entry) {
            if (!str_starts_with($entry, 'v1,')) {
                continue;
            }
            if (++$seen > self::MOST_SIGNATURES) {
                return 'header-signature';
            }
            $encoded = substr($entry, 3);
            $mac = base64_decode($encoded, true);
            // What no MAC could look like fits no secret: it needs no answer of its own.
            if ($mac !== false && strlen($mac) === 32 && base64_encode($mac) === $encoded) {
                $macs[] = $mac;
            }
        }
        $text = $id . '.' . $timestamp . '.' . $body;
        $found = null;
        // Each is compared, also after one that fits, so that the time taken tells nothing.
        foreach ($secrets as $secret) {
            $ours = $secret->mac($text);
            foreach ($macs as $mac) {
                if (hash_equals($ours, $mac) && $found === null) {
                    $found = $secret;
                }
            }
        }
        if ($found === null) {
            return 'signature';
        }
        return abs($now - (int) $timestamp) > self::TOLERANCE ? 'clock' : $found;
    }

    /**
     * Whether a text may be a `webhook-id`.
     *
     * @param string $id
     * @return bool
     */
    public static function is_id(string $id): bool {
        return (bool) preg_match('/^[A-Za-z0-9_-]{1,64}$/D', $id);
    }
}
