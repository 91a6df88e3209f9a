"""Processes of the throwaway site: started with a log, ended whatever happens."""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path


class Failed(Exception):
    """Something did not work; its text says what, and where to look."""


def say(text: str) -> None:
    print(f"==> {text}", file=sys.stderr, flush=True)


def unprivileged() -> dict:
    """Arguments of Popen that make a process run as www-data, where this one is root."""
    if os.getuid() != 0:
        return {}
    user = pwd.getpwnam("www-data")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": [], "umask": 0o022}


def give(path: Path) -> None:
    """Makes www-data the owner of a folder and what it holds, where this process is root."""
    if os.getuid() == 0:
        subprocess.run(["chown", "-R", "www-data:", str(path)], check=True)


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def program(*names: str) -> str:
    """The first of these programs that is there, also where only root's PATH would find it."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    for name in names:
        if found := shutil.which(name, path=path):
            return found
    raise Failed(f"{names[0]} is missing; scripts/needs.sh names its package")


def until(what: str, seconds: float, holds: Callable[[], bool], alive: subprocess.Popen | None = None) -> None:
    """Waits until `holds()`, or says that `what` did not come to be."""
    end = time.monotonic() + seconds
    while not holds():
        if alive is not None and alive.poll() is not None:
            raise Failed(f"{what}: the process ended with {alive.returncode}")
        if time.monotonic() > end:
            raise Failed(f"{what}: not within {seconds:.0f} s")
        time.sleep(0.05)


def end(process: subprocess.Popen, first: int = signal.SIGTERM, patience: float = 10) -> None:
    """Ends a process and its group, kindly first."""
    for what in (first, signal.SIGKILL):
        if process.poll() is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, what)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience)


def spawn(command: list[str], log: Path, **more) -> subprocess.Popen:
    """A process in a session of its own, whose output goes to the log."""
    with log.open("ab") as out:
        return subprocess.Popen(
            command, stdout=out, stderr=out, stdin=subprocess.DEVNULL, start_new_session=True, **more
        )


@contextlib.contextmanager
def running(command: list[str], log: Path, first: int = signal.SIGTERM, **more) -> Iterator[subprocess.Popen]:
    process = spawn(command, log, **more)
    try:
        yield process
    finally:
        end(process, first)


def tail(log: Path, lines: int = 20) -> str:
    try:
        return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
    except OSError:
        return ""
