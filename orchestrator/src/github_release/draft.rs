//! The one release of a tag: found, or made as a draft.
//!
//! GitHub keeps any number of drafts of one tag, none of which can be asked for by it, and one that is
//! published. So all are listed, everybody chooses the same one, and what this program has made beside
//! it, with nothing in it, is removed by whoever sees it.

use super::client::GitHub;
use super::error::GithubReleaseError;
use super::wire::{Change, RemoteRelease};
use super::{Wanted, is_gone};
use crate::events::Reporter;
use crate::text::one_line;
use hub_client::ClientError;
use release_types::Sha256Digest;
use std::sync::{Mutex, PoisonError};

/// What drafts of this program have at the end of their notes, where nobody sees it, before the digest of the
/// notes: a person may have written others, and left it there.
const MARK: &str = "<!-- draft made by atlas-release, notes ";

/// What it ends with.
const MARK_END: &str = " -->";

/// How many characters notes with the mark have beside the notes; a digest is written with 64.
pub(super) const MARK_LENGTH: usize = "\n\n\n".len() + MARK.len() + 64 + MARK_END.len();

/// Notes with the mark.
fn marked(notes: &str) -> String {
    format!("{notes}\n\n{MARK}{}{MARK_END}\n", digest(notes))
}

/// The digest of notes, however their lines end: GitHub's page writes them anew.
fn digest(notes: &str) -> Sha256Digest {
    Sha256Digest::of(notes.replace("\r\n", "\n").trim_end().as_bytes())
}

/// Which of all releases is that of a tag.
#[derive(Debug)]
pub(super) struct Choice<'a> {
    /// It, if there is one.
    pub release: Option<&'a RemoteRelease>,
    /// Drafts of this program that nobody needs.
    pub leftovers: Vec<&'a RemoteRelease>,
}

impl RemoteRelease {
    /// Whether it is a draft that this program has made.
    pub(super) fn is_marked(&self) -> bool {
        let body = self.body.as_deref();
        self.draft && body.is_some_and(|body| body.contains(MARK))
    }

    /// What a person has made of the notes of a draft of this program, without the mark; nothing where they
    /// are what it has written.
    pub(super) fn rewritten(&self) -> Option<String> {
        let body = self.body.as_deref()?;
        let (before, rest) = body.split_once(MARK)?;
        let (told, after) = rest.split_once(MARK_END)?;
        let notes = format!("{}{}", before.trim_end(), after.trim_end());
        (told != digest(&notes).to_string()).then_some(notes)
    }

    /// Whether its name is the one that drafts of this program have.
    pub(super) fn has_own_name(&self) -> bool {
        let name = self.name.as_deref();
        name.is_none_or(|name| name.is_empty() || name == self.tag_name)
    }
}

/// Chooses: what is published counts for more than any draft, what a person has made for more than what
/// this program has, and of several of its own the first.
///
/// # Errors
/// When there are several drafts that others have made.
pub(super) fn choose<'a>(
    all: &'a [RemoteRelease],
    tag: &str,
) -> Result<Choice<'a>, GithubReleaseError> {
    let of_tag = || all.iter().filter(|release| release.tag_name == tag);
    let mut marked: Vec<&RemoteRelease> = of_tag().filter(|one| one.is_marked()).collect();
    if let Some(published) = of_tag().find(|release| !release.draft) {
        // GitHub publishes no second one of a tag, so these never become anything. Only what a person has
        // put into one keeps it.
        let has = |name: &str| published.assets.iter().any(|one| one.name == name);
        marked.retain(|draft| {
            draft.rewritten().is_none() && draft.assets.iter().all(|one| has(&one.name))
        });
        return Ok(Choice {
            release: Some(published),
            leftovers: marked,
        });
    }
    let others: Vec<&RemoteRelease> = of_tag().filter(|one| !one.is_marked()).collect();
    let chosen = match others[..] {
        [] => marked.iter().copied().min_by_key(|one| one.id),
        [one] => Some(one),
        _ => {
            return Err(GithubReleaseError::SeveralDrafts {
                tag: tag.to_owned(),
                urls: others.iter().map(|one| one_line(&one.html_url)).collect(),
            });
        }
    };
    // One with files may be what another run is at work on, which sees less than this one.
    marked.retain(|one| {
        let is_other = chosen.is_some_and(|chosen| chosen.id != one.id);
        is_other && one.assets.is_empty() && one.rewritten().is_none()
    });
    Ok(Choice {
        release: chosen,
        leftovers: marked,
    })
}

/// Finds the release of the tag or makes a draft of it, whose id is noted in `made_here`. A draft whose
/// answer was lost is found, and not made once more.
pub(super) async fn find_or_make(
    github: &GitHub,
    wanted: &Wanted,
    made_here: &Mutex<Vec<u64>>,
    reporter: &dyn Reporter,
) -> Result<RemoteRelease, GithubReleaseError> {
    let tag = wanted.tag.to_string();
    let body = marked(&wanted.notes);
    let attempt = || async {
        let all = github.releases().await?;
        match chosen(github, &all, &tag, reporter).await? {
            Ok(Some(found)) => return Ok(Ok(found)),
            Ok(None) => {}
            Err(error) => return Ok(Err(error)),
        }
        let made = github
            .create(&Change {
                tag_name: &tag,
                name: Some(&tag),
                body: Some(&body),
                draft: true,
                prerelease: wanted.is_prerelease(),
                make_latest: None,
            })
            .await?;
        {
            let mut ids = made_here.lock().unwrap_or_else(PoisonError::into_inner);
            ids.push(made.id);
        }
        // Another run may have made one at the same moment.
        let all = github.releases().await?;
        let found = chosen(github, &all, &tag, reporter).await?;
        Ok(found.map(|found| found.unwrap_or(made)))
    };
    let what = format!("find or make the release of {tag}");
    github.attempts(&what, attempt).await?
}

/// Removes what others, or earlier runs, have begun of a release that is published now.
pub(super) async fn tidy(
    github: &GitHub,
    tag: &str,
    reporter: &dyn Reporter,
) -> Result<(), GithubReleaseError> {
    let attempt = || async {
        let all = github.releases().await?;
        chosen(github, &all, tag, reporter).await
    };
    let what = format!("list the releases of {}", github.repository());
    github.attempts(&what, attempt).await??;
    Ok(())
}

/// Chooses, and removes what nobody needs.
async fn chosen(
    github: &GitHub,
    all: &[RemoteRelease],
    tag: &str,
    reporter: &dyn Reporter,
) -> Result<Result<Option<RemoteRelease>, GithubReleaseError>, ClientError> {
    let choice = match choose(all, tag) {
        Ok(choice) => choice,
        Err(error) => return Ok(Err(error)),
    };
    for leftover in choice.leftovers {
        reporter.note(format!(
            "{tag} has a second draft that a run has left behind: it is removed"
        ));
        match github.remove_release(leftover.id).await {
            Err(error) if !is_gone(&error) => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(Ok(choice.release.cloned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn release(id: u64, kind: &str, assets: usize) -> RemoteRelease {
        let asset = serde_json::json!({"id": 1, "name": "a", "state": "uploaded", "size": 1});
        serde_json::from_value(serde_json::json!({
            "id": id,
            "tag_name": if kind == "other" { "demo-v9.0.0" } else { "demo-v1.0.0" },
            "html_url": format!("https://github.com/o/d/{id}"),
            "upload_url": "",
            "draft": kind != "published",
            "body": match kind {
                "marked" => marked("notes"),
                "rewritten" => marked("notes").replace("notes\n", "My notes\n"),
                _ => "notes".to_owned(),
            },
            "assets": vec![asset; assets],
        }))
        .unwrap()
    }

    #[track_caller]
    fn chooses(all: &[RemoteRelease], id: Option<u64>, leftovers: &[u64]) {
        let choice = choose(all, "demo-v1.0.0").unwrap();
        assert_eq!(choice.release.map(|one| one.id), id);
        let ids: Vec<u64> = choice.leftovers.iter().map(|one| one.id).collect();
        assert_eq!(ids, leftovers);
    }

    #[test]
    fn everybody_chooses_the_same_release() {
        chooses(&[release(1, "other", 0)], None, &[]);
        let drafts = [release(7, "marked", 0), release(5, "marked", 2)];
        chooses(&drafts, Some(5), &[7]);
        // What has files may be somebody's work; what comes first counts all the same.
        let drafts = [release(7, "marked", 3), release(5, "marked", 0)];
        chooses(&drafts, Some(5), &[]);
        let mixed = [release(5, "marked", 0), release(6, "person", 0)];
        chooses(&mixed, Some(6), &[5]);
        let published = [
            release(5, "marked", 2),
            release(9, "published", 2),
            release(1, "person", 0),
        ];
        chooses(&published, Some(9), &[5]);
    }

    #[test]
    fn what_a_person_has_made_of_a_draft_is_never_removed() {
        let mut own_file = release(6, "marked", 2);
        own_file.assets[1].name = "manual.pdf".to_owned();
        let all = [
            own_file,
            release(7, "rewritten", 0),
            release(8, "marked", 0),
            release(9, "published", 1),
        ];
        chooses(&all, Some(9), &[8]);
        let drafts = [release(5, "marked", 0), release(6, "rewritten", 0)];
        chooses(&drafts, Some(5), &[]);
    }

    #[test]
    fn notes_are_known_again_with_other_line_ends_and_not_with_other_words() {
        let mut draft = release(1, "marked", 0);
        assert_eq!(draft.rewritten(), None);
        draft.body = Some(marked("one\ntwo\n").replace('\n', "\r\n"));
        assert_eq!(draft.rewritten(), None);
        draft.body = Some(marked("one").replace("one", "one and more") + "\nand this");
        assert_eq!(draft.rewritten().unwrap(), "one and more\n\nand this");
        draft.body = Some("none".to_owned());
        assert_eq!(draft.rewritten(), None);
    }

    #[test]
    fn the_mark_is_as_long_as_is_left_for_it() {
        for notes in ["", "\u{e9}", "one\ntwo\n"] {
            let with = marked(notes).chars().count();
            assert_eq!(with, notes.chars().count() + MARK_LENGTH);
        }
    }

    #[test]
    fn of_two_drafts_that_others_have_made_none_is_chosen() {
        let drafts = [release(5, "person", 0), release(6, "person", 0)];
        let error = choose(&drafts, "demo-v1.0.0").unwrap_err().to_string();
        assert!(
            error.contains("https://github.com/o/d/5, https://github.com/o/d/6"),
            "{error}"
        );
    }
}
