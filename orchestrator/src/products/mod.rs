//! What a workspace releases: products and groups, declared in `[package.metadata.atlas-release]`, or in
//! `[workspace.metadata.atlas-release.products]` where they are no packages, and read through `cargo metadata`.

mod channels;
mod code_signing;
mod declared;
mod documents;
mod groups;
mod installer;
mod signing;
mod tools;
mod workflows;

pub use channels::PreReleases;
pub use code_signing::{CodeSignSettings, MacosSign, WindowsSign};
pub use declared::{CONFIG_PLACE, Declared};
pub use documents::{DocumentSettings, documents, is_beginning, packages};
pub use installer::{DIR, Format, INSTALLER_TABLE, InstallerSettings, SHELL};
pub use signing::{SigningSettings, TAURI_CONFIGS, signing, tauri_public_key};
pub use tools::{Install, PKGBUILD, ProductTool, ProductTools, TOOLS_TABLE};
pub use workflows::{WorkflowSettings, is_plain_path};

use self::groups::Groups;
use crate::context::World;
use crate::inspect::GlibcVersion;
use crate::rustup::{self, NoToolchain};
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};
use process::{AllowList, ProcessError};
use release_types::{Platform, ProductName};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The section's name in `[package.metadata]` and `[workspace.metadata]`.
const SECTION: &str = "atlas-release";

/// How long `cargo metadata` may take; without dependencies it reads manifests alone.
const METADATA_LIMIT: Duration = Duration::from_secs(60);

/// A product: what the Hub calls it and which program it is.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Product {
    /// Its name on the Hub.
    pub product: ProductName,
    /// The group whose tags release it.
    pub group: String,
    /// The binary target that is built.
    pub bin: String,
    /// The cargo package the binary belongs to.
    pub package: String,
    /// All binaries of that package.
    #[serde(skip)]
    pub all_bins: Vec<String>,
    /// Further tools that it needs.
    #[serde(skip)]
    pub tools: ProductTools,
    /// What its installers are, when it has some.
    #[serde(skip)]
    pub installer: Option<InstallerSettings>,
}

/// The workspace and what it releases.
#[derive(Debug, Clone)]
pub struct Workspace {
    /// The workspace's folder.
    pub root: PathBuf,
    /// Cargo's target directory, as cargo itself resolves it.
    pub target_dir: PathBuf,
    /// Where cargo puts what is neither program nor library, when it is told apart.
    pub build_dir: Option<PathBuf>,
    /// All products, by name.
    pub products: Vec<Product>,
    /// The folders of packages that its own ones depend on by path, for builds.
    pub path_dependencies: Vec<PathBuf>,
    /// Further variables that a build may see: names, and beginnings of names written `NAME*`.
    pub pass_env: Vec<String>,
    /// The newest glibc that programs for Linux may need, when there is a bound.
    pub max_glibc: Option<GlibcVersion>,
    /// Whether programs hold the list of their packages.
    pub auditable: bool,
    /// The platforms without which nothing of a release is to be seen; none where each counts alone.
    pub require: Vec<Platform>,
    /// The channels of pre-releases whose names say none.
    pub pre_releases: PreReleases,
    /// The group whose releases may be GitHub's latest, where there are several groups.
    pub github_latest: Option<String>,
    /// What it says of signatures.
    pub signing: SigningSettings,
    /// What it says of the documents that go with programs.
    pub documents: DocumentSettings,
    /// What it says of the workflows that release it.
    pub workflows: WorkflowSettings,
}

impl Workspace {
    /// The products of a group that are packages, by name.
    pub fn group(&self, group: &str) -> Vec<Product> {
        self.products
            .iter()
            .filter(|p| p.group == group)
            .cloned()
            .collect()
    }
}

/// Why the workspace's products could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ProductsError {
    /// There is no cargo.
    #[error("`cargo` was not found on PATH")]
    NoCargo,
    /// The Rust toolchain that this folder asks for is not there.
    #[error(transparent)]
    NoToolchain(#[from] NoToolchain),
    /// There is no workspace here, or cargo cannot read it.
    #[error("`cargo metadata` could not read the workspace at {}", dir.display())]
    Metadata {
        /// The folder it was run in.
        dir: PathBuf,
        /// What cargo said.
        source: ProcessError,
    },
    /// Cargo's answer is not what this program knows.
    #[error("the answer of `cargo metadata` was not understood")]
    Answer(#[source] cargo_metadata::Error),
    /// A package's section cannot be used.
    #[error("package `{package}` ({}): [{table}]: {why}", manifest.display())]
    Section {
        /// The package.
        package: String,
        /// Its `Cargo.toml`.
        manifest: PathBuf,
        /// The table in it.
        table: &'static str,
        /// What is wrong.
        why: String,
    },
    /// The workspace's section cannot be used.
    #[error("{}: [workspace.metadata.atlas-release]: {why}", manifest.display())]
    WorkspaceSection {
        /// The workspace's `Cargo.toml`.
        manifest: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// A `Cargo.toml` at or above the folder cannot be read, so nobody knows what the workspace says.
    #[error("cannot read {}", manifest.display())]
    Manifest {
        /// The file.
        manifest: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// Two packages declare one product.
    #[error("packages `{first}` and `{second}` both declare the product `{product}`")]
    Twice {
        /// The product.
        product: ProductName,
        /// One package.
        first: String,
        /// The other.
        second: String,
    },
    /// Nobody declares a product.
    #[error("no package of the workspace at {} declares a product", root.display())]
    Nothing {
        /// The workspace.
        root: PathBuf,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PackageSection {
    product: ProductName,
    group: ProductName,
    bin: String,
    /// Read on its own, so that an error names its table.
    tools: Option<Value>,
    /// The same.
    installer: Option<Value>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct WorkspaceSection {
    #[serde(default)]
    pass_env: Vec<String>,
    max_glibc: Option<GlibcVersion>,
    auditable: Option<bool>,
    #[serde(default, deserialize_with = "platforms")]
    require: Vec<Platform>,
    #[serde(default)]
    channels: PreReleases,
    github_latest: Option<ProductName>,
    provenance: Option<bool>,
    sbom: Option<bool>,
    builder: Option<String>,
    /// As text, so that an error names the setting.
    public_key: Option<String>,
    #[serde(default)]
    minisig: bool,
    #[serde(default)]
    products: BTreeMap<ProductName, declared::ProductSection>,
    windows_sign: Option<WindowsSign>,
    macos_sign: Option<MacosSign>,
    /// Read on its own, so that an error names its table.
    workflows: Option<Value>,
}

/// Platforms by their names.
fn platforms<'de, D: Deserializer<'de>>(names: D) -> Result<Vec<Platform>, D::Error> {
    let names = Vec::<String>::deserialize(names)?;
    let platforms = names.iter().map(|name| name.parse());
    platforms
        .collect::<Result<_, _>>()
        .map_err(serde::de::Error::custom)
}

/// Reads the workspace that `world.cwd` belongs to.
///
/// # Errors
/// When there is no cargo or no workspace, or a declaration cannot be used.
pub async fn read(world: &World) -> Result<Workspace, ProductsError> {
    from_metadata(&metadata(world).await?)
}

/// The folder of the workspace that `world.cwd` belongs to, whatever it releases.
///
/// # Errors
/// When there is no cargo or no workspace.
pub async fn root(world: &World) -> Result<PathBuf, ProductsError> {
    Ok(metadata(world).await?.workspace_root.into_std_path_buf())
}

async fn metadata(world: &World) -> Result<Metadata, ProductsError> {
    let cargo = world.find_program("cargo").ok_or(ProductsError::NoCargo)?;
    let command = rustup::asked(world.command(cargo, &AllowList::base().build()))
        .args(["metadata", "--format-version", "1", "--no-deps"])
        .cwd(&world.cwd);
    let output = world
        .runner
        .success(&command, METADATA_LIMIT)
        .await
        .map_err(|source| match NoToolchain::of(&source) {
            Some(none) => none.into(),
            None => ProductsError::Metadata {
                dir: world.cwd.clone(),
                source,
            },
        })?;
    let text = String::from_utf8_lossy(&output.stdout);
    MetadataCommand::parse(text).map_err(ProductsError::Answer)
}

/// The products that cargo's metadata declares.
///
/// # Errors
/// When a declaration cannot be used; the error names the package.
pub fn from_metadata(metadata: &Metadata) -> Result<Workspace, ProductsError> {
    let root = metadata.workspace_root.clone().into_std_path_buf();
    let mut products: BTreeMap<ProductName, Product> = BTreeMap::new();
    for package in metadata.workspace_packages() {
        let Some(product) = product_of(package)? else {
            continue;
        };
        if let Some(first) = products.get(&product.product) {
            return Err(ProductsError::Twice {
                product: product.product,
                first: first.package.clone(),
                second: product.package,
            });
        }
        products.insert(product.product.clone(), product);
    }
    let mut section = workspace_section(metadata)?;
    let signing = SigningSettings::of(&mut section, &root)?;
    let documents =
        DocumentSettings::of(&section).map_err(|why| ProductsError::WorkspaceSection {
            manifest: root.join("Cargo.toml"),
            why,
        })?;
    if products.is_empty() && signing.products.is_empty() {
        return Err(ProductsError::Nothing { root });
    }
    let fail = |setting: &str, why: String| ProductsError::WorkspaceSection {
        manifest: root.join("Cargo.toml"),
        why: format!("{setting}: {why}"),
    };
    let groups = Groups::of(products.values(), &signing);
    let workflows = WorkflowSettings::parse(section.workflows, &groups);
    let workflows = workflows.map_err(|why| fail("`workflows`", why))?;
    if let Some(group) = &section.github_latest {
        let known = groups.known(group.as_str());
        known.map_err(|why| fail("`github-latest`", why))?;
    }
    let products: Vec<Product> = products.into_values().collect();
    let workspace = Workspace {
        signing,
        documents,
        workflows,
        build_dir: metadata.build_directory.clone().map(Into::into),
        target_dir: metadata.target_directory.clone().into_std_path_buf(),
        path_dependencies: path_dependencies(metadata),
        root,
        products,
        pass_env: section.pass_env,
        max_glibc: section.max_glibc,
        auditable: section.auditable.unwrap_or(true),
        require: section.require,
        pre_releases: section.channels,
        github_latest: section.github_latest.map(|group| group.to_string()),
    };
    workspace.check_declared()?;
    Ok(workspace)
}

/// What `[workspace.metadata.atlas-release]` says.
fn workspace_section(metadata: &Metadata) -> Result<WorkspaceSection, ProductsError> {
    let Some(value) = metadata.workspace_metadata.get(SECTION).cloned() else {
        return Ok(WorkspaceSection::default());
    };
    serde_json::from_value(value).map_err(|error| ProductsError::WorkspaceSection {
        manifest: metadata.workspace_root.join("Cargo.toml").into(),
        why: error.to_string(),
    })
}

fn path_dependencies(metadata: &Metadata) -> Vec<PathBuf> {
    let packages = metadata.workspace_packages().into_iter();
    let dependencies = packages.flat_map(|package| &package.dependencies);
    let built = dependencies.filter(|one| one.kind != DependencyKind::Development);
    let folders: BTreeSet<PathBuf> = built
        .filter_map(|one| one.path.clone().map(Into::into))
        .collect();
    folders.into_iter().collect()
}

fn product_of(package: &Package) -> Result<Option<Product>, ProductsError> {
    let Some(value) = package.metadata.get(SECTION) else {
        return Ok(None);
    };
    let fail_in = |table, why| ProductsError::Section {
        package: package.name.to_string(),
        manifest: Path::new(package.manifest_path.as_str()).to_owned(),
        table,
        why,
    };
    let fail = |why| fail_in("package.metadata.atlas-release", why);
    let section: PackageSection =
        serde_json::from_value(value.clone()).map_err(|error| fail(error.to_string()))?;
    let tools = section.tools.map(ProductTools::parse).transpose();
    let mut tools = tools
        .map_err(|why| fail_in(TOOLS_TABLE, why))?
        .unwrap_or_default();
    let bins: Vec<&str> = package
        .targets
        .iter()
        .filter(|target| target.is_bin())
        .map(|target| target.name.as_str())
        .collect();
    if !bins.contains(&section.bin.as_str()) {
        let known = if bins.is_empty() {
            "it has none".to_owned()
        } else {
            format!("it has: {}", bins.join(", "))
        };
        return Err(fail(format!(
            "the package has no binary `{}`; {known}",
            section.bin
        )));
    }
    let installer = section
        .installer
        .map(|value| InstallerSettings::parse(value, package, &section.bin))
        .transpose()
        .map_err(|why| fail_in(INSTALLER_TABLE, why))?;
    if let Some(installer) = &installer {
        tools.add_makers_of(&installer.formats);
    }
    Ok(Some(Product {
        product: section.product,
        group: section.group.to_string(),
        bin: section.bin,
        package: package.name.to_string(),
        all_bins: bins.into_iter().map(str::to_owned).collect(),
        tools,
        installer,
    }))
}

#[cfg(test)]
mod tests;
