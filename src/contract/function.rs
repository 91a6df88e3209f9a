//! The named functions: what a path alone cannot say. A contract names one with its version
//! (`fn:actor@1`); what a version does never changes. There are to be fewer than five.
//!
//! | name | gives |
//! | --- | --- |
//! | `fn:actor@1` | `user` where `event.userid` is above 0, `system` where it is 0 or -1, `hidden` where the event is anonymous |
//! | `fn:actor_id@1` | who acted: `entities.request.realuserid` where somebody is logged in as another, else `event.userid`; nothing for the system |
//! | `fn:acting_as@1` | the account that was used: `event.userid`, only where somebody is logged in as another |
//! | `fn:activity@1` | `event.contextinstanceid` where `event.contextlevel` is 70 (an activity), else nothing |

use super::tree::{StoredData, Tree};
use super::value::{Found, Plain, whole};

/// Moodle's context level of an activity (`CONTEXT_MODULE`).
pub(super) const MODULE_LEVEL: i64 = 70;

/// A named function with its version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    Actor,
    ActorId,
    ActingAs,
    Activity,
}

impl Function {
    pub(super) const ALL: [Self; 4] = [Self::Actor, Self::ActorId, Self::ActingAs, Self::Activity];

    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Actor => "fn:actor@1",
            Self::ActorId => "fn:actor_id@1",
            Self::ActingAs => "fn:acting_as@1",
            Self::Activity => "fn:activity@1",
        }
    }

    /// What it gives, for a reader of the contract.
    pub(super) fn about(self) -> &'static str {
        match self {
            Self::Actor => {
                "user where event.userid is above 0, system where it is 0 or -1, hidden where the event is anonymous"
            }
            Self::ActorId => {
                "who acted: entities.request.realuserid where somebody is logged in as another, else event.userid; nothing for the system"
            }
            Self::ActingAs => {
                "the account that was used: event.userid, only where somebody is logged in as another"
            }
            Self::Activity => {
                "event.contextinstanceid where event.contextlevel is 70 (an activity), else nothing"
            }
        }
    }

    /// The paths it reads, so that the wanted list asks for them.
    pub(super) fn reads(self) -> &'static [&'static str] {
        match self {
            Self::Actor => &["event.anonymous", "event.userid"],
            Self::ActorId | Self::ActingAs => &["entities.request.realuserid", "event.userid"],
            Self::Activity => &["event.contextinstanceid", "event.contextlevel"],
        }
    }

    /// Whether it gives a person's id.
    pub(super) fn is_person(self) -> bool {
        matches!(self, Self::ActorId | Self::ActingAs)
    }

    /// Whether it speaks of the activity only.
    pub(super) fn is_place(self) -> bool {
        self == Self::Activity
    }

    pub(super) fn find<'d>(self, data: &'d StoredData<'_>) -> Found<'d> {
        let event = |key| data.event.get(key);
        let real = || person(data.entities.get("request").and_then(|r| r.get("realuserid")));
        match self {
            Self::Actor if data.is_anonymous() => Found::Word("hidden"),
            Self::Actor => match event("userid").map(Plain::from).and_then(whole) {
                Some(1..) => Found::Word("user"),
                Some(_) => Found::Word("system"),
                None => Found::Missing,
            },
            Self::ActorId => real().or_else(|| person(event("userid"))).into(),
            Self::ActingAs => real().and(person(event("userid"))).into(),
            Self::Activity => {
                let here = event("contextlevel").map(Plain::from).and_then(whole) == Some(MODULE_LEVEL);
                event("contextinstanceid").filter(|_| here).into()
            }
        }
    }
}

/// A user id that is somebody: 0 and -1 are nobody.
fn person<'d, 't>(id: Option<&'d Tree<'t>>) -> Option<&'d Tree<'t>> {
    id.filter(|id| whole((*id).into()).is_some_and(|n| n > 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn text(function: Function, data: &Value) -> String {
        let stored = data.to_string();
        let data = StoredData::parse(stored.as_bytes()).unwrap();
        match function.find(&data) {
            Found::Missing => "-".into(),
            Found::Word(word) => word.into(),
            Found::Here(value) => value.to_owned_value().to_string(),
        }
    }

    #[test]
    fn an_actor_is_a_user_the_system_or_hidden() {
        for (userid, anonymous, expected) in [
            (json!("2"), json!(0), ["user", "\"2\"", "-"]),
            (json!(2), json!("0"), ["user", "2", "-"]),
            (json!(0), json!(0), ["system", "-", "-"]),
            (json!("-1"), json!(0), ["system", "-", "-"]),
            (json!(null), json!(0), ["-", "-", "-"]),
            (json!("two"), json!(0), ["-", "-", "-"]),
            (json!("2"), json!(1), ["hidden", "\"2\"", "-"]),
        ] {
            let data = json!({"event": {"userid": userid, "anonymous": anonymous}, "entities": {"request": {"realuserid": null}}});
            assert_eq!(
                [Function::Actor, Function::ActorId, Function::ActingAs].map(|f| text(f, &data)),
                expected,
                "{data}"
            );
        }
    }

    #[test]
    fn somebody_logged_in_as_another_is_who_acted() {
        let data =
            json!({"event": {"userid": "1618", "anonymous": 0}, "entities": {"request": {"realuserid": 2}}});
        assert_eq!(text(Function::ActorId, &data), "2");
        assert_eq!(text(Function::ActingAs, &data), "\"1618\"");
    }

    #[test]
    fn an_activity_is_named_by_a_context_of_level_70_only() {
        for (level, expected) in [(json!(70), "5"), (json!("70"), "5"), (json!(50), "-"), (json!(null), "-")]
        {
            let data = json!({"event": {"contextlevel": level, "contextinstanceid": 5}});
            assert_eq!(text(Function::Activity, &data), expected);
        }
    }
}
