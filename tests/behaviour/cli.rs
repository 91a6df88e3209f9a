//! The binary from outside: what it prints where, and with which code it ends.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::sidecar::Sidecar;

mod gate;
mod orders;
mod privacy;
mod render;
mod running;

/// What a call gave.
#[derive(Debug)]
struct Said {
    code: i32,
    out: String,
    err: String,
}

impl Said {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Standard output of a call that went well.
    #[track_caller]
    fn done(self) -> String {
        assert_eq!(self.code, 0, "{self:?}");
        self.out
    }

    /// Ended with this code, and says each of these somewhere.
    #[track_caller]
    fn is(&self, code: i32, parts: &[&str]) {
        assert_eq!(self.code, code, "{self:?}");
        for part in parts {
            assert!(
                self.out.contains(part) || self.err.contains(part),
                "{part:?}\n{}\n{}",
                self.out,
                self.err
            );
        }
    }
}

/// Runs the binary in a folder, with no variable of ours but these.
fn call(folder: &Path, vars: &[(&str, &str)], words: &[&str]) -> Said {
    let ours = std::env::vars().map(|(name, _)| name).filter(|name| name.starts_with("MSP_"));
    let mut command = Command::new(Sidecar::program());
    for name in ours {
        command.env_remove(name);
    }
    command.current_dir(folder).envs(vars.iter().copied()).args(words).stdin(Stdio::null());
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Said { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

/// A call that needs no folder.
fn plain(words: &[&str]) -> Said {
    call(Path::new("/"), &[], words)
}

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

const COMMANDS: [&str; 25] = [
    "",
    "run",
    "init",
    "config",
    "config check",
    "config show",
    "config schema",
    "status",
    "contracts",
    "contracts list",
    "contracts show",
    "contracts new",
    "contracts check",
    "contracts privacy",
    "contracts render",
    "map",
    "send",
    "trace",
    "parked",
    "parked list",
    "parked show",
    "parked redrive",
    "keys",
    "keys new",
    "healthcheck",
];

#[test]
fn every_help_teaches_by_an_example_that_names_the_command() {
    for command in COMMANDS.into_iter().chain(["version"]) {
        let words: Vec<&str> = command.split_whitespace().chain(["--help"]).collect();
        let said = plain(&words);
        said.is(0, &["Example"]);
        assert!(said.out.contains(&format!("moodle-sns-producer {command}")), "{command}\n{}", said.out);
        assert_eq!(said.err, "");
    }
}

#[test]
fn a_wrong_call_prints_the_help_to_standard_error_and_ends_with_64() {
    let bare = plain(&[]);
    bare.is(64, &["Usage:", "Commands:", "Exit codes:"]);
    assert_eq!(bare.out, "");
    for (words, part) in [
        (&["frobnicate"][..], "unrecognized subcommand"),
        (&["statsu"], "a similar subcommand exists: 'status'"),
        (&["config"], "Usage:"),
        (&["parked", "show", "seven"], "invalid value 'seven'"),
        (&["run", "--set", "receive.listen"], "write KEY=VALUE"),
        (&["status", "--output", "xml"], "possible values: table, json, jsonl"),
        (&["trace", "nonsense"], "a UUID of version 7 or 8"),
        (&["parked", "redrive", "--why", "x"], "say which: --number, --event"),
        (&["parked", "redrive", "--reason", "maping", "--why", "x"], "one of shape, "),
        (&["parked", "list", "--topic", "A B"], "A B"),
        (&["contracts", "show", "nope"], "moodle.<subject>.<name>.v<number>"),
        (&["healthcheck", "--url", "https://127.0.0.1:1"], "write http://ADDRESS:PORT or unix:/path"),
    ] {
        let said = plain(words);
        said.is(64, &[part]);
        assert_eq!(said.out, "", "{words:?}");
    }
}

#[test]
fn the_version_is_said_in_one_line() {
    let line = format!("moodle-sns-producer {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(plain(&["version"]).done(), line);
    assert_eq!(plain(&["--version"]).done(), line);
}

const BAD: &str = r#"[receive]
listen = "0.0.0.0:8080"
lisen = 3

[sources.vle]
source = "https://moodle.example.org/"
secrets = [{ id = "a", secret = "whsec_abc" }]

[topics.g]
arn = "arn:aws:sqs:eu-west-2:111122223333:grades"
contracts = ["moodle.grade.*.v1"]
"#;

const ALL_THAT_IS_WRONG: &str = r#"bad.toml:2:10: receive.listen is 0.0.0.0:8080, which isn't loopback, and would be plain HTTP
  |
2 | listen = "0.0.0.0:8080"
  |          ^^^^^^^^^^^^^^
  do: set tls_cert and tls_key; or use 127.0.0.1 or a Unix socket; or write plaintext = "behind-proxy" if a proxy in front does TLS

bad.toml:3:1: there is no key receive.lisen
  |
3 | lisen = 3
  | ^^^^^
  do: did you mean listen?

bad.toml:6:10: sources.vle.source "https://moodle.example.org/" ends with a slash
  |
6 | source = "https://moodle.example.org/"
  |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  do: write it as $CFG->wwwroot has it: "https://moodle.example.org"

bad.toml:7:33: sources.vle.secrets: secret a is not base64 after whsec_
  |
7 | secrets = [{ id = "a", secret = "*********" }]
  |                                 ^^^^^^^^^^^
  do: make one with `moodle-sns-producer keys new` and put the same into Moodle
"#;

#[test]
fn a_bad_file_is_told_whole_with_line_and_caret_and_ends_with_78() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("bad.toml"), BAD).unwrap();
    for words in [&["run"][..], &["config", "check", "--output", "table"], &["config", "show"], &["status"]] {
        let said = call(folder.path(), &[], &[words, &["--config", "bad.toml"]].concat());
        said.is(78, &["topics.g.arn", "5 problems in the configuration"]);
        assert!(said.err.starts_with(ALL_THAT_IS_WRONG), "{}", said.err);
        assert_eq!(said.out, "");
    }
    let said = call(folder.path(), &[], &["config", "check", "--config", "bad.toml", "--output", "json"]);
    let told = said.json();
    assert_eq!((said.code, told["good"].as_bool()), (78, Some(false)));
    assert_eq!(told["problems"].as_array().unwrap().len(), 5);
    assert_eq!(told["problems"][1]["line"], 3);
    assert!(!said.out.contains("whsec_abc") && !said.err.contains("whsec_abc"));
}

#[test]
fn a_file_that_is_not_there_is_named_without_an_empty_excerpt() {
    let said = plain(&["config", "check", "--output", "table", "--config", "/nowhere/config.toml"]);
    said.is(78, &["moodle-sns-producer init"]);
    assert!(said.err.starts_with("/nowhere/config.toml: the configuration can't be read: "), "{}", said.err);
    assert!(!said.err.contains('|'), "{}", said.err);
}

/// `init` in a folder, and the folder.
fn initialised() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let said = call(folder.path(), &[], &["init", ".", "--source-url", "https://vle.example.ac.uk"]);
    said.is(0, &["wrote", "config check --config ./config.toml"]);
    folder
}

#[test]
fn init_gives_a_configuration_that_is_good_and_never_overwrites() {
    use std::os::unix::fs::MetadataExt as _;
    let folder = initialised();
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    let names = ["config.toml", "vle-first.secret", "operator.token"];
    let before = names.map(read);
    assert!(before[0].contains("https://vle.example.ac.uk") && before[1].starts_with("whsec_"));
    for name in names {
        assert_eq!(std::fs::metadata(folder.path().join(name)).unwrap().mode() & 0o777, 0o600, "{name}");
    }
    call(folder.path(), &[], &["init"]).is(2, &["kept     ./config.toml (it was there)"]);
    assert_eq!(names.map(read), before);

    let table =
        call(folder.path(), &[], &["config", "check", "--config", "config.toml", "--output", "table"]);
    let text = table.done();
    assert!(text.starts_with("The configuration is good: 1 source, 1 topic, "), "{text}");
    for line in
        ["moodle-enrolments.fifo  vle      moodle.enrolment.created.v1", " moodle.enrolment.updated.v1"]
    {
        assert!(text.lines().any(|l| l.ends_with(line)), "{line}\n{text}");
    }
    assert!(!text.contains("\\u{a}"), "{text}");
    let checked = call(folder.path(), &[], &["config", "check", "--config", "config.toml"]).json();
    assert_eq!(checked["topics"][0]["topic"], "enrolments");
    assert_eq!(checked["topics"][0]["contracts"].as_array().unwrap().len(), 3);
    assert_eq!(checked["topics"][0]["sources"], serde_json::json!(["vle"]));
}

#[test]
fn show_tells_where_each_value_comes_from_and_hides_secrets() {
    let folder = initialised();
    let secret = std::fs::read_to_string(folder.path().join("vle-first.secret")).unwrap();
    let token = std::fs::read_to_string(folder.path().join("operator.token")).unwrap();
    let shown = |vars: &[(&str, &str)], flags: &[&str]| {
        let words = [&["config", "show", "--config", "config.toml"], flags].concat();
        let text = call(folder.path(), vars, &words).done();
        assert!(!text.contains(secret.trim()) && !text.contains(token.trim()), "{text}");
        serde_json::from_str::<Vec<Value>>(&text).unwrap()
    };
    let row = |rows: &[Value], key: &str| {
        let row = rows.iter().find(|row| row["key"] == key).unwrap_or_else(|| panic!("{key}"));
        (row["value"].as_str().unwrap().to_owned(), row["origin"].as_str().unwrap().to_owned())
    };
    let var = [("MSP_RECEIVE__LISTEN", "127.0.0.1:8091")];
    let flag = ["--set", "receive.listen=127.0.0.1:8092"];
    for (vars, flags, port, origin) in [
        (&[][..], &[][..], 8080, "config.toml:"),
        (&var, &[], 8091, "environment variable MSP_RECEIVE__LISTEN"),
        (&var, &flag, 8092, "flag --set receive.listen"),
    ] {
        let (value, from) = row(&shown(vars, flags), "receive.listen");
        assert_eq!(value, format!("\"127.0.0.1:{port}\""));
        assert!(from.starts_with(origin), "{from}");
    }
    let rows = shown(&[], &[]);
    assert_eq!(row(&rows, "receive.max_body"), ("\"4 MiB\"".to_owned(), "default".to_owned()));
    for key in ["sources.vle.secrets[0].secret", "operate.token"] {
        let (value, from) = row(&rows, key);
        assert!(
            value.starts_with("*** (sha256 ") && from.starts_with("the file named at config.toml:"),
            "{value} {from}"
        );
    }
}

#[test]
fn the_schema_is_json_that_takes_the_file_that_init_writes() {
    let schema: Value = serde_json::from_str(&plain(&["config", "schema"]).done()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let folder = initialised();
    let text = std::fs::read_to_string(folder.path().join("config.toml")).unwrap();
    let file: Value = serde_json::to_value(toml::from_str::<toml::Table>(&text).unwrap()).unwrap();
    assert!(
        validator.is_valid(&file),
        "{:?}",
        validator.iter_errors(&file).map(|e| e.to_string()).collect::<Vec<_>>()
    );
    let bad: Value = serde_json::json!({ "receive": { "lisen": 3 } });
    assert!(!validator.is_valid(&bad));
}

#[test]
fn contracts_are_listed_shown_and_checked() {
    let listed: Vec<Value> = serde_json::from_str(&plain(&["contracts", "list"]).done()).unwrap();
    assert!(listed.len() >= 8 && listed.iter().all(|row| row["digest"].as_str().is_some()));
    let lines = plain(&["contracts", "list", "--output", "jsonl"]).done();
    assert_eq!(lines.lines().count(), listed.len());
    assert!(lines.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()));
    let table = plain(&["contracts", "list", "--output", "table"]).done();
    assert!(table.contains("CONTRACT") && table.contains("moodle.enrolment.created.v1"));

    let name = "moodle.enrolment.created.v1";
    let text = plain(&["contracts", "show", name, "--output", "table"]).done();
    let reviewed = std::fs::read_to_string(repository("contracts/enrolment/created/v1.toml")).unwrap();
    assert_eq!(text, reviewed);
    let schema = plain(&["contracts", "show", name, "--schema"]).done();
    assert_eq!(
        schema,
        std::fs::read_to_string(repository("contracts/enrolment/created/v1.schema.json")).unwrap()
    );
    plain(&["contracts", "show", "moodle.nope.x.v1"])
        .is(1, &["`moodle-sns-producer contracts list` shows all"]);

    let all = repository("contracts");
    plain(&["contracts", "check", all.to_str().unwrap()]).is(0, &["are good"]);
    plain(&["contracts", "check", "/nowhere"]).is(78, &["/nowhere", "check the path"]);
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("enrolment/created");
    std::fs::create_dir_all(&place).unwrap();
    std::fs::write(place.join("v1.toml"), reviewed.replacen("title", "titel", 1)).unwrap();
    plain(&["contracts", "check", folder.path().to_str().unwrap()]).is(78, &["v1.toml:", "titel", "^"]);
}

#[test]
fn contracts_are_held_against_what_a_moodle_says_of_itself() {
    let shipped = repository("tests/inventory/moodle-4.5.6.json");
    let against = |file: &Path, form: &str| {
        plain(&["contracts", "check", "--moodle", file.to_str().unwrap(), "--output", form])
    };
    against(&shipped, "table").is(0, &["Moodle 4.5.6 has all that"]);
    let good = against(&shipped, "json").json();
    assert_eq!((good["good"].as_bool(), &good["findings"]), (Some(true), &serde_json::json!([])));

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("inventory.json");
    let mut other: Value = serde_json::from_str(&std::fs::read_to_string(&shipped).unwrap()).unwrap();
    other["moodle"] = "9.9".into();
    other["events"].as_object_mut().unwrap().remove("\\core\\event\\user_enrolment_created");
    std::fs::write(&file, other.to_string()).unwrap();
    let lost = against(&file, "table");
    lost.is(2, &["Moodle 9.9 takes something from 1 of", "moodle.enrolment.created.v1", "It sends nothing."]);
    assert_eq!(against(&file, "json").json()["findings"][0]["kind"], "event-missing");
    // Of a folder: its own contracts only.
    let own = folder.path().join("own/cohort/updated");
    std::fs::create_dir_all(own.join("examples")).unwrap();
    for name in ["v1.toml", "v1.schema.json"] {
        std::fs::copy(repository("contracts/cohort/updated").join(name), own.join(name)).unwrap();
    }
    let words = ["contracts", "check", "own", "--moodle", "inventory.json", "--output", "table"];
    call(folder.path(), &[], &words).is(0, &["all that 1 contract read"]);

    std::fs::write(&file, "{\"inventory\": 2}").unwrap();
    against(&file, "table").is(1, &["inventory.json", "its form is version 2"]);
    plain(&["contracts", "check", "--moodle", "/nowhere.json"]).is(69, &["reading /nowhere.json"]);
    plain(&["contracts", "check"]).is(64, &["<FOLDER>"]);
}

#[test]
fn map_makes_of_a_captured_event_what_the_contracts_example_says() {
    let folder = tempfile::tempdir().unwrap();
    let corpus = std::fs::read_to_string(repository("tests/corpus/enriched.jsonl")).unwrap();
    let mut compared = 0;
    for (contract, path) in [
        ("moodle.enrolment.created.v1", "contracts/enrolment/created/examples"),
        ("moodle.group.member_added.v1", "contracts/group/member_added/examples"),
        ("moodle.course.updated.v1", "contracts/course/updated/examples"),
        ("moodle.submission.submitted.v1", "contracts/submission/submitted/examples"),
    ] {
        for file in std::fs::read_dir(repository(path)).unwrap() {
            let example: Value =
                serde_json::from_slice(&std::fs::read(file.unwrap().path()).unwrap()).unwrap();
            // Some examples show what remains when nothing could be read beside the event.
            if example["captured"].as_str().is_some_and(|from| from.contains("nothing read")) {
                continue;
            }
            let id = example["event"]["id"].as_str().unwrap();
            let Some(line) = corpus.lines().find(|line| line.contains(&format!("\"id\":\"{id}\""))) else {
                continue;
            };
            std::fs::write(folder.path().join("one.jsonl"), line).unwrap();
            let words =
                ["map", "one.jsonl", "--contract", contract, "--source-url", "https://moodle.example.ac.uk"];
            let mapped = call(folder.path(), &[], &words).json();
            let (mut message, mut expected) =
                (mapped[0]["messages"][0]["message"].clone(), example["message"].clone());
            // Its place in the order of acceptance is the spool's to give.
            for message in [&mut message, &mut expected] {
                message.as_object_mut().unwrap().remove("sequence");
            }
            assert_eq!(message, expected, "{contract} {id}");
            compared += 1;
        }
    }
    assert!(compared >= 4, "only {compared} examples are of the corpus");
}

#[test]
fn map_says_what_no_contract_takes_and_what_it_cannot_read() {
    let folder = tempfile::tempdir().unwrap();
    let map = |text: &str, more: &[&str]| {
        std::fs::write(folder.path().join("f"), text).unwrap();
        call(folder.path(), &[], &[&["map", "f"], more].concat())
    };
    let line = r#"{"data":{"eventname":"\\core\\event\\nobody_wants_it","timecreated":1795536687}}"#;
    assert!(map(line, &["--output", "table"]).done().contains("No contract takes it."));
    let two = format!("{line}\n{line}\n");
    map(&two, &["--output", "table"]).is(0, &["2 events: 0 messages", "Nothing was sent."]);
    map(line, &["--contract", "moodle.nope.*"]).is(64, &["contracts list` shows all"]);
    map("", &[]).is(1, &["f: it holds no event"]);
    map("{}\nx", &[]).is(1, &["f: line 2: "]);
    plain(&["map", "/nowhere"]).is(69, &["reading /nowhere: "]);
    let gz = repository("tests/corpus/hour.jsonl.gz");
    plain(&["map", gz.to_str().unwrap()]).is(64, &["is compressed: zcat "]);
}

#[test]
fn what_came_from_outside_cannot_steer_a_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let line = r#"{"data":{"eventname":"\\x\u001b[2J\r\nforged\u202e\u2028","timecreated":1795536687}}"#;
    for lines in [line.to_owned(), format!("{line}\n{line}\n")] {
        std::fs::write(folder.path().join("f"), lines).unwrap();
        let text = call(folder.path(), &[], &["map", "f", "--output", "table"]).done();
        assert!(text.contains("\\u{1b}[2J\\u{d}\\u{a}forged\\u{202e}\\u{2028}"), "{text}");
        let steers = |c: char| (c.is_control() && c != '\n') || matches!(c, '\u{202e}' | '\u{2028}');
        assert!(!text.contains(steers), "{text:?}");
    }
}

#[test]
fn a_new_key_is_whsec_and_a_file_is_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let [one, two] = [(); 2].map(|()| plain(&["keys", "new"]).done());
    assert!(one.starts_with("whsec_") && one != two && one.lines().count() == 1);
    call(folder.path(), &[], &["keys", "new", "--file", "k"]).is(0, &["Put the same text into Moodle"]);
    let written = std::fs::read_to_string(folder.path().join("k")).unwrap();
    let again = call(folder.path(), &[], &["keys", "new", "--file", "k"]);
    again.is(1, &["k is there already and was left as it is"]);
    assert!(!again.out.contains("whsec_") && !again.err.contains("whsec_"));
    assert_eq!(std::fs::read_to_string(folder.path().join("k")).unwrap(), written);
}

#[test]
fn a_contract_is_drafted_from_captured_events_decided_and_checked() {
    let folder = tempfile::tempdir().unwrap();
    let corpus = repository("tests/corpus/enriched.jsonl");
    let event = "\\core\\event\\group_member_added";
    let new = |name: &str, event: &str, more: &[&str]| {
        let words = ["contracts", "new", name, "--event", event, "--from", corpus.to_str().unwrap()];
        call(folder.path(), &[], &[&words[..], more].concat())
    };
    let drafted = new("group/joined", event, &[]).json();
    assert_eq!((&drafted["contract"], &drafted["events"]), (&"moodle.group.joined.v1".into(), &28.into()));
    assert_eq!(drafted["files"].as_array().unwrap().len(), 5);
    let decide = drafted["decide"].as_array().unwrap();
    let place = folder.path().join("contracts/group/joined/v1.toml");
    let text = std::fs::read_to_string(&place).unwrap();

    // Nothing of a person and no text that was captured stands in what may be published.
    let examples = std::fs::read_dir(place.with_file_name("examples")).unwrap();
    let all = examples.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect::<String>()
        + &text;
    for captured in ["ZENR", "zenr", "zent", "Statistics", "Lab A", "enrol_cohort", "\"1617\""] {
        assert!(!all.contains(captured), "{captured}");
    }

    // The check lists each mark, with its line.
    let check =
        |words: &[&str]| call(folder.path(), &[], &[&["contracts", "check", "contracts"], words].concat());
    let told = check(&["--write"]);
    told.is(78, &[&format!("{} problems in contracts", decide.len())]);
    for question in decide {
        told.is(78, &[&format!("v1.toml:{}:", question["line"]), question["what"].as_str().unwrap()]);
    }
    let decided: Vec<String> = text
        .replace("\"DECIDE:", "\"Decided:")
        .lines()
        .map(|line| line.split("# DECIDE:").next().unwrap().to_owned())
        .collect();
    std::fs::write(&place, decided.join("\n")).unwrap();
    check(&["--write"]).is(0, &["1 contracts in contracts are good"]);
    check(&[]).is(0, &["are good"]);
    let words =
        ["map", corpus.to_str().unwrap(), "--contracts", "contracts", "--contract", "moodle.group.joined.v1"];
    let mapped = call(folder.path(), &[], &words).json();
    let messages = mapped.as_array().unwrap().iter().flat_map(|e| e["messages"].as_array().unwrap());
    assert_eq!(messages.filter(|m| m["message"].is_object()).count(), 28);

    // Nothing is overwritten, and a wrong name is told with those there are.
    new("group/joined", event, &[]).is(64, &["is there already"]);
    new("group/member_added", event, &[]).is(64, &["moodle.group.member_added.v1 built in"]);
    new("joined", event, &[]).is(64, &["write SUBJECT/NAME"]);
    new("group/x", "coreeventgroup_member_added", &[])
        .is(64, &["in single quotes", "'\\core\\event\\badge_awarded'"]);

    let samples = new("group/seen", event, &["--samples", "--output", "table", "--dir", "other"]).done();
    assert!(samples.contains("contracts check other --write") && !samples.contains("made up"), "{samples}");
    let text = std::fs::read_to_string(folder.path().join("other/group/seen/v1.toml")).unwrap();
    assert!(text.contains("known = [\"enrol_cohort\"]"), "{text}");
}
