//! Texts that may be anything, since somebody else has written them: how they are shown. Pure.

/// The longest text that [`bounded`] leaves as it is, in characters.
const LONGEST: usize = 60;

/// The first line of a text that may be anything, as far as it can be shown.
pub fn bounded(text: &str) -> String {
    let line = text.trim().lines().next().unwrap_or_default();
    let mut chars = line.chars().map(|c| match c {
        c if c.is_control() => char::REPLACEMENT_CHARACTER,
        c => c,
    });
    let mut shown: String = chars.by_ref().take(LONGEST).collect();
    if chars.next().is_some() {
        shown.push('…');
    }
    shown
}

/// The whole of a text in one line: it can add none to what it is told with.
pub fn one_line(text: &str) -> String {
    let chars = text.chars().map(|c| match c {
        c if c.is_control() => c.escape_default().to_string(),
        c => c.to_string(),
    });
    chars.collect()
}

/// A text of several lines, of which none looks like one of an error's own.
pub fn indented(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(one_line).collect();
    lines.join("\n    ")
}

/// A text without what would steer a terminal or turn the order of its letters around.
pub fn harmless(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\t' => c,
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => char::REPLACEMENT_CHARACTER,
            c if c.is_control() => char::REPLACEMENT_CHARACTER,
            c => c,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_beginning_of_a_long_text_is_shown() {
        let long = "x".repeat(LONGEST + 100);
        assert_eq!(bounded(&long).chars().count(), LONGEST + 1);
        assert_eq!(bounded(" a\u{1b}b\nc"), "a\u{fffd}b");
    }

    #[test]
    fn lines_of_others_stay_theirs() {
        assert_eq!(one_line("a\nb\u{1b}c"), "a\\nb\\u{1b}c");
        assert_eq!(indented("a\nb\r\nc"), "a\n    b\n    c");
    }

    #[test]
    fn what_people_read_cannot_steer_their_terminal() {
        assert_eq!(
            harmless("a\u{1b}]0;x\u{7}\r\tb\nc\u{202e}d\u{9b}"),
            "a\u{fffd}]0;x\u{fffd}\u{fffd}\tb\nc\u{fffd}d\u{fffd}"
        );
    }
}
