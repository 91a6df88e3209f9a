//! Freezing a contract and changing it afterwards, from outside.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use super::{Said, call};
use crate::contract;

const NAME: &str = "moodle.thing.done.v1";
/// A site's own contract, to be frozen, with a closed list.
static CONTRACT: LazyLock<String> = LazyLock::new(|| {
    let closed = "type = \"string\", values = { a = \"on\", b = \"off\" }, about = \"The mode.\"";
    let text = contract::CONTRACT.replace("\"draft\"", "\"stable\"");
    let text = text.replace("type = \"string\", about = \"The mode.\"", closed);
    assert!(text.contains("\"stable\"") && text.contains(closed), "{text}");
    text
});

fn write(folder: &Path, text: &str) {
    let path = folder.join("contracts/thing/done/v1.toml");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn released(folder: &Path) -> Vec<(String, String)> {
    let entries = fs::read_dir(folder.join("contracts/thing/done/released")).unwrap();
    let mut files: Vec<_> = entries
        .map(|entry| entry.unwrap())
        .map(|e| (e.file_name().into_string().unwrap(), fs::read_to_string(e.path()).unwrap()))
        .collect();
    files.sort();
    files
}

/// What `contracts check` says, once what is generated is as it should be.
fn check(folder: &Path) -> Said {
    call(folder, &[], &["contracts", "check", "contracts", "--write"]);
    call(folder, &[], &["contracts", "check", "contracts"])
}

fn release(folder: &Path, words: &[&str]) -> Said {
    call(folder, &[], &[&["contracts", "release", NAME, "--by", "Ada Ng"], words].concat())
}

/// A folder with the contract, frozen once.
fn frozen() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &CONTRACT);
    release(folder.path(), &["--note", "First."]).is(0, &["\"revision\": 1", "v1-1.toml"]);
    folder
}

#[test]
fn a_draft_is_not_frozen_and_a_stable_contract_is_checked_only_once_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(folder, &CONTRACT.replace("\"stable\"", "\"draft\""));
    release(folder, &[]).is(2, &["is a draft", "status = \"stable\""]);
    check(folder).is(0, &[]);
    write(folder, &CONTRACT);
    check(folder).is(
        78,
        &["v1.toml", "it is stable, and was never released", "contracts release moodle.thing.done.v1"],
    );
    call(folder, &[], &["contracts", "diff", NAME]).is(1, &["never released", "contracts diff OLD NEW"]);

    release(folder, &["--note", "First."]).is(0, &["v1-1.toml", "v1-1.blocks.toml", "v1-1.release.toml"]);
    check(folder).is(0, &["1 contracts"]);
    let files = released(folder);
    assert_eq!(files[2].1, *CONTRACT, "the text is kept byte for byte");
    assert!(
        files[0].1.contains("[course]") && files[0].1.contains("[user]") && !files[0].1.contains("[group]")
    );
    for part in ["by = \"Ada Ng\"", "note = \"First.\"", "revision = 1", "digest = \"sha256:", "released = "]
    {
        assert!(files[1].1.contains(part), "{}", files[1].1);
    }
    release(folder, &[]).is(0, &["already\": true"]);
    release(folder, &["--output", "table"]).is(0, &["there is nothing to release"]);
    assert_eq!(released(folder), files, "what is frozen stays");
}

#[test]
fn what_breaks_a_release_is_told_in_words_and_neither_checked_clean_nor_frozen() {
    let folder = frozen();
    let folder = folder.path();
    write(folder, &CONTRACT.replace("b = \"off\"", "b = \"off\", c = \"half\""));
    let told = ["data.thing.mode: may also be \"half\"", "breaks release 1", "thing/done/v2.toml beside v1"];
    check(folder).is(78, &told);
    release(folder, &[])
        .is(2, &["data.thing.mode: may also be \"half\" (since release 1)", "v2.toml beside v1"]);
    assert_eq!(released(folder).len(), 3);

    let diff = call(folder, &[], &["contracts", "diff", NAME]);
    let found = diff.json();
    assert_eq!((diff.code, &found["verdict"]), (2, &"breaking".into()));
    assert_eq!(found["changes"][0]["at"], "data.thing.mode");
    assert_eq!(found["old"]["from"].as_str().unwrap().split(" of ").next(), Some("release 1"));
    call(folder, &[], &["contracts", "diff", NAME, "--output", "table"])
        .is(2, &["1 change breaks", "VERDICT"]);
    let markdown = call(folder, &[], &["contracts", "diff", NAME, "--output", "markdown"]);
    markdown
        .is(2, &["### moodle.thing.done.v1", "| **breaking** | data.thing.mode | may also be \"half\" |"]);
    call(folder, &[], &["contracts", "list", "--output", "markdown"]).is(64, &["no output as markdown"]);
}

#[test]
fn an_addition_is_a_release_of_its_own_and_says_since_when_it_is_there() {
    let folder = frozen();
    let folder = folder.path();
    let more = |rest: &str| {
        format!(
            "{}more = {{ from = \"event.other.more\", type = \"string\", {rest}about = \"More.\" }}\n",
            *CONTRACT
        )
    };
    write(folder, &more(""));
    release(folder, &[]).is(2, &["data.thing.more: a new field that is always there"]);
    write(folder, &more("optional = true, "));
    check(folder)
        .is(78, &["it promises something else than release 1", "contracts diff moodle.thing.done.v1"]);
    call(folder, &[], &["contracts", "diff", NAME]).is(0, &["a new field that may be absent"]);
    release(folder, &[]).is(2, &["data.thing.more came with this release: write `since = 2`"]);
    write(folder, &more("optional = true, since = 2, "));
    release(folder, &[]).is(0, &["v1-2.toml"]);

    // The page tells what each release changed.
    call(folder, &[], &["contracts", "render", "--html", "site", "--contracts", "contracts"]).is(0, &[]);
    let page = fs::read_to_string(folder.join("site/thing/done/v1.html")).unwrap();
    let parts = [
        "Revision 2, ",
        "<code>data.thing.more</code>: ",
        "href=\"released/v1-2.toml\"",
        "Agreed by Ada Ng. First.",
    ];
    for part in parts {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains("Not released yet"));
    assert!(folder.join("site/thing/done/released/v1-1.blocks.toml").exists());
    check(folder).is(0, &[]);

    // What the second release added is promised from then on, and the first still holds.
    write(folder, &CONTRACT);
    check(folder).is(78, &["data.thing.more: the field is gone", "breaks release 2"]);
}

#[test]
fn other_words_need_a_person_who_agrees_and_the_record_keeps_who_and_to_what() {
    let folder = frozen();
    let folder = folder.path();
    write(folder, &CONTRACT.replace("\"S.\"", "\"S, as before.\""));
    check(folder).is(78, &["sent: said \"S.\", now says \"S, as before.\""]);
    call(folder, &[], &["contracts", "diff", NAME]).is(0, &["needs-approval"]);
    release(folder, &[]).is(2, &["only a person can judge", "--accept sent"]);
    release(folder, &["--accept", "sent", "--accept", "group"])
        .is(2, &["--accept group: nothing there needs it"]);
    release(folder, &["--accept", "sent"]).is(0, &["v1-2.release.toml"]);
    let record = released(folder).into_iter().find(|(name, _)| name == "v1-2.release.toml").unwrap().1;
    assert!(record.contains("accepted = ['sent: said \"S.\", now says \"S, as before.\""), "{record}");
    check(folder).is(0, &[]);
}

#[test]
fn a_release_that_was_edited_or_taken_away_is_found() {
    let folder = frozen();
    let folder = folder.path();
    check(folder).is(0, &[]);
    let check = |folder: &Path| call(folder, &[], &["contracts", "check", "contracts"]);
    let released = folder.join("contracts/thing/done/released");
    let edit = |name: &str, put_out: &str, put_in: &str, told: &[&str]| {
        let path = released.join(name);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(put_out), "{text}");
        fs::write(&path, text.replacen(put_out, put_in, 1)).unwrap();
        check(folder).is(78, told);
        release(folder, &[]).is(78, told);
        fs::write(&path, text).unwrap();
    };
    edit("v1-1.toml", "\"P.\"", "\"Q.\"", &["v1-1.toml", "this released text was changed"]);
    edit("v1-1.blocks.toml", "The course.", "A course.", &["the common blocks of this release were changed"]);
    edit("v1-1.release.toml", "revision = 1", "revision = 2", &["the record is that of another release"]);
    edit("v1-1.release.toml", "by = ", "who = ", &["the record cannot be read"]);
    edit(
        "v1-1.release.toml",
        "digest = \"sha256:",
        "digest = \"sha256:0",
        &["this program reads the released text as"],
    );

    let away = |name: &str, told: &[&str]| {
        let (path, kept) = (released.join(name), folder.join("kept"));
        fs::rename(&path, &kept).unwrap();
        check(folder).is(78, told);
        fs::rename(&kept, &path).unwrap();
    };
    away("v1-1.release.toml", &["v1-1.release.toml", "this file of the release is missing"]);
    away("v1-1.blocks.toml", &["the common blocks of this release were changed"]);
    for kind in ["toml", "blocks.toml", "release.toml"] {
        fs::rename(released.join(format!("v1-1.{kind}")), released.join(format!("v1-2.{kind}"))).unwrap();
    }
    check(folder).is(78, &["release 1 of moodle.thing.done.v1 is missing"]);
}

#[test]
fn two_versions_are_compared_for_those_who_move() {
    let folder = frozen();
    let folder = folder.path();
    let v2 = CONTRACT.replace("done.v1", "done.v2").replace("mode = ", "state = ");
    fs::write(folder.join("contracts/thing/done/v2.toml"), v2).unwrap();
    let diff =
        |old: &str, new: &str| call(folder, &[], &["contracts", "diff", old, new, "--output", "table"]);
    let told = [
        "1 change breaks a consumer of moodle.thing.done.v1",
        "renamed to data.thing.state",
        "before they move from v1",
    ];
    diff("contracts/thing/done/v1.toml", "contracts/thing/done/v2.toml").is(2, &told);
    diff("contracts/thing/done/released/v1-1.toml", "contracts/thing/done/v1.toml")
        .is(0, &["Nothing changed."]);
    let other = folder.join("other.toml");
    fs::write(&other, CONTRACT.replace("thing.done", "thing.undone")).unwrap();
    diff("contracts/thing/done/v1.toml", "other.toml").is(64, &["are two contracts"]);
    diff("contracts/thing/done/v1.toml", "nowhere.toml").is(69, &["reading the contract nowhere.toml"]);
}
