//! Where this program keeps what outlives a run: tools it installed and the embedded Hub's data.

use crate::system;
use process::Env;
use release_types::Os;
use std::path::{Path, PathBuf};

/// There is no folder to keep state in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no state directory: {0} is not set to an absolute path")]
pub struct NoStateDir(pub &'static str);

/// The platform's own folder for a program's state.
///
/// Linux: `$XDG_STATE_HOME/atlas-release`, by default `~/.local/state/atlas-release` (XDG Base
/// Directory Specification 0.8, which also says that a relative value is to be ignored). macOS:
/// `~/Library/Application Support/atlas-release`. Windows: `%LOCALAPPDATA%\atlas-release`.
///
/// # Errors
/// When the variable that names the home folder is not set.
pub fn default_dir(os: Os, env: &Env) -> Result<PathBuf, NoStateDir> {
    let folder = |name| {
        env.get(name)
            .filter(|value| !value.is_empty())
            // A relative home is none: it would be another one in every folder.
            .filter(|value| os == Os::Windows || value.as_encoded_bytes().starts_with(b"/"))
            .map(PathBuf::from)
            .ok_or(NoStateDir(name))
    };
    let base = match os {
        Os::Linux => match folder("XDG_STATE_HOME") {
            Ok(dir) if dir.is_absolute() => dir,
            _ => folder("HOME")?.join(".local/state"),
        },
        Os::Macos => folder("HOME")?.join("Library/Application Support"),
        Os::Windows => folder("LOCALAPPDATA")?,
    };
    Ok(base.join("atlas-release"))
}

/// Makes the state folder, open to its owner alone where the system has modes. One that exists
/// keeps its mode, since it may be more than ours.
///
/// # Errors
/// What the system says, or that others can get at what is kept in an existing folder.
pub fn create(dir: &Path) -> std::io::Result<()> {
    if dir.exists() {
        if !dir.is_dir() {
            return Err(std::io::ErrorKind::NotADirectory.into());
        }
        if let Some(mode) = system::mode(dir)?
            && mode & 0o077 != 0
        {
            return Err(std::io::Error::other(format!(
                "others can get at it (mode {mode:04o}); name a folder that does not exist yet, or \
                 chmod it to 0700"
            )));
        }
    }
    system::create_private_dir(dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_system_has_its_own_place() {
        let env: Env = [("HOME", "/home/me"), ("LOCALAPPDATA", "/local")]
            .into_iter()
            .collect();
        let of = |os, env: &Env| default_dir(os, env).unwrap();
        assert_eq!(
            of(Os::Linux, &env),
            Path::new("/home/me/.local/state/atlas-release")
        );
        assert_eq!(
            of(Os::Macos, &env),
            Path::new("/home/me/Library/Application Support/atlas-release")
        );
        assert_eq!(of(Os::Windows, &env), Path::new("/local/atlas-release"));
        let mut xdg = env.clone();
        xdg.set("XDG_STATE_HOME", "/state");
        assert_eq!(of(Os::Linux, &xdg), Path::new("/state/atlas-release"));
        xdg.set("XDG_STATE_HOME", "relative");
        assert_eq!(
            of(Os::Linux, &xdg),
            Path::new("/home/me/.local/state/atlas-release")
        );
        let relative: Env = [("HOME", "me")].into_iter().collect();
        assert_eq!(default_dir(Os::Macos, &relative), Err(NoStateDir("HOME")));
        assert_eq!(
            default_dir(Os::Linux, &Env::default()),
            Err(NoStateDir("HOME"))
        );
    }

    #[cfg(unix)]
    #[test]
    fn the_folder_is_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("a/b");
        create(&state).unwrap();
        let mode = std::fs::metadata(&state).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        create(&state).unwrap();
        std::fs::set_permissions(&state, std::fs::Permissions::from_mode(0o755)).unwrap();
        let error = create(&state).unwrap_err().to_string();
        assert!(error.contains("mode 0755"), "{error}");
        let mode = std::fs::metadata(&state).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o755);
    }
}
