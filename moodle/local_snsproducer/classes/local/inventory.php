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
 * The inventory: each class of events with its component and the keys of its `other`, the activities, and what this plugin
 * reads beside an event. The sidecar's `contracts check --moodle` holds contracts against it, before an upgrade does.
 *
 * Moodle has no list of the keys of `other`. They are gathered from what each class says of itself (its docblock and those
 * of its parents, the mapping that it gives for restoring logs, the keys that its own code uses), from the functions that
 * raise it, and, where asked for, from events in the log. Docblocks alone are no proof that a key is missing: that of
 * badge_awarded speaks of `expiredate`, and the key is `dateexpire`. So a list is told only where the event was seen in the
 * log or its raising was read; else it is null: not known, which is never a finding. A list errs on the side of too many: a
 * key that is documented and never set is not found out.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class inventory {
    /** @var int The version of the form. */
    public const FORM = 1;

    /**
     * The whole inventory.
     *
     * @param array $logged eventname => list of keys of `other` seen in the log, see {@see self::seen()}
     * @return array ready for json_encode
     */
    public static function take(array $logged = []): array {
        global $CFG;
        $events = [];
        $raised = self::keys_where_raised($CFG->dirroot);
        foreach (self::classes() as $class) {
            $name = '\\' . $class;
            $events[$name] = [
                'component' => strstr($class, '\\', true),
                'deprecated' => self::is_deprecated($class),
                'other' => self::other_keys($class, $raised[$name] ?? null, $logged[$name] ?? null),
            ];
        }
        ksort($events);
        $plugin = \core_plugin_manager::instance()->get_plugin_info('local_snsproducer');
        $activities = array_keys(\core_component::get_plugin_list('mod'));
        sort($activities);
        $entities = wanted\vocabulary::entities();
        foreach ($entities as &$fields) {
            sort($fields);
        }
        ksort($entities);
        return [
            'inventory' => self::FORM,
            'moodle' => (string)preg_replace('/\s.*$/', '', (string)($CFG->release ?? '')),
            'plugin' => $plugin?->release,
            'activities' => $activities,
            'entities' => $entities,
            'events' => $events,
        ];
    }

    /**
     * An inventory as it is printed: one class of events a line, so that two of them can be compared line by line.
     *
     * @param array $inventory
     * @return string JSON
     */
    public static function text(array $inventory): string {
        $flags = JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_THROW_ON_ERROR;
        $parts = [];
        foreach ($inventory as $key => $value) {
            if (is_array($value) && !array_is_list($value)) {
                $lines = [];
                foreach ($value as $name => $inner) {
                    $lines[] = '    ' . json_encode((string)$name, $flags) . ': ' . json_encode($inner, $flags);
                }
                $text = "{\n" . implode(",\n", $lines) . "\n  }";
            } else {
                $text = json_encode($value, $flags);
            }
            $parts[] = '  ' . json_encode($key, $flags) . ': ' . $text;
        }
        return "{\n" . implode(",\n", $parts) . "\n}\n";
    }

    /**
     * Every class of events that can be raised here, without a leading backslash.
     *
     * @return string[]
     */
    public static function classes(): array {
        $classes = [];
        foreach (array_keys(\core_component::get_component_classes_in_namespace(null, 'event')) as $class) {
            $class = ltrim($class, '\\');
            // Stands for logged events of classes that are gone; nothing raises it.
            if ($class === 'core\event\unknown_logged') {
                continue;
            }
            try {
                if (is_a($class, \core\event\base::class, true) && !(new \ReflectionClass($class))->isAbstract()) {
                    $classes[] = $class;
                }
            } catch (\Throwable $e) {
                // A class that PHP can't load can't be raised either.
                debugging("$class can't be loaded: " . $e->getMessage(), DEBUG_DEVELOPER);
            }
        }
        sort($classes);
        return $classes;
    }

    /**
     * Whether Moodle means to take a class of events away.
     *
     * @param string $class
     * @return bool
     */
    public static function is_deprecated(string $class): bool {
        try {
            return (bool)$class::is_deprecated();
        } catch (\Throwable) {
            return false;
        }
    }

    /**
     * The keys of a class's `other`, sorted.
     *
     * @param string $class
     * @param string[]|null $raised keys in the functions that raise it; null where these tell not all
     * @param string[]|null $logged keys seen in the log; null where none of these events were seen
     * @return string[]|null null: not known; an empty list: it has none
     */
    public static function other_keys(string $class, ?array $raised, ?array $logged = null): ?array {
        $reflection = new \ReflectionClass($class);
        $keys = array_merge($raised ?? [], $logged ?? [], self::keys_of_mapping($reflection));
        $known = $raised !== null || $logged !== null;
        for ($of = $reflection; $of && $of->getName() !== \core\event\base::class; $of = $of->getParentClass()) {
            $source = (string)@file_get_contents((string)$of->getFileName());
            $own = self::keys_where_made($source, ['self', 'static', 'parent'])['self'] ?? null;
            $known = $known || $own !== null;
            $keys = array_merge(
                $keys,
                self::keys_of_docblock((string)$of->getDocComment()),
                self::keys_of_code($source),
            );
        }
        $keys = array_values(array_unique($keys));
        sort($keys);
        return $known ? $keys : null;
    }

    /**
     * The keys that a docblock names in its braces behind the property `other`.
     *
     * @param string $docblock
     * @return string[]
     */
    public static function keys_of_docblock(string $docblock): array {
        if (!preg_match('/@property-read\s+\S+\s+\$other\s*\{(.*?)^[\s*]*\}/ms', $docblock, $found)) {
            return [];
        }
        preg_match_all('/^[\s*]*-\s*(?:[\w|\\\\\[\]?]+\s+)?\$?(\w+)\s*(?::|\(|$)/m', $found[1], $keys);
        return $keys[1];
    }

    /**
     * The keys of `other` that an event class's own code reads or writes.
     *
     * @param string $source PHP
     * @return string[]
     */
    public static function keys_of_code(string $source): array {
        // A key of the property, or of the element of that name.
        preg_match_all('/(?:->other|\[\'other\'\])\s*\[\s*[\'"](\w+)[\'"]\s*\]/', $source, $read);
        // Or the whole of it is written out.
        $written = [];
        if (preg_match_all('/[\'"]other[\'"]\s*\]?\s*=>?\s*(?:\[|array\s*\()/', $source, $starts, PREG_OFFSET_CAPTURE)) {
            foreach ($starts[0] as [$text, $offset]) {
                $written = array_merge($written, self::keys_of_array(substr($source, $offset + strlen($text), 4096)));
            }
        }
        return array_values(array_unique(array_merge($read[1], $written)));
    }

    /**
     * The keys of `other` in the functions that raise events, by event. One that raises several lends its keys to each.
     *
     * @param string $root a folder of Moodle's code
     * @return array eventname => list of keys; null where a function was found that sets `other` in a way not understood
     */
    public static function keys_where_raised(string $root): array {
        $folders = new \RecursiveCallbackFilterIterator(
            new \RecursiveDirectoryIterator($root, \FilesystemIterator::SKIP_DOTS),
            fn(\SplFileInfo $file): bool => $file->isDir()
                ? !in_array($file->getFilename(), ['tests', 'lang', 'vendor', 'node_modules', 'amd', 'yui'], true)
                : $file->getExtension() === 'php',
        );
        $keys = [];
        foreach (new \RecursiveIteratorIterator($folders) as $file) {
            $source = (string)@file_get_contents($file->getPathname());
            if (str_contains($source, '::create(')) {
                self::merge($keys, self::keys_where_made($source));
            }
        }
        return $keys;
    }

    /**
     * The same of one file.
     *
     * @param string $source PHP
     * @param string[]|null $selves words for the file's own class, all told as `self`; null: look for full names instead
     * @return array eventname (or `self`) => list of keys, or null
     */
    public static function keys_where_made(string $source, ?array $selves = null): array {
        $name = $selves ? '\b(' . implode('|', $selves) . ')' : '(\\\\\w+\\\\event\\\\\w+)';
        $keys = [];
        foreach (preg_split('/\bfunction\b/', $source) as $function) {
            if (!preg_match_all("/$name::create\(/", $function, $events)) {
                continue;
            }
            $found = self::keys_of_code($function);
            // It speaks of `other`, and none of its keys could be read.
            $unclear = !$found && preg_match('/\bother\b/', $function);
            foreach ($selves ? ['self'] : array_unique($events[1]) as $event) {
                self::merge($keys, [$event => $unclear ? null : $found]);
            }
        }
        return $keys;
    }

    /**
     * Puts lists of keys together; what is unclear once is unclear.
     *
     * @param array $keys changed
     * @param array $more
     */
    private static function merge(array &$keys, array $more): void {
        foreach ($more as $event => $found) {
            $before = array_key_exists($event, $keys) ? $keys[$event] : [];
            $keys[$event] = $before === null || $found === null
                ? null : array_values(array_unique(array_merge($before, $found)));
        }
    }

    /**
     * The keys of an array literal's first level.
     *
     * @param string $source PHP, from behind the opening bracket
     * @return string[]
     */
    private static function keys_of_array(string $source): array {
        $keys = [];
        $depth = 0;
        $tokens = token_get_all('<?php ' . $source);
        foreach ($tokens as $i => $token) {
            if ($token === '[' || $token === '(') {
                $depth++;
            } else if ($token === ']' || $token === ')') {
                if (--$depth < 0) {
                    break;
                }
            } else if ($depth === 0 && is_array($token) && $token[0] === T_CONSTANT_ENCAPSED_STRING) {
                for ($j = $i + 1; is_array($tokens[$j] ?? null) && $tokens[$j][0] === T_WHITESPACE; $j++) {
                    continue;
                }
                if (is_array($tokens[$j] ?? null) && $tokens[$j][0] === T_DOUBLE_ARROW) {
                    $keys[] = trim($token[1], '\'"');
                }
            }
        }
        return $keys;
    }

    /**
     * The keys that a class maps when a log is restored. That it maps none says nothing: most keys need no mapping.
     *
     * @param \ReflectionClass $class
     * @return string[]
     */
    private static function keys_of_mapping(\ReflectionClass $class): array {
        try {
            $method = $class->getMethod('get_other_mapping');
            // The base's own only complains.
            if ($method->getDeclaringClass()->getName() === \core\event\base::class) {
                return [];
            }
            $mapping = $method->invoke(null);
            return is_array($mapping) ? array_values(array_filter(array_keys($mapping), 'is_string')) : [];
        } catch (\Throwable) {
            return [];
        }
    }

    /**
     * The keys of `other` in the newest events of a log store.
     *
     * @param \core\log\sql_reader $reader
     * @param int $newest how many rows to look at
     * @return array eventname => list of keys
     */
    public static function seen(\core\log\sql_reader $reader, int $newest): array {
        $seen = [];
        $events = $reader->get_events_select_iterator('id > :none', ['none' => 0], 'id DESC', 0, $newest);
        foreach ($events as $event) {
            if (!$event) {
                continue;
            }
            $data = $event->get_data();
            $other = is_array($data['other'] ?? null) ? $data['other'] : [];
            $name = (string)$data['eventname'];
            $seen[$name] ??= [];
            foreach (array_keys($other) as $key) {
                if (is_string($key)) {
                    $seen[$name][$key] = true;
                }
            }
        }
        if (method_exists($events, 'close')) {
            $events->close();
        }
        return array_map('array_keys', $seen);
    }
}
