//! What a draft is made of: the common blocks that the events have, the thing they speak of, and a guess
//! for each key and each entity field seen.

use serde_json::Value;

use super::super::field::{Field, Origin, Personal, Scalar};
use super::super::path::Path;
use super::super::value::whole;
use super::super::{Catalogue, block, function};
use super::Seen;
use super::events::{Events, Presence, find, keys, presence};
use super::guess::{Guess, Values, fits, guess, plain, seen};
use super::names;

/// A table of the draft's data.
pub(super) struct Table {
    pub(super) name: String,
    pub(super) guesses: Vec<Guess>,
}

/// All that a draft says of the data.
pub(super) struct Shape<'a> {
    events: &'a Events<'a>,
    catalogue: &'a Catalogue,
    samples: bool,
    /// The name of the table of its own.
    main: String,
    /// The block that describes the thing which Moodle's `objectid` names.
    thing: Option<&'static str>,
    pub(super) blocks: Vec<String>,
    pub(super) tables: Vec<Table>,
    /// What was seen and is left out: the path and why.
    pub(super) left: Vec<(String, &'static str)>,
}

/// Moodle's tables, the block that describes a thing of them, and where the block takes its id from.
const THINGS: &[(&str, &str, &str)] = &[
    ("course", "course", "event.courseid"),
    ("course_modules", "activity", "event.contextinstanceid"),
    ("user", "user", "event.relateduserid"),
    ("groups", "group", "event.objectid"),
    ("grade_items", "grade_item", "event.objectid"),
];

/// Tables whose things hold people: an event of one and a person speaks of both.
const HOLDERS: [&str; 4] = ["groups", "cohort", "badge", "role"];

/// What a block's field is called in `event.other`, by Moodle's table.
const RESTATED: &[(&str, &str, &str)] = &[
    ("course", "shortname", "course.shortname"),
    ("course", "fullname", "course.fullname"),
    ("course", "idnumber", "course.idnumber"),
    ("course_modules", "modulename", "activity.module"),
    ("course_modules", "instanceid", "activity.instance_id"),
    ("course_modules", "name", "activity.name"),
    ("grade_items", "itemname", "grade_item.name"),
    ("grade_items", "itemtype", "grade_item.type"),
    ("grade_items", "itemmodule", "grade_item.module"),
    ("user", "username", "user.username"),
    ("user", "idnumber", "user.idnumber"),
];

/// Entities that the common blocks read: the rest of their fields is left out unless asked for.
const OF_BLOCKS: [&str; 7] = ["course", "user", "actor", "request", "cm", "group", "grade_item"];

impl<'a> Shape<'a> {
    pub(super) fn of(events: &'a Events<'a>, catalogue: &'a Catalogue, area: &str, samples: bool) -> Self {
        let mut shape = Self {
            events,
            catalogue,
            samples,
            main: String::new(),
            thing: None,
            blocks: Vec::new(),
            tables: Vec::new(),
            left: Vec::new(),
        };
        shape.add_blocks();
        shape.main = shape.name_main(area);
        shape.add_object();
        for (key, values) in keys(&events.at("event.other")) {
            let main = shape.main.clone();
            shape.add_key(&main, &key, &format!("event.other.{key}"), &values);
        }
        shape.add_context();
        shape.add_entities();
        shape.mend_blocks();
        shape
    }

    pub(super) fn has(&self, block: &str) -> bool {
        self.blocks.iter().any(|b| b == block)
    }

    /// The fields of the data that always name something by a number, in the order of the draft.
    fn ids(&self) -> impl Iterator<Item = &Field> {
        self.tables.iter().flat_map(|t| &t.guesses).map(|g| &g.field).filter(|f| {
            let named = f.name == "id" || f.name.ends_with("_id");
            named && f.scalar.as_str() == "integer" && f.is_required() && !f.says_null()
        })
    }

    /// The smallest thing that the events speak of.
    pub(super) fn subject(&self, area: &str) -> String {
        let table = self.events.same("event.objecttable").unwrap_or_default();
        let person = if self.has("user") { "/user/{user.id}" } else { "" };
        if self.has("grade_item") && self.has("user") {
            return format!("grade_item/{{grade_item.id}}{person}");
        }
        let person = if HOLDERS.contains(&table.as_str()) { person } else { "" };
        if let Some(thing) = self.thing {
            let id = if thing == "activity" { "cm_id" } else { "id" };
            return format!("{thing}/{{{thing}.{id}}}{person}");
        }
        let found = self.ids().find(|f| f.name == "id" && f.path == format!("{}.id", self.main));
        if let Some(field) =
            found.or_else(|| self.ids().find(|f| f.path.starts_with(&self.main) && f.personal.is_none()))
        {
            let stem = field.name.trim_end_matches("id").trim_end_matches('_');
            let word = if stem.is_empty() { &self.main } else { stem };
            let prefix = if word == area { String::new() } else { format!("{area}_") };
            return format!("{prefix}{word}/{{{}}}{person}", field.path);
        }
        let person = if self.has("user") { "/user/{user.id}" } else { "" };
        match () {
            () if self.has("activity") => format!("activity/{{activity.cm_id}}{person}"),
            () if self.has("course") => format!("course/{{course.id}}{person}"),
            () if self.has("user") => "user/{user.id}".to_owned(),
            () => format!("context/{{{}.context_id}}", self.main),
        }
    }

    fn add_blocks(&mut self) {
        let events = self.events;
        let mut add = |name: &str, presence: Presence| match presence {
            Presence::Always => self.blocks.push(name.to_owned()),
            Presence::Sometimes => self.blocks.push(format!("{name}?")),
            Presence::Never | Presence::Odd => {}
        };
        add("course", presence(events.all(), "event.courseid"));
        add("user", events.presence("event.relateduserid"));
        if events.at("event.userid").iter().all(|v| v.is_some_and(|v| whole(v.into()).is_some())) {
            add("actor", Presence::Always);
        }
        let here = |seen: &&&Seen<'_>| {
            find(seen, "event.contextlevel").and_then(|v| whole(v.into())) == Some(function::MODULE_LEVEL)
        };
        let activities: Vec<&Seen<'_>> = events.all().iter().filter(here).copied().collect();
        if !activities.is_empty() && presence(&activities, "event.contextinstanceid") == Presence::Always {
            let all = activities.len() == events.all().len();
            add("activity", if all { Presence::Always } else { Presence::Sometimes });
        }
        let table = events.same("event.objecttable").unwrap_or_default();
        let by = |entity: &str, key: &str| {
            let read = events.at(&format!("entities.{entity}")).iter().any(Option::is_some);
            if read { events.presence(key) } else { Presence::Never }
        };
        match table.as_str() {
            "groups" => add("group", events.presence("event.objectid")),
            "grade_items" => add("grade_item", events.presence("event.objectid")),
            _ => {
                add("group", by("group", "event.other.groupid"));
                add("grade_item", by("grade_item", "event.other.itemid"));
            }
        }
        let found = THINGS.iter().find(|(name, block, id)| {
            let same = events.at("event.objectid").iter().zip(events.at(id)).all(|(object, id)| {
                let number = |v: Option<&Value>| v.and_then(|v| whole(v.into()));
                number(*object).is_some() && number(*object) == number(id)
            });
            *name == table && same && self.blocks.iter().any(|b| b == block)
        });
        self.thing = found.map(|(_, block, _)| *block);
        let has = |block: &str| self.blocks.iter().any(|b| b.trim_end_matches('?') == block);
        let (grade_item, group) = (has("grade_item"), has("group"));
        if table == "grade_items" && grade_item {
            self.restate("grade_item.id", "event.objectid");
        }
        if table != "groups" && group {
            self.restate("group.id", "event.other.groupid");
        }
    }

    /// The table of its own: named by what the events speak of, never as a common block.
    fn name_main(&self, area: &str) -> String {
        let target = self.events.same("event.target").unwrap_or_default();
        let word = target.rsplit('_').next().unwrap_or_default().to_owned();
        let seen = |name: &str| self.events.at(&format!("entities.{name}")).iter().any(Option::is_some);
        let free = |name: &&str| {
            !name.is_empty()
                && block::common_named(name).is_none()
                && names::field(name).as_deref() == Some(*name)
        };
        let entities = [target.as_str(), area].into_iter().filter(|name| seen(name));
        let names = if self.thing.is_some() {
            vec![word.as_str(), "details"]
        } else {
            vec![area, word.as_str(), "object"]
        };
        entities.chain(names).find(free).unwrap_or("object").to_owned()
    }

    fn add_object(&mut self) {
        if self.thing.is_some() {
            return;
        }
        let values = self.events.at("event.objectid");
        if self.events.presence("event.objectid") == Presence::Never {
            return;
        }
        let main = self.main.clone();
        self.add_key(&main, "id", "event.objectid", &values);
        let table = self.events.same("event.objecttable");
        let id = self.tables.iter_mut().flat_map(|t| &mut t.guesses).find(|g| g.field.name == "id");
        if let (Some(id), Some(table)) = (id, table) {
            id.field.about = format!("Moodle's id of it ({table}.id).");
            if table == "user" {
                id.field.personal = Some(Personal::Identifier);
                id.seen = seen(&id.field, &values, self.samples);
            }
        }
    }

    /// A key of `event.other`: a field, or a map of fields.
    fn add_key(&mut self, table: &str, key: &str, path: &str, values: &Values<'a>) {
        let there: Vec<&Value> = values.iter().flatten().copied().filter(|v| !v.is_null()).collect();
        let empty = |v: &&Value| v.as_array().is_some_and(Vec::is_empty);
        if names::is_private(key) {
            self.left.push((path.to_owned(), "what people type, and what opens a door, stays in Moodle"));
        } else if there.iter().any(|v| v.is_object()) {
            if !there.iter().all(|v| v.is_object() || empty(v)) {
                self.left.push((path.to_owned(), "it holds maps and other things"));
                return;
            }
            let inner = keys(values);
            let regular = inner.iter().all(|(key, held)| {
                let in_each =
                    held.iter().zip(values).all(|(h, v)| h.is_some() == v.is_some_and(Value::is_object));
                let named = names::field(key).is_some() && Path::parse(&format!("{path}.{key}")).is_ok();
                in_each && named
            });
            if regular && path.split('.').count() < 5 {
                let inner_table = names::field(key).map(|name| format!("{table}.{name}")).unwrap_or_default();
                for (key, held) in inner {
                    self.add_key(&inner_table, &key, &format!("{path}.{key}"), &held);
                }
            } else {
                self.add(table, key, path, values);
            }
        } else if !there.is_empty() && there.iter().all(empty) {
            self.left.push((path.to_owned(), "only empty lists or maps were seen"));
        } else {
            self.add(table, key, path, values);
        }
    }

    fn add(&mut self, table: &str, key: &str, path: &str, values: &Values<'a>) {
        if let Some(field) = self.restated(key, path).filter(|field| self.is_free(field))
            && self.restate(&field, path)
        {
            return;
        }
        if self.blocks.iter().any(|b| b.starts_with("group")) && path == "event.other.groupid"
            || self.blocks.iter().any(|b| b.starts_with("grade_item")) && path == "event.other.itemid"
        {
            return;
        }
        let (Some(name), Ok(origin)) = (names::field(key), Path::parse(path)) else {
            self.left.push((path.to_owned(), "no contract can name this key"));
            return;
        };
        let field = plain(&name, format!("{table}.{name}"), vec![Origin::Path(origin)], String::new());
        let like = if path.starts_with("entities.") { self.like(&field, values) } else { None };
        match like.or_else(|| guess(field, key, values, self.events.ids(), self.samples)) {
            Some(guess) => self.put(table, guess),
            None => self.left.push((path.to_owned(), "it holds values of kinds that no one type has")),
        }
    }

    /// The field by which another contract tells the same entity's field, if it holds what was seen.
    fn like(&self, field: &Field, values: &Values<'_>) -> Option<Guess> {
        self.catalogue.iter().find_map(|contract| {
            let known =
                contract.fields().find(|known| known.origins == field.origins && fits(known, values))?;
            let table = field.path.rsplit_once('.').map_or("", |(table, _)| table);
            let mut taken = known.clone();
            taken.path = format!("{table}.{}", taken.name);
            taken.since = None;
            Some(Guess {
                field: taken,
                doubts: Vec::new(),
                seen: String::new(),
                like: Some(contract.id().to_string()),
            })
        })
    }

    fn put(&mut self, table: &str, mut guess: Guess) {
        let at = self.tables.iter().position(|t| t.name == table).unwrap_or_else(|| {
            self.tables.push(Table { name: table.to_owned(), guesses: Vec::new() });
            self.tables.len() - 1
        });
        let here = &mut self.tables[at].guesses;
        let name = guess.field.name.clone();
        let mut n = 2;
        while here.iter().any(|g| g.field.name == guess.field.name) {
            guess.field.name = format!("{name}_{n}");
            n += 1;
        }
        guess.field.path = format!("{table}.{}", guess.field.name);
        here.push(guess);
    }

    /// Which block's field a key of `event.other` tells.
    fn restated(&self, key: &str, path: &str) -> Option<String> {
        if path != format!("event.other.{key}") {
            return None;
        }
        let table = self.events.same("event.objecttable").unwrap_or_default();
        let named =
            RESTATED.iter().find(|(of, name, _)| *of == table && *name == key && self.thing.is_some());
        let module = self
            .events
            .same("event.component")
            .and_then(|c| c.strip_prefix("mod_").map(|m| format!("{m}id")));
        let instance = self.has("activity") && module.as_deref() == Some(key);
        named
            .map(|(_, _, field)| (*field).to_owned())
            .or_else(|| instance.then(|| "activity.instance_id".to_owned()))
    }

    fn is_free(&self, field: &str) -> bool {
        !self.tables.iter().flat_map(|t| &t.guesses).any(|g| g.field.path == field)
    }

    /// Takes a block's field from the event; gives whether what was seen allows it.
    fn restate(&mut self, field: &str, path: &str) -> bool {
        let Some((block, name)) = field.split_once('.') else { return false };
        let (Some(common), Ok(origin)) = (block::common_field(block, name), Path::parse(path)) else {
            return false;
        };
        let values = self.events.at(path);
        let mut restated = common.clone();
        restated.path = field.to_owned();
        let or_none = self.blocks.iter().any(|b| b.strip_suffix('?') == Some(block)) && name.ends_with("id");
        restated.nullable |= !or_none && values.iter().flatten().any(|v| v.is_null());
        if values.iter().any(Option::is_none) && !or_none {
            restated.optional = true;
            restated.origins.insert(0, Origin::Path(origin));
        } else {
            restated.origins = vec![Origin::Path(origin)];
        }
        if !or_none && !fits(&restated, &values) {
            return false;
        }
        self.put(block, Guess { field: restated, doubts: Vec::new(), seen: String::new(), like: None });
        true
    }

    /// Where the events hold: told where it is not always a course or an activity, and where nothing else
    /// names the subject.
    fn add_context(&mut self) {
        let main = self.main.clone();
        let level = self.events.same("event.contextlevel");
        if !matches!(level.as_deref(), Some("10" | "30" | "50" | "70")) {
            self.add(&main, "context_level", "event.contextlevel", &self.events.at("event.contextlevel"));
            let table = self.tables.iter_mut().flat_map(|t| &mut t.guesses);
            for guess in table.filter(|g| g.field.name == "context_level") {
                guess.field.scalar = Scalar::String;
                guess.field.values =
                    LEVELS.iter().map(|(n, word)| ((*n).to_owned(), (*word).to_owned())).collect();
                guess.field.about = "Kind of Moodle's context.".to_owned();
                guess.doubts.clear();
            }
            let values = self.events.at("event.contextinstanceid");
            self.add(&main, "context_instance_id", "event.contextinstanceid", &values);
            let table = self.tables.iter_mut().flat_map(|t| &mut t.guesses);
            for guess in table.filter(|g| g.field.name == "context_instance_id") {
                guess.field.personal = Some(Personal::Identifier);
                guess.field.about = "Id of that category, course, activity, block or person.".to_owned();
                guess.seen = seen(&guess.field, &values, self.samples);
            }
        }
        let named = self.thing.is_some() || self.ids().next().is_some();
        if !named && !["activity", "course", "user"].iter().any(|block| self.has(block)) {
            self.add(&main, "context_id", "event.contextid", &self.events.at("event.contextid"));
        }
    }

    fn add_entities(&mut self) {
        let mut seen: Vec<String> = Vec::new();
        for event in self.events.named() {
            seen.extend(
                event.data.entities.keys().filter(|name| !seen.contains(name)).cloned().collect::<Vec<_>>(),
            );
        }
        for entity in seen {
            let all = keys(&self.events.at(&format!("entities.{entity}")));
            for (key, values) in all {
                let path = format!("entities.{entity}.{key}");
                let known = key == "id" && (entity == self.main || OF_BLOCKS.contains(&entity.as_str()));
                if self.is_told(&path) || known {
                    continue;
                }
                let scalar = values.iter().flatten().all(|v| !v.is_object() && !v.is_array());
                if OF_BLOCKS.contains(&entity.as_str()) {
                    self.left.push((path, "a common block speaks of it: add what a reader needs"));
                } else if names::is_private(&key) || !scalar {
                    self.left.push((path, "what people type, and what opens a door, stays in Moodle"));
                } else if Path::parse(&path).is_err() {
                    self.left.push((path, "not among what the plugin reads"));
                } else {
                    self.add(&entity, &key, &path, &values);
                }
            }
        }
    }

    /// Whether a block of the draft, or a field of it, reads a path already.
    fn is_told(&self, path: &str) -> bool {
        let blocks = self.blocks.iter().filter_map(|b| block::common_named(b.trim_end_matches('?')));
        let told = self.tables.iter().flat_map(|t| &t.guesses).map(|g| &g.field);
        blocks.flat_map(block::Object::fields).chain(told).any(|f| f.reads().any(|read| read.path == path))
    }

    /// A block's own line that does not hold what was seen is written anew, as a guess.
    fn mend_blocks(&mut self) {
        for name in self.blocks.clone() {
            let name = name.trim_end_matches('?');
            for field in block::common_named(name).into_iter().flat_map(block::Object::fields) {
                let [Origin::Path(path)] = &field.origins[..] else { continue };
                let values = self.events.at(&path.text);
                if !path.text.starts_with("entities.") || !self.is_free(&field.path) || fits(field, &values) {
                    continue;
                }
                let mut mended = field.clone();
                mended.nullable = true;
                if fits(&mended, &values) {
                    let doubts = vec!["null was seen".to_owned()];
                    self.put(name, Guess { field: mended, doubts, seen: String::new(), like: None });
                } else {
                    let base =
                        plain(&field.name, field.path.clone(), field.origins.clone(), field.about.clone());
                    let found = guess(base, &field.name, &values, self.events.ids(), self.samples);
                    found.into_iter().for_each(|guess| self.put(name, guess));
                }
            }
        }
    }
}

const LEVELS: [(&str, &str); 6] = [
    ("10", "site"),
    ("30", "user"),
    ("40", "category"),
    ("50", "course"),
    ("70", "activity"),
    ("80", "block"),
];
