//! What a Moodle has, as it tells itself (`cli/inventory.php` of the plugin): the classes of events, the keys
//! that they hold, the activities, and what the plugin can read beside an event. Held against the contracts
//! it shows, before an upgrade does, which of them lose something there.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::field::{Field, Origin, Role};
use super::{Contract, own};

/// The form that is read.
const FORM: u32 = 1;
const ENTITIES: &str = "entities.";
const PLUGIN: &str = "local_snsproducer";
const NEWER_PLUGIN: &str = "Upgrade the plugin";

/// What one Moodle has.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Inventory {
    inventory: u32,
    /// Moodle's release, as `$CFG->release` has it.
    pub moodle: String,
    /// The version of our plugin there; none where it is not installed.
    #[serde(default)]
    pub plugin: Option<String>,
    /// Every class of events, by its name with the leading backslash.
    pub events: BTreeMap<String, EventClass>,
    /// The kinds of activity that are installed: `assign`, `quiz`.
    pub activities: Vec<String>,
    /// What the plugin reads beside an event: fields by entity.
    pub entities: BTreeMap<String, Vec<String>>,
}

/// One class of events.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct EventClass {
    /// The part of Moodle that raises it: `core`, `mod_assign`.
    pub component: String,
    /// Whether Moodle means to take it away.
    #[serde(default)]
    pub deprecated: bool,
    /// The keys of `other`; those of a map that always has the same behind a dot (`userenrolment.status`).
    /// None where they are not known.
    #[serde(default)]
    pub other: Option<Vec<String>>,
}

/// Why a text is no inventory.
#[derive(Debug, thiserror::Error)]
pub enum BadInventory {
    /// It is no JSON, or lacks a part.
    #[error("it is no inventory: {0}; print one with the plugin's cli/inventory.php")]
    Form(#[from] serde_json::Error),
    /// A later version of the form.
    #[error("its form is version {0}, this program reads {FORM}: use the program that came with the plugin")]
    Version(u32),
}

/// What a contract loses on a Moodle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Loss {
    /// The contract's name.
    pub contract: String,
    /// Of which kind it is.
    pub kind: LossKind,
    /// The event or the path that is meant.
    pub of: String,
    /// What is not there.
    pub what: String,
    /// What it does to the messages.
    pub effect: String,
    /// What to do.
    pub cure: String,
}

/// Kinds of losses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LossKind {
    /// There is no such class of events.
    EventMissing,
    /// There is one, and Moodle means to take it away.
    EventDeprecated,
    /// The activity is not installed: nothing is wrong, and nothing comes. No finding.
    NotInstalled,
    /// A key of `other` is not there.
    KeyMissing,
    /// The plugin does not read a field beside the event.
    EntityMissing,
    /// What the contract's `when` asks for is not there.
    ConditionUnknown,
}

impl LossKind {
    /// Whether somebody should do something about it.
    #[must_use]
    pub fn is_finding(self) -> bool {
        self != Self::NotInstalled
    }
}

impl Inventory {
    /// Reads an inventory. Keys that are not known are ignored: a newer plugin may write them.
    ///
    /// # Errors
    /// It is none, or of a later form.
    pub fn read(text: &str) -> Result<Self, BadInventory> {
        #[derive(Deserialize)]
        struct Version {
            inventory: u32,
        }
        // The version first: another form need not have the parts of this one.
        match serde_json::from_str(text)? {
            Version { inventory: FORM } => Ok(serde_json::from_str(text)?),
            Version { inventory } => Err(BadInventory::Version(inventory)),
        }
    }

    /// What a contract loses here, in the order in which its file says it.
    #[must_use]
    pub fn losses(&self, contract: &Contract) -> Vec<Loss> {
        let mut losses = Vec::new();
        let mut here = Vec::new();
        for event in contract.events.iter().filter(|event| !own::is_own(event)) {
            match self.events.get(event) {
                Some(class) => {
                    here.push((event.as_str(), class));
                    losses.extend(class.deprecated.then(|| self.deprecated(contract, event)));
                }
                None => losses.push(self.missing(contract, event)),
            }
        }
        losses.extend(self.condition(contract, &here));
        losses.extend(contract.data.fields().filter_map(|field| self.field(contract, field, &here)));
        losses
    }

    fn missing(&self, contract: &Contract, event: &str) -> Loss {
        let component = event.split('\\').nth(1).unwrap_or_default();
        let activity = component.strip_prefix("mod_").filter(|a| !self.activities.iter().any(|i| i == a));
        let effect = match contract.events.len() {
            1 => "It sends nothing",
            _ => "It sends nothing for this event",
        };
        if let Some(activity) = activity {
            let what = format!("The activity {activity} is not installed, and {event} comes with it");
            let cure = "Nothing, while nobody there uses it";
            return loss(contract, LossKind::NotInstalled, event, what, effect, cure);
        }
        let what = format!("There is no event {event}");
        let cure = match component {
            PLUGIN => NEWER_PLUGIN,
            _ => "Find in Moodle's release notes what took its place; to read that is a new version",
        };
        loss(contract, LossKind::EventMissing, event, what, effect, cure)
    }

    fn deprecated(&self, contract: &Contract, event: &str) -> Loss {
        let what = format!("The event {event} is deprecated in Moodle {}", self.moodle);
        let effect = "It still sends; a later Moodle takes the event away";
        let cure = "Find in Moodle's release notes what takes its place, and plan a new version";
        loss(contract, LossKind::EventDeprecated, event, what, effect, cure)
    }

    /// A condition on what is not there takes nothing, whatever it asks.
    fn condition(&self, contract: &Contract, here: &[(&str, &EventClass)]) -> Option<Loss> {
        let when = contract.when.as_ref()?;
        let (event, _) = here.iter().find(|(_, class)| !self.has(class, &when.field))?;
        let what = format!("{}, and `when` asks for it", self.lacks(&when.field, event));
        let effect = "It sends nothing: a condition on what is not known takes nothing";
        Some(loss(contract, LossKind::ConditionUnknown, &when.field, what, effect, cure_of(&when.field)))
    }

    fn field(&self, contract: &Contract, field: &Field, here: &[(&str, &EventClass)]) -> Option<Loss> {
        let found = |class: &EventClass| {
            field.origins.iter().any(|origin| match origin {
                Origin::Path(path) => self.has(class, &path.text),
                Origin::Function(function) => function.reads().iter().all(|path| self.has(class, path)),
            })
        };
        let mut lost = here.iter().filter(|(_, class)| !found(class)).map(|(event, _)| *event);
        let event = lost.next()?;
        // The id of a thing that may be missing says that there is none.
        let effect = if field.is_required() && field.role != Role::IdOrNone {
            "Each message would be parked: the field must be there".to_owned()
        } else if 1 + lost.count() < here.len() {
            // What one of several events never has is no loss.
            return None;
        } else {
            format!("The field {} is absent from each message", field.path)
        };
        let path = field.origins.first().map_or("", Origin::text);
        let of_entity = path.starts_with(ENTITIES);
        let kind = if of_entity { LossKind::EntityMissing } else { LossKind::KeyMissing };
        let what = format!("{}, from which {} comes", self.lacks(path, event), field.path);
        Some(loss(contract, kind, path, what, &effect, cure_of(path)))
    }

    /// Whether a path can lead anywhere. What the inventory does not know is taken to be there.
    fn has(&self, class: &EventClass, path: &str) -> bool {
        if let Some((entity, field)) = path.strip_prefix(ENTITIES).and_then(|p| p.split_once('.')) {
            return self.entities.get(entity).is_some_and(|fields| fields.iter().any(|f| f == field));
        }
        let (Some(key), Some(keys)) = (path.strip_prefix("event.other."), &class.other) else { return true };
        let named = |key: &str| keys.iter().any(|k| k == key);
        let Some((map, _)) = key.rsplit_once('.') else { return named(key) };
        // The keys within a map count only where the inventory lists any.
        let listed = keys.iter().any(|k| k.strip_prefix(map).is_some_and(|rest| rest.starts_with('.')));
        if listed { named(key) } else { self.has(class, &format!("event.other.{map}")) }
    }

    fn lacks(&self, path: &str, event: &str) -> String {
        match (path.strip_prefix("event."), &self.plugin) {
            (Some(key), _) => format!("The event {event} has no key {key}"),
            (None, Some(version)) => format!("The plugin, version {version}, does not read {path}"),
            (None, None) => format!("The plugin is not installed, so nothing reads {path}"),
        }
    }
}

fn cure_of(path: &str) -> &'static str {
    if path.starts_with(ENTITIES) {
        NEWER_PLUGIN
    } else {
        "Find in Moodle's release notes where the value went; to read it there is a new version"
    }
}

fn loss(contract: &Contract, kind: LossKind, of: &str, what: String, effect: &str, cure: &str) -> Loss {
    Loss {
        contract: contract.id.to_string(),
        kind,
        of: of.to_owned(),
        what,
        effect: effect.to_owned(),
        cure: cure.to_owned(),
    }
}
