//! Workflow commands: lines of a job's log that GitHub Actions acts on. Pure.
//!
//! Source: GitHub, "Workflow commands for GitHub Actions", and the runner's `ActionCommand`.

use crate::text::harmless;

/// The longest message of an annotation, in characters. GitHub shows little more.
const LONGEST: usize = 4000;

/// Begins a part of the log that can be folded.
pub(super) fn group(title: &str) -> String {
    format!("::group::{}", data(&harmless(title)))
}

/// Ends it.
pub(super) const END_GROUP: &str = "::endgroup::";

/// A line that makes an annotation of `kind` (`notice`, `warning`, `error`).
pub(super) fn annotation(kind: &str, message: &str) -> String {
    let message = data(&shortened(&harmless(message)));
    format!("::{kind} title={}::{message}", property("atlas-release"))
}

/// A line that makes the runner write `***` wherever the text comes later. It does not show the line itself.
pub(super) fn mask(secret: &str) -> String {
    format!("::add-mask::{}", data(secret))
}

/// Whether an annotation shows all of a message.
pub(super) fn fits(message: &str) -> bool {
    message.chars().nth(LONGEST).is_none()
}

fn shortened(message: &str) -> String {
    match message.char_indices().nth(LONGEST) {
        None => message.to_owned(),
        Some((end, _)) => format!("{}…", &message[..end]),
    }
}

/// A text that is no command, whatever it holds: what others have written is shown, not done.
pub(super) fn inert(text: &str) -> String {
    let lines = text.split('\n').map(|line| {
        // Old commands are found anywhere in a line.
        let line = line.replace("##[", "# #[");
        let start = line.len() - line.trim_start().len();
        match line[start..].strip_prefix("::") {
            Some(rest) => format!("{}: :{rest}", &line[..start]),
            None => line,
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// A command's message. The runner knows these escapes and no others.
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// The value of a command's property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn messages_cannot_end_themselves() {
        assert_eq!(
            annotation("error", "50 % of\n::set-output name=x::y\r"),
            "::error title=atlas-release::50 %25 of%0A::set-output name=x::y\u{fffd}"
        );
        assert_eq!(group("a\nb"), "::group::a%0Ab");
        assert_eq!(property("a:b,c%"), "a%3Ab%2Cc%25");
        let long = "é".repeat(LONGEST + 1);
        assert!(!fits(&long) && fits(&long[..LONGEST * 2]));
        assert!(annotation("notice", &long).ends_with("é…"));
    }

    #[test]
    fn what_others_write_is_no_command() {
        for (line, shown) in [
            ("::error::x", ": :error::x"),
            ("  \u{a0}::stop-commands::x", "  \u{a0}: :stop-commands::x"),
            ("a ##[add-mask]b", "a # #[add-mask]b"),
            ("a ::b::", "a ::b::"),
            ("std::env", "std::env"),
            ("a\n::debug::b", "a\n: :debug::b"),
        ] {
            assert_eq!(inert(line), shown);
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_a_second_line_or_a_command(text in "[:#\\[a%\\r\\n \\t]{0,12}") {
            prop_assert!(!annotation("error", &text).contains(['\r', '\n']));
            for line in inert(&text).lines() {
                prop_assert!(!line.trim_start().starts_with("::") && !line.contains("##["));
            }
        }
    }
}
