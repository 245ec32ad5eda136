//! What can go wrong with code signing.

use super::Unsigned;
use crate::toolchain::ToolchainError;
use process::{NotUtf8, ProcessError};
use std::path::PathBuf;
use std::process::ExitStatus;

/// Why programs are not code-signed.
#[derive(Debug, thiserror::Error)]
pub enum CodeSignError {
    /// The workspace requires it, and it cannot be done here.
    #[error("code signing is required, and {0}")]
    Required(Unsigned),
    /// A variable is no text.
    #[error(transparent)]
    Env(#[from] NotUtf8),
    /// A credential cannot be read.
    #[error("{variable} holds no base64")]
    NotBase64 {
        /// The variable.
        variable: &'static str,
    },
    /// A credential cannot be used.
    #[error("{variable} cannot be used: {why}")]
    Credential {
        /// The variable.
        variable: &'static str,
        /// Why not, without anything of it.
        why: String,
    },
    /// The credentials are there and the tool is not.
    #[error("there are credentials to sign code with, and `{tool}` was not found")]
    Missing {
        /// The tool.
        tool: &'static str,
    },
    /// A tool has failed.
    #[error("`{tool}` failed ({status}): {command}{}", shown(said))]
    Tool {
        /// The tool.
        tool: &'static str,
        /// Its command line, which has no secret.
        command: String,
        /// How it ended.
        status: ExitStatus,
        /// The end of what it said, with secrets struck out.
        said: String,
    },
    /// A tool could not be run to its end.
    #[error("`{tool}` could not sign")]
    Process {
        /// The tool.
        tool: &'static str,
        /// What happened.
        source: ProcessError,
    },
    /// A tool has said something that nobody here understands.
    #[error("the answer of `{tool}` was not understood: {why}")]
    Answer {
        /// The tool.
        tool: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// A tool has reported success and signed nothing.
    #[error("`{tool}` reported success and left {} as it was", path.display())]
    Unchanged {
        /// The tool.
        tool: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// Apple's notary has not accepted what was signed.
    #[error(
        "Apple's notary has not accepted the programs ({status}){}",
        shown(said)
    )]
    NotAccepted {
        /// What it said instead.
        status: String,
        /// The end of its log.
        said: String,
    },
    /// Another run of the same user is at it and does not end.
    #[error("another run{} signs code for this user, and does not end", pid.map(|pid| format!(" (process {pid})")).unwrap_or_default())]
    Busy {
        /// Its process, when it could be read.
        pid: Option<u32>,
    },
    /// No random numbers.
    #[error("this machine gives no random numbers: {0}")]
    Random(getrandom::Error),
    /// There is no room for temporary files.
    #[error(transparent)]
    Temporary(ToolchainError),
    /// A file could not be read or written.
    #[error("cannot use {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

fn shown(said: &str) -> String {
    match said.is_empty() {
        true => String::new(),
        false => format!("\n  {}", said.replace('\n', "\n  ")),
    }
}

impl CodeSignError {
    /// What to do about it, where there is something to say.
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Required(Unsigned::OtherHost { target, .. }) => {
                return Some(format!(
                    "build for {target} on {}, and publish the `dist/` of all machines together",
                    target.os
                ));
            }
            Self::Required(Unsigned::NoCredentials { .. }) => {
                "set them, or leave `required` out of the table in [workspace.metadata.atlas-release]"
            }
            Self::Missing { tool: "signtool" } => {
                "install the Windows SDK (its signing tools), or put signtool on PATH"
            }
            Self::Missing { tool: "powershell" } => "put Windows PowerShell, or pwsh, on PATH",
            Self::Missing { .. } => "install Xcode's command line tools: xcode-select --install",
            Self::NotBase64 { .. } => {
                "the certificate's file has to be there as base64: base64 FILE, or [Convert]::ToBase64String([IO.File]::ReadAllBytes('FILE'))"
            }
            Self::Busy { .. } => {
                "the list of keychains, or the store of certificates, is one for all runs of a user: wait for the other one, or end it"
            }
            Self::NotAccepted { .. } => {
                "the log says which file and why; programs need the hardened runtime, a Developer ID and a time stamp"
            }
            _ => return None,
        };
        Some(text.to_owned())
    }
}
