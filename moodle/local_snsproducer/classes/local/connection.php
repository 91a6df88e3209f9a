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
 * The checked configuration, as it was when it was read.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class connection {
    /** @var string Where settings are kept. */
    public const PLUGIN = 'local_snsproducer';

    /** @var int What a request may cost in all, in milliseconds, where no setting says so. */
    public const BUDGET = 300;

    /** @var int What of that may go until it is connected, in milliseconds. */
    public const CONNECT_BUDGET = 50;

    /** @var int How many times that until a TLS connection stands: its handshake costs 5 to 20 ms of computing alone. */
    private const TLS_FACTOR = 3;

    /** @var string[] Settings that the environment may give: they win over the database and config.php. */
    private const FROM_ENVIRONMENT = ['endpoint', 'sourcekey', 'secret', 'secretnext'];

    /**
     * Made by of().
     *
     * @param endpoint $endpoint
     * @param string $sourcekey
     * @param string|null $cafile
     * @param int $budget
     * @param int $connectbudget
     * @param array $strict
     * @param bool $allowcontact
     * @param bool $allowspecial
     * @param string $connectedurl
     * @param string $wwwroot
     * @param string[] $sealed
     */
    private function __construct(
        /** @var endpoint Where the sidecar is. */
        public readonly endpoint $endpoint,
        /** @var string This site's key in the sidecar's configuration. */
        public readonly string $sourcekey,
        /** @var string|null File with the certificates that are trusted; null: the system's. */
        public readonly ?string $cafile,
        /** @var int What a request may cost in all, in milliseconds. */
        public readonly int $budget,
        /** @var int What of that may go until it is connected (TLS: until its handshake is done), in milliseconds. */
        public readonly int $connectbudget,
        /** @var array<string, true> Names of the events that are told if and only if they were committed. */
        public readonly array $strict,
        /** @var bool Whether an administrator allowed fields by which a person can be reached. */
        public readonly bool $allowcontact,
        /** @var bool Whether an administrator allowed fields that the law protects specially. */
        public readonly bool $allowspecial,
        /** @var string The URL an administrator connected; empty: none. */
        public readonly string $connectedurl,
        /** @var string This site's URL. */
        public readonly string $wwwroot,
        /** @var string[] Secrets as they are kept, current first. */
        private readonly array $sealed
    ) {
    }

    /**
     * The configuration, where there is one that can work.
     *
     * @return self|null null: not enabled, or something is missing or wrong (see problem())
     */
    public static function get(): ?self {
        try {
            return self::read();
        } catch (not_usable $problem) {
            return null;
        }
    }

    /**
     * What is missing or wrong in the configuration.
     *
     * @return not_usable|null null: nothing
     */
    public static function problem(): ?not_usable {
        try {
            self::read();
            return null;
        } catch (not_usable $problem) {
            return $problem;
        }
    }

    /**
     * Reads the configuration: environment, config.php, database, in this order.
     *
     * @return self
     * @throws not_usable
     */
    private static function read(): self {
        global $CFG;
        $config = (array) get_config(self::PLUGIN);
        foreach (self::FROM_ENVIRONMENT as $name) {
            $value = getenv('LOCAL_SNSPRODUCER_' . strtoupper($name));
            if (is_string($value) && $value !== '') {
                $config[$name] = $value;
            }
        }
        return self::of($config, $CFG->wwwroot);
    }

    /**
     * A configuration of these values.
     *
     * @param array $config name → value, as settings hold them
     * @param string $wwwroot this site's URL
     * @return self
     * @throws not_usable with the reasons of endpoint::parse(), or `disabled`, `sourcekey`, `nosecret`
     */
    public static function of(
        #[\SensitiveParameter]
        array $config,
        string $wwwroot
    ): self {
        $text = fn(string $name) => is_scalar($config[$name] ?? null) ? trim((string) $config[$name]) : '';
        if ($text('enabled') !== '1') {
            throw new not_usable('disabled', 'the plugin is not enabled');
        }
        $endpoint = endpoint::parse($text('endpoint'), $text('plaintext') === '1');
        if (!preg_match('/^[a-z0-9][a-z0-9_-]{0,31}$/D', $text('sourcekey'))) {
            throw new not_usable('sourcekey', 'a key has 1 to 32 of a-z, 0-9, - and _, beginning with a letter or digit');
        }
        $sealed = array_values(array_filter([$text('secret'), $text('secretnext')], fn($one) => $one !== ''));
        if ($sealed === []) {
            throw new not_usable('nosecret', 'no secret');
        }
        $budget = self::within($text('budget'), self::BUDGET, 10, 60000);
        $connectbudget = self::within($text('connectbudget'), self::CONNECT_BUDGET, 5, 60000);
        if (str_starts_with($endpoint->base, 'https:')) {
            $connectbudget *= self::TLS_FACTOR;
        }
        $strict = preg_split('/\s+/', $text('strict'), -1, PREG_SPLIT_NO_EMPTY) ?: [];
        return new self(
            $endpoint,
            $text('sourcekey'),
            $text('cafile') === '' ? null : $text('cafile'),
            $budget,
            min($budget, $connectbudget),
            // A class name may be written with or without its leading backslash.
            array_fill_keys(array_map(fn($name) => '\\' . ltrim($name, '\\'), $strict), true),
            $text('allowcontact') === '1',
            $text('allowspecial') === '1',
            $text('connectedurl'),
            $wwwroot,
            $sealed
        );
    }

    /**
     * Whether this site is another than the one that was connected: then it says nothing, for it may be a copy.
     *
     * @return bool false also where none was connected
     */
    public function is_copy(): bool {
        return $this->connectedurl !== '' && $this->connectedurl !== $this->wwwroot;
    }

    /**
     * Whether this very site was connected.
     *
     * @return bool
     */
    public function is_armed(): bool {
        return $this->connectedurl !== '' && $this->connectedurl === $this->wwwroot;
    }

    /**
     * Where events are posted.
     *
     * @return string
     */
    public function events_path(): string {
        return $this->path('events');
    }

    /**
     * Where the wanted list is asked for.
     *
     * @return string
     */
    public function wanted_path(): string {
        return $this->path('wanted');
    }

    /**
     * Where the fate of events is asked for.
     *
     * @return string
     */
    public function trace_path(): string {
        return $this->path('trace');
    }

    /**
     * The secrets, decrypted: current, then next where a rotation is under way.
     *
     * @return secret[] those that can be read; none: nothing can be signed
     */
    public function secrets(): array {
        $secrets = [];
        foreach ($this->sealed as $sealed) {
            try {
                // What config.php or the environment gives is plain; what the settings page stored is encrypted.
                $plain = str_starts_with($sealed, 'whsec_') ? $sealed : \core\encryption::decrypt($sealed);
                $secrets[] = secret::parse($plain);
            } catch (\Throwable $unreadable) {
                // The words of other people's exceptions may hold what was to be decrypted: they are not passed on.
                continue;
            }
        }
        return $secrets;
    }

    /**
     * Says that this very site is the one that the sidecar knows.
     */
    public static function connect(): void {
        global $CFG;
        set_config('connectedurl', $CFG->wwwroot, self::PLUGIN);
    }

    /**
     * Takes that back: from now on nothing is sent or kept.
     */
    public static function disconnect(): void {
        unset_config('connectedurl', self::PLUGIN);
    }

    /**
     * What dumps show.
     *
     * @return array no secret, not even an encrypted one
     */
    public function __debugInfo(): array { // phpcs:ignore moodle.NamingConventions.ValidFunctionName.MagicLikeMethod
        return ['endpoint' => $this->endpoint->text(), 'sourcekey' => $this->sourcekey, 'connectedurl' => $this->connectedurl];
    }

    /**
     * A path of this source.
     *
     * @param string $verb
     * @return string
     */
    private function path(string $verb): string {
        return '/v1/sources/' . $this->sourcekey . '/' . $verb;
    }

    /**
     * A number of a setting, held within its bounds.
     *
     * @param string $text
     * @param int $default
     * @param int $least
     * @param int $most
     * @return int
     */
    private static function within(string $text, int $default, int $least, int $most): int {
        return preg_match('/^[0-9]{1,9}$/D', $text) ? max($least, min($most, (int) $text)) : $default;
    }
}
