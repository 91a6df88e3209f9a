"""The rival: a webhook receiver with an outbox, as a competent Python team would write it.

FastAPI on uvicorn (uvloop, httptools). A request's signature is verified by the Standard Webhooks rule;
its events go into SQLite in one transaction, deduplicated by id, before the 202; a relay publishes them
with boto3's PublishBatch and deletes what SNS took. WAL and synchronous=FULL: a 202 is on disk here as it
is in ours. Writers in the thread pool are served one by one by SQLite's own lock, so a lock of our own in
front of it spares them SQLite's sleeping retries.

Settings, by environment: DATABASE; SECRET (`whsec_…`); TOPIC_ARN and ENDPOINT_URL (no relay without a
topic); SOURCE, whose path takes the events.
"""

import base64
import hashlib
import hmac
import json
import logging
import os
import re
import sqlite3
import threading
import time
from contextlib import asynccontextmanager

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

log = logging.getLogger("rival")

SCHEMA = """
create table if not exists seen (id text primary key, at integer not null) without rowid;
create table if not exists outbox (n integer primary key autoincrement, id text not null, body text not null);
"""
TOLERANCE_SECONDS = 300
WEBHOOK_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Refused(Exception):
    """A request that can't be taken, with the status that says so."""

    def __init__(self, status: int, title: str):
        super().__init__(title)
        self.status, self.title = status, title


def open_database(path: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=10)
    connection.execute("pragma journal_mode=wal")
    connection.execute("pragma synchronous=full")
    return connection


def verify(headers, body: bytes, secret: bytes, now: float) -> None:
    """Standard Webhooks: HMAC-SHA256 over `id.timestamp.body`, compared in constant time."""
    identifier = headers.get("webhook-id", "")
    stamp = headers.get("webhook-timestamp", "")
    if not WEBHOOK_ID.fullmatch(identifier) or not stamp.isdigit():
        raise Refused(400, "webhook-id or webhook-timestamp is missing or malformed")
    mac = hmac.new(secret, f"{identifier}.{stamp}.".encode() + body, hashlib.sha256).digest()
    expected = base64.b64encode(mac)
    for signature in headers.get("webhook-signature", "").split():
        version, _, value = signature.partition(",")
        if version == "v1" and hmac.compare_digest(value.encode(), expected):
            break
    else:
        raise Refused(401, "no signature matches")
    if abs(now - int(stamp)) > TOLERANCE_SECONDS:
        raise Refused(401, "the timestamp is too far from this clock")


def parse(body: bytes) -> list[dict]:
    try:
        events = json.loads(body)
    except ValueError as error:
        raise Refused(400, f"not JSON: {error}") from None
    if not isinstance(events, list) or not all(isinstance(e, dict) and isinstance(e.get("id"), str) for e in events):
        raise Refused(400, "not a list of events with ids")
    return events


class Outbox:
    """The events that are owed to SNS."""

    def __init__(self, path: str):
        self.writer = open_database(path)
        self.writer.executescript(SCHEMA)
        self.reader = open_database(path)
        self.lock = threading.Lock()
        self.filled = threading.Event()

    def accept(self, events: list[dict]) -> tuple[int, int]:
        """Stores a batch in one transaction; returns how many were new and how many known."""
        now = int(time.time())
        rows = [(event["id"], json.dumps(event, separators=(",", ":"))) for event in events]
        accepted = 0
        with self.lock:
            self.writer.execute("begin immediate")
            try:
                for identifier, text in rows:
                    if self.writer.execute("insert or ignore into seen values (?, ?)", (identifier, now)).rowcount:
                        self.writer.execute("insert into outbox (id, body) values (?, ?)", (identifier, text))
                        accepted += 1
                self.writer.execute("commit")
            except BaseException:
                if self.writer.in_transaction:
                    self.writer.execute("rollback")
                raise
        self.filled.set()
        return accepted, len(rows) - accepted

    def head(self, n: int) -> list[tuple[int, str, str]]:
        return self.reader.execute("select n, id, body from outbox order by n limit ?", (n,)).fetchall()

    def remove(self, numbers: list[int]) -> None:
        with self.lock:
            self.writer.execute("begin immediate")
            self.writer.executemany("delete from outbox where n = ?", [(n,) for n in numbers])
            self.writer.execute("commit")


class Relay(threading.Thread):
    """Publishes what the outbox holds, in order, and removes what SNS took."""

    def __init__(self, outbox: Outbox, topic: str, endpoint: str | None):
        super().__init__(daemon=True, name="relay")
        self.outbox, self.topic = outbox, topic
        self.sns = boto3.client("sns", endpoint_url=endpoint, config=Config(retries={"max_attempts": 2, "mode": "standard"}))
        self.stopping = threading.Event()

    def run(self) -> None:
        wait = 0.1
        while not self.stopping.is_set():
            rows = self.outbox.head(10)
            if not rows:
                self.outbox.filled.wait(1)
                self.outbox.filled.clear()
                continue
            try:
                taken = self.publish(rows)
            except (BotoCoreError, ClientError) as error:
                log.warning("SNS: %s; again in %.1f s", error, wait)
                taken = []
            if taken:
                self.outbox.remove(taken)
                wait = 0.1
            else:
                self.stopping.wait(wait)
                wait = min(wait * 2, 30)

    def publish(self, rows: list[tuple[int, str, str]]) -> list[int]:
        entries = [
            {"Id": str(n), "Message": body, "MessageAttributes": {"message_id": {"DataType": "String", "StringValue": identifier}}}
            for n, identifier, body in rows
        ]
        answer = self.sns.publish_batch(TopicArn=self.topic, PublishBatchRequestEntries=entries)
        for failed in answer.get("Failed", []):
            log.warning("SNS refused %s: %s", failed["Id"], failed["Code"])
        return [int(entry["Id"]) for entry in answer.get("Successful", [])]


SECRET = base64.b64decode(os.environ["SECRET"].removeprefix("whsec_"))
SOURCE = os.environ.get("SOURCE", "bench")


@asynccontextmanager
async def life(app: FastAPI):
    app.state.outbox = Outbox(os.environ["DATABASE"])
    relay = None
    if topic := os.environ.get("TOPIC_ARN"):
        relay = Relay(app.state.outbox, topic, os.environ.get("ENDPOINT_URL"))
        relay.start()
    yield
    if relay:
        relay.stopping.set()
        app.state.outbox.filled.set()
        relay.join(10)


app = FastAPI(lifespan=life, openapi_url=None)


@app.post("/v1/sources/{source}/events")
async def take(source: str, request: Request) -> Response:
    body = await request.body()
    try:
        if source != SOURCE:
            raise Refused(401, "no signature matches")
        verify(request.headers, body, SECRET, time.time())
        events = parse(body)
    except Refused as refused:
        problem = {"title": refused.title, "status": refused.status}
        return JSONResponse(problem, refused.status, media_type="application/problem+json")
    accepted, duplicate = await run_in_threadpool(app.state.outbox.accept, events)
    return JSONResponse({"accepted": accepted, "duplicate": duplicate}, 202)


@app.get("/livez")
async def live() -> dict:
    return {"status": "ok"}
