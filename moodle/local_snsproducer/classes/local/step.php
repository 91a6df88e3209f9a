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
 * One step of the way of a test event, as it is shown.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class step {
    /** @var string It went well. */
    public const DONE = 'done';

    /** @var string It went wrong, and the way ends here. */
    public const FAILED = 'failed';

    /** @var string It isn't known yet. */
    public const OPEN = 'open';

    /**
     * A step.
     *
     * @param string $name
     * @param string $state
     * @param string $words
     * @param string $cure
     * @param string $page
     */
    public function __construct(
        /** @var string Which step: string `step<name>`. */
        public readonly string $name,
        /** @var string DONE, FAILED or OPEN. */
        public readonly string $state,
        /** @var string What happened; not escaped. */
        public readonly string $words,
        /** @var string What to do about it; not escaped; empty: nothing. */
        public readonly string $cure = '',
        /** @var string The page where it is done; empty: none. */
        public readonly string $page = ''
    ) {
    }

    /**
     * A step that went as a diagnosis says.
     *
     * @param string $name
     * @param diagnosis $diagnosis
     * @return self
     */
    public static function failed(string $name, diagnosis $diagnosis): self {
        return new self($name, self::FAILED, $diagnosis->what(), $diagnosis->cure(), $diagnosis->page);
    }

    /**
     * As it is kept between two requests.
     *
     * @return array
     */
    public function kept(): array {
        return [$this->name, $this->state, $this->words, $this->cure, $this->page];
    }
}
