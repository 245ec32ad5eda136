//! Where the tests' Hubs have their bytes: in files, or where `HUB_TEST_STORAGE` names a bucket (see
//! `ci/with-s3`), there, below a prefix for each data directory.

use hub::BucketConfig;
use release_types::Sha256Digest;
use std::cell::Cell;
use std::path::{Path, PathBuf};

thread_local! {
    static IN_BUCKET: Cell<bool> = const { Cell::new(false) };
}

/// For tests that bring a bucket of their own: this one's files are in it whatever is set.
#[cfg(all(unix, feature = "s3"))]
pub fn in_bucket() {
    IN_BUCKET.set(true);
}

#[expect(clippy::disallowed_methods, reason = "how these tests are told")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// What artifacts call the storage.
pub fn provider() -> &'static str {
    if IN_BUCKET.get() || variable("HUB_TEST_STORAGE").is_some() {
        "s3"
    } else {
        "local"
    }
}

/// What an upload of something new is answered with: the Hub says that it was created.
pub fn taken() -> u16 {
    if provider() == "s3" { 200 } else { 201 }
}

/// Below what a data directory's Hub has its bytes.
fn prefix_of(data_dir: &Path) -> String {
    let digest = Sha256Digest::of(data_dir.as_os_str().as_encoded_bytes());
    digest.to_string()[..32].to_owned()
}

/// The storage of a data directory, as the command line has it.
pub fn url_of(data_dir: &Path) -> Option<String> {
    let bucket = variable("HUB_TEST_STORAGE")?;
    Some(format!("{bucket}/{}", prefix_of(data_dir)))
}

/// The bucket of a data directory; nothing where the bytes are to be in files.
pub fn bucket_of(data_dir: &Path) -> Option<BucketConfig> {
    let url = url_of(data_dir)?;
    crate::support::client();
    Some(BucketConfig::from_env(url, &process::Env::capture()).unwrap())
}

/// Where the folder of a data directory is that has the files called so: in the bucket's server, where
/// the bytes are in a bucket.
pub fn folder_of(data_dir: &Path, name: &str) -> PathBuf {
    let name = match (variable("HUB_TEST_S3"), name) {
        (None, _) => return data_dir.join(name),
        (Some(_), "staging") => "uploads",
        (Some(_), name) => name,
    };
    let server = PathBuf::from(variable("HUB_TEST_S3").unwrap());
    server.join("data/hub").join(prefix_of(data_dir)).join(name)
}
