//! What git says about the commit that is released. Only questions: nothing is ever written.

use crate::context::World;
use process::{AllowList, ProcessError};
use release_types::Tag;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a question may take, on a large repository with a cold disk.
const LIMIT: Duration = Duration::from_secs(60);

/// Why git could not answer.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// There is no git.
    #[error("`git` was not found on PATH")]
    NoGit,
    /// The workspace is in no repository, or the repository has no commit.
    #[error("{} is in no git repository with a commit", dir.display())]
    NoCommit {
        /// The folder.
        dir: PathBuf,
        /// What git said.
        source: ProcessError,
    },
    /// git failed.
    #[error("git could not say {what}")]
    Failed {
        /// What it was asked.
        what: &'static str,
        /// What it said.
        source: ProcessError,
    },
    /// The answer was not understood.
    #[error(
        "git's answer to {what} was not understood: `{}`",
        crate::text::bounded(answer)
    )]
    Answer {
        /// What it was asked.
        what: &'static str,
        /// What it said.
        answer: String,
    },
}

/// A repository to ask.
#[derive(Debug)]
pub struct Git<'a> {
    world: &'a World,
    program: PathBuf,
    dir: PathBuf,
}

/// The commit at `HEAD`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Its full object name.
    pub commit: String,
    /// When it was committed, in seconds since 1970.
    pub time: i64,
}

impl<'a> Git<'a> {
    /// git, for the repository that `dir` is in.
    ///
    /// # Errors
    /// When there is no git on `PATH`.
    pub fn new(world: &'a World, dir: &Path) -> Result<Self, GitError> {
        Ok(Self {
            program: world.find_program("git").ok_or(GitError::NoGit)?,
            world,
            dir: dir.to_owned(),
        })
    }

    async fn ask(&self, args: &[&str]) -> Result<String, ProcessError> {
        let command = self
            .world
            .command(&self.program, &AllowList::base())
            .args(["--no-optional-locks"])
            .args(args.iter().copied())
            .cwd(&self.dir);
        let output = self.world.runner.success(&command, LIMIT).await?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// The commit at `HEAD`.
    ///
    /// # Errors
    /// When there is none.
    pub async fn head(&self) -> Result<Head, GitError> {
        let text = self
            .ask(&[
                "show",
                "--no-patch",
                "--no-show-signature",
                "--format=%H %ct",
                "HEAD",
            ])
            .await
            .map_err(|source| match source {
                source @ ProcessError::Failed { .. } => GitError::NoCommit {
                    dir: self.dir.clone(),
                    source,
                },
                source => GitError::Failed {
                    what: "which commit is checked out",
                    source,
                },
            })?;
        let parsed = text.trim().split_once(' ').and_then(|(commit, time)| {
            Some(Head {
                commit: commit.to_owned(),
                time: time.parse().ok()?,
            })
        });
        parsed.ok_or(GitError::Answer {
            what: "`git show HEAD`",
            answer: text,
        })
    }

    /// Files that differ from `HEAD` or that git does not know and does not ignore, relative to
    /// the repository's folder; folders in `apart` do not count.
    ///
    /// # Errors
    /// When git fails.
    pub async fn dirty_files(&self, apart: &[PathBuf]) -> Result<Vec<String>, GitError> {
        let failed = |source| GitError::Failed {
            what: "which files have changed",
            source,
        };
        let (status, top) = tokio::try_join!(
            self.ask(&["status", "--porcelain=v1", "-z", "--untracked-files=all"]),
            self.ask(&["rev-parse", "--show-toplevel"]),
        )
        .map_err(failed)?;
        let top = Path::new(top.trim_end_matches(['\n', '\r']));
        Ok(porcelain_paths(&status)
            .into_iter()
            .filter(|path| {
                let path = top.join(path);
                !apart.iter().any(|dir| path.starts_with(dir))
            })
            .collect())
    }

    /// The tags at `HEAD`.
    ///
    /// # Errors
    /// When git fails.
    pub async fn tags_at_head(&self) -> Result<Vec<String>, GitError> {
        self.tags(&["tag", "--points-at", "HEAD"], "which tags are at HEAD")
            .await
    }

    /// The commit a tag names, if there is such a tag.
    ///
    /// # Errors
    /// When git fails for another reason.
    pub async fn tag_commit(&self, tag: &str) -> Result<Option<String>, GitError> {
        let name = format!("refs/tags/{tag}^{{commit}}");
        match self.ask(&["rev-parse", "--quiet", "--verify", &name]).await {
            Ok(text) => Ok(Some(text.trim().to_owned())),
            Err(ProcessError::Failed { .. }) => Ok(None),
            Err(source) => Err(GitError::Failed {
                what: "which commit the tag names",
                source,
            }),
        }
    }

    /// The highest version of a group's tags that `HEAD` descends from.
    ///
    /// # Errors
    /// When git fails.
    pub async fn last_version(&self, group: &str) -> Result<Option<Tag>, GitError> {
        let pattern = format!("{group}-v*");
        let tags = self
            .tags(
                &["tag", "--merged", "HEAD", "--list", &pattern],
                "which tags came before",
            )
            .await?;
        Ok(tags
            .iter()
            .filter_map(|tag| tag.parse::<Tag>().ok())
            .filter(|tag| tag.group == group)
            .max_by(|a, b| a.version.cmp_precedence(&b.version)))
    }

    /// How many commits `HEAD` has that the tag has not; all of them without a tag.
    ///
    /// # Errors
    /// When git fails.
    pub async fn commits_since(&self, tag: Option<&Tag>) -> Result<u64, GitError> {
        let what = "how many commits there are";
        let range = tag.map_or_else(|| "HEAD".to_owned(), |tag| format!("refs/tags/{tag}..HEAD"));
        let text = self
            .ask(&["rev-list", "--count", &range])
            .await
            .map_err(|source| GitError::Failed { what, source })?;
        text.trim().parse().map_err(|_| GitError::Answer {
            what,
            answer: text.clone(),
        })
    }

    /// Whether earlier commits, and the tags at them, may be elsewhere alone.
    ///
    /// # Errors
    /// When git fails.
    pub async fn is_shallow(&self) -> Result<bool, GitError> {
        let what = "whether all commits are here";
        let text = self.ask(&["rev-parse", "--is-shallow-repository"]).await;
        let text = text.map_err(|source| GitError::Failed { what, source })?;
        Ok(text.trim() == "true")
    }

    /// The repository's folder, spelled as `dir` is, which lies in it.
    ///
    /// # Errors
    /// When git fails.
    pub async fn top(&self) -> Result<PathBuf, GitError> {
        let what = "where the repository begins";
        let prefix = self.ask(&["rev-parse", "--show-prefix"]).await;
        let prefix = prefix.map_err(|source| GitError::Failed { what, source })?;
        let below = prefix.matches('/').count();
        let top = self.dir.ancestors().nth(below);
        Ok(top.unwrap_or(&self.dir).to_owned())
    }

    async fn tags(&self, args: &[&str], what: &'static str) -> Result<Vec<String>, GitError> {
        let text = self
            .ask(args)
            .await
            .map_err(|source| GitError::Failed { what, source })?;
        Ok(text.lines().map(str::to_owned).collect())
    }
}

/// The paths of `git status --porcelain=v1 -z`: `XY path`, NUL, and for renames the old path and
/// another NUL.
fn porcelain_paths(status: &str) -> Vec<String> {
    let mut paths = Vec::new();
    let mut fields = status.split('\0').filter(|field| !field.is_empty());
    while let Some(field) = fields.next() {
        let (Some(code), Some(path)) = (field.get(..2), field.get(3..)) else {
            continue;
        };
        paths.push(path.to_owned());
        if code.contains(['R', 'C']) {
            fields.next();
        }
    }
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_with_renames_and_odd_names() {
        let status = " M a b.rs\0R  new\0old\0?? dist/x\0";
        assert_eq!(porcelain_paths(status), ["a b.rs", "new", "dist/x"]);
        assert!(porcelain_paths("").is_empty());
    }
}
