//! What the server knows, and how it answers.

use super::server::{Host, Seen};
use axum::http::HeaderMap;
use jiff::{SignedDuration, Timestamp};
use release_types::Sha256Digest;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Instant;

pub const REPOSITORY: &str = "octo/demo";
pub const TOKEN: &str = "ghs_0123456789_of_nobody";
pub const PREFIX: &str = "/repos/octo/demo";

/// What it knows.
pub struct State {
    /// The commits of tags.
    pub tags: BTreeMap<String, String>,
    /// Those of them that are annotated.
    pub annotated: bool,
    pub releases: Vec<Release>,
    /// The release that it calls the latest.
    pub latest: Option<u64>,
    pub seen: Vec<Seen>,
    /// When each of them came.
    pub times: Vec<Instant>,
    /// How many lists do not have a new draft yet.
    pub lag: usize,
    /// Whether it computes digests.
    pub digests: bool,
    /// Whether lists have pages.
    pub paged: bool,
    /// How old an upload looks that has just begun, in seconds.
    pub age: i64,
    /// What whoever may read alone is answered who changes something.
    pub denied: Option<u16>,
    /// Where uploads are sent to.
    pub uploads: String,
    pub storage: String,
    next: u64,
}

pub struct Release {
    pub id: u64,
    pub tag: String,
    pub name: String,
    pub body: String,
    pub draft: bool,
    pub prerelease: bool,
    pub assets: Vec<Asset>,
    /// How many lists do not have it yet.
    pub hidden: usize,
}

pub struct Asset {
    pub id: u64,
    pub name: String,
    pub uploaded: bool,
    pub bytes: Vec<u8>,
    pub sha256: Sha256Digest,
    pub created_at: Timestamp,
}

pub struct Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Value,
    pub bytes: Option<Vec<u8>>,
}

/// A refusal, with the words for programs.
pub fn fault(status: u16, message: &str, codes: &[(&str, &str)]) -> Answer {
    let errors = codes
        .iter()
        .map(|(field, code)| json!({"resource": "Release", "field": field, "code": code}));
    let mut body = json!({"message": message, "documentation_url": "https://docs.github.com/rest", "status": status.to_string()});
    if !codes.is_empty() {
        body["errors"] = errors.collect();
    }
    answer(status, body)
}

pub fn answer(status: u16, body: Value) -> Answer {
    Answer {
        status,
        headers: Vec::new(),
        body,
        bytes: None,
    }
}

fn not_found() -> Answer {
    fault(404, "Not Found", &[])
}

impl State {
    pub fn new() -> Self {
        Self {
            tags: BTreeMap::new(),
            annotated: false,
            releases: Vec::new(),
            latest: None,
            seen: Vec::new(),
            times: Vec::new(),
            lag: 0,
            digests: true,
            paged: true,
            age: 0,
            denied: None,
            uploads: String::new(),
            storage: String::new(),
            next: 100,
        }
    }

    fn id(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Has a release from elsewhere, with files, and returns its id.
    pub fn has(&mut self, tag: &str, draft: bool, body: &str, files: &[(&str, &[u8])]) -> u64 {
        let id = self.id();
        let assets = files.iter().map(|(name, bytes)| (*name, bytes.to_vec()));
        let assets = assets.map(|(name, bytes)| Asset {
            id: self.id(),
            name: name.to_owned(),
            uploaded: true,
            sha256: Sha256Digest::of(&bytes),
            bytes,
            created_at: Timestamp::UNIX_EPOCH,
        });
        let assets = assets.collect();
        self.releases.push(Release {
            id,
            tag: tag.to_owned(),
            name: tag.to_owned(),
            body: body.to_owned(),
            draft,
            prerelease: false,
            assets,
            hidden: 0,
        });
        id
    }

    /// The releases of a tag, published or not.
    pub fn of_tag(&self, tag: &str) -> Vec<&Release> {
        self.releases.iter().filter(|one| one.tag == tag).collect()
    }

    pub fn answer(
        &mut self,
        seen: &Seen,
        headers: &HeaderMap,
        authorized: bool,
        body: &Value,
    ) -> Answer {
        if !authorized {
            return fault(401, "Bad credentials", &[]);
        }
        let Some(path) = seen.path.strip_prefix(PREFIX) else {
            return not_found();
        };
        if let (true, Some(status)) = (seen.changes(), self.denied) {
            return fault(status, "Resource not accessible by integration", &[]);
        }
        let path = path.replace("%2B", "+");
        let words: Vec<&str> = path.trim_matches('/').split('/').collect();
        match (seen.method.as_str(), &words[..]) {
            ("GET", [""]) => answer(200, json!({"full_name": REPOSITORY})),
            ("GET", ["git", "ref", "tags", tag]) => match self.tags.get(*tag) {
                Some(_) => answer(200, self.reference(tag)),
                None => not_found(),
            },
            ("GET", ["git", "tags", tag]) => match self.tags.get(*tag) {
                Some(commit) => answer(200, json!({"object": {"sha": commit, "type": "commit"}})),
                None => not_found(),
            },
            ("GET", ["git", "matching-refs", "tags", beginning]) => {
                let tags = self.tags.keys().filter(|tag| tag.starts_with(beginning));
                // All of them at once, whatever page is asked for, and without a word of another one.
                answer(200, tags.map(|tag| self.reference(tag)).collect())
            }
            ("GET", ["releases"]) => {
                let shown = self.releases.iter().rev().filter(|one| one.hidden == 0);
                let all = shown.map(|one| self.release(one)).collect();
                for release in &mut self.releases {
                    release.hidden = release.hidden.saturating_sub(1);
                }
                self.page(all, &seen.query)
            }
            ("POST", ["releases"]) => self.make(body),
            ("PATCH", ["releases", id]) => self.edit(id.parse().unwrap(), body),
            ("DELETE", ["releases", id]) => {
                let (id, before) = (id.parse::<u64>().unwrap(), self.releases.len());
                self.releases.retain(|one| one.id != id);
                match self.releases.len() < before {
                    true => answer(204, Value::Null),
                    false => not_found(),
                }
            }
            ("GET", ["releases", "assets", id]) => self.download(id, headers),
            ("DELETE", ["releases", "assets", id]) => {
                let id = id.parse::<u64>().unwrap();
                let mut found = false;
                for release in &mut self.releases {
                    let before = release.assets.len();
                    release.assets.retain(|asset| asset.id != id);
                    found |= release.assets.len() < before;
                }
                match found {
                    true => answer(204, Value::Null),
                    false => not_found(),
                }
            }
            ("GET", ["releases", id, "assets"]) => {
                let id = id.parse::<u64>().unwrap();
                let Some(release) = self.releases.iter().find(|one| one.id == id) else {
                    return not_found();
                };
                let all = release
                    .assets
                    .iter()
                    .map(|asset| self.asset(release, asset));
                self.page(all.collect(), &seen.query)
            }
            _ => not_found(),
        }
    }

    /// An upload begins: its name is taken from now on.
    pub fn begin(&mut self, path: &str, query: &str, authorized: bool) -> Result<u64, Answer> {
        if !authorized {
            return Err(fault(401, "Bad credentials", &[]));
        }
        let release = path.strip_prefix(PREFIX).and_then(|rest| {
            let id = rest.strip_prefix("/releases/")?.strip_suffix("/assets")?;
            id.parse::<u64>().ok()
        });
        let name = query.strip_prefix("name=").unwrap().replace("%2B", "+");
        let (id, age) = (self.id(), SignedDuration::from_secs(self.age));
        let mut releases = self.releases.iter_mut();
        let Some(release) = releases.find(|one| Some(one.id) == release) else {
            return Err(not_found());
        };
        if release.assets.iter().any(|asset| asset.name == name) {
            return Err(fault(
                422,
                "Validation Failed",
                &[("name", "already_exists")],
            ));
        }
        release.assets.push(Asset {
            id,
            name,
            uploaded: false,
            sha256: Sha256Digest::of(b""),
            bytes: Vec::new(),
            created_at: Timestamp::now() - age,
        });
        Ok(id)
    }

    /// All bytes of an upload have come.
    pub fn finish(&mut self, id: u64, bytes: Vec<u8>) -> Answer {
        let mut found = None;
        for release in &mut self.releases {
            if let Some(asset) = release.assets.iter_mut().find(|asset| asset.id == id) {
                asset.sha256 = Sha256Digest::of(&bytes);
                asset.bytes = bytes;
                asset.uploaded = true;
                found = Some(release.id);
                break;
            }
        }
        let release = self.releases.iter().find(|one| Some(one.id) == found);
        let Some(release) = release else {
            return not_found();
        };
        let asset = release.assets.iter().find(|asset| asset.id == id).unwrap();
        answer(201, self.asset(release, asset))
    }

    /// The storage, which refuses whoever shows a credential beside the address.
    pub fn stored(&self, seen: &Seen) -> Answer {
        let id = seen.path.trim_start_matches('/').parse::<u64>();
        let assets = self.releases.iter().flat_map(|one| &one.assets);
        let found = id
            .ok()
            .and_then(|id| assets.into_iter().find(|asset| asset.id == id));
        match found {
            Some(asset) if !seen.has_credential && seen.query == "signature=x" => Answer {
                bytes: Some(asset.bytes.clone()),
                ..answer(200, Value::Null)
            },
            _ => fault(400, "Only one auth mechanism allowed", &[]),
        }
    }

    fn download(&self, id: &str, headers: &HeaderMap) -> Answer {
        assert_eq!(headers["accept"], "application/octet-stream");
        Answer {
            headers: vec![("location", format!("{}/{id}?signature=x", self.storage))],
            ..answer(302, Value::Null)
        }
    }

    fn make(&mut self, body: &Value) -> Answer {
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        let draft = body["draft"] == true;
        if !draft && self.is_published(&text("tag_name"), 0) {
            return fault(422, "Validation Failed", &[("tag_name", "already_exists")]);
        }
        if is_too_long(body) {
            return fault(422, "Validation Failed", &[("body", "too_long")]);
        }
        let id = self.id();
        self.releases.push(Release {
            id,
            tag: text("tag_name"),
            name: text("name"),
            body: text("body"),
            draft,
            prerelease: body["prerelease"] == true,
            assets: Vec::new(),
            hidden: self.lag,
        });
        answer(201, self.release(self.releases.last().unwrap()))
    }

    fn edit(&mut self, id: u64, body: &Value) -> Answer {
        let Some(at) = self.releases.iter().position(|one| one.id == id) else {
            return not_found();
        };
        if is_too_long(body) {
            return fault(422, "Validation Failed", &[("body", "too_long")]);
        }
        let tag = self.releases[at].tag.clone();
        let shows = body["draft"] == false;
        if shows && self.is_published(&tag, id) {
            return fault(422, "Validation Failed", &[("tag_name", "already_exists")]);
        }
        // GitHub would make the tag, at whatever is the newest commit.
        assert!(!shows || self.tags.contains_key(&tag), "{tag} is not there");
        if body["make_latest"] == "true" {
            if body["prerelease"] == true {
                return fault(422, "Validation Failed", &[("make_latest", "invalid")]);
            }
            self.latest = Some(id);
        }
        let release = &mut self.releases[at];
        if shows {
            release.draft = false;
        }
        if let Some(prerelease) = body["prerelease"].as_bool() {
            release.prerelease = prerelease;
        }
        for (name, place) in [("body", &mut release.body), ("name", &mut release.name)] {
            if let Some(text) = body[name].as_str() {
                text.clone_into(place);
            }
        }
        answer(200, self.release(&self.releases[at]))
    }

    fn is_published(&self, tag: &str, but: u64) -> bool {
        let mut of_tag = self.releases.iter().filter(|one| one.tag == tag);
        of_tag.any(|one| !one.draft && one.id != but)
    }
}

/// Whether the text of a release is longer than GitHub takes.
fn is_too_long(release: &Value) -> bool {
    let text = release["body"].as_str().unwrap_or_default();
    text.chars().count() > 125_000
}

/// No request with a credential has come to the storage.
#[track_caller]
pub fn is_discreet(state: &State) {
    let told = |seen: &&Seen| seen.host == Host::Storage && seen.has_credential;
    let told: Vec<&Seen> = state.seen.iter().filter(told).collect();
    assert!(told.is_empty(), "{told:?}");
}
