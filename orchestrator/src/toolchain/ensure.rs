//! Making sure of the tools of a build: what is wanted and missing is installed, and all that the
//! build will use is tried.

use super::installer::Reason;
use super::linker::tried_linker;
use super::{
    Found, LldLink, Rustc, Sccache, Tool, Toolchain, ToolchainError, Wanted, c_compilers_map, cc,
    install, installed_sccache, lld, number, policy_target, probe,
};
use crate::context::World;
use crate::events::{Event, Reporter};
use crate::shim::{self, Policy};
use std::path::{Path, PathBuf};

/// Installs what is wanted and missing, and tries out all that the build will use.
///
/// # Errors
/// When a needed tool is missing, cannot be installed or does not work. A cache is never needed:
/// without a working one there is a warning.
pub async fn ensure(
    world: &World,
    found: Found,
    wanted: Wanted,
    mut policy: Policy,
    state_dir: &Path,
    reporter: &dyn Reporter,
) -> Result<Toolchain, ToolchainError> {
    let shim_dir = state_dir.join("shim");
    let shim =
        shim::install(&world.exe, &shim_dir, world.host).map_err(|source| ToolchainError::Io {
            path: shim_dir,
            source,
        })?;
    let c_compilers = match c_compilers_map(world.host, policy_target(&policy, world)) {
        true => {
            let dir = cc::folder(state_dir);
            let compilers = cc::install(world, &dir);
            Some(compilers.map_err(|source| ToolchainError::Io { path: dir, source })?)
        }
        false => None,
    };
    let ensure = Ensure {
        world,
        wanted,
        shim: &shim,
        policy: &policy,
        state_dir,
        reporter,
    };
    let (mut mold, mut lld_link, mut extra_path) = (None, None, Vec::new());
    match tried_linker(world.host, &policy) {
        Some(Tool::Mold) => mold = Some(ensure.mold(found.mold.as_deref()).await?),
        Some(Tool::LldLink) => {
            let (version, folder) = ensure.lld_link(found.lld_link, &found.rustc).await?;
            extra_path.extend(folder);
            lld_link = Some(version);
        }
        _ => {}
    }
    let sccache = match wanted.sccache {
        true => ensure.sccache_or_none(found.sccache.as_deref()).await?,
        false => None,
    };
    if let Some(mold) = &mold
        && policy_target(&policy, world) != world.host
    {
        let dir = state_dir.join("linkers");
        let made = linker_folder(&dir, Tool::Mold.name(), &mold.path);
        made.map_err(|source| ToolchainError::Io {
            path: dir.clone(),
            source,
        })?;
        policy.linker_dir = Some(dir);
    }
    Ok(Toolchain {
        cargo: found.cargo,
        rustc: found.rustc,
        shim,
        policy,
        c_compilers,
        mold: mold.map(|mold| mold.version),
        lld_link,
        extra_path,
        sccache,
    })
}

/// A folder in which C compilers find a linker that `-fuse-ld=` names: gcc and clang look for
/// `ld.<name>` in a folder that `-B` names before all others. A gcc for another platform would not look
/// on `PATH` for it, but for one with the platform before its name, which distributions have not.
fn linker_folder(dir: &Path, name: &str, linker: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(dir)?;
    let path = dir.join(format!("ld.{name}"));
    // Made aside and renamed over, since a linker of another run may be looked up there.
    let aside = dir.join(format!("ld.{name}.{}", std::process::id()));
    if let Err(error) = std::fs::remove_file(&aside)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        return Err(error);
    }
    crate::system::alias(&std::path::absolute(linker)?, &aside)?;
    std::fs::rename(aside, path)
}

/// What making sure of a tool needs to know.
struct Ensure<'a> {
    world: &'a World,
    wanted: Wanted,
    shim: &'a Path,
    policy: &'a Policy,
    state_dir: &'a Path,
    reporter: &'a dyn Reporter,
}

/// A tool that is there: where, in which version, and whether this run installed it.
struct Present {
    path: PathBuf,
    version: String,
    installed: bool,
}

impl Ensure<'_> {
    /// Takes a tool that was found, when it is new enough, or installs it.
    async fn present(&self, tool: Tool, found: Option<&Path>) -> Result<Present, ToolchainError> {
        let mut reason = Reason::Missing;
        if let Some(path) = found {
            let version = probe::version(self.world, tool.name(), path).await?;
            let Some(why) = tool.refusal(&version) else {
                return Ok(Present {
                    path: path.to_owned(),
                    version,
                    installed: false,
                });
            };
            if !self.wanted.install {
                return Err(ToolchainError::Broken {
                    tool: tool.name(),
                    path: path.to_owned(),
                    why,
                });
            }
            self.reporter.note(format!("{}: {why}", path.display()));
            // A package manager takes what tells no version for installed all the same.
            if number(&version).is_none() {
                reason = Reason::Broken;
            }
        } else if !self.wanted.install {
            return Err(ToolchainError::Missing { tool: tool.name() });
        }
        let path =
            install::install(self.world, tool, reason, self.state_dir, self.reporter).await?;
        let version = probe::version(self.world, tool.name(), &path).await?;
        if let Some(why) = tool.refusal(&version) {
            return Err(ToolchainError::Broken {
                tool: tool.name(),
                path,
                why,
            });
        }
        Ok(Present {
            path,
            version,
            installed: true,
        })
    }

    fn report(&self, tool: Tool, present: &Present) {
        self.reporter.event(Event::Tool {
            name: tool.name(),
            path: present.path.clone(),
            version: present.version.clone(),
            installed: present.installed,
        });
    }

    async fn mold(&self, found: Option<&Path>) -> Result<Present, ToolchainError> {
        let mold = self.present(Tool::Mold, found).await?;
        probe::linker(
            self.world,
            Tool::Mold.name(),
            &mold.path,
            &mold.version,
            self.shim,
            self.policy,
        )
        .await?;
        self.report(Tool::Mold, &mold);
        Ok(mold)
    }

    /// lld-link's version, and the folder that has to be added to `PATH` for it.
    async fn lld_link(
        &self,
        found: Option<LldLink>,
        rustc: &Rustc,
    ) -> Result<(String, Option<PathBuf>), ToolchainError> {
        let path = found.map(|found| found.path);
        let present = self.present(Tool::LldLink, path.as_deref()).await?;
        lld::probe(self.world, &present.path, Some(rustc)).await?;
        self.report(Tool::LldLink, &present);
        let folder = lld::find(self.world).and_then(|found| found.off_path);
        Ok((present.version, folder))
    }

    async fn sccache(&self, found: Option<&Path>) -> Result<Sccache, ToolchainError> {
        let found = self.usable_sccache(found).await?;
        let present = self.present(Tool::Sccache, found.as_deref()).await?;
        let (path, version) = (present.path.clone(), present.version.clone());
        let stall = self.wanted.cache_stall;
        let start = Sccache::start(self.world, path, version, Some(self.policy), stall);
        let sccache = start.await?;
        if let Err(error) = sccache.probe(self.world, self.shim, self.policy).await {
            // It has nothing to finish, and one that hangs would only hold up the build.
            sccache.kill().await;
            return Err(error);
        }
        self.report(Tool::Sccache, &present);
        Ok(sccache)
    }

    /// What was found, unless it is too old or tells no version while an earlier run has installed
    /// one.
    async fn usable_sccache(
        &self,
        found: Option<&Path>,
    ) -> Result<Option<PathBuf>, ToolchainError> {
        let own = installed_sccache(self.world.host, self.state_dir);
        let (Some(found), Some(own)) = (found, own) else {
            return Ok(found.map(Path::to_owned));
        };
        match probe::version(self.world, Tool::Sccache.name(), found).await {
            Ok(version) if Tool::Sccache.accepts(&version) => Ok(Some(found.to_owned())),
            Err(error @ ToolchainError::Interrupted(_)) => Err(error),
            Ok(_) | Err(_) => Ok(Some(own)),
        }
    }

    async fn sccache_or_none(
        &self,
        found: Option<&Path>,
    ) -> Result<Option<Sccache>, ToolchainError> {
        match self.sccache(found).await {
            Ok(sccache) => Ok(Some(sccache)),
            Err(error @ ToolchainError::Interrupted(_)) => Err(error),
            Err(error) => {
                let causes = crate::error::with_causes(&error);
                self.reporter
                    .warn(format!("building without sccache: {causes}"));
                Ok(None)
            }
        }
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use crate::events::HumanReporter;
    use process::Runner;
    use release_types::{Arch, Os, Platform};
    use std::os::unix::fs::PermissionsExt as _;
    use std::time::Duration;

    /// A machine whose programs are scripts, and nothing of this one but a shell.
    struct Machine {
        dir: tempfile::TempDir,
        world: World,
        policy: Policy,
    }

    impl Machine {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let path = std::env::join_paths([&dir.path().join("bin"), Path::new("/bin")]).unwrap();
            let host = Platform::new(Os::Linux, Arch::X64);
            Self {
                world: World {
                    env: [("PATH", path)].into_iter().collect(),
                    cwd: "/".into(),
                    host,
                    exe: "/atlas-release".into(),
                    runner: Runner::default(),
                    now: jiff::Timestamp::now,
                },
                policy: Policy {
                    rustc: "/rustc".into(),
                    target: host.target_triple().to_owned(),
                    linker: None,
                    linker_dir: None,
                    remap: Vec::new(),
                    auditable: false,
                    lists: None,
                },
                dir,
            }
        }

        /// Makes a script a program of this machine.
        fn add(&self, path: &str, script: &str) -> PathBuf {
            let path = self.dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
            path
        }

        async fn usable_sccache(&self, found: Option<&Path>) -> Option<PathBuf> {
            let reporter = HumanReporter::default();
            let ensure = self.ensure(&reporter);
            ensure.usable_sccache(found).await.unwrap()
        }

        fn ensure<'a>(&'a self, reporter: &'a dyn Reporter) -> Ensure<'a> {
            Ensure {
                world: &self.world,
                wanted: Wanted {
                    mold: true,
                    sccache: true,
                    install: true,
                    cache_stall: Duration::from_secs(60),
                },
                shim: Path::new("/shim"),
                policy: &self.policy,
                state_dir: self.dir.path(),
                reporter,
            }
        }
    }

    #[tokio::test]
    async fn an_sccache_that_cannot_be_used_makes_way_for_the_one_that_was_installed() {
        let machine = Machine::new();
        let old = machine.add("bin/old", "echo sccache 0.7.7");
        let new = machine.add("bin/new", "echo sccache 0.16.0");
        let silent = machine.add("bin/silent", "");
        let failing = machine.add("bin/failing", "exit 1");
        // As long as none was installed, whatever was found is taken, and refused later.
        for found in [Some(&old), Some(&silent), Some(&new), None] {
            let found = found.map(PathBuf::as_path);
            let usable = machine.usable_sccache(found).await;
            assert_eq!(usable.as_deref(), found);
        }
        let own = machine.add("tools/sccache/bin/sccache", "echo sccache 0.15.0");
        for found in [&old, &silent, &failing] {
            assert_eq!(machine.usable_sccache(Some(found)).await, Some(own.clone()));
        }
        assert_eq!(machine.usable_sccache(Some(&new)).await, Some(new));
    }

    #[test]
    fn a_linkers_folder_leads_to_the_one_that_was_found_last() {
        let machine = Machine::new();
        let dir = machine.dir.path().join("linkers");
        for name in ["old", "new"] {
            let linker = machine.add(name, "");
            // What a run that was killed has left is in nobody's way.
            std::fs::create_dir_all(&dir).unwrap();
            std::fs::write(dir.join(format!("ld.mold.{}", std::process::id())), "").unwrap();
            linker_folder(&dir, "mold", &linker).unwrap();
            assert_eq!(std::fs::read_link(dir.join("ld.mold")).unwrap(), linker);
        }
        assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 1);
    }

    #[tokio::test]
    async fn what_tells_no_version_is_put_there_again_and_what_is_old_brought_up_to_date() {
        for (says, again) in [("mold 0.9.6", false), ("no version", true)] {
            let machine = Machine::new();
            let mold = machine.add("bin/mold", &format!("echo {says}"));
            let log = machine.dir.path().join("log");
            machine.add(
                "bin/apt-get",
                &format!("echo \"$*\" >> '{}'", log.display()),
            );
            machine.add(
                "bin/sudo",
                "while [ \"$1\" != apt-get ]; do shift; done; exec \"$@\"",
            );
            let reporter = HumanReporter::default();
            let ensure = machine.ensure(&reporter);
            let present = ensure.present(Tool::Mold, Some(&mold));
            // apt-get has changed nothing here.
            assert!(present.await.is_err());
            let calls = std::fs::read_to_string(log).unwrap();
            assert!(calls.contains(" mold\n"), "{calls}");
            assert_eq!(calls.contains("--reinstall"), again, "{calls}");
        }
    }
}
