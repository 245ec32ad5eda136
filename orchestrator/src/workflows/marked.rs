//! Lines of a person's in files that are otherwise made: between `# >>> yours: NAME` and
//! `# <<< yours: NAME`, whatever stands before these on their lines. Pure.

use std::collections::BTreeMap;

const BEGIN: &str = "# >>> yours: ";
const END: &str = "# <<< yours: ";

/// What is wrong with a file's marks, with its line from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MarksError {
    pub line: usize,
    pub why: String,
}

/// The lines of each place, by its name.
pub(super) type Places = BTreeMap<String, Vec<String>>;

/// What stands in a text's places.
pub(super) fn places(text: &str) -> Result<Places, MarksError> {
    let mut places = Places::new();
    let mut open: Option<(String, usize, Vec<String>)> = None;
    for (number, line) in (1..).zip(text.lines()) {
        let wrong = |why: String| MarksError { line: number, why };
        let content = line.trim();
        if let Some(name) = content.strip_prefix(BEGIN) {
            if let Some((other, ..)) = &open {
                return Err(wrong(format!("`{name}` begins within `{other}`")));
            }
            if places.contains_key(name) {
                return Err(wrong(format!("`{name}` stands here twice")));
            }
            open = Some((name.to_owned(), number, Vec::new()));
        } else if let Some(name) = content.strip_prefix(END) {
            match open.take() {
                Some((begun, _, lines)) if begun == name => {
                    places.insert(begun, lines);
                }
                Some((begun, ..)) => {
                    return Err(wrong(format!("`{name}` ends, and `{begun}` has begun")));
                }
                None => return Err(wrong(format!("`{name}` ends and has not begun"))),
            }
        } else if is_like_a_mark(content) {
            return Err(wrong(format!("`{content}` is almost a mark, and none")));
        } else if let Some((_, _, lines)) = &mut open {
            lines.push(line.to_owned());
        }
    }
    match open {
        Some((name, line, _)) => Err(MarksError {
            line,
            why: format!("`{name}` begins and does not end"),
        }),
        None => Ok(places),
    }
}

/// Whether a comment was a mark before somebody, or a formatter, changed it: with it unseen, the lines behind
/// it would be made anew.
fn is_like_a_mark(content: &str) -> bool {
    let arrows = content.contains(">>>") || content.contains("<<<");
    content.starts_with('#') && arrows && content.to_ascii_lowercase().contains("yours")
}

/// A newly made text with the lines of a person's in their places.
///
/// # Errors
/// The name of a place that has lines and that the new text lacks: they would be lost.
pub(super) fn filled(made: &str, yours: &Places) -> Result<String, String> {
    let mut text = String::with_capacity(made.len());
    let mut found = Vec::new();
    for line in made.lines() {
        text += line;
        text.push('\n');
        let Some(name) = line.trim().strip_prefix(BEGIN) else {
            continue;
        };
        found.push(name);
        for line in yours.get(name).into_iter().flatten() {
            text += line;
            text.push('\n');
        }
    }
    let lost = yours
        .iter()
        .find(|(name, lines)| !lines.is_empty() && !found.contains(&name.as_str()));
    match lost {
        Some((name, _)) => Err(name.clone()),
        None => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MADE: &str =
        "a\n  # >>> yours: one\n  # <<< yours: one\nb\n# >>> yours: two\n# <<< yours: two\n";

    #[test]
    fn lines_stay_where_they_are_and_how_they_are() {
        let edited = MADE.replace("one\n  # <<<", "one\n\n    x: 1  # y\n  # <<<");
        let yours = places(&edited).unwrap();
        assert_eq!(filled(MADE, &yours).unwrap(), edited);
        // What stands elsewhere is made anew.
        let newer = MADE.replace("b\n", "c\n");
        let expected = edited.replace("b\n", "c\n");
        assert_eq!(filled(&newer, &yours).unwrap(), expected);
    }

    #[test]
    fn what_was_a_mark_is_not_passed_over() {
        for (from, to) in [
            ("# >>>", "#>>>"),
            ("yours: one", "yours one"),
            ("# <<< yours", "# <<<  Yours"),
        ] {
            let wrong = places(&MADE.replace(from, to)).unwrap_err();
            assert!(wrong.why.contains("almost a mark"), "{wrong:?}");
        }
        let other = format!("{MADE}# >>> somebody else's <<<\n");
        assert!(places(&other).is_ok());
    }

    #[test]
    fn nothing_is_lost_in_silence() {
        let yours = places("# >>> yours: old\nx\n# <<< yours: old\n").unwrap();
        assert_eq!(filled(MADE, &yours), Err("old".to_owned()));
        let empty = places("# >>> yours: old\n# <<< yours: old\n").unwrap();
        assert_eq!(filled(MADE, &empty).as_deref(), Ok(MADE));
    }

    #[test]
    fn marks_that_lead_nowhere_are_named_by_their_line() {
        for (text, line, says) in [
            ("x\n# >>> yours: a\ny", 2, "`a` begins and does not end"),
            ("# <<< yours: a", 1, "`a` ends and has not begun"),
            (
                "# >>> yours: a\n# <<< yours: b",
                2,
                "`b` ends, and `a` has begun",
            ),
            ("# >>> yours: a\n# >>> yours: b", 2, "`b` begins within `a`"),
            (
                "# >>> yours: a\n# <<< yours: a\n# >>> yours: a\n# <<< yours: a",
                3,
                "`a` stands here twice",
            ),
        ] {
            let why = says.to_owned();
            assert_eq!(places(text), Err(MarksError { line, why }));
        }
    }

    proptest! {
        #[test]
        fn whatever_stands_in_a_place_comes_back(lines in prop::collection::vec("[ -~]{0,12}", 0..5)) {
            prop_assume!(lines.iter().all(|line| !line.contains("yours: ")));
            let body: String = lines.iter().map(|line| format!("{line}\n")).collect();
            let edited = MADE.replace("# >>> yours: two\n", &format!("# >>> yours: two\n{body}"));
            let yours = places(&edited).unwrap();
            prop_assert_eq!(filled(MADE, &yours).unwrap(), edited);
        }
    }
}
