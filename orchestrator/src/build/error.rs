//! Why there is no build.

use crate::auditable::ListError;
use crate::dependencies::DependenciesError;
use crate::inspect::{GlibcVersion, InspectError};
use crate::toolchain::ToolchainError;
use build_version::MarkerError;
use process::ProcessError;
use release_types::{Platform, ProductName};
use std::path::PathBuf;
use std::process::ExitStatus;

/// Why there is no build.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// cargo failed; its own words have been shown.
    #[error("cargo could not build the release ({status})")]
    Cargo {
        /// How it ended.
        status: ExitStatus,
    },
    /// cargo could not resolve what the programs are made of; its own words have been shown.
    #[error("cargo could not list the packages of the release ({status})")]
    Tree {
        /// How it ended.
        status: ExitStatus,
    },
    /// It is not known what the programs are made of.
    #[error("what the programs are made of cannot be told")]
    Dependencies(#[from] DependenciesError),
    /// A program cannot be given the list of its packages, or was linked without it.
    #[error("{bin} (product `{product}`) cannot carry the list of its packages")]
    List {
        /// The product.
        product: ProductName,
        /// The binary.
        bin: String,
        /// Why not.
        source: ListError,
    },
    /// A file of this build's own could not be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// There is no room for temporary files.
    #[error(transparent)]
    Temporary(ToolchainError),
    /// cargo could not be run to its end.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// cargo built no such program.
    #[error(
        "cargo reported success, but no executable for the binary `{bin}` of package `{package}`"
    )]
    NoExecutable {
        /// The package.
        package: String,
        /// The binary.
        bin: String,
    },
    /// The version does not stand in the program's file.
    #[error("the version inside {} (product `{product}`) cannot be read", path.display())]
    Marker {
        /// The product.
        product: ProductName,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: MarkerError,
    },
    /// The program does not answer `--version`.
    #[error("{} (product `{product}`) does not tell its version", path.display())]
    NoAnswer {
        /// The product.
        product: ProductName,
        /// The file.
        path: PathBuf,
        /// What happened instead.
        source: ProcessError,
    },
    /// The program carries another version.
    #[error("{} (product `{product}`) is version `{found}`, not {expected}", path.display())]
    WrongVersion {
        /// The product.
        product: ProductName,
        /// The file.
        path: PathBuf,
        /// What it says it is.
        found: String,
        /// What it was to be.
        expected: semver::Version,
    },
    /// The program's file is no program.
    #[error("cannot look into {} (product `{product}`)", path.display())]
    Inspect {
        /// The product.
        product: ProductName,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: InspectError,
    },
    /// The program is for another platform.
    #[error("{} (product `{product}`) is {format} for {machine}, not a program for {expected}", path.display())]
    WrongPlatform {
        /// The product.
        product: ProductName,
        /// The file.
        path: PathBuf,
        /// The format it is in.
        format: String,
        /// The machine it is for.
        machine: String,
        /// What it was to be for.
        expected: Platform,
    },
    /// The linker that was asked for did not link the program.
    #[error("{} (product `{product}`) was not linked by {linker}; its file names {}", path.display(), if tools.is_empty() { "no tool".to_owned() } else { tools.join(", ") })]
    OtherLinker {
        /// The product.
        product: ProductName,
        /// The file.
        path: PathBuf,
        /// The linker that was asked for.
        linker: String,
        /// The tools that have left their names.
        tools: Vec<String>,
    },
    /// The program carries debug information that the profile does not ask for.
    #[error("{} (product `{product}`) holds debug information", path.display())]
    DebugInfo {
        /// The product.
        product: ProductName,
        /// The file.
        path: PathBuf,
    },
    /// The program needs a newer glibc than it may.
    #[error("{} (product `{product}`) needs glibc {found}, and max-glibc allows {bound}: {}", path.display(), crate::plan::shortened(symbols))]
    NewGlibc {
        /// The product.
        product: ProductName,
        /// The file.
        path: PathBuf,
        /// What it needs.
        found: String,
        /// What it may need.
        bound: GlibcVersion,
        /// The symbols that need it.
        symbols: Vec<String>,
    },
    /// The program's file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}
