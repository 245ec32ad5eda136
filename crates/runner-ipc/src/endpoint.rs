//! Where runner and daemon meet: worked out from the operating system and the environment alone,
//! so that both come to the same place. Creating it, and who may use it, is the daemon's business.

use process::{Env, NotUtf8};
use release_types::Os;
use std::path::{Path, PathBuf};

/// The variable that names another place than the default.
pub const SOCKET_VARIABLE: &str = "ATLAS_RUNNER_SOCKET";

/// The longest path of a socket, in bytes. Systems allow 108 (Linux) or 104 (macOS) with a final
/// zero; the daemon binds a socket in a folder beside its final place first, which takes five more.
const SOCKET_LIMIT: usize = 104 - 1 - 5;

/// The longest name of a pipe, in characters.
/// See <https://learn.microsoft.com/windows/win32/api/winbase/nf-winbase-createnamedpipea>.
const PIPE_LIMIT: usize = 256;

/// What every pipe's name begins with.
const PIPE_PREFIX: &str = r"\\.\pipe\";

/// What decides about the default place, beside the environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Host {
    /// The operating system.
    pub os: Os,
    /// Whether this process runs as root. Never so on Windows.
    pub is_root: bool,
}

impl Host {
    /// The one this process runs on. Any other Unix is treated like Linux.
    pub fn current() -> Self {
        Self {
            os: std::env::consts::OS.parse().unwrap_or(Os::Linux),
            #[cfg(unix)]
            is_root: rustix::process::geteuid().is_root(),
            #[cfg(not(unix))]
            is_root: false,
        }
    }
}

/// The path of a socket that a system can bind, or the name of a pipe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    path: PathBuf,
    is_default: bool,
}

/// Why there is no place to meet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// The path is longer than a socket's may be.
    #[error("the socket path `{}` has {len} bytes; at most {limit} are possible", path.display())]
    TooLong {
        /// The path.
        path: PathBuf,
        /// Its length in bytes.
        len: usize,
        /// The longest that is possible.
        limit: usize,
    },
    /// On Windows, what was given is no local pipe.
    #[error("`{}` is not the name of a local pipe", path.display())]
    NotAPipe {
        /// What was given.
        path: PathBuf,
    },
    /// The path names no file that could be created.
    #[error("the socket path `{}` has no file name", path.display())]
    NoFileName {
        /// The path.
        path: PathBuf,
    },
    /// The default cannot be worked out.
    #[error("no default place for the socket: {variable} is not set to an absolute path or a name")]
    NoDefault {
        /// The variable that is missing.
        variable: &'static str,
    },
    /// A variable is no text.
    #[error(transparent)]
    NotUtf8(#[from] NotUtf8),
}

impl EndpointError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::TooLong { .. } => {
                format!("name a shorter path with --socket or {SOCKET_VARIABLE}")
            }
            Self::NoFileName { .. } | Self::NoDefault { .. } => {
                format!("name the socket's path with --socket or {SOCKET_VARIABLE}")
            }
            Self::NotAPipe { .. } => {
                format!(
                    r"name a pipe like {PIPE_PREFIX}atlas-runnerd with --socket or {SOCKET_VARIABLE}"
                )
            }
            Self::NotUtf8(NotUtf8(variable)) => format!("set {variable} to text, or unset it"),
        }
    }
}

impl Endpoint {
    /// The place that was asked for, else the one in `ATLAS_RUNNER_SOCKET`, else the default.
    ///
    /// # Errors
    /// When the path cannot be used, or there is no default in this environment.
    pub fn resolve(asked: Option<PathBuf>, host: Host, env: &Env) -> Result<Self, EndpointError> {
        if let Some(path) = asked {
            return Self::new(host.os, path);
        }
        match env.get(SOCKET_VARIABLE) {
            Some(path) if !path.is_empty() => Self::new(host.os, path.into()),
            _ => Ok(Self {
                is_default: true,
                ..Self::new(host.os, default_path(host, env)?)?
            }),
        }
    }

    /// This place, if the operating system can have it.
    ///
    /// # Errors
    /// When it cannot: see [`EndpointError`].
    pub fn new(os: Os, path: PathBuf) -> Result<Self, EndpointError> {
        let len = path.as_os_str().len();
        let limit = match os {
            Os::Windows => {
                let name = path
                    .to_str()
                    .and_then(|text| text.strip_prefix(PIPE_PREFIX));
                if name.is_none_or(|name| name.is_empty() || name.contains('\\')) {
                    return Err(EndpointError::NotAPipe { path });
                }
                PIPE_LIMIT
            }
            Os::Linux | Os::Macos => {
                if path.file_name().is_none() {
                    return Err(EndpointError::NoFileName { path });
                }
                SOCKET_LIMIT
            }
        };
        if len > limit {
            return Err(EndpointError::TooLong { path, len, limit });
        }
        Ok(Self {
            path,
            is_default: false,
        })
    }

    /// The path or name.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether nobody has named the place. The folder of such a socket is the daemon's own, with
    /// nothing else in it; that of a named one may be anybody's.
    pub fn is_default(&self) -> bool {
        self.is_default
    }
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.path.display().fmt(f)
    }
}

fn default_path(host: Host, env: &Env) -> Result<PathBuf, EndpointError> {
    // The base directory specification has relative paths ignored, and a relative home is no home.
    let folder = |variable: &str| {
        env.get(variable)
            .filter(|path| path.as_encoded_bytes().starts_with(b"/"))
            .map(PathBuf::from)
    };
    let home = || folder("HOME").ok_or(EndpointError::NoDefault { variable: "HOME" });
    let parent = match host.os {
        Os::Windows => {
            let user = env.text("USERNAME")?.ok_or(EndpointError::NoDefault {
                variable: "USERNAME",
            })?;
            let user: String = user
                .chars()
                .map(|c| if c == '\\' || c == '/' { '_' } else { c })
                .collect();
            return Ok(format!("{PIPE_PREFIX}atlas-runnerd-{user}").into());
        }
        Os::Macos => home()?.join("Library/Application Support/atlas-runner"),
        // Root first: its login shells have XDG_RUNTIME_DIR and its services have not, and both
        // must mean the same daemon.
        Os::Linux if host.is_root => PathBuf::from("/run/atlas-runner"),
        Os::Linux => match folder("XDG_RUNTIME_DIR") {
            Some(runtime) => runtime.join("atlas-runner"),
            None => home()?.join(".local/state/atlas-runner"),
        },
    };
    Ok(parent.join("runnerd.sock"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(os: Os, is_root: bool, env: &[(&str, &str)]) -> Result<String, EndpointError> {
        let env = env.iter().copied().collect();
        Endpoint::resolve(None, Host { os, is_root }, &env).map(|endpoint| {
            assert!(endpoint.is_default());
            endpoint.to_string()
        })
    }

    #[test]
    fn each_system_has_its_default() {
        let home = ("HOME", "/home/me");
        let runtime = ("XDG_RUNTIME_DIR", "/run/user/1000");
        for (os, is_root, env, expected) in [
            (
                Os::Linux,
                false,
                vec![home, runtime],
                "/run/user/1000/atlas-runner/runnerd.sock",
            ),
            (
                Os::Linux,
                false,
                vec![home, ("XDG_RUNTIME_DIR", "relative")],
                "/home/me/.local/state/atlas-runner/runnerd.sock",
            ),
            (
                Os::Linux,
                true,
                vec![runtime],
                "/run/atlas-runner/runnerd.sock",
            ),
            (
                Os::Linux,
                true,
                vec![home],
                "/run/atlas-runner/runnerd.sock",
            ),
            (
                Os::Macos,
                false,
                vec![("HOME", "/Users/me"), runtime],
                "/Users/me/Library/Application Support/atlas-runner/runnerd.sock",
            ),
            (
                Os::Windows,
                false,
                vec![("USERNAME", "some one"), home],
                r"\\.\pipe\atlas-runnerd-some one",
            ),
            (
                Os::Windows,
                false,
                vec![("USERNAME", r"CORP\me")],
                r"\\.\pipe\atlas-runnerd-CORP_me",
            ),
        ] {
            assert_eq!(resolve(os, is_root, &env).as_deref(), Ok(expected));
        }
    }

    #[test]
    fn without_a_home_there_is_no_default() {
        for (os, variable) in [
            (Os::Linux, "HOME"),
            (Os::Macos, "HOME"),
            (Os::Windows, "USERNAME"),
        ] {
            assert_eq!(
                resolve(os, false, &[]),
                Err(EndpointError::NoDefault { variable })
            );
        }
    }

    #[test]
    fn a_flag_wins_over_the_variable_and_that_over_the_default() {
        let host = Host {
            os: Os::Linux,
            is_root: false,
        };
        let env = [("HOME", "/home/me"), (SOCKET_VARIABLE, "/v.sock")]
            .into_iter()
            .collect();
        let asked = Endpoint::resolve(Some("/f.sock".into()), host, &env).unwrap();
        assert_eq!(asked.path(), Path::new("/f.sock"));
        assert!(!asked.is_default());
        let from_env = Endpoint::resolve(None, host, &env).unwrap();
        assert_eq!(from_env.path(), Path::new("/v.sock"));
        assert!(!from_env.is_default());
        let empty = [("HOME", "/h"), (SOCKET_VARIABLE, "")];
        assert_eq!(
            resolve(Os::Linux, false, &empty).as_deref(),
            Ok("/h/.local/state/atlas-runner/runnerd.sock")
        );
    }

    #[test]
    fn what_no_system_can_bind_is_refused() {
        let path = |len: usize| PathBuf::from(format!("/{}", "x".repeat(len - 1)));
        assert!(Endpoint::new(Os::Linux, path(SOCKET_LIMIT)).is_ok());
        assert_eq!(
            Endpoint::new(Os::Macos, path(SOCKET_LIMIT + 1)),
            Err(EndpointError::TooLong {
                path: path(SOCKET_LIMIT + 1),
                len: 99,
                limit: 98
            })
        );
        for bad in ["", "/", "/run/.."] {
            assert!(matches!(
                Endpoint::new(Os::Linux, bad.into()),
                Err(EndpointError::NoFileName { .. })
            ));
        }
        for bad in [
            r"C:\runnerd",
            r"\\.\pipe\",
            r"\\server\pipe\x",
            r"\\.\pipe\a\b",
        ] {
            assert!(matches!(
                Endpoint::new(Os::Windows, bad.into()),
                Err(EndpointError::NotAPipe { .. })
            ));
        }
    }
}
