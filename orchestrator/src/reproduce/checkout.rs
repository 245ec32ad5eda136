//! A clean checkout in a place of its own, with a home and a cargo folder that nobody else has.

use super::repository::GitHere;
use super::seed::{read_lock, seed};
use super::{ReproduceError, Tree, io, submodules};
use crate::context::World;
use crate::shim::REPOSITORY;
use process::Env;
use std::path::{Path, PathBuf};

/// One set of circumstances. Every two differ in all that must not matter.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// The folder, below that of the run.
    pub folder: &'static str,
    /// Where the target directory is, from there.
    pub target: &'static str,
    /// The time zone, as POSIX writes it.
    pub time_zone: &'static str,
    /// The language.
    pub language: &'static str,
    /// The user's name.
    pub user: &'static str,
    /// What new files may not be, as octal modes are read.
    pub umask: u32,
    /// Jobs more than there are processors.
    pub more_jobs: usize,
}

impl Place {
    /// The places of up to three builds.
    pub const ALL: [Self; 3] = [
        Self {
            folder: "a",
            target: "work/target",
            time_zone: "ABC-5:45",
            language: "C.UTF-8",
            user: "first",
            umask: 0o022,
            more_jobs: 0,
        },
        Self {
            folder: "another/place",
            target: "made",
            time_zone: "YYY+3:30",
            language: "de_DE.UTF-8",
            user: "second",
            umask: 0o077,
            more_jobs: 1,
        },
        Self {
            folder: "third",
            target: "work/target",
            time_zone: "ZZZ+11",
            language: "en_US.UTF-8",
            user: "third",
            umask: 0o027,
            more_jobs: 2,
        },
    ];
}

/// A checkout.
#[derive(Debug)]
pub struct Checkout {
    /// The folder of all that belongs to this build.
    pub root: PathBuf,
    /// The workspace in it.
    pub workspace: PathBuf,
    /// Its target directory.
    pub target_dir: PathBuf,
    /// cargo's folder.
    cargo_home: PathBuf,
    place: Place,
}

impl Checkout {
    /// Checks a commit of the repository that `workspace` is in out into a place below `scratch`, with
    /// its submodules. The repository is only read.
    ///
    /// # Errors
    /// When it has no such commit or no copy of a submodule, or git or the disk fails.
    pub async fn make(
        world: &World,
        workspace: &Path,
        commit: &str,
        scratch: &Path,
        place: Place,
    ) -> Result<Self, ReproduceError> {
        let root = scratch.join(place.folder);
        let work = root.join("work");
        make_dir(&root)?;
        make_dir(&root.join("home"))?;
        let git = GitHere::of(world, &root)?;
        let within = git.ask(workspace, &["rev-parse", "--show-prefix"]).await?;
        let top = git
            .ask(workspace, &["rev-parse", "--show-toplevel"])
            .await?;
        let top = PathBuf::from(top);
        git.check_out(&top, &work, commit).await?;
        submodules::check_out(&git, &top, &work).await?;
        Ok(Self {
            workspace: work.join(within),
            target_dir: root.join(place.target),
            cargo_home: root.join("cargo"),
            root,
            place,
        })
    }

    /// Lets this build have a cargo folder that another one has too. sccache puts the folder that a
    /// compiler is started in into its keys, so that nothing is taken from a cache that was filled
    /// from another cargo folder.
    #[must_use]
    pub fn sharing_cargo_home(mut self, dir: PathBuf) -> Self {
        self.cargo_home = dir;
        self
    }

    /// The world a build here sees. Downloads that `cargo_home` holds are there already, as copies.
    ///
    /// # Errors
    /// When something cannot be copied.
    pub fn world(
        &self,
        world: &World,
        cargo_home: Option<&Path>,
        cache: Option<&Path>,
    ) -> Result<World, ReproduceError> {
        let own = self.cargo_home.clone();
        if let Some(from) = cargo_home
            && !own.exists()
        {
            let lock = read_lock(&self.workspace.join("Cargo.lock"))?;
            seed(from, &own, &lock).map_err(io(&own))?;
        }
        let mut env = world.env.clone();
        if !env.is_set("RUSTUP_HOME")
            && let Some(home) = env.get("HOME").or_else(|| env.get("USERPROFILE"))
        {
            let rustup = Path::new(home).join(".rustup");
            env.set("RUSTUP_HOME", rustup);
        }
        for name in elsewhere(&env) {
            env.remove(&name);
        }
        let home = self.root.join("home");
        env.set("HOME", &home);
        env.set("USERPROFILE", &home);
        env.set("CARGO_HOME", own);
        // A configuration may name one folder for what every build makes on its way. sccache puts
        // cargo's variables into its keys; where builds go through a cache, one that finds all made
        // already takes nothing from it, which is told as such.
        if cache.is_none() {
            env.set("CARGO_BUILD_BUILD_DIR", &self.target_dir);
        }
        env.set("TZ", self.place.time_zone);
        env.set("LANG", self.place.language);
        env.set("USER", self.place.user);
        env.set("LOGNAME", self.place.user);
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let jobs = processors + self.place.more_jobs;
        env.set("CARGO_BUILD_JOBS", jobs.to_string());
        if let Some(dir) = cache {
            env.set("SCCACHE_DIR", dir);
        }
        Ok(World {
            env,
            cwd: self.workspace.clone(),
            ..world.clone()
        })
    }

    /// The folder of the whole commit.
    pub fn repository(&self) -> PathBuf {
        self.root.join("work")
    }

    /// The folders that a record's names stand for, the innermost first.
    pub fn folders(&self) -> [(PathBuf, &'static str); 4] {
        [
            (self.target_dir.clone(), "/workspace/target"),
            (self.workspace.clone(), "/workspace"),
            (self.repository(), REPOSITORY),
            (self.cargo_home.clone(), "/cargo"),
        ]
    }

    /// The folders whose names must not matter.
    pub fn tree(&self) -> Tree {
        Tree {
            target_dir: self.target_dir.clone(),
            folders: vec![
                self.target_dir.clone(),
                self.workspace.clone(),
                self.cargo_home.clone(),
                self.root.clone(),
            ],
        }
    }

    /// Removes what takes room and explains nothing: all of the target directory but what build
    /// scripts have said and written.
    ///
    /// # Errors
    /// What the system says.
    pub fn thin_out(&self, triple: &str) -> std::io::Result<()> {
        for profile in ["release".to_owned(), format!("{triple}/release")] {
            for name in ["deps", ".fingerprint", "incremental", "examples"] {
                let dir = self.target_dir.join(&profile).join(name);
                if dir.is_dir() {
                    std::fs::remove_dir_all(dir)?;
                }
            }
        }
        Ok(())
    }

    /// What new files may not be, while the build runs.
    pub fn umask(&self) -> u32 {
        self.place.umask
    }
}

/// Variables that would lead two builds into one folder, or a cache to somebody else's objects.
fn elsewhere(env: &Env) -> Vec<String> {
    let leads = |name: &str| {
        [
            "CARGO_TARGET_DIR",
            "CARGO_BUILD_TARGET_DIR",
            "CARGO_BUILD_BUILD_DIR",
            "GITHUB_ACTIONS",
        ]
        .contains(&name)
            || name.starts_with("SCCACHE_")
            || name.starts_with("XDG_")
    };
    let names = env.iter().filter_map(|(name, _)| name.to_str());
    names
        .filter(|name| leads(name))
        .map(str::to_owned)
        .collect()
}

fn make_dir(path: &Path) -> Result<(), ReproduceError> {
    std::fs::create_dir_all(path).map_err(io(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_variable_leads_two_builds_together() {
        let env: Env = [
            ("CARGO_TARGET_DIR", "/t"),
            ("SCCACHE_REDIS", "redis://h"),
            ("CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUSTFLAGS", "-g"),
        ]
        .into_iter()
        .collect();
        assert_eq!(elsewhere(&env), ["CARGO_TARGET_DIR", "SCCACHE_REDIS"]);
    }

    #[test]
    fn places_differ_in_everything() {
        let [a, b, c] = Place::ALL;
        for (x, y) in [(a, b), (a, c), (b, c)] {
            assert_ne!(x.folder, y.folder);
            assert_ne!(x.time_zone, y.time_zone);
            assert_ne!(x.umask, y.umask);
            assert_ne!(x.more_jobs, y.more_jobs);
        }
    }
}
