//! What is new in a release, out of a changelog.

use release_types::Tag;

/// What begins the part of a changelog that is of no version yet.
const UNRELEASED: &str = "unreleased";

/// The part of a changelog that is about a release, without its heading; nothing where there is none, or
/// nothing in it.
///
/// Headings are those of Markdown with `#`. One is the release's when it has the tag, or the version
/// (`1.4.0`, `v1.4.0`, `[1.4.0] - 2026-11-24`), alone or after the group's name. For a pre-release
/// without one it is what is unreleased. Definitions of links that stand elsewhere and are used here come
/// along.
pub fn section(changelog: &str, tag: &Tag) -> Option<String> {
    let lines: Vec<&str> = changelog.lines().collect();
    let headings = headings(&lines);
    let position =
        |fits: &dyn Fn(&[String]) -> bool| headings.iter().position(|one| fits(&one.words));
    let own = |words: &[String]| is_of(words, tag);
    let unreleased =
        |words: &[String]| words.len() == 1 && words[0].eq_ignore_ascii_case(UNRELEASED);
    let found = position(&own).or_else(|| match tag.version.pre.is_empty() {
        true => None,
        false => position(&unreleased),
    })?;
    let heading = &headings[found];
    let next = headings[found + 1..]
        .iter()
        .find(|one| one.level <= heading.level);
    let end = next.map_or(lines.len(), |one| one.line);
    let part = &lines[heading.line + 1..end];
    let mut text = part.join("\n").trim().to_owned();
    if part
        .iter()
        .all(|line| line.trim().is_empty() || label(line).is_some())
    {
        return None;
    }
    let elsewhere = lines[..heading.line].iter().chain(&lines[end..]);
    let mut used = elsewhere.filter(|line| {
        let named = label(line).map(|label| format!("[{label}]").to_lowercase());
        named.is_some_and(|named| text.to_lowercase().contains(&named))
    });
    let definitions: Vec<&str> = used.by_ref().copied().collect();
    if !definitions.is_empty() {
        text += &format!("\n\n{}", definitions.join("\n"));
    }
    Some(text)
}

struct Heading {
    /// Its line, counted from 0.
    line: usize,
    /// From 1, the highest, to 6.
    level: usize,
    words: Vec<String>,
}

fn headings(lines: &[&str]) -> Vec<Heading> {
    let mut found = Vec::new();
    let mut fence: Option<&str> = None;
    for (number, line) in lines.iter().enumerate() {
        let text = line.trim_start();
        let marks = ["```", "~~~"]
            .into_iter()
            .find(|mark| text.starts_with(mark));
        match (fence, marks) {
            (None, Some(_)) => fence = marks,
            (Some(open), Some(mark)) if open == mark => fence = None,
            _ => {}
        }
        if fence.is_some() || line.len() - text.len() > 3 {
            continue;
        }
        let level = text.bytes().take_while(|b| *b == b'#').count();
        let Some(rest) = text[level..].strip_prefix([' ', '\t']) else {
            continue;
        };
        if (1..=6).contains(&level) {
            let split = |c: char| c.is_whitespace() || "[](),:`*".contains(c);
            let words = rest.split(split).filter(|word| !word.is_empty());
            found.push(Heading {
                line: number,
                level,
                words: words.map(str::to_owned).collect(),
            });
        }
    }
    found
}

/// Whether a heading is that of a release: no other name stands before its version.
fn is_of(words: &[String], tag: &Tag) -> bool {
    if words.first().is_some_and(|word| *word == tag.to_string()) {
        return true;
    }
    let version = tag.version.to_string();
    let is_version =
        |word: &String| *word == version || word.strip_prefix('v') == Some(version.as_str());
    let is_before = |word: &String| {
        *word == tag.group
            || ["version", "release"]
                .iter()
                .any(|w| word.eq_ignore_ascii_case(w))
    };
    let first = words.iter().find(|word| !is_before(word));
    first.is_some_and(is_version)
}

/// The name of a link that a line defines.
fn label(line: &str) -> Option<&str> {
    let (label, rest) = line.strip_prefix('[')?.split_once("]:")?;
    (!label.is_empty() && !rest.trim().is_empty()).then_some(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHANGELOG: &str = "\
# Changelog

[1.3.0] is old.

## Unreleased

- soon, see [the plan]

## runnerd 1.4.0

- another group's

## [1.4.0](https://example.com/1.4.0) - 2026-11-24

### Added

- a thing ([#12])

```sh
# no heading
## 1.3.0
```

## runner-v1.3.0 (2026-01-01)

- old

## Version v1.2.0

## 1.1.0

[#12]: https://example.com/12
[The Plan]: https://example.com/plan
";

    fn of(tag: &str) -> Option<String> {
        section(CHANGELOG, &tag.parse().unwrap())
    }

    #[test]
    fn the_part_of_a_version_is_found_by_any_usual_heading() {
        let text = of("runner-v1.4.0").unwrap();
        assert!(text.starts_with("### Added\n\n- a thing"), "{text}");
        assert!(text.contains("## 1.3.0\n```"), "{text}");
        assert!(
            text.ends_with("\n\n[#12]: https://example.com/12"),
            "{text}"
        );
        assert_eq!(of("runner-v1.3.0").unwrap(), "- old");
        assert_eq!(of("runnerd-v1.4.0").unwrap(), "- another group's");
        // Another group's tag is no version of this one.
        assert_eq!(of("cli-v1.3.0"), None);
    }

    #[test]
    fn what_is_empty_or_missing_is_none() {
        for tag in ["runner-v1.2.0", "runner-v1.1.0", "runner-v9.0.0"] {
            assert_eq!(of(tag), None, "{tag}");
        }
    }

    #[test]
    fn a_pre_release_has_what_is_unreleased() {
        let text = of("runner-v2.0.0-beta.1").unwrap();
        assert!(text.starts_with("- soon"), "{text}");
        assert!(
            text.ends_with("[The Plan]: https://example.com/plan"),
            "{text}"
        );
    }
}
