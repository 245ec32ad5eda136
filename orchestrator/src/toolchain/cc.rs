//! C compilers under their own names in a folder that comes first on the build's `PATH`: each adds
//! the flags that the policy asks for and runs the real one.
//!
//! Going this way, instead of `CFLAGS`, reaches build scripts that start `cc` by themselves, leaves
//! `CFLAGS` from the environment and from cargo's configuration as they are, and keeps folders out
//! of the arguments that sccache puts into its keys. The file of such a compiler holds the digest of
//! the real one's, since sccache takes a compiler's file for what it is. A compiler that a variable
//! names by its path has a file of its own, and the variable names that one during the build.

use super::compilers::{c_compilers, compiler_variables, with_compiler};
use crate::context::World;
use release_types::Sha256Digest;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

/// The variable that carries the flags, one a line, from the orchestrator to the compilers.
pub const C_FLAGS_VAR: &str = "ATLAS_RELEASE_C_FLAGS";

/// Larger compilers are told apart by size alone: reading them would take longer than is useful.
const READ_LIMIT: u64 = 32 * 1024 * 1024;

/// The compilers that a build uses in the place of the real ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CCompilers {
    /// The `PATH` that they come first on.
    pub path: OsString,
    /// What variables that name a compiler by its path are set to.
    pub variables: Vec<(String, OsString)>,
}

/// Fills the folder with a script for every C compiler that is on `PATH` or named by its path.
/// Scripts of an earlier run that are no longer needed go.
///
/// # Errors
/// What the system says.
pub(super) fn install(world: &World, dir: &Path) -> io::Result<CCompilers> {
    if dir.exists() {
        std::fs::remove_dir_all(dir)?;
    }
    std::fs::create_dir_all(dir)?;
    for name in c_compilers(&world.env) {
        if let Some(real) = world.find_program(&name) {
            write_script(&dir.join(&name), &real)?;
        }
    }
    let mut variables = Vec::new();
    let mut reals: Vec<PathBuf> = Vec::new();
    for (variable, value) in compiler_variables(&world.env) {
        let named = with_compiler(value, Path::is_file, |real| {
            let at = reals.iter().position(|other| other == real);
            let number = at.unwrap_or(reals.len()) + 1;
            if at.is_none() {
                reals.push(real.to_owned());
            }
            script_name(number, real)
        });
        if let Some(named) = named {
            variables.push((variable.to_owned(), named.into()));
        }
    }
    for (number, real) in (1..).zip(&reals) {
        if let Some(name) = script_name(number, real) {
            write_script(&dir.join(name), real)?;
        }
    }
    Ok(CCompilers {
        path: path_with(dir, world.env.get("PATH"))?,
        variables,
    })
}

/// A name for a compiler that has been named by its path. It ends as the compiler's own, by which
/// some tell what kind it is, and stands for no other program.
fn script_name(number: usize, real: &Path) -> Option<String> {
    let name = real.file_name()?.to_str()?;
    let name = name.split_whitespace().collect::<Vec<_>>().join("-");
    Some(format!("by-path-{number}-{name}"))
}

fn path_with(dir: &Path, path: Option<&OsStr>) -> io::Result<OsString> {
    let rest = std::env::split_paths(path.unwrap_or_default());
    std::env::join_paths(std::iter::once(dir.to_owned()).chain(rest)).map_err(io::Error::other)
}

fn write_script(path: &Path, real: &Path) -> io::Result<()> {
    std::fs::write(path, script(real, &identity(real)?)?)?;
    crate::system::set_mode(path, 0o755)
}

/// What tells this compiler's file from another's.
fn identity(real: &Path) -> io::Result<String> {
    let size = std::fs::metadata(real)?.len();
    if size > READ_LIMIT {
        return Ok(format!("{size} bytes"));
    }
    Ok(format!(
        "sha256 {}",
        Sha256Digest::of(&std::fs::read(real)?)
    ))
}

/// A POSIX shell script: it is on every system whose compilers know the flags.
fn script(real: &Path, identity: &str) -> io::Result<String> {
    let text = real.to_str().ok_or(io::ErrorKind::InvalidFilename)?;
    let quoted = format!("'{}'", text.replace('\'', r"'\''"));
    Ok(format!(
        "#!/bin/sh\n# {identity}\nset -f\nIFS='\n'\nexec {quoted} \"$@\" ${{{C_FLAGS_VAR}-}}\n"
    ))
}

/// The flags as [`C_FLAGS_VAR`] carries them.
pub fn joined(flags: &[OsString]) -> OsString {
    flags.join(OsStr::new("\n"))
}

/// The folder below the state directory.
pub(super) fn folder(state_dir: &Path) -> PathBuf {
    state_dir.join("cc")
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use process::{Command, Env};

    #[test]
    fn a_compiler_gets_its_own_arguments_and_the_flags() {
        let dir = tempfile::tempdir().unwrap();
        let (real, script) = (dir.path().join("it's real"), dir.path().join("cc"));
        std::fs::write(&real, "#!/bin/sh\nprintf '<%s>' \"$@\"\n").unwrap();
        std::fs::set_permissions(&real, std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .unwrap();
        write_script(&script, &real).unwrap();
        let path = Env::capture().get("PATH").unwrap().to_owned();
        let run = |flags: Option<OsString>| {
            let command = Command::new(&script).args(["a b", "*"]).env("PATH", &path);
            let command = match flags {
                Some(flags) => command.env(C_FLAGS_VAR, flags),
                None => command,
            };
            command.output_blocking().unwrap().stdout_text()
        };
        assert_eq!(run(None), "<a b><*>");
        let flags = ["-x=/a b*=/w", "-y"].map(OsString::from);
        assert_eq!(run(Some(joined(&flags))), "<a b><*><-x=/a b*=/w><-y>");
    }

    #[test]
    fn another_compiler_is_another_file() {
        let real = Path::new("/usr/bin/cc");
        assert_ne!(script(real, "1").unwrap(), script(real, "2").unwrap());
    }
}
