//! What can go wrong with signatures.

use super::{KEY_VAR, PASSWORD_VAR};
use crate::artifacts::ArtifactError;
use crate::dist::DistError;
use crate::lock::LockError;
use crate::manifest::ManifestsError;
use crate::products::ProductsError;
use hub_client::ClientError;
use process::{NotUtf8, ProcessError};
use release_types::{FileName, FileNameError, ProductName};
use signatures::{KeyId, Mismatch, TextError, VerifyError};
use std::io;
use std::path::PathBuf;

/// Why a signature is not good.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// There is none.
    #[error("there is no signature")]
    Missing,
    /// It cannot be read.
    #[error("the signature cannot be read")]
    Unreadable(#[source] io::Error),
    /// Its text is none of a signature.
    #[error("what lies in the place of the signature is none")]
    Text(#[from] TextError),
    /// It is good, and in a form that Tauri's updater does not read.
    #[error("Tauri's updater cannot read the signature: it has to be one line of base64")]
    Form,
    /// The same file has another one in another place.
    #[error("the signature is not the one that {} holds of the same file", .0.display())]
    Another(PathBuf),
    /// It does not hold.
    #[error("the signature does not hold")]
    Broken(#[from] VerifyError),
    /// It holds, and is for something else.
    #[error("the signature is for something else")]
    Other(#[from] Mismatch),
}

/// Why nothing is signed, or what is signed may not be published.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// There is no key to sign with.
    #[error("there is no key to sign with: {KEY_VAR} is not set")]
    NoKey,
    /// A public key is configured, and the key that goes with it is not there.
    #[error(
        "{product} has the public key {key}, so its files have to be signed, and {KEY_VAR} is not set"
    )]
    KeyNeeded {
        /// The product.
        product: ProductName,
        /// The public key that is configured.
        key: KeyId,
    },
    /// A variable is no text.
    #[error(transparent)]
    Env(#[from] NotUtf8),
    /// The file that the variable names cannot be read.
    #[error("{KEY_VAR} names the file {}, which cannot be read", path.display())]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The variable names something else than a file.
    #[error("{KEY_VAR} names {}, which is no regular file", path.display())]
    KeyNoFile {
        /// What is there.
        path: PathBuf,
    },
    /// What the variable holds is no key that can be used, nor the name of a file.
    #[error("{KEY_VAR} cannot be used ({PASSWORD_VAR} belongs to it)")]
    Key(#[source] signatures::SignError),
    /// What the variable holds is no key, and looks like the name of a file that is not there.
    #[error("{KEY_VAR} holds no secret key, and there is no file of this name")]
    NeitherKeyNorFile,
    /// The secret key does not belong to the public key.
    #[error(
        "{KEY_VAR} holds the key {given}, and the public key of {product} is {configured}: nobody would accept its signatures"
    )]
    OtherKey {
        /// The product.
        product: ProductName,
        /// The public key that is configured.
        configured: KeyId,
        /// The key that was given.
        given: KeyId,
    },
    /// What was named as public key is none.
    #[error("--public-key is neither a public key nor a file with one: {0}")]
    PublicKey(String),
    /// A file could not be signed.
    #[error("{} could not be signed", path.display())]
    Sign {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: signatures::SignError,
    },
    /// Files may not be published as they are.
    #[error("{}:\n  {}", claim(list), list.join("\n  "))]
    Unsigned {
        /// Each file and what is wrong, for people.
        list: Vec<String>,
    },
    /// A product is signed, and nobody knows by which key.
    #[error("no public key is known for {product}: {} says none that can be read", folder.display())]
    NoPublicKey {
        /// The product.
        product: ProductName,
        /// Its folder.
        folder: PathBuf,
    },
    /// Where a signature belongs is something else.
    #[error("the signature of {payload} would be written to {}, which {why}", path.display())]
    Taken {
        /// The name of the file that is signed.
        payload: FileName,
        /// Where the manifest says that its signature is.
        path: PathBuf,
        /// What is there.
        why: &'static str,
    },
    /// A signature cannot be called after its file.
    #[error("{payload} cannot be signed, since its signature could not be called after it")]
    SignatureName {
        /// The name of the file.
        payload: FileName,
        /// Why not.
        source: FileNameError,
    },
    /// Another run changes the manifest.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// There is no Tauri.
    #[error("`tauri` was not found, neither in node_modules at or above {} nor on PATH", folder.display())]
    NoTauri {
        /// The launcher's folder.
        folder: PathBuf,
    },
    /// The workspace does not say where the launcher is.
    #[error("--signer tauri needs a product with a folder, and {product} has none")]
    NoFolder {
        /// The product.
        product: ProductName,
    },
    /// Tauri's tool failed.
    #[error("Tauri's tool did not sign {}", path.display())]
    Tauri {
        /// The file.
        path: PathBuf,
        /// How it ended.
        source: ProcessError,
    },
    /// What Tauri's tool has made is not good.
    #[error("what Tauri's tool made of {} is no good signature", path.display())]
    NotGood {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: Fault,
    },
    /// A key pair could not be made.
    #[error("no key pair could be made")]
    Generate(#[source] signatures::SignError),
    /// The file for a key is there already.
    #[error("{} is there already, and a key is written over nothing", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The staged release could not be read or written.
    #[error(transparent)]
    Dist(#[from] DistError),
    /// The manifest could not be read.
    #[error(transparent)]
    Artifacts(#[from] ArtifactError),
    /// The manifest could not be given rows.
    #[error(transparent)]
    Manifests(#[from] ManifestsError),
    /// What the workspace says of signatures could not be read.
    #[error(transparent)]
    Products(#[from] ProductsError),
    /// The Hub could not be asked.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The run was interrupted.
    #[error("interrupted")]
    Interrupted,
    /// A file could not be read or written.
    #[error("cannot use {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

fn claim(list: &[String]) -> String {
    match list.len() {
        1 => "a file is not signed as it has to be".to_owned(),
        number => format!("{number} files are not signed as they have to be"),
    }
}

impl SignError {
    /// What to do about it, where there is something to say.
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::NoKey | Self::KeyNeeded { .. } => format!(
                "set {KEY_VAR} to the secret key, or to the name of its file, and {PASSWORD_VAR} if it has a password; `atlas-release signer generate --output FILE` makes a pair"
            ),
            Self::Key(signatures::SignError::NoPassword) => {
                format!("set {PASSWORD_VAR} to the key's password")
            }
            Self::Key(signatures::SignError::WrongPassword) => format!(
                "{PASSWORD_VAR} has to hold the password that the key was made with; it is taken as it stands there, blanks and a line end at its end included"
            ),
            Self::Key(_) | Self::NeitherKeyNorFile => {
                "it has to be the text of a secret key, as `atlas-release signer generate` or `tauri signer generate` writes it, or the name of a file with it"
                    .to_owned()
            }
            Self::KeyNoFile { .. } => format!(
                "a pipe, such as a shell's <(…), is not read: put the key's text into {KEY_VAR} itself, or the name of a file with it"
            ),
            Self::OtherKey { .. } => "use the secret key of the public key that is configured: programs that are installed trust no other. A new pair has to be shipped, by a release signed with the old one, before it is signed with"
                .to_owned(),
            Self::Unsigned { .. } => "nothing was sent; `atlas-release sign` signs what has no good signature"
                .to_owned(),
            Self::NoPublicKey { .. } => "name it with --public-key, or `public-key` in [workspace.metadata.atlas-release]; of an application's configuration, `plugins.updater.pubkey` in tauri.conf.json or Tauri.toml is read"
                .to_owned(),
            Self::Taken { .. } => "remove what is there, or correct the path in the manifest's row of kind `signature`"
                .to_owned(),
            Self::NoTauri { .. } => {
                "install it there (npm install --save-dev @tauri-apps/cli), or leave --signer tauri out: the native signer makes the same signatures"
                    .to_owned()
            }
            Self::NoFolder { .. } => "say where it is: `folder` in [workspace.metadata.atlas-release.products.<PRODUCT>]"
                .to_owned(),
            Self::Exists { .. } => "programs that trust a key that is lost can never be updated again: name another file with --output; only where a public key lies there without its secret one, as a run that was ended leaves it, and no program has it, remove it and begin anew".to_owned(),
            Self::SignatureName { .. } => "give it a name that is shorter by what `.sig` and `.minisig` add".to_owned(),
            Self::Lock(LockError::Held { .. }) => "wait for it, or end it: of two runs that change one manifest at once, one would take the other's rows out".to_owned(),
            _ => return None,
        };
        Some(text)
    }
}
