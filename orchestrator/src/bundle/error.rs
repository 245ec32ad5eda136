//! Why there are no bundles.

use crate::manifest::ManifestsError;
use process::ProcessError;
use release_types::{FileName, FileNameError, ObjectKeyError, Platform, ProductName};
use std::path::PathBuf;
use std::process::ExitStatus;

/// Why there are no bundles.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// Nobody says how the product is made.
    #[error("it is not known how `{product}` is made: {} has no tauri.conf.json", folder.display())]
    NoCommand {
        /// The product.
        product: ProductName,
        /// Its folder.
        folder: PathBuf,
    },
    /// Tauri's tool is nowhere.
    #[error("Tauri's tool, which makes `{product}`, is neither in node_modules at or above {} nor on PATH", folder.display())]
    NoTauri {
        /// The product.
        product: ProductName,
        /// Its folder.
        folder: PathBuf,
    },
    /// The program of the bundle command is nowhere.
    #[error("`{program}`, which makes `{product}`, is neither in node_modules at or above {} nor on PATH", folder.display())]
    NoProgram {
        /// The product.
        product: ProductName,
        /// Its folder.
        folder: PathBuf,
        /// The program.
        program: String,
    },
    /// A path that has to travel as text is none.
    #[error("{} is not valid UTF-8", .0.display())]
    Path(PathBuf),
    /// The product's name makes no file name.
    #[error("product `{product}` cannot be published")]
    Name {
        /// The product.
        product: ProductName,
        /// Why not.
        source: FileNameError,
    },
    /// The parts make no key.
    #[error("product `{product}` cannot be stored")]
    Key {
        /// The product.
        product: ProductName,
        /// Why not.
        source: ObjectKeyError,
    },
    /// The command could not be run to its end.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// The command failed; its own words have been shown.
    #[error("the bundle command of `{product}` failed ({status})")]
    Failed {
        /// The product.
        product: ProductName,
        /// How it ended.
        status: ExitStatus,
    },
    /// The command has written nothing that is released.
    #[error("the bundle command of `{product}` reported success, and has written no bundle below {}", folders.iter().map(|dir| dir.display().to_string()).collect::<Vec<_>>().join(", "))]
    Nothing {
        /// The product.
        product: ProductName,
        /// Where bundles were looked for.
        folders: Vec<PathBuf>,
    },
    /// A bundle says that it is of another version.
    #[error("{} (product `{product}`) is by its name of version {found}, not {expected}", path.display())]
    OtherVersion {
        /// The product.
        product: ProductName,
        /// The bundle.
        path: PathBuf,
        /// What its name says.
        found: String,
        /// What it was to be.
        expected: semver::Version,
    },
    /// It is not known whether a bundle is this run's.
    #[error("{} (product `{product}`) has another time than before and the same bytes, while others were written: nobody can tell whether it is of this run", path.display())]
    Unsure {
        /// The product.
        product: ProductName,
        /// The bundle.
        path: PathBuf,
    },
    /// A bundle is for another platform.
    #[error("{} (product `{product}`) is for {found}, not for {expected}", path.display())]
    OtherPlatform {
        /// The product.
        product: ProductName,
        /// The bundle.
        path: PathBuf,
        /// What it is for.
        found: Platform,
        /// What it was to be for.
        expected: Platform,
    },
    /// Two products have a file of one name.
    #[error("`{}` and `{}` both have a file `{name}` for {platform}, and they lie in one folder", products[0], products[1])]
    SameName {
        /// The file's name.
        name: FileName,
        /// What it is for.
        platform: Platform,
        /// The products.
        products: [ProductName; 2],
    },
    /// The bundles make no manifest.
    #[error(transparent)]
    Manifest(ManifestsError),
    /// A folder of bundles cannot be looked into.
    #[error("cannot look into {}", path.display())]
    Read {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl BundleError {
    /// What to do about it, where there is something to say.
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::NoCommand { product, .. } => {
                return Some(format!(
                    "name the command with `bundle` in [workspace.metadata.atlas-release.products.{product}]"
                ));
            }
            Self::NoTauri { .. } => {
                "npm install brings a tool that package.json names; else: npm install --save-dev @tauri-apps/cli, or cargo install --locked tauri-cli"
            }
            Self::NoProgram { .. } => {
                "install it, or name another command with `bundle`; npm install brings what package.json names"
            }
            Self::Nothing { .. } => {
                "bundles are looked for in release/bundle of target folders: `bundle.active` and `bundle.targets` of tauri.conf.json say which are made"
            }
            Self::OtherVersion { .. } => {
                "the version is given with --config, as the last arguments or in the place of `{config}`: the command has to pass it on to Tauri's tool"
            }
            Self::Unsure { .. } => {
                "remove it and build again: what the command writes is there afterwards"
            }
            Self::SameName { .. } => {
                "`productName` of tauri.conf.json says what bundles are called"
            }
            Self::Failed { .. } => {
                "what it said stands above; it sees few variables of this run, and `pass-env` in [workspace.metadata.atlas-release] names more"
            }
            Self::Path(_)
            | Self::Name { .. }
            | Self::Key { .. }
            | Self::Process(_)
            | Self::OtherPlatform { .. }
            | Self::Manifest(_)
            | Self::Read { .. } => return None,
        };
        Some(text.to_owned())
    }
}
