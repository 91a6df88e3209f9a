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

use local_snsproducer\local\pages;
use local_snsproducer\local\step;
use local_snsproducer\local\test_run;

/**
 * The way of a test event, step by step.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class test implements \renderable, \templatable {
    /** @var string[] What is to come, in order: shown where an earlier step failed. */
    private const STEPS = ['settings', 'connected', 'reached', 'signed', 'wanted', 'sent', 'mapped', 'published'];

    /**
     * Makes the page.
     *
     * @param test_run|null $run null: none was begun
     * @param step[] $told what the sidecar says of the rest of its way
     */
    public function __construct(
        /** @var test_run|null The run; null: none was begun. */
        private readonly ?test_run $run,
        /** @var step[] What the sidecar says of the rest of its way. */
        private readonly array $told = []
    ) {
    }

    /**
     * What the template needs.
     *
     * @param \renderer_base $output
     * @return array
     */
    public function export_for_template(\renderer_base $output): array {
        $words = $this->run === null ? get_string('test_send', 'local_snsproducer') : get_string('test_again', 'local_snsproducer');
        $button = new \single_button(pages::url('test', ['send' => 1]), $words, 'post', \single_button::BUTTON_PRIMARY);
        return [
            'button' => $output->render($button),
            'run' => $this->run === null ? null : $this->run($output),
        ];
    }

    /**
     * The run.
     *
     * @param \renderer_base $output
     * @return array
     */
    private function run(\renderer_base $output): array {
        $steps = array_merge($this->run->steps(), $this->told);
        $failed = array_filter($steps, static fn(step $step) => $step->state === step::FAILED);
        $open = array_filter($steps, static fn(step $step) => $step->state === step::OPEN);
        [$case, $kind] = match (true) {
            $failed !== [] => ['failed', 'error'],
            $open !== [] => ['open', 'info'],
            default => ['done', 'success'],
        };
        $shown = array_map(fn(step $step) => $this->step($step, $output), $steps);
        $names = array_map(static fn(step $step) => $step->name, $steps);
        $last = array_search(end($names), self::STEPS, true);
        foreach (array_slice(self::STEPS, $last + 1) as $name) {
            $shown[] = ['name' => get_string("step{$name}", 'local_snsproducer'), 'isskipped' => true];
        }
        return [
            'verdict' => $output->notification(get_string("test_{$case}", 'local_snsproducer', $this->run->number), $kind, false),
            'steps' => $shown,
            'number' => $this->run->number,
            'eventid' => $this->run->eventid(),
            'reloadurl' => $open === [] ? '' : pages::url('test')->out(false),
        ];
    }

    /**
     * A step for the template.
     *
     * @param step $step
     * @param \renderer_base $output
     * @return array
     */
    private function step(step $step, \renderer_base $output): array {
        $link = $step->page === '' ? null : pages::link($step->page);
        return [
            'name' => get_string("step{$step->name}", 'local_snsproducer'),
            'isdone' => $step->state === step::DONE,
            'isfailed' => $step->state === step::FAILED,
            'isopen' => $step->state === step::OPEN,
            'words' => $step->words,
            'cure' => $step->cure,
            'url' => $link?->url->out(false),
            'link' => $link?->text,
        ];
    }
}
