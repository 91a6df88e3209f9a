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
 * The settings, in the order of setting up, and the links to the other pages.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

defined('MOODLE_INTERNAL') || die();

use local_snsproducer\admin\endpoint_setting;
use local_snsproducer\admin\events_setting;
use local_snsproducer\admin\secret_setting;
use local_snsproducer\admin\source_setting;
use local_snsproducer\admin\within_setting;
use local_snsproducer\local\pages;

$words = static fn(string $key, $a = null): string => get_string($key, 'local_snsproducer', $a);

// Moodle has the category of local plugins for administrators only; these pages are for others, too.
$ADMIN->add($hassiteconfig ? 'localplugins' : 'root', new admin_category('local_snsproducer_pages', $words('pluginname')));
foreach (pages::ALL as $page => $capability) {
    $ADMIN->add('local_snsproducer_pages', new admin_externalpage(
        "local_snsproducer_{$page}",
        get_string("page{$page}", 'local_snsproducer'),
        pages::url($page),
        $capability
    ));
}

if ($hassiteconfig) {
    $settings = new admin_settingpage('local_snsproducer', $words('settings'));
    $ADMIN->add('local_snsproducer_pages', $settings, 'local_snsproducer_connect');

    if ($ADMIN->fulltree) {
        $settings->add(new admin_setting_heading(
            'local_snsproducer/where',
            $words('settingswhere'),
            $words('settingswhere_help')
        ));
        $settings->add(new endpoint_setting('local_snsproducer/endpoint', $words('endpoint'), $words('endpoint_help')));
        $settings->add(new source_setting('local_snsproducer/sourcekey', $words('sourcekey'), $words('sourcekey_help')));
        $settings->add(new admin_setting_configfile('local_snsproducer/cafile', $words('cafile'), $words('cafile_help'), ''));

        $settings->add(new admin_setting_configcheckbox(
            'local_snsproducer/plaintext',
            $words('plaintext'),
            $words('plaintext_help'),
            0
        ));

        $settings->add(new admin_setting_heading(
            'local_snsproducer/secrets',
            $words('settingssecret'),
            $words('settingssecret_help')
        ));
        $settings->add(new secret_setting('local_snsproducer/secret', $words('secret'), $words('secret_help')));
        $settings->add(new secret_setting('local_snsproducer/secretnext', $words('secretnext'), $words('secretnext_help')));

        $settings->add(new admin_setting_heading(
            'local_snsproducer/connection',
            $words('settingsconnect'),
            $words('settingsconnect_help', ['connect' => pages::url('connect')->out(), 'test' => pages::url('test')->out()])
        ));
        $settings->add(new admin_setting_configcheckbox(
            'local_snsproducer/enabled',
            $words('enabled'),
            $words('enabled_help'),
            1
        ));

        $settings->add(new admin_setting_heading(
            'local_snsproducer/leaves',
            $words('settingsleaves'),
            $words('settingsleaves_help', ['preview' => pages::url('preview')->out()])
        ));
        $settings->add(new admin_setting_configcheckbox(
            'local_snsproducer/allowcontact',
            $words('allowcontact'),
            $words('allowcontact_help'),
            0
        ));
        $settings->add(new admin_setting_configcheckbox(
            'local_snsproducer/allowspecial',
            $words('allowspecial'),
            $words('allowspecial_help'),
            0
        ));
        $settings->add(new events_setting('local_snsproducer/strict', $words('strict'), $words('strict_help')));

        $settings->add(new admin_setting_heading(
            'local_snsproducer/limits',
            $words('settingslimits'),
            $words('settingslimits_help')
        ));
        $settings->add(new within_setting(
            'local_snsproducer/budget',
            $words('budget'),
            $words('budget_help'),
            300,
            50,
            10000
        ));
        $settings->add(new within_setting(
            'local_snsproducer/connectbudget',
            $words('connectbudget'),
            $words('connectbudget_help'),
            50,
            5,
            5000
        ));
    }
}
