//! Text made safe for HTML, and JSON with its keys marked.

use std::fmt;

use askama::filters::HtmlSafe;

/// HTML that is whole: what came from a contract was escaped when it was put in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Markup(String);

impl fmt::Display for Markup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl HtmlSafe for Markup {}

impl Markup {
    /// Appends text as text.
    pub(super) fn text(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                c => self.0.push(c),
            }
        }
    }

    /// Appends markup of our own.
    pub(super) fn raw(&mut self, markup: &'static str) {
        self.0.push_str(markup);
    }
}

/// JSON text as it is, the keys marked.
pub(super) fn json(text: &str) -> Markup {
    let mut out = Markup::default();
    let mut rest = text;
    while let Some(start) = rest.find('"') {
        let (before, from) = rest.split_at(start);
        out.text(before);
        let end = string_end(from);
        let (string, after) = from.split_at(end);
        if after.starts_with(':') {
            out.raw("<b>");
            out.text(string);
            out.raw("</b>");
        } else {
            out.text(string);
        }
        rest = after;
    }
    out.text(rest);
    out
}

/// Where a string that begins here ends, its quotes included.
fn string_end(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_marked_and_nothing_is_markup() {
        assert_eq!(
            json(r#"{"a": "<i>\": ", "b\"": [1, "c"], "d":"#).to_string(),
            "{<b>&quot;a&quot;</b>: &quot;&lt;i&gt;\\&quot;: &quot;, <b>&quot;b\\&quot;&quot;</b>: [1, &quot;c&quot;], <b>&quot;d&quot;</b>:"
        );
        assert_eq!(json("\"open").to_string(), "&quot;open");
    }
}
