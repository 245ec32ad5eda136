//! Taking the place where the daemon is reached, so that only its own user can reach it, and giving
//! it back. Which place that is, `runner-ipc` works out; what is served there is the server's part.

use runner_ipc::Endpoint;
use std::io;
use std::path::PathBuf;

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub use unix::{Claim, PeerListener, bind};
#[cfg(windows)]
pub use windows::{Claim, PeerListener, bind};

/// Why an endpoint could not be taken or given back.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Somebody listens there already.
    #[error("another daemon{} is already listening on {endpoint}", process(*pid))]
    AlreadyRunning {
        /// Where.
        endpoint: Endpoint,
        /// Its process, where the system tells.
        pid: Option<i32>,
    },
    /// The folder of the socket belongs to another user, who could put another socket there.
    #[error("the folder `{}` belongs to user {owner}, not to user {own} who runs this daemon", dir.display())]
    ForeignFolder {
        /// The folder.
        dir: PathBuf,
        /// Whose it is, as a user number.
        owner: u32,
        /// The user number of this process.
        own: u32,
    },
    /// Others may put files into the folder of the socket.
    #[error("other users may write to the folder `{}` (mode {mode:04o})", dir.display())]
    OpenFolder {
        /// The folder.
        dir: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// There is something else at the place of the socket.
    #[error("`{}` exists and is no socket", path.display())]
    NotASocket {
        /// What is there.
        path: PathBuf,
    },
    /// The folder stayed locked by somebody else.
    #[error("the folder `{}` is locked by another process", dir.display())]
    Locked {
        /// The folder.
        dir: PathBuf,
    },
    /// The system refused a step.
    #[error("could not {what} `{}`", path.display())]
    Io {
        /// The step.
        what: &'static str,
        /// With what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The bit by which a folder is marked that several users put files into.
const STICKY: u32 = 0o1000;

const OWN_FOLDER: &str = "name a socket in a folder of your own with --socket";

fn process(pid: Option<i32>) -> String {
    pid.map_or(String::new(), |pid| format!(" (process {pid})"))
}

impl BindError {
    /// What to do about it, where that is known.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::AlreadyRunning { .. } => {
                "end it first, or name another socket with --socket".to_owned()
            }
            Self::ForeignFolder { owner: 0, .. } => OWN_FOLDER.to_owned(),
            // Shared on purpose, as `/tmp` is: other programs need it open.
            Self::OpenFolder { mode, .. } if mode & STICKY != 0 => OWN_FOLDER.to_owned(),
            Self::ForeignFolder { .. } => {
                "run the daemon as that user, or name a socket in a folder of your own with --socket"
                    .to_owned()
            }
            Self::OpenFolder { dir, .. } => format!(
                "run `chmod go-w '{}'`, or name a socket in another folder with --socket",
                dir.display()
            ),
            Self::NotASocket { .. } => {
                "move it away, or name another socket with --socket".to_owned()
            }
            Self::Locked { dir } => format!(
                "find out who has it with `fuser '{}'`, or name a socket in another folder with --socket",
                dir.display()
            ),
            Self::Io { .. } => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_told_to_become_root_for_a_shared_folder() {
        let hint = |owner| {
            let dir = "/tmp".into();
            let own = 1000;
            let refused = BindError::ForeignFolder { dir, owner, own };
            refused.hint().unwrap_or_default()
        };
        assert_eq!(hint(0), OWN_FOLDER);
        assert!(hint(1001).starts_with("run the daemon as that user"));
    }
}
