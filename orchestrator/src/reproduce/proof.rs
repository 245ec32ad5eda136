//! The proof itself: builds in different places and under different circumstances, and what comes of
//! comparing them.

use super::checkout::{Checkout, Place};
use super::expected::{Bytes, Compared, Expected, Found, counterpart, not_made};
use super::report::{Against, Comparison, FORMAT, Reproduction, StringDifference};
use super::subject::Subject;
use super::{ReproduceError, Tree, explain, io, other_tools, other_words, trust};
use crate::build::{put_in_force, set_here};
use crate::cargo_config::{self, DEBUG};
use crate::context::World;
use crate::dist::Staged;
use crate::products::{self, ProductsError};
use crate::system::Umask;
use crate::text::{first_of, told};
use crate::toolchain::{CommonEnv, common_environment};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What a proof leaves to whoever asks for it: builds and downloads are made as every other command
/// makes them.
pub trait Maker {
    /// Why something could not be made.
    type Error: From<ReproduceError> + From<ProductsError>;

    /// Builds and stages what is to be proven, in a checkout.
    fn build(&self, order: &Order<'_>) -> impl Future<Output = Result<Staged, Self::Error>>;

    /// Reads a published file of this many bytes.
    fn download(&self, id: &str, size: u64) -> impl Future<Output = Result<Vec<u8>, Self::Error>>;
}

/// One build that is to be made.
#[derive(Debug)]
pub struct Order<'a> {
    /// Where.
    pub checkout: &'a Checkout,
    /// What the build sees of the world.
    pub world: World,
    /// Whether it goes through a cache.
    pub cached: bool,
}

/// What a build is compared with.
#[derive(Debug)]
pub enum Counterpart {
    /// Another build.
    SecondBuild,
    /// Two more builds, of which one fills a cache and the other takes from it.
    CachedBuilds {
        /// The folder of an sccache that may be on no `PATH`.
        sccache: PathBuf,
    },
    /// What a Hub has published.
    Published(Vec<Expected>),
    /// What the subject's record names.
    Recorded(Vec<Expected>),
}

impl Counterpart {
    fn kind(&self) -> Against {
        match self {
            Self::SecondBuild => Against::SecondBuild,
            Self::CachedBuilds { .. } => Against::CachedBuild,
            Self::Published(_) => Against::Hub,
            Self::Recorded(_) => Against::Record,
        }
    }

    /// Where builds are made, and whether through the cache.
    fn runs(&self) -> Vec<(Place, bool)> {
        match self {
            Self::Published(_) | Self::Recorded(_) => vec![(Place::ALL[1], false)],
            Self::SecondBuild => vec![(Place::ALL[0], false), (Place::ALL[1], false)],
            // Without, filling an empty cache, and taking from it.
            Self::CachedBuilds { .. } => vec![
                (Place::ALL[0], false),
                (Place::ALL[1], true),
                (Place::ALL[2], true),
            ],
        }
    }
}

/// What is to be proven, and where there is room for it.
#[derive(Debug)]
pub struct Proof<'a> {
    /// The world of this run.
    pub world: &'a World,
    /// The workspace whose repository has the commit.
    pub root: &'a Path,
    /// A folder for the checkouts.
    pub scratch: &'a Path,
    /// What is built.
    pub subject: &'a Subject,
    /// Whether what takes room is to stay.
    pub keep: bool,
    /// Whether flags and programs that the subject's record names may be used.
    pub trust_record: bool,
}

impl Proof<'_> {
    /// Builds and compares.
    ///
    /// # Errors
    /// When something cannot be built or read; a difference in a file is an outcome.
    pub async fn run<M: Maker>(
        &self,
        counterpart: Counterpart,
        maker: &M,
    ) -> Result<Reproduction, M::Error> {
        let against = counterpart.kind();
        let mut made = Vec::new();
        let (mut notes, mut outside) = (Vec::new(), Vec::new());
        for (place, cached) in counterpart.runs() {
            let built = self.build(place, cached, &counterpart, maker, &mut notes, &mut outside);
            made.push(built.await?);
        }
        let last = made.last().map(|(_, staged)| &staged.record.toolchain);
        let hits = last
            .and_then(|used| used.cache.as_ref())
            .map_or(0, |used| used.hits);
        if against == Against::CachedBuild && hits == 0 {
            return Err(ReproduceError::NoCache.into());
        }
        let (checkout, staged) = &made[0];
        let sets: Vec<(Vec<Expected>, Option<Tree>)> = match counterpart {
            Counterpart::Published(files) | Counterpart::Recorded(files) => vec![(files, None)],
            Counterpart::SecondBuild | Counterpart::CachedBuilds { .. } => made[1..]
                .iter()
                .map(|(checkout, staged)| (Expected::of_build(staged), Some(checkout.tree())))
                .collect(),
        };
        let tools = match &self.subject.record {
            Some(record) => {
                let tools = other_tools(record, &staged.record);
                notes.extend(first_of(&tools));
                tools
            }
            // What is set here, which may not have been elsewhere.
            None => notes.clone(),
        };
        if let Some(record) = &self.subject.record {
            notes.extend(other_words(record, &staged.record));
        }
        notes.extend(self.subject.notes.iter().cloned());
        let mut document = Reproduction {
            format: FORMAT,
            tag: self.subject.tag.to_string(),
            commit: self.subject.commit.clone(),
            platform: self.subject.platform,
            against,
            identical: true,
            files: Vec::new(),
            cause: None,
            notes,
        };
        for (expected, other) in sets {
            document
                .notes
                .extend(not_made(&staged.artifacts, &expected)?);
            document.files = compare(staged, &expected, maker, &mut document.notes).await?;
            document.identical = document.files.iter().all(|file| file.identical);
            if !document.identical {
                let tree = checkout.tree();
                let mut folders = tree.folders.clone();
                folders.extend(other.iter().flat_map(|tree| tree.folders.clone()));
                let trees = other.as_ref().map(|other| (&tree, other));
                let strings: Vec<StringDifference> = document
                    .files
                    .iter()
                    .flat_map(|file| file.strings.clone())
                    .collect();
                document.notes.extend(outside.iter().cloned());
                let seen = explain::Seen {
                    strings: &strings,
                    tools: &tools,
                    outside: &outside,
                };
                document.cause = Some(match explain::of_documents(&document.files) {
                    Some(cause) => cause,
                    None => explain::cause(trees, &folders, &seen),
                });
                break;
            }
        }
        Ok(document)
    }

    /// One build, in a checkout of its own. What of the record it was given by leave is noted.
    async fn build<M: Maker>(
        &self,
        place: Place,
        cached: bool,
        counterpart: &Counterpart,
        maker: &M,
        notes: &mut Vec<String>,
        outside: &mut Vec<String>,
    ) -> Result<(Checkout, Staged), M::Error> {
        let commit = &self.subject.commit;
        let mut checkout =
            Checkout::make(self.world, self.root, commit, self.scratch, place).await?;
        if cached {
            checkout = checkout.sharing_cargo_home(self.scratch.join("cargo"));
        }
        let cache = cached.then(|| self.scratch.join("cache"));
        let cargo_home = self.world.cargo_home();
        let mut world = checkout.world(self.world, cargo_home.as_deref(), cache.as_deref())?;
        if cached && let Counterpart::CachedBuilds { sccache } = counterpart {
            add_to_path(&mut world, sccache);
        }
        let workspace = match products::read(&world).await {
            Ok(workspace) => workspace,
            Err(error) => {
                return Err(match missing_outside(&error, &checkout) {
                    Some(dir) => ReproduceError::Outside { dir }.into(),
                    None => error.into(),
                });
            }
        };
        *outside = not_held(&workspace.path_dependencies, &checkout)?;
        let pass_env = workspace.pass_env;
        let record = self.subject.record.as_ref();
        if let Some(recipe) = record.and_then(|record| record.recipe.as_ref()) {
            let folders = checkout.folders();
            let mut recorded = recipe.environment.clone();
            if record.is_some_and(|record| record.environment.contains_key(DEBUG)) {
                leave_debug(&mut world, &checkout.workspace, &mut recorded);
            }
            let changed = put_in_force(&mut world.env, &recorded, &pass_env, &folders);
            let settings = trust::need_leave(&changed);
            if !settings.is_empty() && !self.trust_record {
                return Err(ReproduceError::NoLeave(settings).into());
            }
            let told = first_of(&settings).into_iter();
            notes.extend(told.map(|setting| format!("set as the record says: {setting}")));
        }
        if record.is_none() && counterpart.kind() == Against::Hub {
            let set = first_of(&set_here(&world.env, &pass_env)).into_iter();
            notes.extend(set.map(|setting| format!("set here: {setting}")));
        }
        let order = Order {
            checkout: &checkout,
            world,
            cached,
        };
        let staged = {
            let _umask = Umask::set(checkout.umask());
            maker.build(&order).await?
        };
        if cached && staged.record.toolchain.sccache.is_none() {
            return Err(ReproduceError::NoCache.into());
        }
        if !self.keep {
            let target = self.subject.platform.target_triple();
            let dir = &checkout.target_dir;
            checkout.thin_out(target).map_err(io(dir))?;
        }
        Ok((checkout, staged))
    }
}

/// Leaves the amount of debug information to the build, where a recorded build has set it by itself and
/// this one will: said from outside, it would be somebody's word and another environment.
fn leave_debug(world: &mut World, root: &Path, recorded: &mut BTreeMap<String, String>) {
    let common = common_environment(&CommonEnv {
        debug_is_said: false,
        sccache: None,
        github_cache: false,
    });
    let mut unsaid = world.env.clone();
    unsaid.remove(DEBUG);
    let said = cargo_config::debug_is_said_at(root, world.cargo_home().as_deref(), &unsaid);
    if !said && recorded.get(DEBUG) == common.get(DEBUG) {
        recorded.remove(DEBUG);
        world.env = unsaid;
    }
}

/// Notes on packages that the workspace takes from outside of its repository: no commit holds them.
///
/// # Errors
/// When one is not there, as it will be where the path leads out of the checkout.
fn not_held(folders: &[PathBuf], checkout: &Checkout) -> Result<Vec<String>, ReproduceError> {
    let repository = checkout.repository();
    let outside = folders.iter().filter(|dir| !dir.starts_with(&repository));
    let note = |dir: &PathBuf| match dir.exists() {
        true => Ok(format!(
            "the commit does not hold the package in {}, which it depends on",
            dir.display()
        )),
        false => Err(ReproduceError::Outside { dir: dir.clone() }),
    };
    outside.map(note).collect()
}

/// The folder of a package that cargo looked for outside of the checkout, in vain: cargo's answer names the
/// manifest between backticks.
fn missing_outside(error: &ProductsError, checkout: &Checkout) -> Option<PathBuf> {
    let ProductsError::Metadata { source, .. } = error else {
        return None;
    };
    let text = source.to_string();
    let named = text.split('`').skip(1).step_by(2).map(Path::new);
    let mut manifests = named.filter(|path| path.ends_with("Cargo.toml") && path.is_absolute());
    let outside = |path: &&Path| !path.starts_with(checkout.repository()) && !path.exists();
    Some(manifests.find(outside)?.parent()?.to_owned())
}

/// Puts a folder at the end of `PATH`. An sccache that an earlier run has installed lies in the
/// state folder, which these builds do not share.
fn add_to_path(world: &mut World, folder: &Path) {
    if let Ok(path) = world.env.path_with(&[], &[folder.to_owned()]) {
        world.env.set("PATH", path);
    }
}

/// Compares what was built with what was expected of it.
async fn compare<M: Maker>(
    staged: &Staged,
    expected: &[Expected],
    maker: &M,
    notes: &mut Vec<String>,
) -> Result<Vec<Comparison>, M::Error> {
    let mut files = Vec::new();
    for artifact in &staged.artifacts {
        let other = match counterpart(artifact, expected, &files)? {
            Compared::With(other) => other,
            Compared::Not(why) => {
                notes.push(why);
                continue;
            }
        };
        let bytes = match &other.bytes {
            Some(Bytes::Download(id)) => Some(maker.download(id, other.size).await?),
            Some(Bytes::File(_)) | None => None,
        };
        let (mine, theirs) = (artifact.clone(), other.clone());
        // It reads both, and looks for words in them.
        let looking = tokio::task::spawn_blocking(move || theirs.compared(&mine, bytes));
        let found = match looking.await {
            Ok(found) => found?,
            // It is never cancelled, so it can only have panicked.
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        };
        match found {
            Found::Compared(file) => files.push(file),
            Found::ByAnother(maker) => notes.push(format!(
                "{} is the same but for who has made it: atlas-release {} there",
                artifact.filename,
                told(&maker)
            )),
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_build_is_made_somewhere_else_and_the_first_without_a_cache() {
        for counterpart in [
            Counterpart::SecondBuild,
            Counterpart::CachedBuilds {
                sccache: PathBuf::new(),
            },
            Counterpart::Published(Vec::new()),
            Counterpart::Recorded(Vec::new()),
        ] {
            let runs = counterpart.runs();
            let folders: std::collections::BTreeSet<_> =
                runs.iter().map(|(place, _)| place.folder).collect();
            assert_eq!(folders.len(), runs.len());
            assert!(!runs[0].1);
            let cached = runs.iter().filter(|(_, cached)| *cached).count();
            let expected = if counterpart.kind() == Against::CachedBuild {
                2
            } else {
                0
            };
            assert_eq!(cached, expected);
        }
    }
}
