//! The plan of a release that a bundle command makes: everything that will be done, worked out without
//! doing any of it.

use super::{BundleError, command};
use crate::artifacts::digest_file;
use crate::context::World;
use crate::documents::{Form, bundles_of};
use crate::plan::{PlannedSigning, release_dir, shortened};
use crate::products::{Declared, SigningSettings, Workspace};
use crate::select::Selected;
use crate::settings::HubChoice;
use crate::sign::is_key_there;
use crate::toolchain::{CommonEnv, Rustc, common_environment};
use release_types::{
    Channel, FileName, ObjectKey, Platform, ProductName, Sha256Digest, artifact_key,
};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// The version of the document's form.
const FORMAT: u32 = 1;

/// One product of the release.
#[derive(Debug, Clone, Serialize)]
pub struct PlannedBundles {
    /// Its name on the Hub.
    pub product: ProductName,
    /// The folder that the command is run in.
    pub folder: PathBuf,
    /// The command.
    pub command: Vec<String>,
    /// Whether the command signs, and so gets the secret key.
    pub tauri_signs: bool,
    /// Whether a statement tells where its bundles come from.
    #[serde(rename = "provenance")]
    pub is_stated: bool,
    /// The digest of the lock file of what its command compiles, where there is one.
    #[serde(skip)]
    pub lock_sha256: Option<Sha256Digest>,
    /// A key like those that its bundles are stored under. What bundles are called only their maker knows.
    #[serde(skip)]
    pub key: ObjectKey,
}

/// Everything that a release of bundles will do on one platform.
#[derive(Debug, Clone, Serialize)]
pub struct BundlePlan {
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
    pub products: Vec<PlannedBundles>,
    /// What the commands' environment gets over the allow-list.
    pub environment: BTreeMap<&'static str, String>,
    /// The folder the bundles are staged into.
    pub staging: PathBuf,
    /// The platforms without which nothing of the release is shown, as the workspace says.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub require: Vec<Platform>,
    /// The Hub's address, or `local`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hub: Option<String>,
    /// What signing adds; what bundles are called only their maker knows.
    pub signing: PlannedSigning,
    /// The number of the public key that files have to be signed for, where the workspace names one.
    #[serde(skip_serializing_if = "SigningSettings::is_keyless")]
    pub signed_by: SigningSettings,
    /// The repository's folder, below whose `target` bundles are looked for.
    #[serde(skip)]
    pub repository: PathBuf,
    /// Further target folders to look into.
    #[serde(skip)]
    pub targets: Vec<PathBuf>,
    /// Further variables that the commands may see.
    #[serde(skip)]
    pub pass_env: Vec<String>,
    /// What `rustc -vV` prints.
    #[serde(skip)]
    pub rustc: String,
}

/// What a plan is made from.
#[derive(Debug)]
pub struct BundleFacts<'a> {
    /// The outside, for finding programs.
    pub world: &'a World,
    /// The workspace.
    pub workspace: &'a Workspace,
    /// The folder of the repository that the workspace is in.
    pub repository: &'a Path,
    /// The release.
    pub selected: &'a Selected,
    /// The compiler that is there.
    pub rustc: &'a Rustc,
    /// The platform.
    pub target: Platform,
    /// Cargo's target folder, where one was named.
    pub target_dir: Option<&'a Path>,
    /// Where to stage.
    pub dist_dir: &'a Path,
    /// Whether documents are made where the workspace has them made.
    pub documents: bool,
    /// Which Hub, when one is known.
    pub hub: Option<&'a HubChoice>,
}

/// Makes the plan.
///
/// # Errors
/// When a command is not known or not there, or a name or path cannot be used.
pub fn plan(facts: &BundleFacts<'_>) -> Result<BundlePlan, BundleError> {
    let (workspace, selected) = (facts.workspace, facts.selected);
    let version = &selected.tag.version;
    let declared = workspace.declared(&selected.tag.group);
    let products = declared
        .into_iter()
        .map(|declared| planned(facts, declared));
    let mut environment = common_environment(&CommonEnv {
        // The application has a profile of its own.
        debug_is_said: true,
        sccache: None,
        github_cache: false,
    });
    environment.extend([
        ("ATLAS_BUILD_COMMIT", selected.commit.clone()),
        ("ATLAS_BUILD_VERSION", version.to_string()),
        // Tauri's tool asks nobody then.
        ("CI", "true".to_owned()),
        ("SOURCE_DATE_EPOCH", selected.commit_time.to_string()),
    ]);
    let named = facts.world.env.get("CARGO_TARGET_DIR");
    let mut targets = vec![workspace.target_dir.clone()];
    match (facts.target_dir, named.filter(|dir| !dir.is_empty())) {
        (Some(dir), _) => {
            let text = dir.to_str().map(str::to_owned);
            let text = text.ok_or_else(|| BundleError::Path(dir.to_owned()))?;
            environment.insert("CARGO_TARGET_DIR", text);
            targets.push(dir.to_owned());
        }
        (None, Some(named)) => {
            let dir = facts.world.absolute(Path::new(named));
            // The command is run in another folder than this program, where it would be another one.
            if Path::new(named).is_relative() {
                let text = dir.to_str().map(str::to_owned);
                let text = text.ok_or_else(|| BundleError::Path(dir.clone()))?;
                environment.insert("CARGO_TARGET_DIR", text);
            }
            targets.push(dir);
        }
        (None, None) => {}
    }
    Ok(BundlePlan {
        format: FORMAT,
        tag: selected.tag.to_string(),
        group: selected.tag.group.clone(),
        version: version.clone(),
        channel: selected.channel,
        commit: selected.commit.clone(),
        commit_time: selected.commit_time,
        dirty: selected.dirty.clone(),
        target: facts.target.target_triple(),
        platform: facts.target,
        products: products.collect::<Result<_, _>>()?,
        environment,
        staging: release_dir(facts.dist_dir, &selected.tag).join(facts.target.to_string()),
        require: workspace.require.clone(),
        hub: facts.hub.map(|hub| match hub {
            HubChoice::Local => "local".to_owned(),
            HubChoice::Remote(url) => url.to_string(),
        }),
        signing: PlannedSigning {
            has_key: is_key_there(facts.world),
            files: Vec::new(),
        },
        signed_by: workspace.signing.clone(),
        repository: facts.repository.to_owned(),
        targets,
        pass_env: workspace.pass_env.clone(),
        rustc: facts.rustc.verbose_version.clone(),
    })
}

fn planned(
    facts: &BundleFacts<'_>,
    (product, declared): (&ProductName, &Declared),
) -> Result<PlannedBundles, BundleError> {
    let (version, target) = (&facts.selected.tag.version, facts.target);
    let name = format!("{product}-{target}").parse();
    let name: FileName = name.map_err(|source| BundleError::Name {
        product: product.clone(),
        source,
    })?;
    let key = artifact_key(product, version, target, &name);
    Ok(PlannedBundles {
        product: product.clone(),
        folder: declared.folder.clone(),
        command: command::command(facts.world, (product, declared), version, target)?,
        tauri_signs: declared.tauri_signs,
        is_stated: facts.documents && facts.workspace.documents.has(Form::Provenance),
        lock_sha256: lock_of(facts.repository, &declared.folder),
        key: key.map_err(|source| BundleError::Key {
            product: product.clone(),
            source,
        })?,
    })
}

/// The digest of the `Cargo.lock` that holds for an application in a folder: that of its package, which is in Tauri's
/// place for it or in the folder itself, or the first on the way up from there to the repository's folder.
fn lock_of(repository: &Path, folder: &Path) -> Option<Sha256Digest> {
    let places = [folder.join("src-tauri"), folder.to_owned()];
    let package = places.iter().find(|dir| dir.join("Cargo.toml").is_file())?;
    let mut above = package
        .ancestors()
        .take_while(|dir| dir.starts_with(repository));
    above.find_map(|dir| Some(digest_file(&dir.join("Cargo.lock")).ok()?.1))
}

impl fmt::Display for BundlePlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "release   {} on channel {}", self.tag, self.channel)?;
        writeln!(f, "commit    {}", self.commit)?;
        if !self.dirty.is_empty() {
            writeln!(f, "          differs: {}", shortened(&self.dirty))?;
        }
        writeln!(f, "target    {} ({})", self.target, self.platform)?;
        writeln!(f, "products")?;
        for one in &self.products {
            writeln!(f, "  {:<9}folder {}", one.product, one.folder.display())?;
            writeln!(f, "           {}", one.command.join(" "))?;
            if one.is_stated {
                let name = bundles_of(&one.product, self.platform) + Form::Provenance.ending();
                writeln!(f, "           {name}")?;
            }
        }
        writeln!(f, "environment")?;
        for (name, value) in &self.environment {
            writeln!(f, "  {name}={value}")?;
        }
        write!(f, "staging   {}", self.staging.display())?;
        for one in &self.products {
            if let Some(key) = self.signed_by.key_of(&one.product) {
                write!(
                    f,
                    "\nsigning   {} for the public key {}",
                    one.product,
                    key.id()
                )?;
            }
        }
        write!(f, "\nsigning   {}", self.signing)?;
        if let Some(hub) = &self.hub {
            write!(f, "\nhub       {hub}")?;
        }
        Ok(())
    }
}
