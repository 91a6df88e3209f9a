//! What is wrong in contract files, told as a person can mend it: file, line, a caret under the spot,
//! and what to do. All problems of all files come at once.

use std::fmt;
use std::ops::Range;

/// One thing that is wrong in one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file, as the person named its folder.
    pub file: String,
    /// Where in the file; none when the file as a whole is meant.
    pub spot: Option<Spot>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: String,
}

/// A place in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spot {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// How many characters are meant; at least 1, never past the end of the line.
    pub width: usize,
    /// The line as it stands.
    pub source: String,
}

impl Spot {
    /// The place of a range of bytes; a range of several lines is cut to its first.
    #[must_use]
    pub fn of(text: &str, span: &Range<usize>) -> Self {
        let start = floor_char(text, span.start);
        let line_start = text[..start].rfind('\n').map_or(0, |i| i + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |i| start + i);
        let end = floor_char(text, span.end).clamp(start, line_end);
        Self {
            line: text[..line_start].matches('\n').count() + 1,
            column: text[line_start..start].chars().count() + 1,
            width: text[start..end].chars().count().max(1),
            source: text[line_start..line_end].trim_end_matches('\r').to_owned(),
        }
    }
}

fn floor_char(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.spot {
            None => writeln!(f, "{}: {}", self.file, self.message)?,
            Some(spot) => {
                writeln!(f, "{}:{}:{}: {}", self.file, spot.line, spot.column, self.message)?;
                // The caret lines up in any terminal when tabs stand as tabs above it.
                let lead: String = spot
                    .source
                    .chars()
                    .take(spot.column - 1)
                    .map(|c| if c == '\t' { c } else { ' ' })
                    .collect();
                let number = spot.line.to_string();
                let gutter = " ".repeat(number.len());
                writeln!(
                    f,
                    "{gutter} |\n{number} | {}\n{gutter} | {lead}{}",
                    spot.source,
                    "^".repeat(spot.width)
                )?;
            }
        }
        write!(f, "  = {}", self.help)
    }
}

/// Everything that is wrong, in the order of files and lines; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.0 {
            writeln!(f, "{problem}\n")?;
        }
        let n = self.0.len();
        write!(f, "{n} problem{} in contracts", if n == 1 { "" } else { "s" })
    }
}

impl std::error::Error for Problems {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_shows_its_line_with_a_caret_below() {
        let text = "a = 1\nbé = \"x\"\n";
        let span = text.find("\"x\"").map(|i| i..i + 3).unwrap();
        let problem = Problem {
            file: "f.toml".into(),
            spot: Some(Spot::of(text, &span)),
            message: "no".into(),
            help: "do".into(),
        };
        assert_eq!(problem.to_string(), "f.toml:2:6: no\n  |\n2 | bé = \"x\"\n  |      ^^^\n  = do");
    }

    #[test]
    fn a_spot_never_leaves_its_line_or_the_text() {
        for (span, line, column, width) in
            [(0..40, 1, 1, 2), (3..9, 2, 1, 1), (99..120, 2, 2, 1), (2..2, 1, 3, 1)]
        {
            let spot = Spot::of("ab\né", &span);
            assert_eq!((spot.line, spot.column, spot.width), (line, column, width), "{span:?}");
        }
    }
}
