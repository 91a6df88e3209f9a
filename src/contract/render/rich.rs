//! The texts of a contract with the names in them found: of fields, of other contracts, of Moodle's events.

use super::code::Markup;
use super::{Site, words};
use crate::contract::Contract;

/// A part of a text.
#[derive(Debug, PartialEq, Eq)]
enum Piece<'t> {
    Plain(&'t str),
    Name(&'t str),
    Link(&'t str, String),
}

/// Shows the texts of one page.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rich<'s> {
    site: &'s Site<'s>,
    /// The contract whose page it is; none on the index.
    here: Option<&'s Contract>,
}

impl<'s> Rich<'s> {
    pub(super) fn new(site: &'s Site<'s>, here: Option<&'s Contract>) -> Self {
        Self { site, here }
    }

    /// As HTML.
    pub(super) fn html(self, text: impl AsRef<str>) -> Markup {
        let mut out = Markup::default();
        for piece in self.pieces(text.as_ref()) {
            match piece {
                Piece::Plain(text) => out.text(text),
                Piece::Name(name) => {
                    out.raw("<code>");
                    out.text(name);
                    out.raw("</code>");
                }
                Piece::Link(name, to) => {
                    out.raw("<a href=\"");
                    out.text(&to);
                    out.raw("\"><code>");
                    out.text(name);
                    out.raw("</code></a>");
                }
            }
        }
        out
    }

    /// As Markdown, on one line, fit for a cell of a table.
    pub(super) fn md(self, text: impl AsRef<str>) -> String {
        let pieces = self.pieces(text.as_ref()).into_iter().map(|piece| match piece {
            Piece::Plain(text) => words::md(text),
            // The twin has no anchors for fields: a name is enough.
            Piece::Link(name, to) if !to.starts_with('#') => {
                format!("[`{name}`]({})", to.replace(".html", ".md"))
            }
            Piece::Name(name) | Piece::Link(name, _) => words::md_code(name),
        });
        pieces.collect()
    }

    fn pieces<'t>(self, text: &'t str) -> Vec<Piece<'t>> {
        let mut pieces = Vec::new();
        for (named, part) in crate::pages::pieces(text) {
            if named {
                pieces.push(self.target(part).map_or(Piece::Name(part), |to| Piece::Link(part, to)));
            } else {
                self.find_names(part, &mut pieces);
            }
        }
        pieces
    }

    fn find_names<'t>(self, text: &'t str, pieces: &mut Vec<Piece<'t>>) {
        let mut plain = 0;
        let mut at = 0;
        while let Some(start) = text[at..].find(is_part_of_name).map(|n| at + n) {
            let end = text[start..].find(|c| !is_part_of_name(c)).map_or(text.len(), |n| start + n);
            let word = text[start..end].trim_end_matches(['.', ':', '/', '-']);
            at = end;
            let piece = match self.target(word) {
                Some(to) => Piece::Link(word, to),
                None if is_name(word) => Piece::Name(word),
                None => continue,
            };
            if plain < start {
                pieces.push(Piece::Plain(&text[plain..start]));
            }
            pieces.push(piece);
            plain = start + word.len();
        }
        if plain < text.len() {
            pieces.push(Piece::Plain(&text[plain..]));
        }
    }

    /// Where a name leads.
    fn target(self, name: &str) -> Option<String> {
        if !name.contains('.') {
            return None;
        }
        if self.here.is_some_and(|here| here.fields().any(|field| field.path() == name)) {
            return Some(format!("#data.{name}"));
        }
        let versioned = self.site.shown.iter().map(|s| s.contract).find(|c| c.id().as_str() == name);
        let contract = versioned.or_else(|| self.site.short.get(name).copied())?;
        (self.here.map(Contract::id) != Some(contract.id())).then(|| self.page(contract))
    }

    /// The page of a contract, as seen from here.
    pub(super) fn page(self, contract: &Contract) -> String {
        format!("{}{}.html", if self.here.is_some() { "../../" } else { "" }, words::place(contract.id()))
    }
}

fn is_part_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '\\' | '/' | ':' | '-')
}

/// A word that no sentence has: an event's class, a capability, a path of a value, a word with a low line.
fn is_name(word: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '.');
    let class = word.starts_with('\\') && word[1..].contains('\\');
    let capability = word.contains('/') && word.contains(':') && !word.contains("//");
    let low_line =
        word.contains('_') && word.starts_with(|c: char| c.is_ascii_lowercase()) && word.chars().all(plain);
    class || capability || low_line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Catalogue;

    #[test]
    fn names_are_found_and_lead_to_what_they_name() {
        let catalogue = Catalogue::builtin().unwrap();
        let site = Site::read(&catalogue, None, None).unwrap();
        let here = site.short["grade.updated"];
        let html = |text: &str| Rich::new(&site, Some(here)).html(text).to_string();
        assert_eq!(
            html("Read grade_item.type. That is group.member_added: see <b>, e.g. 4.5."),
            "Read <a href=\"#data.grade_item.type\"><code>grade_item.type</code></a>. That is <a href=\"../../group/member_added/v1.html\"><code>group.member_added</code></a>: see &lt;b&gt;, e.g. 4.5."
        );
        assert_eq!(
            html("`x` scale_id, mod/quiz:view, \\core\\event\\user_graded, grade.updated"),
            "<code>x</code> <code>scale_id</code>, <code>mod/quiz:view</code>, <code>\\core\\event\\user_graded</code>, grade.updated"
        );
        let md = |text: &str| Rich::new(&site, None).md(text);
        assert_eq!(
            md("<i> a|b\n[x](y) moodle.grade.updated.v1"),
            "&lt;i> a\\|b \\[x](y) [`moodle.grade.updated.v1`](grade/updated/v1.md)"
        );
    }
}
