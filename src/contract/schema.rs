//! The JSON Schema (2020-12) of a contract's messages, generated: what is checked before publishing is
//! what consumers read. Its content model is open: a reader ignores what it does not know.
//!
//! `x-from`, `x-personal`, `x-unit`, `x-values` and `x-since` are annotations for people and tools.

use jsonschema::error::ValidationErrorKind;
use jsonschema::{ValidationError, Validator};

use super::block::{Member, Object, Presence};
use super::field::{Field, Many, Origin, Role, Scalar};
use super::file::{Draft, Part};
use super::json::{pretty, write_text};
use super::map::Form;
use super::tree::Borrowed;

/// What `$id` begins with: the default of a source's `dataschema`.
pub(super) const BASE: &str = "urn:moodle-sns-producer:schema:";

/// The schema, laid out; equal contracts give equal bytes.
pub(super) fn schema(draft: &Draft) -> String {
    let named = object_schema(&draft.data, Form::Named);
    let data = match &draft.anonymous {
        None => named,
        Some(when) => object(&[
            ("description", quote("The second form is that of an event whose person stays unknown.")),
            (
                "anyOf",
                list(&[
                    named,
                    with(&object_schema(&draft.data, Form::Anonymous), "description", &quote(when)),
                ]),
            ),
        ]),
    };
    let text = |about: &str| object(&[("type", quote("string")), ("description", quote(about))]);
    let pattern = |pattern: &str, about: &str| {
        object(&[("type", quote("string")), ("pattern", quote(pattern)), ("description", quote(about))])
    };
    let constant = |value: &str| object(&[("const", quote(value))]);
    let time = |pattern: &str, about: &str| {
        let mut parts = vec![("type", quote("string"))];
        parts.extend(time_rules(pattern));
        parts.push(("description", quote(about)));
        object(&parts)
    };
    let id = format!(
        "^[0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}:{}$",
        draft.id.as_str().replace('.', "\\.")
    );
    let properties = object(&[
        ("specversion", constant("1.0")),
        ("id", pattern(&id, "<event id>:<type>. The same in every copy, for ever: deduplicate on it.")),
        (
            "source",
            object(&[
                ("type", quote("string")),
                ("format", quote("uri")),
                ("description", quote("The Moodle site. Never changes, even when its address does.")),
            ]),
        ),
        ("type", constant(draft.id.as_str())),
        ("subject", pattern(&subject_pattern(draft), &format!("What is told: {}.", draft.subject.text))),
        ("time", time(WHOLE_SECONDS, "When Moodle says it happened, UTC, whole seconds. Not for ordering.")),
        ("datacontenttype", constant("application/json")),
        ("dataschema", text("Names this schema.")),
        ("contractdigest", pattern("^sha256:[0-9a-f]{64}$", "Digest of the contract that made the message.")),
        (
            "sequence",
            pattern(
                "^[0-9a-f]{8}\\.[0-9a-f]{16}\\.[0-9a-f]{8}$",
                "Opaque; sorts as text; has gaps; never goes back.",
            ),
        ),
        ("raised", time(MICROSECONDS, "When Moodle raised the event, UTC, microseconds.")),
        (
            "partitionkey",
            pattern(
                "^[0-9a-f]{32}$",
                "The group within which order holds: a pseudonym, equal to the FIFO group.",
            ),
        ),
        (
            "backfill",
            object(&[
                ("const", "true".into()),
                ("description", quote("Only there when true: read from Moodle's log afterwards.")),
            ]),
        ),
        ("data", data),
    ]);
    let mut required = vec![
        "specversion",
        "id",
        "source",
        "type",
        "subject",
        "time",
        "datacontenttype",
        "dataschema",
        "contractdigest",
        "sequence",
    ];
    if draft.anonymous.is_none() {
        required.push("raised");
    }
    required.extend(["partitionkey", "data"]);
    let whole = object(&[
        ("$schema", quote("https://json-schema.org/draft/2020-12/schema")),
        ("$id", quote(&format!("{BASE}{}", draft.id))),
        ("title", quote(&draft.title)),
        ("description", quote(&draft.purpose)),
        ("type", quote("object")),
        ("properties", properties),
        ("propertyNames", object(&[("pattern", quote(ATTRIBUTES))])),
        ("required", list(&required.iter().map(|r| quote(r)).collect::<Vec<_>>())),
    ]);
    pretty(&whole)
}

/// Times are told in UTC and in one form, so that they compare as text too; `format` alone would let a
/// local time pass.
const WHOLE_SECONDS: &str = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$";
const MICROSECONDS: &str = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{6}Z$";
/// Names of members: a name with a blank behind it is a slip and no addition. An addition keeps this form.
const NAMES: &str = "^[a-z][a-z0-9_]*$";

/// Names of CloudEvents attributes (CloudEvents 1.0, "Naming Conventions").
const ATTRIBUTES: &str = "^[a-z0-9]+$";

fn time_rules(pattern: &str) -> [(&'static str, String); 2] {
    [("format", quote("date-time")), ("pattern", quote(pattern))]
}

/// The subjects that the contract can name; of an anonymous event it is the activity.
fn subject_pattern(draft: &Draft) -> String {
    let parts = draft.subject.parts.iter().map(|part| match part {
        Part::Text(text) => text.replace('.', "\\."),
        Part::Field(path) => match draft.data.fields().find(|f| f.path == *path).map(|f| f.scalar) {
            Some(Scalar::String) => "[^/]+".to_owned(),
            _ => "[1-9][0-9]*".to_owned(),
        },
    });
    let named: String = parts.collect();
    match draft.anonymous {
        Some(_) => format!("^({named}|activity/[1-9][0-9]*)$"),
        None => format!("^{named}$"),
    }
}

/// Compiles a schema, its formats asserted.
pub(super) fn compile(schema: &str) -> Result<Validator<Borrowed>, String> {
    let schema = serde_json::from_str(schema).map_err(|e| e.to_string())?;
    jsonschema::options_for::<Borrowed>()
        .should_validate_formats(true)
        .build(&schema)
        .map_err(|e| e.to_string())
}

/// What a message breaks: where and which rule, never the value.
pub(super) fn complaint(error: &ValidationError<'_>, form: Form) -> String {
    // Where both forms are refused, what is wrong with the form that was meant is worth telling.
    if let ValidationErrorKind::AnyOf { context } = error.kind() {
        let meant = context.get(usize::from(form == Form::Anonymous)).and_then(|errors| errors.first());
        if let Some(meant) = meant {
            return complaint(meant, form);
        }
    }
    let path = error.instance_path().as_str();
    let place = if path.is_empty() { "the message" } else { path };
    format!("{place} breaks the schema's rule `{}`: {}", error.kind().keyword(), error.masked())
}

fn object_schema(source: &Object, form: Form) -> String {
    if source.person && form == Form::Anonymous {
        let kind = object(&[("kind", object(&[("const", quote("hidden"))]))]);
        return object(&[
            ("type", quote("object")),
            ("properties", kind),
            ("required", list(&[quote("kind")])),
        ]);
    }
    let told: Vec<&Member> = source.members.iter().filter(|m| form == Form::Named || survives(m)).collect();
    let properties: Vec<(&str, String)> = told
        .iter()
        .map(|member| match member {
            Member::Field(field) => (field.name.as_str(), field_schema(field)),
            Member::Object(object) => (object.name.as_str(), object_schema(object, form)),
        })
        .collect();
    let required: Vec<String> = told
        .iter()
        .filter(|member| match member {
            Member::Field(field) => field.is_required(),
            Member::Object(object) => (object.person && form == Form::Anonymous) || object.is_required(),
        })
        .map(|member| quote(member.name()))
        .collect();
    let kind = if source.presence == Presence::OrNull {
        list(&[quote("object"), quote("null")])
    } else {
        quote("object")
    };
    let mut parts = vec![("type", kind)];
    parts.extend(source.about.as_ref().map(|about| ("description", quote(about))));
    parts.push(("properties", object(&properties)));
    parts.push(("propertyNames", object(&[("pattern", quote(NAMES))])));
    if !required.is_empty() {
        parts.push(("required", list(&required)));
    }
    object(&parts)
}

/// Whether anything of a member is told of an anonymous event.
fn survives(member: &Member) -> bool {
    match member {
        Member::Field(field) => field.survives_anonymity(),
        Member::Object(object) => object.person || object.members.iter().any(survives),
    }
}

fn field_schema(field: &Field) -> String {
    let json_type = match field.scalar {
        Scalar::Integer | Scalar::Number | Scalar::String | Scalar::Boolean => field.scalar.as_str(),
        Scalar::Timestamp => "string",
    };
    let nullable =
        |name: &str| if field.says_null() { list(&[quote(name), quote("null")]) } else { quote(name) };
    let mut parts = Vec::new();
    match field.many {
        Many::One | Many::Given => {
            parts.push(("type", nullable(json_type)));
            parts.extend(value_rules(field, field.says_null()));
        }
        Many::List | Many::Keys => {
            let mut items = vec![("type", quote(json_type))];
            items.extend(value_rules(field, false));
            parts.extend([("type", nullable("array")), ("items", object(&items))]);
        }
    }
    parts.push(("description", quote(&field.about)));
    let from: Vec<String> = field.origins.iter().map(|o| quote(Origin::text(o))).collect();
    parts.push(("x-from", list(&from)));
    if !field.values.is_empty() {
        let values: Vec<_> = field.values.iter().map(|(from, to)| (from.as_str(), quote(to))).collect();
        parts.push(("x-values", object(&values)));
    }
    parts.extend(field.personal.map(|class| ("x-personal", quote(class.as_str()))));
    parts.extend(field.unit.as_ref().map(|unit| ("x-unit", quote(unit))));
    parts.extend(field.since.map(|since| ("x-since", since.to_string())));
    object(&parts)
}

/// The rules of one value beside its type.
fn value_rules(field: &Field, nullable: bool) -> Vec<(&'static str, String)> {
    let mut rules = Vec::new();
    if !field.values.is_empty() {
        let mut values: Vec<String> = Vec::new();
        for (_, to) in &field.values {
            if !values.contains(&quote(to)) {
                values.push(quote(to));
            }
        }
        if nullable {
            values.push("null".into());
        }
        rules.push(("enum", list(&values)));
    }
    if !field.known.is_empty() {
        rules.push(("examples", list(&field.known.iter().map(|k| quote(k)).collect::<Vec<_>>())));
    }
    if field.scalar == Scalar::Timestamp {
        rules.extend(time_rules(WHOLE_SECONDS));
    }
    rules.extend(field.format.as_ref().map(|format| ("format", quote(format))));
    rules.extend(field.max_length.map(|max| ("maxLength", max.to_string())));
    if field.role != Role::Plain {
        rules.push(("minimum", "1".to_owned()));
    }
    rules
}

pub(super) fn quote(text: &str) -> String {
    let mut out = String::new();
    write_text(&mut out, text);
    out
}

pub(super) fn object(parts: &[(&str, String)]) -> String {
    let parts: Vec<String> = parts.iter().map(|(key, value)| format!("{}:{value}", quote(key))).collect();
    format!("{{{}}}", parts.join(","))
}

pub(super) fn list(items: &[String]) -> String {
    format!("[{}]", items.join(","))
}

/// An object with a part put in second place, behind its type.
fn with(object: &str, key: &str, value: &str) -> String {
    let mut out = object.to_owned();
    if let Some(at) = object.find(',') {
        out.insert_str(at, &format!(",{}:{value}", quote(key)));
    }
    out
}
