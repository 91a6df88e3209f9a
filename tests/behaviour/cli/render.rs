//! `contracts render`: the pages hold what the contracts and their examples say, and nothing leads nowhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Said, call, plain, repository};

/// Everything below a folder, by its path there.
fn read_all(folder: &Path) -> BTreeMap<String, String> {
    fn walk(root: &Path, folder: &Path, into: &mut BTreeMap<String, String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(root, &path, into);
            } else {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                into.insert(name, fs::read_to_string(&path).unwrap());
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(folder, folder, &mut found);
    found
}

fn render(words: &[&str]) -> BTreeMap<String, String> {
    let folder = tempfile::tempdir().unwrap();
    let site = folder.path().join("site");
    let words = [&["contracts", "render", "--html", site.to_str().unwrap()], words].concat();
    plain(&words).done();
    read_all(&site)
}

/// What an attribute of this name holds, wherever it stands.
fn attributes<'p>(page: &'p str, name: &str) -> Vec<&'p str> {
    let start = format!(" {name}=\"");
    page.split(&*start).skip(1).map(|rest| rest.split('"').next().unwrap()).collect()
}

/// Text of HTML without its tags.
fn text(html: &str) -> String {
    let mut plain = String::new();
    let mut inside = false;
    for c in html.chars() {
        match c {
            '<' => inside = true,
            '>' => inside = false,
            c if !inside => plain.push(c),
            _ => {}
        }
    }
    let names = [
        ("&lt;", "<"),
        ("&#60;", "<"),
        ("&gt;", ">"),
        ("&#62;", ">"),
        ("&quot;", "\""),
        ("&#34;", "\""),
        ("&#39;", "'"),
        ("&#38;", "&"),
        ("&amp;", "&"),
    ];
    names.iter().fold(plain, |text, (name, c)| text.replace(name, c))
}

/// The contracts built in: name, version, and the folder that each stands in.
fn built_in() -> Vec<(String, PathBuf)> {
    let said = plain(&["contracts", "list", "--output", "json"]).json();
    let names = said.as_array().unwrap().iter().map(|row| row["contract"].as_str().unwrap().to_owned());
    names
        .map(|name| {
            let parts: Vec<&str> = name.split('.').collect();
            let folder = repository("contracts").join(parts[1]).join(parts[2]);
            (name.clone(), folder)
        })
        .collect()
}

fn place(name: &str) -> String {
    name.trim_start_matches("moodle.").replace('.', "/")
}

#[test]
fn every_contract_has_its_page_with_all_that_stands_beside_it() {
    let site = render(&[]);
    let contracts = built_in();
    assert!(contracts.len() >= 8);
    for (name, folder) in &contracts {
        let place = place(name);
        let version = place.rsplit('/').next().unwrap();
        let page = &site[&format!("{place}.html")];
        for index in ["index.html", "index.md", "llms.txt"] {
            let twin = format!("{place}.{}", if index == "index.html" { "html" } else { "md" });
            assert!(site[index].contains(&twin), "{index} does not name {name}");
        }
        assert!(text(page).contains(name.as_str()) && site[&format!("{place}.md")].contains(name.as_str()));
        for ending in ["toml", "schema.json"] {
            let file = fs::read_to_string(folder.join(format!("{version}.{ending}"))).unwrap();
            assert_eq!(site[&format!("{place}.{ending}")], file);
        }
        // Examples are those of the files, the first as a whole, of each other its subject and data.
        let shown: Vec<Value> = page
            .split("<code>{")
            .skip(1)
            .filter_map(|rest| {
                serde_json::from_str(&text(&format!("{{{}", rest.split("</code>").next()?))).ok()
            })
            .collect();
        let mut whole = 0;
        for entry in fs::read_dir(folder.join("examples")).unwrap() {
            let path = entry.unwrap().path();
            let file: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
            let message = &file["message"];
            let short = serde_json::json!({ "subject": message["subject"], "data": message["data"] });
            assert!(shown.contains(message) || shown.contains(&short), "{} is not shown", path.display());
            whole += usize::from(shown.contains(message));
            let copy = format!(
                "{}/examples/{}",
                place.rsplit_once('/').unwrap().0,
                path.file_name().unwrap().to_str().unwrap()
            );
            assert!(site[&copy] == fs::read_to_string(&path).unwrap());
        }
        assert_eq!(whole, 1, "{name}");
        let schema: Value = serde_json::from_str(&site[&format!("{place}.schema.json")]).unwrap();
        assert_eq!(schema["properties"]["type"]["const"], **name);
    }
}

#[test]
fn every_link_leads_somewhere_and_every_page_is_small_and_asks_nobody_else() {
    let site = render(&[]);
    let ids: BTreeMap<&str, BTreeSet<&str>> = site
        .iter()
        .map(|(name, page)| (name.as_str(), attributes(page, "id").into_iter().collect()))
        .collect();
    for (name, page) in site.iter().filter(|(name, _)| name.ends_with(".html")) {
        assert!(page.len() < 100_000, "{name}: {}", page.len());
        // What the policy of such pages forbids: style attributes, inline scripts, other sites.
        assert!(
            !page.contains(" style=") && !page.contains("<script>") && !page.contains("://www."),
            "{name}"
        );
        assert_eq!(attributes(page, "id").len(), ids[&**name].len(), "{name}: an id stands twice");
        for link in [attributes(page, "href"), attributes(page, "src")].concat() {
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let mut parts: Vec<&str> = name.split('/').collect();
            parts.pop();
            for part in path.split('/') {
                if part == ".." {
                    assert!(parts.pop().is_some(), "{name} leads out of the site: {link}");
                } else {
                    parts.push(part);
                }
            }
            let target = if path.is_empty() { name.clone() } else { parts.join("/") };
            assert!(site.contains_key(&target), "{name} leads to {target}, which is not there");
            assert!(anchor.is_empty() || ids[&*target].contains(anchor), "{name} leads to {link}");
        }
    }
    for (name, page) in site.iter().filter(|(name, _)| name.ends_with(".md") || *name == "llms.txt") {
        let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
        for link in page.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
            for part in link.split('/') {
                if part == ".." {
                    parts.pop();
                } else {
                    parts.push(part);
                }
            }
            assert!(site.contains_key(&parts.join("/")), "{name} leads to {link}");
        }
    }
}

/// A folder with one contract of its own, whose texts try to be markup.
fn hostile(folder: &Path) {
    let from = repository("contracts/cohort/member_added");
    let to = folder.join("own/guild/joined");
    fs::create_dir_all(to.join("examples")).unwrap();
    let evil = r#"<script>alert(1)</script> "q" | [a](javascript:b) `<i>`"#;
    let toml = fs::read_to_string(from.join("v1.toml"))
        .unwrap()
        .replace("moodle.cohort.member_added.v1", "moodle.guild.joined.v1");
    let toml: Vec<String> = toml
        .lines()
        .map(|line| match line.split_once('=') {
            Some((key, _)) if ["title", "purpose", "sent", "not_sent"].contains(&key.trim()) => {
                format!("{key}= '''{evil}'''")
            }
            _ => line.to_owned(),
        })
        .collect();
    fs::write(to.join("v1.toml"), toml.join("\n")).unwrap();
    let example = fs::read_to_string(from.join("examples/ordinary.json")).unwrap();
    let mut example: Value = serde_json::from_str(&example).unwrap();
    example["note"] = evil.into();
    fs::write(to.join("examples/ordinary.json"), example.to_string()).unwrap();
    call(folder, &[], &["contracts", "check", "own", "--write"]).done();
}

#[test]
fn text_of_a_contract_is_text_and_never_markup() {
    let folder = tempfile::tempdir().unwrap();
    hostile(folder.path());
    call(folder.path(), &[], &["contracts", "render", "--html", "site", "--contracts", "own"]).done();
    let site = read_all(&folder.path().join("site"));
    let page = &site["guild/joined/v1.html"];
    assert!(text(page).contains("<script>alert(1)</script> \"q\" | [a](javascript:b) "));
    for (name, page) in &site {
        if name.ends_with(".html") || name.ends_with(".md") || name.ends_with(".txt") {
            // In Markdown, code between backquotes is text already.
            let html = name.ends_with(".html");
            assert!(!page.contains("<script>"), "{name}");
            assert!(!html || !page.contains("<i>`"), "{name}");
            assert!(html || !page.replace("\\[", "").contains("[a](java"), "{name}");
        }
    }
    // Its own examples and place are there, beside the built-in ones.
    assert!(
        site.contains_key("guild/joined/examples/ordinary.json")
            && site.contains_key("group/member_added/v1.html")
    );
}

#[test]
fn a_topic_is_told_where_the_configuration_has_one() {
    let folder = tempfile::tempdir().unwrap();
    call(folder.path(), &[], &["init", "."]).done();
    let words = ["contracts", "render", "--html", "site", "--config", "config.toml"];
    call(folder.path(), &[], &words).done();
    let site = read_all(&folder.path().join("site"));
    let page = text(&site["enrolment/created/v1.html"]);
    for part in [
        "Topic moodle-enrolments.fifo FIFO",
        "--topic-arn arn:aws:sns:eu-west-2:111122223333:moodle-enrolments.fifo",
        "FifoQueue: true",
    ] {
        assert!(page.contains(part), "{part}\n{page}");
    }
    assert!(
        text(&site["grade/updated/v1.html"]).contains("Not published here. No topic of this site carries it")
    );
    assert!(site["index.html"].contains("data-k=\"fifo\"") && site["index.html"].contains("data-k=\"no\""));
    assert!(
        text(&render(&[])["grade/updated/v1.html"])
            .contains("Not published here: these pages speak of no site’s topics.")
    );
}

#[test]
fn a_folder_that_holds_other_things_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let at = |path: &str| folder.path().join(path);
    let render = || -> Said { call(folder.path(), &[], &["contracts", "render", "--html", "site"]) };
    fs::create_dir(at("site")).unwrap();
    fs::write(at("site/thesis.txt"), "mine").unwrap();
    render().is(64, &["site holds things that `contracts render` did not write", "a new or an empty folder"]);
    assert_eq!(read_all(&at("site")).len(), 1);
    fs::remove_file(at("site/thesis.txt")).unwrap();

    render().is(0, &[" pages in site, ", " The largest page is "]);
    let first = read_all(&at("site"));
    // What an earlier render wrote and this one does not is taken away; what somebody else put there stays,
    // and a list that names files elsewhere takes nothing away there.
    fs::create_dir_all(at("site/old/gone")).unwrap();
    fs::write(at("site/old/gone/v1.html"), "").unwrap();
    fs::write(at("site/kept.txt"), "").unwrap();
    fs::write(at("outside.txt"), "").unwrap();
    let list = fs::read_to_string(at("site/.rendered")).unwrap();
    fs::write(at("site/.rendered"), format!("old/gone/v1.html\n../outside.txt\n{list}")).unwrap();
    render().is(0, &[]);
    assert!(!at("site/old").exists() && at("site/kept.txt").exists() && at("outside.txt").exists());
    fs::remove_file(at("site/kept.txt")).unwrap();
    assert!(read_all(&at("site")) == first, "a second render gives the same bytes");
}
