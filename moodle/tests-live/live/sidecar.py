"""The real sidecar and the AWS stand-in that takes what it publishes."""

import base64
import contextlib
import json
import os
import secrets
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import boto3
from botocore.config import Config

from .processes import Failed, end, free_port, spawn, tail, until

ROOT = Path(os.environ["ROOT"])
BINARY = os.environ["BINARY"]
SOURCE = "live"


class StandIn:
    """ministack, with the topics and queues of deploy/aws/topics.yaml."""

    def __init__(self, folder: Path):
        self.folder = folder / "aws"
        self.log = folder / "log" / "aws.log"
        self.port = free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        self.folder.mkdir()
        command = [str(ROOT / "localstack" / "standin.sh"), "--port", str(self.port), "--dir", str(self.folder)]
        process = spawn(command, self.log)
        try:
            until(f"the AWS stand-in; its log is {self.log}", 60, lambda: "ready " in tail(self.log, 5), process)
            yield
        finally:
            end(process)

    def sqs(self):
        return boto3.client("sqs", endpoint_url=self.endpoint, region_name="eu-west-2", aws_access_key_id="test",
                            aws_secret_access_key="test", config=Config(retries={"max_attempts": 2}, max_pool_connections=16))

    def take_all(self) -> list[dict]:
        """Takes every message out of the queues: `{"queue", "body", "attributes"}`."""
        outputs = json.loads((self.folder / "stack.json").read_text(encoding="utf-8"))
        urls = [url for name, url in outputs.items() if name.endswith("QueueUrl")]
        found: list[dict] = []
        threads = [threading.Thread(target=self.drain, args=(url, found)) for url in urls]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return found

    def drain(self, url: str, found: list[dict]) -> None:
        sqs = self.sqs()
        while True:
            answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=0, MessageAttributeNames=["All"],
                                         AttributeNames=["All"])
            messages = answer.get("Messages", [])
            if not messages:
                return
            for message in messages:
                body = json.loads(message["Body"])
                # An enveloped subscription: our message is the text inside SNS's own JSON.
                if body.get("Type") == "Notification":
                    attributes = {k: v["Value"] for k, v in body.get("MessageAttributes", {}).items()}
                    body = json.loads(body["Message"])
                else:
                    attributes = {k: v["StringValue"] for k, v in message.get("MessageAttributes", {}).items()}
                found.append({"queue": url.rsplit("/", 1)[1], "body": body, "attributes": attributes})
            sqs.delete_message_batch(QueueUrl=url, Entries=[
                {"Id": str(i), "ReceiptHandle": m["ReceiptHandle"]} for i, m in enumerate(messages)])


class Sidecar:
    """One sidecar over one spool; may be stopped, killed and started again."""

    def __init__(self, folder: Path, moodle_url: str, aws: str, port: int | None = None):
        self.folder = folder / "sidecar"
        self.log = folder / "log" / "sidecar.log"
        self.port = port or free_port()
        self.operate = free_port()
        self.secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
        self.config = self.folder / "config.toml"
        self.process: subprocess.Popen | None = None
        self.folder.mkdir()
        (self.folder / "source.secret").write_text(self.secret, encoding="utf-8")
        (self.folder / "source.secret").chmod(0o600)
        (self.folder / "token").write_text(secrets.token_hex(24), encoding="utf-8")
        (self.folder / "token").chmod(0o600)
        self.config.write_text(CONFIG.format(folder=self.folder, port=self.port, operate=self.operate, aws=aws, url=moodle_url),
                               encoding="utf-8")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def command(self, *arguments: str, fine: tuple[int, ...] = (0,)) -> str:
        done = subprocess.run([BINARY, *arguments, "--config", str(self.config)], capture_output=True, text=True, timeout=120)
        if done.returncode not in fine:
            raise Failed(f"moodle-sns-producer {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def start(self) -> None:
        environment = os.environ | {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_EC2_METADATA_DISABLED": "true",
                                    "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null"}
        self.process = spawn([BINARY, "run", "--config", str(self.config)], self.log, env=environment)

        def healthy() -> bool:
            look = [BINARY, "healthcheck", "--config", str(self.config)]
            return subprocess.run(look, capture_output=True).returncode == 0

        try:
            until("the sidecar", 30, healthy, self.process)
        except Failed as problem:
            raise Failed(f"{problem}; its log ends:\n{tail(self.log)}") from None

    def stop(self, how: int = signal.SIGTERM) -> None:
        if self.process is not None:
            end(self.process, how)
            self.process = None

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        self.command("config", "check")
        self.start()
        try:
            yield
        finally:
            self.stop()

    def status(self) -> dict:
        return json.loads(self.command("status", "--output", "json", fine=(0, 2)))


CONFIG = """# Written by the live suite.
[receive]
listen = "127.0.0.1:{port}"

[operate]
listen     = "127.0.0.1:{operate}"
token_file = "{folder}/token"

[spool]
path = "{folder}/spool.db"

[aws]
region                = "eu-west-2"
endpoint_url          = "{aws}"
allow_custom_endpoint = true

[sources.live]
source  = "{url}"
secrets = [{{ id = "live", file = "{folder}/source.secret" }}]

[topics.grades]
arn       = "arn:aws:sns:eu-west-2:000000000000:moodle-grades.fifo"
contracts = ["moodle.grade.*.v1", "moodle.grade_item.*.v1"]
drafts    = true

[topics.enrolments]
arn       = "arn:aws:sns:eu-west-2:000000000000:moodle-enrolments"
contracts = [{enrolments}]
drafts    = true

[topics.activity]
arn       = "arn:aws:sns:eu-west-2:000000000000:moodle-activity"
contracts = [{activity}]
drafts    = true
"""


def topics() -> tuple[str, str]:
    """The subjects of contracts/ but grades, on two topics."""
    subjects = sorted(p.name for p in (ROOT / "contracts").iterdir() if p.is_dir())
    first = {"enrolment", "enrolment_method", "role", "group", "grouping", "cohort", "user"}
    rest = [s for s in subjects if s not in first | {"grade", "grade_item", "producer"}]
    return tuple(", ".join(f'"moodle.{s}.*.v1"' for s in some) for some in (sorted(first), rest))


CONFIG = CONFIG.replace("{enrolments}", topics()[0]).replace("{activity}", topics()[1])
