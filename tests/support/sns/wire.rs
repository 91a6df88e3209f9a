//! The awsQuery wire of SNS: form-encoded calls in, XML answers out.

use std::collections::BTreeMap;
use std::fmt::Write;

/// One call, decoded.
#[derive(Debug, Default)]
pub struct Call {
    pub action: String,
    pub topic: String,
    /// By their number on the wire.
    pub entries: BTreeMap<usize, Entry>,
}

/// One entry of a call; of a `Publish`, the only one.
#[derive(Debug, Default, Clone)]
pub struct Entry {
    pub id: String,
    pub message: String,
    pub attributes: BTreeMap<usize, Attribute>,
    pub group: Option<String>,
    pub dedup_id: Option<String>,
}

#[derive(Debug, Default, Clone)]
pub struct Attribute {
    pub name: String,
    pub data_type: String,
    pub value: String,
}

impl Entry {
    /// The size as SNS counts it.
    pub fn bytes(&self) -> usize {
        let attribute = |a: &Attribute| a.name.len() + a.data_type.len() + a.value.len();
        self.message.len() + self.attributes.values().map(attribute).sum::<usize>()
    }
}

/// Decodes a call's body; none when it is no form.
pub fn decode(body: &[u8]) -> Option<Call> {
    let mut call = Call::default();
    for pair in body.split(|b| *b == b'&').filter(|pair| !pair.is_empty()) {
        let at = pair.iter().position(|b| *b == b'=')?;
        let (key, value) = (percent_decode(&pair[..at])?, percent_decode(&pair[at + 1..])?);
        match key.as_str() {
            "Action" => call.action = value,
            "TopicArn" => call.topic = value,
            // An empty list is sent as its bare name.
            "Version" | "PublishBatchRequestEntries" => {}
            key => match key.strip_prefix("PublishBatchRequestEntries.member.") {
                Some(rest) => {
                    let (number, field) = rest.split_once('.')?;
                    set(call.entries.entry(number.parse().ok()?).or_default(), field, value)?;
                }
                None => set(call.entries.entry(1).or_default(), key, value)?,
            },
        }
    }
    Some(call)
}

fn set(entry: &mut Entry, field: &str, value: String) -> Option<()> {
    match field {
        "Id" => entry.id = value,
        "Message" => entry.message = value,
        "MessageGroupId" => entry.group = Some(value),
        "MessageDeduplicationId" => entry.dedup_id = Some(value),
        field => {
            let (number, field) = field.strip_prefix("MessageAttributes.entry.")?.split_once('.')?;
            let attribute = entry.attributes.entry(number.parse().ok()?).or_default();
            match field {
                "Name" => attribute.name = value,
                "Value.DataType" => attribute.data_type = value,
                "Value.StringValue" => attribute.value = value,
                _ => return None,
            }
        }
    }
    Some(())
}

fn percent_decode(text: &[u8]) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match first {
            b'+' => out.push(b' '),
            b'%' => {
                let (digits, after) = rest.split_at_checked(2)?;
                out.push(hex(digits[0])? << 4 | hex(digits[1])?);
                rest = after;
            }
            byte => out.push(*byte),
        }
    }
    String::from_utf8(out).ok()
}

fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// One line of an answer's `Successful` list.
#[derive(Debug, Clone)]
pub struct Successful {
    pub id: String,
    pub sns_id: String,
    pub sequence: Option<String>,
}

/// One line of an answer's `Failed` list.
#[derive(Debug, Clone)]
pub struct Failed {
    pub id: String,
    pub code: String,
    pub sender_fault: bool,
}

/// The answer to a `PublishBatch`.
pub fn batch_answer(successful: &[Successful], failed: &[Failed], request: &str) -> String {
    let mut out = String::with_capacity(256 + 160 * (successful.len() + failed.len()));
    out.push_str(r#"<PublishBatchResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishBatchResult><Failed>"#);
    for f in failed {
        let _ = write!(
            out,
            "<member><Id>{}</Id><Code>{}</Code><Message>said by the double</Message><SenderFault>{}</SenderFault></member>",
            escape(&f.id),
            escape(&f.code),
            f.sender_fault
        );
    }
    out.push_str("</Failed><Successful>");
    for s in successful {
        let _ = write!(out, "<member><Id>{}</Id><MessageId>{}</MessageId>", escape(&s.id), s.sns_id);
        if let Some(sequence) = &s.sequence {
            let _ = write!(out, "<SequenceNumber>{sequence}</SequenceNumber>");
        }
        out.push_str("</member>");
    }
    let _ = write!(
        out,
        "</Successful></PublishBatchResult><ResponseMetadata><RequestId>{request}</RequestId></ResponseMetadata></PublishBatchResponse>"
    );
    out
}

/// The answer to a `Publish`.
pub fn single_answer(one: &Successful, request: &str) -> String {
    let sequence =
        one.sequence.as_ref().map_or(String::new(), |s| format!("<SequenceNumber>{s}</SequenceNumber>"));
    format!(
        r#"<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult><MessageId>{}</MessageId>{sequence}</PublishResult><ResponseMetadata><RequestId>{request}</RequestId></ResponseMetadata></PublishResponse>"#,
        one.sns_id
    )
}

/// An error for a whole call.
pub fn error_answer(code: &str, words: &str, request: &str) -> String {
    format!(
        r#"<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><Error><Type>Sender</Type><Code>{}</Code><Message>{}</Message></Error><RequestId>{request}</RequestId></ErrorResponse>"#,
        escape(code),
        escape(words)
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
