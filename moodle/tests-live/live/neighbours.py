"""The sidecar failing in each way, while people go on using Moodle."""

import contextlib
import os
import signal
import socket
import statistics
import subprocess
import threading
import time
from pathlib import Path

from .events import let_requests_end
from .faults import Fault, groups, recover
from .processes import Failed, say
from .site import Site

# Requests a fault: enough that the breaker opens and is seen open.
REQUESTS = 12


def steal_time(site: Site, course: int, name: str) -> list[float]:
    """Makes groups, one a request; how long each page took, in seconds."""
    took = []
    for n in range(REQUESTS):
        began = time.monotonic()
        groups(site, course, f"{name} {n}")
        took.append(time.monotonic() - began)
    return took


def played(mode: str) -> Fault:
    def fault(site: Site, course: int) -> None:
        site.gate.become(mode)
        try:
            took = steal_time(site, course, mode)
        finally:
            site.gate.become("pass")
        page_holds(site, mode, took)
    fault.__name__ = f"the sidecar: {mode}"
    return fault


def page_holds(site: Site, what: str, took: list[float]) -> None:
    """The page is there before the sidecar is spoken to: a fault may add noise of the machine and no more."""
    usual = site.known["usual page"]
    added = statistics.median(took) - statistics.median(usual)
    say(f"  pages with {what}: median {statistics.median(took) * 1000:.0f} ms, longest {max(took) * 1000:.0f} ms; "
        f"usual {statistics.median(usual) * 1000:.0f} and {max(usual) * 1000:.0f} ms")
    budget = 0.3
    if added > budget or max(took) > max(usual) + 2 * budget + 0.5:
        raise Failed(f"pages waited while the sidecar was bad ({what}): {[round(t, 2) for t in took]} s, usual {[round(t, 2) for t in usual]} s")


def the_sidecar_is_stopped(site: Site, course: int) -> None:
    site.sidecar.stop()
    try:
        page_holds(site, "no sidecar", steal_time(site, course, "stopped"))
    finally:
        site.sidecar.start()


def the_sidecar_is_killed_under_load(site: Site, course: int) -> None:
    done = threading.Event()
    worker = threading.Thread(target=lambda: (steal_time(site, course, "killed"), done.set()))
    worker.start()
    while not done.wait(0.7):
        site.sidecar.stop(signal.SIGKILL)
        site.sidecar.start()
    worker.join()


def the_clock_is_wrong(site: Site, course: int) -> None:
    """The sidecar's clock is an hour ahead: it refuses signatures, and all waits until it is right again."""
    faketime = next(iter(Path("/usr/lib").glob("*/faketime/libfaketime.so.1")), None)
    if faketime is None:
        say("  SKIPPED: a wrong clock (libfaketime is missing)")
        return
    site.sidecar.stop()
    os.environ["LD_PRELOAD"], os.environ["FAKETIME"] = str(faketime), "+3600s"
    try:
        site.sidecar.start()
    finally:
        del os.environ["LD_PRELOAD"], os.environ["FAKETIME"]
    try:
        page_holds(site, "a clock that is an hour off", steal_time(site, course, "clock"))
    finally:
        site.sidecar.stop()
        site.sidecar.start()


def names_take_ten_seconds(site: Site, course: int) -> None:
    """A name server that never answers; the endpoint is given by name. No page may ask it."""
    if os.environ.get("OVERLAY") != "1":
        say("  SKIPPED: slow names (needs a name space of its own)")
        return
    mute = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    mute.bind(("127.0.0.1", 0))
    resolv = site.folder / "resolv.conf"
    with contextlib.ExitStack() as stack:
        stack.callback(mute.close)
        try:
            well = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            well.bind(("127.0.0.53", 53))
            stack.callback(well.close)
        except OSError as error:
            say(f"  SKIPPED: slow names (port 53 can't be had: {error})")
            return
        resolv.write_text("nameserver 127.0.0.53\noptions timeout:5 attempts:2\n", encoding="utf-8")
        real = Path("/etc/resolv.conf").resolve()
        subprocess.run(["mount", "--bind", str(resolv), str(real)], check=True)
        stack.callback(subprocess.run, ["umount", str(real)], check=False)
        endpoint = site.moodle.forced["endpoint"]
        site.moodle.forced["endpoint"] = f"https://slow.example.org:{site.gate.port}"
        site.moodle.write_config()
        try:
            page_holds(site, "names that take 10 s", steal_time(site, course, "names"))
        finally:
            site.moodle.forced["endpoint"] = endpoint
            site.moodle.write_config()


def the_breaker_opens_and_closes(site: Site, course: int) -> None:
    site.gate.become("hang")
    steal_time(site, course, "breaker")
    state = site.web("fault/breaker")["state"]
    posts = len(site.gate.passed)
    groups(site, course, "while open")
    time.sleep(0.5)
    site.gate.become("pass")
    if state == "closed":
        raise Failed("the breaker is closed after twelve requests to a sidecar that hangs")
    if len(site.gate.passed) - posts > 1:
        raise Failed("a request was posted while the breaker was open, beside the one that tries")
    recover(site)
    time.sleep(11)   # until it lets one try
    groups(site, course, "the one that tries")
    let_requests_end(site)
    state = site.web("fault/breaker")["state"]
    if state != "closed":
        raise Failed(f"the breaker is {state} although the sidecar answers again")


FAULTS: list[Fault] = [
    *(played(mode) for mode in ("refuse", "hang", "blackhole", "trickle", "500", "429", "lose", "slow")),
    the_sidecar_is_stopped, the_sidecar_is_killed_under_load, the_clock_is_wrong, names_take_ten_seconds, the_breaker_opens_and_closes,
]
