//! What is left to decide in a contract's text: `contracts new` marks it, in a value or a comment, and no
//! contract is in force while a mark is left.

use super::problem::{Problem, Spot};

/// What stands before a question to a person. It ends with the text it stands in, or with the line.
pub(super) const MARK: &str = "DECIDE:";

/// Each mark of a text, as a problem.
pub(super) fn undecided(file: &str, text: &str) -> Vec<Problem> {
    text.match_indices(MARK)
        .map(|(at, mark)| {
            let after = &text[at + mark.len()..];
            let line = after.lines().next().unwrap_or_default();
            let end = line.find('"').into_iter().chain(line.find(MARK)).min().unwrap_or(line.len());
            let question = line[..end].trim();
            Problem {
                file: file.to_owned(),
                spot: Some(Spot::of(text, &(at..at + mark.len() + end))),
                message: format!("undecided: {}", if question.is_empty() { "it does not say what" } else { question }),
                help: format!("write the answer in its place; where the guess is right, take only the mark (`{MARK} …`) away"),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mark_is_told_with_its_question_where_it_stands() {
        let text = "a = \"DECIDE: what is it?\"  # DECIDE: is a right? DECIDE: or b?\nb = 1 # DECIDE:\n";
        let told: Vec<_> = undecided("f.toml", text)
            .into_iter()
            .map(|p| (p.spot.map(|s| (s.line, s.column)).unwrap(), p.message))
            .collect();
        assert_eq!(
            told,
            [
                ((1, 6), "undecided: what is it?".to_owned()),
                ((1, 30), "undecided: is a right?".to_owned()),
                ((1, 50), "undecided: or b?".to_owned()),
                ((2, 9), "undecided: it does not say what".to_owned()),
            ]
        );
        assert_eq!(undecided("f.toml", "about = \"They decide: so be it.\""), []);
    }
}
