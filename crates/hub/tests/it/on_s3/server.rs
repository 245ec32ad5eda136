//! An S3 server that a test has for itself, and may stop.

use crate::binary::{PROGRAM, command, text};
use crate::storage::in_bucket;
use crate::support::client;
use hub::{BucketConfig, HubConfig};
use std::path::PathBuf;
use std::process::Output;
use test_support::{BoundProxy, Fault, Proxy, S3Server, Seen};

/// An S3 server of one test, and Hubs that have their bytes there.
pub struct S3(S3Server);

impl S3 {
    pub fn start() -> Self {
        client();
        in_bucket();
        Self(S3Server::start())
    }

    pub fn bucket(&self, prefix: &str) -> BucketConfig {
        with_settings(prefix, self.settings().to_vec())
    }

    /// A bucket that is reached by a proxy.
    pub fn bucket_by(&self, proxy: &BoundProxy, prefix: &str) -> BucketConfig {
        with_settings(prefix, self.0.settings_by(&proxy.url()))
    }

    /// A proxy before it, by `fault`.
    pub fn behind(
        &self,
        proxy: BoundProxy,
        fault: impl Fn(&Seen) -> Fault + Send + Sync + 'static,
    ) -> Proxy {
        proxy.serve(self.0.address(), fault)
    }

    /// Has a Hub keep its bytes below a prefix.
    pub fn on(&self, prefix: &str) -> impl FnOnce(&mut HubConfig) + use<> {
        let bucket = self.bucket(prefix);
        |config| config.bucket = Some(bucket)
    }

    /// `atlas-hub` with its bytes below a prefix. What it tells people holds no secret.
    pub fn atlas_hub(&self, prefix: &str, words: &[&str]) -> Output {
        let mut command = command(PROGRAM, words);
        command.env("ATLAS_HUB_STORAGE", format!("s3://hub/{prefix}"));
        command.envs(self.settings().iter().cloned());
        let done = command.output().unwrap();
        self.assert_no_secret(&text(&done.stderr));
        done
    }

    pub fn settings(&self) -> &[(String, String)] {
        self.0.settings()
    }

    pub fn assert_no_secret(&self, said: &str) {
        assert!(!said.contains(&self.settings()[2].1), "{said}");
        assert!(!said.contains(&self.settings()[1].1), "{said}");
        crate::leaks::assert_none(said);
    }

    /// The folder that is the bucket.
    pub fn folder(&self) -> PathBuf {
        self.0.bucket()
    }

    /// What lies in a folder below a prefix.
    pub fn files(&self, prefix: &str, folder: &str) -> Vec<PathBuf> {
        let folder = self.folder().join(prefix).join(folder);
        if folder.exists() {
            crate::support::files(&folder)
        } else {
            Vec::new()
        }
    }

    /// Stops or starts it, or sends it a signal.
    pub fn tell(&self, what: &str) {
        self.0.tell(what);
    }
}

fn with_settings(prefix: &str, settings: Vec<(String, String)>) -> BucketConfig {
    let settings = settings.into_iter();
    let settings = settings.map(|(name, value)| (name, value.into()));
    BucketConfig::new(format!("s3://hub/{prefix}"), settings.collect())
}
