"""moodle/tests-live/run.sh: its verbs."""

import signal
import sys
import traceback

from .processes import Failed, say


def site() -> None:
    from .site import whole
    with whole() as made:
        say(f"{made.moodle.url}: admin, Live-1234. Logs: {made.moodle.logs}. Ctrl-C ends it")
        signal.pause()


def events() -> None:
    from . import events as chapter
    chapter.main()


def faults() -> None:
    from . import faults as chapter
    chapter.main()


def cost() -> None:
    from . import cost as chapter
    chapter.main()


def gate() -> None:
    from . import cost as chapter
    chapter.gate()


def commands() -> None:
    from . import commands as chapter
    chapter.main()


def main() -> None:
    # As process 1 of a name space a signal without a handler would be ignored.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
    verbs = {"events": events, "faults": faults, "cost": cost, "gate": gate, "commands": commands, "site": site}
    told = sys.argv[1:] or ["events"]
    if unknown := [verb for verb in told if verb not in verbs]:
        sys.exit(f"run.sh: no verb {unknown[0]}; its head lists them")
    try:
        for verb in told:
            verbs[verb]()
    except Failed as problem:
        sys.exit(f"error: {problem}")
    except KeyboardInterrupt:
        sys.exit("ended by Ctrl-C")
    except Exception:   # a fault of the suite itself
        traceback.print_exc()
        sys.exit(1)


if __name__ == "__main__":
    main()
