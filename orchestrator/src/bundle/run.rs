//! Running the commands of a plan, and what they have made.

use super::collect::{Look, Since};
use super::{BundleError, BundlePlan, Cache, PlannedBundles, command};
use crate::code_sign::{BeforeSigning, CodeSigned};
use crate::context::World;
use crate::events::{Event, Reporter};
use crate::manifest::{self, MadeFiles, ManifestsError, Order};
use crate::sign::Secret;
use crate::toolchain::CacheUse;
use process::{Command, Line, ProcessError};
use release_types::bundles::{Rules, Verdict, other_version, says_universal, without_version};
use release_types::{Kind, ManifestRow, Os, folded};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What the commands of a plan have made.
#[derive(Debug)]
pub struct Made {
    /// By product, in the plan's order.
    pub products: Vec<MadeProduct>,
    /// When the first was started.
    pub started_at: jiff::Timestamp,
    /// When all was collected.
    pub finished_at: jiff::Timestamp,
    /// The version of the compiler cache that this run has started for them.
    pub sccache: Option<String>,
    /// What that was good for.
    pub cache: Option<CacheUse>,
    /// What has code-signed some of them, where they are, and where the copies lie.
    pub code_signed: Option<CodeSigned>,
    /// What these were before, by the paths of their rows.
    pub before_signing: BTreeMap<String, BeforeSigning>,
}

/// The files of one product.
#[derive(Debug)]
pub struct MadeProduct {
    /// What it was planned as.
    pub planned: PlannedBundles,
    /// A row for each file and platform; its path is absolute, or starts at the repository's folder.
    pub rows: Vec<ManifestRow>,
}

/// Runs the command of each product and collects what it has written. `keep` gets the files of each before the next
/// command is run, which may write over them or clear them away.
///
/// # Errors
/// When one fails, or makes nothing, or something else than was asked for; or what `keep` says.
pub async fn run<E: From<BundleError>>(
    world: &World,
    plan: &BundlePlan,
    (secret, cache): (Option<&Secret>, &mut Cache),
    reporter: &dyn Reporter,
    mut keep: impl FnMut(MadeProduct) -> Result<MadeProduct, E>,
) -> Result<Made, E> {
    let started_at = (world.now)();
    let mut products = Vec::with_capacity(plan.products.len());
    let mut names = BTreeMap::new();
    for planned in &plan.products {
        let what = format!("{} for {}", planned.product, plan.target);
        reporter.stage("bundling", what);
        let before = look(world, (plan, planned), Look::reading).await?;
        bundle(world, (plan, planned), (secret, cache), reporter).await?;
        // Bytes are read where times do not tell.
        let since = look(
            world,
            (plan, planned),
            move |repository, folder, targets| {
                let after = Look::at(repository, folder, targets)?;
                Ok((after.since(&before), after.folders))
            },
        );
        let (since, folders) = since.await?;
        let made = made_of(since, (plan, planned), reporter)?;
        let rows = collect(plan, planned, &folders, made, reporter)?;
        // A platform's folder has the files of all products.
        for row in &rows {
            let name = (row.platform, folded(row.filename.as_str()));
            let before = names.insert(name, &planned.product);
            if let Some(first) = before.filter(|first| *first != &planned.product) {
                return Err(E::from(BundleError::SameName {
                    name: row.filename.clone(),
                    platform: row.platform,
                    products: [first.clone(), planned.product.clone()],
                }));
            }
        }
        products.push(keep(MadeProduct {
            planned: planned.clone(),
            rows,
        })?);
    }
    let finished_at = (world.now)();
    Ok(Made {
        products,
        started_at,
        finished_at,
        sccache: cache.version(),
        cache: cache.tell(world, reporter).await,
        code_signed: None,
        before_signing: BTreeMap::new(),
    })
}

/// Looks into the folders of a product's bundles, on a thread that may wait for a disk.
async fn look<T: Send + 'static>(
    world: &World,
    (plan, planned): (&BundlePlan, &PlannedBundles),
    how: impl FnOnce(&Path, &Path, &[PathBuf]) -> Result<T, BundleError> + Send + 'static,
) -> Result<T, BundleError> {
    let (repository, folder) = (plan.repository.clone(), planned.folder.clone());
    let targets = plan.targets.clone();
    let interrupted = || ProcessError::Interrupted {
        command: format!("a look into {}", planned.folder.display()),
    };
    let looked = world.apart(move || how(&repository, &folder, &targets));
    looked.await.ok_or_else(interrupted)?
}

async fn bundle(
    world: &World,
    (plan, planned): (&BundlePlan, &PlannedBundles),
    (secret, cache): (Option<&Secret>, &Cache),
    reporter: &dyn Reporter,
) -> Result<(), BundleError> {
    let mut env = command::seen(&world.env, &plan.pass_env, cache.is_own());
    cache.give_to(&mut env);
    for (name, value) in &plan.environment {
        env.set(*name, value);
    }
    let secret = secret.filter(|_| planned.tauri_signs);
    if let Some(secret) = secret {
        secret.give_to(&mut env);
    }
    let mut words = planned.command.iter();
    let program = words.next().cloned().unwrap_or_default();
    let command = Command::new(program)
        .args(words)
        .envs(&env)
        .cwd(&planned.folder);
    let told = |Line { text, .. }| {
        let line = match secret {
            Some(secret) => secret.hidden_in(text),
            None => text,
        };
        reporter.event(Event::Cargo { line });
    };
    let status = tokio::select! {
        status = world.runner.lines(&command, told) => status?,
        never = cache.keep_alive(world) => match never {},
    };
    match status.success() {
        true => Ok(()),
        false => Err(BundleError::Failed {
            product: planned.product.clone(),
            status,
        }),
    }
}

/// The files that are a run's. One that has the bytes of before and another time was written once more, or only
/// touched: its name tells which, unless it says no version. Then it counts as long as nothing else was written; for
/// one of an earlier version would be released under this one's name.
fn made_of(
    since: Since,
    (plan, planned): (&BundlePlan, &PlannedBundles),
    reporter: &dyn Reporter,
) -> Result<BTreeSet<PathBuf>, BundleError> {
    let Since {
        mut written,
        touched,
    } = since;
    let name = |path: &Path| {
        let name = path.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    };
    let is_payload =
        |path: &PathBuf| matches!(Rules::Bundles.verdict(&name(path)), Verdict::Payload(_));
    let is_anything_new = written.iter().any(is_payload);
    for path in touched {
        let name = name(&path);
        let says_other = other_version(&name, &plan.version).is_some();
        if !is_payload(&path) || says_other {
            let what = format!("left out: {}: it was touched, not written", path.display());
            reporter.note(what);
        } else if is_anything_new && without_version(&name).is_none() {
            return Err(BundleError::Unsure {
                product: planned.product.clone(),
                path,
            });
        } else {
            written.insert(path);
        }
    }
    Ok(written)
}

/// The rows of the files that a run has made.
fn collect(
    plan: &BundlePlan,
    planned: &PlannedBundles,
    folders: &[PathBuf],
    made: BTreeSet<PathBuf>,
    reporter: &dyn Reporter,
) -> Result<Vec<ManifestRow>, BundleError> {
    let product = &planned.product;
    let nothing = || BundleError::Nothing {
        product: product.clone(),
        folders: match folders {
            [] => vec![plan.repository.clone()],
            folders => folders.to_vec(),
        },
    };
    if folders.is_empty() {
        return Err(nothing());
    }
    let order = Order {
        product: product.clone(),
        rules: Rules::Bundles,
        from: folders.to_vec(),
        made: Some(MadeFiles {
            paths: made,
            arch: plan.platform.arch,
        }),
        output: None,
        base: plan.repository.clone(),
        cwd: plan.repository.clone(),
        named: Vec::new(),
        require: Vec::new(),
    };
    let built = match manifest::build(&order) {
        Ok(built) => built,
        Err(ManifestsError::Nothing { .. }) => return Err(nothing()),
        Err(error) => return Err(BundleError::Manifest(error)),
    };
    for row in built.rows.iter().filter(|row| row.kind != Kind::Signature) {
        let path = || plan.repository.join(&row.path).components().collect();
        let is_along = |os| row.platform.os == os && plan.platform.os == os;
        let is_universal = is_along(Os::Macos) && says_universal(row.filename.as_str());
        if row.platform != plan.platform && !is_universal {
            return Err(BundleError::OtherPlatform {
                product: product.clone(),
                path: path(),
                found: row.platform,
                expected: plan.platform,
            });
        }
        let name = Path::new(&row.path).file_name().unwrap_or_default();
        if let Some(found) = other_version(&name.to_string_lossy(), &plan.version) {
            return Err(BundleError::OtherVersion {
                product: product.clone(),
                path: path(),
                found,
                expected: plan.version.clone(),
            });
        }
    }
    for one in &built.left_out {
        let what = format!("left out: {}: {}", one.path, one.why);
        reporter.note(what);
    }
    Ok(built.rows)
}
