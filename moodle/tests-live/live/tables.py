"""Moodle's database and the plugin's tables failing, and the outbox when it is long."""

import concurrent.futures
import time

from .faults import Fault, groups
from .processes import Failed, say
from .site import Site

WAITING = 100_000


def page_renders(site: Site, what: str) -> None:
    page = site.browser("").open("index.php", fine=(200, 303, 503))
    if "Fatal error" in page or "snsproducer" in page:
        raise Failed(f"the front page with {what}: {page[:500]}")


def a_transaction_is_rolled_back(site: Site, course: int) -> None:
    groups(site, course, "rolled back", number=5, transaction=1, rollback=1)
    groups(site, course, "left open", number=5, transaction=1, abandon=1)
    groups(site, course, "committed", number=5, transaction=1)


def two_requests_lock_each_other_out(site: Site, course: int) -> None:
    pair = groups(site, course, "crossed", number=2)["groups"]
    with concurrent.futures.ThreadPoolExecutor(2) as both:
        one = both.submit(site.web, "fault/cross", groups=pair, who="one")
        time.sleep(0.3)
        two = both.submit(site.web, "fault/cross", groups=pair[::-1], who="two")
        ends = [one.result()["committed"], two.result()["committed"]]
    if sorted(ends) != [False, True]:
        raise Failed(f"of two requests that lock each other out one must be rolled back: committed are {ends}")


def four_crons_overlap(site: Site, course: int) -> None:
    site.gate.become("refuse")
    groups(site, course, "overlap", number=600)
    time.sleep(1)
    site.gate.become("slow")
    waiting = len(site.outbox())
    if waiting < 600:
        raise Failed(f"only {waiting} of 600 events wait")
    before = len(site.gate.passed)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: site.plugin_task("drain_outbox", fine=(0, 1)), range(4)))
    site.gate.become("pass")
    ids = [e["id"] for p in site.gate.passed[before:] for e in p.events()]
    if len(ids) != len(set(ids)):
        raise Failed(f"four crons at once sent {len(ids) - len(set(ids))} events twice")


def the_database_is_read_only(site: Site, course: int) -> None:
    group = groups(site, course, "before read only")["groups"][0]
    site.moodle.database.read_only(True)
    try:
        # A page of which Moodle itself writes nothing, so what fails is ours.
        site.web("fault/announce", course=course, group=group, nocookies=1)
        site.gate.become("refuse")
        # Nothing can keep this one: it is lost, and the page is there all the same.
        site.web("fault/announce", course=course, group=group, nocookies=1)
    finally:
        site.gate.become("pass")
        site.moodle.database.read_only(False)
        time.sleep(0.5)


def the_plugin_is_half_upgraded(site: Site, course: int) -> None:
    """Files newer than the database, and a table that the code expects and that isn't there yet."""
    file = site.moodle.web / "local" / "snsproducer" / "version.php"
    text = file.read_text(encoding="utf-8")
    current = int(text.split("$plugin->version = ")[1].split(";")[0])
    database = site.moodle.database
    file.write_text(text.replace(str(current), str(current + 1)), encoding="utf-8")
    try:
        groups(site, course, "newer files")
        page_renders(site, "files newer than the database")
    finally:
        file.write_text(text, encoding="utf-8")
    for table in ("local_snsproducer_count", "local_snsproducer_state"):
        database.sql(f"ALTER TABLE mdl_{table} RENAME TO mdl_{table}_away")
        try:
            page_renders(site, f"no table {table}")
            site.web("setup/nothing")
        finally:
            database.sql(f"ALTER TABLE mdl_{table}_away RENAME TO mdl_{table}")


def a_hundred_thousand_wait(site: Site, course: int) -> None:
    """One of them is broken. Pages don't get slower, the drain ends, and the broken one stands alone with its reason."""
    site.gate.become("refuse")
    groups(site, course, "first of many")
    time.sleep(1)
    site.gate.spoiled = b"spoiled"
    site.cli("fault/fill_outbox", rows=WAITING, bad=WAITING // 2, mark="spoiled")
    began = time.monotonic()
    for n in range(5):
        groups(site, course, f"beside many {n}")
    pages = (time.monotonic() - began) / 5
    site.gate.become("swallow")
    time.sleep(11)   # until the breaker tries again
    before = len(site.gate.passed)
    began = time.monotonic()
    while len(rows := site.outbox()) > 1 and time.monotonic() - began < 600:
        site.plugin_task("drain_outbox", fine=(0, 1))
    took = time.monotonic() - began
    site.gate.become("pass")
    posts = site.gate.passed[before:]
    sent = [e["id"] for p in posts if p.status == 202 for e in p.events()]
    say(f"  {len(sent)} of {WAITING} waiting events drained in {took:.0f} s by {len(posts)} posts; a page beside them {pages * 1000:.0f} ms")
    # What the gate swallowed is no evidence for the verdict.
    for passed in posts:
        passed.body = b"[]"
    site.moodle.database.sql("DELETE FROM mdl_local_snsproducer_outbox")
    site.moodle.database.sql("DELETE FROM mdl_local_snsproducer_count")
    site.moodle.database.sql("DELETE FROM mdl_local_snsproducer_ledger")
    if len(sent) != len(set(sent)) or len(sent) < WAITING:
        raise Failed(f"{len(sent)} sent of {WAITING}, {len(set(sent))} of them different")
    if [row[1] for row in rows] != ["refused"]:
        raise Failed(f"of the rows only the broken one should be left, refused; left are {rows[:5]}")


the_database_is_read_only.kills = True
the_plugin_is_half_upgraded.kills = True
a_hundred_thousand_wait.kills = True
a_hundred_thousand_wait.wipes = True

FAULTS: list[Fault] = [a_transaction_is_rolled_back, two_requests_lock_each_other_out, four_crons_overlap, the_database_is_read_only,
                       the_plugin_is_half_upgraded, a_hundred_thousand_wait]
