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

    /** @var string[] What can be wrong with an answer that came, by fetch's word for it. */
    private const ANSWERS = ['signature' => 'impostor', 'clock' => 'clock', 'form' => 'form'];

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
        $said = $answer->status === 0 ? $answer->detail : ($answer->json()['detail'] ?? '');
        return self::read([
            'status' => $answer->status,
            'failure' => $answer->failure,
            'kind' => $answer->problem(),
            'detail' => $said,
            'ms' => $answer->elapsedms,
            'theirs' => $answer->serverdate(),
        ], $status ?? new status());
    }

    /**
     * Reads what was kept of the last fetch of the wanted list.
     *
     * @param array $fetch as status::fetch() gives it
     * @param status|null $status null: as it is now
     * @return self
     */
    public static function of_fetch(array $fetch, ?status $status = null): self {
        return self::read($fetch, $status ?? new status());
    }

    /**
     * Reads what is known of a request.
     *
     * @param array $known status, failure, kind, detail, ms, ours, theirs
     * @param status $status
     * @return self
     */
    private static function read(array $known, status $status): self {
        $site = $status->site();
        $code = (int) ($known['status'] ?? 0);
        $failure = (string) ($known['failure'] ?? '');
        $problem = (string) ($known['kind'] ?? '');
        $kind = match (true) {
            isset(self::REFUSALS[$problem]) => self::REFUSALS[$problem],
            $code === 0 => in_array($failure, self::FAILURES, true) ? $failure : 'broken',
            $problem !== '' => 'refusal',
            $code < 200 || $code > 299 => 'stranger',
            isset(self::ANSWERS[$failure]) => self::ANSWERS[$failure],
            default => 'fine',
        };
        $said = is_string($known['detail'] ?? null) ? clean_param($known['detail'], PARAM_NOTAGS) : '';
        $a = [
            'endpoint' => $site['endpoint'],
            'source' => $site['sourcekey'],
            'here' => $site['wwwroot'],
            'ms' => (int) ($known['ms'] ?? 0),
            'status' => $code,
            'problem' => $problem,
            'detail' => \core_text::substr($said, 0, self::LONGEST),
            'prints' => implode(', ', array_filter($status->fingerprints())) ?: '-',
        ] + self::times($said, $known['ours'] ?? null, $known['theirs'] ?? null);
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
     * Both clocks: as the sidecar names them when it refuses one of them, or by the date of its answer.
     *
     * @param string $said
     * @param mixed $ours Unix seconds, where known
     * @param mixed $theirs Unix seconds, where known
     * @return array `ours`, `theirs`, `apart` as text
     */
    private static function times(string $said, mixed $ours, mixed $theirs): array {
        $ours = is_int($ours) ? $ours : time();
        $theirs = is_int($theirs) ? $theirs : $ours;
        if (preg_match('/made at (\d{1,11}) .* it is (\d{1,11}) here/', $said, $match)) {
            [, $ours, $theirs] = array_map('intval', $match);
        }
        $form = get_string('strftimedatetimeaccurate', 'langconfig');
        return [
            'ours' => userdate($ours, $form),
            'theirs' => userdate($theirs, $form),
            'apart' => format_time(max(1, abs($theirs - $ours))),
        ];
    }
}
