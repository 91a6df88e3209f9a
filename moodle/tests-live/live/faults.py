"""`run.sh faults`: each fault is played on one site, healed, and judged by what the witness saw."""

import os
import time
from collections import Counter
from collections.abc import Callable

from .events import complaints, let_requests_end, settle
from .processes import Failed, say
from .site import Site, whole
from .verdict import judge

# A fault, played on a site that has this course.
Fault = Callable[[Site, int], None]

# Always told: what was committed, whatever dies.
STRICT = r"\core\event\group_created"


def main() -> None:
    from . import death, neighbours, tables
    began = time.monotonic()
    only = os.environ.get("ONLY", "").split()
    bad: list[str] = []
    with whole() as site:
        site.known["usual page"] = [0.0]
        course = site.web("course/create", name="FAULTS", fields={})["course"]
        play_calmly(site, course)
        settle(site, 0)
        for fault in [*neighbours.FAULTS, *tables.FAULTS, *death.FAULTS]:
            name = fault.__name__.replace("_", " ")
            if only and not any(word in name for word in only):
                continue
            found = play(site, course, fault)
            say(f"{'FAILED' if found else 'holds'}: {name}")
            for line in found:
                print(f"FAULT {name}: {line}", flush=True)
            bad += found
        if bad:
            raise Failed(f"{len(bad)} faults; they stand above")
        say(f"All faults were borne, in {time.monotonic() - began:.0f} s, on Moodle {site.moodle.release()}, {site.moodle.database.kind}")


def groups(site: Site, course: int, name: str, number: int = 1, **more) -> dict:
    """Groups are made in one request: the event that the faults work with."""
    return site.web("fault/groups", course=course, number=number, name=name, **more)


def play_calmly(site: Site, course: int) -> None:
    """What a page takes while nothing is wrong."""
    took = []
    for n in range(16):
        began = time.monotonic()
        groups(site, course, f"calm {n}")
        took.append(time.monotonic() - began)
    site.known["usual page"] = took[4:]


def recover(site: Site) -> None:
    """Waits until the plugin sends again, and nothing waits in Moodle."""
    end = time.monotonic() + 90
    while time.monotonic() < end:
        site.plugin_task("drain_outbox", fine=(0, 1))
        if not [row for row in site.outbox() if row[1] != "refused"]:
            return
        time.sleep(1)
    raise Failed(f"{len(site.outbox())} rows still wait 90 s after the fault was healed")


def play(site: Site, course: int, fault: Fault) -> list[str]:
    """What was wrong with one fault."""
    let_requests_end(site)
    mark, passed, ledger = site.witness.mark(), len(site.gate.passed), sums(site)
    try:
        fault(site, course)
        recover(site)
    except Failed as problem:
        site.gate.become("pass")
        settle(site, mark)   # what it left must not speak against the next
        return [str(problem)[:1500]]
    evidence = settle(site, mark, forbidden=[])
    evidence.sent = [e for p in site.gate.passed[passed:] for e in p.told()]
    evidence.ledger = {name: {k: n - ledger.get(name, Counter())[k] for k, n in outcomes.items()} for name, outcomes in evidence.ledger.items()}
    evidence.repeated_allowed = True
    evidence.lost_allowed = getattr(fault, "kills", False)
    evidence.losses_show = evidence.lost_allowed and not getattr(fault, "wipes", False)
    # Sent again after a lost answer: the sidecar says duplicate, and nobody hears of it twice.
    found = [line for line in judge(evidence) if not ("'duplicate'" in line)]
    return found + strict_names(site, mark, evidence) + [line for line in complaints(site) if "PHP Fatal" in line]


def sums(site: Site) -> dict[str, Counter]:
    found: dict[str, Counter] = {}
    for name, outcome, n in site.web("setup/ledger"):
        found.setdefault(name, Counter())[outcome] += int(n)
    return found


def strict_names(site: Site, mark: int, evidence) -> list[str]:
    """In strict mode each change that is in the database is told, and none that isn't."""
    if not site.known.get("strict"):
        return []
    told = Counter((e["type"], str(e["data"]["event"]["objectid"])) for e in {e["id"]: e for e in evidence.sent}.values() if e["type"] == STRICT)
    raised = [e for e in site.witness.with_rows(site, mark) if e.name == STRICT]
    kept = Counter((e.name, str(e.event["objectid"])) for e in raised if e.recorded)
    gone = {(e.name, str(e.event["objectid"])) for e in raised if e.transaction and not e.recorded}
    lines = [f"{STRICT} {key[1]} was committed and never told" for key in kept - told]
    lines += [f"{STRICT} {key[1]} was rolled back and told" for key in told if key in gone and key not in kept]
    lines += [f"{STRICT} {key[1]} was told under {n} ids" for key, n in told.items() if n > max(1, kept[key])]
    return lines
