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
 * Tests that a configuration is checked before it is used.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 * @covers     \local_snsproducer\local\connection
 */
final class connection_test extends \advanced_testcase {
    /** @var string a secret */
    private const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

    /** @var string another */
    private const NEXT = 'whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=';

    protected function tearDown(): void {
        foreach (['ENDPOINT', 'SOURCEKEY', 'SECRET', 'SECRETNEXT'] as $name) {
            putenv("LOCAL_SNSPRODUCER_$name");
        }
        parent::tearDown();
    }

    /**
     * Sets settings.
     *
     * @param array $more beside the usual ones
     */
    private function configure(array $more = []): void {
        $this->resetAfterTest();
        $config = $more + [
            'enabled' => '1', 'endpoint' => 'http://127.0.0.1:8080', 'sourcekey' => 'vle', 'secret' => self::SECRET,
            'connectedurl' => '',
        ];
        foreach ($config as $name => $value) {
            set_config($name, $value, connection::PLUGIN);
        }
    }

    /**
     * Fingerprints of the secrets in force.
     *
     * @return string[]
     */
    private static function fingerprints(): array {
        return array_map(fn(secret $secret) => $secret->fingerprint(), connection::get()->secrets());
    }

    public function test_nothing_is_configured_at_first(): void {
        $this->resetAfterTest();
        $this->assertNull(connection::get());
        // A fresh installation has the settings' defaults: enabled, and nowhere to send to.
        $this->assertSame('empty', connection::problem()->reason);
        unset_config('enabled', connection::PLUGIN);
        $this->assertSame('disabled', connection::problem()->reason);
    }

    public function test_what_is_wrong_has_a_word(): void {
        $wrong = [
            'disabled' => ['enabled' => '0'], 'empty' => ['endpoint' => ''], 'plaintext' => ['endpoint' => 'http://10.0.0.1'],
            'sourcekey' => ['sourcekey' => 'VLE'], 'nosecret' => ['secret' => ''],
        ];
        foreach ($wrong as $reason => $config) {
            $this->configure($config);
            $this->assertNull(connection::get(), $reason);
            $this->assertSame($reason, connection::problem()->reason);
        }
        $this->configure(['enabled' => '1', 'plaintext' => '1', 'endpoint' => 'http://10.0.0.1', 'sourcekey' => 'vle']);
        $this->assertNull(connection::problem());
    }

    public function test_it_is_armed_for_the_site_that_was_connected(): void {
        global $CFG;
        $this->configure();
        $connection = connection::get();
        $this->assertSame([false, false], [$connection->is_armed(), $connection->is_copy()]);
        connection::connect();
        $this->assertSame([true, false], [connection::get()->is_armed(), connection::get()->is_copy()]);
        $CFG->wwwroot = 'https://copy.example.org';
        $this->assertSame([false, true], [connection::get()->is_armed(), connection::get()->is_copy()]);
        connection::disconnect();
        $this->assertSame([false, false], [connection::get()->is_armed(), connection::get()->is_copy()]);
    }

    public function test_paths_are_those_of_the_source(): void {
        $this->configure(['sourcekey' => 'grades-2']);
        $connection = connection::get();
        $this->assertSame('/v1/sources/grades-2/events', $connection->events_path());
        $this->assertSame('/v1/sources/grades-2/wanted', $connection->wanted_path());
        $this->assertSame('/v1/sources/grades-2/trace', $connection->trace_path());
    }

    public function test_secrets_are_decrypted_and_the_environment_wins(): void {
        $sealed = array_map(\core\encryption::encrypt(...), [self::SECRET, self::NEXT]);
        $this->configure(['secret' => $sealed[0], 'secretnext' => $sealed[1]]);
        $both = [secret::parse(self::SECRET)->fingerprint(), secret::parse(self::NEXT)->fingerprint()];
        $this->assertSame($both, self::fingerprints());
        putenv('LOCAL_SNSPRODUCER_SECRET=' . self::NEXT);
        putenv('LOCAL_SNSPRODUCER_SOURCEKEY=other');
        putenv('LOCAL_SNSPRODUCER_ENDPOINT=unix:/run/in.sock');
        $this->assertSame([$both[1], $both[1]], self::fingerprints());
        $this->assertSame('other', connection::get()->sourcekey);
        $this->assertSame('/run/in.sock', connection::get()->endpoint->socket);
    }

    public function test_secrets_forced_in_config_php_are_plain(): void {
        global $CFG;
        $this->configure(['secret' => \core\encryption::encrypt(self::SECRET)]);
        $CFG->forced_plugin_settings[connection::PLUGIN]['secret'] = self::NEXT;
        $this->assertSame([secret::parse(self::NEXT)->fingerprint()], self::fingerprints());
        unset($CFG->forced_plugin_settings[connection::PLUGIN]);
    }

    public function test_a_secret_that_cannot_be_read_signs_nothing_and_stands_in_no_text(): void {
        $this->configure(['secret' => 'sodium:canary', 'secretnext' => self::NEXT]);
        $connection = connection::get();
        $this->assertSame([secret::parse(self::NEXT)->fingerprint()], self::fingerprints());
        ob_start();
        var_dump($connection, connection::get()->secrets());
        $dump = ob_get_clean();
        $this->assertStringNotContainsString('canary', $dump);
        $this->assertStringNotContainsString(substr(self::NEXT, 6), $dump);
        $this->assertDebuggingNotCalled();
    }

    public function test_budgets_are_held_within_bounds(): void {
        $table = [
            // Set: budget and connectbudget; in force.
            [['', ''], [300, 50]], [['100', '50'], [100, 50]], [['20', '50'], [20, 20]], [['0', '0'], [10, 5]],
            [['x', '-1'], [300, 50]], [['999999999', '999999999'], [60000, 60000]],
        ];
        foreach ($table as [[$budget, $connectbudget], $expected]) {
            $this->configure(['budget' => $budget, 'connectbudget' => $connectbudget]);
            $connection = connection::get();
            $this->assertSame($expected, [$connection->budget, $connection->connectbudget]);
        }
        $this->configure(['endpoint' => 'https://sidecar.example.org', 'budget' => '', 'connectbudget' => '']);
        $this->assertSame(150, connection::get()->connectbudget, 'the handshake of TLS is in it');
    }

    public function test_strict_names_may_stand_with_or_without_their_backslash(): void {
        $this->configure(['strict' => "\\core\\event\\user_graded\n core\\event\\role_assigned\r\n\n"]);
        $expected = ['\core\event\user_graded' => true, '\core\event\role_assigned' => true];
        $this->assertSame($expected, connection::get()->strict);
    }
}
