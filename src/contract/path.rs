//! Where a value comes from: a path into what the plugin sends. Only paths into the agreed vocabulary
//! exist, so a contract cannot ask Moodle for anything else.

use serde_json::Value;

use super::cut::EventData;
use super::field::Personal;

/// Keys that are sent with every event, whatever the contracts name.
pub(super) const ALWAYS: [&str; 8] = [
    "anonymous",
    "contextid",
    "contextinstanceid",
    "contextlevel",
    "courseid",
    "eventname",
    "objectid",
    "timecreated",
];

/// The keys of Moodle's `\core\event\base::get_data()`.
const EVENT: [&str; 17] = [
    "action",
    "anonymous",
    "component",
    "contextid",
    "contextinstanceid",
    "contextlevel",
    "courseid",
    "crud",
    "edulevel",
    "eventname",
    "objectid",
    "objecttable",
    "other",
    "relateduserid",
    "target",
    "timecreated",
    "userid",
];

const PERSON: &[&str] =
    &["id", "idnumber", "username", "auth", "suspended", "institution", "department", "email"];
const DATES: &[&str] =
    &["timeopen", "timeclose", "duedate", "cutoffdate", "allowsubmissionsfromdate", "attempts", "timelimit"];

/// The entities that the plugin can read through Moodle's own functions, with their fields. (`email` it
/// reads only where a setting in Moodle allows it.)
const ENTITIES: &[(&str, &[&str])] = &[
    ("actor", PERSON),
    ("assign", &["duedate", "cutoffdate", "allowsubmissionsfromdate", "markingworkflow", "blindmarking"]),
    ("attempt", &["attempt", "state", "sumgrades", "timestart", "timefinish", "preview"]),
    ("badge", &["name", "type"]),
    (
        "calendar_event",
        &["scope", "eventtype", "timestart", "timeduration", "groupid", "modulename", "instance"],
    ),
    ("category", &["id", "idnumber", "name", "path", "visible"]),
    ("cm", &["id", "idnumber", "name", "modname", "instance", "section", "visible"]),
    ("cohort", &["id", "idnumber", "name", "contextid", "component"]),
    ("competency", &["shortname", "idnumber"]),
    ("completion", &["timecompleted"]),
    ("course", &["id", "idnumber", "shortname", "fullname", "category", "visible", "startdate", "enddate"]),
    ("enrol", &["name", "status", "roleid", "enrolstartdate", "enrolenddate"]),
    ("enrolment", &["enrol", "enrolid", "status", "timestart", "timeend"]),
    ("extension", &["extensionduedate"]),
    (
        "grade",
        &[
            "released",
            "finalgrade",
            "rawgrade",
            "hidden",
            "locked",
            "overridden",
            "timemodified",
            "rawgrademax",
            "rawgrademin",
        ],
    ),
    (
        "grade_item",
        &[
            "itemtype",
            "itemmodule",
            "iteminstance",
            "itemname",
            "idnumber",
            "grademax",
            "grademin",
            "gradetype",
            "scaleid",
            "categoryid",
            "hidden",
            "locked",
        ],
    ),
    ("group", &["id", "idnumber", "name"]),
    ("grouping", &["id", "idnumber", "name"]),
    ("lti", &["typeid", "toolurl"]),
    ("override", DATES),
    ("quiz", &["timeopen", "timeclose", "timelimit", "grade"]),
    ("request", &["origin", "realuserid"]),
    ("role", &["shortname", "archetype"]),
    ("section", &["section", "name", "visible"]),
    ("submission", &["userid", "groupid", "status", "attemptnumber", "timemodified"]),
    ("user", PERSON),
];

/// Which half of the plugin's data a path goes into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Root {
    /// What Moodle's event holds.
    Event,
    /// What the plugin read beside it.
    Entities,
}

/// A path such as `event.other.enrol` or `entities.course.idnumber`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Path {
    /// The path as the contract writes it.
    pub(super) text: String,
    pub(super) root: Root,
    /// What follows the root: at least one key.
    pub(super) keys: Vec<String>,
}

impl Path {
    /// Reads a path; the error says what may stand there instead.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut parts = text.split('.');
        let root = match parts.next() {
            Some("event") => Root::Event,
            Some("entities") => Root::Entities,
            _ => {
                return Err(
                    "a path begins with `event.` or `entities.`, or names a function as `fn:actor@1`".into(),
                );
            }
        };
        let keys: Vec<String> = parts.map(str::to_owned).collect();
        let word = |k: &String| {
            !k.is_empty() && k.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
        };
        if keys.is_empty() || !keys.iter().all(word) {
            return Err("after the root come one or more names of a-z, 0-9, _ and -, joined by dots".into());
        }
        match root {
            Root::Event => Self::check_event(&keys)?,
            Root::Entities => Self::check_entity(&keys)?,
        }
        Ok(Self { text: text.to_owned(), root, keys })
    }

    fn check_event(keys: &[String]) -> Result<(), String> {
        if !EVENT.contains(&keys[0].as_str()) {
            return Err(format!("an event of Moodle has the keys {}", EVENT.join(", ")));
        }
        match (keys[0] == "other", keys.len()) {
            (true, 1) => {
                Err("`event.other` is a map: name one of its keys, as in `event.other.enrol`".into())
            }
            (false, n) if n > 1 => Err("only `event.other` has keys of its own".into()),
            _ => Ok(()),
        }
    }

    fn check_entity(keys: &[String]) -> Result<(), String> {
        let entity = ENTITIES.iter().find(|(name, _)| *name == keys[0]);
        let Some((name, fields)) = entity else {
            let names: Vec<_> = ENTITIES.iter().map(|(name, _)| *name).collect();
            return Err(format!("the plugin reads the entities {}", names.join(", ")));
        };
        match keys {
            [_, field] if fields.contains(&field.as_str()) => Ok(()),
            _ => Err(format!("of entity {name} the plugin reads {}", fields.join(", "))),
        }
    }

    /// The value at this path, if it is there.
    pub(super) fn find<'d>(&self, data: &'d EventData) -> Option<&'d Value> {
        let top = match self.root {
            Root::Event => &data.event,
            Root::Entities => &data.entities,
        };
        let mut keys = self.keys.iter();
        let first = top.get(keys.next()?)?;
        keys.try_fold(first, |value, key| value.get(key))
    }

    /// Whether it speaks of the course or the activity only, or says that the event is anonymous: what an
    /// anonymous event may tell.
    pub(super) fn is_place(&self) -> bool {
        match self.root {
            Root::Event => {
                matches!(
                    self.keys[0].as_str(),
                    "anonymous" | "courseid" | "contextid" | "contextlevel" | "contextinstanceid"
                )
            }
            Root::Entities => matches!(self.keys[0].as_str(), "course" | "cm"),
        }
    }

    /// Whether it names a person, so that a field of it needs a personal class.
    pub(super) fn is_person(&self) -> bool {
        match self.root {
            Root::Event => matches!(self.keys[0].as_str(), "userid" | "relateduserid"),
            Root::Entities => {
                matches!(self.keys[0].as_str(), "user" | "actor")
                    || self.text == "entities.request.realuserid"
            }
        }
    }
}

/// The class of a path that is read without being told: whatever names a person says who.
pub(super) fn class_of(text: &str) -> Option<Personal> {
    Path::parse(text).is_ok_and(|path| path.is_person()).then_some(Personal::Identifier)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_anonymous_event_may_tell_its_place_and_that_it_is_anonymous() {
        for (path, may) in [
            ("event.courseid", true),
            ("event.contextinstanceid", true),
            ("event.anonymous", true),
            ("entities.course.idnumber", true),
            ("entities.cm.name", true),
            ("event.objectid", false),
            ("event.timecreated", false),
            ("event.userid", false),
            ("event.other.anonymous", false),
            ("entities.user.id", false),
            ("entities.request.origin", false),
        ] {
            assert_eq!(Path::parse(path).unwrap().is_place(), may, "{path}");
        }
    }

    #[test]
    fn paths_outside_the_vocabulary_say_what_is_in_it() {
        for good in [
            "event.objectid",
            "event.other.enrol",
            "event.other.userenrolment.id",
            "entities.user.id",
            "entities.cm.modname",
        ] {
            assert_eq!(Path::parse(good).map(|p| p.text), Ok(good.to_owned()));
        }
        for (bad, word) in [
            ("objectid", "begins with"),
            ("event", "one or more names"),
            ("event.", "one or more names"),
            ("event.objectidd", "objectid, objecttable"),
            ("event.other", "name one of its keys"),
            ("event.userid.x", "only `event.other`"),
            ("entities.person.id", "completion, course"),
            ("entities.user.password", "idnumber, username"),
            ("entities.course", "shortname, fullname"),
            ("entities.course.id.x", "shortname, fullname"),
            ("event.other.a b", "one or more names"),
        ] {
            let told = Path::parse(bad).unwrap_err();
            assert!(told.contains(word), "{bad}: {told}");
        }
    }
}
