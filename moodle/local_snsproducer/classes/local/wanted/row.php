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
 * One event that one contract speaks of, with all that it reads.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class row {
    /**
     * A row.
     *
     * @param string $contract
     * @param string $event
     * @param when|null $when
     * @param string[] $keys
     * @param array $entities
     * @param array $personal
     */
    public function __construct(
        /** @var string The contract's name. */
        public readonly string $contract,
        /** @var string Moodle's event name, with its leading backslash. */
        public readonly string $event,
        /** @var when|null Which of these events; null: all. */
        public readonly ?when $when,
        /**
         * @var string[] Keys of the event beside those that are always sent: `userid`, `other.enrol` (a plain value),
         *     `other.ids[]` (a list of plain values), `other.updatedfields{}` (the names of a map's keys).
         */
        public readonly array $keys,
        /** @var array<string, string[]> Entity → fields. */
        public readonly array $entities,
        /** @var array<string, string> Path → how near the contract says it is to a person. */
        public readonly array $personal = []
    ) {
    }

    /**
     * Reads what the sidecar told. Keys that are not known are ignored: a newer sidecar may tell them.
     *
     * @param mixed $told
     * @return self
     * @throws not_usable with reason `form`
     */
    public static function read(mixed $told): self {
        $text = fn(mixed $value, string $form) => is_string($value) && preg_match($form, $value);
        $isrow = is_array($told)
            && $text($told['contract'] ?? null, '/^[a-z0-9_.-]{1,128}$/Di')
            && $text($told['event'] ?? null, '/^\\\\[A-Za-z0-9_\\\\]{1,254}$/D')
            && self::are_texts($told['keys'] ?? null)
            && is_array($told['entities'] ?? null)
            && is_array($told['personal'] ?? []);
        if (!$isrow) {
            throw new not_usable('form', 'a row is not {"contract", "event", "keys", "entities"}');
        }
        foreach ($told['entities'] as $entity => $fields) {
            if (!is_string($entity) || !self::are_texts($fields)) {
                throw new not_usable('form', 'entities is not a map of entities to lists of fields');
            }
        }
        foreach ($told['personal'] ?? [] as $path => $class) {
            if (!is_string($path) || !is_string($class)) {
                throw new not_usable('form', 'personal is not a map of paths to classes');
            }
        }
        return new self(
            $told['contract'],
            $told['event'],
            isset($told['when']) ? when::read($told['when']) : null,
            $told['keys'],
            $told['entities'],
            $told['personal'] ?? []
        );
    }

    /**
     * As it was told.
     *
     * @return array
     */
    public function told(): array {
        return [
            'contract' => $this->contract,
            'event' => $this->event,
        ] + ($this->when === null ? [] : ['when' => $this->when->told()]) + [
            'keys' => $this->keys,
            'entities' => (object) $this->entities,
        ] + ($this->personal === [] ? [] : ['personal' => $this->personal]);
    }

    /**
     * Whether it takes an event of its name.
     *
     * @param array $event what get_data() gave
     * @param array $entities entity → fields
     * @return bool|null null: the value that its `when` asks for is absent or null, so it does not
     */
    public function holds(array $event, array $entities): ?bool {
        return $this->when === null ? true : $this->when->holds($event, $entities);
    }

    /**
     * Whether it is a list of texts.
     *
     * @param mixed $list
     * @return bool
     */
    private static function are_texts(mixed $list): bool {
        return is_array($list) && array_is_list($list) && $list === array_filter($list, 'is_string');
    }
}
