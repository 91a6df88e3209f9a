"""`run.sh commands`: the plugin's command line, from an estimate before anything is connected to a backfill of what was before."""

import contextlib
import json
import subprocess
from collections import Counter

from . import contracts
from .chapters import activity, course, expect
from .processes import Failed, give, say, until
from .sidecar import BINARY, SOURCE, Sidecar, StandIn
from .site import PLUGIN, Site, bare

ENROLLED = "moodle.enrolment.created.v1"
DONE, FINDINGS, USAGE, CONFIGURATION = 0, 2, 64, 78


class CommandLine:
    """The commands of the plugin, as an administrator calls them."""

    def __init__(self, site: Site):
        self.site = site

    def __call__(self, name: str, *arguments: str, code: int = DONE) -> str:
        script = self.site.moodle.in_web(f"local/snsproducer/cli/{name}.php")
        return self.site.moodle.cli(script, *arguments, fine=(code,))


def main() -> None:
    with bare() as site, contextlib.ExitStack() as stack:
        aws = site.aws = StandIn(site.folder)
        stack.enter_context(aws.running())
        sidecar = site.sidecar = Sidecar(site.folder, site.moodle.url, aws.endpoint)
        stack.enter_context(sidecar.running())
        site.moodle.add_plugin(PLUGIN, "snsproducer")
        site.moodle.upgrade()
        site.web("setup/site")
        site.known |= site.web("people/create", users=["teacher", *(f"student{n}" for n in range(1, 13))])
        made, students = course(site, "PAST", students=12)
        activity(site, "assign", made, assignsubmission_onlinetext_enabled=1)
        command = CommandLine(site)
        estimate(site, command, len(students) + 1)
        nothing_before_it_is_set_up(command)
        connect(site, command)
        backfill(site, command, made, len(students) + 1)
        inventory(site, command)
        command("connect", "--disconnect")
        command("status", code=CONFIGURATION)
        say(f"The commands do what they say on Moodle {site.moodle.release()}, {site.moodle.database.kind}")


def estimate(site: Site, command: CommandLine, enrolled: int) -> None:
    """Before anything is connected: from the sidecar's list of contracts."""
    listed = site.folder / "run" / "contracts.json"
    done = subprocess.run([BINARY, "contracts", "list", "--output", "json"], capture_output=True, text=True, check=True)
    listed.write_text(done.stdout, encoding="utf-8")
    give(listed)
    told = json.loads(command("estimate", f"--rows={listed}", "--since=-1 days", "--json"))
    expect(f"{enrolled} enrolments are estimated: {told['contracts'][ENROLLED]}", told["contracts"][ENROLLED]["messages"] == enrolled)
    expect("the people read a table", ENROLLED in command("estimate", f"--rows={listed}"))


def nothing_before_it_is_set_up(command: CommandLine) -> None:
    for name in ("estimate", "backfill", "connect", "status"):
        command(name, *(["--since=-1 days"] if name == "backfill" else []), code=CONFIGURATION)
    command("backfill", "--sinse=x", code=USAGE)
    for name in ("estimate", "backfill", "connect", "status", "inventory", "outbox"):
        expect(f"{name} explains itself", "Exit codes" in command(name, "--help") or name == "inventory")


def connect(site: Site, command: CommandLine) -> None:
    file = site.folder / "run" / "secret"
    file.write_text(site.sidecar.secret + "\n", encoding="utf-8")
    give(file)
    told = command("connect", f"--endpoint={site.sidecar.url}", f"--source={SOURCE}", f"--secret-file={file}", "--connect")
    expect(f"contracts want events: {told}", "contracts want" in told)
    for task in ("fetch_wanted", "drain_outbox", "read_grades", "keep"):
        site.plugin_task(task)
    seen = json.loads(command("status", "--contracts", "--json"))
    expect(f"no check complains: {[c for c in seen['checks'].values() if c['status'] not in ('ok', 'na')]}",
           all(check["status"] in ("ok", "na") for check in seen["checks"].values()))
    expect("since when enrolments are observed is told", ENROLLED in seen["armed"])
    expect("no secret is shown", site.sidecar.secret not in json.dumps(seen))


def backfill(site: Site, command: CommandLine, made: int, enrolled: int) -> None:
    dry = json.loads(command("backfill", "--since=-1 days", "--dry-run", "--json"))
    expect(f"a dry run counts {enrolled} enrolments: {dry['counts']}", dry["counts"]["contracts"][ENROLLED] == enrolled)
    expect("and says what they lack", "enrolment.status" in str(dry["missing"][ENROLLED]))
    expect("and sends nothing", published(site) == [])

    done = json.loads(command("backfill", "--since=-1 days", "--rate=2000", "--json"))
    expect(f"all is accepted: {done['counts']}", set(done["counts"]["outcomes"]) == {"accepted"})
    messages = published(site)
    expect(f"as many messages as the dry run said: {len(messages)}", len(messages) == sum(dry["counts"]["contracts"].values()))
    if faults := [fault for message in messages if (fault := contracts.problem(message))]:
        raise Failed("messages that break their contracts:\n" + "\n".join(faults[:10]))
    expect("each says that it is of the past", all(message.get("backfill") is True for message in messages))
    people = [message["data"]["user"]["idnumber"] for message in messages if message["type"] == ENROLLED]
    expect(f"each person is there once: {Counter(people)}", len(set(people)) == enrolled)

    again = json.loads(command("backfill", "--since=-1 days", "--rate=2000", "--again", "--json"))
    expect(f"a second time makes no second event: {again['counts']}", set(again["counts"]["outcomes"]) == {"duplicate"})
    expect("and no message", published(site) == [])

    late = site.web("people/create", users=["late"])["late"]
    site.web("course/enrol", course=made, users=[late])
    live = [message for message in published(site) if message["type"] == ENROLLED]
    expect("what is raised now is observed", len(live) == 1 and "backfill" not in live[0])
    command("backfill", "--since=-1 days", "--again", "--rate=2000")
    expect("and no backfill tells it again", published(site) == [])
    expect("nothing waits", "Nothing waits" in command("outbox"))


def published(site: Site) -> list[dict]:
    """The messages that came since it was last asked, once the sidecar has published all that it has."""
    until("the sidecar publishes all that waits", 60,
          lambda: all(topic["waiting"] == 0 and topic["held"] == 0 for topic in site.sidecar.status()["topics"]))
    return [message["body"] for message in site.aws.take_all()]


def inventory(site: Site, command: CommandLine) -> None:
    file = site.folder / "inventory.json"
    file.write_text(command("inventory", "--log=100000"), encoding="utf-8")
    done = subprocess.run([BINARY, "contracts", "check", "--moodle", str(file), "--output", "table"], capture_output=True, text=True)
    if done.returncode != 0:
        raise Failed(f"contracts check --moodle finds what is not so:\n{done.stdout}{done.stderr}")
