//! Which release this is: the tag, the version, the channel and the commit, before anything is done.

mod still;

pub use still::{Seen, is_still};

use crate::context::World;
use crate::git::{Difference, Git, GitError};
use crate::products::Workspace;
use process::NotUtf8;
use release_types::{Channel, Tag, TagError};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// What a person asked for.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The tag, or with `snapshot` a group or any of its tags.
    pub tag: Option<String>,
    /// Make a version of this commit up instead of taking one from a tag.
    pub snapshot: bool,
    /// The channel, when it is not to follow from the version.
    pub channel: Option<Channel>,
    /// Accept files that differ from the commit.
    pub allow_dirty: bool,
    /// Accept a tag that git does not have at `HEAD`.
    pub allow_untagged: bool,
    /// Accept a tag that git does not have at all; one that is elsewhere is of another commit.
    pub allow_no_tag: bool,
    /// Folders whose files do not make the tree dirty: what this program itself writes. Where git knows
    /// files in one, all of its files count.
    pub apart: Vec<PathBuf>,
}

/// The release that is made.
#[derive(Debug, Clone)]
pub struct Selected {
    /// Group and version.
    pub tag: Tag,
    /// The channel it is published on.
    pub channel: Channel,
    /// The commit at `HEAD`.
    pub commit: String,
    /// When that was committed, in seconds since 1970.
    pub commit_time: i64,
    /// What differs from the commit, where that was allowed.
    pub dirty: Vec<String>,
    /// The same files as they were when the tree was looked at.
    pub seen: BTreeSet<Seen>,
    /// What a person may want to know of how the version came about.
    pub note: Option<String>,
}

/// Why there is no telling which release this is.
#[derive(Debug, thiserror::Error)]
pub enum SelectError {
    /// The tag is malformed.
    #[error("{}", point(.error))]
    Tag {
        /// What is wrong, and where.
        error: TagError,
        /// The groups there are.
        groups: Vec<String>,
    },
    /// The tag names a group nobody declared.
    #[error("`{tag}` names no group of this workspace: there is no group `{group}`{}\n  {tag}\n  {}", of_product.as_ref().map(|g| format!(" (the product `{group}` is released by tags of the group `{g}`)")).unwrap_or_default(), "^".repeat(group.len()))]
    UnknownGroup {
        /// The tag.
        tag: String,
        /// The group it names.
        group: String,
        /// The group that has a product of this name.
        of_product: Option<String>,
        /// The groups there are.
        groups: Vec<String>,
    },
    /// No tag was given and none is at `HEAD`.
    #[error("no tag was given, and no release tag is at HEAD")]
    NoTag {
        /// The groups there are.
        groups: Vec<String>,
    },
    /// No tag was given and several are at `HEAD`.
    #[error("no tag was given, and several are at HEAD: {}", .0.join(", "))]
    SeveralTags(Vec<String>),
    /// A snapshot of which group?
    #[error("--snapshot needs to know the group")]
    NoGroup {
        /// The groups there are.
        groups: Vec<String>,
    },
    /// A pre-release whose channel does not follow from its name.
    #[error("`{0}` is a pre-release whose first identifier names no channel")]
    NoChannel(semver::Version),
    /// The tree differs from the commit.
    #[error(
        "the working tree differs from the commit: {}",
        crate::plan::shortened(files)
    )]
    Dirty {
        /// The files.
        files: Vec<String>,
        /// Those of them that git was told not to look at.
        marked: Vec<String>,
    },
    /// Files have changed since the tree was looked at: nobody knows which of them were built.
    #[error("files have changed while they were being built: {}", crate::plan::shortened(.0))]
    Changed(Vec<String>),
    /// Another commit has been checked out since.
    #[error(
        "another commit was checked out during the build: {} is at HEAD, and it began with {}",
        short(now),
        short(before)
    )]
    OtherHead {
        /// The commit at `HEAD` when the build began.
        before: String,
        /// The one that is there now.
        now: String,
    },
    /// The tag is not at `HEAD`.
    #[error("the tag `{tag}` is not at HEAD ({}): {}", short(head), at.as_ref().map_or_else(|| "git has no such tag".to_owned(), |at| format!("it is at {}", short(at))))]
    NotAtHead {
        /// The tag.
        tag: String,
        /// The commit at `HEAD`.
        head: String,
        /// The commit the tag names, if there is such a tag.
        at: Option<String>,
    },
    /// git could not answer.
    #[error(transparent)]
    Git(#[from] GitError),
    /// A variable that would name the tag is no text.
    #[error(transparent)]
    Env(#[from] NotUtf8),
}

fn point(error: &TagError) -> String {
    let pointer = error.pointer();
    let lines: Vec<String> = pointer.lines().map(|line| format!("  {line}")).collect();
    format!("{error}\n{}", lines.join("\n"))
}

fn short(commit: &str) -> &str {
    commit.get(..12).unwrap_or(commit)
}

/// Decides which release is made.
///
/// # Errors
/// When the tag is malformed, unknown, missing or not at `HEAD`, the tree is dirty, the channel
/// does not follow, or git cannot answer.
pub async fn select(
    world: &World,
    workspace: &Workspace,
    request: &Request,
) -> Result<Selected, SelectError> {
    let groups: Vec<String> = workspace.groups().into_iter().map(str::to_owned).collect();
    // What can be refused without asking git is refused first.
    let named = match named_tag(world, request)? {
        Some(text) if !request.snapshot => Some(known_tag(&text, workspace)?),
        _ => None,
    };
    let git = Git::new(world, &workspace.root)?;
    let (head, dirty) = tokio::join!(git.head(), git.differences(&request.apart));
    // Without a repository both fail, and only the first knows why.
    let (head, dirty) = (head?, dirty?);
    if !dirty.is_empty() && !request.allow_dirty {
        let marked = dirty.iter().filter(|file| file.marked);
        return Err(SelectError::Dirty {
            marked: marked.map(|file| file.path.clone()).collect(),
            files: paths(&dirty),
        });
    }
    let mut note = None;
    let tag = if request.snapshot {
        let named = request.tag.as_deref();
        let (tag, last) = snapshot_tag(&git, workspace, named, &head.commit).await?;
        if last.is_none() {
            note = Some(without_last(&tag.group, git.is_shallow().await?));
        }
        tag
    } else {
        let tag = match named {
            Some(tag) => tag,
            None => the_tag_at_head(git.tags_at_head().await?, workspace, groups)?,
        };
        if !request.allow_untagged {
            let at = git.tag_commit(&tag.to_string()).await?;
            let missing = at.is_none() && request.allow_no_tag;
            if !missing && at.as_deref() != Some(head.commit.as_str()) {
                return Err(SelectError::NotAtHead {
                    tag: tag.to_string(),
                    head: head.commit,
                    at,
                });
            }
        }
        tag
    };
    let channel = request
        .channel
        .or_else(|| workspace.channel_of(&tag.version))
        .ok_or_else(|| SelectError::NoChannel(tag.version.clone()))?;
    Ok(Selected {
        tag,
        channel,
        commit: head.commit,
        commit_time: head.time,
        dirty: paths(&dirty),
        seen: still::seen(dirty).await,
        note,
    })
}

fn paths(files: &[Difference]) -> Vec<String> {
    files.iter().map(|file| file.path.clone()).collect()
}

/// The tag that the argument or the job names: never taken from `HEAD`.
///
/// # Errors
/// When a variable is no text.
pub fn named_tag(world: &World, request: &Request) -> Result<Option<String>, NotUtf8> {
    if let Some(tag) = &request.tag {
        return Ok(Some(tag.clone()));
    }
    if world.env.text("GITHUB_REF_TYPE")? == Some("tag") {
        return Ok(world.env.text("GITHUB_REF_NAME")?.map(str::to_owned));
    }
    Ok(None)
}

fn known_tag(text: &str, workspace: &Workspace) -> Result<Tag, SelectError> {
    let groups: Vec<String> = workspace.groups().into_iter().map(str::to_owned).collect();
    let tag: Tag = text.parse().map_err(|error| SelectError::Tag {
        error,
        groups: groups.clone(),
    })?;
    known_group(&tag.group, text, workspace)?;
    Ok(tag)
}

/// Makes sure that the workspace has a group, which a tag names.
///
/// # Errors
/// When it has none of this name.
pub fn known_group(group: &str, tag: &str, workspace: &Workspace) -> Result<(), SelectError> {
    if workspace.has_group(group) {
        return Ok(());
    }
    Err(SelectError::UnknownGroup {
        tag: tag.to_owned(),
        group: group.to_owned(),
        of_product: workspace
            .products
            .iter()
            .find(|p| p.product.as_str() == group)
            .map(|p| p.group.clone()),
        groups: workspace.groups().into_iter().map(str::to_owned).collect(),
    })
}

fn the_tag_at_head(
    tags: Vec<String>,
    workspace: &Workspace,
    groups: Vec<String>,
) -> Result<Tag, SelectError> {
    let mut ours: Vec<Tag> = tags
        .iter()
        .filter_map(|tag| tag.parse::<Tag>().ok())
        .filter(|tag| workspace.has_group(&tag.group))
        .collect();
    match (ours.pop(), ours.is_empty()) {
        (Some(tag), true) => Ok(tag),
        (Some(tag), false) => {
            ours.push(tag);
            Err(SelectError::SeveralTags(
                ours.iter().map(Tag::to_string).collect(),
            ))
        }
        (None, _) => Err(SelectError::NoTag { groups }),
    }
}

/// `<last version, patch + 1>-dev.<commits since>+g<commit>`, so that every commit has a version
/// of its own that sorts after the last release and before the next. With the last release, if there
/// is one.
async fn snapshot_tag(
    git: &Git<'_>,
    workspace: &Workspace,
    named: Option<&str>,
    commit: &str,
) -> Result<(Tag, Option<Tag>), SelectError> {
    let group = match named {
        Some(text) => match text.parse::<Tag>() {
            Ok(tag) => tag.group,
            Err(_) => text.to_owned(),
        },
        None => match workspace.groups()[..] {
            [one] => one.to_owned(),
            ref groups => {
                return Err(SelectError::NoGroup {
                    groups: groups.iter().map(|&g| g.to_owned()).collect(),
                });
            }
        },
    };
    known_group(&group, named.unwrap_or(&group), workspace)?;
    let last = git.last_version(&group).await?;
    let since = git.commits_since(last.as_ref()).await?;
    let first = semver::Version::new(0, 0, 0);
    let base = last.as_ref().map_or(&first, |tag| &tag.version);
    let version = snapshot_version(base, since, commit);
    Ok((Tag { group, version }, last))
}

/// What is said of a snapshot that no release comes before.
fn without_last(group: &str, shallow: bool) -> String {
    let fetch = match shallow {
        true => {
            "this clone has only the newest commits: git fetch --tags --unshallow gets the others"
        }
        false => "where there are such tags, git fetch --tags gets them",
    };
    format!("no tag {group}-v… comes before HEAD, so the snapshot counts from 0.0.0; {fetch}")
}

fn snapshot_version(last: &semver::Version, since: u64, commit: &str) -> semver::Version {
    let text = format!(
        "{}.{}.{}-dev.{since}+g{}",
        last.major,
        last.minor,
        last.patch.saturating_add(1),
        short(commit)
    );
    #[expect(
        clippy::expect_used,
        reason = "numbers and hexadecimal digits joined as SemVer asks"
    )]
    text.parse()
        .expect("a version made of numbers and a commit is SemVer")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_sorts_between_the_last_release_and_the_next() {
        let last = semver::Version::new(1, 4, 2);
        let version = snapshot_version(&last, 7, "0123456789abcdef0123456789abcdef01234567");
        assert_eq!(version.to_string(), "1.4.3-dev.7+g0123456789ab");
        assert!(version > last && version < semver::Version::new(1, 4, 3));
        assert_eq!(Channel::of_version(&version), Some(Channel::Dev));
    }
}
