//! The arguments of `sign` and `signer`.

use super::parse_version;
use crate::sign::Signer;
use clap::{Args, Subcommand, ValueEnum};
use release_types::ProductName;
use std::path::PathBuf;

/// Which key signatures are checked with.
#[derive(Debug, Args)]
pub struct PublicKeyArgs {
    /// The public key that signatures are checked with, or a file with it [default: the workspace's,
    /// else the one that was recorded with the build].
    #[arg(long, value_name = "KEY|FILE")]
    pub public_key: Option<String>,
}

/// What names of files may say.
#[derive(Debug, Clone, Default, Args)]
pub struct NamesArgs {
    /// Take files of a manifest whose names say another version than --version: a launcher's are refused
    /// else. There is a warning for each.
    #[arg(long, requires = "version")]
    pub allow_other_versions: bool,
}

/// Who signs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum SignerKind {
    /// This program.
    #[default]
    Native,
    /// `tauri signer sign`, in the product's folder.
    Tauri,
}

impl From<SignerKind> for Signer {
    fn from(kind: SignerKind) -> Self {
        match kind {
            SignerKind::Native => Self::Native,
            SignerKind::Tauri => Self::Tauri,
        }
    }
}

/// `sign`.
#[derive(Debug, Args)]
pub struct SignCommand {
    /// The tag of a staged release, or a manifest as by --manifest [default: the tag of the job, else
    /// the one release in dist/].
    #[arg(value_name = "TAG|FILE", group = "files")]
    pub tag: Option<String>,
    /// A manifest whose files are signed instead; it gets the signatures' rows.
    #[arg(long, value_name = "FILE", group = "files", conflicts_with = "tag",
        requires_all = ["product", "version"])]
    pub manifest: Option<PathBuf>,
    /// The product of the manifest [default: the name of the file before `.manifest`].
    #[arg(long, requires = "files")]
    pub product: Option<ProductName>,
    /// The version of the manifest's files [default: the staged build's that it lies in].
    #[arg(long, requires = "files", value_parser = parse_version)]
    pub version: Option<semver::Version>,
    /// Where the manifest's relative paths start [default: its own folder].
    #[arg(long, value_name = "DIR", requires = "files")]
    pub base_dir: Option<PathBuf>,
    /// Sign nothing: look whether all is signed as it has to be, as `publish` does by itself.
    #[arg(long, conflicts_with_all = ["signer", "minisig"])]
    pub check: bool,
    /// Give the manifest's files the operating system's own signature first, as the workspace says (see
    /// docs/signing.md); a build's have it already.
    #[arg(long, requires = "files", conflicts_with = "check")]
    pub code: bool,
    /// Who signs.
    #[arg(long, value_enum, default_value_t)]
    pub signer: SignerKind,
    /// Put each signature in minisign's own form beside it too, as <file>.minisig.
    #[arg(long)]
    pub minisig: bool,
    #[command(flatten)]
    pub names: NamesArgs,
    #[command(flatten)]
    pub key: PublicKeyArgs,
}

/// `signer …`.
#[derive(Debug, Subcommand)]
pub enum SignerCommand {
    /// Make a pair of keys; TAURI_SIGNING_PRIVATE_KEY_PASSWORD is the password, if it is set.
    #[command(after_help = "Example:\n  atlas-release signer generate --output atlas.key")]
    Generate {
        /// The new file for the secret key; the public one goes into <FILE>.pub.
        #[arg(long, value_name = "FILE")]
        output: PathBuf,
    },
}
