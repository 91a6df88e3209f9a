//! The JSON Schema of the configuration file, for editors (taplo, Even Better TOML).

use serde_json::{Map, Value, json};

use super::key::{Form, Key, ROOT, Shape, Unset};

/// The JSON Schema (2020-12) of the configuration file.
#[must_use]
pub fn schema() -> Value {
    let mut schema = table(ROOT);
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!("moodle-sns-producer configuration");
    schema
}

fn table(keys: &[Key]) -> Value {
    let properties: Map<String, Value> =
        keys.iter().map(|key| (key.name.to_owned(), property(key))).collect();
    let required: Vec<&str> =
        keys.iter().filter(|key| matches!(key.unset, Unset::Wrong)).map(|key| key.name).collect();
    json!({
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
        "required": required,
    })
}

fn property(key: &Key) -> Value {
    let mut schema = match key.shape {
        Shape::One(form) => one(form),
        Shape::Section(keys) => table(keys),
        Shape::Named(keys) => json!({
            "type": "object",
            "propertyNames": { "pattern": "^[a-z0-9][a-z0-9_-]{0,31}$" },
            "additionalProperties": table(keys),
        }),
        Shape::Many(keys) => json!({ "type": "array", "items": table(keys) }),
    };
    schema["description"] = json!(key.about);
    if let (Unset::Default(text), Shape::One(form)) = (key.unset, key.shape) {
        schema["default"] = match form {
            Form::Count(..) => text.parse::<u64>().map_or(Value::Null, |n| json!(n)),
            Form::Switch => json!(text == "true"),
            Form::Texts => json!([]),
            _ => json!(text),
        };
    }
    schema
}

fn one(form: Form) -> Value {
    match form {
        Form::Text | Form::Secret => json!({ "type": "string" }),
        Form::Word(words) => json!({ "type": "string", "enum": words }),
        Form::Texts => json!({ "type": "array", "items": { "type": "string" } }),
        Form::Size(..) => json!({ "type": "string", "pattern": "^[0-9.]+ ?[KMGTkmgt]?i?[Bb]?$" }),
        Form::Span(..) => json!({ "type": "string", "pattern": "^[0-9]+ ?[a-z]+( ?[0-9]+ ?[a-z]+)*$" }),
        Form::Count(least, most) => json!({ "type": "integer", "minimum": least, "maximum": most }),
        Form::Switch => json!({ "type": "boolean" }),
    }
}
