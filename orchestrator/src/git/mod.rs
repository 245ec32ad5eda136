//! What git says about the commit that is released. Only questions: nothing is ever written into the
//! repository.

mod tree;

pub use tree::Difference;

use crate::context::World;
use process::{AllowList, Command, ProcessError};
use release_types::Tag;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a question may take, on a large repository with a cold disk.
const LIMIT: Duration = Duration::from_secs(60);

/// The settings of every call. What is asked of git is about a commit and its files, so nothing of
/// somebody's configuration may answer for them: no other object in the place of one (`git replace`,
/// grafts), no program that says which files have changed, no kept list of unknown files, no looser
/// comparison of files' times. Hooks are not run, and an index is written in one piece.
const SETTINGS: [&str; 17] = [
    "--no-optional-locks",
    "--no-replace-objects",
    "--literal-pathspecs",
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "core.untrackedCache=false",
    "-c",
    "core.checkStat=default",
    "-c",
    "core.trustctime=true",
    "-c",
    "core.splitIndex=false",
    "-c",
    "advice.graftFileDeprecated=false",
];

/// A command of git's in a folder, which nothing but the repository's own content has a say in.
pub fn command(world: &World, program: &Path, dir: &Path, args: &[&str]) -> Command {
    world
        .command(program, &AllowList::base())
        .args(SETTINGS)
        .args(args.iter().copied())
        .env("GIT_GRAFT_FILE", "/dev/null")
        .cwd(dir)
}

/// Whether git has refused to speak of a repository because it belongs to somebody else. The name of
/// the setting is the same in every language.
pub fn refuses_owner(error: &ProcessError) -> bool {
    matches!(error, ProcessError::Failed { stderr, .. } if stderr.contains("safe.directory"))
}

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
    /// The repository belongs to somebody else, and nobody has told git to trust it.
    #[error("git does not trust the repository that {} is in", dir.display())]
    Owner {
        /// The folder.
        dir: PathBuf,
        /// What git said.
        source: ProcessError,
    },
    /// The folder is beside the tree that its repository is set to.
    #[error("{} is in no working tree of its git repository, which is set to {}", dir.display(), top.display())]
    OtherTree {
        /// The folder.
        dir: PathBuf,
        /// The working tree.
        top: PathBuf,
    },
    /// A file could not be read or written.
    #[error("cannot use {}", path.display())]
    Io {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
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
        self.run(command(self.world, &self.program, &self.dir, args))
            .await
    }

    async fn run(&self, command: Command) -> Result<String, ProcessError> {
        let output = self.world.runner.success(&command, LIMIT).await?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// The error of a question that git has not answered.
    fn failed(&self, what: &'static str, source: ProcessError) -> GitError {
        if refuses_owner(&source) {
            let dir = self.dir.clone();
            return GitError::Owner { dir, source };
        }
        GitError::Failed { what, source }
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
                // What stands before is no file.
                "--",
            ])
            .await
            .map_err(
                |source| match self.failed("which commit is checked out", source) {
                    GitError::Failed {
                        source: source @ ProcessError::Failed { .. },
                        ..
                    } => GitError::NoCommit {
                        dir: self.dir.clone(),
                        source,
                    },
                    error => error,
                },
            )?;
        let parsed = text
            .trim_start()
            .split_once(' ')
            .and_then(|(commit, time)| {
                let time = time.trim();
                Some(Head {
                    commit: commit.to_owned(),
                    time: match time {
                        // A time before 1970, which git does not know.
                        "" => 0,
                        time => time.parse().ok()?,
                    },
                })
            });
        parsed.ok_or(GitError::Answer {
            what: "`git show HEAD`",
            answer: text,
        })
    }

    /// The tags at `HEAD`.
    ///
    /// # Errors
    /// When git fails.
    pub async fn tags_at_head(&self) -> Result<Vec<String>, GitError> {
        let args = ["--points-at=HEAD", "refs/tags"];
        self.tags(&args, "which tags are at HEAD").await
    }

    /// The commit a tag names, if there is such a tag.
    ///
    /// # Errors
    /// When git fails for another reason.
    pub async fn tag_commit(&self, tag: &str) -> Result<Option<String>, GitError> {
        let name = format!("refs/tags/{tag}^{{commit}}");
        match self.ask(&["rev-parse", "--quiet", "--verify", &name]).await {
            Ok(text) => Ok(Some(text.trim().to_owned())),
            Err(source) => match self.failed("which commit the tag names", source) {
                GitError::Failed {
                    source: ProcessError::Failed { .. },
                    ..
                } => Ok(None),
                error => Err(error),
            },
        }
    }

    /// The highest version of a group's tags that `HEAD` descends from.
    ///
    /// # Errors
    /// When git fails.
    pub async fn last_version(&self, group: &str) -> Result<Option<Tag>, GitError> {
        let pattern = format!("refs/tags/{group}-v*");
        let args = ["--merged=HEAD", &pattern];
        let tags = self.tags(&args, "which tags came before").await?;
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
            .ask(&["rev-list", "--count", &range, "--"])
            .await
            .map_err(|source| self.failed(what, source))?;
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
        let text = text.map_err(|source| self.failed(what, source))?;
        Ok(text.trim() == "true")
    }

    /// The repository's folder, spelled as `dir` is, which lies in it.
    ///
    /// # Errors
    /// When git fails.
    pub async fn top(&self) -> Result<PathBuf, GitError> {
        let what = "where the repository begins";
        let prefix = self.ask(&["rev-parse", "--show-prefix"]).await;
        let prefix = prefix.map_err(|source| self.failed(what, source))?;
        let below = prefix.matches('/').count();
        let top = self.dir.ancestors().nth(below);
        Ok(top.unwrap_or(&self.dir).to_owned())
    }

    /// Tags by their names, without what a person's settings make of a list (columns, an order).
    async fn tags(&self, args: &[&str], what: &'static str) -> Result<Vec<String>, GitError> {
        let mut all = vec!["for-each-ref", "--format=%(refname:lstrip=2)"];
        all.extend(args);
        let text = self.ask(&all).await;
        let text = text.map_err(|source| self.failed(what, source))?;
        Ok(text.lines().map(str::to_owned).collect())
    }
}
