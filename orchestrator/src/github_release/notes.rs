//! What is new in a release, out of a changelog.

use pulldown_cmark::{Event, HeadingLevel, Parser, Tag as Begun, TagEnd};
use release_types::Tag;
use std::ops::Range;

/// What begins the part of a changelog that is of no version yet.
const UNRELEASED: &str = "unreleased";

/// The part of a changelog that is about a release, without its heading; nothing where there is none, or
/// nothing in it.
///
/// Headings are those of Markdown with `#`, outside of lists, code and comments. One is the release's when it has
/// the tag, or the version (`1.4.0`, `v1.4.0`, `[1.4.0] - 2026-11-24`), alone or after the group's name, and when
/// none of `groups`, the names of all groups that are known, follows that is another's. For a pre-release
/// without one it is what is unreleased. Definitions of links that stand elsewhere and are used here come
/// along.
pub fn section(changelog: &str, tag: &Tag, groups: &[&str]) -> Option<String> {
    // Some editors mark a text as UTF-8 by its first bytes.
    let changelog = changelog.strip_prefix('\u{feff}').unwrap_or(changelog);
    let outline = Outline::of(changelog);
    let position = |fits: &dyn Fn(&[String]) -> bool| {
        let mut headings = outline.headings.iter();
        headings.position(|one| fits(&one.words))
    };
    let own = |words: &[String]| is_of(words, tag, groups);
    let unreleased =
        |words: &[String]| words.len() == 1 && words[0].eq_ignore_ascii_case(UNRELEASED);
    let found = position(&own).or_else(|| match tag.version.pre.is_empty() {
        true => None,
        false => position(&unreleased),
    })?;
    let heading = &outline.headings[found];
    let next = outline.headings[found + 1..]
        .iter()
        .find(|one| one.level <= heading.level);
    let end = next.map_or(changelog.len(), |one| one.place.start);
    let part = heading.place.end..end;
    let (inside, elsewhere): (Vec<_>, Vec<_>) = lines(changelog)
        .filter(|(at, _)| !heading.place.contains(at))
        .partition(|(at, _)| part.contains(at));
    let says_something = |(at, line): &(usize, &str)| {
        let is_quiet = line.trim().is_empty() || label(line).is_some();
        !is_quiet && !holds(&outline.comments, *at)
    };
    if !inside.iter().any(says_something) {
        return None;
    }
    let inside: Vec<&str> = inside.into_iter().map(|(_, line)| line).collect();
    let mut text = inside.join("\n").trim().to_owned();
    let used = |line: &str| {
        let named = label(line).map(|label| format!("[{label}]").to_lowercase());
        named.is_some_and(|named| text.to_lowercase().contains(&named))
    };
    let definitions: Vec<&str> = elsewhere
        .into_iter()
        .filter(|(at, line)| {
            used(line) && !holds(&outline.comments, *at) && !holds(&outline.code, *at)
        })
        .map(|(_, line)| line)
        .collect();
    if !definitions.is_empty() {
        text += &format!("\n\n{}", definitions.join("\n"));
    }
    Some(text)
}

/// The lines of a text without their ends, each with where it begins, in bytes.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut begin = 0;
    text.split_inclusive('\n').map(move |line| {
        let at = begin;
        begin += line.len();
        let line = line.strip_suffix('\n').unwrap_or(line);
        (at, line.strip_suffix('\r').unwrap_or(line))
    })
}

fn holds(places: &[Range<usize>], at: usize) -> bool {
    places.iter().any(|place| place.contains(&at))
}

/// Where what is in a text of Markdown, in bytes, whole lines each.
#[derive(Default)]
struct Outline {
    headings: Vec<Heading>,
    code: Vec<Range<usize>>,
    comments: Vec<Range<usize>>,
}

struct Heading {
    place: Range<usize>,
    level: HeadingLevel,
    words: Vec<String>,
}

impl Outline {
    fn of(text: &str) -> Self {
        let mut outline = Self::default();
        let mut depth = 0_usize;
        // What a heading that has begun says so far.
        let mut said: Option<String> = None;
        for (event, place) in Parser::new(text).into_offset_iter() {
            let source = text[place.clone()].trim_start();
            match event {
                Event::Start(begun) => {
                    match begun {
                        // An underlined one is a paragraph before a line more often than a version.
                        Begun::Heading { .. } if depth == 0 && source.starts_with('#') => {
                            said = Some(String::new());
                        }
                        Begun::CodeBlock(_) => outline.code.push(whole_lines(text, place)),
                        Begun::HtmlBlock if source.starts_with("<!--") => {
                            outline.comments.push(whole_lines(text, place));
                        }
                        _ => {}
                    }
                    depth += 1;
                }
                Event::End(ended) => {
                    depth -= 1;
                    let TagEnd::Heading(level) = ended else {
                        continue;
                    };
                    if let Some(said) = said.take() {
                        outline.headings.push(Heading {
                            place: whole_lines(text, place),
                            level,
                            words: words(&said),
                        });
                    }
                }
                Event::Text(more) | Event::Code(more) => {
                    if let Some(said) = &mut said {
                        said.push_str(&more);
                    }
                }
                _ => {}
            }
        }
        outline
    }
}

/// A place from where its first line begins to where its last one ends.
fn whole_lines(text: &str, place: Range<usize>) -> Range<usize> {
    let begin = text[..place.start].rfind('\n').map_or(0, |at| at + 1);
    let last = place.end.saturating_sub(1).max(begin);
    let end = text[last..]
        .find('\n')
        .map_or(text.len(), |at| last + at + 1);
    begin..end
}

fn words(heading: &str) -> Vec<String> {
    let split = |c: char| c.is_whitespace() || "[](),:`*".contains(c);
    let words = heading.split(split).filter(|word| !word.is_empty());
    words.map(str::to_owned).collect()
}

/// Whether a heading is that of a release: no other name stands before its version, and no other group's right
/// behind it.
fn is_of(words: &[String], tag: &Tag, groups: &[&str]) -> bool {
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
    let Some(first) = words.iter().position(|word| !is_before(word)) else {
        return false;
    };
    let (before, behind) = (&words[..first], &words[first + 1..]);
    let names = |word: &String, group: &str| word.eq_ignore_ascii_case(group);
    let is_own = |word: &String| names(word, &tag.group);
    // A day, a dash and the like are no name.
    let mut behind_named = behind
        .iter()
        .skip_while(|word| !word.contains(|c: char| c.is_alphabetic()));
    let is_anothers = behind_named
        .next()
        .is_some_and(|word| groups.iter().any(|group| names(word, group)))
        && !before.iter().chain(behind).any(is_own);
    is_version(&words[first]) && !is_anothers
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
        section(CHANGELOG, &tag.parse().unwrap(), &[])
    }

    fn in_text(changelog: &str) -> Option<String> {
        let groups = ["lau", "hello", "cli"];
        section(changelog, &"lau-v1.0.0".parse().unwrap(), &groups)
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

    /// Each of these would be read wrongly by somebody who looks at the beginnings of lines alone.
    #[test]
    fn code_and_comments_hold_no_headings() {
        for quoted in [
            // A closing fence is as long as its opening one, and nothing stands behind it.
            "````md\n```\n## 2.0.0\n````",
            "```\n```rust\n## 2.0.0\n```",
            "~~~\n```\n## 2.0.0\n~~~",
            "<!--\n## 2.0.0\n-->",
            "<!-- to come:\n\n## 2.0.0\n\n- more -->",
            "- as in\n\n  ## 2.0.0",
        ] {
            let text = in_text(&format!("## 1.0.0\n\n{quoted}\n\n- last\n\n## 0.9.0\n"));
            assert_eq!(text.unwrap(), format!("{quoted}\n\n- last"));
        }
        for before in [
            "<!--\n## 1.0.0\n\n- DATE\n-->\n",
            "````md\n```\n## 1.0.0\n\n- as here\n````\n",
        ] {
            let text = in_text(&format!("{before}\n## 1.0.0\n\n- real\n"));
            assert_eq!(text.as_deref(), Some("- real"), "{before}");
        }
    }

    #[test]
    fn inline_code_at_the_beginning_of_a_line_opens_no_fence() {
        let text = "## 1.1.0\n\n```lau --x``` is new\n\n## 1.0.0\n\n- first\n";
        assert_eq!(in_text(text).as_deref(), Some("- first"));
    }

    #[test]
    fn a_mark_before_the_text_and_ends_of_lines_of_windows_are_no_part_of_it() {
        let text = "\u{feff}## 1.0.0\r\n\r\n- one\r\n- two\r\n\r\n## 0.9.0\r\n";
        assert_eq!(in_text(text).as_deref(), Some("- one\n- two"));
    }

    #[test]
    fn a_comment_alone_says_nothing() {
        assert_eq!(
            in_text("## 1.0.0\n\n<!--\nto be written\n-->\n\n## 0.9.0\n"),
            None
        );
    }

    #[test]
    fn definitions_in_code_and_comments_are_none() {
        let text = "## 1.0.0\n\n- [a] and [b]\n\n# Links\n\n```\n[a]: /code\n```\n\n[a]: /a\n\n<!--\n[b]: /old\n-->\n";
        assert_eq!(in_text(text).as_deref(), Some("- [a] and [b]\n\n[a]: /a"));
    }

    #[test]
    fn a_version_that_is_said_to_be_another_groups_is() {
        for heading in [
            "1.0.0 hello",
            "v1.0.0 (hello)",
            "[1.0.0] - 2026-11-24 - Hello",
            "1.0.0: cli",
        ] {
            let text = format!("## {heading}\n\n- of another\n");
            assert_eq!(in_text(&text), None, "{heading}");
            let text = format!("{text}\n## 1.0.0\n\n- own\n");
            assert_eq!(in_text(&text).as_deref(), Some("- own"), "{heading}");
        }
        for heading in [
            "1.0.0 lau",
            "1.0.0 (hello, lau)",
            "lau 1.0.0 - hello again",
            "1.0.0 - the hello release",
            "1.0.0 unknown",
        ] {
            let text = format!("## {heading}\n\n- own\n");
            assert_eq!(in_text(&text).as_deref(), Some("- own"), "{heading}");
        }
    }
}
