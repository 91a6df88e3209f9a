//! Figures as a person reads them: counts, sizes, times. And outside text made harmless for a terminal.

use jiff::{SignedDuration, Timestamp};

/// `29822` as `29,822`.
#[must_use]
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count with its noun: `1 message waits`, `12 messages wait`.
#[must_use]
pub fn counted(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(n), if n == 1 { one } else { many })
}

/// A size with one figure behind the point: `0.9 GiB`, `67.0 MiB`, `512 B`.
#[must_use]
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut unit = 0;
    let mut tenths = u128::from(bytes) * 10;
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} B") } else { format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit]) }
}

/// How long: `0.4 s`, `12 s`, `4 min`, `4 h 34 min`, `3 days`. A negative span is none.
#[must_use]
pub fn span(time: SignedDuration) -> String {
    let millis = time.as_millis().max(0);
    let seconds = millis / 1000;
    match seconds {
        0..10 => format!("{}.{} s", seconds, millis % 1000 / 100),
        10..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// A moment in UTC, with the day when it isn't today's.
#[must_use]
pub fn moment(at: Timestamp, now: Timestamp) -> String {
    let same_day = at.strftime("%F").to_string() == now.strftime("%F").to_string();
    at.strftime(if same_day { "%H:%M UTC" } else { "%-d %B, %H:%M UTC" }).to_string()
}

/// Text from outside for a terminal: control characters, escapes, and what turns the direction of
/// writing, are shown as `\u{…}` and can neither move the cursor nor forge a line.
#[must_use]
pub fn harmless(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            c if c.is_control() || is_invisible(c) => c.escape_unicode().to_string(),
            c => c.to_string(),
        })
        .collect()
}

/// Characters without a shape of their own that change how others are read or broken into lines.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_well() {
        for (n, text) in
            [(0, "0"), (999, "999"), (1000, "1,000"), (29_822, "29,822"), (1_234_567, "1,234,567")]
        {
            assert_eq!(count(n), text);
        }
        assert_eq!(
            (counted(1, "waits", "wait"), counted(2, "waits", "wait")),
            ("1 waits".into(), "2 wait".into())
        );
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (67 << 20, "67.0 MiB"),
            (8 << 30, "8.0 GiB"),
            (u64::MAX, "16777215.9 TiB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }

    #[test]
    fn spans_keep_two_figures() {
        for (millis, text) in [
            (-5, "0.0 s"),
            (450, "0.4 s"),
            (9_999, "9.9 s"),
            (12_000, "12 s"),
            (119_000, "119 s"),
            (240_000, "4 min"),
            (16_440_000, "4 h 34 min"),
            (259_200_000, "3 days"),
        ] {
            assert_eq!(span(SignedDuration::from_millis(millis)), text);
        }
    }

    #[test]
    fn a_moment_of_another_day_says_the_day() {
        let at: Timestamp = "2026-11-24T09:14:59Z".parse().unwrap();
        assert_eq!(moment(at, "2026-11-24T23:59:00Z".parse().unwrap()), "09:14 UTC");
        assert_eq!(moment(at, "2026-11-25T00:00:00Z".parse().unwrap()), "24 November, 09:14 UTC");
    }

    #[test]
    fn text_from_outside_cannot_steer_a_terminal() {
        assert_eq!(harmless("Zoë \\core\\event"), "Zoë \\core\\event");
        assert_eq!(harmless("a\r\n\u{1b}[2Jb"), "a\\u{d}\\u{a}\\u{1b}[2Jb");
        assert_eq!(harmless("a\u{202e}b\u{2028}c\u{9b}d"), "a\\u{202e}b\\u{2028}c\\u{9b}d");
    }
}
