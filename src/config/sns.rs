//! Amazon SNS: the account's side, the topics, and which contracts each gets.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use super::problem::{Origin, Problems};
use super::read::{Section, distance};
use crate::delivery::{ContractId, TopicKey};
use crate::event::SourceKey;

/// `[aws]`: where SNS is.
#[derive(Debug, Clone)]
pub struct Aws {
    /// The region; by default that of the topics.
    pub region: String,
    /// Another place than AWS's own.
    pub endpoint_url: Option<String>,
    /// Messages a second that the account may publish to standard topics, where that is written.
    pub quota_standard: Option<u64>,
    /// The same to FIFO topics.
    pub quota_fifo: Option<u64>,
    /// Hundredths of the quota that this process uses.
    pub quota_share: u64,
}

/// `[topics.KEY]`: a topic and what it gets.
#[derive(Debug, Clone)]
pub struct Topic {
    /// The key: the topic's identity.
    pub key: TopicKey,
    /// Its ARN.
    pub arn: Arn,
    /// Names and patterns of contracts, as written.
    pub contracts: Vec<String>,
    /// The sources it gets messages of; none: all.
    pub sources: Option<Vec<SourceKey>>,
    /// Whether draft contracts are published to it.
    pub drafts: bool,
    /// Whether test messages are published to it.
    pub test: bool,
    /// The largest message, in bytes.
    pub max_message: u64,
    /// Batches at once.
    pub in_flight: u64,
    /// Where each of `contracts` stands.
    written: Vec<Origin>,
}

impl Topic {
    /// Whether a contract that one of its patterns means goes to it.
    fn takes(&self, maturity: Maturity) -> bool {
        match maturity {
            Maturity::Frozen => true,
            Maturity::Draft => self.drafts,
            Maturity::Test => self.test,
        }
    }
}

/// The name of a topic in AWS: `arn:aws:sns:REGION:ACCOUNT:NAME`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arn {
    text: String,
}

impl Arn {
    /// The whole ARN.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The region in it.
    #[must_use]
    pub fn region(&self) -> &str {
        self.text.split(':').nth(3).unwrap_or_default()
    }

    /// Whether it is a FIFO topic: SNS asks that exactly their names end in `.fifo`.
    #[must_use]
    pub fn is_fifo(&self) -> bool {
        self.text.ends_with(".fifo")
    }
}

impl FromStr for Arn {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = text.split(':').collect();
        let ["arn", partition, "sns", region, account, name] = parts[..] else {
            return Err("is not of six parts, arn:aws:sns:REGION:ACCOUNT:NAME");
        };
        let word = |part: &str| {
            !part.is_empty()
                && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        };
        let base = name.strip_suffix(".fifo").unwrap_or(name);
        let named = (1..=256).contains(&name.len())
            && !base.is_empty()
            && base.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        if !partition.starts_with("aws") || !word(partition) || !word(region) {
            Err("has no partition and region, as in arn:aws:sns:eu-west-2:…")
        } else if account.len() != 12 || !account.bytes().all(|b| b.is_ascii_digit()) {
            Err("has no account of 12 digits")
        } else if !named {
            Err(
                "has a name that SNS doesn't take: letters, digits, - and _, and .fifo at the end of a FIFO topic's",
            )
        } else {
            Ok(Self { text: text.to_owned() })
        }
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Whether a contract may still change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Maturity {
    /// It may change: only topics with `drafts = true` get it.
    Draft,
    /// It is frozen.
    Frozen,
    /// It is that of test messages: only topics with `test = true` get it, and they get it whatever else
    /// they name.
    Test,
}

/// Means the contract of test messages, in whatever version there is.
const TESTS: &str = "moodle.producer.test.*";

/// What one topic gets, with all patterns followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscribed {
    /// The topic.
    pub topic: TopicKey,
    /// The contracts, sorted.
    pub contracts: Vec<ContractId>,
    /// The sources it gets messages of; none: all.
    pub sources: Option<Vec<SourceKey>>,
}

/// Follows the topics' patterns. `matching` gives the contracts that a name or pattern means.
pub(crate) fn subscriptions(
    topics: &[Topic],
    matching: impl Fn(&str) -> Vec<(ContractId, Maturity)>,
) -> Result<Vec<Subscribed>, Problems> {
    let mut problems = Problems::default();
    let mut list = Vec::new();
    for topic in topics {
        let mut contracts = Vec::new();
        for (pattern, at) in topic.contracts.iter().zip(&topic.written) {
            let found = matching(pattern);
            let taken: Vec<ContractId> = found
                .iter()
                .filter(|(_, maturity)| topic.takes(*maturity))
                .map(|(id, _)| id.clone())
                .collect();
            let key = &topic.key;
            if found.is_empty() {
                problems.add(
                    at,
                    format!("topics.{key}.contracts: {pattern:?} matches no contract"),
                    "`moodle-sns-producer contracts list` shows all; the version belongs to the name",
                );
            } else if found.iter().all(|(_, maturity)| *maturity == Maturity::Test) && !topic.test {
                problems.add(
                    at,
                    format!("topics.{key}.contracts: {pattern:?} means test messages only"),
                    format!("write test = true in [topics.{key}], or take the name out"),
                );
            } else if taken.is_empty() {
                let all = found.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>().join(", ");
                problems.add(
                    at,
                    format!("topics.{key}.contracts: {pattern:?} means drafts only ({all})"),
                    format!(
                        "write drafts = true in [topics.{key}]: its consumers must know that drafts change"
                    ),
                );
            }
            contracts.extend(taken);
        }
        if topic.test {
            let tests = matching(TESTS).into_iter().filter(|(_, maturity)| *maturity == Maturity::Test);
            contracts.extend(tests.map(|(id, _)| id));
        }
        contracts.sort();
        contracts.dedup();
        list.push(Subscribed { topic: topic.key.clone(), contracts, sources: topic.sources.clone() });
    }
    problems.or(list)
}

/// `contracts.withdrawn`: whole names, since a pattern would erase more than a person sees.
pub(crate) fn withdrawn(root: &Section, problems: &mut Problems) -> Vec<(ContractId, Origin)> {
    let texts = root.inner("contracts").and_then(|section| section.texts("withdrawn")).unwrap_or_default();
    let mut list: Vec<(ContractId, Origin)> = Vec::new();
    for (text, at) in texts {
        match text.parse::<ContractId>() {
            Ok(id) => list.push((id, at.clone())),
            Err(fault) => problems.add(
                at,
                format!("contracts.withdrawn: {fault}"),
                "write the whole name with its version; patterns are not taken here",
            ),
        }
    }
    list
}

/// Tells of withdrawn contracts that there are not.
pub(crate) fn check_withdrawn(withdrawn: &[(ContractId, Origin)], known: &[&str]) -> Result<(), Problems> {
    let mut problems = Problems::default();
    for (id, at) in withdrawn.iter().filter(|(id, _)| !known.contains(&id.as_str())) {
        let near = known.iter().map(|name| (distance(id.as_str(), name), name)).min();
        let cure = match near {
            Some((apart, near)) if apart <= 6 => format!("did you mean {near}?"),
            _ => "`moodle-sns-producer contracts list` shows all".to_owned(),
        };
        problems.add(at, format!("contracts.withdrawn: there is no contract {id}"), cure);
    }
    problems.or(())
}

pub(crate) fn topics(root: &Section, problems: &mut Problems) -> Vec<Topic> {
    let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
    let mut list = Vec::new();
    for (name, section) in root.named("topics") {
        let path = format!("topics.{name}");
        let arn = section.text("arn").and_then(|text| {
            let at = section.origin("arn");
            if let Some(first) = seen.insert(text, name) {
                problems.add(
                    &at,
                    format!("{path}.arn is also that of topics.{first}"),
                    "one topic, one table: put the contracts together",
                );
            }
            text.parse::<Arn>()
                .map_err(|fault| {
                    problems.add(
                        &at,
                        format!("{path}.arn {text:?} {fault}"),
                        "copy it from the console or the stack's outputs",
                    );
                })
                .ok()
        });
        let (contracts, written) = contracts(section, &path, problems);
        let sources = section.texts("sources").map(|texts| known_sources(texts, &path, root, problems));
        if let (Ok(key), Some(arn)) = (name.parse(), arn) {
            list.push(Topic {
                key,
                arn,
                contracts,
                sources,
                drafts: section.is_on("drafts"),
                test: section.is_on("test"),
                max_message: section.size("max_message"),
                in_flight: section.count("in_flight").unwrap_or_default(),
                written,
            });
        }
    }
    if root.entry("topics").is_some() && root.named("topics").is_empty() {
        problems.add(&root.at, "there is no topic", "write a [topics.KEY] for each topic");
    }
    list
}

fn contracts(section: &Section, path: &str, problems: &mut Problems) -> (Vec<String>, Vec<Origin>) {
    let patterns = section.texts("contracts").unwrap_or_default();
    if section.texts("contracts").is_some() && patterns.is_empty() && !section.is_on("test") {
        problems.add(
            &section.origin("contracts"),
            format!("{path}.contracts is empty, so the topic would get nothing"),
            "name contracts, or take the topic out; one of test messages alone has test = true",
        );
    }
    for (pattern, at) in patterns {
        let odd = |c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || "._*".contains(c));
        if pattern.is_empty() || pattern.contains(odd) {
            problems.add(
                at,
                format!("{path}.contracts: {pattern:?} can't be the name of a contract"),
                "write a name, \"moodle.enrolment.created.v1\", or one with *, \"moodle.enrolment.*.v1\"",
            );
        }
    }
    patterns.iter().cloned().unzip()
}

fn known_sources(
    texts: &[(String, Origin)],
    path: &str,
    root: &Section,
    problems: &mut Problems,
) -> Vec<SourceKey> {
    let known = root.named("sources");
    let mut keys = Vec::new();
    for (text, at) in texts {
        if !known.iter().any(|(name, _)| name == text) {
            let names: Vec<&str> = known.iter().map(|(name, _)| name.as_str()).collect();
            problems.add(
                at,
                format!("{path}.sources: there is no source {text:?}"),
                format!("the sources are: {}", names.join(", ")),
            );
        }
        keys.extend(text.parse::<SourceKey>());
    }
    keys
}

pub(crate) fn aws(section: &Section, topics: &[Topic], root: &Section, problems: &mut Problems) -> Aws {
    let region = section
        .text("region")
        .or_else(|| topics.first().map(|topic| topic.arn.region()))
        .unwrap_or_default()
        .to_owned();
    for topic in topics {
        if topic.arn.region() != region {
            let tables = root.named("topics");
            let table = tables.iter().find(|(name, _)| name == topic.key.as_str());
            problems.add(
                &table.map_or(Origin::Default, |(_, table)| table.origin("arn")),
                format!("topics.{}.arn is in {}, and aws.region is {region}", topic.key, topic.arn.region()),
                "SNS answers only for its own region: run one sidecar a region",
            );
        }
    }
    let endpoint_url = section.text("endpoint_url").map(str::to_owned);
    if let Some(url) = &endpoint_url {
        let at = section.origin("endpoint_url");
        if !section.is_on("allow_custom_endpoint") {
            problems.add(
                &at,
                format!("aws.endpoint_url is {url}, so messages would not go to AWS"),
                "take it out; for LocalStack set allow_custom_endpoint = true",
            );
        }
        if !url.starts_with("http://") && !url.starts_with("https://") {
            problems.add(&at, format!("aws.endpoint_url is {url:?}"), "write \"http://127.0.0.1:4566\"");
        }
    }
    Aws {
        region,
        endpoint_url,
        quota_standard: section.count("quota_standard"),
        quota_fifo: section.count("quota_fifo"),
        quota_share: section.count("quota_share").unwrap_or(100),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_names_region_account_and_topic() {
        for good in [
            "arn:aws:sns:eu-west-2:111122223333:moodle-grades.fifo",
            "arn:aws-cn:sns:cn-north-1:111122223333:a_B-9",
            "arn:aws-us-gov:sns:us-gov-west-1:111122223333:x",
        ] {
            assert_eq!(good.parse::<Arn>().map(|arn| arn.to_string()), Ok(good.to_owned()));
        }
        for (bad, fault) in [
            ("moodle-grades", "is not of six parts"),
            ("arn:aws:sqs:eu-west-2:111122223333:x", "is not of six parts"),
            ("arn:aws:sns:eu-west-2:1111:x", "has no account"),
            ("arn:aws:sns:eu-west-2:111122223333:*", "has a name"),
            ("arn:aws:sns:eu-west-2:111122223333:.fifo", "has a name"),
            ("arn:aws:sns:eu-west-2:111122223333:a.fifo.b", "has a name"),
            ("arn:aws:sns::111122223333:x", "has no partition and region"),
            ("arn:aws:sns:eu-west-2:111122223333:x:uuid", "is not of six parts"),
        ] {
            assert!(bad.parse::<Arn>().unwrap_err().starts_with(fault), "{bad}");
        }
    }
}
