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
use crate::system;
use release_types::Sha256Digest;
use std::collections::BTreeMap;
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
/// Scripts of an earlier run that are no longer needed go; one that would be the same stays as it is,
/// since a build script may have told cargo to run it again when its compiler's file changes. Another
/// program is in the way: it would come before the machine's own of that name, and no record would name it.
///
/// # Errors
/// What the system says.
pub(super) fn install(world: &World, dir: &Path) -> io::Result<CCompilers> {
    let mut scripts = BTreeMap::new();
    for name in c_compilers(&world.env) {
        if let Some(real) = world.find_program(&name) {
            scripts.insert(name, real);
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
    for (number, real) in (1..).zip(reals) {
        if let Some(name) = script_name(number, &real) {
            scripts.insert(name, real);
        }
    }
    std::fs::create_dir_all(dir)?;
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        let needed = name.to_str().is_some_and(|name| scripts.contains_key(name));
        if needed {
            continue;
        }
        // What somebody else has put here is theirs, and a folder is no command.
        let path = entry.path();
        if is_script(&path) {
            std::fs::remove_file(path)?;
        } else if is_program(&path) {
            let why = format!(
                "{} is a program of somebody else's, and builds would run it in the place of their own",
                path.display()
            );
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, why));
        }
    }
    for (name, real) in &scripts {
        let path = dir.join(name);
        if path.is_dir() {
            let why = format!("{} is a folder, and in the way", path.display());
            return Err(io::Error::new(io::ErrorKind::IsADirectory, why));
        }
        write_script(dir, name, real)?;
    }
    let path = world.env.path_with(&[dir.to_owned()], &[]);
    Ok(CCompilers {
        path: path.map_err(io::Error::other)?,
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

fn write_script(dir: &Path, name: &str, real: &Path) -> io::Result<()> {
    let (path, text) = (dir.join(name), script(real, &identity(real)?)?);
    if std::fs::read(&path).is_ok_and(|there| there == text.as_bytes()) && is_executable(&path) {
        return Ok(());
    }
    // Made aside and renamed over: a compiler of an ended run may still read the old one.
    let aside = dir.join(format!("{name}.{}", std::process::id()));
    std::fs::write(&aside, text)?;
    system::set_mode(&aside, MODE)?;
    std::fs::rename(aside, path)
}

/// Whether a file is one of these scripts, of this run or an earlier one.
fn is_script(path: &Path) -> bool {
    let is_file = std::fs::symlink_metadata(path).is_ok_and(|meta| meta.is_file());
    let text = is_file
        .then(|| std::fs::read_to_string(path).ok())
        .flatten();
    text.is_some_and(|text| text.starts_with("#!/bin/sh\n# ") && text.contains(C_FLAGS_VAR))
}

/// Whether a file, or what a link leads to, could be run by its name.
fn is_program(path: &Path) -> bool {
    let may_run = |mode: Option<u32>| mode.is_some_and(|mode| mode & 0o111 != 0);
    path.is_file() && system::mode(path).is_ok_and(may_run)
}

/// Who may run a script: everybody.
const MODE: u32 = 0o755;

fn is_executable(path: &Path) -> bool {
    system::mode(path).is_ok_and(|mode| mode.is_none_or(|mode| mode == MODE))
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
        write_script(dir.path(), "cc", &real).unwrap();
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
    fn a_script_stays_the_same_file_as_long_as_its_compiler_does() {
        let root = tempfile::tempdir().unwrap();
        let (bin, dir) = (root.path().join("bin"), root.path().join("cc"));
        std::fs::create_dir(&bin).unwrap();
        let compiler = |name: &str, text: &str| {
            std::fs::write(bin.join(name), text).unwrap();
            system::set_mode(&bin.join(name), MODE).unwrap();
        };
        let mut world = World::capture(process::Runner::default()).unwrap();
        world.env = [
            ("PATH", bin.as_os_str()),
            ("CC", bin.join("my-cc").as_os_str()),
        ]
        .into_iter()
        .collect();
        for name in ["cc", "gcc", "clang", "my-cc"] {
            compiler(name, "#!/bin/sh\n");
        }
        install(&world, &dir).unwrap();
        let long_ago = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1);
        let scripts = ["cc", "gcc", "clang", "by-path-1-my-cc"];
        for name in scripts {
            let file = std::fs::File::options().append(true).open(dir.join(name));
            file.unwrap().set_modified(long_ago).unwrap();
        }
        // One is another compiler now, one is gone, one may no longer be run.
        compiler("gcc", "#!/bin/sh\n# another\n");
        std::fs::remove_file(bin.join("clang")).unwrap();
        system::set_mode(&dir.join("by-path-1-my-cc"), 0o644).unwrap();
        install(&world, &dir).unwrap();
        let is_old = |name: &str| {
            let found = std::fs::metadata(dir.join(name)).ok()?;
            Some(found.modified().unwrap() == long_ago)
        };
        let expected = [Some(true), Some(false), None, Some(false)];
        assert_eq!(scripts.map(is_old), expected);
        assert!(is_executable(&dir.join("by-path-1-my-cc")));
        assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 3);
    }

    #[test]
    fn what_else_lies_there_is_left_alone() {
        let root = tempfile::tempdir().unwrap();
        let (bin, dir) = (root.path().join("bin"), root.path().join("cc"));
        std::fs::create_dir(&bin).unwrap();
        std::fs::write(bin.join("cc"), "#!/bin/sh\n").unwrap();
        system::set_mode(&bin.join("cc"), MODE).unwrap();
        let mut world = World::capture(process::Runner::default()).unwrap();
        world.env = [("PATH", bin.as_os_str())].into_iter().collect();
        std::fs::create_dir_all(dir.join("sources")).unwrap();
        std::fs::write(dir.join("main.c"), "int main(void) {}\n").unwrap();
        install(&world, &dir).unwrap();
        assert!(dir.join("cc").is_file() && dir.join("sources").is_dir());
        assert!(dir.join("main.c").is_file());
        std::fs::write(dir.join("ld"), "#!/bin/sh\n").unwrap();
        system::set_mode(&dir.join("ld"), MODE).unwrap();
        let error = install(&world, &dir).unwrap_err().to_string();
        assert!(
            error.contains("ld is a program of somebody else's"),
            "{error}"
        );
        std::fs::remove_file(dir.join("ld")).unwrap();
        std::fs::remove_file(dir.join("cc")).unwrap();
        std::fs::create_dir(dir.join("cc")).unwrap();
        let error = install(&world, &dir).unwrap_err().to_string();
        assert!(error.ends_with("cc is a folder, and in the way"), "{error}");
    }

    #[test]
    fn another_compiler_is_another_file() {
        let real = Path::new("/usr/bin/cc");
        assert_ne!(script(real, "1").unwrap(), script(real, "2").unwrap());
    }
}
