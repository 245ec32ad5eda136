//! `manifest`.

use super::Format;
use crate::manifest::NamedArch;
use clap::{Args, Subcommand};
use release_types::{Platform, ProductName};
use std::path::PathBuf;

/// `manifest …`.
#[derive(Debug, Subcommand)]
pub enum ManifestCommand {
    /// Build one from what lies in folders, by the files' names; on standard output, or into a file.
    #[command(
        after_help = "Examples:\n  atlas-release manifest build --product launcher --from target/release/bundle --output launcher.manifest\n  \
        atlas-release manifest build --product cli --from out --require linux-x64,windows-x64 > cli.manifest\n  \
        atlas-release manifest build --product launcher --from bundle --arch 'macos/Atlas.app.tar.gz=arm64'"
    )]
    Build(ManifestBuild),
    /// Say everything that is wrong with one, by line and column, its files included.
    #[command(after_help = "Example:\n  atlas-release manifest check cli.manifest")]
    Check(ManifestCheck),
    /// Show the rows of one; no file that it names is looked at.
    #[command(after_help = "Example:\n  atlas-release manifest show cli.manifest --format json")]
    Show(ManifestShow),
}

/// `manifest build`.
#[derive(Debug, Args)]
pub struct ManifestBuild {
    /// The product that the files are of: launcher (Tauri's bundles), cli (programs and installers), or
    /// another, whose one program is released.
    #[arg(long)]
    pub product: ProductName,
    /// Where they are: folders with all that is below them, or single files.
    #[arg(long, value_name = "DIR", required = true, num_args = 1..)]
    pub from: Vec<PathBuf>,
    /// A file to write it into; what was there before is replaced as a whole.
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Where its paths start [default: the folder of --output, else this one].
    #[arg(long, value_name = "DIR")]
    pub base_dir: Option<PathBuf>,
    /// What a file is for whose name does not say it: x64, arm64, or universal on macOS. May be given
    /// several times.
    #[arg(long, value_name = "FILE=ARCH", value_parser = parse_named)]
    pub arch: Vec<NamedArch>,
    /// The platforms that have to be complete: linux-x64,macos-arm64 [default: those that any file is
    /// for].
    #[arg(long, value_name = "PLATFORM", value_delimiter = ',')]
    pub require: Vec<Platform>,
    /// What the product's program is called [default: what the workspace says].
    #[arg(long, value_name = "NAME")]
    pub bin: Option<String>,
}

/// `manifest check`.
#[derive(Debug, Args)]
pub struct ManifestCheck {
    /// The manifest.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Where its relative paths start [default: its own folder].
    #[arg(long, value_name = "DIR")]
    pub base_dir: Option<PathBuf>,
}

/// `manifest show`.
#[derive(Debug, Args)]
pub struct ManifestShow {
    /// The manifest.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// A table for people, or one JSON object for programs.
    #[arg(long, default_value = "table", value_parser = Format::of(&["table", "json"]))]
    pub format: Format,
}

fn parse_named(text: &str) -> Result<NamedArch, String> {
    let (file, machines) = match text.rsplit_once('=') {
        Some((file, machines)) if !file.is_empty() => (file, machines),
        _ => return Err("expected a file, `=` and an architecture".to_owned()),
    };
    let machines = machines.parse();
    Ok(NamedArch {
        file: file.to_owned(),
        machines: machines.map_err(|error: release_types::UnknownName| error.to_string())?,
    })
}
