"""Makes the topics and queues of deploy/aws/topics.yaml in an AWS stand-in on this machine.

Waits first until SNS answers a real call: a health page may say ready while every call fails.
Prints the stack's outputs as one line of JSON. May be run again: what is there already stays.
"""

import argparse
import json
import os
import sys
import time

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

STACK = "moodle-topics"
PARAMETERS = [{"ParameterKey": "DemoQueues", "ParameterValue": "true"}]


def client(service: str, endpoint: str):
    """A client of the stand-in, with keys that are worth nothing anywhere else."""
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name="eu-west-2",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"max_attempts": 1}, connect_timeout=2, read_timeout=30),
    )


def wait_for_sns(endpoint: str, seconds: float, process: int | None = None) -> None:
    """Returns once SNS has answered; ends the program when it is late, or when `process` is gone."""
    sns = client("sns", endpoint)
    end = time.monotonic() + seconds
    while True:
        try:
            sns.list_topics()
            return
        except (BotoCoreError, ClientError) as error:
            if process is not None and not os.path.exists(f"/proc/{process}") and os.path.exists("/proc"):
                sys.exit("stack.py: the stand-in ended before it answered")
            if time.monotonic() > end:
                sys.exit(f"stack.py: SNS at {endpoint} gave no good answer within {seconds:.0f} s: {error}")
            time.sleep(0.1)


def make(endpoint: str, template: str) -> dict[str, str]:
    """The outputs of the stack, which is made unless it is there."""
    formation = client("cloudformation", endpoint)
    outputs = read(formation)
    if outputs is None:
        with open(template, encoding="utf-8") as file:
            body = file.read()
        formation.create_stack(StackName=STACK, TemplateBody=body, Parameters=PARAMETERS)
        outputs = settled(formation)
    return outputs


def settled(formation) -> dict[str, str]:
    end = time.monotonic() + 120
    while time.monotonic() < end:
        outputs = read(formation)
        if outputs is not None:
            return outputs
        time.sleep(0.1)
    sys.exit(f"stack.py: the stack {STACK} was not complete after 120 s")


def read(formation) -> dict[str, str] | None:
    """The outputs of a complete stack; None where there is none yet."""
    try:
        stack = formation.describe_stacks(StackName=STACK)["Stacks"][0]
    except ClientError:
        return None
    status = stack["StackStatus"]
    if "FAILED" in status or "ROLLBACK" in status:
        events = formation.describe_stack_events(StackName=STACK)["StackEvents"]
        reasons = [f"{e['LogicalResourceId']}: {e['ResourceStatusReason']}" for e in events if e.get("ResourceStatusReason")]
        sys.exit(f"stack.py: the stack {STACK} is {status}\n  " + "\n  ".join(reasons))
    if status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        return None
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--endpoint", required=True, help="e.g. http://127.0.0.1:4566")
    parser.add_argument("--template", required=True, help="the CloudFormation template")
    parser.add_argument("--wait", type=float, default=60.0, help="seconds to wait for SNS (60)")
    parser.add_argument("--alive", type=int, help="give up at once when this process is gone")
    arguments = parser.parse_args()
    wait_for_sns(arguments.endpoint, arguments.wait, arguments.alive)
    print(json.dumps(make(arguments.endpoint, arguments.template)))


if __name__ == "__main__":
    main()
