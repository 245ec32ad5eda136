//! Stored bytes in a bucket, by the protocol that Amazon's S3 has made common.
//!
//! ```text
//! PREFIX/uploads/ID     what a client has put there by an address that was signed for it
//! PREFIX/blobs/PLACE    bytes of objects; no address to write here is ever signed
//! PREFIX/hub.json       which catalogue knows all this, and how old that has been seen
//! ```
//!
//! An upload is copied to a place that was drawn for it, within the bucket, and read there. Whoever
//! has got hold of an upload's address can still use it until it expires, but what the Hub has read
//! is out of its reach, whether or not the store knows conditional writes.

mod claim;
mod error;
mod left_over;
mod patience;

use super::{Lying, Read};
use crate::HubError;
use crate::config::BucketConfig;
use crate::upload_url::Grant;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use error::{Problem, problem};
use futures_util::stream::BoxStream;
use futures_util::{StreamExt as _, TryStreamExt as _};
use http::{HeaderName, HeaderValue, Method, header};
use jiff::Timestamp;
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use object_store::path::Path;
use object_store::signer::{SignedUrlOptions, Signer as _};
use object_store::{
    BackoffConfig, ClientOptions, GetOptions, ObjectMeta, ObjectStore as _, ObjectStoreExt as _,
    RetryConfig,
};
use patience::{PATIENCE, patience};
use release_types::Sha256Digest;
use secrecy::ExposeSecret as _;
use sha2::Digest as _;
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use url::Url;

/// How many texts are kept in memory.
const TEXTS: usize = 256;

const CHECKSUM: HeaderName = HeaderName::from_static("x-amz-checksum-sha256");

/// A bucket, and what is below a prefix in it.
pub(crate) struct Bucket {
    store: AmazonS3,
    /// For people.
    name: String,
    prefix: String,
    validity: Duration,
    /// Short texts that were read. What a digest stands for does not change.
    texts: Mutex<HashMap<Sha256Digest, String>>,
}

/// Shows nothing of how it is reached.
impl std::fmt::Debug for Bucket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Bucket").field(&self.name).finish()
    }
}

impl Bucket {
    /// Whether a configuration can be used.
    pub(crate) fn check(config: &BucketConfig) -> Result<(), HubError> {
        config.bucket_and_prefix()?;
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            let message = "a bucket needs a default provider of rustls in this process";
            return Err(HubError::Config(message.to_owned()));
        }
        Ok(())
    }

    /// The bucket of a configuration. Asks it nothing yet.
    pub(crate) fn open(config: &BucketConfig) -> Result<Self, HubError> {
        Self::check(config)?;
        let (bucket, prefix) = config.bucket_and_prefix()?;
        let mut name = format!("s3://{bucket}");
        if !prefix.is_empty() {
            name = format!("{name}/{prefix}");
        }
        // Each step has an end of its own: a time for a whole answer would cut off large ones.
        let mut client = ClientOptions::new()
            .with_timeout_disabled()
            .with_connect_timeout(Duration::from_secs(5));
        let mut builder = AmazonS3Builder::new().with_bucket_name(bucket);
        for (key, value) in &config.settings {
            let value = value.expose_secret();
            let Ok(key) = key.to_ascii_lowercase().parse() else {
                let message = format!("the storage has no setting {}", key.escape_debug());
                return Err(HubError::Config(message));
            };
            if matches!(
                key,
                AmazonS3ConfigKey::Endpoint | AmazonS3ConfigKey::S3Endpoint
            ) && value.starts_with("http://")
            {
                // Whoever names such an address wants it.
                client = client.with_allow_http(true);
            }
            builder = builder.with_config(key, value);
        }
        let retry = RetryConfig {
            max_retries: 2,
            retry_timeout: Duration::from_secs(5),
            backoff: BackoffConfig {
                max_backoff: Duration::from_secs(1),
                ..BackoffConfig::default()
            },
        };
        let store = builder
            .with_client_options(client)
            .with_retry(retry)
            // Not every store removes many at once.
            .with_disable_bulk_delete(true)
            .build()
            .map_err(|error| {
                let why = problem(&error).why;
                HubError::Config(format!("the storage {name} cannot be used: {why}"))
            })?;
        Ok(Self {
            store,
            name,
            prefix,
            validity: config.validity,
            texts: Mutex::default(),
        })
    }

    /// What it is called.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Where a client puts an upload, and with which header fields. It is good for what was granted;
    /// where the store knows conditional writes, once until the Hub has taken the upload.
    pub(crate) async fn upload_address(
        &self,
        id: &str,
        grant: &Grant,
    ) -> Result<(Url, BTreeMap<String, String>), HubError> {
        let mut fields = vec![
            (header::CONTENT_TYPE, grant.content_type.clone()),
            (header::IF_NONE_MATCH, "*".to_owned()),
        ];
        if let Some(sha256) = &grant.sha256 {
            fields.push((CHECKSUM, base64_of(sha256)));
        }
        let mut options = SignedUrlOptions::new();
        let mut headers = BTreeMap::new();
        for (name, value) in fields {
            let signed = HeaderValue::from_str(&value).map_err(|_| HubError::Corrupt {
                what: "header field",
                value: name.to_string(),
            })?;
            headers.insert(name.to_string(), value);
            options = options.with_signed_header(name, signed);
        }
        let path = self.upload(id);
        let signing = self
            .store
            .signed_url_opts(Method::PUT, &path, self.validity, &options);
        let url = self.within(PATIENCE, "sign for", signing).await?;
        Ok((url, headers))
    }

    /// Where the bytes at a place can be read for a while. They are to be saved as `disposition`
    /// says.
    pub(crate) async fn download_address(
        &self,
        place: &str,
        disposition: &str,
    ) -> Result<Url, HubError> {
        let disposition = ("response-content-disposition", disposition);
        let options = SignedUrlOptions::new().with_query([disposition]);
        let path = self.blob(place);
        let signing = self
            .store
            .signed_url_opts(Method::GET, &path, self.validity, &options);
        self.within(PATIENCE, "sign for", signing).await
    }

    /// What has been uploaded, if it is there yet.
    pub(crate) async fn arrived(&self, id: &str) -> Result<Option<Lying>, HubError> {
        let path = self.upload(id);
        let asking = self.store.head(&path);
        let meta = found(self.within(PATIENCE, "look into", asking).await)?;
        Ok(meta.and_then(lying))
    }

    /// Copies an upload of `size` bytes to a place, out of reach of whoever has its address. Whether it
    /// was there.
    pub(crate) async fn keep(&self, id: &str, place: &str, size: u64) -> Result<bool, HubError> {
        let (from, to) = (self.upload(id), self.blob(place));
        let copying = self.store.copy(&from, &to);
        let copied = self.within(patience(size), "copy within", copying).await;
        Ok(found(copied)?.is_some())
    }

    /// How long the bytes at a place are, if they are there.
    pub(crate) async fn size(&self, place: &str) -> Result<Option<u64>, HubError> {
        let path = self.blob(place);
        let asking = self.store.head(&path);
        let meta = found(self.within(PATIENCE, "look into", asking).await)?;
        Ok(meta.map(|meta| meta.size))
    }

    /// Reads all bytes at a place, about `size` of them: what they are, if they are there. A store that
    /// gives them out more slowly than [`patience::SLOWEST`] is not waited for.
    pub(crate) async fn digest(&self, place: &str, size: u64) -> Result<Option<Read>, HubError> {
        let reading = async {
            let Some((_, mut bytes)) = self.read(place, None).await? else {
                return Ok(None);
            };
            let (mut hasher, mut size) = (sha2::Sha256::new(), 0);
            while let Some(part) = bytes.next().await {
                let part = part?;
                hasher.update(&part);
                size += part.len() as u64;
            }
            Ok(Some((Sha256Digest::from_hasher(hasher), size)))
        };
        self.at_pace(size, reading).await
    }

    /// The bytes at a place, or some of them, and how many there are in all.
    pub(crate) async fn read(
        &self,
        place: &str,
        range: Option<Range<u64>>,
    ) -> Result<Option<(u64, BoxStream<'static, Result<Bytes, HubError>>)>, HubError> {
        let path = self.blob(place);
        let options = GetOptions::new().with_range(range);
        let reading = self.store.get_opts(&path, options);
        let Some(answer) = found(self.within(PATIENCE, "read from", reading).await)? else {
            return Ok(None);
        };
        let (size, name) = (answer.meta.size, self.name.clone());
        let parts = futures_util::stream::unfold(Some(answer.into_stream()), move |parts| {
            let name = name.clone();
            async move {
                let mut parts = parts?;
                let next = match tokio::time::timeout(PATIENCE, parts.next()).await {
                    Ok(next) => next?.map_err(|error| problem(&error)),
                    Err(_) => Err(Problem::silent()),
                };
                match next {
                    Ok(part) => Some((Ok(part), Some(parts))),
                    Err(problem) => Some((Err(problem.at("read from", &name)), None)),
                }
            }
        });
        Ok(Some((size, parts.boxed())))
    }

    /// The bytes at a place as a text, where they have this digest.
    pub(crate) async fn read_text(
        &self,
        place: &str,
        sha256: &Sha256Digest,
        size: u64,
    ) -> Result<Option<String>, HubError> {
        let known = self.texts().get(sha256).cloned();
        if known.is_some() {
            return Ok(known);
        }
        let Some((found, parts)) = self.read(place, None).await? else {
            // A bucket that is gone looks the same.
            return self.owner().await.map(|_| None);
        };
        // Its digest cannot be right, and it may be of any length.
        if found != size {
            return Ok(None);
        }
        let bytes = self.at_pace(size, parts.try_collect::<Vec<Bytes>>());
        let bytes = bytes.await?.concat();
        let intact = Sha256Digest::of(&bytes) == *sha256;
        let text = String::from_utf8(bytes).ok().filter(|_| intact);
        if let Some(text) = &text {
            let mut texts = self.texts();
            if texts.len() >= TEXTS {
                texts.clear();
            }
            texts.insert(*sha256, text.clone());
        }
        Ok(text)
    }

    fn texts(&self) -> MutexGuard<'_, HashMap<Sha256Digest, String>> {
        self.texts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn upload(&self, id: &str) -> Path {
        self.path(&format!("uploads/{id}"))
    }

    fn blob(&self, place: &str) -> Path {
        self.path(&format!("blobs/{place}"))
    }

    fn path(&self, below: &str) -> Path {
        Path::from(format!("{}/{below}", self.prefix))
    }
}

/// Nothing where there is nothing.
fn found<T>(done: Result<T, HubError>) -> Result<Option<T>, HubError> {
    match done {
        Err(HubError::Bucket { missing: true, .. }) => Ok(None),
        done => done.map(Some),
    }
}

fn lying(meta: ObjectMeta) -> Option<Lying> {
    Some(Lying {
        name: meta.location.filename()?.to_owned(),
        size: meta.size,
        at: Timestamp::from_second(meta.last_modified.timestamp()).ok()?,
        tags: [meta.e_tag, meta.version],
    })
}

/// A digest as header fields of S3 have it.
fn base64_of(sha256: &Sha256Digest) -> String {
    BASE64_STANDARD.encode(sha256.as_bytes())
}
