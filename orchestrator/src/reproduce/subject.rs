//! What is built again: which commit, under which tag, for which platform.

use super::ReproduceError;
use crate::context::World;
use crate::dist::ReleaseRecord;
use crate::git::Git;
use crate::products::CodeSignSettings;
use crate::select::SelectError;
use release_types::{Channel, Os, Platform, Tag};
use std::path::Path;

/// What is to be built.
#[derive(Debug)]
pub struct Subject {
    /// The tag that names the group and the version.
    pub tag: Tag,
    /// The commit.
    pub commit: String,
    /// The channel; none where neither the version nor anybody says which.
    pub channel: Option<Channel>,
    /// What to build for.
    pub platform: Platform,
    /// The record of the build that is to be repeated, when there is one.
    pub record: Option<ReleaseRecord>,
    /// Whether what is published may have been code-signed, which nobody but a record knows.
    pub perhaps_signed: bool,
    /// What a verdict has to say beside the bytes.
    pub notes: Vec<String>,
}

/// What a person asks for by a tag.
#[derive(Debug)]
pub struct Request<'a> {
    /// The tag.
    pub tag: &'a str,
    /// Whether to take `HEAD` where git has no such tag.
    pub untagged: bool,
    /// The channel, when it is not to be the version's.
    pub channel: Option<Channel>,
    /// What to build for, when it is not to be this machine.
    pub target: Option<Platform>,
}

impl Subject {
    /// What a record, read from `path`, says was built; `tag` is the one that it is expected to be of.
    ///
    /// # Errors
    /// When it is of another tag or cannot be repeated.
    pub fn of_record(
        record: ReleaseRecord,
        path: &Path,
        tag: Option<&str>,
    ) -> Result<Self, ReproduceError> {
        let refused = |why: String| ReproduceError::Record {
            path: path.to_owned(),
            why,
        };
        if let Some(tag) = tag
            && tag != record.tag
        {
            return Err(refused(format!("it is of {}, not {tag}", record.tag)));
        }
        if record.artifacts.is_empty() {
            return Err(refused("it names no files to compare with".to_owned()));
        }
        if !record.dirty.is_empty() {
            let dirty = record.dirty;
            return Err(ReproduceError::Unprovable { dirty });
        }
        // It becomes an argument of git's, so it may be nothing but a commit.
        if !is_object_name(&record.commit) {
            let why = "`commit` is no full name of a commit (40 or 64 hexadecimal digits)";
            return Err(refused(why.to_owned()));
        }
        let tag = record.tag.parse();
        let signed = record
            .artifacts
            .iter()
            .filter(|file| file.before_signing.is_some());
        let notes = signed.map(|file| {
            format!(
                "{} is code-signed: what is compared is the file before that, of which the record has the digest",
                file.filename
            )
        });
        let notes = notes.collect();
        Ok(Self {
            tag: tag.map_err(|error: release_types::TagError| refused(error.to_string()))?,
            commit: record.commit.clone(),
            channel: Some(record.channel),
            platform: record.platform,
            record: Some(record),
            perhaps_signed: false,
            notes,
        })
    }

    /// Says that what a Hub has may be no other than what was built, if the workspace has it code-signed: a
    /// signature changes the file, and a Hub has no other.
    #[must_use]
    pub fn published_signed(mut self, settings: &CodeSignSettings) -> Self {
        let is_signed = match self.platform.os {
            Os::Windows => settings.windows.is_some(),
            Os::Macos => settings.macos.is_some(),
            Os::Linux => false,
        };
        self.perhaps_signed = is_signed;
        if is_signed {
            self.notes.push(format!(
                "programs for {} are code-signed, which changes them: where what is published differs, compare with the digests from before, by --from and the release.json of that build",
                self.platform.os
            ));
        }
        self
    }

    /// The commit that the subject's tag is at in the repository of the workspace at `root`.
    ///
    /// # Errors
    /// When git fails.
    pub async fn tag_here(
        &self,
        world: &World,
        root: &Path,
    ) -> Result<Option<String>, SelectError> {
        let git = Git::new(world, root)?;
        Ok(git.tag_commit(&self.tag.to_string()).await?)
    }

    /// Compares the commit with the one that the tag is at here: the tag in a record is its writer's
    /// word. `named` says that somebody has asked for the tag, and not for the record alone.
    ///
    /// # Errors
    /// When it was named and is at another commit.
    pub fn beside_its_tag(
        mut self,
        at: Option<String>,
        named: bool,
    ) -> Result<Self, ReproduceError> {
        let (tag, commit) = (self.tag.to_string(), &self.commit);
        let note = match at {
            Some(at) if at.eq_ignore_ascii_case(commit) => return Ok(self),
            Some(at) if named => {
                let recorded = commit.clone();
                return Err(ReproduceError::OtherCommit { tag, recorded, at });
            }
            Some(at) => format!("the record is of commit {commit}, and {tag} is at {at} here"),
            None => {
                format!("git has no tag {tag} here: the record alone says that it is at {commit}")
            }
        };
        self.notes.push(note);
        Ok(self)
    }

    /// The commit of a tag in the repository of the workspace at `root`, wherever it is.
    ///
    /// # Errors
    /// When there is no such tag, or git fails.
    pub async fn of_tag(
        world: &World,
        root: &Path,
        request: &Request<'_>,
    ) -> Result<Self, SelectError> {
        let git = Git::new(world, root)?;
        let tag: Tag = request.tag.parse().map_err(|error| SelectError::Tag {
            error,
            groups: Vec::new(),
        })?;
        let commit = match git.tag_commit(request.tag).await? {
            Some(commit) => commit,
            None => {
                let head = git.head().await?.commit;
                if !request.untagged {
                    return Err(SelectError::NotAtHead {
                        tag: request.tag.to_owned(),
                        head,
                        at: None,
                    });
                }
                head
            }
        };
        Ok(Self {
            channel: request
                .channel
                .or_else(|| Channel::of_version(&tag.version)),
            tag,
            commit,
            platform: request.target.unwrap_or(world.host),
            record: None,
            perhaps_signed: false,
            notes: Vec::new(),
        })
    }
}

/// Whether a text is the full name of a commit: in SHA-1 or SHA-256, as hexadecimal digits.
fn is_object_name(text: &str) -> bool {
    [40, 64].contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_at_another_commit_is_refused_by_its_name_and_told_of_a_record() {
        let of = |at: Option<&str>, named| {
            let subject = Subject {
                tag: "demo-v1.0.0".parse().unwrap(),
                commit: "0a".repeat(20),
                channel: None,
                platform: Platform::ALL[0],
                record: None,
                perhaps_signed: false,
                notes: Vec::new(),
            };
            let subject = subject.beside_its_tag(at.map(str::to_owned), named);
            subject.map(|subject| subject.notes.join("\n"))
        };
        let (same, other) = ("0a".repeat(20), "0b".repeat(20));
        for named in [true, false] {
            assert_eq!(of(Some(&same), named).unwrap(), "");
            assert!(of(None, named).unwrap().starts_with("git has no tag"));
        }
        let told = of(Some(&other), false).unwrap();
        assert!(told.contains(&other) && told.contains(&same), "{told}");
        assert!(matches!(
            of(Some(&other), true),
            Err(ReproduceError::OtherCommit { .. })
        ));
    }

    #[test]
    fn names_of_commits() {
        assert!(is_object_name(&"0a".repeat(20)));
        assert!(is_object_name(&"0a".repeat(32)));
        for other in ["", "main", "--orphan=x", "0a0a0a0", &"0g".repeat(20)] {
            assert!(!is_object_name(other), "{other}");
        }
    }
}
