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

namespace local_snsproducer\admin;

/**
 * Tests what the settings take, and that a secret is never shown.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 * @covers     \local_snsproducer\admin\endpoint_setting
 * @covers     \local_snsproducer\admin\events_setting
 * @covers     \local_snsproducer\admin\secret_setting
 * @covers     \local_snsproducer\admin\source_setting
 * @covers     \local_snsproducer\admin\within_setting
 */
final class settings_test extends \advanced_testcase {
    protected function setUp(): void {
        global $CFG;
        parent::setUp();
        $this->resetAfterTest();
        $this->setAdminUser();
        require_once($CFG->libdir . '/adminlib.php');
    }

    /**
     * A setting as the settings page has it.
     *
     * @param string $name
     * @return \admin_setting
     */
    private static function setting(string $name): \admin_setting {
        $full = "local_snsproducer/$name";
        return match ($name) {
            'endpoint' => new endpoint_setting($full, '', ''),
            'sourcekey' => new source_setting($full, '', ''),
            'secret' => new secret_setting($full, '', ''),
            'strict' => new events_setting($full, '', ''),
            default => new within_setting($full, '', '', 300, 50, 10000),
        };
    }

    /**
     * The settings page has them, in the order of setting up, and the other pages are beside it.
     */
    public function test_the_settings_page_has_them_in_order(): void {
        $root = admin_get_root(true, true);
        $settings = array_values((array) $root->locate('local_snsproducer')->settings);
        $names = array_map(static fn($setting) => $setting->name, $settings);
        $order = ['endpoint', 'sourcekey', 'secret', 'enabled', 'allowcontact', 'strict', 'budget'];
        $this->assertSame($order, array_values(array_intersect($names, $order)));
        foreach (array_keys(\local_snsproducer\local\pages::ALL) as $page) {
            $this->assertInstanceOf(\admin_externalpage::class, $root->locate("local_snsproducer_{$page}"));
        }
    }

    /**
     * Who may only look finds the pages to look at, though Moodle's own category of local plugins is hidden.
     */
    public function test_who_may_only_look_finds_the_pages(): void {
        $user = $this->getDataGenerator()->create_user();
        $role = $this->getDataGenerator()->create_role();
        assign_capability('local/snsproducer:view', CAP_ALLOW, $role, \context_system::instance());
        role_assign($role, $user->id, \context_system::instance());
        $this->setUser($user);
        $root = admin_get_root(true, false);
        $this->assertTrue($root->locate('local_snsproducer_overview')->check_access());
        $this->assertTrue($root->locate('local_snsproducer_outbox')->check_access());
        $this->assertFalse($root->locate('local_snsproducer_connect')->check_access());
        $this->assertFalse($root->locate('local_snsproducer_preview')->check_access());
        $this->assertNull($root->locate('local_snsproducer'));
    }

    /**
     * Values, and whether they are taken.
     *
     * @return array
     */
    public static function values(): array {
        return [
            ['endpoint', ' http://127.0.0.1:8080 ', true],
            ['endpoint', 'https://sidecar.example.org:8443', true],
            ['endpoint', 'unix:/run/x/in.sock', true],
            ['endpoint', '', true],
            ['endpoint', 'http://10.0.0.7:8080', false],
            ['endpoint', 'http://127.0.0.1/path', false],
            ['endpoint', 'ftp://127.0.0.1', false],
            ['endpoint', 'https://user:pass@host', false],
            ['sourcekey', 'vle', true],
            ['sourcekey', 'VLE', false],
            ['sourcekey', 'a/../b', false],
            ['budget', '300', true],
            ['budget', '0', false],
            ['budget', '-300', false],
            ['budget', '1e9', false],
            ['connectbudget', '50', true],
            ['strict', "\\core\\event\\user_graded\n\n \\core\\event\\course_created ", true],
            ['strict', '\core\event\no_such_thing', false],
            ['strict', 'user_graded', false],
            ['strict', '\core\event\base', false],
            ['secret', 'whsec_' . base64_encode(str_repeat('s', 24)), true],
            ['secret', '', true],
            ['secret', 'whsec_c2hvcnQ=', false],
            ['secret', 'hunter2', false],
        ];
    }

    /**
     * What can work is taken, the rest is refused in words.
     *
     * @dataProvider values
     * @param string $name
     * @param string $value
     * @param bool $istaken
     */
    public function test_what_can_work_is_taken(string $name, string $value, bool $istaken): void {
        $said = self::setting($name)->write_setting($value);
        $this->assertSame($istaken, $said === '', $said);
        $this->assertStringNotContainsString('[[', $said);
        if ($name === 'secret' && $value !== '') {
            $this->assertStringNotContainsString($value, $said);
        }
    }

    /**
     * Plain HTTP to another machine is taken where the same form allows it.
     */
    public function test_plain_http_where_it_is_allowed(): void {
        set_config('plaintext', '1', 'local_snsproducer');
        $this->assertSame('', self::setting('endpoint')->write_setting('http://10.0.0.7:8080'));
    }

    /**
     * A secret is kept encrypted, shown as its fingerprint only, and hidden in the log of changes.
     */
    public function test_a_secret_is_never_shown(): void {
        global $DB;
        $secret = 'whsec_' . base64_encode(str_repeat('s', 24));
        $setting = self::setting('secret');
        $this->assertSame('', $setting->write_setting($secret));
        $kept = get_config('local_snsproducer', 'secret');
        $this->assertStringNotContainsString($secret, $kept);
        $this->assertSame($secret, \core\encryption::decrypt($kept));
        $html = $setting->output_html($setting->get_setting());
        $this->assertStringNotContainsString($secret, $html);
        $this->assertStringNotContainsString($kept, $html);
        $this->assertStringContainsString(substr(hash('sha256', str_repeat('s', 24)), 0, 8), $html);
        $values = $DB->get_fieldset_select('config_log', 'value', 'plugin = ? AND name = ?', ['local_snsproducer', 'secret']);
        $this->assertContains('********', $values);
        $this->assertNotContains($secret, $values);
        $this->assertNotContains($kept, $values);
    }

    /**
     * Where the environment decides, the field says so.
     */
    public function test_the_environment_is_told(): void {
        putenv('LOCAL_SNSPRODUCER_SECRET=whsec_' . base64_encode(str_repeat('e', 24)));
        try {
            $html = self::setting('secret')->output_html('');
            $this->assertStringContainsString('LOCAL_SNSPRODUCER_SECRET', $html);
            $this->assertStringContainsString(substr(hash('sha256', str_repeat('e', 24)), 0, 8), $html);
        } finally {
            putenv('LOCAL_SNSPRODUCER_SECRET');
        }
    }

    /**
     * Names are kept tidied: each once, without empty lines.
     */
    public function test_names_are_tidied(): void {
        $this->assertSame(['\a\event\b', '\c\event\d'], events_setting::names(" \\a\\event\\b\r\n\n\\c\\event\\d\n\\a\\event\\b"));
    }
}
