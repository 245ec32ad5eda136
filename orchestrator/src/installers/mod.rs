//! Installers: what was built becomes packages that a person installs from, before anything is signed.
//!
//! `needs`, `contents` are pure; `extras` runs the program for what it can tell of itself, and `pkg` the
//! one tool that is not part of this program. How a format is written is for the crate `packages` to know.

mod contents;
mod extras;
mod needs;
mod pkg;

pub use extras::Extras;

use crate::build::{Built, BuiltProduct};
use crate::context::World;
use crate::events::Reporter;
use crate::plan::{Plan, PlannedInstaller};
use crate::products::{Format, InstallerSettings, PKGBUILD};
use crate::toolchain::{ToolchainError, scratch};
use packages::{PackageError, sorted_otherwise, write_deb, write_rpm, write_zip};
use process::ProcessError;
use release_types::{FileName, ProductName};
use std::io;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The installers of a platform's products, in a folder that goes with them.
#[derive(Debug, Default)]
pub struct Made {
    files: Vec<(ProductName, FileName, PathBuf)>,
    dirs: Vec<TempDir>,
}

impl Made {
    /// Names and files of a product's installers.
    pub fn of(&self, product: &ProductName) -> impl Iterator<Item = (&FileName, &Path)> {
        let files = self.files.iter().filter(move |(of, ..)| of == product);
        files.map(|(_, filename, path)| (filename, path.as_path()))
    }
}

/// Why there is no installer.
#[derive(Debug, thiserror::Error)]
pub enum InstallerError {
    /// The tool that makes it is not there.
    #[error("`{tool}` was not found on PATH, and product `{product}` has installers that it makes")]
    NoTool {
        /// The tool.
        tool: &'static str,
        /// The product.
        product: ProductName,
    },
    /// The program does not do what is declared of it.
    #[error("{} (product `{product}`) gives no {what}", program.display())]
    Extra {
        /// The product.
        product: ProductName,
        /// The program.
        program: PathBuf,
        /// What was asked for.
        what: String,
        /// What happened instead.
        source: ProcessError,
    },
    /// The program has answered with nothing, or with something that is not what it was asked for.
    #[error("{} (product `{product}`) gives no {what}: {why}", program.display())]
    Unfit {
        /// The product.
        product: ProductName,
        /// The program.
        program: PathBuf,
        /// What was asked for.
        what: String,
        /// What is wrong with the answer.
        why: String,
    },
    /// The tool that makes it has failed, or was interrupted.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// A folder or file on the way to it cannot be used.
    #[error("cannot use {}", path.display())]
    Io {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is no room for temporary files.
    #[error(transparent)]
    Temporary(#[from] ToolchainError),
    /// It cannot be written.
    #[error("product `{product}` has no installer {filename}")]
    Package {
        /// The product.
        product: ProductName,
        /// The installer.
        filename: FileName,
        /// Why not.
        source: PackageError,
    },
}

/// Makes sure that what makes the installers of these plans is there, before anything is built.
///
/// # Errors
/// What is missing.
pub fn check_tools(world: &World, plans: &[Plan]) -> Result<(), InstallerError> {
    let products = plans.iter().flat_map(|plan| &plan.products);
    let mut made_elsewhere = products.filter(|product| {
        let mut installers = product.installers.iter();
        installers.any(|installer| installer.format == Format::Pkg)
    });
    match made_elsewhere.next() {
        Some(product) if world.find_program(PKGBUILD).is_none() => Err(InstallerError::NoTool {
            tool: PKGBUILD,
            product: product.product.clone(),
        }),
        _ => Ok(()),
    }
}

/// Of a version that packages for Linux sort otherwise than releases, what a person should know of it.
pub fn doubt(plans: &[Plan]) -> Option<String> {
    let is_sorted = |format| matches!(format, Format::Deb | Format::Rpm);
    let mut plans = plans.iter().filter(|plan| {
        let products = plan.products.iter();
        let mut installers = products.flat_map(|product| &product.installers);
        installers.any(|installer| is_sorted(installer.format))
    });
    let version = &plans.next()?.version;
    let part = sorted_otherwise(version)?;
    Some(format!(
        "dpkg and rpm sort `{part}` of {version} by its number, releases letter by letter: number pre-releases behind a dot, as in `-rc.10`"
    ))
}

/// Makes the installers of a plan.
///
/// # Errors
/// When the program does not do what is declared of it, a tool fails, or something cannot be written.
pub async fn make(
    world: &World,
    plan: &Plan,
    built: &Built,
    reporter: &dyn Reporter,
) -> Result<Made, InstallerError> {
    let mut made = Made::default();
    for product in &built.products {
        let planned = &product.planned;
        let Some(settings) = &planned.installer else {
            continue;
        };
        if planned.installers.is_empty() {
            continue;
        }
        let names = planned.installers.iter().map(|one| one.filename.as_str());
        let names: Vec<&str> = names.collect();
        reporter.stage("packaging", names.join(", "));
        let extras = extras::ask(world, plan, product, settings, reporter).await?;
        let dir = scratch(world)?;
        let work = Work {
            world,
            plan,
            product,
            settings,
            extras: &extras,
        };
        for installer in &planned.installers {
            let path = work.one(installer, dir.path(), reporter).await?;
            let of = planned.product.clone();
            made.files.push((of, installer.filename.clone(), path));
        }
        made.dirs.push(dir);
    }
    Ok(made)
}

/// What the installers of one product are made from.
struct Work<'a> {
    world: &'a World,
    plan: &'a Plan,
    product: &'a BuiltProduct,
    settings: &'a InstallerSettings,
    extras: &'a Extras,
}

impl Work<'_> {
    async fn one(
        &self,
        installer: &PlannedInstaller,
        dir: &Path,
        reporter: &dyn Reporter,
    ) -> Result<PathBuf, InstallerError> {
        let Self {
            plan,
            product,
            settings,
            ..
        } = self;
        let format = installer.format;
        let out = dir.join(installer.filename.as_str());
        let files = contents::files(
            format,
            settings,
            (&product.planned.bin, &product.executable),
            &plan.version,
            self.extras,
        );
        let failed = |source| InstallerError::Package {
            product: product.planned.product.clone(),
            filename: installer.filename.clone(),
            source,
        };
        let files = files.map_err(|source| InstallerError::Io {
            path: out.clone(),
            source,
        })?;
        // Packages know no time before 1970 and none after 2106.
        let modified = u32::try_from(plan.commit_time.max(0)).unwrap_or(u32::MAX);
        let needs = needs::of(format, &product.inspection);
        if !needs.unknown.is_empty() && settings.depends(format).is_empty() {
            reporter.warn(format!(
                "{} says nothing of {}, which {} needs: name the packages under `depends`",
                installer.filename,
                needs.unknown.join(", "),
                product.planned.bin
            ));
        }
        let arch = plan.platform.arch;
        let mut package = settings.package(format, &plan.version, arch, needs.known, modified);
        package.files = files;
        if format == Format::Pkg {
            let made = pkg::make(self.world, &package, &settings.identifier, &out);
            made.await.map_err(|error| match error {
                pkg::PkgError::Process(error) => error.into(),
                pkg::PkgError::Package(source) => failed(source),
                pkg::PkgError::Temporary(error) => error.into(),
            })?;
            return Ok(out);
        }
        let path = out.clone();
        // Compressing may take a while, and an interruption is not to wait for it.
        let task = tokio::task::spawn_blocking(move || match format {
            Format::Deb => write_deb(&package, &path),
            Format::Rpm => write_rpm(&package, &path),
            Format::Pkg | Format::Zip => write_zip(&package.files, package.modified, &path),
        });
        tokio::select! {
            outcome = task => match outcome {
                Ok(outcome) => outcome.map_err(failed)?,
                // It is never cancelled, so it can only have panicked.
                Err(panic) => std::panic::resume_unwind(panic.into_panic()),
            },
            () = self.world.runner.cancellation().cancelled() => {
                let command = format!("packing {}", installer.filename);
                return Err(ProcessError::Interrupted { command }.into());
            }
        }
        Ok(out)
    }
}
