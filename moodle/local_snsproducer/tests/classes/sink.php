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

namespace local_snsproducer\tests;

use local_snsproducer\local\breaker;
use local_snsproducer\local\connection;
use local_snsproducer\local\wanted\row;
use local_snsproducer\local\wanted\store;

/**
 * A server that answers as the sidecar does, or as it is told: see fixtures/sink.php.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class sink {
    /** @var resource the process */
    private $process;

    /** @var resource[] its standard input and output */
    private array $pipes = [];

    /** @var string the file where it notes requests */
    private string $log;

    /** @var string where it listens */
    public readonly string $endpoint;

    /**
     * Starts it.
     */
    public function __construct() {
        $this->log = make_request_directory() . '/requests';
        touch($this->log);
        $command = [PHP_BINARY, '-n', __DIR__ . '/../fixtures/sink.php', $this->log];
        $this->process = proc_open($command, [['pipe', 'r'], ['pipe', 'w'], STDERR], $this->pipes);
        $this->endpoint = 'http://127.0.0.1:' . trim(fgets($this->pipes[1]));
    }

    /**
     * Ends it.
     */
    public function stop(): void {
        foreach ($this->pipes as $pipe) {
            fclose($pipe);
        }
        proc_terminate($this->process, 9);
        proc_close($this->process);
    }

    /**
     * Tells it how to answer from now on.
     *
     * @param array $how see fixtures/sink.php
     * @return array the requests that came before
     */
    public function answer(array $how): array {
        fwrite($this->pipes[0], json_encode($how) . "\n");
        fgets($this->pipes[1]);
        $lines = file($this->log);
        file_put_contents($this->log, '');
        return array_map(fn($line) => json_decode($line, true), $lines);
    }

    /**
     * The requests that came since it was last asked or told.
     *
     * @return array of [head, body]
     */
    public function requests(): array {
        return $this->answer([]);
    }

    /**
     * The events in those requests.
     *
     * @return array
     */
    public function events(): array {
        return array_merge(...array_map(fn($request) => json_decode($request['body'], true), $this->requests()));
    }

    /**
     * Connects this site with it, and keeps a wanted list.
     *
     * @param array $rows as the sidecar tells them; keys and entities may be left out
     * @param array $config settings beside the usual ones
     * @return connection
     */
    public function connect(array $rows = [], array $config = []): connection {
        global $CFG;
        $config += [
            'enabled' => '1',
            'endpoint' => $this->endpoint,
            'sourcekey' => 'unit',
            'secret' => 'whsec_' . base64_encode(str_repeat('k', 24)),
            'connectedurl' => $CFG->wwwroot,
            'budget' => '2000',
            'connectbudget' => '1000',
        ];
        foreach ($config as $name => $value) {
            set_config($name, $value, connection::PLUGIN);
        }
        if ($rows) {
            $read = fn(array $one) => row::read($one + ['contract' => 'moodle.unit.done.v1', 'keys' => [], 'entities' => []]);
            store::save('list-' . count($rows), [], array_map($read, $rows));
        }
        breaker::succeeded();
        return connection::get();
    }
}
