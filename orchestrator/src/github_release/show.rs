//! The end: a draft whose files are all there is shown.

use super::error::GithubReleaseError;
use super::report::{FORMAT, Released, ReleasedAsset};
use super::upload::Sender;
use super::wire::{Change, RemoteAsset, RemoteRelease};
use super::{Asset, Round, Run, draft, latest};
use hub_client::ClientError;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

impl Run<'_> {
    /// Shows a draft whose files are all there.
    pub(super) async fn show(
        &self,
        sender: &Sender<'_>,
        release: &RemoteRelease,
    ) -> Result<Round, GithubReleaseError> {
        let (github, tag) = (self.github, self.wanted.tag.to_string());
        self.check_tag().await?;
        let what = format!("list the releases of {}", github.repository());
        let all = github.attempts(&what, || github.releases()).await?;
        let now = draft::choose(&all, &tag)?.release;
        // A list may lag behind; what it does not have yet is no other.
        if now.is_some_and(|now| now.id != release.id) {
            return Ok(Round::Overtaken);
        }
        let latest = self.is_latest(&all).await?;
        // What a person has written stays, and the newest of it.
        let draft = now.unwrap_or(release);
        let rewritten = draft.rewritten();
        let body = match (draft.is_marked(), &rewritten) {
            _ if self.wanted.notes_count => Some(self.wanted.notes.as_str()),
            (true, None) => Some(self.wanted.notes.as_str()),
            (_, rewritten) => rewritten.as_deref(),
        };
        if !self.wanted.notes_count && rewritten.is_some() {
            self.reporter.note(format!(
                "the notes of {tag} were written anew on GitHub, and stay as they are there"
            ));
        }
        let is_named = draft.is_marked() && draft.has_own_name();
        let change = Change {
            tag_name: &tag,
            name: is_named.then_some(tag.as_str()),
            body,
            draft: false,
            prerelease: self.wanted.is_prerelease(),
            make_latest: Some(if latest { "true" } else { "false" }),
        };
        let what = format!("publish {tag}");
        let shown = match github
            .attempts(&what, || github.edit(release.id, &change))
            .await
        {
            Ok(shown) => shown,
            // Another draft of the tag was published meanwhile; the next round finds it.
            Err(ClientError::Refused { status: 422, .. })
                if self.is_published_elsewhere(release.id).await? =>
            {
                return Ok(Round::Overtaken);
            }
            Err(error) => return Err(error.into()),
        };
        self.changed.store(true, Ordering::Relaxed);
        draft::tidy(github, &tag, self.reporter).await?;
        // Where files are downloaded from changes with that.
        let there = self.listed(shown.id).await?;
        match self.is_complete(sender, &there).await? && !shown.draft {
            true => self.done(&shown, &there, Some(latest)).await,
            false => Ok(Round::Overtaken),
        }
    }

    async fn is_published_elsewhere(&self, mine: u64) -> Result<bool, GithubReleaseError> {
        let (github, tag) = (self.github, self.wanted.tag.to_string());
        let what = format!("list the releases of {}", github.repository());
        let all = github.attempts(&what, || github.releases()).await?;
        let mut of_tag = all.iter().filter(|one| one.tag_name == tag && !one.draft);
        Ok(of_tag.any(|one| one.id != mine))
    }

    async fn is_latest(&self, all: &[RemoteRelease]) -> Result<bool, GithubReleaseError> {
        let (github, tag) = (self.github, &self.wanted.tag);
        let beginning = format!("{}-v", tag.group);
        let what = format!("list the tags of {}", github.repository());
        let tags = github.attempts(&what, || github.tags(&beginning)).await?;
        let published = all.iter().filter(|release| !release.draft);
        let released: Vec<&str> = published.map(|one| one.tag_name.as_str()).collect();
        let decision = latest::decide(tag, &self.wanted.latest, &tags, &released);
        if let Some(warning) = decision.warning {
            self.reporter.warn(warning);
        }
        Ok(decision.latest)
    }

    /// Ends with a release that is published. Drafts that this run has made beside it, before it saw that
    /// one, are removed: GitHub publishes no second one of a tag.
    pub(super) async fn done(
        &self,
        release: &RemoteRelease,
        there: &[RemoteAsset],
        latest: Option<bool>,
    ) -> Result<Round, GithubReleaseError> {
        let made = self
            .made
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        for second in made.into_iter().filter(|made| *made != release.id) {
            let attempt = || self.github.remove_release(second);
            self.github.attempts("remove a draft", attempt).await?;
        }
        Ok(Round::Done(self.released(release, there, latest)))
    }

    fn released(
        &self,
        release: &RemoteRelease,
        there: &[RemoteAsset],
        latest: Option<bool>,
    ) -> Released {
        let asset = |asset: &Asset| ReleasedAsset {
            name: asset.name.clone(),
            size: asset.size,
            sha256: asset.sha256,
            url: there
                .iter()
                .find(|one| one.name == asset.name)
                .map(|one| one.browser_download_url.clone())
                .unwrap_or_default(),
        };
        Released {
            format: FORMAT,
            api: self.github.api().to_string(),
            repository: self.github.repository().to_string(),
            tag: self.wanted.tag.to_string(),
            commit: self.wanted.commit.clone(),
            url: release.html_url.clone(),
            prerelease: release.prerelease,
            latest,
            unchanged: !self.changed.load(Ordering::Relaxed),
            assets: self.wanted.assets.iter().map(asset).collect(),
        }
    }
}
