//! Which release GitHub calls the latest: there is one in a repository, whatever groups it has.

use release_types::Tag;
use std::collections::BTreeSet;

/// What a person has said of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Latest {
    /// It is the highest stable version of its group, where no other group has releases or this group is
    /// named.
    Auto {
        /// The group whose releases may be the latest.
        group: Option<String>,
    },
    /// It is.
    Always,
    /// It is not.
    Never,
}

/// What is made of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decision {
    pub latest: bool,
    /// What a person should know of it.
    pub warning: Option<String>,
}

/// Whether a release is the latest one. `tags` are those of its group on GitHub, and `released` the tags of
/// all releases there. Tags are there before releases: of two that are published at the same time, the
/// lower one knows of the higher.
pub(super) fn decide(tag: &Tag, wanted: &Latest, tags: &[String], released: &[&str]) -> Decision {
    let so = |latest| Decision {
        latest,
        warning: None,
    };
    let group = match wanted {
        Latest::Always => return so(true),
        Latest::Never => return so(false),
        _ if !tag.version.pre.is_empty() => return so(false),
        Latest::Auto { group } => group,
    };
    match group {
        Some(group) if *group != tag.group => return so(false),
        Some(_) => {}
        None => {
            let others = released.iter().filter_map(|name| name.parse::<Tag>().ok());
            let others: BTreeSet<String> = others
                .map(|other| other.group)
                .filter(|group| *group != tag.group)
                .collect();
            if !others.is_empty() {
                let others: Vec<String> = others.into_iter().collect();
                return Decision {
                    latest: false,
                    warning: Some(format!(
                        "{tag} is not made GitHub's latest release, since there are releases of other groups ({}): \
                         --latest-group, or github-latest in [workspace.metadata.atlas-release], names the group whose releases are",
                        others.join(", ")
                    )),
                };
            }
        }
    }
    let of_group = tags.iter().filter_map(|name| name.parse::<Tag>().ok());
    let mut stable = of_group.filter(|one| one.group == tag.group && one.version.pre.is_empty());
    so(!stable.any(|one| one.version.cmp_precedence(&tag.version).is_gt()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn latest(tag: &str, wanted: &Latest, released: &[&str]) -> Decision {
        let tags = [
            "demo-v1.4.0",
            "demo-v1.10.0",
            "demo-v2.0.0-rc.1",
            "demo-v",
            "demo-more-v9.0.0",
        ];
        let tags = tags.map(str::to_owned);
        decide(&tag.parse().unwrap(), wanted, &tags, released)
    }

    #[test]
    fn it_is_the_highest_stable_version_of_its_group() {
        let auto = Latest::Auto { group: None };
        let alone = ["demo-v1.4.0", "nightly"];
        for (tag, is) in [
            ("demo-v1.10.0", true),
            ("demo-v1.11.0", true),
            ("demo-v1.4.0", false),
            ("demo-v1.4.1", false),
            ("demo-v2.0.0-rc.1", false),
            ("demo-v2.0.0", true),
        ] {
            assert_eq!(latest(tag, &auto, &alone).latest, is, "{tag}");
        }
    }

    #[test]
    fn of_several_groups_somebody_has_to_name_one() {
        let several = ["demo-v1.4.0", "other-v7.0.0"];
        let found = latest("demo-v1.10.0", &Latest::Auto { group: None }, &several);
        assert!(!found.latest && found.warning.unwrap().contains("(other)"));
        for (group, is) in [("demo", true), ("other", false)] {
            let group = Some(group.to_owned());
            let found = latest("demo-v1.10.0", &Latest::Auto { group }, &several);
            assert_eq!((found.latest, found.warning), (is, None));
        }
    }

    #[test]
    fn what_a_person_says_counts() {
        assert!(latest("demo-v1.0.0", &Latest::Always, &["other-v1.0.0"]).latest);
        assert!(!latest("demo-v1.10.0", &Latest::Never, &[]).latest);
    }
}
