"""What happens on the site: chapters of a small university's life, each a few requests. What they raise is
judged by the verdict alone; a chapter asserts only what else should be seen."""

import time
from collections.abc import Callable

from .browser import readable
from .processes import Failed, say
from .site import Site

CHAPTERS: list[Callable[[Site], None]] = []


def chapter(play: Callable[[Site], None]) -> Callable[[Site], None]:
    CHAPTERS.append(play)
    return play


def play(site: Site, only: list[str]) -> None:
    """Plays the chapters, or those with one of these words in their names; the people always come."""
    for one in CHAPTERS:
        name = one.__name__.replace("_", " ")
        if only and one is not CHAPTERS[0] and not any(word in name for word in only):
            continue
        began = time.monotonic()
        one(site)
        say(f"{name}: {time.monotonic() - began:.1f} s")


def expect(what: str, holds: bool) -> None:
    if not holds:
        raise Failed(f"expected: {what}")


def course(site: Site, name: str, students: int = 3, **fields) -> tuple[int, list[int]]:
    """A course with a teacher and the first students."""
    made = site.web("course/create", name=name, fields=fields)["course"]
    people = [site.known[f"student{n}"] for n in range(1, students + 1)]
    site.web("course/enrol", course=made, users=people)
    site.web("course/enrol", course=made, users=[site.known["teacher"]], role="editingteacher")
    return made, people


def activity(site: Site, module: str, at: int, **fields) -> dict:
    return site.web("activity/create", module=module, course=at, name=f"The {module}", idnumber=f"{module}-{at}", fields=fields)


def hand_in(site: Site, who: str, essay: dict, **more) -> None:
    answer = site.web("assign/submit", who, cm=essay["cm"], **more)
    expect(f"the submission is saved: {answer}", answer["saved"])


@chapter
def people_come_and_go(site: Site) -> None:
    names = ["teacher", "marker", *(f"student{n}" for n in range(1, 13)), "leaver"]
    site.known |= site.web("people/create", users=names)
    leaver = site.known["leaver"]
    site.web("people/update", id=leaver, fields={"lastname": "Canary changed"})
    site.web("people/update", id=leaver, fields={"suspended": 1})
    made = site.web("course/create", name="LEAVE", fields={})["course"]
    site.web("course/enrol", course=made, users=[leaver])
    site.web("people/delete", id=leaver)
    site.web("people/assign_role", role="manager", user=site.known["marker"])
    site.web("people/unassign_role", role="manager", user=site.known["marker"])


@chapter
def cohorts_and_categories_live_and_end(site: Site) -> None:
    students = [site.known["student1"], site.known["student2"]]
    category = site.web("course/category", name="Science")["category"]
    contexts = site.web("people/contexts", category=category)
    site.web("people/assign_role", role="manager", user=site.known["teacher"], context=contexts["category"])
    site.web("course/change_category", category=category, name="Sciences")
    cohort = site.web("people/cohort", name="first years", members=students)["cohort"]
    site.web("people/change_cohort", cohort=cohort, name="First years, renamed")
    inside = site.web("course/create", name="INCAT", category=category, fields={})["course"]
    site.web("course/sync_cohort", course=inside, cohort=cohort)
    site.web("people/change_cohort", cohort=cohort, remove=students[:1])
    site.web("course/sync_cohort", course=site.web("course/create", name="INCAT2", category=category, fields={})["course"], cohort=cohort)
    site.web("people/change_cohort", cohort=cohort, delete=1)
    site.web("course/change_category", category=category, move_to=1)
    other = site.web("course/category", name="Arts")["category"]
    site.web("course/create", name="ARTS", category=other, fields={})
    site.web("course/change_category", category=other, delete=1)


@chapter
def two_hundred_are_enrolled_at_once(site: Site) -> None:
    names = [f"crowd{n}" for n in range(200)]
    crowd = site.cli("people/create", users=names)
    made = site.web("course/create", name="CROWD", fields={})["course"]
    site.web("course/enrol", course=made, users=list(crowd.values()), starts=int(time.time()), ends=int(time.time()) + 10**7)
    site.web("course/change_enrolment", course=made, users=list(crowd.values())[:5])
    site.web("course/change_enrolment", course=made, users=list(crowd.values())[5:10], delete=1)
    site.web("course/method", course=made)
    site.web("course/method", course=made, delete=1)


@chapter
def a_course_is_lived_in(site: Site) -> None:
    made, students = course(site, "LIVED")
    site.known["lived"] = made
    site.web("course/update", course=made, fields={"fullname": "Lived in, renamed", "visible": 0})
    site.web("course/update", course=made, fields={"visible": 1})
    site.web("course/section", course=made)
    group = site.web("group/create", course=made, name="red", members=students[:2])["group"]
    site.web("group/change", group=group, name="Group crimson")
    site.web("group/change", group=group, remove=students[:1])
    site.web("group/grouping", course=made, group=group)
    site.web("group/change", group=group, delete=1)
    page = activity(site, "page", made, content="Canary content", completion=2, completionview=1)
    tool = activity(site, "lti", made, toolurl="https://tool.example.org/launch?canary=1")
    contexts = site.web("people/contexts", cm=page["cm"])
    site.web("people/assign_role", role="teacher", user=site.known["marker"], context=contexts["activity"])
    site.service("teacher")("core_update_inplace_editable", component="core_course", itemtype="activityname", itemid=page["cm"],
                            value="The page, renamed")
    browser = site.browser("student1")
    expect("the student sees the course", "Lived in, renamed" in browser.open(f"course/view.php?id={made}"))
    browser.open(f"mod/page/view.php?id={page['cm']}")
    browser.open(f"mod/lti/view.php?id={tool['cm']}")
    site.web("activity/delete", cm=tool["cm"])
    site.web("activity/delete", cm=page["cm"])


@chapter
def courses_start_and_end_by_their_dates(site: Site) -> None:
    now = int(time.time())
    site.web("course/create", name="STARTS", fields={"visible": 0, "startdate": now - 60, "enddate": now + 10**6})
    site.web("course/create", name="ENDS", fields={"visible": 1, "startdate": now - 10**6, "enddate": now - 60})
    for task in ("show_started_courses_task", "hide_ended_courses_task"):
        site.moodle.task(rf"\core\task\{task}")


@chapter
def assignments_are_handed_in_and_marked(site: Site) -> None:
    made, students = course(site, "ESSAYS")
    plugins = {"assignsubmission_onlinetext_enabled": 1, "assignsubmission_file_enabled": 1, "assignsubmission_file_maxfiles": 3,
               "assignsubmission_file_maxsizebytes": 100_000, "duedate": int(time.time()) + 86_400}
    essay = activity(site, "assign", made, submissiondrafts=1, **plugins)
    site.web("activity/update", cm=essay["cm"], fields=plugins | {"duedate": int(time.time()) + 2 * 86_400})
    hand_in(site, "student1", essay)
    hand_in(site, "student1", essay, words="again", submit=1)
    hand_in(site, "student2", essay, submit=1)
    site.web("assign/to_draft", cm=essay["cm"], user=students[1])
    site.web("assign/remove", cm=essay["cm"], user=students[1])
    site.web("assign/extend", "teacher", cm=essay["cm"], user=students[1], until=int(time.time()) + 9 * 86_400)
    site.web("assign/extend", "teacher", cm=essay["cm"], user=students[1], until=0)
    teacher = site.service("teacher")
    teacher("mod_assign_save_grade", assignmentid=essay["id"], userid=students[0], grade=61.5, attemptnumber=-1, addattempt=0,
            workflowstate="", applytoall=0, plugindata={"assignfeedbackcomments_editor": {"text": "Canary feedback", "format": 1}})
    expect("the grader's page opens", "student1" in site.browser("teacher").open(f"mod/assign/view.php?id={essay['cm']}&action=grading").lower())


@chapter
def marking_goes_through_its_workflow(site: Site) -> None:
    made, students = course(site, "WORKFLOW")
    essay = activity(site, "assign", made, markingworkflow=1, assignsubmission_onlinetext_enabled=1, submissiondrafts=0)
    hand_in(site, "student1", essay)
    for state in ("inmarking", "readyforreview", "inreview", "readyforrelease"):
        site.web("assign/grade", "teacher", cm=essay["cm"], user=students[0], grade=48.5, workflow=state)
    unreleased = site.witness.mark()
    site.web("assign/grade", "teacher", cm=essay["cm"], user=students[0], grade=52.5, workflow="released")
    expect("the grade reaches the gradebook at its release", any(
        e.name == r"\core\event\user_graded" for e in site.witness.events(unreleased)))


@chapter
def marking_is_blind_until_the_reveal(site: Site) -> None:
    made, students = course(site, "BLIND")
    essay = activity(site, "assign", made, blindmarking=1, assignsubmission_onlinetext_enabled=1, submissiondrafts=0,
                     duedate=int(time.time()) + 86_400)
    hand_in(site, "student1", essay)
    hand_in(site, "student2", essay)
    site.web("assign/grade", "teacher", cm=essay["cm"], user=students[0], grade=77)
    site.web("assign/extend", "teacher", cm=essay["cm"], user=students[2], until=int(time.time()) + 9 * 86_400)
    site.web("assign/reveal", cm=essay["cm"])


@chapter
def quizzes_are_sat(site: Site) -> None:
    made, students = course(site, "QUIZ", students=4)
    quiz = activity(site, "quiz", made, grade=100, sumgrades=10, timelimit=3600, overduehandling="graceperiod", graceperiod=86_400)
    slots = site.web("activity/question", quiz=quiz["id"], kinds=["truefalse", "essay"])["slots"]
    expect("the quiz has two questions", len(slots) == 2)
    one = site.web("quiz/attempt", "student1", quiz=quiz["id"], answers={"1": {"answer": 1}, "2": {"answer": "Canary essay", "answerformat": 1}},
                   submit=1)["attempt"]
    site.web("quiz/grade_by_hand", "teacher", attempt=one, slot=2, mark=7)
    site.web("quiz/regrade", "teacher", attempt=one)
    late = site.web("quiz/attempt", "student2", quiz=quiz["id"])["attempt"]
    site.web("quiz/make_late", attempt=late)
    site.web("quiz/run_late")
    abandoned = activity(site, "quiz", made, grade=100, sumgrades=10, timelimit=60, overduehandling="autoabandon")
    site.web("activity/question", quiz=abandoned["id"])
    lost = site.web("quiz/attempt", "student3", quiz=abandoned["id"])["attempt"]
    site.web("quiz/make_late", attempt=lost)
    site.web("quiz/run_late")
    site.web("quiz/reopen", "teacher", attempt=lost)
    site.web("quiz/attempt", "teacher", quiz=quiz["id"])
    page = site.browser("student4")
    page.open(f"mod/quiz/view.php?id={quiz['cm']}")
    started = page.open("mod/quiz/startattempt.php", {"cmid": quiz["cm"], "sesskey": page.sesskey(), "_qf__mod_quiz_form_preflight_check_form": 1,
                                                      "submitbutton": "Start attempt"})
    expect("a student starts an attempt on the page", "attempt" in page.at and "Question" in readable(started))
    site.web("quiz/delete", "teacher", attempt=one)


@chapter
def some_get_more_time(site: Site) -> None:
    made, students = course(site, "TIME")
    group = site.web("group/create", course=made, name="slow", members=students[:1])["group"]
    soon = int(time.time()) + 86_400
    quiz = activity(site, "quiz", made, grade=100, timeclose=soon)
    for who in ({"userid": students[0]}, {"groupid": group}):
        override = site.web("quiz/override", "teacher", quiz=quiz["id"], fields=who | {"timeclose": soon + 86_400})["override"]
        site.web("quiz/override", "teacher", quiz=quiz["id"], fields=who | {"id": override, "timeclose": soon + 9 * 86_400})
        site.web("quiz/delete_override", "teacher", quiz=quiz["id"], override=override)
    browser = site.browser("teacher")
    for module, fields, field in (("assign", {"duedate": soon}, "duedate"), ("lesson", {"deadline": soon}, "deadline")):
        made_here = activity(site, module, made, **fields)
        for action, who in (("adduser", {"userid": students[1]}), ("addgroup", {"groupid": group})):
            form = {f"_qf__{module}_override_form": 1, "submitbutton": "Save", "cmid": made_here["cm"], "action": action}
            override_on_page(site, browser, module, form | who, field, soon + 9 * 86_400)
            newest = int(site.column(f"SELECT MAX(id) FROM mdl_{module}_overrides")[0])
            override_on_page(site, browser, module, {f"_qf__{module}_override_form": 1, "submitbutton": "Save", "id": newest} | who, field,
                             soon + 12 * 86_400)
            step = "assign/delete_override" if module == "assign" else "assign/delete_lesson_override"
            site.web(step, "teacher", cm=made_here["cm"], override=newest)


def override_on_page(site: Site, browser, module: str, form: dict, field: str, until: int) -> None:
    """Fills in Moodle's own form of an override."""
    at = time.localtime(until)
    before = site.witness.mark()
    form |= {"sesskey": browser.sesskey(), field: {"enabled": 1, "day": at.tm_mday, "month": at.tm_mon, "year": at.tm_year, "hour": 12, "minute": 0}}
    page = browser.open(f"mod/{module}/overrideedit.php", form)
    expect(f"the form of an override in {module} was taken: {readable(page)[:600]}",
           any("override" in e.name for e in site.witness.events(before)))


@chapter
def grades_are_hidden_and_shown(site: Site) -> None:
    made, students = course(site, "GRADES")
    give = lambda item, value, who=0: site.web("grade/give", "teacher", item=item, grades={students[who]: value})
    item = site.web("grade/manual_item", course=made, name="oral")["item"]
    give(item, 55.5)
    site.web("grade/hide_item", item=item, hidden=1)
    give(item, 33.25)
    site.web("grade/hide_item", item=item, hidden=0)
    alone = site.web("grade/manual_item", course=made, name="single")["item"]
    site.web("grade/hide_grade", item=alone, user=students[0], hidden=1)
    give(alone, 34.25)
    site.web("grade/hide_grade", item=alone, user=students[0], hidden=0)
    until = site.web("grade/manual_item", course=made, name="until")["item"]
    opens = int(time.time()) + 4
    site.web("grade/hide_item", item=until, hidden=opens)
    give(until, 35.25)
    inside = site.web("grade/category", course=made, name="Practicals")
    part = site.web("grade/manual_item", course=made, name="part", category=inside["category"])["item"]
    site.web("grade/hide_category", category=inside["category"], hidden=1)
    give(part, 36.25)
    site.web("grade/hide_category", category=inside["category"], hidden=0)
    never = site.web("grade/manual_item", course=made, name="never")["item"]
    site.web("grade/hide_item", item=never, hidden=1)
    give(never, 37.25)
    site.known["never shown"] = "37.25"
    site.known["shown later"] = ["33.25", "34.25", "35.25", "36.25"]
    time.sleep(max(0.0, opens + 1.5 - time.time()))
    site.plugin_task("read_grades")
    site.web("grade/rename_item", item=item, name="Oral, renamed")
    site.web("grade/delete_item", item=item)
    report = readable(site.browser("teacher").open(f"grade/report/grader/index.php?id={made}"))
    expect("the grader's page shows the hidden item to the teacher", "never" in report)


@chapter
def anonymous_feedback_completes_an_activity(site: Site) -> None:
    made, students = course(site, "FEEDBACK")
    for name, anonymous in (("anonymous", 1), ("named", 2)):
        form = activity(site, "feedback", made, anonymous=anonymous, completion=2, completionsubmit=1)
        site.web("more/feedback", "student1", cm=form["cm"])
    page = activity(site, "page", made, content="Canary content", completion=1)
    site.web("more/criterion", course=made, cm=page["cm"])
    site.web("more/complete", "student1", cm=page["cm"], user=students[0])
    for _ in range(2):
        site.moodle.task(r"\core\task\completion_regular_task")


@chapter
def forums_calendar_competencies_badges(site: Site) -> None:
    made, students = course(site, "TALK")
    forum = activity(site, "forum", made, type="general")
    student, teacher = site.service("student1"), site.service("teacher")
    talk = teacher("mod_forum_add_discussion", forumid=forum["id"], subject="Canary subject", message="Canary message")["discussionid"]
    first = int(site.column(f"SELECT firstpost FROM mdl_forum_discussions WHERE id = {talk}")[0])
    post = student("mod_forum_add_discussion_post", postid=first, subject="Canary subject", message="Canary message")["postid"]
    student("mod_forum_update_discussion_post", postid=post, message="Canary message changed")
    student("mod_forum_delete_post", postid=post)
    teacher("mod_forum_delete_post", postid=first)
    group = site.web("group/create", course=made, name="talk")["group"]
    for fields in ({"eventtype": "site", "courseid": 1}, {"eventtype": "course", "courseid": made},
                   {"eventtype": "group", "courseid": made, "groupid": group}, {"eventtype": "user", "courseid": 0, "userid": students[0]}):
        site.web("more/calendar", fields=fields)
    site.web("more/competency", course=made, user=students[0], name="one")
    site.web("more/badge", user=students[0], name="site", revoke=1)
    site.web("more/badge", user=students[0], name="course", course=made)


@chapter
def somebody_is_logged_in_as_another(site: Site) -> None:
    made, students = course(site, "LOGINAS")
    forum = activity(site, "forum", made, type="general")
    admin = site.browser("admin")
    page = admin.open(f"course/loginas.php?id=1&user={students[0]}&sesskey={admin.sesskey()}")
    expect("the administrator is the student now", "student1" in readable(page).lower())
    site.web("acting/post", "student1", real="admin", forum=forum["id"])


@chapter
def a_course_is_copied_reset_and_deleted(site: Site) -> None:
    made, students = course(site, "COPY")
    activity(site, "assign", made, assignsubmission_onlinetext_enabled=1)
    activity(site, "page", made, content="Canary content")
    site.web("group/create", course=made, name="copied", members=students)
    file = f"{site.folder}/run"
    site.moodle.cli("admin/cli/backup.php", f"--courseid={made}", f"--destination={file}")
    archive = next(iter((site.folder / "run").glob("backup-*.mbz")))
    site.moodle.cli("admin/cli/restore_backup.php", f"--file={archive}", "--categoryid=1")
    site.web("course/reset", course=made, options={"reset_groups_members": 1, "reset_events": 1, "reset_gradebook_grades": 1,
                                                   "unenrol_users": [], "reset_assign_submissions": 1})
    doomed = activity(site, "page", made, content="Canary content")
    site.web("activity/delete", cm=doomed["cm"], later=True)
    site.moodle.cli("admin/cli/adhoc_task.php", "--execute", r"--classname=\core_course\task\course_delete_modules")
    site.web("course/delete", course=made)


@chapter
def cron_and_an_upgrade_run(site: Site) -> None:
    site.moodle.cli("admin/cli/cron.php", "--keep-alive=0", fine=(0,))
    version = site.moodle.web / "local" / "snsproducer" / "version.php"
    text = version.read_text(encoding="utf-8")
    current = int(text.split("$plugin->version = ")[1].split(";")[0])
    version.write_text(text.replace(str(current), str(current + 1)), encoding="utf-8")
    site.moodle.upgrade()
    made = site.web("course/create", name="AFTER", fields={})["course"]
    expect("a course is made after the upgrade", made > 0)
