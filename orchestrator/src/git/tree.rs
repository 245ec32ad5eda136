//! In what a working tree differs from its commit, also where git was told not to look.

use super::{Git, GitError, command};
use process::ProcessError;
use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};

const WHAT: &str = "which files have changed";

/// The names that cargo looks for its configuration under.
const CARGO_SETTINGS: [&str; 2] = ["config", "config.toml"];

/// A file that is not as in the commit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// Its path, relative to the repository's folder.
    pub path: String,
    /// The same from the root on.
    pub at: PathBuf,
    /// Whether it has a mark that keeps git from looking (`git update-index --assume-unchanged` or
    /// `--skip-worktree`).
    pub marked: bool,
}

/// A file of the index.
#[derive(Debug, PartialEq, Eq)]
struct Entry {
    path: String,
    /// It is to be taken for unchanged.
    assumed: bool,
    /// It is not looked for in the tree.
    skipped: bool,
    /// It is the commit of a submodule.
    submodule: bool,
}

impl Git<'_> {
    /// What differs from `HEAD`, or is neither known to git nor ignored: here and in the submodules
    /// that are here. Files that git was told not to look at are looked at. Unknown files in the
    /// folders in `apart` do not count, where git knows no file in such a folder; cargo's configuration
    /// in `CARGO_HOME` does.
    ///
    /// A file that a sparse checkout leaves out is a difference where it belongs to the folder that
    /// this was made for, and none elsewhere.
    ///
    /// # Errors
    /// When git fails, or the folder is not in the tree that git has.
    pub async fn differences(&self, apart: &[PathBuf]) -> Result<Vec<Difference>, GitError> {
        let top = self.ask(&["rev-parse", "--show-toplevel"]).await;
        let top = top.map_err(|source| self.failed(WHAT, source))?;
        let top = PathBuf::from(top.trim_end_matches(['\n', '\r']));
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let inside = real(&self.dir);
        if !inside.starts_with(real(&top)) {
            let dir = self.dir.clone();
            return Err(GitError::OtherTree { dir, top });
        }
        // git tells real paths; what does not exist holds no file.
        let apart = apart.iter().filter_map(|dir| dir.canonicalize().ok());
        let apart: Vec<PathBuf> = apart.collect();
        // cargo builds by these, so they are never apart.
        let home = self.world.cargo_home();
        let home = home.and_then(|dir| self.world.absolute(&dir).canonicalize().ok());
        let settings = home.map(|dir| CARGO_SETTINGS.map(|name| dir.join(name)));
        let is_settings = |file: &PathBuf| settings.iter().flatten().any(|one| one == file);
        let mut found = BTreeSet::new();
        let mut rest = vec![top.clone()];
        while let Some(dir) = rest.pop() {
            // Paths are compared in their real spelling, which on Windows no program should be run in.
            let here = real(&dir);
            let one = Git {
                world: self.world,
                program: self.program.clone(),
                dir,
            };
            let below = one.dir.strip_prefix(&top).unwrap_or(&one.dir);
            let entries = one.entries().await?;
            let apart = without_known(&apart, &here, &entries);
            for (path, unknown) in one.status(&entries, &here, &inside).await? {
                let full = here.join(&path);
                let is_apart = apart.iter().any(|dir| full.starts_with(dir));
                if unknown && is_apart && !is_settings(&full) {
                    continue;
                }
                found.insert(Difference {
                    marked: entries.iter().any(|e| e.path == path && e.is_marked()),
                    path: joined(below, &path),
                    at: full,
                });
            }
            for Entry { path, .. } in entries.iter().filter(|entry| entry.submodule) {
                let (dir, at) = (one.dir.join(path), here.join(path));
                if dir.join(".git").exists() {
                    rest.push(dir);
                } else if dir.read_dir().is_ok_and(|mut files| files.next().is_some()) {
                    // Files where a submodule belongs, of no repository: git looks at none of them.
                    let (path, marked) = (joined(below, path), false);
                    found.insert(Difference { path, at, marked });
                }
            }
        }
        Ok(found.into_iter().collect())
    }

    /// All files of the index.
    async fn entries(&self) -> Result<Vec<Entry>, GitError> {
        let told = self.ask(&["ls-files", "-v", "--stage", "-z"]).await;
        Ok(entries(&told.map_err(|source| self.failed(WHAT, source))?))
    }

    /// What `git status` tells of this repository alone, with whether git does not know the file.
    /// `here` is its folder, and `inside` the workspace's, both in their real spelling.
    async fn status(
        &self,
        entries: &[Entry],
        here: &Path,
        inside: &Path,
    ) -> Result<Vec<(String, bool)>, GitError> {
        let failed = |source| self.failed(WHAT, source);
        let args = [
            "status",
            "--porcelain=v1",
            "-z",
            "--untracked-files=all",
            // Another commit of a submodule counts; its files are asked for in their repository.
            "--ignore-submodules=dirty",
        ];
        let mut status = command(self.world, &self.program, &self.dir, &args);
        let mut marked: Vec<&Entry> = entries.iter().filter(|entry| entry.is_marked()).collect();
        if !marked.is_empty() && self.is_sparse().await? {
            marked.retain(|entry| {
                let path = here.join(&entry.path);
                !entry.skipped || path.starts_with(inside) || path.symlink_metadata().is_ok()
            });
        }
        // It lives until git has read it.
        let index = match marked.is_empty() {
            true => None,
            false => Some(self.unmarked(&marked).await?),
        };
        if let Some(folder) = &index {
            status = status.env("GIT_INDEX_FILE", folder.path().join("index"));
        }
        Ok(porcelain_paths(&self.run(status).await.map_err(failed)?))
    }

    async fn is_sparse(&self) -> Result<bool, GitError> {
        let args = ["config", "--type=bool", "--get", "core.sparseCheckout"];
        match self.ask(&args).await {
            Ok(text) => Ok(text.trim() == "true"),
            // Nobody has said so.
            Err(ProcessError::Failed { .. }) => Ok(false),
            Err(source) => Err(self.failed(WHAT, source)),
        }
    }

    /// A folder with a copy of the index without the marks of these files.
    async fn unmarked(&self, marked: &[&Entry]) -> Result<tempfile::TempDir, GitError> {
        let temporary = self.world.temp_dir();
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| GitError::Io { path, source }
        };
        let folder = tempfile::Builder::new()
            .prefix("atlas-release-index-")
            .tempdir_in(&temporary)
            .map_err(io(&temporary))?;
        let told = self.ask(&["rev-parse", "--git-path", "index"]).await;
        let told = told.map_err(|source| self.failed(WHAT, source))?;
        let index = self.dir.join(told.trim_end_matches(['\n', '\r']));
        let copy = folder.path().join("index");
        std::fs::copy(&index, &copy).map_err(io(&copy))?;
        // git reads files anew that have changed when the index did or later, so that a copy may not
        // seem to be of later.
        let times = || {
            File::options()
                .write(true)
                .open(&copy)?
                .set_modified(index.metadata()?.modified()?)
        };
        times().map_err(io(&copy))?;
        let names = |of: fn(&Entry) -> bool| -> Vec<&str> {
            let marked = marked.iter().filter(|entry| of(entry));
            marked.map(|entry| entry.path.as_str()).collect()
        };
        for (mark, names) in [
            ("--no-assume-unchanged", names(|entry| entry.assumed)),
            ("--no-skip-worktree", names(|entry| entry.skipped)),
        ] {
            // A command line has its limits.
            for names in names.chunks(100) {
                let args = [&["update-index", mark, "--"][..], names].concat();
                let command = command(self.world, &self.program, &self.dir, &args);
                let command = command.env("GIT_INDEX_FILE", &copy);
                let ran = self.run(command).await;
                ran.map_err(|source| self.failed(WHAT, source))?;
            }
        }
        Ok(folder)
    }
}

impl Entry {
    fn is_marked(&self) -> bool {
        self.assumed || self.skipped
    }
}

/// Those of the folders that git knows no file in, but for those that keep an empty folder or say what
/// is ignored.
fn without_known<'a>(apart: &'a [PathBuf], top: &Path, entries: &[Entry]) -> Vec<&'a PathBuf> {
    let knows = |dir: &Path| {
        entries.iter().any(|entry| {
            let path = top.join(&entry.path);
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            path.starts_with(dir) && !(path.parent() == Some(dir) && name.starts_with(".git"))
        })
    };
    apart.iter().filter(|dir| !knows(dir)).collect()
}

fn joined(below: &Path, path: &str) -> String {
    match below.to_string_lossy() {
        below if below.is_empty() => path.to_owned(),
        below => format!("{}/{path}", below.replace('\\', "/")),
    }
}

/// The files in what `git ls-files -v --stage -z` tells: `T mode object stage`, a tab, the path, NUL.
/// `T` is `S` for what is skipped, and a small letter where a file is taken for unchanged.
fn entries(listing: &str) -> Vec<Entry> {
    let entries = listing.split('\0').filter_map(|entry| {
        let (what, path) = entry.split_once('\t')?;
        let mut words = what.split(' ');
        let (tag, mode) = (words.next()?, words.next()?);
        Some(Entry {
            path: path.to_owned(),
            assumed: tag.chars().all(char::is_lowercase),
            skipped: tag.eq_ignore_ascii_case("s"),
            submodule: mode == "160000",
        })
    });
    entries.collect()
}

/// The paths of `git status --porcelain=v1 -z`: `XY path`, NUL, and for renames the old path and
/// another NUL. With whether git does not know the file.
fn porcelain_paths(status: &str) -> Vec<(String, bool)> {
    let mut paths = Vec::new();
    let mut fields = status.split('\0').filter(|field| !field.is_empty());
    while let Some(field) = fields.next() {
        let (Some(code), Some(path)) = (field.get(..2), field.get(3..)) else {
            continue;
        };
        paths.push((path.to_owned(), code == "??"));
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
        let paths = [("a b.rs", false), ("new", false), ("dist/x", true)];
        let paths = paths.map(|(path, unknown)| (path.to_owned(), unknown));
        assert_eq!(porcelain_paths(status), paths);
        assert!(porcelain_paths("").is_empty());
    }

    #[test]
    fn marks_and_submodules_of_the_index() {
        let object = "0a".repeat(20);
        let listing = format!(
            "H 100644 {object} 0\ta b\0S 100644 {object} 0\ts\0h 100644 {object} 0\th\0s 160000 {object} 0\tsub\0"
        );
        let found = entries(&listing);
        let flags = |e: &Entry| (e.assumed, e.skipped, e.submodule);
        let flags: Vec<_> = found.iter().map(flags).collect();
        assert_eq!(
            flags,
            [
                (false, false, false),
                (false, true, false),
                (true, false, false),
                (true, true, true)
            ]
        );
        assert_eq!(found[0].path, "a b");
    }

    #[test]
    fn a_folder_that_git_knows_files_in_is_not_apart() {
        let listing = "H 100644 0 0\tsrc/main.rs\0H 100644 0 0\tdist/.gitkeep\0";
        let entries = entries(listing);
        let top = Path::new("/w");
        let apart = ["dist", "new", "src", ""].map(|dir| top.join(dir));
        assert_eq!(without_known(&apart, top, &entries), [&apart[0], &apart[1]]);
    }
}
