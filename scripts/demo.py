"""The demo's own small parts: which events it sends, what it reads from the queues, a forged batch."""

import argparse
import base64
import gzip
import hashlib
import hmac
import json
import os
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CORPUS = ROOT / "tests" / "corpus" / "hour.jsonl.gz"

# 200 of the recorded hour: what shows best, and 40 of other classes, most of which no topic of the demo carries.
WANTED = {
    "core\\event\\user_enrolment_created": 40,
    "core\\event\\user_enrolment_updated": 4,
    "core\\event\\user_enrolment_deleted": 11,
    "core\\event\\group_member_added": 30,
    "core\\event\\group_member_removed": 9,
    "mod_assign\\event\\assessable_submitted": 30,
    "core\\event\\user_graded": 30,
    "core\\event\\course_updated": 6,
}
EVENTS = 200


def cut_slice(out: Path) -> None:
    """Writes the demo's events, in the order in which Moodle raised them."""
    left = dict(WANTED)
    others = EVENTS - sum(WANTED.values())
    chosen = []
    with gzip.open(CORPUS, "rt", encoding="utf-8") as lines:
        for line in lines:
            name = json.loads(line)["class"]
            if left.get(name, 0) > 0:
                left[name] -= 1
            elif name not in WANTED and others > 0:
                others -= 1
            else:
                continue
            chosen.append(line)
    if len(chosen) != EVENTS:
        sys.exit(f"demo.py: {CORPUS} gave {len(chosen)} of {EVENTS} events")
    out.write_text("".join(chosen), encoding="utf-8")


def queues(endpoint: str):
    sys.path.insert(0, str(ROOT / "localstack"))
    import stack  # the stand-in's client: region and worthless keys

    return stack.client("sqs", endpoint)


def show_first(endpoint: str, url: str, seconds: float, type_file: Path) -> None:
    """Prints the first message of a queue, whole, and leaves its type in `type_file`."""
    sqs = queues(endpoint)
    end = time.monotonic() + seconds
    while True:
        answer = sqs.receive_message(
            QueueUrl=url, WaitTimeSeconds=1, AttributeNames=["All"], MessageAttributeNames=["All"]
        )
        messages = answer.get("Messages", [])
        if messages:
            break
        if time.monotonic() > end:
            sys.exit(f"demo.py: nothing came to {url} within {seconds:.0f} s; see `make demo-status` and .demo/sidecar.log")
    message = messages[0]
    body = json.loads(message["Body"])
    print(json.dumps(body, indent=2, ensure_ascii=False))
    print("Its attributes, for filters:")
    for name, value in sorted(message.get("MessageAttributes", {}).items()):
        print(f"  {name} = {value['StringValue']}")
    group = message.get("Attributes", {}).get("MessageGroupId")
    if group:
        print(f"FIFO group (a pseudonym of course and student): {group}")
    type_file.write_text(body["type"], encoding="utf-8")


def count(endpoint: str, outputs: Path) -> int:
    """Prints how many messages lie in each queue, and returns their sum."""
    sqs = queues(endpoint)
    total = 0
    for key, url in sorted(json.loads(outputs.read_text(encoding="utf-8")).items()):
        if not key.endswith("QueueUrl"):
            continue
        attributes = sqs.get_queue_attributes(
            QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        )["Attributes"]
        here = sum(int(value) for value in attributes.values())
        total += here
        print(f"  {here:4}  {url.rsplit('/', 1)[1]}")
    return total


def settle(endpoint: str, outputs: Path, seconds: float) -> None:
    """Prints the counts once they have stopped growing for a second."""
    sys.stdout.flush()
    end = time.monotonic() + seconds
    last, same = -1, 0
    while time.monotonic() < end and same < 4:
        with open(os.devnull, "w", encoding="utf-8") as nowhere:
            screen, sys.stdout = sys.stdout, nowhere
            try:
                total = count(endpoint, outputs)
            finally:
                sys.stdout = screen
        same = same + 1 if total == last else 0
        last = total
        time.sleep(0.25)
    count(endpoint, outputs)


def forge(url: str) -> None:
    """Posts a batch signed with a secret that the sidecar doesn't know; prints what it answers."""
    secret = b"not the secret of this source"
    identifier, stamp, body = "forged", str(int(time.time())), b"[]"
    mac = hmac.new(secret, f"{identifier}.{stamp}.".encode() + body, hashlib.sha256).digest()
    request = urllib.request.Request(url, data=body, method="POST")
    request.add_header("Content-Type", "application/cloudevents-batch+json")
    request.add_header("webhook-id", identifier)
    request.add_header("webhook-timestamp", stamp)
    request.add_header("webhook-signature", "v1," + base64.b64encode(mac).decode())
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            sys.exit(f"demo.py: a forged batch was answered {answer.status}: that must never be")
    except urllib.error.HTTPError as refusal:
        print(f"{refusal.code} {refusal.reason}")
        print(refusal.read().decode())
        if refusal.code != 401:
            sys.exit(f"demo.py: expected 401, the answer was {refusal.code}")
    except urllib.error.URLError as problem:
        sys.exit(f"demo.py: the sidecar doesn't answer at {url}: {problem.reason}; start it: make demo-start")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verb = verbs.add_parser("slice")
    verb.add_argument("out", type=Path)
    verb = verbs.add_parser("first")
    verb.add_argument("endpoint")
    verb.add_argument("outputs", type=Path)
    verb.add_argument("queue", help="the output that holds its URL")
    verb.add_argument("type_file", type=Path)
    verb = verbs.add_parser("count")
    verb.add_argument("endpoint")
    verb.add_argument("outputs", type=Path)
    verb = verbs.add_parser("forge")
    verb.add_argument("url")
    given = parser.parse_args()
    if given.verb == "slice":
        cut_slice(given.out)
        names = Counter(json.loads(line)["class"].rsplit("\\", 1)[1] for line in given.out.open(encoding="utf-8"))
        wanted = {name.rsplit("\\", 1)[1] for name in WANTED}
        print(", ".join(f"{n} {name}" for name, n in names.most_common() if name in wanted))
    elif given.verb == "first":
        url = json.loads(given.outputs.read_text(encoding="utf-8"))[given.queue]
        show_first(given.endpoint, url, 20, given.type_file)
    elif given.verb == "count":
        settle(given.endpoint, given.outputs, 30)
    else:
        forge(given.url)


if __name__ == "__main__":
    main()
