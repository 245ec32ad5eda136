//! What the rows of the fault table share: which call a request is, what fails, and what has to hold
//! afterwards, however it has failed.

use crate::behind::{Behind, add};
use crate::hub_server::{asks_for_leave, get, is_registration, release};
use crate::support::*;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Mutex;
use test_support::{Fault, Finished, Sandbox, Seen};

/// What is asked of a Hub, apart from what for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Call {
    /// What it can do.
    Ask,
    /// What is uploaded.
    Objects,
    /// The newest release.
    Latest,
    /// A release by its version.
    Release,
    /// An upload address.
    Presign,
    /// Whether a product may be published.
    Leave,
    /// The bytes of a file.
    Upload,
    /// To register a platform, as a draft where there are drafts.
    Register,
    /// To show drafts.
    Finalize,
    /// Where a file is.
    Download,
    /// The file.
    Bytes,
}

impl Call {
    /// All that a publish makes, in the order in which it makes the first of each.
    pub const ALL: [Self; 11] = [
        Self::Ask,
        Self::Latest,
        Self::Presign,
        Self::Leave,
        Self::Release,
        Self::Objects,
        Self::Upload,
        Self::Register,
        Self::Finalize,
        Self::Download,
        Self::Bytes,
    ];

    /// Those that such a Hub knows.
    pub fn of_hub(base: bool) -> Vec<Self> {
        let beyond = [Self::Ask, Self::Objects, Self::Finalize];
        let all = Self::ALL.into_iter();
        all.filter(|call| !base || !beyond.contains(call)).collect()
    }

    pub fn of(seen: &Seen) -> Self {
        let path = seen.path.split('?').next().unwrap_or_default();
        match seen.method.as_str() {
            "PUT" => Self::Upload,
            "POST" if path.ends_with("/presign") => Self::Presign,
            "POST" if path.ends_with("/finalize") => Self::Finalize,
            "POST" if asks_for_leave(seen) => Self::Leave,
            "POST" if is_registration(seen) => Self::Register,
            "GET" if path.ends_with("/api/v1/hub") => Self::Ask,
            "GET" if path.ends_with("/storage/objects") => Self::Objects,
            "GET" if path.contains("/download/") => Self::Download,
            "GET" if path.contains("/releases/") && path.contains("/latest/") => Self::Latest,
            "GET" if path.contains("/releases/") => Self::Release,
            "GET" if !path.contains("/api/") => Self::Bytes,
            _ => panic!("an unknown call: {seen:?}"),
        }
    }

    /// Whether the deploy token belongs to it.
    fn has_token(self) -> bool {
        matches!(
            self,
            Self::Presign | Self::Leave | Self::Register | Self::Finalize | Self::Objects
        )
    }
}

/// A release of four files, and a Hub that fails.
pub struct Stage {
    pub behind: Behind,
    pub sandbox: Sandbox,
    pub staged: PathBuf,
    base: bool,
}

impl Stage {
    /// Every request meets the fault of its kind.
    pub fn new(base: bool, fault: impl Fn(Call) -> Fault + Send + Sync + 'static) -> Self {
        Self::of(base, move |seen| fault(Call::of(seen)))
    }

    /// The first request of each kind does.
    pub fn once(base: bool, fault: impl Fn(Call) -> Fault + Send + Sync + 'static) -> Self {
        let met = Mutex::new(BTreeSet::new());
        Self::new(base, move |call| match met.lock().unwrap().insert(call) {
            true => fault(call),
            false => Fault::None,
        })
    }

    fn of(base: bool, fault: impl Fn(&Seen) -> Fault + Send + Sync + 'static) -> Self {
        let sandbox = Sandbox::new();
        let staged = staged_release(&sandbox);
        let large = vec![b'x'; 300 * 1024];
        add(&staged, &[("second", large), ("third", b"third".to_vec())]);
        Self {
            behind: Behind::new(base, move |seen, _| fault(seen)),
            sandbox,
            staged,
            base,
        }
    }

    #[track_caller]
    pub fn publish(&self) -> Finished {
        self.behind.publish(&self.sandbox).run()
    }

    /// How often a call was made.
    pub fn count(&self, call: Call) -> usize {
        let seen = self.behind.proxy.seen();
        seen.iter().filter(|seen| Call::of(seen) == call).count()
    }

    /// Whether the release is shown. It is so as a whole, with the bytes that were built, or not at all;
    /// where there are no drafts this goes for each product. And whatever has happened, the token has
    /// gone nowhere where it does not belong.
    #[track_caller]
    pub fn shows(&self) -> bool {
        let url = self.behind.hub.url();
        let mut shown = Vec::new();
        for (product, files) in self.built() {
            let Some(found) = release(&url, &product, "0.1.0") else {
                shown.push(false);
                continue;
            };
            let assets = found["assets"].as_array().unwrap();
            let text = |asset: &Value, field: &str| asset[field].as_str().unwrap().to_owned();
            let listed = assets
                .iter()
                .map(|a| (text(a, "filename"), text(a, "sha256")));
            assert_eq!(listed.collect::<BTreeMap<_, _>>(), files, "{found}");
            for asset in assets {
                let id = text(asset, "download_id");
                let (status, bytes) = get(&format!("{url}/api/v1/download/{id}"));
                assert_eq!(status, 200);
                let local = std::fs::read(self.staged.join(text(asset, "filename")));
                assert!(bytes == local.unwrap(), "{asset}");
            }
            shown.push(true);
        }
        assert!(
            self.base || shown[0] == shown[1],
            "half a release: {shown:?}"
        );
        for seen in self.behind.proxy.seen() {
            let told = seen.head.contains(&self.behind.hub.token);
            assert!(!told || Call::of(&seen).has_token(), "{seen:?}");
        }
        shown.iter().all(|one| *one)
    }

    /// Once nothing fails any more, the same command again makes it whole.
    #[track_caller]
    pub fn ends_well(&self) {
        self.behind.heal();
        self.publish().exits(0);
        assert!(self.shows());
    }

    /// The files of each product, and their digests.
    fn built(&self) -> BTreeMap<String, BTreeMap<String, String>> {
        let record = std::fs::read(self.staged.join("release.json")).unwrap();
        let record: Value = serde_json::from_slice(&record).unwrap();
        let mut built: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
        for file in record["artifacts"].as_array().unwrap() {
            let text = |field: &str| file[field].as_str().unwrap().to_owned();
            let of_product = built.entry(text("product")).or_default();
            of_product.insert(text("filename"), text("sha256"));
        }
        built
    }
}

/// Does the same with many things, some at a time: most of it is waiting.
pub fn side_by_side<T: Sync>(cases: &[T], at_once: usize, work: impl Fn(&T) + Sync) {
    let next = Mutex::new(cases.iter());
    std::thread::scope(|scope| {
        for _ in 0..at_once.min(cases.len()) {
            scope.spawn(|| {
                loop {
                    let Some(case) = next.lock().unwrap().next() else {
                        break;
                    };
                    work(case);
                }
            });
        }
    });
}

/// An answer in full.
pub fn reply(status: &str, fields: &[&str], body: &str) -> Fault {
    let mut text = format!("HTTP/1.1 {status}\r\n");
    for field in fields {
        text += &format!("{field}\r\n");
    }
    let length = body.len();
    Fault::Reply(format!(
        "{text}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    ))
}

/// A web page, as a proxy or a sign-in puts it in the place of an answer.
pub fn page(status: &str) -> Fault {
    let body = "<!doctype html><html><body><h1>Sign in</h1></body></html>";
    reply(status, &["content-type: text/html; charset=utf-8"], body)
}
