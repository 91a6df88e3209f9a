#!/usr/bin/env python3
"""Makes examples of contracts from what a live run captured.

    CAPTURE=folder moodle/tests-live/run.sh
    moodle/tests-live/examples.py folder [CONTRACT …]
    cargo build && target/debug/moodle-sns-producer contracts check contracts --write

Of each contract named (default: of all that were spoken) it takes the event whose message says most, and
writes it as `examples/plugin-<Moodle>.json`; the check then writes the message beside it.
"""

import json
import sys
from pathlib import Path

CONTRACTS = Path(__file__).resolve().parents[2] / "contracts"


def lines(file: Path) -> list[dict]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def fields(value: object) -> int:
    """How many values a message tells."""
    return sum(map(fields, value.values())) if isinstance(value, dict) else 1


def richest(messages: list[dict]) -> dict[str, str]:
    """The id of the event whose message says most, of each contract; the first of equals."""
    best: dict[str, tuple[int, str]] = {}
    for body in (message["body"] for message in messages):
        event = body["id"].removesuffix(f":{body['type']}")
        said = fields(body["data"])
        if said > best.get(body["type"], (0, ""))[0]:
            best[body["type"]] = (said, event)
    return {contract: event for contract, (_, event) in best.items()}


def main(folder: str, *wanted: str) -> int:
    events = {event["id"]: event for event in lines(Path(folder) / "events.jsonl")}
    best = richest(lines(Path(folder) / "messages.jsonl"))
    for contract in wanted or sorted(best):
        if contract not in best:
            print(f"{contract}: nothing was captured of it", file=sys.stderr)
            continue
        event = events[best[contract]]
        _, subject, name, version = contract.split(".")
        release = event["moodle"]
        example = {
            "note": f"As the plugin sent it from Moodle {release}.",
            "captured": f"the plugin's live suite on Moodle {release}",
            "event": {
                "name": event["type"],
                **{key: event[key] for key in ("id", "time", "raised") if key in event},
                "data": event["data"],
            },
        }
        major, minor, *_ = release.split(".")
        suffix = "" if version == "v1" else f".{version}"
        file = CONTRACTS / subject / name / "examples" / f"plugin-{major}.{minor}{suffix}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(example, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        print(file.relative_to(CONTRACTS.parent))
    return 0


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
