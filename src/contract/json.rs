//! Writes JSON text in the order of the contract, with no character that SNS forbids.

use std::fmt::Write as _;

use super::value::{Told, write_time};

/// Appends a JSON string. SNS takes the characters that XML allows; of those it does not, JSON escapes
/// the control characters anyway, and the two others (U+FFFE and U+FFFF) are escaped here.
pub(super) fn write_text(out: &mut String, text: &str) {
    out.push('"');
    let mut plain = 0;
    for (at, byte) in text.bytes().enumerate() {
        // U+FFFE and U+FFFF are EF BF BE and EF BF BF.
        let noncharacter = byte == 0xEF && matches!(text.as_bytes()[at..], [_, 0xBF, 0xBE | 0xBF, ..]);
        if byte >= 0x20 && byte != b'"' && byte != b'\\' && !noncharacter {
            continue;
        }
        out.push_str(&text[plain..at]);
        plain = at + 1;
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            0xEF => {
                plain = at + 3;
                out.push_str(if text.as_bytes()[at + 2] == 0xBE { "\\ufffe" } else { "\\uffff" });
            }
            // Writing to a String does not fail.
            _ => drop(write!(out, "\\u{byte:04x}")),
        }
    }
    out.push_str(&text[plain..]);
    out.push('"');
}

/// Appends a value of a contract's type.
pub(super) fn write_told(out: &mut String, told: &Told<'_>) {
    match told {
        Told::Null => out.push_str("null"),
        Told::Integer(n) => drop(write!(out, "{n}")),
        // `Display` writes the shortest text that reads back as the same number, never an exponent.
        Told::Number(n) => drop(write!(out, "{n}")),
        Told::Boolean(b) => out.push_str(if *b { "true" } else { "false" }),
        Told::Text(text) => write_text(out, text),
        Told::Time(seconds) => {
            out.push('"');
            write_time(out, *seconds);
            out.push('"');
        }
        Told::List(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write_told(out, item);
            }
            out.push(']');
        }
    }
}

/// An SNS attribute's value: what SNS forbids is replaced (there is nothing to escape it with). None
/// where SNS would refuse it: when empty; and when over 256 bytes, which is our own limit.
pub(super) fn attribute(text: &str) -> Option<String> {
    if text.bytes().all(|b| matches!(b, b' '..=b'~')) {
        return (1..=256).contains(&text.len()).then(|| text.to_owned());
    }
    let allowed = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{10000}'..);
    let clean: String =
        text.chars().map(|c| if allowed(c) { c } else { char::REPLACEMENT_CHARACTER }).collect();
    (1..=256).contains(&clean.len()).then_some(clean)
}

/// Lays a compact JSON text out for people, keeping its order: two spaces a level, a short list or
/// object of plain values on one line.
#[must_use]
pub fn pretty(compact: &str) -> String {
    let mut out = String::with_capacity(compact.len() * 2);
    lay(&mut out, compact.as_bytes(), compact, 0, 0);
    out.push('\n');
    out
}

/// What fits on one line.
const WIDTH: usize = 100;

/// Lays out the value that begins at `at`; gives where it ends.
fn lay(out: &mut String, bytes: &[u8], text: &str, at: usize, depth: usize) -> usize {
    let end = end_of(bytes, at);
    let open = bytes.get(at).copied().unwrap_or_default();
    if !matches!(open, b'{' | b'[') || end - at == 2 {
        out.push_str(&text[at..end]);
        return end;
    }
    let line = out.len() - out.rfind('\n').map_or(0, |i| i + 1);
    if let Some(flat) = flat(bytes, text, at, end).filter(|f| depth > 0 && line + f.len() <= WIDTH) {
        out.push_str(&flat);
        return end;
    }
    out.push(char::from(open));
    let mut at = at + 1;
    loop {
        out.push('\n');
        out.push_str(&"  ".repeat(depth + 1));
        if open == b'{' {
            let key_end = end_of(bytes, at);
            out.push_str(&text[at..key_end]);
            out.push_str(": ");
            at = key_end + 1;
        }
        at = lay(out, bytes, text, at, depth + 1);
        match bytes.get(at) {
            Some(b',') => out.push(','),
            _ => break,
        }
        at += 1;
    }
    out.push('\n');
    out.push_str(&"  ".repeat(depth));
    out.push_str(&text[at..end]);
    end
}

/// A container of plain values on one line, with a blank after each comma and colon.
fn flat(bytes: &[u8], text: &str, at: usize, end: usize) -> Option<String> {
    let object = bytes[at] == b'{';
    let mut out = String::from(if object { "{ " } else { "[" });
    let mut at = at + 1;
    while at < end - 1 {
        let to = end_of(bytes, at);
        if matches!(bytes[at], b'{' | b'[') {
            return None;
        }
        out.push_str(&text[at..to]);
        at = to;
        match bytes[at] {
            b',' => out.push_str(", "),
            b':' => out.push_str(": "),
            _ => break,
        }
        at += 1;
    }
    out.push_str(if object { " }" } else { "]" });
    Some(out)
}

/// Where the value that begins at `at` ends.
fn end_of(bytes: &[u8], at: usize) -> usize {
    let (mut depth, mut quoted, mut i) = (0_usize, false, at);
    while let Some(byte) = bytes.get(i) {
        match byte {
            b'\\' if quoted => i += 1,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => depth += 1,
            b'}' | b']' if !quoted && depth > 0 => depth -= 1,
            b',' | b':' | b'}' | b']' if !quoted && depth == 0 => return i,
            _ => {}
        }
        i += 1;
        if depth == 0 && !quoted && matches!(byte, b'"' | b'}' | b']') {
            return i;
        }
    }
    i
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_text_holds_only_what_sns_takes() {
        let mut out = String::new();
        write_text(&mut out, "a\"\\\n\r\t\u{0}\u{1f}\u{7f}é\u{fffd}\u{fffe}x\u{ffff}😀");
        assert_eq!(out, "\"a\\\"\\\\\\n\\r\\t\\u0000\\u001f\u{7f}é\u{fffd}\\ufffex\\uffff😀\"");
    }

    #[test]
    fn an_attribute_is_cleaned_and_left_out_when_empty_or_long() {
        for (text, expected) in [
            ("a b", Some("a b".to_owned())),
            ("a\u{0}b\u{ffff}", Some("a\u{fffd}b\u{fffd}".to_owned())),
            ("", None),
            (&"x".repeat(256), Some("x".repeat(256))),
            (&"x".repeat(257), None),
            (&"é".repeat(129), None),
        ] {
            assert_eq!(attribute(text), expected);
        }
    }

    proptest! {
        #[test]
        fn any_text_reads_back_and_holds_no_forbidden_character(text in "\\PC*|(?s).*|[\u{fffc}-\u{ffff}\u{0}-\u{1f}]*") {
            let mut out = String::new();
            write_text(&mut out, &text);
            prop_assert_eq!(serde_json::from_str::<String>(&out).unwrap(), text);
            let allowed = |c| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{10000}'..);
            prop_assert!(out.chars().all(allowed));
        }

        #[test]
        fn laying_out_changes_blanks_only(values in prop::collection::vec("\\PC{0,12}", 0..6), n in 0_i64..9) {
            let value = serde_json::json!({"a": values, "b": {"c": n, "d": {}}, "e": [], "f": [[n], {"g": null}], "h, :{}[]": "\\\" ,:"});
            let laid = pretty(&value.to_string());
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&laid).unwrap(), value);
        }
    }
}
