"""`run.sh`: the chapters, then the verdict."""

import json
import os
import sys
import time
from pathlib import Path

from . import capture, chapters, contracts, cost
from .processes import Failed, say, until
from .site import Site, whole
from .verdict import Evidence, judge

# What people typed in the chapters, and what no contract declares.
FORBIDDEN = ["canary", "@"]


def main() -> None:
    began = time.monotonic()
    only = os.environ.get("ONLY", "").split()
    with whole() as site:
        mark = site.witness.mark()
        chapters.play(site, only)
        evidence = settle(site, mark)
        kept = capture.keep(site, evidence)
        faults = judge(evidence) + grades(site, evidence) + capture.missing(site, evidence, bool(only)) + complaints(site)
        for fault in faults:
            print(f"FAULT {fault}", file=sys.stderr, flush=True)
        say(f"{len(evidence.witnessed)} events raised, {len({e['id'] for e in evidence.sent})} sent, {len(evidence.messages)} messages; "
            f"{len(kept)} of {len(contracts.types())} contracts spoken; {len(faults)} faults; {time.monotonic() - began:.0f} s")
        if not only:
            cost.furnish(site)
            cost.produce(site)
            faults += cost.gate_of(site)
        if faults:
            raise Failed(f"{len(faults)} faults: {faults[-1]}" if len(faults) == 1 else f"{len(faults)} faults; they stand above")
        say(f"The live suite passed on Moodle {site.moodle.release()}, {site.moodle.database.kind}")


def settle(site: Site, mark: int, forbidden: list[str] | None = None) -> Evidence:
    """Waits until all is calm, and gathers what the run left behind."""
    for _ in range(3):
        let_requests_end(site)
        site.plugin_task("drain_outbox")
        if not site.outbox():
            break

    def calm() -> bool:
        return all(t["waiting"] == 0 and t["held"] == 0 for t in site.sidecar.status()["topics"])

    until("the sidecar publishes all that waits", 60, calm)
    listed = site.web("setup/list")
    ledger: dict[str, dict[str, int]] = {}
    for name, outcome, n in site.web("setup/ledger"):
        ledger.setdefault(name, {})[outcome] = int(n)
    return Evidence(
        witnessed=site.witness.events(mark), sent=site.gate.sent(), messages=site.aws.take_all(), ledger=ledger,
        status=site.sidecar.status(), outbox=site.outbox(), wanted=set(listed["wanted"]), always=set(listed["always"]),
        forbidden=FORBIDDEN if forbidden is None else forbidden)


def let_requests_end(site: Site) -> None:
    """Requests send after their responses: waits until none has come to the gate for a while."""
    passed = -1
    while passed != len(site.gate.passed):
        passed = len(site.gate.passed)
        time.sleep(1)


def grades(site: Site, evidence: Evidence) -> list[str]:
    """A grade that is hidden was never sent; one that was shown later was sent once, as a release."""
    if "never shown" not in site.known:
        return []
    faults = []
    never = site.known["never shown"]
    if any(never in json.dumps(e["data"]) for e in evidence.sent):
        faults.append(f"the hidden grade {never} was sent")
    for value in site.known["shown later"]:
        # The total of a category with one grade is the same number; it is told once nothing beneath it is hidden.
        told = [e for e in evidence.sent if str(value) in str((e["data"]["event"].get("other") or {}).get("finalgrade"))
                and e["data"]["entities"].get("grade_item", {}).get("itemtype") not in ("category", "course")]
        if [e["type"] for e in told] != [r"\local_snsproducer\event\grade_released"]:
            faults.append(f"the grade {value}, hidden and then shown, was told by {[e['type'] for e in told]}")
    return faults


def complaints(site: Site) -> list[str]:
    """What PHP wrote to its log about the plugin."""
    lines = []
    for log in ("php.log", "php-fpm.log"):
        file: Path = site.moodle.logs / log
        if file.exists():
            lines += [line for line in file.read_text(encoding="utf-8", errors="replace").splitlines() if "snsproducer" in line.lower()]
    return [f"PHP's log: {line[:400]}" for line in lines[:12]]
