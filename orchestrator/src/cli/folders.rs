//! The folders of staged releases.

use super::args::Command;
use super::common::App;
use crate::error::Error;
use crate::lock::DirLock;
use crate::settings::SettingsError;
use std::path::{Path, PathBuf};

impl App<'_> {
    /// The folders of staged releases, for commands that need no workspace: those that were named,
    /// each once, else the nearest `dist` at or above the working folder.
    pub fn dist_dirs(&self) -> Vec<PathBuf> {
        let cwd = &self.world.cwd;
        if self.global.dist_dir.is_empty() {
            let nearest = cwd.ancestors().find(|dir| dir.join("dist").is_dir());
            return vec![nearest.unwrap_or(cwd).join("dist")];
        }
        let mut dirs: Vec<PathBuf> = Vec::new();
        for named in &self.global.dist_dir {
            let dir = self.world.absolute(named);
            // A folder that is not there is named as it was written.
            let real = |dir: &Path| std::fs::canonicalize(dir).unwrap_or(dir.to_owned());
            if dirs.iter().all(|other| real(other) != real(&dir)) {
                dirs.push(dir);
            }
        }
        dirs
    }

    /// The folder that builds of a workspace are staged into.
    pub fn dist_dir_below(&self, root: &Path) -> PathBuf {
        match &self.global.dist_dir[..] {
            [] => root.join("dist"),
            [dir, ..] => self.world.absolute(dir),
        }
    }

    /// Locks those of the folders that are there.
    pub fn lock_dist_dirs(&self, dirs: &[PathBuf]) -> Result<Vec<DirLock>, Error> {
        let there = dirs.iter().filter(|dir| dir.is_dir());
        let locks = there.map(|dir| DirLock::acquire(dir));
        Ok(locks.collect::<Result<_, _>>()?)
    }

    /// Refuses several folders where only one can be meant.
    pub fn check_dist_dirs(&self, command: &Command) -> Result<(), SettingsError> {
        let several = matches!(
            command,
            Command::Publish(_) | Command::Verify(_) | Command::Sign(_) | Command::GithubRelease(_)
        );
        match self.global.dist_dir.len() {
            2.. if !several => Err(SettingsError::Flags(
                "--dist-dir can be given several times for `sign`, `publish`, `verify` and `github-release` alone"
                    .to_owned(),
            )),
            _ => Ok(()),
        }
    }
}
