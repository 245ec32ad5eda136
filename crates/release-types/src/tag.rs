//! Release tags: `<group>-v<SemVer>`.

use crate::text_serde;
use std::fmt;
use std::str::FromStr;

/// A tag that was parsed: which group of products, in which version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// The group whose products are released together.
    pub group: String,
    /// The version, strictly SemVer 2.0.
    pub version: semver::Version,
}

/// Why a text is no release tag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TagProblem {
    /// Nothing stands there.
    #[error("the tag is empty")]
    Empty,
    /// There is no `-v` between group and version.
    #[error("there is no `-v` between the group and the version")]
    NoVersion,
    /// Nothing, or something that is no name, stands before `-v`.
    #[error("`{0}` is no name of a group")]
    Group(String),
    /// What follows `-v` is not SemVer 2.0.
    #[error("`{text}` is not a SemVer 2.0 version: {why}")]
    Version {
        /// The text after `-v`.
        text: String,
        /// What the parser objects to.
        why: String,
    },
}

/// A text that is no release tag, with the place that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{tag}` is not a release tag: {problem}")]
pub struct TagError {
    /// The whole text.
    pub tag: String,
    /// Where the wrong part begins and ends, in bytes of `tag`.
    pub span: (usize, usize),
    /// What is wrong with it.
    pub problem: TagProblem,
}

impl TagError {
    /// The tag with a line of carets below the part that is wrong.
    pub fn pointer(&self) -> String {
        let before = self.tag[..self.span.0].chars().count();
        let width = self.tag[self.span.0..self.span.1].chars().count().max(1);
        format!("{}\n{}{}", self.tag, " ".repeat(before), "^".repeat(width))
    }
}

impl FromStr for Tag {
    type Err = TagError;

    fn from_str(text: &str) -> Result<Self, TagError> {
        let fail = |span, problem| TagError {
            tag: text.to_owned(),
            span,
            problem,
        };
        if text.is_empty() {
            return Err(fail((0, 0), TagProblem::Empty));
        }
        // A group's name may hold `-v2`, and so may a pre-release. But a name has no dot, and a version has one right
        // behind its first number: the last `-v` before the first dot is the one between them.
        let before_dot = text.find('.').map_or(text, |dot| &text[..dot]);
        let Some(at) = before_dot.rfind("-v").or_else(|| text.find("-v")) else {
            return Err(fail((0, text.len()), TagProblem::NoVersion));
        };
        let (group, version) = (&text[..at], &text[at + 2..]);
        if group.parse::<crate::ProductName>().is_err() {
            return Err(fail((0, at), TagProblem::Group(group.to_owned())));
        }
        match semver::Version::parse(version) {
            Ok(version) => Ok(Self {
                group: group.to_owned(),
                version,
            }),
            Err(error) => Err(fail(
                (at + 2, text.len()),
                TagProblem::Version {
                    text: version.to_owned(),
                    why: error.to_string(),
                },
            )),
        }
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-v{}", self.group, self.version)
    }
}

text_serde!(Tag);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pointer(text: &str) -> String {
        let error = text.parse::<Tag>().unwrap_err();
        format!("{error}\n{}", error.pointer())
    }

    #[test]
    fn good_tags() {
        for (text, group, version) in [
            ("runner-v1.4.0", "runner", "1.4.0"),
            (
                "my-tool-v0.0.1-beta.2+exp.7",
                "my-tool",
                "0.0.1-beta.2+exp.7",
            ),
            ("cli-v1.0.0-v1", "cli", "1.0.0-v1"),
            ("a-vista-v1.0.0", "a-vista", "1.0.0"),
            ("hello-v2-v1.0.0", "hello-v2", "1.0.0"),
            ("hello-v-v1.0.0-v2.1.0", "hello-v", "1.0.0-v2.1.0"),
            ("v2-v10-v0.1.0+a-v1.0.0", "v2-v10", "0.1.0+a-v1.0.0"),
        ] {
            let tag: Tag = text.parse().unwrap();
            assert_eq!(
                (tag.group.as_str(), tag.version.to_string().as_str()),
                (group, version)
            );
            assert_eq!(tag.to_string(), text);
        }
    }

    #[test]
    fn the_wrong_part_is_pointed_at() {
        assert_eq!(
            pointer("runner-v01.0.0"),
            "`runner-v01.0.0` is not a release tag: `01.0.0` is not a SemVer 2.0 version: \
             invalid leading zero in major version number\nrunner-v01.0.0\n        ^^^^^^"
        );
        assert_eq!(
            pointer("runner-1.0.0"),
            "`runner-1.0.0` is not a release tag: there is no `-v` between the group and the \
             version\nrunner-1.0.0\n^^^^^^^^^^^^"
        );
        assert_eq!(pointer("-v1.0.0").lines().last(), Some("^"));
        assert_eq!(
            pointer("hello-v2-v1.0").lines().last(),
            Some("          ^^^")
        );
        assert_eq!(pointer("run.ner-v1.0.0").lines().last(), Some("^^^^^^^"));
        for bad in [
            "",
            "runner-v1.0",
            "runner-v",
            "v1.0.0",
            "Runner-v1.0.0",
            "runner-v1.0.0 ",
            "é-v1.0.0",
        ] {
            let error = bad.parse::<Tag>().unwrap_err();
            assert!(error.pointer().contains('^'), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn a_tag_survives_its_text(
            group in "[a-z][a-z0-9]{0,8}(-v[0-9]{0,2}|-{1,2}[a-z0-9]{1,5}){0,4}",
            (a, b, c) in (0u64..1000, 0u64..1000, 0u64..1000),
            pre in proptest::option::of("(beta|dev|x-v1|v1|-v2)\\.[1-9][0-9]{0,3}"),
        ) {
            let mut version = semver::Version::new(a, b, c);
            if let Some(pre) = pre {
                version.pre = semver::Prerelease::new(&pre).unwrap();
            }
            prop_assume!(group.parse::<crate::ProductName>().is_ok());
            let tag = Tag { group, version };
            prop_assert_eq!(tag.to_string().parse::<Tag>(), Ok(tag));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC{0,30}") {
            if let Err(error) = text.parse::<Tag>() {
                error.pointer();
            }
        }
    }
}
