"""PHP killed at each step. In strict mode what was committed is told all the same."""

import os
import random
import signal
import subprocess
import threading
import time

from .faults import STRICT, Fault, groups, recover
from .processes import Failed, say, unprivileged
from .site import Site

# How many different system calls a script is killed at, of each kind.
KILLS = int(os.environ.get("KILLS") or 8)


def in_strict_mode(fault: Fault) -> Fault:
    def strictly(site: Site, course: int) -> None:
        site.web("setup/plugin", settings={"strict": STRICT})
        site.known["strict"] = True
        try:
            fault(site, course)
            complete_open_rows(site)
        finally:
            site.web("setup/plugin", settings={"strict": ""})
    strictly.__name__ = fault.__name__ + "_in_strict_mode"
    strictly.kills = True
    return strictly


def complete_open_rows(site: Site) -> None:
    """Rows that a killed request left open are taken after 15 minutes: that time is made to have passed."""
    site.moodle.database.sql("UPDATE mdl_local_snsproducer_outbox SET timecreated = timecreated - 1000 WHERE state = 'open'")
    recover(site)


def a_script_is_killed_at_each_step(site: Site, course: int) -> None:
    """strace kills it at its n-th write to the database or the network, for n all over its run."""
    import json
    script = site.moodle.in_web("local/witness/cli.php")
    arguments = json.dumps({"course": course, "number": 6, "name": "killed", "transaction": 1})
    command = site.moodle.command(script, "fault/groups", "admin", arguments)
    for call in ("sendto", "connect"):
        total = count(site, command, call)
        died = 0
        for n in spread(total):
            done = subprocess.run(["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={n}",
                                   *command], capture_output=True, cwd=site.moodle.code, stdin=subprocess.DEVNULL, timeout=120, **unprivileged())
            died += done.returncode != 0
        say(f"  killed at {died} of {total} calls of {call}")
        if died == 0:
            raise Failed(f"no script died at {call}: this proves nothing")


def count(site: Site, command: list[str], call: str) -> int:
    log = site.moodle.run / "strace.txt"
    subprocess.run(["strace", "-f", "-qq", "-e", f"trace={call}", "-o", str(log), *command], capture_output=True, cwd=site.moodle.code,
                   stdin=subprocess.DEVNULL, timeout=120, **unprivileged())
    return len(log.read_text(encoding="utf-8", errors="replace").splitlines())


def spread(total: int) -> list[int]:
    """Where to kill: the second half of the run is where events are raised and sent."""
    begin = total // 3
    wanted = sorted({begin + (total - begin) * i // KILLS for i in range(1, KILLS + 1)})
    return [n for n in wanted if n >= 1]


def workers_are_killed_at_random(site: Site, course: int) -> None:
    seed = int(os.environ.get("SEED") or time.time())
    say(f"  SEED={seed}")
    chance = random.Random(seed)
    done = threading.Event()

    def work(who: int) -> None:
        for n in range(10):
            try:
                groups(site, course, f"random {who} {n}", number=3, **({"transaction": 1} if n % 2 else {}))
            except Failed:
                pass   # its worker died: what was committed is what counts

    threads = [threading.Thread(target=work, args=(who,)) for who in range(3)]
    for thread in threads:
        thread.start()

    def kill() -> None:
        while not done.wait(chance.uniform(0.05, 0.4)):
            if workers := site.moodle.fpm_workers():
                os.kill(chance.choice(workers), signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    for thread in threads:
        thread.join()
    done.set()
    killer.join()
    time.sleep(1)
    # A request that notes nothing for 15 minutes counts as dead: that time is made to have passed.
    buried = site.web("fault/bury")["buried"]
    groups(site, course, "after the dead", number=1)
    say(f"  {buried} requests died with events in their memory")


a_script_is_killed_at_each_step.kills = True
workers_are_killed_at_random.kills = True

FAULTS: list[Fault] = [workers_are_killed_at_random, in_strict_mode(a_script_is_killed_at_each_step), in_strict_mode(workers_are_killed_at_random)]
