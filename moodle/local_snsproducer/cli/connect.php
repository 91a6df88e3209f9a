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

/**
 * Sets the plugin up and connects this site, without the web.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

define('CLI_SCRIPT', true);

require(__DIR__ . '/../../../config.php');
require_once($CFG->libdir . '/clilib.php');
require_once($CFG->libdir . '/adminlib.php');

use local_snsproducer\local\command;
use local_snsproducer\local\connection;
use local_snsproducer\local\diagnosis;
use local_snsproducer\local\endpoint;
use local_snsproducer\local\not_usable;
use local_snsproducer\local\secret;
use local_snsproducer\local\status;
use local_snsproducer\local\wanted\fetch;

$options = command::options([
    'endpoint' => '', 'source' => '', 'secret-file' => '', 'next-file' => '', 'forget-next' => false, 'cafile' => '',
    'connect' => false, 'disconnect' => false, 'test' => false,
], <<<'HELP'
Sets the plugin up and connects this site to the sidecar, without the web.

Options:
  --endpoint=URL      The sidecar: http://127.0.0.1:8080, https://host:port or unix:/run/…/in.sock
  --source=KEY        This site's key in the sidecar's configuration: [sources.KEY]
  --secret-file=FILE  The shared secret (whsec_…), alone in a file; - reads it from standard input. It is kept
                      encrypted. Never as an argument: arguments can be read by every user of the machine.
  --next-file=FILE    The next secret, while it is rotated: requests are signed with both.
  --forget-next       The rotation is over: the next secret becomes the current one.
  --cafile=FILE       Certificates to trust for https, instead of the system's.
  --connect           Say that this very site is the one that the sidecar knows, and ask for the wanted list.
  --disconnect        Take that back: nothing is observed, kept or sent any more.
  --test              Ask the sidecar one signed question and say what came of it. Also without any other option.
  -h, --help          Print this.

On the sidecar: moodle-sns-producer keys new  makes a secret. Here, once:

  php local/snsproducer/cli/connect.php --endpoint=http://127.0.0.1:8080 --source=vle \
      --secret-file=/run/secrets/moodle-sns --connect

The environment (LOCAL_SNSPRODUCER_ENDPOINT, …_SOURCEKEY, …_SECRET, …_SECRETNEXT) and config.php
($CFG->forced_plugin_settings['local_snsproducer']) win over what is set here; what is forced can't be set here.
Run it as the web server's user: the key that encrypts secrets is a file of Moodle's data folder.

Exit codes: 0 done, 2 connected and the sidecar takes nothing, 64 usage, 69 the sidecar doesn't answer, 78 something is
missing or wrong.
HELP);

$forced = (array)($CFG->forced_plugin_settings['local_snsproducer'] ?? []);

// Keeps a setting; null takes it away. A hidden one does not go into the log of settings.
$keep = function (string $name, ?string $value, bool $hidden = false) use ($forced): void {
    if (array_key_exists($name, $forced) || (string)getenv('LOCAL_SNSPRODUCER_' . strtoupper($name)) !== '') {
        command::fail(command::CONFIG, "$name comes from config.php or the environment, and so can't be set here");
    }
    $before = (string)get_config('local_snsproducer', $name);
    if ($value === null) {
        unset_config($name, 'local_snsproducer');
    } else {
        set_config($name, $value, 'local_snsproducer');
    }
    $told = static fn(?string $text): string => $hidden && (string)$text !== '' ? '********' : (string)$text;
    add_to_config_log($name, $told($before), $told($value), 'local_snsproducer');
};

// Reads a secret from a file or from standard input, and encrypts it.
$sealed = function (string $file, string $option): string {
    $text = @file_get_contents($file === '-' ? 'php://stdin' : $file, false, null, 0, 4096);
    if ($text === false) {
        command::fail(command::UNAVAILABLE, "--$option: $file can't be read");
    }
    $text = trim($text);
    try {
        $print = secret::parse($text)->fingerprint();
        $encrypted = \core\encryption::encrypt($text);
    } catch (not_usable $e) {
        command::fail(command::USAGE, "--$option: " . $e->getMessage());
    } catch (\Throwable $e) {
        command::fail(command::CONFIG, 'Moodle can\'t encrypt it: ' . get_class($e) . '. Is this the web server\'s user?');
    }
    command::tell("secret with fingerprint $print");
    return $encrypted;
};

if ($options['connect'] && $options['disconnect']) {
    command::fail(command::USAGE, '--connect or --disconnect, not both');
}
if ($options['endpoint'] !== '') {
    try {
        $keep('endpoint', endpoint::parse($options['endpoint'], get_config('local_snsproducer', 'plaintext') === '1')->text());
    } catch (not_usable $e) {
        command::fail(command::USAGE, '--endpoint: ' . $e->getMessage());
    }
}
if ($options['source'] !== '') {
    if (!preg_match('/^[a-z0-9][a-z0-9_-]{0,31}$/D', $options['source'])) {
        command::fail(command::USAGE, '--source is 1 to 32 of a-z, 0-9, - and _, beginning with a letter or digit');
    }
    $keep('sourcekey', $options['source']);
}
if ($options['cafile'] !== '') {
    if (!is_readable($options['cafile'])) {
        command::fail(command::USAGE, "--cafile: {$options['cafile']} can't be read");
    }
    $keep('cafile', $options['cafile']);
}
if ($options['secret-file'] !== '') {
    $keep('secret', $sealed($options['secret-file'], 'secret-file'), true);
}
if ($options['next-file'] !== '') {
    $keep('secretnext', $sealed($options['next-file'], 'next-file'), true);
}
if ($options['forget-next']) {
    $next = (string)get_config('local_snsproducer', 'secretnext');
    if ($next === '') {
        command::fail(command::CONFIG, 'there is no next secret');
    }
    $keep('secret', $next, true);
    $keep('secretnext', '', true);
}
if ($options['disconnect']) {
    connection::disconnect();
    command::tell('disconnected: nothing is observed, kept or sent');
    exit(command::DONE);
}
if ($options['connect']) {
    if (get_config('local_snsproducer', 'enabled') !== '1') {
        $keep('enabled', '1');
    }
    $problem = connection::problem();
    if ($problem !== null) {
        command::fail(command::CONFIG, status::words($problem));
    }
    $before = (string)get_config('local_snsproducer', 'connectedurl');
    connection::connect();
    add_to_config_log('connectedurl', $before, $CFG->wwwroot, 'local_snsproducer');
    command::tell("connected as $CFG->wwwroot");
}

$status = new status();
$site = $status->site();
if (!$site['configured']) {
    command::fail(command::CONFIG, rtrim($site['problem'], '.') . '. --help tells how to set it up');
}
if ($site['copy']) {
    command::fail(command::CONFIG, "this is {$site['wwwroot']}, connected is {$site['connectedurl']}: a copy asks and sends "
        . 'nothing. --connect makes it the site that the sidecar knows; do that only if the other is gone.');
}
$answer = $status->probe();
$diagnosis = diagnosis::of($answer, $status);
// A sidecar that is older than this question may be new enough for all else.
if ($diagnosis->kind !== 'fine' && $diagnosis->kind !== 'path') {
    command::fail($answer->status === 0 ? command::UNAVAILABLE : command::FINDINGS, $diagnosis->what() . "\n" . $diagnosis->cure());
}
echo "{$site['endpoint']} answers as source {$site['sourcekey']}, {$answer->elapsedms} ms.\n";
if (!$site['armed']) {
    echo "This site is not connected yet: --connect.\n";
    exit(command::DONE);
}
$word = fetch::run();
if ($word !== 'new' && $word !== 'same') {
    command::fail(command::FINDINGS, "the wanted list could not be fetched ($word); cli/status.php tells more");
}
$list = (new status())->wanted();
echo $list === null || $list['contracts'] === []
    ? "The sidecar wants nothing of this site yet: give a topic contracts in its configuration.\n"
    : count($list['contracts']) . ' contracts want ' . count($list['events']) . " events.\n";
exit(command::DONE);
