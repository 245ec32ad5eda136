//! The repository itself, and its tags.

use super::answers::{refused, value};
use super::client::GitHub;
use super::wire::{GitRef, TagObject};
use http::{Method, StatusCode};
use hub_client::ClientError;

/// How deep tags of tags may be.
const DEPTH: usize = 8;

impl GitHub {
    /// The commit that a tag is at, whatever tags lie between, or what else it is at; nothing where there
    /// is no such tag.
    pub(super) async fn tag_commit(&self, tag: &str) -> Result<Option<String>, ClientError> {
        let what = format!("look at the tag {tag}");
        let path = ["git", "ref", "tags", tag];
        let request = self.request(what.clone(), Method::GET, &path, &[]);
        let answer = self.ask(&request).await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let mut object = value::<GitRef>(answer)?.object;
        for _ in 0..DEPTH {
            if object.kind != "tag" {
                break;
            }
            let path = ["git", "tags", &object.sha];
            let request = self.request(what.clone(), Method::GET, &path, &[]);
            object = value::<TagObject>(self.ask(&request).await?)?.object;
        }
        Ok(Some(match object.kind.as_str() {
            "commit" => object.sha,
            kind => format!("the {kind} {}", object.sha),
        }))
    }

    /// Whether the credential sees the repository at all.
    pub(super) async fn is_seen(&self) -> Result<bool, ClientError> {
        let what = format!("look at {}", self.repository());
        let request = self.request(what, Method::GET, &[], &[]);
        let answer = self.ask(&request).await?;
        match answer.status {
            StatusCode::NOT_FOUND => Ok(false),
            status if status.is_success() => Ok(true),
            _ => Err(refused(answer)),
        }
    }

    /// The names of all tags that begin so. GitHub answers with all of them, and with the same ones whatever
    /// page is asked for.
    pub(super) async fn tags(&self, beginning: &str) -> Result<Vec<String>, ClientError> {
        let what = format!("list the tags of {}", self.repository());
        let path = ["git", "matching-refs", "tags", beginning];
        let request = self.request(what, Method::GET, &path, &[]);
        let refs: Vec<GitRef> = value(self.ask(&request).await?)?;
        let names = refs.into_iter();
        Ok(names
            .filter_map(|one| one.name.strip_prefix("refs/tags/").map(str::to_owned))
            .collect())
    }
}
