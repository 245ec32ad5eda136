//! How the server shows what it knows.

use super::state::{Answer, Asset, PREFIX, REPOSITORY, Release, State, answer};
use serde_json::{Value, json};

impl State {
    pub fn reference(&self, tag: &str) -> Value {
        let object = match self.annotated {
            true => json!({"type": "tag", "sha": tag}),
            false => json!({"type": "commit", "sha": self.tags[tag]}),
        };
        json!({"ref": format!("refs/tags/{tag}"), "object": object})
    }

    pub fn release(&self, release: &Release) -> Value {
        let Release { id, tag, draft, .. } = release;
        let page = match draft {
            true => format!("untagged-{id}"),
            false => tag.clone(),
        };
        let assets = release
            .assets
            .iter()
            .map(|asset| self.asset(release, asset));
        json!({
            "id": id, "tag_name": tag, "target_commitish": "main", "name": release.name,
            "body": release.body, "draft": draft, "prerelease": release.prerelease,
            "html_url": format!("https://github.example.com/{REPOSITORY}/releases/tag/{page}"),
            "upload_url": format!("{}{PREFIX}/releases/{id}/assets{{?name,label}}", self.uploads),
            "assets": assets.collect::<Vec<Value>>(),
        })
    }

    pub fn asset(&self, release: &Release, asset: &Asset) -> Value {
        let place = match release.draft {
            true => format!("untagged-{}", release.id),
            false => release.tag.clone(),
        };
        let name = &asset.name;
        let digest = format!("sha256:{}", asset.sha256);
        json!({
            "id": asset.id, "name": name, "label": "", "content_type": "application/octet-stream",
            "state": if asset.uploaded { "uploaded" } else { "starter" },
            "size": asset.bytes.len(),
            "digest": (asset.uploaded && self.digests).then_some(digest),
            "created_at": asset.created_at, "updated_at": asset.created_at,
            "browser_download_url":
                format!("https://github.example.com/{REPOSITORY}/releases/download/{place}/{name}"),
        })
    }

    /// A page of a list. The next one's address leads elsewhere: nobody may go there with a credential.
    pub fn page(&self, all: Vec<Value>, query: &str) -> Answer {
        if !self.paged {
            return answer(200, all.into());
        }
        let number = |name: &str, default: usize| {
            let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            let found = pairs.into_iter().find(|(key, _)| *key == name);
            found.map_or(default, |(_, value)| value.parse().unwrap())
        };
        let (size, page) = (number("per_page", 30).min(100), number("page", 1));
        let from = ((page - 1) * size).min(all.len());
        let to = (from + size).min(all.len());
        let mut shown = answer(200, all[from..to].to_vec().into());
        if to < all.len() {
            let link = format!("<{}/next>; rel=\"next\"", self.storage);
            shown.headers.push(("link", link));
        }
        shown
    }
}
