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
        // Lines and paragraphs end by these too.
        '\u{2028}' | '\u{2029}' => c.escape_default().to_string(),
        c if c.is_control() => c.escape_default().to_string(),
        c => c.to_string(),
    });
    chars.collect()
}

/// The version that stands behind a `v`, where a text is such a one.
pub fn without_v(text: &str) -> Option<semver::Version> {
    let version = text.trim().strip_prefix(['v', 'V'])?;
    version.parse().ok()
}

/// The longest text that [`told`] leaves as it is, in characters.
const TOLD: usize = 400;

/// The most texts that are told of many.
const MANY: usize = 50;

/// A text in one line, and of a very long one the beginning and how long it is: for what stands in
/// errors and verdicts and was written by whoever is looked at.
pub fn told(text: &str) -> String {
    let Some((end, _)) = text.char_indices().nth(TOLD) else {
        return one_line(text);
    };
    format!("{}… ({} bytes)", one_line(&text[..end]), text.len())
}

/// Of many texts the first, each as it is [`told`], and how many more there are.
pub fn first_of(texts: &[String]) -> Vec<String> {
    let mut shown: Vec<String> = texts.iter().take(MANY).map(|text| told(text)).collect();
    if texts.len() > MANY {
        shown.push(format!("and {} more", texts.len() - MANY));
    }
    shown
}

/// A text of several lines, of which none looks like one of an error's own.
pub fn indented(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    first_of(&lines).join("\n    ")
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

/// Rows below their headings, in columns as wide as their longest cell, without a line end behind the last.
pub fn table<const N: usize>(
    headings: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let headings = headings.map(str::to_owned);
    let rows: Vec<[String; N]> = std::iter::once(headings).chain(rows).collect();
    let mut widths = [0; N];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let lines = rows.iter().map(|row| {
        let cells = row.iter().zip(widths);
        let cells = cells.map(|(cell, width)| format!("{cell:width$}  "));
        cells.collect::<String>().trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
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
        assert_eq!(one_line("a\u{2028}b"), "a\\u{2028}b");
        assert_eq!(indented("a\nb\r\nc"), "a\n    b\n    c");
        let long = "\n".repeat(1000);
        let shown = told(&long);
        assert!(
            !shown.contains('\n') && shown.ends_with("… (1000 bytes)"),
            "{shown}"
        );
        assert_eq!(told("short\n"), "short\\n");
        let many: Vec<String> = (0..60).map(|n| n.to_string()).collect();
        assert_eq!(first_of(&many).last().unwrap(), "and 10 more");
    }

    #[test]
    fn what_people_read_cannot_steer_their_terminal() {
        assert_eq!(
            harmless("a\u{1b}]0;x\u{7}\r\tb\nc\u{202e}d\u{9b}"),
            "a\u{fffd}]0;x\u{fffd}\u{fffd}\tb\nc\u{fffd}d\u{fffd}"
        );
    }
}
