"""All of it together: a Moodle with the plugin, connected through the gate to a sidecar that publishes to the stand-in."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from .browser import Browser, Steps, WebService
from .gate import Gate
from .moodle import HERE, ROOT, Moodle
from .processes import Failed, say, tail
from .sidecar import SOURCE, Sidecar, StandIn
from .witness import Witness

PLUGIN = ROOT / "moodle" / "local_snsproducer"


class Site:
    """What a chapter of the suite works with."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.moodle = Moodle(folder)
        self.steps = Steps(self.moodle)
        self.witness = Witness(folder / "witness.jsonl")
        # Ids of what earlier steps made, by name.
        self.known: dict = {}

    def web(self, step: str, user: str = "admin", /, **arguments):
        return self.steps.web(step, user, **arguments)

    def cli(self, step: str, user: str = "admin", /, **arguments):
        return self.steps.cli(step, user, **arguments)

    def browser(self, user: str) -> Browser:
        return Browser(self.moodle, user)

    def service(self, user: str) -> WebService:
        """Web services as this person."""
        return WebService(self.moodle, self.web("setup/token", user)["token"])

    def table(self, name: str) -> int:
        """How many rows a table of Moodle holds."""
        return int(self.moodle.database.sql(f"SELECT COUNT(*) FROM mdl_{name}"))

    def column(self, text: str) -> list[str]:
        """The first column of a query."""
        return self.moodle.database.sql(text).splitlines()

    def plugin_task(self, name: str, fine: tuple[int, ...] = (0,)) -> str:
        return self.moodle.task(rf"\local_snsproducer\task\{name}", fine)

    def outbox(self) -> list[tuple[str, str]]:
        """(id of the event, state) of each row that waits."""
        rows = self.column("SELECT CONCAT(eventid, ' ', state) FROM mdl_local_snsproducer_outbox ORDER BY id")
        return [tuple(row.split()) for row in rows]


@contextlib.contextmanager
def temporary() -> Iterator[Path]:
    """The folder of the run, which run.sh makes and removes. The logs are kept where the run failed."""
    folder = Path(os.environ["LIVE_FOLDER"])
    folder.chmod(0o755)
    try:
        yield folder
    except BaseException:
        say(f"Logs are kept in {keep_logs(folder)}")
        raise
    finally:
        if os.environ.get("KEEP") == "1":
            say(f"KEEP=1: {folder} stays")


def keep_logs(folder: Path) -> Path:
    kept = Path(tempfile.mkdtemp(prefix="moodle-live-logs-"))
    for part in ("log", "witness.jsonl", "sidecar/config.toml", "run/fpm.conf", "run/nginx.conf"):
        source = folder / part
        if source.is_dir():
            shutil.copytree(source, kept / part)
        elif source.exists():
            (kept / part).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, kept / part)
    return kept


@contextlib.contextmanager
def bare(witness: bool = True) -> Iterator[Site]:
    """Moodle with the witness and without the plugin, served."""
    with temporary() as folder, contextlib.ExitStack() as stack:
        site = Site(folder)
        stack.enter_context(site.moodle.laid_out())
        stack.enter_context(site.moodle.installed())
        if witness:
            site.moodle.add_plugin(HERE / "site" / "witness", "witness")
        stack.enter_context(site.moodle.served())
        yield site


@contextlib.contextmanager
def whole(through_gate: bool = True) -> Iterator[Site]:
    """Everything, with the plugin connected and its list fetched."""
    with bare() as site, contextlib.ExitStack() as stack:
        aws = site.aws = StandIn(site.folder)
        stack.enter_context(aws.running())
        sidecar = site.sidecar = Sidecar(site.folder, site.moodle.url, aws.endpoint)
        stack.enter_context(sidecar.running())
        gate = site.gate = Gate(sidecar.port)
        stack.enter_context(gate.open())
        connect(site, gate.url if through_gate else sidecar.url)
        yield site


def connect(site: Site, endpoint: str) -> None:
    """Installs the plugin and connects it, as an administrator would."""
    moodle = site.moodle
    moodle.forced = {"endpoint": endpoint, "sourcekey": SOURCE, "secret": site.sidecar.secret}
    moodle.write_config()
    moodle.add_plugin(PLUGIN, "snsproducer")
    moodle.upgrade()
    site.web("setup/site")
    site.web("setup/connect")
    site.plugin_task("fetch_wanted")
    if site.table("local_snsproducer_list") != 1:
        raise Failed(f"the plugin fetched no wanted list; the sidecar's log ends:\n{tail(site.sidecar.log, 5)}")
    say(f"Connected: {moodle.url} → {endpoint}")
