"""The project's contracts: which events they read, and their schemas."""

import functools
import json
import os
import tomllib
from collections import defaultdict
from pathlib import Path

from jsonschema import Draft202012Validator

CONTRACTS = Path(os.environ["ROOT"]) / "contracts"


@functools.cache
def types() -> dict[str, list[str]]:
    """Contract type → the Moodle events it reads. Without the product's own messages."""
    found = {}
    for file in sorted(CONTRACTS.glob("*/*/v*.toml")):
        read = tomllib.loads(file.read_text(encoding="utf-8"))
        if file.parent.parent.name == "producer":
            continue
        events = read["event"]
        found[read["type"]] = [events] if isinstance(events, str) else events
    return found


@functools.cache
def readers() -> dict[str, list[str]]:
    """Moodle event → the contract types that read it."""
    found = defaultdict(list)
    for name, events in types().items():
        for event in events:
            found[event].append(name)
    return found


@functools.cache
def validator(name: str) -> Draft202012Validator:
    """The published schema of a contract, with formats checked."""
    _, subject, verb, version = name.split(".")
    schema = json.loads((CONTRACTS / subject / verb / f"{version}.schema.json").read_text(encoding="utf-8"))
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


def problem(message: dict) -> str | None:
    """What the message's contract has against it; None where nothing."""
    try:
        check = validator(message["type"])
    except (KeyError, ValueError, OSError) as error:
        return f"a message of no contract: {error}"
    first = next(check.iter_errors(message), None)
    return None if first is None else f"{message['type']} at {'/'.join(map(str, first.path))}: {first.message[:300]}"


@functools.cache
def has_condition(name: str) -> bool:
    """Does the contract take only some of its events?"""
    _, subject, verb, version = name.split(".")
    return "when" in tomllib.loads((CONTRACTS / subject / verb / f"{version}.toml").read_text(encoding="utf-8"))
