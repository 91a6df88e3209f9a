<?php
// This file is part of the live suite of moodle-sns-producer.
//
// It is free software: you can redistribute it and/or modify it under the terms of the GNU General Public
// License as published by the Free Software Foundation, either version 3 of the License, or (at your option)
// any later version. It is distributed without any warranty.

/**
 * Steps done while logged in as somebody else.
 *
 * @package    local_witness
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

return [
    // A discussion begun by an administrator who is logged in as this person.
    'post' => function (array $a): array {
        global $CFG, $DB, $USER;
        require_once($CFG->dirroot . '/mod/forum/lib.php');
        $person = $USER->id;
        \core\session\manager::set_user($DB->get_record('user', ['username' => $a['real']], '*', MUST_EXIST));
        \core\session\manager::loginas($person, context_system::instance());
        $forum = $DB->get_record('forum', ['id' => $a['forum']], '*', MUST_EXIST);
        $id = forum_add_discussion((object) ['course' => $forum->course, 'forum' => $forum->id, 'name' => 'Canary subject',
            'message' => 'Canary message', 'messageformat' => FORMAT_HTML, 'messagetrust' => 0, 'mailnow' => 0]);
        \mod_forum\event\discussion_created::create(['objectid' => $id, 'other' => ['forumid' => $forum->id],
            'context' => context_module::instance(get_coursemodule_from_instance('forum', $forum->id)->id)])->trigger();
        return ['discussion' => $id];
    },
];
