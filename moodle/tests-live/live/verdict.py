"""The verdict on a run: what the witness saw beside what was sent, what arrived, and both ledgers."""

import dataclasses
import json
from collections import Counter, defaultdict

from . import contracts
from .witness import Event

# Kept of every event, whichever contract wants it; the rest only where a row asks for it.
ALWAYS = ("objectid", "courseid", "contextlevel", "contextid", "contextinstanceid", "anonymous", "timecreated")
# What an anonymous event may still hold.
OF_ANONYMOUS = {"eventname", "courseid", "contextlevel", "contextid", "contextinstanceid", "anonymous", "timecreated"}
MOST_LINES = 12
# A kill between Moodle's commit and the plugin's observer: the events of one transaction were never observed.
BEFORE_OBSERVER = 3


@dataclasses.dataclass
class Evidence:
    """All that a run left behind."""

    # Moodle's events since the plugin was connected, each with whether it was committed.
    witnessed: list[Event]
    # Every event as it was posted; `_status` is the answer's.
    sent: list[dict]
    # Every message that lay in a queue.
    messages: list[dict]
    # Event name → outcome → n, of the plugin.
    ledger: dict[str, dict[str, int]]
    # `status` of the sidecar.
    status: dict
    # Ids and states of rows that still wait in Moodle.
    outbox: list[tuple[str, str]]
    # Events the plugin wants, by the list it has; those without any condition are all sent.
    wanted: set[str]
    always: set[str]
    # Text that must be in no message and no event that was sent.
    forbidden: list[str] = dataclasses.field(default_factory=list)
    # PHP was killed: what was in its memory may be lost.
    lost_allowed: bool = False
    # And all of that must show in the ledger, which nobody wiped.
    losses_show: bool = False
    # Faults refuse and repeat: only then may one event be posted more than once.
    repeated_allowed: bool = False


def text_of(value: object) -> str:
    """One form for 5, "5" and "5.0"-free text: Moodle's types are not stable."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, (dict, list)):
        if not value:
            return "{}"
        if isinstance(value, list):
            return json.dumps([text_of(v) for v in value])
        return json.dumps({k: text_of(v) for k, v in sorted(value.items())})
    return str(value)


def place(event: dict) -> tuple:
    """What an event is recognised by: where it stands in Moodle. An anonymous one gives its hour only."""
    if int(event.get("anonymous") or 0):
        hour = int(event["timecreated"]) // 3600
        return (event["eventname"], *(text_of(event.get(k)) for k in ("courseid", "contextid", "contextinstanceid")), hour)
    return (event["eventname"], *(text_of(event.get(k)) for k in ALWAYS))


def holds(sent: dict, raised: dict) -> bool:
    """Is every value of the sent event the one that Moodle raised? Of `other` only some keys may be there."""
    for key, value in sent.items():
        if key == "other" and isinstance(value, dict):
            other = raised.get("other") or {}
            if any(text_of(v) != text_of(other.get(k)) and not isinstance(v, (dict, list)) for k, v in value.items()):
                return False
        elif key != "timecreated" and text_of(value) != text_of(raised.get(key)):
            return False
    return True


def judge(evidence: Evidence) -> list[str]:
    """What is wrong; empty where every law holds."""
    faults: list[str] = []

    def law(name: str, lines: list[str]) -> None:
        faults.extend(f"{name}: {line}" for line in lines[:MOST_LINES])
        if len(lines) > MOST_LINES:
            faults.append(f"{name}: and {len(lines) - MOST_LINES} more")

    law("messages keep their contract", [p for m in evidence.messages if (p := contracts.problem(m["body"]))])
    law("a message comes once", [f"{id} came {n} times" for id, n in Counter(m["body"]["id"] for m in evidence.messages).items() if n > 1])
    law("nothing is invented", invented(evidence))
    law("one id, one event", one_id(evidence))
    law("what was committed is told", untold(evidence))
    law("what is told was committed", sorted(uncommitted(evidence)))
    law("an anonymous event names nobody", named(evidence))
    law("no more than declared", leaked(evidence))
    law("the plugin's ledger adds up", plugin_ledger(evidence))
    law("the sidecar's ledger adds up", sidecar_ledger(evidence))
    law("what was lost shows", unseen(evidence))
    return faults


def invented(evidence: Evidence) -> list[str]:
    sent = {e["id"] for e in evidence.sent}
    return [f"{m['body']['id']} is of no event that was sent" for m in evidence.messages if m["body"]["id"].partition(":")[0] not in sent]


def one_id(evidence: Evidence) -> list[str]:
    bodies = defaultdict(list)
    for event in evidence.sent:
        # A strict row whose request was killed after its answer is sent again with what can be read later: the sidecar
        # keeps the first. What Moodle raised is the same all the same.
        same = event["data"]["event"] if evidence.lost_allowed else {k: v for k, v in event.items() if not k.startswith("_")}
        bodies[event["id"]].append(json.dumps(same, sort_keys=True))
    lines = [f"{id} was sent with {len(set(b))} contents" for id, b in bodies.items() if len(set(b)) > 1]
    # Sent again is right where no answer came in time.
    answered: set[str] = set()
    for event in evidence.sent:
        if event["id"] in answered and not evidence.repeated_allowed:
            lines.append(f"{event['id']} was sent again after an answer that came in time")
        if event["_prompt"]:
            answered.add(event["id"])
    return lines


def firsts(evidence: Evidence) -> list[dict]:
    """Each event once, as it was first sent."""
    found: dict[str, dict] = {}
    for event in evidence.sent:
        found.setdefault(event["id"], event)
    return list(found.values())


def untold(evidence: Evidence) -> list[str]:
    """Events that nothing but their name decides, and that were neither sent nor wait."""
    told = Counter(e["type"] for e in firsts(evidence))
    committed = Counter(e.name for e in evidence.witnessed if e.committed)
    waiting = sum(n.get("waiting", 0) for n in evidence.ledger.values())
    lines = []
    for name in sorted(evidence.always):
        missing = committed[name] - told[name]
        if missing > 0 and not evidence.lost_allowed and waiting == 0:
            lines.append(f"{name}: {committed[name]} committed, {told[name]} told")
    by_type = Counter(m["body"]["type"] for m in evidence.messages)
    for contract, names in contracts.types().items():
        if all(name in evidence.always for name in names) and contract not in conditional():
            owed = sum(told[name] for name in names)
            if by_type[contract] != owed:
                lines.append(f"{contract}: {owed} events were sent, {by_type[contract]} messages came")
    return lines


def conditional() -> set[str]:
    """Contracts that read only some of their events."""
    return {name for name in contracts.types() if contracts.has_condition(name)}


def uncommitted(evidence: Evidence) -> list[str]:
    """Sent events that match no committed one, one for one."""
    committed = defaultdict(list)
    for event in evidence.witnessed:
        if event.committed:
            committed[place(event.event)].append(event.event)
    lines = []
    for event in firsts(evidence):
        there = committed[place(event["data"]["event"])]
        match = next((w for w in there if holds(event["data"]["event"], w)), None)
        if match is None:
            lines.append(f"{event['type']} {json.dumps(event['data']['event'])[:400]}" + (f" beside {json.dumps(there[0])[:400]}" if there else ""))
        else:
            there.remove(match)
    return lines


def named(evidence: Evidence) -> list[str]:
    lines = []
    for event in evidence.sent:
        inside = event["data"]["event"]
        if not int(inside.get("anonymous") or 0):
            continue
        more = set(inside) - OF_ANONYMOUS
        if any(inside[k] not in (None, 0, "0", [], {}) for k in more):
            lines.append(f"{event['type']} holds {sorted(more)}")
        if "raised" in event or int(inside["timecreated"]) % 3600 or set(event["data"]["entities"]) - {"course", "cm"}:
            lines.append(f"{event['type']} tells when or who: {json.dumps(event)[:400]}")
        if int(event["id"].replace("-", "")[:12], 16) % 3_600_000:
            lines.append(f"{event['type']}: the time in the id {event['id']} is not cut to the hour")
    for message in evidence.messages:
        body = json.dumps(message["body"]["data"])
        if '"kind": "hidden"' in body and ("ID-" in body or '"username"' in body):
            lines.append(f"{message['body']['type']} hides a person and names one: {body[:300]}")
    return lines


def leaked(evidence: Evidence) -> list[str]:
    lines = []
    for what, values in (("message", [m["body"]["data"] for m in evidence.messages] + [m["attributes"] for m in evidence.messages]),
                         ("event", [e["data"] for e in evidence.sent])):
        for value in values:
            body = json.dumps(value)
            lines += [f"{word} stands in a {what}: {body[:300]}" for word in evidence.forbidden if word.lower() in body.lower()]
    return lines


def plugin_ledger(evidence: Evidence) -> list[str]:
    lines = []
    committed = Counter(e.name for e in evidence.witnessed if e.committed)
    for name, outcomes in sorted(evidence.ledger.items()):
        if name not in evidence.wanted:
            continue
        bad = {k: v for k, v in outcomes.items() if k in ("unaccounted", "refused", "lost_at_cap", "parked", "unwanted", "waiting") and v}
        if bad and not evidence.lost_allowed:
            lines.append(f"{name}: {bad} of {outcomes.get('observed')}")
        if outcomes.get("observed", 0) != committed[name] and not evidence.lost_allowed:
            lines.append(f"{name}: {committed[name]} committed, {outcomes.get('observed', 0)} observed")
    if not evidence.lost_allowed:
        lines += [f"{name}: {committed[name]} committed, none observed" for name in sorted(evidence.wanted)
                  if committed[name] and name not in evidence.ledger]
    return lines


def unseen(evidence: Evidence) -> list[str]:
    """Where PHP was killed: events that were committed and never told, and that the ledger doesn't call unaccounted."""
    if not evidence.losses_show:
        return []
    told = Counter(e["type"] for e in firsts(evidence))
    committed = Counter(e.name for e in evidence.witnessed if e.committed)
    lines = []
    for name in sorted(evidence.always):
        lost, shown = committed[name] - told[name], evidence.ledger.get(name, {}).get("unaccounted", 0)
        if lost > shown + BEFORE_OBSERVER:
            lines.append(f"{name}: {lost} lost, {shown} of them unaccounted")
    return lines


def sidecar_ledger(evidence: Evidence) -> list[str]:
    lines = []
    for part in ("door", "messages"):
        account = evidence.status[part]
        if any(account["missing"]):
            lines.append(f"{part}: {account['missing']} are missing")
    lines += [f"{p['n']} parked: {p['reason']}" for p in evidence.status["parked"] if p["n"]]
    lines += [f"topic {t['topic']}: {t['waiting']} waiting, {t['held']} held" for t in evidence.status["topics"] if t["waiting"] or t["held"]]
    return lines
