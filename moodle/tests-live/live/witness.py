"""What the witness wrote down (site/witness): which events Moodle raised, committed, rolled back."""

import dataclasses
import json
from pathlib import Path


@dataclasses.dataclass
class Event:
    """One event as Moodle raised it."""

    process: str
    serial: int
    event: dict
    origin: str | None
    transaction: bool
    at: float
    # The external observers were called: it is committed.
    committed: bool = False
    # Its row of the same transaction is there.
    recorded: bool | None = None

    @property
    def name(self) -> str:
        return self.event["eventname"]

    @property
    def anonymous(self) -> bool:
        return bool(int(self.event["anonymous"]))


class Witness:
    def __init__(self, file: Path):
        self.file = file

    def mark(self) -> int:
        """Where the file ends now: `events` may begin there."""
        return self.file.stat().st_size

    def events(self, since: int = 0) -> list[Event]:
        """In the order of raising."""
        found: dict[tuple[str, int], Event] = {}
        with self.file.open("rb") as lines:
            lines.seek(since)
            for line in lines:
                if not line.endswith(b"\n"):
                    continue   # killed while it wrote
                read = json.loads(line)
                key = (read["process"], read["serial"])
                if read["what"] == "raised":
                    found[key] = Event(*key, read["event"], read["origin"], read["transaction"], read["at"])
                elif key in found:
                    found[key].committed = True
        return list(found.values())

    def with_rows(self, site, since: int = 0) -> list[Event]:
        """The same, each with whether its row in the database is there."""
        rows = {tuple(row.split()) for row in site.column("SELECT CONCAT(process, ' ', serial) FROM mdl_local_witness_event")}
        events = self.events(since)
        for event in events:
            event.recorded = (event.process, str(event.serial)) in rows
        return events
