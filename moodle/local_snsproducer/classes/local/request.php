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

use local_snsproducer\local\entities\held;
use local_snsproducer\local\wanted\store;
use local_snsproducer\local\wanted\wanted_list;

/**
 * The events of one request, from the observer to its end. While the page is made they are only noted; after the
 * response has gone they are completed, cut, and sent, or kept in the outbox.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class request {
    /** @var int a script of the command line sends after so many events… */
    private const MOST_EVENTS = 500;

    /** @var int …or so long after the first of them, in milliseconds */
    private const LONGEST = 2000;

    /** @var int a page sends on its way only where it would take too much memory: these take about 16 MB */
    private const MOST_EVENTS_WEB = 5000;

    /** @var int how long a long process believes what it knows of configuration and list, in milliseconds */
    private const KNOWN_FOR = 30000;

    /** @var ?self the request of this process */
    private static ?self $current = null;

    /** @var bool whether a unit test wants events to be observed */
    private static bool $tested = false;

    /** @var ?wanted_list what is wanted */
    private readonly ?wanted_list $list;

    /** @var array<string, true> names of the events in strict mode; none without a list */
    private readonly array $strict;

    /** @var raised[] what waits for the end */
    private array $buffer = [];

    /** @var int when the first of them came, in clock::ticks() */
    private int $first = 0;

    /** @var tally what is counted */
    private readonly tally $tally;

    /** @var \WeakMap events that have a row in the outbox already */
    private \WeakMap $written;

    /** @var ?sender its budget holds for the whole request */
    private ?sender $sender = null;

    /** @var bool whether its end is arranged for */
    private bool $registered = false;

    /** @var int until when it believes what it knows, in clock::ticks() */
    private int $knownuntil;

    /** @var int unwanted events since it looked at the clock */
    private int $unwanted = 0;

    /**
     * Begins.
     *
     * @param ?connection $connection
     */
    private function __construct(
        /** @var ?connection null: nothing is observed */
        private readonly ?connection $connection,
    ) {
        $this->list = $connection === null ? null : store::current($connection);
        $this->strict = $this->list === null ? [] : strict::names($connection);
        $this->tally = new tally(remains::where_possible());
        $this->written = new \WeakMap();
        $this->knownuntil = clock::ticks() + self::KNOWN_FOR;
    }

    /**
     * Observes an event outside of any transaction. For one that nobody wants this is a look into a table.
     *
     * @param \core\event\base $event
     */
    public static function observe(\core\event\base $event): void {
        $request = self::$current ?? self::begin();
        if ($request->connection === null) {
            return;
        }
        $name = '\\' . $event::class;
        if ($request->list === null) {
            $request->unarmed($name);
            return;
        }
        if (!$request->list->wants($name)) {
            $request->look_at_the_clock();
            return;
        }
        if (!isset($request->written[$event])) {
            $raised = self::raise($event);
            $request->tally->observed($raised->hour(), $name);
            $request->note($raised);
        }
        $request->send_if_due();
    }

    /**
     * Observes an event where it is raised, inside Moodle's transaction, if there is one. Only those in strict mode.
     *
     * @param \core\event\base $event
     */
    public static function observe_strict(\core\event\base $event): void {
        $request = self::$current ?? self::begin();
        $name = '\\' . $event::class;
        if (!isset($request->strict[$name]) || !$request->list->wants($name)) {
            return;
        }
        $raised = self::raise($event);
        $rows = choice::open($request->list->rows($name), $raised);
        if (!$rows) {
            // No row can take it. The other observer counts that, if it is committed.
            return;
        }
        $raised = strict::write($raised, $rows, $request->connection, $request->list->etag);
        if ($raised !== null) {
            $request->written[$event] = true;
            $request->note($raised);
        }
    }

    /**
     * Begins anew for a unit test: what is observed from now on is noted, and nothing is sent before finish().
     *
     * @param bool $observe false: nothing is observed, as in the unit tests of other plugins
     */
    public static function reset_for_test(bool $observe = true): void {
        self::$current = null;
        self::$tested = $observe;
    }

    /**
     * The end of the request, after the response. Does what is left to do, within the budget.
     */
    public static function finish(): void {
        try {
            self::$current?->deliver(true);
        } catch (\Throwable $e) {
            trouble::tell('sending the events of a request', $e);
        }
    }

    /**
     * Delivers at once what was noted so far, by the way of the request's end, and begins anew: for the test that an
     * administrator asks for.
     *
     * @return ?sent what became of it; null: nothing was noted, or nothing is sent here
     */
    public static function deliver_now(): ?sent {
        $request = self::$current;
        if ($request === null) {
            return null;
        }
        $sent = $request->deliver(false);
        $request->begin_anew();
        return $sent;
    }

    /**
     * Called by PHP when the script has ended: Moodle's own handler ran before it, so the session is closed, an open
     * transaction is rolled back and the page is written.
     */
    public static function script_ended(): void {
        // Last of all: other shutdown functions may still raise events.
        register_shutdown_function([self::class, 'response_made']);
    }

    /**
     * Lets the browser go, and then does the work.
     */
    public static function response_made(): void {
        ignore_user_abort(true);
        if (function_exists('fastcgi_finish_request')) {
            fastcgi_finish_request();
        } else if (PHP_SAPI !== 'cli') {
            // The connection can't be let go, but the rest of the page need not wait in PHP's buffers.
            while (ob_get_level() > 0 && ob_end_flush()) {
                continue;
            }
            flush();
        }
        if (self::$current !== null) {
            // What is raised from here on arranges for an end of its own.
            self::$current->registered = false;
        }
        self::finish();
    }

    /**
     * The request of this process.
     *
     * @return self
     */
    private static function begin(): self {
        // In the unit tests of Moodle and of other plugins nothing is observed, however the site is configured.
        $inert = defined('PHPUNIT_TEST') && PHPUNIT_TEST && !self::$tested;
        try {
            $connection = $inert ? null : connection::get();
            return self::$current = new self($connection?->is_armed() ? $connection : null);
        } catch (\Throwable $e) {
            // Half installed or half upgraded: a table or cache isn't there yet. This request observes nothing.
            trouble::tell('beginning to observe', $e);
            return self::$current = new self(null);
        }
    }

    /**
     * Notes when and what; reads nothing but what the event holds.
     *
     * @param \core\event\base $event
     * @return raised
     */
    private static function raise(\core\event\base $event): raised {
        $micros = clock::now();
        return new raised(
            event_id::v7($micros),
            $micros,
            $event->get_data(),
            held::request($event),
            held::of($event),
        );
    }

    /**
     * Keeps an event until the end.
     *
     * @param raised $raised
     */
    private function note(raised $raised): void {
        if (!$this->buffer) {
            $this->first = clock::ticks();
        }
        $this->buffer[] = $raised;
        $this->arrange_end();
    }

    /**
     * Sees to it that the end is not missed.
     */
    private function arrange_end(): void {
        if ($this->registered || (defined('PHPUNIT_TEST') && PHPUNIT_TEST)) {
            return;
        }
        $this->registered = true;
        // Moodle registered its own handler in its setup, so PHP calls that one first.
        register_shutdown_function([self::class, 'script_ended']);
    }

    /**
     * Counts an event that can't be judged, because no list has been fetched yet.
     *
     * @param string $name
     */
    private function unarmed(string $name): void {
        $hour = time();
        $hour -= $hour % HOURSECS;
        $this->tally->observed($hour, $name);
        $this->tally->add($hour, $name, 'unarmed');
        $this->arrange_end();
        $this->look_at_the_clock();
    }

    /**
     * A long process learns of a new configuration or list.
     */
    private function look_at_the_clock(): void {
        if (CLI_SCRIPT && (++$this->unwanted & 63) === 0) {
            $this->send_if_due();
        }
    }

    /**
     * A long process has no end that anyone would wait for: it sends on its way, but never inside a transaction.
     */
    private function send_if_due(): void {
        global $DB;
        $now = clock::ticks();
        $many = count($this->buffer) >= (CLI_SCRIPT ? self::MOST_EVENTS : self::MOST_EVENTS_WEB);
        $due = $many || (CLI_SCRIPT && $this->buffer && $now - $this->first >= self::LONGEST);
        $old = CLI_SCRIPT && $now >= $this->knownuntil;
        if ((!$due && !$old) || $DB->is_transaction_started() || (defined('PHPUNIT_TEST') && PHPUNIT_TEST && !$many)) {
            return;
        }
        $this->deliver(false);
        if (CLI_SCRIPT) {
            $this->begin_anew();
        }
    }

    /**
     * The same process goes on with a new budget, and with what is known now of configuration and list.
     */
    private function begin_anew(): void {
        self::$current = null;
        $next = self::begin();
        $next->registered = $this->registered;
        $next->written = $this->written;
    }

    /**
     * Completes, cuts and sends what was noted; what has no answer is kept; all is counted.
     *
     * @param bool $last whether the request is over
     * @return ?sent what became of it; null: nothing was sent
     */
    private function deliver(bool $last): ?sent {
        $noted = $this->buffer;
        $this->buffer = [];
        $sent = null;
        if ($this->connection === null) {
            return null;
        }
        $this->guard('counting what was observed', fn() => $this->tally->write_observed());
        if ($noted && $this->list !== null) {
            $delivery = new delivery($this->connection, $this->list, $this->tally, !$last);
            $this->sender ??= new sender($this->connection, $this->list->limits, $this->connection->budget);
            $this->guard('sending the events of a request', function () use ($delivery, $noted, &$sent): void {
                $sent = $delivery->run($noted, $this->sender);
            });
        }
        $this->guard('counting what became of events', fn() => $this->tally->write());
        if (isset($delivery) && $delivery->taken && $last) {
            $this->guard('draining the outbox', fn() => $this->drain());
        }
        return $sent;
    }

    /**
     * The sidecar takes events: so it may take some of those that wait, within what is left of the budget.
     */
    private function drain(): void {
        $left = $this->sender->remaining();
        if ($left > 0 && outbox::has_waiting()) {
            drain::run($this->sender, $this->list->limits, drain::FEW, $left);
        }
    }

    /**
     * Does a thing that must not keep the next one from being done.
     *
     * @param string $doing
     * @param \Closure $work
     */
    private function guard(string $doing, \Closure $work): void {
        try {
            $work();
        } catch (\Throwable $e) {
            trouble::tell($doing, $e);
        }
    }
}
