//! The digest of a contract: it moves when, and only when, something that is promised does.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::block::{Member, Object, Presence};
use super::field::{Field, Many, Origin};
use super::file::Draft;
use super::wanted::hex;

/// Raised when the same text begins to mean something else: then every digest moves.
const FORM: u32 = 1;

/// `sha256:` and the 64 hexadecimal digits of SHA-256 over the RFC 8785 form of what is promised: type,
/// events, condition, the words on when it is and isn't sent, what it tells, subject, group, ends, and
/// each field with all but `since`, in order (the order is in the bytes of the message). Outside:
/// title, status, until, `replaced_by`, purpose, notes, fetch, and what is written about a block.
pub(super) fn digest(draft: &Draft, group: &str) -> String {
    let promised = json!({
        "form": FORM,
        "type": draft.id.as_str(),
        "events": draft.events,
        "when": draft.when,
        "sent": draft.sent,
        "not_sent": draft.not_sent,
        "anonymous": draft.anonymous,
        "tells": draft.tells.as_str(),
        "subject": draft.subject.text,
        "group": group,
        "ends": draft.ends,
        "data": object(&draft.data),
    });
    // What holds only texts, flags and small numbers has a canonical form.
    let text = serde_json_canonicalizer::to_vec(&promised).unwrap_or_default();
    format!("sha256:{}", hex(&Sha256::digest(text)))
}

fn object(object: &Object) -> Value {
    let presence = match object.presence {
        Presence::Always => "always",
        Presence::OrAbsent => "or absent",
        Presence::OrNull => "or null",
    };
    let members: Vec<Value> = object
        .members
        .iter()
        .map(|member| match member {
            Member::Field(f) => field(f),
            Member::Object(o) => self::object(o),
        })
        .collect();
    json!({ "name": object.name, "presence": presence, "members": members })
}

fn field(field: &Field) -> Value {
    let many = match field.many {
        Many::One => "one",
        Many::List => "list",
        Many::Keys => "keys",
        Many::Given => "given",
    };
    json!({
        "name": field.name,
        "from": field.origins.iter().map(Origin::text).collect::<Vec<_>>(),
        "type": field.scalar.as_str(),
        "many": many,
        "nullable": field.nullable,
        "optional": field.optional,
        "zero": field.zero_is_null,
        "empty": field.empty_is_null,
        "values": field.values,
        "known": field.known,
        "unit": field.unit,
        "format": field.format,
        "max_length": field.max_length,
        "personal": field.personal.map(super::Personal::as_str),
        "about": field.about,
    })
}

#[cfg(test)]
mod tests {
    use super::super::file::tests::{GOOD, read_text};
    use super::super::group::Naming;
    use super::*;

    fn digest_of(text: &str) -> String {
        let draft = read_text(text).unwrap_or_else(|p| panic!("{}", super::super::Problems(p)));
        digest(&draft, &Naming::of(&draft).group_promise())
    }

    #[test]
    fn it_moves_with_what_is_promised_and_with_nothing_else() {
        let before = digest_of(GOOD);
        #[rustfmt::skip]
        let moves = [
            (r"'\mod_x\event\thing_done'", r"'\mod_y\event\thing_done'"),
            ("in = [\"a\", \"b\"]", "in = [\"a\"]"),
            ("in = [\"a\", \"b\"]", "not_in = [\"a\", \"b\"]"),
            ("\"S.\"", "\"S!\""),
            ("\"N.\"", "\"N!\""),
            ("\"state\"", "\"fact\""),
            ("thing/{thing.id}/user", "a_thing/{thing.id}/user"),
            ("group    = [\"course.id\", \"user.id\"]", "group = [\"course.id\"]"),
            ("ends     = [\"thing/{thing.id}/\"]\n", ""),
            ("\"course?\"", "\"course\""),
            ("[\"course?\", \"user\", \"actor\"]", "[\"user\", \"course?\", \"actor\"]"),
            (", \"event.userid\"]", "]"),
            ("from = \"event.objectid\"", "from = \"event.other.id\""),
            ("a = \"x\"", "a = \"z\""),
            ("a = \"x\", ", ""),
            ("empty = \"null\", ", ""),
            ("zero = \"null\", ", ""),
            ("max_length = 20", "max_length = 21"),
            ("unit = \"m\"", "unit = \"km\""),
            ("optional = true, ", ""),
            ("known = [\"t\"]", "known = [\"t\", \"u\"]"),
            ("of = \"string\"", "of = \"integer\""),
            ("nullable = true, ", ""),
            ("format = \"uri\"", "format = \"email\""),
            ("personal = \"identifier\"", "personal = \"name\""),
            ("about = \"A field may", "about = \"The field may"),
            ("link = {", "url = {"),
            ("when     = { field = \"event.other.kind\", in = [\"a\", \"b\"] }\n", ""),
            ("field = \"event.other.kind\", in", "field = \"event.other.mode\", in"),
            // The default takes the subject where a part is absent; the same two, listed, take what is left.
            ("group    = [\"course.id\", \"user.id\"]\n", ""),
            ("\"user\", \"actor\"]", "\"user\"]"),
            ("from = \"event.objectid\"", "from = \"fn:activity@1\""),
            ("[\"event.relateduserid\", \"event.userid\"]", "[\"event.userid\", \"event.relateduserid\"]"),
            ("type = \"number\"", "type = \"integer\""),
            ("of = \"string\", optional = true, known = [\"t\"]", "keys = true, optional = true"),
            ("a = \"x\", b = \"y\"", "b = \"y\", a = \"x\""),
            ("empty = \"null\", ", "nullable = true, "),
            ("values = { a = \"x\", b = \"y\" }", "known = [\"x\", \"y\"]"),
            ("from = \"event.other.name\"", "optional = true, from = \"event.other.name\""),
        ];
        for (put_out, put_in) in moves {
            assert!(GOOD.contains(put_out), "{put_out}");
            // A list of integers has no known texts.
            let text = GOOD.replacen(put_out, put_in, 1);
            let text = if put_in.contains("of = \"integer\"") {
                text.replace("known = [\"t\"], ", "")
            } else {
                text
            };
            assert_ne!(digest_of(&text), before, "{put_out} → {put_in}");
        }
        let stays = [
            ("\"Thing done\"", "\"A thing done\""),
            ("\"draft\"", "\"stable\""),
            ("\"P.\"", "\"P!\""),
            ("notes    = [\"W.\"]\n", ""),
            ("function = \"core_x\"", "function = \"core_y\""),
            ("since = 2, ", ""),
            ("since = 2, ", "since = 3, "),
            ("about = \"B.\"\n", ""),
            ("title    =", "# a remark\ntitle ="),
            ("\"draft\"", "\"deprecated\"\nuntil = \"2027-07-31\"\nreplaced_by = \"moodle.thing.done.v2\""),
            ("arguments = { id = \"thing.id\", field = \"=id\" }", "arguments = { id = \"thing.id\" }"),
            (
                "{ from = \"event.objectid\", type = \"integer\",",
                "{ type = \"integer\", from = \"event.objectid\",",
            ),
            ("group    = [\"course.id\", \"user.id\"]", "group = [ \"course.id\",\n  'user.id' ]"),
        ];
        for (put_out, put_in) in stays {
            assert!(GOOD.contains(put_out), "{put_out}");
            assert_eq!(digest_of(&GOOD.replacen(put_out, put_in, 1)), before, "{put_out} → {put_in}");
        }
    }

    /// With anonymous messages, which need the place of their activity.
    fn of_anonymity(words: &str) -> String {
        let blocks = GOOD.replace("\"course?\"", "\"course\", \"activity\"");
        blocks.replace("tells    =", &format!("{words}tells    ="))
    }

    #[test]
    fn it_moves_with_what_is_said_of_anonymous_events() {
        let all =
            ["", "anonymous = \"A.\"\n", "anonymous = \"A!\"\n"].map(|words| digest_of(&of_anonymity(words)));
        assert!(all[0] != all[1] && all[1] != all[2] && all[0] != all[2]);
    }

    /// Names no common block: those may change, and with them each contract that uses one.
    const BARE: &str = r#"type     = "moodle.thing.done.v1"
title    = "Thing done"
status   = "draft"
event    = '\core\event\thing_done'
purpose  = "P."
sent     = "S."
not_sent = "N."
tells    = "fact"
subject  = "thing/{thing.id}"

[data.thing]
id   = { from = "event.objectid", type = "integer", about = "A." }
kind = { from = "event.other.kind", type = "string", values = { "1" = "é" }, personal = "special", about = "A." }
"#;

    #[test]
    fn it_is_the_same_in_every_version_of_this_program() {
        // Known value, reckoned by another program too: messages and releases hold digests for ever. Where it must move, `FORM` is raised.
        assert_eq!(
            digest_of(BARE),
            "sha256:29e619ebbc4b017cd2bf3ab9fd9049934bec78adce5cf856175812988c9f307d"
        );
    }

    #[test]
    fn another_type_is_another_promise() {
        let second = BARE.replace("done.v1", "done.v2");
        let second = super::super::gate::read("v2.toml", &second, None).unwrap();
        assert_ne!(second.digest(), digest_of(BARE));
    }
}
