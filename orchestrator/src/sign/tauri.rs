//! Tauri's own tool, run in the launcher's folder. The secret key is in that child's environment and in no
//! argument.

use super::payload::{beside, read_signature};
use super::{KEY_VAR, PASSWORD_VAR, Payload, Secret, SignError};
use crate::context::World;
use crate::dist;
use process::{AllowList, Command, ProcessError};
use release_types::Os;
use secrecy::ExposeSecret as _;
use signatures::ENDING;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long one file may take.
const LIMIT: Duration = Duration::from_secs(300);

/// By which newer versions of the tool take the version that a signature says. Newer updaters compare it.
const VERSION_FLAG: &str = "--app-version";

/// Tauri's tool, and where it is run.
#[derive(Debug, Clone)]
pub struct Tauri {
    program: PathBuf,
    folder: PathBuf,
    takes_version: bool,
}

impl Tauri {
    /// Finds it, in `node_modules` at or above the launcher's folder, else on `PATH`, and asks it what it
    /// takes.
    ///
    /// # Errors
    /// When it is in neither, or cannot be run.
    pub async fn find(world: &World, folder: &Path) -> Result<Self, SignError> {
        let name = match world.host.os {
            Os::Windows => "tauri.cmd",
            Os::Linux | Os::Macos => "tauri",
        };
        let mut installed = folder
            .ancestors()
            .map(|dir| dir.join("node_modules/.bin").join(name));
        let found = installed.find(|path| path.is_file());
        let found = found.or_else(|| world.find_program("tauri"));
        let program = found.ok_or_else(|| SignError::NoTauri {
            folder: folder.to_owned(),
        })?;
        let mut tauri = Self {
            program,
            folder: folder.to_owned(),
            takes_version: false,
        };
        // Without the secrets: its help shows what variables are set to.
        let command = tauri.command(world).arg("--help");
        let help = world.runner.success(&command, LIMIT).await;
        let help = help.map_err(|source| SignError::Tauri {
            path: folder.to_owned(),
            source,
        })?;
        tauri.takes_version = help.stdout_text().contains(VERSION_FLAG);
        Ok(tauri)
    }

    /// Signs a file and returns what the tool made of it. It writes beside what it signs, so it gets the file
    /// in a folder of its own, which is made in `scratch`; by an absolute path, since it starts in another
    /// folder than this program.
    ///
    /// # Errors
    /// When it fails, or makes nothing.
    pub async fn sign(
        &self,
        world: &World,
        payload: &Payload,
        (scratch, secret): (&Path, &Secret),
    ) -> Result<String, SignError> {
        let scratch = world.absolute(scratch);
        let io = |source| SignError::Io {
            path: scratch.clone(),
            source,
        };
        let folder = dist::aside_in(&scratch).map_err(io)?;
        let path = folder
            .path()
            .join(payload.path.file_name().unwrap_or_default());
        // A copy: whatever the tool does to it, what is staged stays as it was.
        let (from, to) = (world.absolute(&payload.path), path.clone());
        let copied = world.apart(move || std::fs::copy(from, to)).await;
        copied.ok_or(SignError::Interrupted)?.map_err(io)?;
        let version = match self.takes_version {
            true => vec![VERSION_FLAG.to_owned(), payload.version.to_string()],
            false => Vec::new(),
        };
        let command = self
            .command(world)
            .args(version)
            .arg(&path)
            .env(KEY_VAR, secret.text.expose_secret())
            .env(PASSWORD_VAR, secret.password.expose_secret());
        match world.runner.success(&command, LIMIT).await {
            Ok(_) => {
                let made = read_signature(&beside(&path, ENDING));
                made.map_err(|source| SignError::NotGood {
                    path: payload.path.clone(),
                    source,
                })
            }
            Err(source) => Err(SignError::Tauri {
                path: payload.path.clone(),
                source: without(source, secret),
            }),
        }
    }

    fn command(&self, world: &World) -> Command {
        world
            .command(&self.program, &AllowList::base().build())
            .args(["signer", "sign"])
            // It asks nobody then.
            .env("CI", "true")
            .cwd(&self.folder)
    }
}

/// The error without the secrets that a tool may have repeated.
fn without(error: ProcessError, secret: &Secret) -> ProcessError {
    let ProcessError::Failed {
        command,
        status,
        mut stderr,
    } = error
    else {
        return error;
    };
    stderr = secret.hidden_in(stderr);
    ProcessError::Failed {
        command,
        status,
        stderr,
    }
}
