//! The register of personal data, the documents for tools, and what `config check` says of a mixed topic.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use super::{call, plain, repository};

/// The fields of a schema with a class, below `path`: path and class.
fn classed(schema: &Value, path: &str, found: &mut BTreeSet<(String, String)>) {
    if let Some(class) = schema["x-personal"].as_str() {
        found.insert((path.to_owned(), class.to_owned()));
    }
    for form in schema["anyOf"].as_array().into_iter().flatten() {
        classed(form, path, found);
    }
    for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
        classed(inner, &format!("{path}.{name}"), found);
    }
}

#[test]
fn the_register_has_each_personal_field_of_each_contract_and_no_other() {
    let register = plain(&["contracts", "privacy", "--output", "json"]).json();
    let contracts = plain(&["contracts", "list", "--output", "json"]).json();
    for contract in contracts.as_array().unwrap() {
        let name = contract["contract"].as_str().unwrap();
        let place = name.trim_start_matches("moodle.").replace('.', "/");
        let schema =
            fs::read_to_string(repository("contracts").join(format!("{place}.schema.json"))).unwrap();
        let schema: Value = serde_json::from_str(&schema).unwrap();
        let mut expected = BTreeSet::new();
        classed(&schema["properties"]["data"], "data", &mut expected);
        let of_contract: Vec<&Value> =
            register.as_array().unwrap().iter().filter(|entry| entry["contract"] == *name).collect();
        let text = |entry: &Value, part: &str| entry[part].as_str().unwrap().to_owned();
        let found: BTreeSet<(String, String)> = of_contract
            .iter()
            .filter(|entry| text(entry, "field").starts_with("data."))
            .map(|entry| (text(entry, "field"), text(entry, "class")))
            .collect();
        assert_eq!(found, expected, "{name}");
        // What is made of personal fields is listed too, and names them.
        let around: Vec<&&Value> =
            of_contract.iter().filter(|entry| !text(entry, "field").starts_with("data.")).collect();
        for entry in &around {
            assert!(["subject", "partitionkey"].contains(&&*text(entry, "field")));
            assert!(expected.iter().any(|(path, _)| text(entry, "source").contains(path)), "{entry}");
        }
        let subject = schema["properties"]["subject"]["description"].as_str().unwrap();
        let named = expected.iter().any(|(path, _)| subject.contains(&format!("{{{}}}", &path[5..])));
        assert_eq!(around.iter().any(|entry| entry["field"] == "subject"), named, "{name}: {subject}");
        for entry in of_contract {
            assert_eq!((&entry["topics"], text(entry, "source").is_empty()), (&Value::Null, false));
        }
    }
}

#[test]
fn the_register_tells_topics_and_retention_and_comes_as_csv_and_as_a_page() {
    let folder = tempfile::tempdir().unwrap();
    call(folder.path(), &[], &["init", "."]).done();
    let words = |form| ["contracts", "privacy", "--config", "config.toml", "--output", form];
    let json = call(folder.path(), &[], &words("json")).json();
    let entries = json.as_array().unwrap();
    let one = |contract: &str| entries.iter().find(|entry| entry["contract"] == contract).unwrap();
    assert_eq!(one("moodle.enrolment.created.v1")["topics"], serde_json::json!(["enrolments"]));
    assert_eq!(one("moodle.grade.updated.v1")["topics"], serde_json::json!([]));
    assert_eq!(entries[0]["history"], "7 days, of at most 2.0 GiB in all; then erased.");

    let csv = call(folder.path(), &[], &words("csv")).done();
    assert!(csv.starts_with("contract,field,class,meaning,source,purpose,topics,spool,history\r\n"));
    // No cell holds a line break, so a line is an entry.
    assert_eq!(csv.split("\r\n").count(), entries.len() + 2);
    let page = call(folder.path(), &[], &words("html")).done();
    assert!(page.contains("<style>") && !page.contains("href=\"pages.css\"") && page.len() < 100_000);
    assert_eq!(page.matches("<li>").count(), entries.len());
    assert!(call(folder.path(), &[], &words("table")).done().contains("While a message waits: until"));

    for words in
        [&["version"][..], &["map", "x", "--output", "csv"], &["contracts", "list", "--output", "html"]]
    {
        let said = plain(&[words, &["--output", "html"]].concat());
        assert_eq!(said.code, 64, "{said:?}");
    }
    let list = plain(&["contracts", "list", "--output", "csv"]).done();
    assert!(list.starts_with("contract,status,tells,title,Moodle's events\r\nmoodle."));
}

/// Follows every `$ref` of a document.
fn references<'d>(document: &'d Value, at: &'d Value, found: &mut Vec<String>) {
    if let Some(to) = at.get("$ref").and_then(Value::as_str) {
        assert!(document.pointer(to.strip_prefix('#').unwrap()).is_some(), "{to} leads nowhere");
        found.push(to.to_owned());
    }
    let inner: Vec<&Value> = match at {
        Value::Object(map) => map.values().collect(),
        Value::Array(list) => list.iter().collect(),
        _ => Vec::new(),
    };
    inner.into_iter().for_each(|part| references(document, part, found));
}

#[test]
fn the_documents_for_tools_hold_every_contract_and_their_references_lead_somewhere() {
    let names = plain(&["contracts", "list", "--output", "json"]).json();
    let names: Vec<&str> =
        names.as_array().unwrap().iter().map(|row| row["contract"].as_str().unwrap()).collect();
    let asyncapi = plain(&["contracts", "render", "--asyncapi"]).json();
    let bundle = plain(&["contracts", "render", "--json-schema"]).json();
    let mut found = Vec::new();
    references(&asyncapi, &asyncapi, &mut found);
    references(&bundle, &bundle, &mut found);
    // A message of the channel, its payload, and an alternative of the bundle; and the channel's operation.
    assert_eq!(found.len(), 3 * names.len() + 1);
    for name in names {
        let place = name.trim_start_matches("moodle.").replace('.', "/");
        let file = fs::read_to_string(repository("contracts").join(format!("{place}.schema.json"))).unwrap();
        let schema: Value = serde_json::from_str(&file).unwrap();
        assert_eq!(bundle["$defs"][name], schema);
        let payload = &asyncapi["components"]["schemas"][name];
        assert_eq!(
            (&payload["properties"], &payload["required"]),
            (&schema["properties"], &schema["required"])
        );
        assert_eq!(payload.get("$id"), None, "a part has no name of its own");
        // AsyncAPI's own parser does not hold examples against payloads.
        let example = &asyncapi["components"]["messages"][name]["examples"][0]["payload"];
        assert_eq!(example["type"], *name);
        let validator = jsonschema::options().should_validate_formats(true).build(payload).unwrap();
        assert!(validator.is_valid(example), "{name}");
    }
}

#[test]
fn an_asyncapi_document_of_one_topic_has_its_messages_only() {
    let folder = tempfile::tempdir().unwrap();
    call(folder.path(), &[], &["init", "."]).done();
    let words = ["contracts", "render", "--config", "config.toml", "--asyncapi", "out.json", "--topic"];
    call(folder.path(), &[], &[&words[..], &["enrolments"]].concat()).done();
    let document: Value =
        serde_json::from_str(&fs::read_to_string(folder.path().join("out.json")).unwrap()).unwrap();
    references(&document, &document, &mut Vec::new());
    let channel = &document["channels"]["enrolments"];
    assert_eq!(channel["address"], "arn:aws:sns:eu-west-2:111122223333:moodle-enrolments.fifo");
    assert_eq!(channel["bindings"]["sns"]["ordering"]["type"], "FIFO");
    let messages = document["components"]["messages"].as_object().unwrap();
    assert_eq!(channel["messages"].as_object().unwrap().len(), messages.len());
    assert!(messages.keys().all(|name| name.starts_with("moodle.enrolment.")));
    call(folder.path(), &[], &[&words[..], &["nope"]].concat()).is(64, &["no topic \"nope\"", "enrolments"]);
    plain(&["contracts", "render", "--asyncapi", "--topic", "x"]).is(64, &["add --config"]);
    plain(&["contracts", "render"]).is(64, &["--html", "--asyncapi", "--json-schema"]);
}

#[test]
fn a_topic_that_mixes_marks_with_other_things_is_told_and_is_no_fault() {
    let folder = tempfile::tempdir().unwrap();
    call(folder.path(), &[], &["init", "."]).done();
    let config = fs::read_to_string(folder.path().join("config.toml")).unwrap();
    let with = |contracts: &str| {
        let text =
            config.replace(r#"contracts = ["moodle.enrolment.*.v1"]"#, &format!("contracts = [{contracts}]"));
        assert_ne!(text, config);
        fs::write(folder.path().join("mixed.toml"), text).unwrap();
        call(folder.path(), &[], &["config", "check", "--config", "mixed.toml", "--output", "json"]).json()
    };
    let warnings = |checked: &Value| checked["warnings"].as_array().unwrap().clone();
    let mixed = with(r#""moodle.grade.*.v1", "moodle.course.updated.v1""#);
    assert_eq!(mixed["good"], true);
    let told = &warnings(&mixed)[0];
    assert_eq!(told["topic"], "enrolments");
    let what = told["what"].as_str().unwrap();
    for part in
        ["carries performance or special data", "moodle.grade.", "beside 1 contract of another subject"]
    {
        assert!(what.contains(part), "{what}");
    }
    let words = ["config", "check", "--config", "mixed.toml", "--output", "table"];
    call(folder.path(), &[], &words)
        .is(0, &["The configuration is good", "Warning: topics.enrolments carries"]);
    assert!(warnings(&with(r#""moodle.grade.*.v1""#)).is_empty());
    assert!(warnings(&with(r#""moodle.course.*.v1", "moodle.enrolment.*.v1""#)).is_empty());
}
