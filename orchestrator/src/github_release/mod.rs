//! A staged release as a release on GitHub: a draft first, every file compared with the digest that
//! GitHub has computed, then shown at once.
//!
//! Plain REST by `hub-client`'s requests; what is particular to GitHub stands here alone. Left to others:
//! what is staged (`dist`), and what the flags mean (`cli`).

mod address;
mod answers;
mod assets;
mod client;
mod draft;
mod error;
mod latest;
mod notes;
mod pages;
mod refs;
mod report;
mod show;
mod upload;
mod wire;

pub use address::{ApiUrl, NotARepository, NotAnApi, PUBLIC_API, Repository};
pub use assets::{Asset, collect};
pub use client::GitHub;
pub use error::{Differing, GithubReleaseError};
pub use latest::Latest;
pub use notes::section;
pub use report::{Released, ReleasedAsset};

use crate::dist::SUMS_FILE;
use crate::events::{Event, Reporter};
use crate::progress::{Direction, Transfers};
use futures_util::{StreamExt as _, TryStreamExt as _};
use hub_client::ClientError;
use release_types::Tag;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use upload::{Sender, Standing};
use wire::RemoteAsset;

/// The longest text that GitHub takes with a release, in characters.
const BODY_LIMIT: usize = 125_000;

/// The longest notes, in characters: in a draft the mark of this program stands behind them.
pub const NOTES_LIMIT: usize = BODY_LIMIT - draft::MARK_LENGTH;

/// How often it is begun anew when others have changed the release meanwhile.
const ROUNDS: usize = 5;

/// What is to be released.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The tag.
    pub tag: Tag,
    /// The commit that was built, which the tag has to be at.
    pub commit: String,
    /// The files.
    pub assets: Vec<Asset>,
    /// What is new, in Markdown.
    pub notes: String,
    /// Whether the notes replace those that a person has written into a draft.
    pub notes_count: bool,
    /// Whether it becomes GitHub's latest.
    pub latest: Latest,
}

impl Wanted {
    fn is_prerelease(&self) -> bool {
        !self.tag.version.pre.is_empty()
    }
}

/// What came of a round.
enum Round {
    Done(Released),
    /// The release that it began with is gone, or is no longer the one.
    Overtaken,
}

/// Releases on GitHub what is staged; what is there already is left alone, and what a run before has begun
/// is gone on with.
///
/// # Errors
/// When the tag is not at the commit, the release has other bytes, or GitHub refuses or cannot be reached.
pub async fn publish(
    github: &GitHub,
    wanted: &Wanted,
    uploads: usize,
    reporter: &dyn Reporter,
) -> Result<Released, GithubReleaseError> {
    let tag = &wanted.tag;
    reporter.stage("releasing", format!("{tag} on {}", github.repository()));
    let run = Run {
        github,
        wanted,
        uploads,
        reporter,
        changed: AtomicBool::new(false),
        made: Mutex::default(),
    };
    for round in 0..ROUNDS {
        if round > 0 {
            reporter.note(format!(
                "another run has changed {tag} on GitHub meanwhile: it is looked at again"
            ));
            tokio::time::sleep(Duration::from_secs(round as u64)).await;
        }
        match run.round().await {
            Ok(Round::Done(released)) => return Ok(released),
            Ok(Round::Overtaken) => {}
            // The draft was another run's, or a second one, and is gone.
            Err(GithubReleaseError::Client(error)) if is_gone(&error) && round + 1 < ROUNDS => {}
            Err(error) => return Err(error),
        }
    }
    Err(GithubReleaseError::Unsettled {
        tag: tag.to_string(),
    })
}

/// Whether what was spoken of is not there any more.
fn is_gone(error: &ClientError) -> bool {
    matches!(error, ClientError::NotFound { .. })
}

struct Run<'a> {
    github: &'a GitHub,
    wanted: &'a Wanted,
    uploads: usize,
    reporter: &'a dyn Reporter,
    /// Whether this run has changed anything.
    changed: AtomicBool,
    /// The drafts that it has made.
    made: Mutex<Vec<u64>>,
}

impl Run<'_> {
    async fn round(&self) -> Result<Round, GithubReleaseError> {
        self.check_tag().await?;
        let release =
            draft::find_or_make(self.github, self.wanted, &self.made, self.reporter).await?;
        let sender = Sender::new(self.github, &release, self.reporter);
        let there = self.listed(release.id).await?;
        let missing = self.compared(&sender, &there).await?;
        if !missing.is_empty() && !release.draft {
            self.reporter.warn(format!(
                "{} is published already without {} of its files, which are added",
                self.wanted.tag,
                missing.len()
            ));
        }
        self.send_all(&sender, missing).await?;
        let there = self.listed(release.id).await?;
        if !self.is_complete(&sender, &there).await? {
            return Ok(Round::Overtaken);
        }
        if !release.draft {
            return self.done(&release, &there, None).await;
        }
        self.show(&sender, &release).await
    }

    /// Makes sure that the tag is where it was when the release was built. Publishing a draft would else
    /// make one.
    async fn check_tag(&self) -> Result<(), GithubReleaseError> {
        let (github, tag) = (self.github, self.wanted.tag.to_string());
        let what = format!("look at the tag {tag}");
        let found = github.attempts(&what, || github.tag_commit(&tag)).await?;
        let repository = github.repository().to_string();
        match found {
            Some(commit) if commit.eq_ignore_ascii_case(&self.wanted.commit) => Ok(()),
            Some(there) => Err(GithubReleaseError::OtherCommit {
                tag,
                there: crate::text::one_line(&there),
                built: self.wanted.commit.clone(),
            }),
            None => match github.attempts(&what, || github.is_seen()).await? {
                true => Err(GithubReleaseError::NoSuchTag { repository, tag }),
                false => Err(GithubReleaseError::Unseen(repository)),
            },
        }
    }

    async fn listed(&self, release: u64) -> Result<Vec<RemoteAsset>, GithubReleaseError> {
        let attempt = || self.github.assets(release);
        let what = format!("list the files of {}", self.wanted.tag);
        Ok(self.github.attempts(&what, attempt).await?)
    }

    /// Compares everything that is there, and tells what is to be sent, with what of it is there
    /// unfinished.
    async fn compared<'a>(
        &'a self,
        sender: &Sender<'_>,
        there: &[RemoteAsset],
    ) -> Result<Vec<(&'a Asset, Option<RemoteAsset>)>, GithubReleaseError> {
        let (mut missing, mut differing) = (Vec::new(), Vec::new());
        for asset in &self.wanted.assets {
            let Some(found) = there.iter().find(|one| one.name == asset.name) else {
                missing.push((asset, None));
                continue;
            };
            match self.standing(sender, asset, found).await? {
                Standing::Same => self.told(asset, true),
                Standing::Other(other) => differing.push(other),
                Standing::Unfinished => missing.push((asset, Some(found.clone()))),
            }
        }
        if differing.is_empty() {
            return Ok(missing);
        }
        Err(GithubReleaseError::Conflict {
            tag: self.wanted.tag.to_string(),
            differing,
        })
    }

    async fn standing(
        &self,
        sender: &Sender<'_>,
        asset: &Asset,
        found: &RemoteAsset,
    ) -> Result<Standing, GithubReleaseError> {
        let what = format!("read {} back", asset.name);
        let attempt = || sender.compare(asset, found);
        Ok(self.github.attempts(&what, attempt).await?)
    }

    async fn send_all(
        &self,
        sender: &Sender<'_>,
        missing: Vec<(&Asset, Option<RemoteAsset>)>,
    ) -> Result<(), GithubReleaseError> {
        // Whoever has the list of all digests there has the release: of two runs with other bytes the
        // second is told so before it has sent anything else.
        let (first, rest) = missing
            .into_iter()
            .partition(|(asset, _)| asset.name == SUMS_FILE);
        self.send_some(sender, first).await?;
        self.send_some(sender, rest).await
    }

    async fn send_some(
        &self,
        sender: &Sender<'_>,
        missing: Vec<(&Asset, Option<RemoteAsset>)>,
    ) -> Result<(), GithubReleaseError> {
        let transfers = Transfers::new(Direction::Upload);
        // All are counted before the first begins.
        let work: Vec<_> = missing
            .into_iter()
            .map(|(asset, there)| (asset, there, transfers.add(&asset.name, asset.size)))
            .collect();
        let work = work.into_iter().map(|(asset, there, transfer)| async move {
            sender.send(asset, there.as_ref(), &transfer).await?;
            self.changed.store(true, Ordering::Relaxed);
            self.told(asset, false);
            Ok::<_, GithubReleaseError>(())
        });
        let work = futures_util::stream::iter(work).buffer_unordered(self.uploads.max(1));
        let sending = work.try_collect::<Vec<()>>();
        transfers.watch(self.reporter, sending).await?;
        Ok(())
    }

    fn told(&self, asset: &Asset, unchanged: bool) {
        self.reporter.event(Event::Uploaded {
            key: asset.name.clone(),
            size: asset.size,
            sha256: asset.sha256,
            unchanged,
        });
    }

    /// Whether every file is there, to the last byte. What is not may come from another run.
    async fn is_complete(
        &self,
        sender: &Sender<'_>,
        there: &[RemoteAsset],
    ) -> Result<bool, GithubReleaseError> {
        let mut differing = Vec::new();
        for asset in &self.wanted.assets {
            let Some(found) = there.iter().find(|one| one.name == asset.name) else {
                return Ok(false);
            };
            match self.standing(sender, asset, found).await? {
                Standing::Same => {}
                Standing::Other(other) => differing.push(other),
                Standing::Unfinished => return Ok(false),
            }
        }
        match differing.is_empty() {
            true => Ok(true),
            false => Err(GithubReleaseError::Altered { differing }),
        }
    }
}
