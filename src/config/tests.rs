//! The whole loader on small files: exact complaints, and which layer wins.

use super::*;

const GOOD: &str = r#"
[sources.vle]
source = "https://moodle.example.org"
secrets = [{ id = "a", secret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=" }]
[topics.grades]
arn = "arn:aws:sns:eu-west-2:111122223333:grades.fifo"
contracts = ["moodle.grade.*.v1"]
"#;

fn env(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn load_text(text: &str, vars: &[(&str, &str)], flags: &[(&str, &str)]) -> Result<Config, Problems> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config.toml");
    std::fs::write(&path, text).unwrap();
    load(Some(&path), &env(vars), &env(flags))
}

/// The complaints about a text, without the folder of the file.
fn complaints(text: &str, vars: &[(&str, &str)], flags: &[(&str, &str)]) -> Vec<String> {
    let Err(problems) = load_text(text, vars, flags) else { return Vec::new() };
    let short = |text: String| match (text.find("/tmp/"), text.find("config.toml")) {
        (Some(0), Some(end)) => text[end..].to_owned(),
        _ => text,
    };
    problems.iter().map(|problem| short(problem.to_string())).collect()
}

#[test]
fn a_good_file_has_no_complaint() {
    assert_eq!(complaints(GOOD, &[], &[]), Vec::<String>::new());
}

#[test]
fn all_problems_are_told_at_once_with_line_caret_and_cure() {
    let text = r#"[receive]
listen = "0.0.0.0:8080"
lisen = 3
max_body = 5

[sources.vle]
source = "https://moodle.example.org/"
secrets = [{ id = "a", secret = "whsec_abc" }]

[topics.g]
arn = "grades"
contracts = []
"#;
    let told = complaints(text, &[("MSP_TOPICS__G__IN_FLIGHT", "1000")], &[("operate.token", "x")]);
    let expected = r#"config.toml:2:10: receive.listen is 0.0.0.0:8080, which isn't loopback, and would be plain HTTP
  |
2 | listen = "0.0.0.0:8080"
  |          ^^^^^^^^^^^^^^
  do: set tls_cert and tls_key; or use 127.0.0.1 or a Unix socket; or write plaintext = "behind-proxy" if a proxy in front does TLS

config.toml:3:1: there is no key receive.lisen
  |
3 | lisen = 3
  | ^^^^^
  do: did you mean listen?

config.toml:4:12: receive.max_body is a number
  |
4 | max_body = 5
  |            ^
  do: write a text in quotes: "4 MiB"

config.toml:7:10: sources.vle.source "https://moodle.example.org/" ends with a slash
  |
7 | source = "https://moodle.example.org/"
  |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  do: write it as $CFG->wwwroot has it: "https://moodle.example.org"

config.toml:8:33: sources.vle.secrets: secret a is not base64 after whsec_
  |
8 | secrets = [{ id = "a", secret = "*********" }]
  |                                 ^^^^^^^^^^^
  do: make one with `moodle-sns-producer keys new` and put the same into Moodle

config.toml:11:7: topics.g.arn "grades" is not of six parts, arn:aws:sns:REGION:ACCOUNT:NAME
   |
11 | arn = "grades"
   |       ^^^^^^^^
  do: copy it from the console or the stack's outputs

config.toml:12:13: topics.g.contracts is empty, so the topic would get nothing
   |
12 | contracts = []
   |             ^^
  do: name contracts, or take the topic out; one of test messages alone has test = true

environment variable MSP_TOPICS__G__IN_FLIGHT: topics.g.in_flight is 1000
  do: write a whole number from 1 to 64

flag --set operate.token: operate.token is secret and can't be given by a flag
  do: other users can read a command line: use the key that names a file, or a variable"#;
    assert_eq!(told.join("\n\n"), expected);
}

#[test]
fn each_wrong_line_is_told_once_where_it_stands() {
    let site = "https://moodle.example.org";
    for (line, told) in [
        ("[receive]\nlisten = 5", "9:10: receive.listen is a number"),
        ("[receive]\nlisten = \"moodle:80\"", "9:10: receive.listen is \"moodle:80\""),
        ("[receive]\nlisten = \"unix:in.sock\"", "9:10: receive.listen is \"unix:in.sock\""),
        ("[receive]\ntls_cert = \"c.pem\"", "9:12: receive.tls_cert is set without tls_key"),
        ("[receive]\nplaintext = \"yes\"", "9:13: receive.plaintext is \"yes\""),
        ("[receive]\nmax_body = \"4\"", "9:12: receive.max_body is \"4\""),
        ("[receive]\nmax_body = \"64 TiB\"", "9:12: receive.max_body is \"64 TiB\""),
        (
            "[receive]\nmax_event = \"5 MiB\"",
            "9:13: receive.max_event is larger than receive.max_body, so no such event could come",
        ),
        ("[receive]\nmax_depth = 1000", "9:13: receive.max_depth is 1000"),
        ("[receive]\nbody_timeout = \"30\"", "9:16: receive.body_timeout is \"30\""),
        ("[receive]\nbody_timeout = 30", "9:16: receive.body_timeout is a number"),
        ("[receive]\nlisten = \"unix:/a\"\nsocket_mode = \"rw\"", "10:15: receive.socket_mode is \"rw\""),
        (
            "[operate]\nlisten = \"0.0.0.0:9080\"",
            "9:10: operate.listen is 0.0.0.0:9080, which isn't loopback",
        ),
        (
            "[operate]\nlisten = \"0.0.0.0:9080\"\nallow_remote = true",
            "9:10: operate.listen is 0.0.0.0:9080, which isn't loopback, and there is no token",
        ),
        ("[operate]\ntoken = \"short\"", "9:9: the operator's token is shorter than 24 characters"),
        (
            "[operate]\ntoken = \"x\"\ntoken_file = \"y\"",
            "10:14: operate.token and operate.token_file are both set",
        ),
        ("[operate]\nprobe_listen = \"9081\"", "9:16: operate.probe_listen is \"9081\""),
        ("[operate]\nhosts = \"a\"", "9:9: operate.hosts must be a list of texts, and is a text"),
        ("[operate]\nhosts = [1]", "9:10: operate.hosts must be a list of texts, and this is a number"),
        ("[spool]\npath = \"file:x?mode=memory\"", "9:8: spool.path is \"file:x?mode=memory\""),
        ("[spool]\nhistory = 7", "9:11: spool.history must be a table, and is a number"),
        ("[spool]\nhistory = { age = \"7d\", sise = \"1 GiB\" }", "9:25: there is no key spool.history.sise"),
        (
            "[aws]\nendpoint_url = \"http://127.0.0.1:4566\"",
            "9:16: aws.endpoint_url is http://127.0.0.1:4566, so messages would not go to AWS",
        ),
        (
            "[aws]\nregion = \"us-east-1\"",
            "6:7: topics.grades.arn is in eu-west-2, and aws.region is us-east-1",
        ),
        (
            "[contracts]\nwithdrawn = [\"moodle.grade.*.v1\"]",
            "9:14: contracts.withdrawn: \"moodle.grade.*.v1\" is not a contract's name",
        ),
        ("[topics.x]", "8:1: topics.x.arn is missing"),
        (
            "[topics.Big]\narn = \"arn:aws:sns:eu-west-2:111122223333:x\"\ncontracts = [\"a\"]",
            "8:9: \"Big\" can't be a key of topics",
        ),
        (
            "[topics.x]\narn = \"arn:aws:sns:eu-west-2:111122223333:grades.fifo\"\ncontracts = [\"a\"]",
            "9:7: topics.x.arn is also that of topics.grades",
        ),
        (
            "[topics.x]\narn = \"arn:aws:sns:eu-west-2:111122223333:x\"\ncontracts = [\"a\"]\nsources = [\"vlee\"]",
            "11:12: topics.x.sources: there is no source \"vlee\"",
        ),
        (
            &format!(
                "[sources.b]\nsource = \"{site}\"\nsecrets = [{{ id = \"a\", secret = \"whsec_YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4\" }}]"
            ),
            "9:10: sources.b.source \"https://moodle.example.org\" is also sources.vle.source",
        ),
        (
            "[sources.b]\nsource = \"https://b.example.org\"\nsecrets = [{ id = \"a\", secret = \"whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\" }]",
            "10:33: sources.b.secrets: secret a has the content of sources.vle.secrets a",
        ),
        (
            "[sources.b]\nsource = \"https://b.example.org?x=1\"\nsecrets = [{ id = \"a\", secret = \"whsec_YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4\" }]",
            "9:10: sources.b.source \"https://b.example.org?x=1\" has a query or a fragment",
        ),
        (
            "[sources.b]\nsource = \"https://b.example.org\"\nsecrets = [{ id = \"a\" }]",
            "10:12: sources.b.secrets: secret a has no file",
        ),
        (
            "[sources.b]\nsource = \"https://b.example.org\"\nsecrets = [{ id = \"a\", file = \"/nope/x\" }]",
            "10:31: sources.b.secrets: file /nope/x can't be read: No such file or directory (os error 2)",
        ),
        (
            "[sources.b]\nsource = \"https://b.example.org\"\nsecrets = []",
            "8:1: sources.b.secrets has no usable entry",
        ),
        ("x = \n y = [", "8:5: not TOML: "),
    ] {
        let all = complaints(&format!("{GOOD}{line}\n"), &[], &[]);
        let first = all.first().and_then(|text| text.lines().next()).unwrap_or("no complaint");
        assert!(first.starts_with(&format!("config.toml:{told}")), "{line}\n  {first}\n  {told}");
        if !told.contains("arn is missing") && !told.contains("not TOML") {
            assert_eq!(all.len(), 1, "{line}\n{}", all.join("\n\n"));
        }
    }
}

#[test]
fn the_later_layer_wins_value_by_value() {
    let origin = |config: &Config, key: &str| {
        let shown = config.show().into_iter().find(|shown| shown.key == key).unwrap();
        let place =
            shown.origin.find("config.toml").map_or(shown.origin.clone(), |at| shown.origin[at..].to_owned());
        (shown.value, place)
    };
    let file = format!("{GOOD}in_flight = 2\n");
    let var = [("MSP_TOPICS__GRADES__IN_FLIGHT", "3")];
    let flag = [("topics.grades.in_flight", "4")];
    for (text, vars, flags, n, place) in [
        (GOOD, &[][..], &[][..], 8, "default"),
        (&file, &[], &[], 2, "config.toml:8:13"),
        (&file, &var, &[], 3, "environment variable MSP_TOPICS__GRADES__IN_FLIGHT"),
        (&file, &var, &flag, 4, "flag --set topics.grades.in_flight"),
        (&file, &[], &flag, 4, "flag --set topics.grades.in_flight"),
        (GOOD, &var, &[], 3, "environment variable MSP_TOPICS__GRADES__IN_FLIGHT"),
    ] {
        let config = load_text(text, vars, flags).unwrap();
        assert_eq!(config.topics[0].in_flight, n);
        assert_eq!(origin(&config, "topics.grades.in_flight"), (n.to_string(), place.to_owned()));
        // The neighbours are untouched.
        assert_eq!(origin(&config, "topics.grades.drafts").1, "default");
        assert_eq!(config.topics[0].contracts, ["moodle.grade.*.v1"]);
    }
}

#[test]
fn variables_reach_every_form() {
    let config = load_text(
        GOOD,
        &[
            ("MSP_TOPICS__GRADES__DRAFTS", "true"),
            ("MSP_TOPICS__GRADES__CONTRACTS", "moodle.a.b.v1, moodle.c.d.v1"),
            ("MSP_TOPICS__GRADES__SOURCES", "[\"vle\"]"),
            ("MSP_SPOOL__HISTORY__AGE", "1d"),
            ("MSP_RECEIVE__MAX_BODY", "8 MiB"),
            (
                "MSP_SOURCES__VLE__ACCEPT_URLS",
                "[{ url = \"https://b.example.org\", until = \"2026-12-31\" }]",
            ),
            ("MSP_OPERATE__TOKEN", "0123456789abcdef01234567"),
            ("MSP_CONFIG", "ignored"),
            ("MSP_SERVICE_HOST", "ignored"),
        ],
        &[],
    )
    .unwrap();
    let topic = &config.topics[0];
    assert!(topic.drafts);
    assert_eq!(topic.contracts, ["moodle.a.b.v1", "moodle.c.d.v1"]);
    assert_eq!(topic.sources.as_ref().unwrap()[0].as_str(), "vle");
    assert_eq!(config.spool.history_age, Duration::from_secs(86_400));
    assert_eq!(config.receive.max_body, 8 << 20);
    assert_eq!(config.sources[0].accept_urls[0].0, "https://b.example.org");
    assert_eq!(config.operate.token.unwrap().expose(), "0123456789abcdef01234567");
}

#[test]
fn a_variable_finds_a_key_with_a_hyphen() {
    let text = GOOD.replace("[topics.grades]", "[topics.final-grades]");
    let config = load_text(&text, &[("MSP_TOPICS__FINAL_GRADES__IN_FLIGHT", "1")], &[]).unwrap();
    assert_eq!((config.topics.len(), config.topics[0].in_flight), (1, 1));
}

#[test]
fn no_secret_is_shown_anywhere() {
    let text = format!("{GOOD}[operate]\ntoken = \"canary-canary-canary-canary\"\n");
    let config = load_text(&text, &[], &[]).unwrap();
    let shown = format!("{:?}{:?}", config, config.show());
    assert!(!shown.contains("canary") && !shown.contains("MDEyMzQ1"), "a secret is shown");
    assert!(shown.contains("*** (sha256 "));
    // A wrong value beside it, on its line, or the secret's own.
    for (good, bad) in [("canary\"", "canary\" x"), ("\"a\",", "\"A\","), ("https", "ftp"), ("MDEy", "!MDEy")]
    {
        let told = complaints(&text.replacen(good, bad, 1), &[], &[]).join("\n");
        assert!(!told.is_empty() && !told.contains("canary") && !told.contains("MDEyMzQ1"), "{told}");
    }
}

#[test]
fn the_topics_patterns_are_followed() {
    let text = format!(
        "{GOOD}[topics.all]\narn = \"arn:aws:sns:eu-west-2:111122223333:all\"\ncontracts = [\"moodle.*.*.v1\", \"moodle.none.*.v1\"]\n"
    );
    let config = load_text(&text, &[], &[]).unwrap();
    let id = |text: &str| text.parse::<ContractId>().unwrap();
    let matching = |pattern: &str| match pattern {
        "moodle.*.*.v1" => {
            vec![
                (id("moodle.grade.updated.v1"), Maturity::Draft),
                (id("moodle.group.created.v1"), Maturity::Frozen),
            ]
        }
        "moodle.grade.*.v1" => vec![(id("moodle.grade.updated.v1"), Maturity::Draft)],
        _ => Vec::new(),
    };
    let told: Vec<String> =
        config.subscriptions(matching).unwrap_err().iter().map(|p| p.what.clone()).collect();
    assert_eq!(
        told,
        [
            "topics.grades.contracts: \"moodle.grade.*.v1\" means drafts only (moodle.grade.updated.v1)",
            "topics.all.contracts: \"moodle.none.*.v1\" matches no contract",
        ]
    );
    let config = load_text(GOOD, &[("MSP_TOPICS__GRADES__DRAFTS", "true")], &[]).unwrap();
    let list = config.subscriptions(matching).unwrap();
    assert_eq!(list[0].contracts, [id("moodle.grade.updated.v1")]);
}

#[test]
fn test_messages_go_to_the_topics_that_ask_for_them_and_to_no_other() {
    let id = |text: &str| text.parse::<ContractId>().unwrap();
    let all = [
        (id("moodle.grade.updated.v1"), Maturity::Frozen),
        (id("moodle.producer.heartbeat.v1"), Maturity::Frozen),
        (id("moodle.producer.test.v1"), Maturity::Test),
    ];
    let matching = |pattern: &str| match pattern {
        "moodle.grade.*.v1" => all[..1].to_vec(),
        "moodle.producer.*" => all[1..].to_vec(),
        "moodle.producer.test.v1" | "moodle.producer.test.*" => all[2..].to_vec(),
        _ => Vec::new(),
    };
    let gets = |contracts: &str, test: &str| {
        let text = GOOD.replace(r#"["moodle.grade.*.v1"]"#, contracts);
        let config = load_text(&text, &[("MSP_TOPICS__GRADES__TEST", test)], &[]).unwrap();
        let list = config.subscriptions(matching);
        list.map(|list| list[0].contracts.clone())
            .map_err(|p| p.iter().map(|p| p.what.clone()).collect::<Vec<_>>())
    };
    let ids = |names: &[&str]| Ok(names.iter().map(|name| id(name)).collect::<Vec<_>>());
    let grades = r#"["moodle.grade.*.v1"]"#;
    assert_eq!(gets(grades, "false"), ids(&["moodle.grade.updated.v1"]));
    assert_eq!(gets(grades, "true"), ids(&["moodle.grade.updated.v1", "moodle.producer.test.v1"]));
    let products = r#"["moodle.producer.*"]"#;
    assert_eq!(gets(products, "false"), ids(&["moodle.producer.heartbeat.v1"]));
    assert_eq!(gets(products, "true"), ids(&["moodle.producer.heartbeat.v1", "moodle.producer.test.v1"]));
    let named = r#"["moodle.producer.test.v1"]"#;
    let told = "topics.grades.contracts: \"moodle.producer.test.v1\" means test messages only";
    assert_eq!(gets(named, "false"), Err(vec![told.to_owned()]));
    assert_eq!(gets(named, "true"), ids(&["moodle.producer.test.v1"]));
    assert_eq!(gets("[]", "true"), ids(&["moodle.producer.test.v1"]), "a topic of test messages only");
}

#[test]
fn the_example_loads_and_names_every_key() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("operator.token"), "0123456789abcdef01234567\n").unwrap();
    std::fs::write(
        dir.path().join("vle-first.secret"),
        "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n",
    )
    .unwrap();
    let path = dir.path().join("config.toml");
    std::fs::write(&path, EXAMPLE).unwrap();
    load(Some(&path), &[], &[]).unwrap();

    fn names(schema: &serde_json::Value, list: &mut Vec<String>) {
        for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
            list.push(name.clone());
            for at in ["/additionalProperties", "/items", ""] {
                names(inner.pointer(at).unwrap_or_default(), list);
            }
        }
    }
    let mut all = Vec::new();
    names(&schema(), &mut all);
    assert!(all.len() > 45);
    for name in all.iter().filter(|name| !["token", "secret"].contains(&name.as_str())) {
        let written = [format!("{name} ="), format!("[{name}")];
        assert!(written.iter().any(|w| EXAMPLE.contains(w)), "example.toml does not speak of {name}");
    }
}

#[test]
fn a_file_that_is_not_there_is_told() {
    let told = load(Some(Path::new("/nope/config.toml")), &[], &[]).unwrap_err().to_string();
    assert!(told.starts_with("/nope/config.toml: the configuration can't be read: No such file"), "{told}");
}
