//! What stands for a bucket where this crate was built without S3: there is none.

use super::{Claim, Lying, Read};
use crate::HubError;
use crate::config::BucketConfig;
use crate::upload_url::Grant;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use release_types::Sha256Digest;
use std::collections::{BTreeMap, HashSet};
use std::ops::Range;
use url::Url;

#[derive(Debug)]
pub(crate) enum Bucket {}

impl Bucket {
    pub(crate) fn check(config: &BucketConfig) -> Result<(), HubError> {
        Self::open(config).map(drop)
    }

    pub(crate) fn open(config: &BucketConfig) -> Result<Self, HubError> {
        config.bucket_and_prefix()?;
        Err(HubError::Config(
            "this program was built without S3".to_owned(),
        ))
    }

    pub(crate) fn name(&self) -> &str {
        match *self {}
    }

    pub(crate) async fn upload_address(
        &self,
        _: &str,
        _: &Grant,
    ) -> Result<(Url, BTreeMap<String, String>), HubError> {
        match *self {}
    }

    pub(crate) async fn download_address(&self, _: &str, _: &str) -> Result<Url, HubError> {
        match *self {}
    }

    pub(crate) async fn arrived(&self, _: &str) -> Result<Option<Lying>, HubError> {
        match *self {}
    }

    pub(crate) async fn keep(&self, _: &str, _: &str, _: u64) -> Result<bool, HubError> {
        match *self {}
    }

    pub(crate) async fn size(&self, _: &str) -> Result<Option<u64>, HubError> {
        match *self {}
    }

    pub(crate) fn lost(&self) -> HubError {
        match *self {}
    }

    pub(crate) async fn claimed(&self) -> Result<Option<Claim>, HubError> {
        match *self {}
    }

    pub(crate) async fn owner(&self) -> Result<Claim, HubError> {
        match *self {}
    }

    pub(crate) async fn try_out(&self, _: &str) -> Result<(), HubError> {
        match *self {}
    }

    pub(crate) async fn digest(&self, _: &str, _: u64) -> Result<Option<Read>, HubError> {
        match *self {}
    }

    pub(crate) async fn read(
        &self,
        _: &str,
        _: Option<Range<u64>>,
    ) -> Result<Option<(u64, BoxStream<'static, Result<Bytes, HubError>>)>, HubError> {
        match *self {}
    }

    pub(crate) async fn read_text(
        &self,
        _: &str,
        _: &Sha256Digest,
        _: u64,
    ) -> Result<Option<String>, HubError> {
        match *self {}
    }

    pub(crate) async fn remove(&self, _: &str) -> Result<(), HubError> {
        match *self {}
    }

    pub(crate) async fn remove_upload(&self, _: &str) -> Result<(), HubError> {
        match *self {}
    }

    pub(crate) async fn remove_upload_as(&self, _: &Lying) -> Result<(), HubError> {
        match *self {}
    }

    pub(crate) async fn unknown(&self, _: &HashSet<String>) -> Result<Vec<Lying>, HubError> {
        match *self {}
    }

    pub(crate) async fn uploads(&self) -> Result<Vec<Lying>, HubError> {
        match *self {}
    }

    pub(crate) async fn remove_all(&self, _: Vec<String>) -> Result<(), HubError> {
        match *self {}
    }

    pub(crate) async fn remove_uploads(&self, _: Vec<String>) -> Result<(), HubError> {
        match *self {}
    }

    pub(crate) async fn has_bytes(&self) -> Result<bool, HubError> {
        match *self {}
    }

    pub(crate) async fn claim(&self, _: &Claim) -> Result<Claim, HubError> {
        match *self {}
    }

    pub(crate) async fn remember(&self, _: &Claim) -> Result<(), HubError> {
        match *self {}
    }

    pub(crate) async fn ping(&self) -> Result<(), HubError> {
        match *self {}
    }
}
