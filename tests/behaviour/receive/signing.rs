//! Signatures: our vectors, and the libraries of others.

use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::HeaderMap;
use jiff::Timestamp;
use moodle_sns_producer::receive::signature::{self, Claim, Refused};
use moodle_sns_producer::receive::{NotASecret, Secret};
use serde_json::{Value, json};

use super::FIRST;
use crate::support::library::{Library, required, script};

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../vectors/signing.json")).unwrap()
}

/// The id of the secret that verified it, or the kind of the refusal.
fn judge(vector: &Value, secrets: &[Secret]) -> String {
    let mut headers = HeaderMap::new();
    for name in [signature::ID, signature::TIMESTAMP, signature::SIGNATURE] {
        for value in vector[name].as_array().unwrap() {
            headers.append(name, value.as_str().unwrap().parse().unwrap());
        }
    }
    let body = BASE64.decode(vector["body_base64"].as_str().unwrap()).unwrap();
    let now = Timestamp::from_second(vector["now"].as_i64().unwrap()).unwrap();
    match signature::claim(&headers).map(|claim| claim.verify(&body, secrets, now)) {
        Err(malformed) => malformed.kind().to_owned(),
        Ok(Err(Refused::Signature)) => "signature".to_owned(),
        Ok(Err(Refused::Clock { .. })) => "clock".to_owned(),
        Ok(Ok(verified)) => verified.secret.id().to_owned(),
    }
}

#[test]
fn every_vector_is_answered_as_it_says() {
    let file = vectors();
    let list = file["vectors"].as_array().unwrap();
    assert!(list.len() >= 40);
    for vector in list {
        let named = |id: &Value| {
            Secret::parse(id.as_str().unwrap(), file["secrets"][id.as_str().unwrap()].as_str().unwrap())
                .unwrap()
        };
        let secrets: Vec<Secret> = vector["secrets"].as_array().unwrap().iter().map(named).collect();
        assert_eq!(judge(vector, &secrets), vector["expect"].as_str().unwrap(), "{}", vector["name"]);
    }
    for form in file["secret_forms"].as_array().unwrap() {
        let found = match Secret::parse("x", form["text"].as_str().unwrap()) {
            Ok(_) => "ok",
            Err(NotASecret::Prefix) => "prefix",
            Err(NotASecret::Base64) => "base64",
            Err(NotASecret::Short(_)) => "short",
        };
        assert_eq!(found, form["expect"], "{}", form["text"]);
    }
}

#[test]
fn signing_gives_the_libraries_own_vector() {
    let secret = Secret::parse("a", FIRST).unwrap();
    let signature =
        signature::sign(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
    assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

#[test]
fn every_flipped_bit_of_a_request_is_refused() {
    let secrets = [Secret::parse("a", FIRST).unwrap()];
    let (id, seconds, body) = ("batch-1", 1_614_265_330_i64, br#"[{"id":"x"}]"#);
    let now = Timestamp::from_second(seconds).unwrap();
    let list = signature::sign(&secrets[0], id, seconds, body);
    let timestamp = seconds.to_string();
    let taken = |id: &[u8], timestamp: &[u8], list: &[u8], body: &[u8]| {
        let text = |bytes: &[u8]| std::str::from_utf8(bytes).map(str::to_owned).ok();
        let (Some(id), Some(timestamp), Some(list)) = (text(id), text(timestamp), text(list)) else {
            return false;
        };
        Claim::read(&id, &timestamp, &list).is_ok_and(|c| c.verify(body, &secrets, now).is_ok())
    };
    assert!(taken(id.as_bytes(), timestamp.as_bytes(), list.as_bytes(), body));
    let parts = [id.as_bytes(), timestamp.as_bytes(), list.as_bytes(), &body[..]];
    for which in 0..parts.len() {
        for bit in 0..8 * parts[which].len() {
            let mut changed = parts.map(<[u8]>::to_vec);
            changed[which][bit / 8] ^= 1 << (bit % 8);
            assert!(!taken(&changed[0], &changed[1], &changed[2], &changed[3]), "part {which}, bit {bit}");
        }
    }
}

/// Bodies of text: the libraries take nothing else. Every byte that UTF-8 can have is in some of them.
fn random_body(random: &mut fastrand::Rng) -> String {
    (0..random.usize(0..400))
        .map(|_| match random.u8(0..4) {
            0 => random.char('\0'..='\u{7f}'),
            1 => random.char('\u{80}'..='\u{7ff}'),
            2 => random.char('\u{800}'..='\u{ffff}'),
            _ => random.char('\u{10000}'..='\u{10ffff}'),
        })
        .collect()
}

/// Of each vector that is taken one signature is the library's own. It takes bodies of text only.
fn signs_as_the_vectors_say(name: &str, library: &mut Library) {
    let file = vectors();
    let mut signed = 0;
    for vector in file["vectors"].as_array().unwrap() {
        let Some(secret) = file["secrets"].get(vector["expect"].as_str().unwrap()) else { continue };
        let body = BASE64.decode(vector["body_base64"].as_str().unwrap()).unwrap();
        let Ok(body) = String::from_utf8(body) else { continue };
        let one = |header: &str| vector[header][0].as_str().unwrap();
        let timestamp: i64 = one(signature::TIMESTAMP).parse().unwrap();
        let question = json!({
            "do": "sign", "secret": secret, "id": one(signature::ID), "timestamp": timestamp, "body": body,
        });
        let theirs = library.ask(&question)["signature"].as_str().unwrap().to_owned();
        let given = one(signature::SIGNATURE);
        assert!(given.split(' ').any(|ours| ours == theirs), "{name} signs {} otherwise", vector["name"]);
        signed += 1;
    }
    assert!(signed >= 15, "{name} was asked for {signed} vectors only");
}

fn agree(name: &str, command: &mut Command) {
    let mut library = Library::start(command);
    let seed = fastrand::u64(..);
    println!("{name}: SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    signs_as_the_vectors_say(name, &mut library);
    let mut bytes_seen = [false; 256];
    for round in 0..1_000 {
        let mut key = [0; 64];
        random.fill(&mut key);
        let text = format!("whsec_{}", BASE64.encode(&key[..random.usize(24..=64)]));
        let secret = [Secret::parse("a", &text).unwrap()];
        let body = random_body(&mut random);
        body.bytes().for_each(|b| bytes_seen[usize::from(b)] = true);
        let id = format!("msg-{round}");
        let now = Timestamp::now();
        let seconds = now.as_second();

        let question = json!({ "do": "sign", "secret": text, "id": id, "timestamp": seconds, "body": body });
        let theirs = library.ask(&question)["signature"].as_str().unwrap().to_owned();
        let claim = Claim::read(
            &id,
            question["timestamp"].as_i64().map(|s| s.to_string()).as_ref().unwrap(),
            &theirs,
        )
        .map(|claim| claim.verify(body.as_bytes(), &secret, now).map(|v| v.secret.id().to_owned()));
        assert_eq!(claim, Ok(Ok("a".to_owned())), "{name} signs, we verify: round {round}");

        // As the answer to `wanted` is signed.
        let id = format!("wanted-{id}");
        let mut signature = signature::sign(&secret[0], &id, seconds, body.as_bytes());
        let wrong = round % 10 == 0;
        if wrong {
            let first = if signature.as_bytes()[3] == b'A' { "B" } else { "A" };
            signature.replace_range(3..4, first);
        }
        let question = json!({
            "do": "verify", "secret": text, "id": id, "timestamp": seconds, "signature": signature, "body": body,
        });
        assert_eq!(library.ask(&question)["verified"], !wrong, "we sign, {name} verifies: round {round}");
    }
    library.end();
    // C0, C1 and F5 to FF never stand in UTF-8.
    let missing: Vec<usize> = (0..0xf5).filter(|b| !matches!(b, 0xc0 | 0xc1) && !bytes_seen[*b]).collect();
    assert!(missing.is_empty(), "no body had the bytes {missing:x?}");
}

#[test]
fn we_agree_with_the_python_library() {
    let Some(python) = required("TEST_PYTHON", "interop with PyPI's standardwebhooks") else { return };
    agree("PyPI", Command::new(python).arg(script("standard_webhooks.py")));
}

#[test]
fn we_agree_with_the_node_library() {
    let Some(modules) = required("TEST_NODE_MODULES", "interop with npm's standardwebhooks") else { return };
    let mut node = Command::new("node");
    agree("npm", node.arg(script("standard_webhooks.js")).env("NODE_PATH", modules));
}
