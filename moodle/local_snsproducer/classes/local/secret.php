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
 * A secret that this site and the sidecar share: `whsec_` and base64 of at least 24 bytes.
 *
 * Its bytes stand in no dump, no exception and no serialised text.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class secret {
    /** @var string What each secret begins with, so that scanners find one that leaked. */
    private const PREFIX = 'whsec_';

    /** @var int The shortest secret that is taken, in bytes. */
    public const SHORTEST = 24;

    /**
     * Made by parse() only.
     *
     * @param string $bytes the key of the MAC
     */
    private function __construct(
        /** @var string The key of the MAC. */
        #[\SensitiveParameter]
        private readonly string $bytes
    ) {
    }

    /**
     * Reads a secret as it is written in settings, config.php or the environment.
     *
     * @param string $text white space around it is ignored
     * @return self
     * @throws not_usable with reason `prefix`, `base64` or `short`; the words never hold the text
     */
    public static function parse(
        #[\SensitiveParameter]
        string $text
    ): self {
        $text = trim($text);
        if (!str_starts_with($text, self::PREFIX)) {
            throw new not_usable('prefix', 'a secret begins with whsec_');
        }
        $encoded = substr($text, strlen(self::PREFIX));
        $bytes = base64_decode($encoded, true);
        // PHP reads base64 with white space in it, without its padding, and with bits left over: one secret has one text.
        if ($bytes === false || base64_encode($bytes) !== $encoded) {
            throw new not_usable('base64', 'what follows whsec_ is not base64: was it cut when it was copied?');
        }
        if (strlen($bytes) < self::SHORTEST) {
            throw new not_usable('short', 'a secret has at least 24 bytes, this one has ' . strlen($bytes));
        }
        return new self($bytes);
    }

    /**
     * Enough to compare two secrets by eye, and shown on both sides.
     *
     * @return string the first 8 hexadecimal digits of SHA-256 over its bytes
     */
    public function fingerprint(): string {
        return substr(hash('sha256', $this->bytes), 0, 8);
    }

    /**
     * The MAC of a text.
     *
     * @param string $text
     * @return string 32 bytes of HMAC-SHA256
     */
    public function mac(string $text): string {
        return hash_hmac('sha256', $text, $this->bytes, true);
    }

    /**
     * What dumps show.
     *
     * @return array the fingerprint
     */
    public function __debugInfo(): array { // phpcs:ignore moodle.NamingConventions.ValidFunctionName.MagicLikeMethod
        return ['fingerprint' => $this->fingerprint()];
    }

    /**
     * A secret goes into no cache and no session.
     *
     * @return array never
     * @throws \LogicException always
     */
    public function __serialize(): array {
        throw new \LogicException('a secret is not written down');
    }
}
