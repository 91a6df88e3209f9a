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

namespace local_snsproducer\output;

use local_snsproducer\local\answer;
use local_snsproducer\local\outbox as rows;
use local_snsproducer\local\status;
use local_snsproducer\local\test_run;
use local_snsproducer\local\waiting;
use local_snsproducer\tests\sink;

/**
 * Tests the pages: each renders, says who may do what, and shows what comes from outside as text.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 * @covers     \local_snsproducer\output\connect
 * @covers     \local_snsproducer\output\outbox
 * @covers     \local_snsproducer\output\outbox_row
 * @covers     \local_snsproducer\output\overview
 * @covers     \local_snsproducer\output\preview
 * @covers     \local_snsproducer\output\preview_list
 * @covers     \local_snsproducer\output\test
 */
final class pages_test extends \advanced_testcase {
    /** @var string A text that would run if it were taken for HTML. */
    private const EVIL = '<img src=x onerror=alert(1)>';

    protected function setUp(): void {
        global $PAGE;
        parent::setUp();
        $this->resetAfterTest();
        $this->setAdminUser();
        $PAGE->set_url('/local/snsproducer/index.php');
    }

    /**
     * Renders a page.
     *
     * @param string $template
     * @param \templatable $page
     * @return string
     */
    private static function render(string $template, \templatable $page): string {
        global $PAGE;
        $output = $PAGE->get_renderer('core');
        $html = $output->render_from_template("local_snsproducer/{$template}", $page->export_for_template($output));
        self::assertStringNotContainsString('[[', $html);
        self::assertStringNotContainsString('{$a', $html);
        return $html;
    }

    /**
     * Writes a hostile row.
     *
     * @return int
     */
    private static function hostile_row(): int {
        global $DB;
        return $DB->insert_record(rows::TABLE, [
            'eventid' => 'x"' . self::EVIL, 'eventname' => self::EVIL, 'wwwroot' => self::EVIL, 'state' => 'refused',
            'reason' => self::EVIL, 'body' => json_encode([self::EVIL => self::EVIL]), 'bulk' => 0, 'hour' => 3600,
            'timecreated' => 4000,
        ]);
    }

    /**
     * The outbox shows hostile names and reasons as text, and its body only where asked.
     */
    public function test_the_outbox_escapes(): void {
        $id = self::hostile_row();
        $html = self::render('outbox', new outbox(new waiting(), 0));
        $this->assertStringContainsString('&lt;img', $html);
        $this->assertStringNotContainsString('<img src=x', $html);
        $this->assertStringContainsString('name="sesskey"', $html);
        $row = self::render('outbox_row', new outbox_row(waiting::one($id)));
        $this->assertStringNotContainsString('<img src=x', $row);
        $this->assertStringContainsString('&lt;img', $row);
    }

    /**
     * Who may only look gets nothing to press, and no way to the bodies.
     */
    public function test_who_may_only_look_gets_no_button(): void {
        self::hostile_row();
        $user = $this->getDataGenerator()->create_user();
        $role = $this->getDataGenerator()->create_role();
        assign_capability('local/snsproducer:view', CAP_ALLOW, $role, \context_system::instance());
        role_assign($role, $user->id, \context_system::instance());
        $this->setUser($user);
        $html = self::render('outbox', new outbox(new waiting(), 0));
        $this->assertStringNotContainsString('checkbox', $html);
        $this->assertStringNotContainsString('value="delete"', $html);
        $this->assertStringNotContainsString('?id=', $html);
        $overview = self::render('overview', new overview(new status(), false));
        $this->assertStringNotContainsString('test.php', $overview);
        $this->assertStringContainsString('outbox.php', $overview);
    }

    /**
     * The overview of a fresh site, and of one that is told hostile things.
     */
    public function test_the_overview_escapes(): void {
        $this->assertStringContainsString('nothing yet', self::render('overview', new overview(new status(), true)));
        $site = [
            'enabled' => true, 'configured' => true, 'connected' => true, 'armed' => true, 'copy' => false, 'problem' => '',
            'endpoint' => self::EVIL, 'sourcekey' => self::EVIL, 'connectedurl' => self::EVIL, 'wwwroot' => self::EVIL,
        ];
        $status = new status([
            'site' => $site,
            'probe' => new answer(0, 'tls', '', [], 1, self::EVIL),
            'wanted' => ['etag' => self::EVIL, 'contracts' => [], 'events' => [self::EVIL], 'since' => 1],
            'fetch' => [
                'at' => 1, 'ok_at' => 1, 'status' => 0, 'failure' => self::EVIL, 'kind' => self::EVIL, 'detail' => self::EVIL,
            ],
            'spool' => ['id' => self::EVIL, 'other' => self::EVIL . '2'],
            'fingerprints' => ['current' => self::EVIL, 'next' => ''],
        ]);
        $html = self::render('overview', new overview($status, true));
        $this->assertStringNotContainsString('<img src=x', $html);
        $this->assertStringContainsString('acceptspool', $html);
        $this->assertStringNotContainsString('acceptspool', self::render('overview', new overview($status, false)));
    }

    /**
     * The page of the connection says what can be done in each case.
     */
    public function test_the_connection_in_each_case(): void {
        $this->assertStringContainsString('settings.php', self::render('connect', new connect(new status())));
        $sink = new sink();
        $sink->connect([], ['connectedurl' => '']);
        $this->assertStringContainsString('value="connect"', self::render('connect', new connect(new status())));
        $sink->connect();
        $this->assertStringContainsString('value="disconnect"', self::render('connect', new connect(new status())));
        $sink->connect([], ['connectedurl' => 'https://original.example/' . self::EVIL]);
        $html = self::render('connect', new connect(new status()));
        $this->assertStringContainsString('value="connect"', $html);
        $this->assertStringContainsString('value="disconnect"', $html);
        $this->assertStringNotContainsString('<img src=x', $html);
        $sink->stop();
    }

    /**
     * The way of a test event, with what a hostile sidecar says.
     */
    public function test_the_test_escapes(): void {
        $this->assertStringContainsString('name="send"', self::render('test', new test(null)));
        $run = test_run::start();
        $this->assertStringContainsString(get_string('step_skipped', 'local_snsproducer'), self::render('test', new test($run)));
        $told = test_run::steps_of(['fate' => 'stored', 'deliveries' => [
            ['topic' => self::EVIL, 'contract' => self::EVIL, 'state' => 'held', 'reason' => self::EVIL, 'at' => self::EVIL],
        ]]);
        $html = self::render('test', new test($run, $told));
        $this->assertStringNotContainsString('<img src=x', $html);
        $this->assertStringContainsString('&lt;img', $html);
    }

    /**
     * Without a wanted list there is nothing to preview.
     */
    public function test_the_list_of_previews(): void {
        $html = self::render('preview_list', new preview_list(null, null, ''));
        $this->assertStringContainsString(get_string('preview_nolist', 'local_snsproducer'), $html);
    }
}
