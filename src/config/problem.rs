//! What is wrong with a configuration, told all at once: the file, the line, a caret, what is wrong and
//! what to do. A secret that stands on the line is masked.

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

/// A configuration file as it was read.
#[derive(PartialEq, Eq)]
pub struct SourceFile {
    /// Its path, as it was given.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
}

impl fmt::Debug for SourceFile {
    /// The path only: the text may hold a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SourceFile").field("path", &self.path).finish_non_exhaustive()
    }
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// These bytes of a file.
    File(Arc<SourceFile>, Range<usize>),
    /// An environment variable, by name.
    Env(String),
    /// A `--set` on the command line, by key.
    Flag(String),
}

/// A line and a column of a file, both counted from 1; the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl Origin {
    /// Line and column of its first character, for an origin in a file.
    #[must_use]
    pub fn place(&self) -> Option<Place> {
        let Self::File(file, span) = self else { return None };
        // A file that couldn't be read has no lines.
        if file.text.is_empty() {
            return None;
        }
        let before = file.text.get(..span.start).unwrap_or(&file.text);
        let start = before.rfind('\n').map_or(0, |n| n + 1);
        Some(Place { line: before.matches('\n').count() + 1, column: before[start..].chars().count() + 1 })
    }

    /// In the order of reading: files by position, then variables, then flags.
    pub(crate) fn rank(&self) -> (u8, usize) {
        match self {
            Self::Default => (0, 0),
            Self::File(_, span) => (1, span.start),
            Self::Env(_) => (2, 0),
            Self::Flag(_) => (3, 0),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, self.place()) {
            (Self::File(file, _), Some(place)) => {
                write!(f, "{}:{}:{}", file.path.display(), place.line, place.column)
            }
            (Self::File(file, _), None) => write!(f, "{}", file.path.display()),
            (Self::Env(name), _) => write!(f, "environment variable {name}"),
            (Self::Flag(key), _) => write!(f, "flag --set {key}"),
            _ => f.write_str("default"),
        }
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub at: Origin,
    /// What, naming the key.
    pub what: String,
    /// What to do about it.
    pub cure: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.at, self.what)?;
        if let (Origin::File(file, span), Some(place)) = (&self.at, self.at.place()) {
            let line = file.text.lines().nth(place.line - 1).unwrap_or_default();
            let shown: String = masked(line).chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            let marked = file.text.get(span.clone()).unwrap_or_default().lines().next().unwrap_or_default();
            let number = place.line.to_string();
            let margin = " ".repeat(number.len());
            writeln!(f, "{margin} |\n{number} | {shown}")?;
            let indent = " ".repeat(place.column - 1);
            writeln!(f, "{margin} | {indent}{}", "^".repeat(marked.chars().count().max(1)))?;
        }
        write!(f, "  do: {}", self.cure)
    }
}

/// All that is wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Adds one.
    pub fn add(&mut self, at: &Origin, what: impl Into<String>, cure: impl Into<String>) {
        self.0.push(Problem { at: at.clone(), what: what.into(), cure: cure.into() });
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each, in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }

    /// The value if nothing is wrong, else the problems in the order of the file.
    ///
    /// # Errors
    /// There is at least one problem.
    pub fn or<T>(self, value: T) -> Result<T, Self> {
        if self.0.is_empty() { Ok(value) } else { Err(self.sorted()) }
    }

    /// The same in the order of the file, then of variables and flags.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        self.0.sort_by_key(|problem| problem.at.rank());
        self
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.0 {
            writeln!(f, "{problem}\n")?;
        }
        match self.0.len() {
            1 => f.write_str("1 problem in the configuration"),
            n => write!(f, "{n} problems in the configuration"),
        }
    }
}

impl std::error::Error for Problems {}

/// The line with each character of a secret replaced by `*`, so that carets still fit: whatever follows
/// `secret =` or `token =` up to the closing quote, and whatever follows `whsec_`.
fn masked(line: &str) -> String {
    let mut chars: Vec<char> = line.chars().collect();
    let text = |chars: &[char]| chars.iter().collect::<String>();
    for word in ["secret", "token"] {
        let mut from = 0;
        while let Some(at) = find(&chars, word, from) {
            from = at + word.chars().count();
            let rest = text(&chars[from..]);
            let trimmed = rest.trim_start_matches(['"', '\'']).trim_start();
            let Some(value) = trimmed.strip_prefix('=').map(str::trim_start) else { continue };
            let start = chars.len() - value.chars().count();
            let quote = value.chars().next().filter(|c| ['"', '\''].contains(c));
            let start = start + usize::from(quote.is_some());
            for c in chars[start..].iter_mut().take_while(|c| Some(**c) != quote) {
                *c = '*';
            }
        }
    }
    let mut from = 0;
    while let Some(at) = find(&chars, "whsec_", from) {
        from = at + "whsec_".len();
        for c in chars[from..].iter_mut().take_while(|c| c.is_ascii_alphanumeric() || "+/=-_".contains(**c)) {
            *c = '*';
        }
    }
    text(&chars)
}

fn find(chars: &[char], word: &str, from: usize) -> Option<usize> {
    let word: Vec<char> = word.chars().collect();
    (from..chars.len()).find(|&at| chars[at..].starts_with(&word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_on_a_shown_line_is_masked_and_the_caret_still_fits() {
        for (line, shown) in [
            ("token = \"hunter2\"", "token = \"*******\""),
            ("token_file = \"/etc/token\"", "token_file = \"/etc/token\""),
            ("a = { id = \"x\", secret = \"abc\", no = 1 }", "a = { id = \"x\", secret = \"***\", no = 1 }"),
            ("'secret' = 'abc'", "'secret' = '***'"),
            ("secret = \"whsec_MfK", "secret = \"*********"),
            ("x = \"whsec_MfK+9/=\"", "x = \"whsec_*******\""),
            ("secrets = [", "secrets = ["),
            ("token = hunter2", "token = *******"),
        ] {
            assert_eq!(masked(line), shown);
            assert_eq!(masked(line).chars().count(), line.chars().count());
        }
    }

    #[test]
    fn columns_count_characters() {
        let text = "a = 1\nü = \"é\" # x\n".to_owned();
        let at = text.find('#').unwrap();
        let file = Arc::new(SourceFile { path: "c.toml".into(), text });
        let origin = Origin::File(file, at..at + 1);
        assert_eq!(origin.place(), Some(Place { line: 2, column: 9 }));
        assert_eq!(origin.to_string(), "c.toml:2:9");
    }
}
