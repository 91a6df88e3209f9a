"""What a run produced, kept as files: examples can be made from them. And which contracts it spoke."""

import json
import os
import shutil
from collections import Counter
from pathlib import Path

from . import contracts
from .processes import say
from .site import Site
from .verdict import Evidence

# Contracts that no chapter makes speak on this version, and why.
SILENT: dict[str, str] = {}


def keep(site: Site, evidence: Evidence) -> set[str]:
    """Writes events, messages and the table of contracts; the types that were spoken."""
    spoken = Counter(m["body"]["type"] for m in evidence.messages)
    folder = Path(os.environ.get("CAPTURE") or site.moodle.logs / "capture")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    release = site.moodle.release()
    committed = Counter(e.name for e in evidence.witnessed if e.committed)
    with (folder / "events.jsonl").open("w", encoding="utf-8") as out:
        for event in evidence.sent:
            out.write(json.dumps({k: v for k, v in event.items() if not k.startswith("_")} | {"moodle": release}, ensure_ascii=False) + "\n")
    with (folder / "messages.jsonl").open("w", encoding="utf-8") as out:
        for message in sorted(evidence.messages, key=lambda m: m["body"].get("sequence", "")):
            out.write(json.dumps(message, ensure_ascii=False) + "\n")
    with (folder / "coverage.tsv").open("w", encoding="utf-8") as out:
        out.write("moodle\tdatabase\tcontract\tevents raised\tmessages\n")
        for name, events in contracts.types().items():
            out.write(f"{release}\t{site.moodle.database.kind}\t{name}\t{sum(committed[e] for e in events)}\t{spoken[name]}\n")
    if os.environ.get("CAPTURE"):
        say(f"Events, messages and coverage.tsv are in {folder}")
    quiet = sorted(set(contracts.types()) - set(spoken))
    say(f"Contracts that nothing was said under: {', '.join(quiet) or 'none'}")
    return set(spoken) & set(contracts.types())


def missing(site: Site, evidence: Evidence, partial: bool) -> list[str]:
    """Contracts that a whole run must speak, and this one did not."""
    if partial:
        return []
    spoken = {m["body"]["type"] for m in evidence.messages}
    return [f"no message of {name} came, and SILENT in live/capture.py gives no reason" for name in contracts.types()
            if name not in spoken and name not in SILENT]
