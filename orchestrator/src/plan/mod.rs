//! The plan: everything a release will do, worked out from facts without doing any of it.

mod bins;
mod calls;
mod products;
mod remap;
mod show;
mod signing;
mod tools;

pub use products::{PlannedDocument, PlannedInstaller, PlannedProduct};
pub use signing::{PlannedSignature, PlannedSigning};

use crate::inspect::GlibcVersion;
use crate::products::{SigningSettings, Workspace};
use crate::select::Selected;
use crate::settings::{BuildSettings, HubChoice};
use crate::shim::{self, Policy};
use crate::text::told;
use crate::toolchain::{
    BuildEnv, CommonEnv, Found, Installers, Tool, build_environment, tried_linker,
};
use bins::check_bins;
use calls::calls;
use packages::PackageError;
use products::planned_product;
use release_types::{Channel, FileNameError, ObjectKeyError, Os, Platform, ProductName};
use remap::remap;
use serde::Serialize;
use signing::planned_signing;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tools::{planned_sccache, tools};

/// The version of the document's form.
const FORMAT: u32 = 1;

/// One tool and what is done about it.
#[derive(Debug, Clone, Serialize)]
pub struct PlannedTool {
    /// Its name.
    pub name: &'static str,
    /// Where it is.
    pub path: Option<PathBuf>,
    /// The commands that would install it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub install: Vec<String>,
    /// What is not as it should be, if anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<&'static str>,
}

/// One call to the Hub.
#[derive(Debug, Clone, Serialize)]
pub struct PlannedCall {
    /// The method.
    pub method: &'static str,
    /// The path, or what stands for an address that only the Hub knows.
    pub path: String,
    /// What for.
    pub purpose: &'static str,
}

/// Everything a release will do.
#[derive(Debug, Clone, Serialize)]
pub struct Plan {
    /// The version of this document's form.
    pub format: u32,
    /// The tag.
    pub tag: String,
    /// The group it names.
    pub group: String,
    /// The version it names.
    pub version: semver::Version,
    /// The channel.
    pub channel: Channel,
    /// The commit that is built.
    pub commit: String,
    /// When it was committed, in seconds since 1970.
    pub commit_time: i64,
    /// Files that differ from the commit, where that was allowed.
    pub dirty: Vec<String>,
    /// The target triple.
    pub target: &'static str,
    /// The platform.
    pub platform: Platform,
    /// The products of the group.
    pub products: Vec<PlannedProduct>,
    /// rustc's version.
    pub rustc: String,
    /// The tools.
    pub tools: Vec<PlannedTool>,
    /// What the build's environment gets over the allow-list.
    pub environment: BTreeMap<&'static str, String>,
    /// Flags the shim adds for the target.
    pub rustc_flags: Vec<String>,
    /// The one cargo command.
    pub command: Vec<String>,
    /// The folder the result is staged into.
    pub staging: PathBuf,
    /// The platforms without which nothing of the release is shown, as the workspace says.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub require: Vec<Platform>,
    /// The Hub's address, or `local`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hub: Option<String>,
    /// What signing adds.
    pub signing: PlannedSigning,
    /// The calls to the Hub, in order, when nothing of the release is there yet.
    pub calls: Vec<PlannedCall>,
    /// What the shim does.
    #[serde(skip)]
    pub policy: Policy,
    /// Cargo's target directory.
    #[serde(skip)]
    pub target_dir: PathBuf,
    /// The workspace's folder.
    #[serde(skip)]
    pub root: PathBuf,
    /// Further variables that the build may see.
    #[serde(skip)]
    pub pass_env: Vec<String>,
    /// cargo's own folder.
    #[serde(skip)]
    pub cargo_home: PathBuf,
    /// The newest glibc that the programs may need, when there is a bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_glibc: Option<GlibcVersion>,
    /// The number of the public key that files have to be signed for, where the workspace names one.
    #[serde(skip_serializing_if = "SigningSettings::is_keyless")]
    pub signed_by: SigningSettings,
}

/// Why there can be no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// A binary's name makes no file name.
    #[error("product `{product}` cannot be published")]
    FileName {
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
    /// Cargo would write two programs of the group to one file.
    #[error(
        "packages `{first}` and `{second}` both have a binary `{bin}`, and a build of group `{group}` would keep only one of them"
    )]
    SameBin {
        /// The group.
        group: String,
        /// The binary.
        bin: String,
        /// The package whose program is released.
        first: String,
        /// The other.
        second: String,
    },
    /// An installer's format cannot hold the version.
    #[error("product `{product}` can have no package for Linux in this version")]
    Package {
        /// The product.
        product: ProductName,
        /// Why not.
        source: PackageError,
    },
    /// A path that has to travel as text is none.
    #[error("{} is not valid UTF-8", .0.display())]
    Path(PathBuf),
}

/// What a plan is made from.
#[derive(Debug)]
pub struct Facts<'a> {
    /// The machine.
    pub host: Platform,
    /// The workspace.
    pub workspace: &'a Workspace,
    /// The folder of the repository that the workspace is in.
    pub repository: &'a Path,
    /// The release.
    pub selected: &'a Selected,
    /// The tools that are there.
    pub found: &'a Found,
    /// What this machine could install with.
    pub installers: &'a Installers,
    /// How to build.
    pub build: &'a BuildSettings,
    /// Where to stage.
    pub dist_dir: &'a Path,
    /// Where state is kept.
    pub state_dir: &'a Path,
    /// cargo's own folder, whose paths are remapped.
    pub cargo_home: &'a Path,
    /// Whether this is a job of GitHub Actions without another shared cache.
    pub github_cache: bool,
    /// Whether somebody has said already how much debug information a release has.
    pub debug_is_said: bool,
    /// Which Hub, when one is known.
    pub hub: Option<&'a HubChoice>,
    /// Whether the run ends with the build or goes on to the Hub.
    pub publishes: bool,
    /// Whether there is a secret key to sign with.
    pub has_key: bool,
}

/// Makes the plan.
///
/// # Errors
/// When a name or path cannot be used.
pub fn plan(facts: &Facts<'_>) -> Result<Plan, PlanError> {
    let Selected {
        tag,
        channel,
        commit,
        commit_time,
        dirty,
        seen: _,
        note: _,
    } = facts.selected;
    let platform = facts.build.target;
    let products = facts.workspace.group(&tag.group);
    check_bins(&tag.group, &products)?;
    let products = products
        .into_iter()
        .map(|product| {
            let documents = Some(&facts.workspace.documents).filter(|_| facts.build.documents);
            let with = (facts.build.installers, documents);
            planned_product(product, tag, platform, with)
        })
        .collect::<Result<Vec<_>, _>>()?;
    let target_dir = facts
        .build
        .target_dir
        .clone()
        .unwrap_or_else(|| facts.workspace.target_dir.clone());
    let policy = policy(facts, &target_dir);
    let shim = text(&shim::path_in(&facts.state_dir.join("shim"), facts.host))?;
    let sccache = planned_sccache(facts);
    let environment = build_environment(&BuildEnv {
        host: facts.host,
        version: &tag.version,
        commit,
        commit_time: *commit_time,
        shim: &shim,
        common: CommonEnv {
            debug_is_said: facts.debug_is_said,
            sccache: sccache.as_deref().map(text).transpose()?.as_deref(),
            github_cache: facts.github_cache,
        },
    });
    let with = (facts.has_key, facts.workspace.signing.minisig);
    let signing = planned_signing(&products, (tag, platform), with)?;
    let calls = if facts.publishes {
        calls((&products, &signing), tag, platform, *channel)
    } else {
        Vec::new()
    };
    Ok(Plan {
        format: FORMAT,
        tag: tag.to_string(),
        group: tag.group.clone(),
        version: tag.version.clone(),
        channel: *channel,
        commit: commit.clone(),
        commit_time: *commit_time,
        dirty: dirty.clone(),
        target: platform.target_triple(),
        platform,
        rustc: facts.found.rustc.version().to_owned(),
        tools: tools(facts, tried_linker(facts.host, &policy)),
        environment,
        rustc_flags: policy
            .flags()
            .iter()
            .map(|f| f.to_string_lossy().into_owned())
            .collect(),
        command: command(facts, &products, platform, &target_dir)?,
        staging: release_dir(facts.dist_dir, tag).join(platform.to_string()),
        hub: facts.hub.map(|hub| match hub {
            HubChoice::Local => "local".to_owned(),
            HubChoice::Remote(url) => url.to_string(),
        }),
        require: facts.workspace.require.clone(),
        signing,
        calls,
        products,
        policy,
        target_dir,
        root: facts.workspace.root.clone(),
        pass_env: facts.workspace.pass_env.clone(),
        cargo_home: facts.cargo_home.to_owned(),
        max_glibc: facts.workspace.max_glibc.clone(),
        signed_by: facts.workspace.signing.clone(),
    })
}

/// The folder of a release in `dist/`.
pub fn release_dir(dist_dir: &Path, tag: &release_types::Tag) -> PathBuf {
    dist_dir.join(format!("{}-{}", tag.group, tag.version))
}

/// What the shim does: mold where target and host are Linux, and names for the folders that would
/// otherwise stand in the programs.
fn policy(facts: &Facts<'_>, target_dir: &Path) -> Policy {
    let target = facts.build.target;
    let mold = facts.build.wanted.mold && target.os == Os::Linux && facts.host.os == Os::Linux;
    let remap = remap(
        &facts.workspace.root,
        facts.repository,
        target_dir,
        facts
            .workspace
            .build_dir
            .as_deref()
            .filter(|dir| *dir != facts.workspace.target_dir),
        facts.cargo_home,
    );
    Policy {
        rustc: facts.found.rustc.path.clone(),
        target: target.target_triple().to_owned(),
        linker: mold.then(|| Tool::Mold.name().to_owned()),
        linker_dir: None,
        remap,
        auditable: facts.build.auditable.unwrap_or(facts.workspace.auditable),
        lists: None,
    }
}

fn command(
    facts: &Facts<'_>,
    products: &[PlannedProduct],
    platform: Platform,
    target_dir: &Path,
) -> Result<Vec<String>, PlanError> {
    let mut words: Vec<String> = vec![text(&facts.found.cargo)?];
    for word in [
        "build",
        "--release",
        "--locked",
        "--message-format",
        "json-render-diagnostics",
    ] {
        words.push(word.to_owned());
    }
    words.extend(["--target".to_owned(), platform.target_triple().to_owned()]);
    words.extend(["--target-dir".to_owned(), text(target_dir)?]);
    for product in products {
        words.extend(["--package".to_owned(), product.package.clone()]);
    }
    for product in products {
        words.extend(["--bin".to_owned(), product.bin.clone()]);
    }
    Ok(words)
}

fn text(path: &Path) -> Result<String, PlanError> {
    path.to_str()
        .map(str::to_owned)
        .ok_or_else(|| PlanError::Path(path.to_owned()))
}

/// The first of many names, and how many more there are.
pub fn shortened(names: &[String]) -> String {
    const SHOWN: usize = 20;
    let shown: Vec<String> = names.iter().take(SHOWN).map(|name| told(name)).collect();
    let mut text = shown.join(", ");
    if names.len() > SHOWN {
        text += &format!(" and {} more", names.len() - SHOWN);
    }
    text
}
