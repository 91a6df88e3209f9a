<?php
// Checks the Moodle plugin's source text, without a Moodle:
//
//     php scripts/moodle_check.php [PLUGIN_DIR]
//
// Each problem is one line, "file:line: what is wrong"; exit code 1 where there is one. What needs a Moodle is
// checked by its PHPUnit tests (moodle/phpunit.sh) and the live suite.

declare(strict_types=1);

const COMPONENT = 'local_snsproducer';
const COPYRIGHT = '@copyright  2026 the moodle-sns-producer authors';
const LICENSE = '@license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later';

/** The only places of certain functions: bare curl in the one client, its constants beside it. */
const CURL_FILES = ['classes/local/http.php', 'classes/local/endpoint.php'];

/** Functions that have no place in the plugin, with what to use instead. */
const FORBIDDEN = [
    'eval' => 'nothing: there is no code to make at run time',
    'error_log' => 'debugging()',
    'var_dump' => 'debugging()',
    'print_r' => 'json_encode()',
    'var_export' => 'json_encode()',
    'unserialize' => 'json_decode()',
    'exec' => 'nothing', 'shell_exec' => 'nothing', 'system' => 'nothing', 'passthru' => 'nothing',
    'proc_open' => 'nothing', 'popen' => 'nothing', 'extract' => 'plain assignments', 'create_function' => 'a closure',
];

/** Methods of $DB whose first argument is a table. */
const TABLE_METHODS = [
    'get_record', 'get_records', 'get_records_list', 'get_records_menu', 'get_records_select', 'get_records_select_menu',
    'get_recordset', 'get_recordset_list', 'get_recordset_select', 'get_record_select', 'get_field', 'get_field_select',
    'get_fieldset', 'get_fieldset_select', 'count_records', 'count_records_select', 'record_exists',
    'record_exists_select', 'insert_record', 'insert_record_raw', 'insert_records', 'update_record', 'update_record_raw',
    'set_field', 'set_field_select', 'delete_records', 'delete_records_list', 'delete_records_select',
    'delete_records_subquery',
];

$problems = [];

/** Notes a problem. */
function problem(string $file, int $line, string $what): void {
    global $problems;
    $problems[] = "$file:$line: $what";
}

/** The files of a folder, relative to it, in a fixed order. */
function files_of(string $root): array {
    $files = [];
    $all = new RecursiveIteratorIterator(new RecursiveDirectoryIterator($root, FilesystemIterator::SKIP_DOTS));
    foreach ($all as $file) {
        $files[] = substr($file->getPathname(), strlen($root) + 1);
    }
    sort($files);
    return $files;
}

/** Tokens without white space and comments. */
function code_of(string $text): array {
    $skip = [T_WHITESPACE, T_COMMENT, T_DOC_COMMENT, T_OPEN_TAG, T_INLINE_HTML];
    return array_values(array_filter(PhpToken::tokenize($text), fn($t) => !$t->is($skip)));
}

/** What a plain string token says; null for any other token. */
function literal(?PhpToken $token): ?string {
    if ($token === null || !$token->is(T_CONSTANT_ENCAPSED_STRING)) {
        return null;
    }
    $inner = substr($token->text, 1, -1);
    return $token->text[0] === "'" ? strtr($inner, ["\\'" => "'", '\\\\' => '\\']) : stripcslashes($inner);
}

/** Whether the token is a call of a plain function (no method, no definition, no `new`). */
function is_call(array $tokens, int $i): bool {
    $before = $tokens[$i - 1] ?? null;
    return ($tokens[$i + 1]->text ?? '') === '('
        && !($before && $before->is([T_OBJECT_OPERATOR, T_NULLSAFE_OBJECT_OPERATOR, T_DOUBLE_COLON, T_FUNCTION, T_NEW]));
}

$root = rtrim($argv[1] ?? dirname(__DIR__) . '/moodle/local_snsproducer', '/');
if (!is_file("$root/version.php")) {
    fwrite(STDERR, "error: there is no plugin at $root\n");
    exit(64);
}
$files = files_of($root);
$source = [];
foreach ($files as $file) {
    $source[$file] = file_get_contents("$root/$file");
}
$php = array_values(array_filter($files, fn($f) => str_ends_with($f, '.php')));
$tokens = [];
foreach ($php as $file) {
    $tokens[$file] = code_of($source[$file]);
}

// The frame of each file: Moodle's boilerplate, its package, whose it is, the licence.
$header = implode("\n", array_slice(explode("\n", $source['version.php']), 0, 15));
foreach ($php as $file) {
    $text = $source[$file];
    if (!str_starts_with($text, $header)) {
        problem($file, 1, 'does not begin with Moodle\'s boilerplate, as version.php does');
    }
    foreach (['@package    ' . COMPONENT, COPYRIGHT, LICENSE] as $line) {
        if (!str_contains($text, $line)) {
            problem($file, 16, "has no line \"$line\"");
        }
    }
    if (preg_match('/\?>\s*$/', $text)) {
        problem($file, substr_count($text, "\n"), 'ends with a closing tag');
    }
}
foreach ($files as $file) {
    if (preg_match('/\.(php|mustache|xml|md|js|css|txt)$/', $file) && $file !== 'COPYING.txt') {
        foreach (explode("\n", $source[$file]) as $n => $line) {
            if ($line !== rtrim($line)) {
                problem($file, $n + 1, 'has white space at its end');
            }
            if (str_contains($line, "\t") && !str_ends_with($file, '.md')) {
                problem($file, $n + 1, 'has a tab');
            }
        }
        if (!str_ends_with($source[$file], "\n") || str_ends_with($source[$file], "\n\n")) {
            problem($file, substr_count($source[$file], "\n"), 'does not end with one line feed');
        }
    }
}

// A class lies where Moodle's loader looks for it.
$classes = [];
$methods = [];
foreach ($php as $file) {
    if (!str_starts_with($file, 'classes/')) {
        continue;
    }
    $expected = COMPONENT . '\\' . strtr(substr($file, strlen('classes/'), -strlen('.php')), '/', '\\');
    $namespace = '';
    $found = null;
    foreach ($tokens[$file] as $i => $token) {
        $next = $tokens[$file][$i + 1] ?? null;
        if ($token->is(T_NAMESPACE)) {
            $namespace = $next->text;
        } else if ($token->is([T_CLASS, T_INTERFACE, T_TRAIT, T_ENUM]) && $next && $next->is(T_STRING) && !$found) {
            if (($tokens[$file][$i - 1]->text ?? '') !== '::') {
                $found = "$namespace\\$next->text";
                if (
                    $token->is(T_CLASS)
                    && !in_array($tokens[$file][$i - 1]->text ?? '', ['final', 'abstract'])
                    && !in_array('final', array_map(fn($t) => $t->text, array_slice($tokens[$file], max(0, $i - 3), 3)))
                ) {
                    problem($file, $token->line, 'is a class that is neither final nor abstract');
                }
            }
        } else if ($token->is(T_FUNCTION) && $next && $next->is(T_STRING)) {
            $methods[$expected][] = $next->text;
        }
    }
    if ($found !== $expected) {
        problem($file, 1, 'should hold ' . $expected . ', and holds ' . ($found ?? 'no class'));
    }
    $classes[$expected] = $file;
}

// What Moodle is told of by name must be there.
foreach (['db/events.php', 'db/tasks.php', 'db/services.php', 'db/hooks.php', 'lib.php', 'settings.php'] as $file) {
    foreach ($tokens[$file] ?? [] as $i => $token) {
        $name = match (true) {
            $token->is([T_NAME_QUALIFIED, T_NAME_FULLY_QUALIFIED]) => $token->text,
            default => literal($token),
        };
        if ($name === null || !preg_match('/^\\\\?(' . COMPONENT . '\\\\[\w\\\\]+)(?:::(\w+))?$/', $name, $m)) {
            continue;
        }
        if (!isset($classes[$m[1]])) {
            problem($file, $token->line, "names $m[1], and there is no such class");
        } else {
            // Either "class::method" or [class::class, 'method'].
            $after = array_map(fn($t) => $t->text, array_slice($tokens[$file], $i + 1, 3));
            $method = $m[2] ?? (array_slice($after, 0, 3) === ['::', 'class', ',']
                ? literal($tokens[$file][$i + 4] ?? null) : null);
            if ($method && !in_array($method, $methods[$m[1]] ?? [], true)) {
                problem($file, $token->line, "names $m[1]::$method, and there is no such function");
            }
        }
    }
}

// Words: each one used is there, each one there is used, in the order of their keys.
$langfile = 'lang/en/' . COMPONENT . '.php';
$strings = [];
$last = '';
foreach ($tokens[$langfile] as $i => $token) {
    if ($token->text === '$string' && ($tokens[$langfile][$i + 1]->text ?? '') === '[') {
        $key = literal($tokens[$langfile][$i + 2]);
        if (isset($strings[$key])) {
            problem($langfile, $token->line, "has the key $key twice");
        }
        if (strcmp($last, (string)$key) > 0) {
            problem($langfile, $token->line, "has $key after $last: keys are in the order of their bytes");
        }
        $strings[$key] = $token->line;
        $last = (string)$key;
    }
}
$used = ['pluginname' => true];
$prefixes = [];
$loose = [];
foreach ($php as $file) {
    if ($file === $langfile) {
        continue;
    }
    $t = $tokens[$file];
    foreach ($t as $i => $token) {
        $text = literal($token);
        if ($text !== null && isset($strings[$text])) {
            $used[$text] = true;
        }
        // A key that is put together: "check{$name}_late" stands for all that begin so, whoever looks it up.
        if ($token->text === '"' && ($t[$i + 1] ?? null)?->is(T_ENCAPSED_AND_WHITESPACE)
                && preg_match('/^[a-z][a-z0-9_:]{2,}$/D', $t[$i + 1]->text)
                && in_array($t[$i + 2]->text ?? '', ['{', '${'], true)) {
            $loose[] = $t[$i + 1]->text;
        }
        if (!in_array(strtolower(ltrim($token->text, '\\')), ['get_string', 'lang_string', 'string_exists'], true)) {
            continue;
        }
        if (($t[$i + 1]->text ?? '') !== '(') {
            continue;
        }
        $key = literal($t[$i + 2] ?? null);
        $after = $t[$i + 3]->text ?? '';
        if ($key !== null && $after === ',' && literal($t[$i + 4] ?? null) === COMPONENT) {
            if (!isset($strings[$key])) {
                problem($file, $token->line, "uses the string $key, and there is none");
            }
        } else if (
            $key !== null && $after === '.' && in_array(COMPONENT, array_map('literal', array_slice($t, $i, 14)), true)
        ) {
            $prefixes[$key] = [$file, $token->line];
        } else if (
            ($t[$i + 2]->text ?? '') === '"' && ($t[$i + 3] ?? null)?->is(T_ENCAPSED_AND_WHITESPACE)
            && in_array(COMPONENT, array_map('literal', array_slice($t, $i, 14)), true)
        ) {
            $prefixes[$t[$i + 3]->text] = [$file, $token->line];
        }
    }
}
foreach ($files as $file) {
    if (str_ends_with($file, '.mustache') || (str_ends_with($file, '.js') && !str_contains($file, '/build/'))) {
        preg_match_all('/\{\{#(?:str|cleanstr)\}\}\s*([\w:\/]+)\s*,\s*' . COMPONENT . '\b/', $source[$file], $m);
        preg_match_all('/key:\s*[\'"]([\w:]+)[\'"],\s*component:\s*[\'"]' . COMPONENT . '/', $source[$file], $n);
        preg_match_all('/getString\([\'"]([\w:]+)[\'"],\s*[\'"]' . COMPONENT . '/', $source[$file], $o);
        foreach ([...$m[1], ...$n[1], ...$o[1]] as $key) {
            $used[$key] = true;
            if (!isset($strings[$key])) {
                problem($file, 1, "uses the string $key, and there is none");
            }
        }
    }
}
foreach ($prefixes as $prefix => [$file, $line]) {
    $of = array_filter(array_keys($strings), fn($key) => str_starts_with((string)$key, (string)$prefix));
    if (!$of && $prefix !== '') {
        problem($file, $line, "uses strings that begin with $prefix, and there is none");
    }
    $used += array_fill_keys($prefix === '' ? [] : $of, true);
}
foreach ($loose as $prefix) {
    $used += array_fill_keys(array_filter(array_keys($strings), fn($key) => str_starts_with((string)$key, $prefix)), true);
}
// Those that Moodle itself asks for by a rule.
foreach ([['db/access.php', fn($n) => str_starts_with($n, 'local/') ? substr($n, 6) : null],
        ['db/caches.php', fn($n) => "cachedef_$n"],
        ['db/messages.php', fn($n) => "messageprovider:$n"]] as [$file, $rule]) {
    foreach ($tokens[$file] ?? [] as $i => $token) {
        if (($tokens[$file][$i + 1]->text ?? '') === '=>' && ($name = literal($token)) !== null && ($key = $rule($name))) {
            if (isset($strings[$key])) {
                $used[$key] = true;
            } else if (str_starts_with($name, 'local/')) {
                problem($file, $token->line, "needs the string $key, and there is none");
            }
        }
    }
}
// A status check's name is check<id>; ours say what they found by check<id>_<case>, with _details beside.
foreach ($php as $file) {
    if (preg_match('#^classes/check/(\w+)\.php$#', $file, $m) && isset($strings["check$m[1]"])) {
        $used["check$m[1]"] = true;
        foreach ($tokens[$file] as $token) {
            $key = "check$m[1]_" . literal($token);
            $used[$key] = $used["{$key}_details"] = true;
        }
    }
}
foreach ($strings as $key => $line) {
    $help = str_ends_with($key, '_help') && isset($used[substr($key, 0, -5)]);
    if (!isset($used[$key]) && !$help) {
        problem($langfile, $line, "has the string $key, and nothing uses it");
    }
}

// Only tables of our own, no forbidden calls, curl in one place.
foreach ($php as $file) {
    $ours = !str_starts_with($file, 'tests/');
    $t = $tokens[$file];
    foreach ($t as $i => $token) {
        $name = strtolower(ltrim($token->text, '\\'));
        if ($token->is(T_EVAL) || (isset(FORBIDDEN[$name]) && $ours && is_call($t, $i))) {
            problem($file, $token->line, "calls $name: use " . FORBIDDEN[$name]);
        }
        if ($ours && str_starts_with($name, 'curl_') && is_call($t, $i) && !in_array($file, CURL_FILES, true)) {
            problem($file, $token->line, "calls $name outside of " . implode(' and ', CURL_FILES));
        }
        if ($ours && $token->text === '->' && in_array($t[$i + 1]->text ?? '', TABLE_METHODS, true)
                && preg_match('/\$(DB|db|this->db)$/', $t[$i - 1]->text ?? '')) {
            $table = literal($t[$i + 3] ?? null);
            if ($table !== null && !str_starts_with($table, COMPONENT . '_')) {
                problem($file, $token->line, "reads or writes the table $table, which isn't ours: use Moodle's functions");
            }
        }
        $text = $token->is([T_CONSTANT_ENCAPSED_STRING, T_ENCAPSED_AND_WHITESPACE]) ? $token->text : '';
        if ($ours && preg_match_all('/\{([a-z][a-z0-9_]+)\}/', $text, $m)
                && preg_match('/\b(select|update|delete|insert|join|from)\b/i', $text)) {
            foreach ($m[1] as $table) {
                if (!str_starts_with($table, COMPONENT . '_')) {
                    problem($file, $token->line, "has SQL on the table $table, which isn't ours: use Moodle's functions");
                }
            }
        }
    }
}

// The tables' definition, and versions that agree.
$version = fn(string $what) => preg_match('/\$plugin->' . $what . '\s*=\s*([^;]+);/', $source['version.php'], $m)
    ? trim($m[1], " '") : '';
if (isset($source['db/install.xml'])) {
    $xml = new DOMDocument();
    libxml_use_internal_errors(true);
    if (!$xml->loadXML($source['db/install.xml'])) {
        foreach (libxml_get_errors() as $error) {
            problem('db/install.xml', $error->line, trim($error->message));
        }
    } else {
        foreach ($xml->getElementsByTagName('TABLE') as $table) {
            $name = $table->getAttribute('NAME');
            if (!str_starts_with($name, COMPONENT . '_') || strlen($name) > 53) {
                problem('db/install.xml', $table->getLineNo(), "$name is no name for a table of ours");
            }
        }
        if ($xml->documentElement->getAttribute('VERSION') > substr($version('version'), 0, 8)) {
            problem('db/install.xml', 2, 'is of a later day than version.php');
        }
    }
}
preg_match_all('/upgrade_plugin_savepoint\(\s*true\s*,\s*(\d+)/', $source['db/upgrade.php'] ?? '', $m);
foreach ($m[1] as $step) {
    if ($step > $version('version')) {
        problem('db/upgrade.php', 1, "has the step $step, which version.php doesn't reach");
    }
}
if ($version('component') !== COMPONENT) {
    problem('version.php', 1, 'names another component');
}
if (isset($source['CHANGES.md'])) {
    preg_match('/^## (\S+)(?: \((\d{10})\))?/m', $source['CHANGES.md'], $m);
    if (($m[1] ?? '') !== $version('release') || ($m[2] ?? '') !== $version('version')) {
        problem('CHANGES.md', 1, "does not begin with release {$version('release')} ({$version('version')})");
    }
}

// Templates: what Moodle's own checker asks for.
foreach ($files as $file) {
    if (!str_ends_with($file, '.mustache')) {
        continue;
    }
    $name = COMPONENT . '/' . substr($file, strlen('templates/'), -strlen('.mustache'));
    if (!str_contains($source[$file], "@template $name")) {
        problem($file, 1, "has no line @template $name");
    }
    if (!preg_match('/Example context \(json\):\s*(.*?)\}\}\s*(?:\n|$)/s', $source[$file], $m)) {
        problem($file, 1, 'has no "Example context (json):"');
    } else if (json_decode($m[1]) === null) {
        problem($file, 1, 'has an example context that is no JSON');
    }
}

foreach ($problems as $line) {
    fwrite(STDOUT, "moodle/local_snsproducer/$line\n");
}
fwrite(STDERR, count($php) . ' PHP files, ' . count($strings) . ' strings, ' . count($problems) . " problems\n");
exit($problems ? 1 : 0);
