<?php
// This file is part of the live suite of moodle-sns-producer.
//
// It is free software: you can redistribute it and/or modify it under the terms of the GNU General Public
// License as published by the Free Software Foundation, either version 3 of the License, or (at your option)
// any later version. It is distributed without any warranty.

/**
 * Runs one step of the live suite as a web request: step, as, arguments (JSON). Answers JSON.
 *
 * @package    local_witness
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

define('AJAX_SCRIPT', true);
if (!empty($_POST['nocookies'])) {
    // No session, so that Moodle itself writes nothing.
    define('NO_MOODLE_COOKIES', true);
}
require(__DIR__ . '/../../config.php');

$step = required_param('step', PARAM_RAW);
$as = optional_param('as', '', PARAM_RAW);
$arguments = json_decode(optional_param('arguments', '[]', PARAM_RAW), true);

$PAGE->set_context(context_system::instance());
$PAGE->set_url('/local/witness/step.php');
header('Content-Type: application/json');
try {
    // Tasks talk.
    ob_start();
    $result = \local_witness\steps::run($step, $as, $arguments ?: []);
    ob_end_clean();
    echo json_encode(['result' => $result]);
} catch (\Throwable $thrown) {
    http_response_code(500);
    $debuginfo = property_exists($thrown, 'debuginfo') ? ' ' . $thrown->debuginfo : '';
    echo json_encode(['error' => get_class($thrown) . ': ' . $thrown->getMessage() . $debuginfo . "\n" . $thrown->getTraceAsString()]);
}
