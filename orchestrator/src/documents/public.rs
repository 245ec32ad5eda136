//! What a tool says of itself, as far as it may be published. Pure.

use crate::build::without_users;

/// What stands before a path, or around it, and the end of what it begins.
const AROUND: [(char, char); 7] = [
    ('"', '"'),
    ('\'', '\''),
    ('`', '`'),
    ('(', ')'),
    ('[', ']'),
    ('{', '}'),
    ('<', '>'),
];

/// A tool's words without users in addresses and without folders: of a path what it leads to stays. A folder's
/// name may have spaces in it, and then nothing tells for certain where the path ends: it goes on as long as a
/// word with a separator follows, so that more may be taken away than is a path, and never less.
pub(super) fn public(text: &str) -> String {
    let text = without_users(text);
    let (mut kept, mut rest) = (String::with_capacity(text.len()), text.as_str());
    while let Some(c) = rest.chars().next() {
        let before = kept_before(&text, rest);
        let length = match address(before, rest) {
            Some(length) => {
                kept.push_str(&rest[..length]);
                length
            }
            None if is_path(before, rest) => folders(before, rest),
            None => {
                kept.push(c);
                c.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    kept
}

/// What of a text comes before its rest.
fn kept_before<'a>(text: &'a str, rest: &str) -> &'a str {
    &text[..text.len() - rest.len()]
}

fn is_separator(c: char) -> bool {
    matches!(c, '/' | '\\')
}

/// Whether a name or a number ends there.
fn is_within_word(before: &str) -> bool {
    let last = before.chars().next_back();
    last.is_some_and(|c| c.is_alphanumeric() || is_separator(c) || "._~".contains(c))
}

/// How long an address on the net is that begins there; one of a file is a path.
fn address(before: &str, rest: &str) -> Option<usize> {
    if is_within_word(before) {
        return None;
    }
    let (scheme, more) = rest.split_once("://")?;
    let is_scheme = scheme
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    let has_host = !more.starts_with(is_separator);
    let is_one = scheme.len() > 1 && is_scheme && !scheme.ends_with("file") && has_host;
    let end = || rest.find(|c: char| c.is_whitespace() || "\"'`<>()[]{}".contains(c));
    is_one.then(|| end().unwrap_or(rest.len()))
}

/// Whether a path that begins at a root, a home or a drive begins there.
fn is_path(before: &str, rest: &str) -> bool {
    // `-I/folder`: an option of one letter, and its value without anything in between.
    let word = before
        .rsplit(char::is_whitespace)
        .next()
        .unwrap_or_default();
    let mut option = word.chars();
    let is_value = option.next() == Some('-')
        && option.next().is_some_and(|c| c.is_ascii_alphabetic())
        && option.next().is_none();
    if is_within_word(before) && !is_value {
        return false;
    }
    let mut chars = rest.chars();
    match (chars.next(), chars.next(), chars.next()) {
        (Some('/' | '\\'), ..) => true,
        (Some('~'), ..) => {
            let user = rest.find(|c: char| c.is_whitespace() || is_separator(c));
            user.is_some_and(|at| rest[at..].starts_with(is_separator))
        }
        (Some(drive), Some(':'), Some(c)) => drive.is_ascii_alphabetic() && is_separator(c),
        _ => false,
    }
}

/// How much of a path that begins there are folders: up to the last separator of it.
fn folders(before: &str, rest: &str) -> usize {
    let opened = before.chars().next_back();
    let around = AROUND.iter().find(|(open, _)| Some(*open) == opened);
    let inside = match around.and_then(|around| closed(rest, *around)) {
        Some(end) => &rest[..end],
        None => rest,
    };
    let is_quoted = matches!(opened, Some('"' | '\'' | '`')) && inside.len() < rest.len();
    let mut end = 0;
    for (at, word) in words(inside) {
        if at > 0 && !is_quoted && !goes_on(&inside[..at], &inside[at..], word) {
            break;
        }
        if let Some(last) = word.rfind(is_separator) {
            end = at + last + 1;
        }
    }
    // One that is all there is would be taken for the beginning of itself.
    end.max(rest.chars().next().map_or(1, char::len_utf8))
}

/// The words of a text with where each begins.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    text.split_inclusive(char::is_whitespace).map(move |word| {
        let begin = at;
        at += word.len();
        (begin, word)
    })
}

/// Whether a path may go on with a word behind a space: not with another path or an address, and with something in
/// brackets only where a separator follows them.
fn goes_on(before: &str, rest: &str, word: &str) -> bool {
    if before.ends_with('\n') || address(before, rest).is_some() || is_path(before, rest) {
        return false;
    }
    let opened = word.chars().next();
    let around = AROUND.iter().find(|(open, _)| Some(*open) == opened);
    around.is_none_or(|around| {
        let within = &rest[around.0.len_utf8()..];
        let end = closed(within, *around);
        end.is_some_and(|end| within[end + around.1.len_utf8()..].starts_with(is_separator))
    })
}

/// Where what was opened before a text ends in it.
fn closed(text: &str, (open, close): (char, char)) -> Option<usize> {
    let mut depth = 0_usize;
    text.char_indices().find_map(|(at, c)| {
        match c {
            c if c == close && depth == 0 => return Some(at),
            c if c == close => depth -= 1,
            c if c == open => depth += 1,
            _ => {}
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn of_a_path_what_it_leads_to_stays() {
        for (says, told) in [
            (
                "/opt/x/cc 1.0 (https://me:pw@host/x)",
                "cc 1.0 (https://host/x)",
            ),
            (r"C:\Users\me\cl.exe 19", "cl.exe 19"),
            ("(/usr/lib/ld 2)", "(ld 2)"),
            ("~/bin/mold 2", "mold 2"),
            ("~me/bin/mold 2", "mold 2"),
            ("GNU ld 2.44/1", "GNU ld 2.44/1"),
            // Folders with spaces.
            (
                "/home/me me/bin/cc (Debian 14.2.0-19) 14.2.0",
                "cc (Debian 14.2.0-19) 14.2.0",
            ),
            ("/home/me me/bin/cc (Debian 14/2) 14", "cc (Debian 14/2) 14"),
            (
                r"C:\Program Files (x86)\me me\cl.exe 19 for x64",
                "cl.exe 19 for x64",
            ),
            (r#"cl: "C:\Users\me me\My Tool" 19"#, r#"cl: "My Tool" 19"#),
            (r"\\server\me me\cl.exe 19", "cl.exe 19"),
            (
                "/home/me me/bin/cc 1.0 https://host/a/b",
                "cc 1.0 https://host/a/b",
            ),
            ("a /b b/c /d d/e ~/f f/g", "a c e g"),
            // Not at the beginning of a word.
            ("ld --sysroot=/home/me me/x 2", "ld --sysroot=x 2"),
            ("ld -L/home/me me/x 2", "ld -Lx 2"),
            ("ld @/home/me me/x 2", "ld @x 2"),
            ("PATH=/home/me/a:/home/me me/b", "PATH=b"),
            ("at file:///home/me me/cc", "at file:cc"),
            ("and/or, 1/2, a-b/c", "and/or, 1/2, a-b/c"),
            ("sparse+https://host/a b", "sparse+https://host/a b"),
            ("/", ""),
            ("", ""),
        ] {
            assert_eq!(public(says), told, "{says}");
        }
    }

    proptest! {
        /// Wherever it stands, and whatever its folders are called.
        #[test]
        fn no_folder_is_told(
            before in "(tool|tool 1.2:|--sysroot=|\\(|\"|built by )",
            root in "(/|~/|C:\\\\|\\\\\\\\|file:///)",
            folders in prop::collection::vec("secret[a-z]{1,4}( secret[a-z0-9.]{1,4}){0,2}", 1..4),
            windows: bool,
            after in "( 1\\.2| \\(Debian 14\\)|\\)|\" x|)",
        ) {
            let separator = if windows { "\\" } else { "/" };
            let space = if before.ends_with(|c: char| c.is_alphanumeric()) { " " } else { "" };
            let path = folders.join(separator);
            let text = format!("{before}{space}{root}{path}{separator}tool{after}");
            let found = public(&text);
            prop_assert!(!found.contains("secret"), "{} is told as {}", text, found);
            prop_assert!(found.contains("tool"), "{} is told as {}", text, found);
        }
    }
}
