//! lld-link, the linker for Windows: where it may be, and whether it links.

use super::probe::{TRIAL_SOURCE, run, scratch};
use super::{Rustc, Tool, ToolchainError};
use crate::context::World;
use crate::inspect::inspect;
use process::{AllowList, Command, Env};
use release_types::{Arch, Os, Platform};
use std::path::{Path, PathBuf};

/// lld-link, and where a build has to look for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LldLink {
    /// Its file.
    pub path: PathBuf,
    /// Its folder, when that is not on `PATH` and has to be added there.
    pub off_path: Option<PathBuf>,
}

/// Looks for lld-link on `PATH`, and on Windows where LLVM's installer puts it, which leaves `PATH`
/// alone.
pub fn find(world: &World) -> Option<LldLink> {
    let name = world.host.program(Tool::LldLink.name());
    if let Some(path) = world.find_program(&name) {
        return Some(LldLink {
            path,
            off_path: None,
        });
    }
    let off_path = llvm_folder(world.host, &world.env)?;
    let path = off_path.join(name);
    path.is_file().then_some(LldLink {
        path,
        off_path: Some(off_path),
    })
}

/// Where LLVM's installer for Windows puts its programs.
fn llvm_folder(host: Platform, env: &Env) -> Option<PathBuf> {
    if host.os != Os::Windows {
        return None;
    }
    let program_files = env.get("ProgramFiles").filter(|dir| !dir.is_empty())?;
    Some(Path::new(program_files).join("LLVM").join("bin"))
}

/// Links something with lld-link: on Windows a program of one line through rustc, as a build does,
/// which is then run; elsewhere, where there is no standard library of Windows to link with, an
/// object of a few bytes.
pub(crate) async fn probe(
    world: &World,
    lld_link: &Path,
    rustc: Option<&Rustc>,
) -> Result<(), ToolchainError> {
    match rustc.filter(|_| world.host.os == Os::Windows) {
        Some(rustc) => through_rustc(world, lld_link, rustc).await,
        None => an_object(world, lld_link).await,
    }
}

async fn through_rustc(
    world: &World,
    lld_link: &Path,
    rustc: &Rustc,
) -> Result<(), ToolchainError> {
    let broken = |why: String| broken(lld_link, why);
    let scratch = scratch(world)?;
    let source = scratch.path().join("trial.rs");
    let program = scratch.path().join("trial.exe");
    write(&source, TRIAL_SOURCE.as_bytes())?;
    let mut linker = std::ffi::OsString::from("linker=");
    linker.push(lld_link);
    let command = world
        .command(&rustc.path, &AllowList::base().build())
        .args(["--crate-name", "trial", "--target"])
        .arg(world.host.target_triple())
        .arg("-C")
        .arg(linker)
        .arg("-o")
        .arg(&program)
        .arg(&source);
    run(world, &command, &broken, "linking a tiny program failed").await?;
    let what = "a program that was linked with it does not run";
    run(world, &Command::new(&program), &broken, what).await
}

async fn an_object(world: &World, lld_link: &Path) -> Result<(), ToolchainError> {
    let broken = |why: String| broken(lld_link, why);
    let scratch = scratch(world)?;
    let object = scratch.path().join("trial.obj");
    let program = scratch.path().join("trial.exe");
    let platform = Platform::new(Os::Windows, world.host.arch);
    write(&object, &coff_object(world.host.arch))?;
    let machine = match world.host.arch {
        Arch::X64 => "/machine:x64",
        Arch::Arm64 => "/machine:arm64",
    };
    let command = world
        .command(lld_link, &AllowList::base())
        .args([
            "/nologo",
            "/entry:start",
            "/subsystem:console",
            "/nodefaultlib",
        ])
        .args([machine, "/out:trial.exe", "trial.obj"])
        .cwd(scratch.path());
    run(world, &command, &broken, "linking a small object failed").await?;
    let bytes = match std::fs::read(&program) {
        Ok(bytes) => bytes,
        Err(_) => return Err(broken("it reported success and left no program".to_owned())),
    };
    match inspect(&bytes) {
        Ok(found) if found.platform == Some(platform) => Ok(()),
        Ok(found) => Err(broken(format!(
            "what it linked is {} for {}, not a program for {platform}",
            found.format, found.machine
        ))),
        Err(error) => Err(broken(format!("of what it linked: {error}"))),
    }
}

fn broken(path: &Path, why: String) -> ToolchainError {
    ToolchainError::Broken {
        tool: Tool::LldLink.name(),
        path: path.to_owned(),
        why,
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), ToolchainError> {
    std::fs::write(path, bytes).map_err(|source| ToolchainError::Io {
        path: path.to_owned(),
        source,
    })
}

/// A COFF object with one function, `start`, that returns 0: a file header, a section header, the
/// code, one symbol and an empty table of strings. Source: Microsoft, "PE Format".
fn coff_object(arch: Arch) -> Vec<u8> {
    const HEADERS: u32 = 20 + 40;
    const CODE_LEN: u32 = 8;
    let (machine, code): (u16, [u8; CODE_LEN as usize]) = match arch {
        // xor eax, eax; ret; and padding.
        Arch::X64 => (0x8664, [0x31, 0xc0, 0xc3, 0x90, 0x90, 0x90, 0x90, 0x90]),
        // mov w0, #0; ret.
        Arch::Arm64 => (0xaa64, [0x00, 0x00, 0x80, 0x52, 0xc0, 0x03, 0x5f, 0xd6]),
    };
    let mut bytes = Vec::new();
    let mut put = |part: &[u8]| bytes.extend_from_slice(part);
    // File header: machine, one section, no time, where the one symbol is, no optional header.
    put(&machine.to_le_bytes());
    put(&1u16.to_le_bytes());
    put(&[0; 4]);
    put(&(HEADERS + CODE_LEN).to_le_bytes());
    put(&1u32.to_le_bytes());
    put(&[0; 4]);
    // Section header: name, addresses, size and place of the code, nothing else; readable code.
    put(b".text\0\0\0");
    put(&[0; 8]);
    put(&CODE_LEN.to_le_bytes());
    put(&HEADERS.to_le_bytes());
    put(&[0; 12]);
    put(&0x6050_0020u32.to_le_bytes());
    put(&code);
    // Symbol: name, value, section 1, a function, external, nothing more.
    put(b"start\0\0\0");
    put(&[0; 4]);
    put(&1u16.to_le_bytes());
    put(&0x20u16.to_le_bytes());
    put(&[2, 0]);
    // The table of strings holds its own length alone.
    put(&4u32.to_le_bytes());
    bytes
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use process::Runner;
    use std::os::unix::fs::PermissionsExt as _;

    fn world(host: Platform, env: Env) -> World {
        World {
            env,
            cwd: "/".into(),
            host,
            exe: "/atlas-release".into(),
            runner: Runner::default(),
            now: jiff::Timestamp::now,
        }
    }

    fn here(arch: Arch) -> World {
        world(Platform::new(Os::Linux, arch), Env::capture())
    }

    fn executable(path: &Path, script: &str) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[tokio::test]
    async fn the_real_one_links_and_one_that_only_looks_like_it_does_not() {
        for arch in [Arch::X64, Arch::Arm64] {
            let world = here(arch);
            let real = find(&world).expect("lld-link is missing: ci/deps installs it");
            probe(&world, &real.path, None).await.unwrap();
        }
        let dir = tempfile::tempdir().unwrap();
        let fake = dir.path().join("lld-link");
        for (script, says) in [
            ("exit 0", "it reported success and left no program"),
            ("echo no such option >&2; exit 1", "no such option"),
            ("cp trial.obj trial.exe", "what it linked is Coff"),
            ("echo text > trial.exe", "of what it linked"),
            ("cp /bin/sh trial.exe", "ELF"),
        ] {
            executable(&fake, script);
            let error = probe(&here(Arch::X64), &fake, None).await.unwrap_err();
            let text = error.to_string();
            assert!(
                text.contains("does not work") && text.contains(says),
                "{text}"
            );
        }
    }

    #[test]
    fn on_windows_it_is_also_looked_for_where_llvm_is_installed() {
        let dir = tempfile::tempdir().unwrap();
        let (path, files) = (dir.path().join("bin"), dir.path().join("Program Files"));
        let llvm = files.join("LLVM/bin");
        let env: Env = [("PATH", &path), ("ProgramFiles", &files)]
            .into_iter()
            .collect();
        let windows = world(Platform::new(Os::Windows, Arch::X64), env.clone());
        assert_eq!(find(&windows), None);
        executable(&llvm.join("lld-link.exe"), "exit 0");
        let found = find(&windows).unwrap();
        assert_eq!(found.path, llvm.join("lld-link.exe"));
        assert_eq!(found.off_path, Some(llvm.clone()));
        // What is on PATH comes first, and needs no folder to be added.
        executable(&path.join("lld-link.exe"), "exit 0");
        let found = find(&windows).unwrap();
        assert_eq!(found.path, path.join("lld-link.exe"));
        assert_eq!(found.off_path, None);
        // Nowhere else is there such a folder.
        let linux = world(Platform::new(Os::Linux, Arch::X64), env);
        executable(&llvm.join("lld-link"), "exit 0");
        assert_eq!(find(&linux), None);
    }
}
