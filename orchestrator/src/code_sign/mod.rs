//! Code signing: programs get the signature that their operating system asks for, Authenticode on Windows,
//! Developer ID and a notary's word on macOS.
//!
//! It comes after the build's checks and before anything is staged, so that digests, packages and updater
//! signatures are all over the signed bytes. What cargo has made stays as it is: copies are signed. What is
//! signed where is a function of host, target and settings; the tools are run beside it. Secrets come from
//! the environment and are in no argument.

mod alone;
mod decide;
mod error;
mod files;
mod in_place;
mod macos;
mod run;
mod secrets;
mod windows;

pub use decide::{Decision, Unsigned, decide};
pub use error::CodeSignError;
pub use files::{SignedFile, SignedFiles, takes};
pub use in_place::in_place;

use crate::artifacts::digest_file;
use crate::context::World;
use crate::products::CodeSignSettings;
use crate::toolchain::scratch;
use macos::Macos;
use release_types::{Platform, Sha256Digest};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use windows::Windows;

/// What has signed, as it is recorded. No secret is in it: certificates are public.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeSigning {
    /// The tools that have run, in order.
    pub tools: Vec<SigningTool>,
    /// Whom the certificate is for.
    pub identity: String,
    /// The certificate's SHA-1, in 40 hexadecimal digits, as both systems' tools name certificates.
    pub certificate: String,
    /// The server that has said when; `apple` is Apple's own.
    pub timestamp: String,
    /// The notary's number for what it has accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notarization: Option<String>,
}

/// A tool that has run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SigningTool {
    /// Its name.
    pub name: String,
    /// Its version; that of the system where it is a part of it.
    pub version: String,
}

/// A file before it was code-signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BeforeSigning {
    /// Bytes.
    pub size: u64,
    /// Its digest.
    pub sha256: Sha256Digest,
}

/// Files that are code-signed.
#[derive(Debug)]
pub struct CodeSigned {
    /// What has signed them.
    pub signing: CodeSigning,
    /// Where they are and what they were, in the order they were given in.
    pub files: Vec<(PathBuf, BeforeSigning)>,
    /// Where they lie until somebody has taken them away.
    _scratch: Option<TempDir>,
}

/// How files of one platform are signed, with all that is needed at hand.
#[derive(Debug)]
pub struct Signer(Way);

#[derive(Debug)]
enum Way {
    Windows(Windows),
    Macos(Macos),
}

/// What is to be done with a platform's programs.
#[derive(Debug)]
pub enum Ready {
    /// Nothing: nobody has asked for it.
    Off,
    /// They stay unsigned, and this is why.
    Unsigned(Unsigned),
    /// They are signed.
    Signs(Box<Signer>),
}

/// Looks whether programs for a platform are signed, and whether they can be: before a build, which takes
/// minutes.
///
/// # Errors
/// When the credentials are there and the tools are not, a credential cannot be used, or signing is required
/// and cannot be done here.
pub fn ready(
    world: &World,
    settings: &CodeSignSettings,
    target: Platform,
) -> Result<Ready, CodeSignError> {
    let is_set = |name: &str| world.env.get(name).is_some_and(|value| !value.is_empty());
    let way = match decide(world.host, target, settings, &is_set) {
        Decision::Off => return Ok(Ready::Off),
        Decision::Unsigned {
            why,
            required: false,
        } => return Ok(Ready::Unsigned(why)),
        Decision::Unsigned {
            why,
            required: true,
        } => return Err(CodeSignError::Required(why)),
        Decision::Windows(settings) => Way::Windows(Windows::ready(world, settings)?),
        Decision::Macos(settings) => Way::Macos(Macos::ready(world, settings)?),
    };
    Ok(Ready::Signs(Box::new(Signer(way))))
}

impl Signer {
    /// The tool that signs.
    pub fn tool(&self) -> &'static str {
        match self.0 {
            Way::Windows(_) => windows::SIGNTOOL,
            Way::Macos(_) => macos::CODESIGN,
        }
    }

    /// Whether something was signed as this would sign it, as far as the settings say.
    pub fn would_make(&self, made: &CodeSigning) -> bool {
        let is_tool = made.tools.iter().any(|tool| tool.name == self.tool());
        is_tool
            && match &self.0 {
                Way::Windows(windows) => windows.would_make(made),
                Way::Macos(macos) => macos.would_make(made),
            }
    }

    /// Signs copies of files, each under the name that it will have.
    ///
    /// # Errors
    /// When a tool fails or a file cannot be copied. Credentials are put away all the same.
    pub async fn sign(
        &self,
        world: &World,
        files: &[(PathBuf, String)],
    ) -> Result<CodeSigned, CodeSignError> {
        let dir = scratch(world).map_err(CodeSignError::Temporary)?;
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| CodeSignError::Io { path, source }
        };
        let mut copies = Vec::with_capacity(files.len());
        for (index, (from, name)) in files.iter().enumerate() {
            // Each in a folder of its own: its name may be another's too, and codesign writes it into the file.
            let own = dir.path().join(index.to_string());
            std::fs::create_dir(&own).map_err(io(&own))?;
            let path = own.join(name);
            std::fs::copy(from, &path).map_err(io(from))?;
            let (size, sha256) = digest_file(&path).map_err(io(&path))?;
            copies.push((path, BeforeSigning { size, sha256 }));
        }
        let paths: Vec<&Path> = copies.iter().map(|(path, _)| path.as_path()).collect();
        let signing = match &self.0 {
            Way::Windows(windows) => windows.sign(world, &paths).await?,
            Way::Macos(macos) => macos.sign(world, &paths).await?,
        };
        for (path, before) in &copies {
            let (_, sha256) = digest_file(path).map_err(io(path))?;
            if sha256 == before.sha256 {
                let (tool, path) = (self.tool(), path.clone());
                return Err(CodeSignError::Unchanged { tool, path });
            }
        }
        Ok(CodeSigned {
            signing,
            files: copies,
            _scratch: Some(dir),
        })
    }
}

impl CodeSigned {
    /// Files that an earlier run has signed.
    pub fn earlier(signing: CodeSigning, files: Vec<(PathBuf, BeforeSigning)>) -> Self {
        Self {
            signing,
            files,
            _scratch: None,
        }
    }
}
