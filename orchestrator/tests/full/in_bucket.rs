//! A release whose bytes go straight to a bucket and come straight from it, past the Hub. The server
//! checks signatures, and a proxy before it sees every request.

use crate::hub_server::{TestHub, serves};
use crate::support::*;
use hub::BucketConfig;
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;
use test_support::{Fault, Finished, Invocation, Proxy, S3Server, Sandbox, Seen, tree};

/// A Hub with its bytes in a bucket, and proxies before both.
struct Stage {
    hub: TestHub,
    /// What clients ask the Hub.
    front: Proxy,
    /// What clients and the Hub ask the bucket.
    back: Proxy,
    s3: S3Server,
}

/// Whether it goes by an address that the Hub has signed, and so is a client's.
fn is_clients(seen: &Seen) -> bool {
    seen.path.contains("X-Amz-Signature=")
}

fn is_upload(seen: &Seen) -> bool {
    is_clients(seen) && seen.method == "PUT"
}

impl Stage {
    /// `fault` is about what is asked of the bucket.
    fn start(fault: impl Fn(&Seen) -> Fault + Send + Sync + 'static) -> Self {
        rustls::crypto::ring::default_provider()
            .install_default()
            .ok();
        let s3 = S3Server::start();
        let port = Proxy::bind();
        let settings = s3.settings_by(&port.url()).into_iter();
        let settings = settings.map(|(name, value)| (name, value.into()));
        let bucket = BucketConfig::new("s3://hub/releases", settings.collect());
        let back = port.serve(s3.address(), fault);
        let hub = TestHub::start_with(|config| config.bucket = Some(bucket));
        let front = Proxy::bind().serve(hub.address, |_| Fault::None);
        Self {
            hub,
            front,
            back,
            s3,
        }
    }

    fn publish(&self, sandbox: &Sandbox, line: &str) -> Invocation {
        self.hub
            .publishes(atlas(sandbox, line))
            .env("ATLAS_HUB_URL", self.front.url())
    }

    /// What clients have sent to the bucket or asked of it, by method.
    fn of_clients(&self, method: &str) -> Vec<Seen> {
        let mut seen = self.back.seen();
        seen.retain(|seen| is_clients(seen) && seen.method == method);
        seen
    }

    /// The uploads, by the address without what was signed.
    fn uploads(&self) -> Vec<String> {
        let place = |seen: Seen| seen.path.split('?').next().map(str::to_owned);
        let uploads = self.of_clients("PUT").into_iter();
        uploads.filter_map(place).collect()
    }

    /// The names of what lies in the bucket, without the Hub's note of whose it is.
    fn lying(&self) -> Vec<String> {
        let mut names: Vec<String> = tree(&self.s3.bucket().join("releases"))
            .into_keys()
            .collect();
        names.retain(|name| !name.ends_with('/') && name != "hub.json");
        names
    }

    /// The staged release is what both the Hub and the bucket have, and nothing else.
    fn has_exactly(&self, staged: &Path) {
        for product in ["alpha", "beta"] {
            let file = staged.join(format!("{product}-{}", platform()));
            serves(&self.hub.url(), product, "latest", &file);
        }
        let lying = self.lying();
        assert_eq!(lying.len(), 2, "{lying:?}");
        assert!(
            lying.iter().all(|name| name.starts_with("blobs/")),
            "{lying:?}"
        );
    }

    /// Nobody was told what only the Hub may know, or what the Hub alone has signed.
    fn tells_no_secret(&self, run: &Finished) {
        for seen in self.back.seen().iter().filter(|seen| is_clients(seen)) {
            assert_eq!(seen.header("authorization"), None, "{}", seen.method);
            let header = release_types::DEPLOY_TOKEN_HEADER;
            assert_eq!(seen.header(header), None, "{}", seen.method);
            assert!(!seen.head.contains(&self.hub.token), "{}", seen.method);
        }
        let secret = &self.s3.settings()[2].1;
        for said in [&run.stdout, &run.stderr] {
            for secret in ["X-Amz-Signature", secret, &self.hub.token] {
                assert!(!said.contains(secret), "{run}");
            }
        }
    }
}

#[test]
fn a_release_goes_to_the_bucket_and_is_proven_from_there() {
    let sandbox = Sandbox::new();
    let staged = staged_release(&sandbox);
    let stage = Stage::start(|_| Fault::None);
    let run = stage
        .publish(&sandbox, "publish --format json -vv")
        .run()
        .exits(0);
    stage.tells_no_secret(&run);
    assert_eq!(stage.uploads().len(), 2);
    assert_eq!(stage.of_clients("GET").len(), 2);
    // No byte of them came by the Hub.
    let asked = stage.front.seen();
    assert!(asked.iter().all(|seen| seen.method != "PUT"), "{asked:?}");
    let downloads = asked.iter().filter(|seen| seen.path.contains("/download/"));
    assert_eq!(downloads.count(), 2);
    stage.has_exactly(&staged);
    for asset in receipt(&run)["assets"].as_array().unwrap() {
        let url = asset["url"].as_str().unwrap();
        assert!(url.starts_with(&stage.front.url()), "{url}");
    }

    // Once more, and by somebody else without a credential.
    let run = stage
        .publish(&sandbox, "publish --format json")
        .run()
        .exits(0);
    let uploaded = events_of(&run, "uploaded");
    assert!(
        uploaded.iter().all(|event| event["unchanged"] == true),
        "{run}"
    );
    assert_eq!(stage.uploads().len(), 2);
    let verify = || atlas(&sandbox, "verify").env("ATLAS_HUB_URL", stage.front.url());
    let run = verify().run().exits(0);
    stage.tells_no_secret(&run);

    // The bucket is not believed.
    let name = stage.lying().remove(0);
    let file = stage.s3.bucket().join("releases").join(name);
    let mut bytes = fs::read(&file).unwrap();
    bytes[100] ^= 1;
    fs::write(&file, bytes).unwrap();
    verify().run().exits(8).says(&["downloads as"]);
}

/// The address takes one upload, and has had it. Whether the bucket says so to the next, or whether
/// that answer is lost as well, a new address is asked for.
#[test]
fn an_upload_whose_answer_was_lost_ends_with_a_new_address() {
    for refusal_arrives in [true, false] {
        let sandbox = Sandbox::new();
        let staged = staged_release(&sandbox);
        let lost = Mutex::new(None);
        let stage = Stage::start(move |seen| {
            if !is_upload(seen) {
                return Fault::None;
            }
            let place = seen.path.split('?').next().map(str::to_owned);
            let mut lost = lost.lock().unwrap();
            match &*lost {
                None => {
                    *lost = place;
                    Fault::LoseAnswer
                }
                Some(_) if *lost == place && !refusal_arrives => Fault::Cut,
                Some(_) => Fault::None,
            }
        });
        let run = stage
            .publish(&sandbox, "publish --uploads 1")
            .within(Duration::from_secs(180))
            .run()
            .exits(0)
            .says(&["(attempt 1 of 5 failed)"]);
        stage.tells_no_secret(&run);
        let uploads = stage.uploads();
        let attempts = if refusal_arrives { 2 } else { 5 };
        assert_eq!(uploads.len(), attempts + 2, "{uploads:?}");
        let (first, rest) = uploads.split_at(attempts);
        assert!(first.iter().all(|place| *place == first[0]), "{uploads:?}");
        assert!(!rest.contains(&first[0]) && rest[0] != rest[1]);
        // What was uploaded twice is there once.
        stage.has_exactly(&staged);
    }
}

/// So much that the Hub reads for longer than one request may take.
#[test]
fn a_hub_that_reads_for_long_before_it_registers_is_waited_for() {
    let sandbox = Sandbox::new();
    // The Hub's own reading alone is slow, and not as slow as what it gives up.
    let stage = Stage::start(|seen| {
        let reads = seen.method == "GET" && seen.path.contains("/blobs/");
        match reads && !is_clients(seen) {
            true => Fault::Slow(1_400_000),
            false => Fault::None,
        }
    });
    let bytes: Vec<u8> = (0..40_u32 << 18).flat_map(u32::to_le_bytes).collect();
    fs::write(sandbox.root().join("large"), &bytes).unwrap();
    let row = "large|linux|x64|binary\n";
    fs::write(sandbox.root().join("files.manifest"), row).unwrap();
    let line = "publish --product alpha --version 1.0.0 --manifest files.manifest";
    let run = stage
        .publish(&sandbox, line)
        .run()
        .exits(0)
        .says(&["still reading what was uploaded", "asking again in 5.0 s"]);
    stage.tells_no_secret(&run);
    let reads = |seen: &Seen| seen.method == "GET" && seen.path.contains("/blobs/");
    let read = stage.back.seen().into_iter().filter(reads);
    // Once by the Hub, and once by the client.
    assert_eq!(read.count(), 2);
}
