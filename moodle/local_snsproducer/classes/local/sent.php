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
 * What became of some events that were sent.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class sent {
    /** @var array event id => `accepted`, `duplicate`, `unwanted` or `parked`: the sidecar has answered for these */
    public array $outcomes = [];

    /** @var array event id => why: these the sidecar doesn't take as they are */
    public array $refused = [];

    /** @var envelope[] no answer for these: they are to be kept and sent again */
    public array $left = [];

    /** @var ?string why sending stopped: `budget`, `breaker`, an HTTP status, or what the connection died of */
    public ?string $stopped = null;

    /** @var ?answer what came of the last request; null: none was made */
    public ?answer $answer = null;

    /** @var ?string the id of the spool that took them */
    public ?string $spool = null;
}
