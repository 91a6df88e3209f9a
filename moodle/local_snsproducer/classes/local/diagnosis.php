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
 * What an answer of the sidecar means for the person who runs this site: what happened, and what to do about it.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class diagnosis {
    /** @var string[] Failures before any answer that have words of their own. */
    private const FAILURES = ['refused', 'timeout', 'dns', 'tls', 'broken', 'toolarge', 'nosecret', 'unusable'];

    /** @var string[] Refusals that have words of their own: the sidecar's name for them → ours. */
    private const REFUSALS = [
        'signature' => 'signature',
        'clock' => 'clock',
        'source-mismatch' => 'mismatch',
        'no-such-path' => 'path',
        'full' => 'full',
        'busy' => 'busy',
        'overloaded' => 'busy',
        'outcome-unknown' => 'notready',
        'not-ready' => 'notready',
        'stopping' => 'notready',
    ];

    /** @var int What an answer says is shown up to so many characters. */
    private const LONGEST = 300;

    /**
     * Made by of().
     *
     * @param string $kind
     * @param string $page
     * @param array $a
     */
    private function __construct(
        /** @var string One word for what happened; `fine` where nothing is wrong. */
        public readonly string $kind,
        /** @var string The page where the cure is. */
        public readonly string $page,
        /** @var array For the words; not escaped. */
        private readonly array $a
    ) {
    }

    /**
     * Reads an answer.
     *
     * @param answer $answer
     * @param status|null $status null: as it is now
     * @return self
     */
    public static function of(answer $answer, ?status $status = null): self {
        $status ??= new status();
        $site = $status->site();
        $kind = match (true) {
            $answer->status === 0 => in_array($answer->failure, self::FAILURES, true) ? $answer->failure : 'broken',
            $answer->status >= 200 && $answer->status < 300 => 'fine',
            isset(self::REFUSALS[$answer->problem() ?? '']) => self::REFUSALS[$answer->problem()],
            $answer->problem() !== null => 'refusal',
            default => 'stranger',
        };
        $a = [
            'endpoint' => $site['endpoint'],
            'source' => $site['sourcekey'],
            'here' => $site['wwwroot'],
            'ms' => $answer->elapsedms,
            'status' => $answer->status,
            'problem' => $answer->problem() ?? '',
            'detail' => self::detail($answer),
            'prints' => implode(', ', array_filter($status->fingerprints())) ?: '-',
        ];
        if ($kind === 'clock') {
            $a += self::times($answer);
        }
        $page = in_array($kind, ['clock', 'full', 'busy', 'notready'], true) ? 'overview' : 'settings';
        return new self($kind, $kind === 'mismatch' ? 'connect' : $page, $a);
    }

    /**
     * What happened, in a sentence.
     *
     * @return string not escaped
     */
    public function what(): string {
        return get_string("diagnosis_{$this->kind}", 'local_snsproducer', $this->a);
    }

    /**
     * What to do about it, in a sentence or two.
     *
     * @return string not escaped; empty where nothing is to be done
     */
    public function cure(): string {
        return $this->kind === 'fine' ? '' : get_string("diagnosis_{$this->kind}_cure", 'local_snsproducer', $this->a);
    }

    /**
     * Both, as paragraphs.
     *
     * @return string HTML
     */
    public function html(): string {
        return \html_writer::tag('p', s($this->what())) . \html_writer::tag('p', s($this->cure()));
    }

    /**
     * What the other side said of it.
     *
     * @param answer $answer
     * @return string at most LONGEST characters
     */
    private static function detail(answer $answer): string {
        $said = $answer->status === 0 ? $answer->detail : ($answer->json()['detail'] ?? '');
        return \core_text::substr(is_string($said) ? clean_param($said, PARAM_NOTAGS) : '', 0, self::LONGEST);
    }

    /**
     * The times that the sidecar names when it refuses one of them.
     *
     * @param answer $answer
     * @return array `ours`, `theirs` as text, `apart` in seconds
     */
    private static function times(answer $answer): array {
        $found = preg_match('/made at (\d{1,12}) .* it is (\d{1,12}) here/', self::detail($answer), $match);
        $ours = $found ? (int) $match[1] : time();
        $theirs = $found ? (int) $match[2] : ($answer->serverdate() ?? $ours);
        $form = get_string('strftimedatetimeaccurate', 'langconfig');
        return ['ours' => userdate($ours, $form), 'theirs' => userdate($theirs, $form), 'apart' => format_time(abs($theirs - $ours))];
    }
}
