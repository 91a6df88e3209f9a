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

namespace local_snsproducer\local\wanted;

use local_snsproducer\local\not_usable;

/**
 * A condition on one value, compared as text. On a value that is absent or null it takes nothing, by `in` and `not_in`
 * alike.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class when {
    /**
     * A condition.
     *
     * @param string $field
     * @param string[]|null $oneof
     * @param string[]|null $notin
     * @param bool $isforbidden
     */
    public function __construct(
        /** @var string A path such as `entities.grade.released`. */
        public readonly string $field,
        /** @var string[]|null One of these. */
        public readonly ?array $oneof,
        /** @var string[]|null None of these. */
        public readonly ?array $notin,
        /** @var bool Whether the field may not be looked at: then the value is never known. */
        public readonly bool $isforbidden = false
    ) {
    }

    /**
     * Reads what the sidecar told.
     *
     * @param mixed $told
     * @return self
     * @throws not_usable with reason `form`
     */
    public static function read(mixed $told): self {
        $texts = fn(mixed $list) => is_array($list) && array_is_list($list) && $list === array_filter($list, 'is_string');
        if (
            !is_array($told) || !is_string($told['field'] ?? null)
            || (isset($told['in']) && !$texts($told['in'])) || (isset($told['not_in']) && !$texts($told['not_in']))
        ) {
            throw new not_usable('form', 'when is not {"field", "in" or "not_in": [texts]}');
        }
        return new self($told['field'], $told['in'] ?? null, $told['not_in'] ?? null);
    }

    /**
     * As it was told.
     *
     * @return array
     */
    public function told(): array {
        return array_filter(['field' => $this->field, 'in' => $this->oneof, 'not_in' => $this->notin], fn($v) => $v !== null);
    }

    /**
     * Whether it holds.
     *
     * @param array $event what get_data() gave
     * @param array $entities entity → fields
     * @return bool|null null: the value is not known
     */
    public function holds(array $event, array $entities): ?bool {
        $path = $this->isforbidden ? null : vocabulary::path($this->field);
        if ($path === null) {
            return null;
        }
        $root = array_shift($path);
        $value = value::key_text(value::find($root === 'event' ? $event : $entities, $path));
        if ($value === null) {
            return null;
        }
        $among = fn(?array $list) => $list !== null && in_array($value, $list, true);
        return ($this->oneof === null || $among($this->oneof)) && !$among($this->notin);
    }

    /**
     * Whether it can be decided before any entity is read.
     *
     * @return bool
     */
    public function is_on_event(): bool {
        return str_starts_with($this->field, 'event.');
    }

    /**
     * The same condition on a value that is never known.
     *
     * @return self
     */
    public function forbidden(): self {
        return new self($this->field, $this->oneof, $this->notin, true);
    }
}
