//! Cases that somebody thought of: the forms that PHP, JSON and Moodle may give one thing, and each rule of the cut.

use serde_json::{Map, Value, json};

/// A row of the contract `c`, which is told apart by its number.
fn row(n: usize, keys: &Value, entities: &Value) -> Value {
    json!({"contract": format!("c{n}"), "event": super::NAME, "keys": keys, "entities": entities})
}

fn when(n: usize, condition: &Value) -> Value {
    let mut row = row(n, &json!([]), &json!({}));
    row["when"] = condition.clone();
    row
}

fn case(name: &str, rows: Vec<Value>, data: &Value) -> Value {
    let rows = Value::from(rows);
    json!({"name": name, "rows": rows, "data": data})
}

fn named(other: &Value) -> Value {
    json!({"event": {"anonymous": 0, "other": other}, "entities": {}})
}

/// An event with something at each place.
fn full() -> Value {
    json!({
        "event": {
            "eventname": super::NAME, "objectid": "5", "courseid": "2", "contextlevel": 70, "contextid": 9,
            "contextinstanceid": "3", "anonymous": 0, "timecreated": 7205, "userid": "7", "relateduserid": null,
            "component": "x", "action": "done", "crud": "c", "edulevel": 0, "objecttable": null, "target": "y",
            "other": {"a": 1, "secret": "s", "map": {"k": "s", "l": {"m": "s"}}, "list": [1, {"s": "s"}], "deep": {"x": 1, "y": "s"}},
        },
        "entities": {"course": {"id": "2", "fullname": "s"}, "user": {"id": "7", "username": "s"}, "cm": {"id": "3"}},
    })
}

/// The same with things that no path may lead to.
fn beyond() -> Value {
    let mut data = full();
    let event = &mut data["event"];
    event["objectidd"] = json!("5");
    event["userid"] = json!({"x": "7"});
    event["other"]["a b"] = json!("s");
    event["other"]["ключ"] = json!("s");
    event["other"][""] = json!("s");
    data["entities"]["user"] = json!({"password": "s", "id": {"x": "7"}});
    data["entities"]["person"] = json!({"id": "s"});
    data["entities"]["course"] = json!("s");
    data
}

pub(super) fn all() -> Vec<Value> {
    let mut all = declared();
    all.extend(on_the_way());
    all.extend(merged());
    all.extend(marks());
    all.extend(places());
    all.extend(times());
    all.extend(conditions());
    all.extend(entities());
    all
}

/// What is declared stays, in each of the three forms of a key.
fn declared() -> Vec<Value> {
    let rows = [
        row(
            0,
            &json!(["other.a", "other.map{}", "other.list[]", "other.deep.x", "userid"]),
            &json!({"course": ["id", "idnumber"]}),
        ),
        row(1, &json!(["other.deep"]), &json!({})),
    ];
    let mut cases = vec![
        case("only declared keys stay", rows.to_vec(), &full()),
        case("in whatever order the rows come", rows.iter().rev().cloned().collect(), &full()),
        case("no row: what is always sent", vec![], &full()),
        case(
            "all keys",
            vec![row(
                0,
                &json!([
                    "action",
                    "component",
                    "crud",
                    "edulevel",
                    "objecttable",
                    "relateduserid",
                    "target",
                    "userid"
                ]),
                &json!({}),
            )],
            &full(),
        ),
        case(
            "an event of nothing",
            vec![row(0, &json!(["other.a"]), &json!({"user": ["id"]}))],
            &json!({"event": {}, "entities": {}}),
        ),
        case(
            "a key that is always sent, named once more",
            vec![row(0, &json!(["courseid", "objectid"]), &json!({}))],
            &full(),
        ),
    ];
    let values = json!([
        null, true, false, 0, -1, 1, 1.5, -0.0, 0.0, 5.0, 1e16, 1.5e300, 1e-7, 66.66667, 0.1, 9_007_199_254_740_993_i64,
        i64::MAX, i64::MIN, "", "0", "5", "5.00000", "text", "Zażółć gęślą jaźń 陽菜 🦄", "\u{2028}\u{0}\u{7f}\"\\/<>&'",
        [], {}, [[]], [{}], {"": 1}, {"0": "a", "1": "b"}, {"1": "b", "0": "a"}, {"5": 1}, [null], [null, null], {"k": null},
        [1, "a", null, true, 1.5, [2], {"s": 1}], {"a": {"b": {"c": 1}}}, {"ключ": 1, "鍵": 2}, {"a b": 1, "a.b": 2}, {"-1": 1, "01": 2},
    ]);
    for value in values.as_array().unwrap_or(&Vec::new()) {
        for form in [
            "other.v",
            "other.v[]",
            "other.v{}",
            "other.v.w",
            "other.v.0",
            "other.v.0.1",
            "other.v.k{}",
            "other.v.a.b.c",
            "other.v.5[]",
        ] {
            let rows = vec![row(0, &json!([form]), &json!({}))];
            cases.push(case(
                &format!("{form} of {value}"),
                rows,
                &named(&json!({"v": value, "beside": "s"})),
            ));
        }
    }
    cases
}

/// What stands on the way to what is declared is told as null or empty only.
fn on_the_way() -> Vec<Value> {
    let others = json!([null, [], {}, ["s"], "s", "", 0, false, 1.5, [["s"]], {"a": {"s": "s"}}, {"a": null}, {"a": []}, {"a": ["s"]}, {"a": "s"}]);
    let mut cases = Vec::new();
    for other in others.as_array().unwrap_or(&Vec::new()) {
        for keys in [
            json!(["other.a"]),
            json!(["other.a.b"]),
            json!(["other.a[]"]),
            json!(["other.a{}"]),
            json!(["other{}"]),
            json!(["other[]"]),
            json!(["other"]),
        ] {
            cases.push(case(
                &format!("{keys} of other {other}"),
                vec![row(0, &keys, &json!({}))],
                &named(other),
            ));
        }
    }
    cases
}

/// Two rows that read one key: the more telling of both.
fn merged() -> Vec<Value> {
    let values = json!([
        {"v": {"a": 1, "b": {"c": 2}}}, {"v": [1, 2, {"s": 1}]}, {"v": [null, null]}, {"v": []}, {"v": {}}, {"v": null}, {"v": "s"}, {"v": [[1], [2]]},
    ]);
    let forms =
        ["other.v", "other.v[]", "other.v{}", "other.v.a", "other.v.b{}", "other.v.b.c", "other{}", "other"];
    let mut cases = Vec::new();
    for value in values.as_array().unwrap_or(&Vec::new()) {
        for first in forms {
            for second in forms {
                let rows = vec![row(0, &json!([first]), &json!({})), row(1, &json!([second]), &json!({}))];
                cases.push(case(&format!("{first} and {second} of {value}"), rows, &named(value)));
            }
        }
    }
    cases
}

/// Each form that the mark of an anonymous event may have; absent too.
fn marks() -> Vec<Value> {
    let rows = vec![row(
        0,
        &json!(["other.a", "userid", "relateduserid"]),
        &json!({"course": ["id"], "user": ["id"], "cm": ["id"], "actor": ["id"]}),
    )];
    let marks = json!([
        0, "0", "00", "-0", "-00", 0.0, -0.0, false, 1, "1", true, null, "x", "", " 0", "0 ", "+0", "0\n", "0.0", "０", [], {}, [0], {"0": 0}, 2, -1, 0.5,
        1e300, "9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809", "00000000000000000000000000",
    ]);
    let mut cases: Vec<Value> = Vec::new();
    for mark in marks.as_array().unwrap_or(&Vec::new()) {
        let mut data = full();
        data["event"]["anonymous"] = mark.clone();
        cases.push(case(&format!("anonymous is {mark}"), rows.clone(), &data));
    }
    let mut data = full();
    data["event"].as_object_mut().map(|event| event.remove("anonymous"));
    cases.push(case("anonymous is not there", rows, &data));
    cases
}

fn anonymous(change: impl Fn(&mut Map<String, Value>)) -> Value {
    let mut data = full();
    data["event"]["anonymous"] = json!(1);
    if let Some(event) = data["event"].as_object_mut() {
        change(event);
    }
    data
}

/// Of an anonymous event the context's ids stay where it is a course or an activity.
fn places() -> Vec<Value> {
    let levels = json!([
        50,
        "50",
        "050",
        50.0,
        "50.0",
        70,
        "70",
        70.0,
        10,
        30,
        "30",
        40,
        80,
        null,
        true,
        "",
        [],
        {},
        50.5,
        "070 "
    ]);
    let with = |level: &Value| {
        let data = anonymous(|event| drop(event.insert("contextlevel".into(), level.clone())));
        case(
            &format!("anonymous at level {level}"),
            vec![row(0, &json!(["userid"]), &json!({"course": ["id"]}))],
            &data,
        )
    };
    let mut cases: Vec<Value> = levels.as_array().into_iter().flatten().map(with).collect();
    cases.push(case("anonymous at no level", vec![], &anonymous(|event| drop(event.remove("contextlevel")))));
    cases
}

/// Of an anonymous event's time the hour stays, where it can be read.
fn times() -> Vec<Value> {
    let times = json!([
        7205,
        "7205",
        "007205",
        7205.0,
        7205.5,
        "7205.0",
        0,
        -1,
        "-1",
        -3600,
        -3601,
        null,
        "x",
        "",
        true,
        {},
        [],
        i64::MAX,
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775809",
        i64::MIN,
        1_795_536_687,
        "1795536687",
        9e15,
        9.1e15,
        1e300,
    ]);
    let with = |time: &Value| {
        case(
            &format!("anonymous at time {time}"),
            vec![],
            &anonymous(|event| drop(event.insert("timecreated".into(), time.clone()))),
        )
    };
    let mut cases: Vec<Value> = times.as_array().into_iter().flatten().map(with).collect();
    cases.push(case("anonymous at no time", vec![], &anonymous(|event| drop(event.remove("timecreated")))));
    cases
}

/// A `when`: compared as text, and taking nothing where the value is not known.
fn conditions() -> Vec<Value> {
    let mut cases = Vec::new();
    let values = json!([
        "a", "b", null, {"a": 1}, [], ["a"], 1, "1", 1.0, "1.0", true, "true", false, 0, -0.0, "", 1.5, "1.5", 1e16, 1e17, 1.25e-7, 1e-5, 0.00012, 123456.75, 9e15, 9.1e15,
        1.5e300, 9_007_199_254_740_993_i64, i64::MAX, i64::MIN, -1.5e-9, 12_345_678_901_234_567_890.0, 5e-324, 1.7976931348623157e308,
    ]);
    for value in values.as_array().unwrap_or(&Vec::new()) {
        let texts = json!([
            "a",
            "1",
            "true",
            "0",
            "",
            "1.5",
            "1e16",
            "1e+16",
            "10000000000000000.0",
            "1e17",
            "1e+17",
            "1.25e-7",
            "0.00001",
            "1e-5",
            "0.00012",
            "123456.75",
            "9000000000000000",
            "9100000000000000.0",
            "1.5e300",
            "1.5e+300",
            "9007199254740993",
            "9223372036854775807",
            "-9223372036854775808",
            "-1.5e-9",
            "12345678901234567000.0",
            "1.2345678901234567e19",
            "1.2345678901234567e+19",
            "5e-324",
            "1.7976931348623157e308",
            "1.7976931348623157e+308"
        ]);
        let rows = texts.as_array().into_iter().flatten().enumerate();
        let rows =
            rows.map(|(n, text)| when(n, &json!({"field": "event.other.kind", "in": [text]}))).collect();
        cases.push(case(&format!("which text {value} is"), rows, &named(&json!({"kind": value}))));
        let rows = [
            json!({"in": ["a"]}),
            json!({"not_in": ["a"]}),
            json!({"in": []}),
            json!({"not_in": []}),
            json!({}),
            json!({"in": ["a", "1"], "not_in": ["1"]}),
            json!({"in": ["a", "true", "1.5"]}),
        ];
        let rows = rows.into_iter().enumerate().map(|(n, mut condition)| {
            condition["field"] = json!("event.other.kind");
            when(n, &condition)
        });
        cases.push(case(&format!("conditions on {value}"), rows.collect(), &named(&json!({"kind": value}))));
    }
    let fields = [
        "event.other.kind",
        "event.other",
        "event.other.kind.0",
        "event.other.kind.k",
        "event.other.a b",
        "event.other.",
        "event",
        "event.",
        "",
        "other.kind",
        "event.userid",
        "event.userid.x",
        "event.objectidd",
        "event.anonymous",
        "event.courseid",
        "event.contextlevel",
        "event.relateduserid",
        "event.eventname",
        "entities.user.id",
        "entities.user.password",
        "entities.user.email",
        "entities.user",
        "entities.user.id.x",
        "entities.person.id",
        "entities.cm.id",
        "entities.grade.released",
        "entities.course.fullname",
        "fn:actor@1",
        "event.other.deep.x",
        "event.other.list.0",
        "event.other.map.k",
        "event.other.ключ",
    ];
    for field in fields {
        let rows = vec![
            when(0, &json!({"field": field, "in": ["s", "7", "5", "2", "3", "0", "1", "70"]})),
            when(1, &json!({"field": field, "not_in": ["s", "7"]})),
            row(2, &json!([]), &json!({})),
        ];
        cases.push(case(&format!("a condition on {field}"), rows.clone(), &full()));
        cases.push(case(
            &format!("a condition on {field}, where more is there than may be"),
            rows.clone(),
            &beyond(),
        ));
        cases.push(case(
            &format!("a condition on {field}, of nothing"),
            rows,
            &json!({"event": {}, "entities": {}}),
        ));
    }
    for other in
        [json!(null), json!([]), json!({}), json!("s"), json!([{"kind": "a"}]), json!({"kind": {"0": "a"}})]
    {
        let rows = vec![
            when(0, &json!({"field": "event.other.kind", "in": ["a"]})),
            when(1, &json!({"field": "event.other.kind.0", "not_in": ["b"]})),
        ];
        cases.push(case(&format!("a condition, and other is {other}"), rows, &named(&other)));
    }
    cases
}

/// Of an entity the fields that are there; of one that is no map nothing.
fn entities() -> Vec<Value> {
    let rows = vec![
        row(
            0,
            &json!([]),
            &json!({"user": ["id", "username", "idnumber"], "course": ["id"], "nobody": ["id"]}),
        ),
        row(1, &json!([]), &json!({"user": ["id", "auth"], "group": [], "override": ["attempts"]})),
    ];
    let users = json!([
        {}, [], null, "s", 5, true, ["s"], [["id", 5]], {"id": null}, {"id": {"s": 1}}, {"id": ["s"]}, {"id": "7", "auth": "manual", "email": "s"}, {"id": {}, "username": []},
        {"ID": 1}, {"0": 1},
    ]);
    let mut cases = Vec::new();
    for user in users.as_array().unwrap_or(&Vec::new()) {
        let data = json!({"event": {"anonymous": 0}, "entities": {"user": user, "actor": {"id": "s"}, "group": {"id": 1}, "override": {}}});
        cases.push(case(&format!("user is {user}"), rows.clone(), &data));
    }
    cases
}
