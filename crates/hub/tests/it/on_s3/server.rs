//! An S3 server that a test has for itself, and may stop.

use crate::binary::{PROGRAM, command, text};
use crate::storage::in_bucket;
use crate::support::client;
use hub::{BucketConfig, HubConfig};
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Output, Stdio};

/// An S3 server of one test. It ends, and its data goes, when its script's input ends.
pub struct S3 {
    script: Child,
    folder: PathBuf,
    settings: Vec<(String, String)>,
}

impl S3 {
    pub fn start() -> Self {
        client();
        in_bucket();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../ci/with-s3");
        let names = [
            "AWS_ENDPOINT_URL",
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
        ];
        let say = "echo \"$HUB_TEST_S3 $AWS_ENDPOINT_URL $AWS_ACCESS_KEY_ID \
                   $AWS_SECRET_ACCESS_KEY\"; exec cat";
        let mut script = command(script, &["sh", "-c", say])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(script.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        let mut words = line.split_whitespace().map(str::to_owned);
        let folder = words.next().expect("no S3 server").into();
        let settings = names.map(str::to_owned).into_iter().zip(words);
        Self {
            script,
            folder,
            settings: settings.collect(),
        }
    }

    pub fn bucket(&self, prefix: &str) -> BucketConfig {
        let settings = self.settings.iter().cloned();
        let settings = settings.map(|(name, value)| (name, value.into()));
        BucketConfig::new(format!("s3://hub/{prefix}"), settings.collect())
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
        command.envs(self.settings.iter().cloned());
        let done = command.output().unwrap();
        self.assert_no_secret(&text(&done.stderr));
        done
    }

    pub fn settings(&self) -> &[(String, String)] {
        &self.settings
    }

    pub fn assert_no_secret(&self, said: &str) {
        assert!(!said.contains(&self.settings[2].1), "{said}");
        assert!(!said.contains(&self.settings[1].1), "{said}");
        crate::leaks::assert_none(said);
    }

    /// What lies in a folder below a prefix.
    pub fn files(&self, prefix: &str, folder: &str) -> Vec<PathBuf> {
        let folder = self.folder.join("data/hub").join(prefix).join(folder);
        if folder.exists() {
            crate::support::files(&folder)
        } else {
            Vec::new()
        }
    }

    /// Stops or starts it, or sends it a signal.
    pub fn tell(&self, what: &str) {
        let server = self.folder.join("server");
        let done = command(server.to_str().unwrap(), &[what]).status();
        assert!(done.unwrap().success(), "{what}");
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        drop(self.script.stdin.take());
        self.script.wait().ok();
    }
}
