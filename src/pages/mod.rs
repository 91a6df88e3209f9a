//! What all pages share, the operator's and the catalogue's: one stylesheet, and texts with names in them.

/// The one stylesheet.
pub(crate) const CSS: &str = include_str!("pages.css");

/// A text whose parts between backquotes are names and commands.
pub(crate) fn pieces(text: &str) -> Vec<(bool, &str)> {
    text.split('`')
        .enumerate()
        .map(|(n, part)| (n % 2 == 1, part))
        .filter(|(_, part)| !part.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stylesheet_is_small_and_asks_nobody_else() {
        assert!(CSS.len() < 15_000, "{}", CSS.len());
        assert!(!CSS.contains("url(") && !CSS.contains("@import"));
    }

    #[test]
    fn what_stands_between_backquotes_is_a_name() {
        assert_eq!(pieces("see `a` and `b`"), [(false, "see "), (true, "a"), (false, " and "), (true, "b")]);
        assert!(pieces("").is_empty());
    }
}
