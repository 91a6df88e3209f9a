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
 * What a request would leave behind if it died now: the events it has observed and not yet written down. It lies in
 * APCu, where it outlives the process, so that a request that was killed shows in the ledger. Without APCu only
 * what was written before the kill shows.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class remains {
    /** @var int a request that has noted nothing for so long counts as dead, in seconds */
    private const DEAD = 900;

    /** @var int the dead are looked for at most this often on a node, in seconds */
    private const EVERY = 60;

    /** @var string the entry of this request */
    private string $key;

    /** @var bool whether it was written */
    private bool $noted = false;

    /** @var int when it was written last, in Unix seconds */
    private int $at = 0;

    /**
     * Begins to note for one request.
     */
    private function __construct() {
        $this->key = self::prefix() . bin2hex(random_bytes(8));
    }

    /**
     * Where notes can be kept.
     *
     * @return ?self null: nowhere
     */
    public static function where_possible(): ?self {
        // On the command line APCu is memory of that process alone, if it is there at all.
        return PHP_SAPI !== 'cli' && function_exists('apcu_enabled') && apcu_enabled() ? new self() : null;
    }

    /**
     * Notes what was observed and isn't written down.
     *
     * @param array $seen hour => name => n
     * @return bool false: another request took this one for dead and wrote down what was noted before; this wasn't noted
     */
    public function note(array $seen): bool {
        $now = time();
        // Nobody takes over what was noted a moment ago.
        if ($this->noted && $now - $this->at > self::DEAD / 2 && !apcu_exists($this->key)) {
            $this->noted = false;
            return false;
        }
        $this->noted = apcu_store($this->key, ['at' => $now, 'seen' => $seen]);
        $this->at = $now;
        return true;
    }

    /**
     * Whether what was noted is still this request's to write down.
     *
     * @return bool
     */
    public function are_ours(): bool {
        return !$this->noted || apcu_exists($this->key);
    }

    /**
     * Forgets the note, once it is written down.
     */
    public function forget(): void {
        if ($this->noted) {
            apcu_delete($this->key);
            $this->noted = false;
        }
    }

    /**
     * Takes over what dead requests of this node left, at most once a minute.
     *
     * @return array hour => name => n
     */
    public static function of_the_dead(): array {
        if (!apcu_add(self::prefix() . 'looked', 1, self::EVERY)) {
            return [];
        }
        $left = [];
        // The times that APCu itself keeps are of no clock that one could compare with.
        $notes = '/^' . preg_quote(self::prefix(), '/') . '[0-9a-f]{16}$/D';
        foreach (new \APCUIterator($notes, APC_ITER_KEY | APC_ITER_VALUE) as $entry) {
            $note = $entry['value'];
            // Only the one whose delete succeeds writes it down.
            if (($note['at'] ?? 0) > time() - self::DEAD || !apcu_delete($entry['key'])) {
                continue;
            }
            foreach ($note['seen'] ?? [] as $hour => $names) {
                foreach ($names as $name => $n) {
                    $left[$hour][$name] = ($left[$hour][$name] ?? 0) + $n;
                }
            }
        }
        return $left;
    }

    /**
     * Two sites may share one APCu.
     *
     * @return string
     */
    private static function prefix(): string {
        global $CFG;
        return 'local_snsproducer/' . substr(md5($CFG->wwwroot . '|' . $CFG->dbname . '|' . $CFG->prefix), 0, 12) . '/seen/';
    }
}
