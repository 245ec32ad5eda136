//! git's part of a checkout: a clone that shares the objects of a repository, and its files.

use super::{ReproduceError, io};
use crate::context::World;
use crate::git;
use process::{Command, ProcessError};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long git may take to check a large commit out.
const LIMIT: Duration = Duration::from_secs(600);

/// The settings that decide how git writes a file out: filters such as Git LFS, and line ends.
const WRITES_FILES: &str = r"^(filter\..*|core\.(autocrlf|eol))$";

/// The configuration that clones are made with. The user's could forbid them, give them other names or
/// lead them elsewhere. What is cloned has been asked by then under the user's own configuration, so git
/// has said already whether it is to be trusted.
const FOR_CLONES: &str = "[safe]\n\tdirectory = *\n";

/// git on this machine, without the user's hooks: they might do anything.
#[derive(Debug)]
pub(super) struct GitHere<'a> {
    world: &'a World,
    program: PathBuf,
    /// What a clone has in the place of the user's configuration.
    for_clones: PathBuf,
}

impl<'a> GitHere<'a> {
    /// git, for checkouts below a folder that is this program's own.
    pub(super) fn of(world: &'a World, root: &Path) -> Result<Self, ReproduceError> {
        let for_clones = root.join("gitconfig");
        std::fs::write(&for_clones, FOR_CLONES).map_err(io(&for_clones))?;
        Ok(Self {
            program: world.find_program("git").unwrap_or_else(|| "git".into()),
            world,
            for_clones,
        })
    }

    fn command(&self, dir: &Path, args: &[&str]) -> Command {
        git::command(self.world, &self.program, dir, args)
    }

    async fn run(&self, command: Command) -> Result<String, ProcessError> {
        let output = self.world.runner.success(&command, LIMIT).await?;
        Ok(output.stdout_text())
    }

    /// What git says of a repository, given by the top of its tree or by git's own folder. That of a
    /// submodule names its tree, and git refuses to speak where that is gone, unless it is told of
    /// another.
    async fn told_of(&self, repository: &Path, args: &[&str]) -> Result<String, ProcessError> {
        let command = self.command(repository, args);
        self.run(command.env("GIT_WORK_TREE", ".")).await
    }

    /// Where a repository keeps what its linked trees share.
    pub(super) async fn common_dir(&self, repository: &Path) -> Result<PathBuf, ReproduceError> {
        let told = self.told_of(repository, &["rev-parse", "--git-common-dir"]);
        Ok(repository.join(told.await.map_err(failed(repository))?))
    }

    /// What git says in a folder.
    pub(super) async fn ask(&self, dir: &Path, args: &[&str]) -> Result<String, ReproduceError> {
        let told = self.run(self.command(dir, args)).await;
        told.map_err(failed(dir))
    }

    /// Whether a repository has a commit.
    pub(super) async fn has(&self, dir: &Path, commit: &str) -> Result<bool, ReproduceError> {
        let object = format!("{commit}^{{commit}}");
        match self.told_of(dir, &["cat-file", "-e", &object]).await {
            Ok(_) => Ok(true),
            Err(error) => match failed(dir)(error) {
                ReproduceError::Git(ProcessError::Failed { .. }) => Ok(false),
                error => Err(error),
            },
        }
    }

    /// Checks a commit of a repository out into a folder that is not there yet, or empty.
    pub(super) async fn check_out(
        &self,
        from: &Path,
        to: &Path,
        commit: &str,
    ) -> Result<(), ReproduceError> {
        let (source, target) = (from.to_string_lossy(), to.to_string_lossy());
        // No templates either.
        let clone = [
            "clone",
            "--quiet",
            "--shared",
            "--no-checkout",
            "--template=",
            &source,
            &target,
        ];
        let above = to.parent().unwrap_or(to);
        let clone = self.command(above, &clone);
        let clone = clone
            .env("GIT_CONFIG_GLOBAL", &self.for_clones)
            .env("GIT_CONFIG_NOSYSTEM", "1");
        self.run(clone).await.map_err(failed(from))?;
        // What decides how a file is written out may stand in the repository's own settings, which a
        // clone does not take along, or in the user's, which a build does not see in its home.
        let asked = ["config", "--null", "--get-regexp", WRITES_FILES];
        let settings = match self.told_of(from, &asked).await {
            Ok(settings) => settings,
            // There are none.
            Err(ProcessError::Failed { .. }) => String::new(),
            Err(error) => return Err(failed(from)(error)),
        };
        for (name, value) in settings.split('\0').filter_map(|one| one.split_once('\n')) {
            self.ask(to, &["config", "--add", name, value]).await?;
        }
        // A checkout can fail for other reasons, a full disk among them.
        if !self.has(to, commit).await? {
            let commit = commit.to_owned();
            return Err(ReproduceError::NoCommit { commit });
        }
        let checkout = [
            "-c",
            "advice.detachedHead=false",
            "checkout",
            "--quiet",
            "--detach",
            commit,
        ];
        self.ask(to, &checkout).await?;
        // git ends well also where it had no content for a file: a clone may have been made without.
        let missing = self.ask(to, &["ls-files", "--deleted", "-z"]).await?;
        let files: Vec<String> = missing
            .split('\0')
            .filter(|file| !file.is_empty())
            .map(str::to_owned)
            .collect();
        match files.is_empty() {
            true => Ok(()),
            false => Err(ReproduceError::Incomplete {
                commit: commit.to_owned(),
                files,
            }),
        }
    }
}

/// The error of a question about a repository that git has not answered.
fn failed(dir: &Path) -> impl FnOnce(ProcessError) -> ReproduceError + use<> {
    let dir = dir.to_owned();
    move |source| match git::refuses_owner(&source) {
        true => ReproduceError::Owner { dir, source },
        false => ReproduceError::Git(source),
    }
}
