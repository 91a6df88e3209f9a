//! What the name of one of Moodle's keys says about its value. Each answer is a guess that a person checks.

use super::super::field::Personal;

fn ends(key: &str, with: &[&str]) -> bool {
    with.iter().any(|end| key.ends_with(end))
}

/// Whether it names the id of something.
pub(super) fn says_id(key: &str) -> bool {
    let word = ends(key, &["valid", "paid", "void", "uuid", "guid", "grid", "avoid", "said"]);
    ends(key, &["id"]) && !word
}

/// Whether it names a moment.
pub(super) fn says_time(key: &str) -> bool {
    let span = ends(key, &["limit", "duration", "spent", "update", "validate"]);
    !span && (key.starts_with("time") || key.starts_with("date") || ends(key, &["date", "time", "until"]))
}

/// Whether it names a code or a count, so that 0 and 1 do not mean no and yes.
pub(super) fn says_code_or_count(key: &str) -> bool {
    says_id(key)
        || says_code(key)
        || says_time(key)
        || ends(
            key,
            &[
                "count", "num", "number", "attempt", "attempts", "grade", "page", "limit", "position",
                "index", "size", "by",
            ],
        )
}

/// Whether it names one of a list of things.
pub(super) fn says_code(key: &str) -> bool {
    ends(
        key,
        &[
            "status",
            "state",
            "type",
            "mode",
            "level",
            "kind",
            "phase",
            "method",
            "component",
            "module",
            "enrol",
            "format",
        ],
    )
}

/// Whether it names a text, though it may hold nothing but digits.
pub(super) fn says_text(key: &str) -> bool {
    ends(key, &["idnumber", "name", "code", "title", "phone"])
}

/// Whether people typed it, or it opens a door: it is left out, whatever it holds.
pub(super) fn is_private(key: &str) -> bool {
    let typed = ends(
        key,
        &[
            "content",
            "message",
            "text",
            "summary",
            "description",
            "body",
            "reason",
            "comment",
            "note",
            "query",
        ],
    );
    let door = ends(key, &["password", "token", "secret", "key", "email", "useragent"]);
    (typed && !ends(key, &["onlinetext", "context"])) || door || key == "ip"
}

/// How near it is to a person.
pub(super) fn personal(key: &str) -> Option<Personal> {
    if ends(
        key,
        &[
            "userid",
            "user_id",
            "useridto",
            "useridfrom",
            "username",
            "submitterid",
            "modifierid",
            "overrideby",
            "graderid",
            "teacherid",
            "studentid",
            "authorid",
            "ownerid",
            "createdby",
            "modifiedby",
        ],
    ) {
        return Some(Personal::Identifier);
    }
    if ends(key, &["firstname", "lastname", "realname"]) {
        return Some(Personal::Name);
    }
    ends(key, &["grade", "grades", "score", "mark", "points", "percentage"]).then_some(Personal::Performance)
}

const RENAMED: &[(&str, &str)] = &[
    ("timestart", "starts"),
    ("timeend", "ends"),
    ("startdate", "starts"),
    ("enddate", "ends"),
    ("timeopen", "opens"),
    ("timeclose", "closes"),
    ("duedate", "due"),
    ("dateexpire", "expires"),
    ("timecreated", "created"),
    ("timemodified", "modified"),
];

/// The name of the field: in words of a reader where there are some, else Moodle's key made fit. None
/// where nothing of it is left.
pub(super) fn field(key: &str) -> Option<String> {
    if let Some((_, name)) = RENAMED.iter().find(|(from, _)| *from == key) {
        return Some((*name).to_owned());
    }
    let fit = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    let name: String = key.chars().map(fit).collect();
    let name = name.trim_start_matches(|c: char| !c.is_ascii_lowercase());
    let stem =
        name.strip_suffix("id").filter(|stem| says_id(name) && !stem.is_empty() && !stem.ends_with('_'));
    let name = stem.map_or_else(|| name.to_owned(), |stem| format!("{stem}_id"));
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fields_name_is_a_readers_word() {
        for (key, name) in [
            ("timestart", Some("starts")),
            ("itemid", Some("item_id")),
            ("id", Some("id")),
            ("submission_editable", Some("submission_editable")),
            ("paid", Some("paid")),
            ("XapiVerb", Some("xapiverb")),
            ("2fa-on", Some("fa_on")),
            ("0", None),
        ] {
            assert_eq!(field(key).as_deref(), name, "{key}");
        }
    }

    #[test]
    fn a_name_may_say_more_than_the_values_seen() {
        assert!(
            says_time("timestart") && says_time("duedate") && !says_time("timelimit") && !says_time("update")
        );
        assert!(says_code_or_count("filesubmissioncount") && !says_code_or_count("overridden"));
        assert!(
            is_private("newcontent")
                && is_private("email")
                && is_private("ip")
                && !is_private("shortname")
                && !is_private("membership")
        );
        assert_eq!(personal("modifierid"), Some(Personal::Identifier));
        assert_eq!(personal("groupid"), None);
    }
}
