//! What was recorded of a release when it was built, as `verify --against` needs it.

use super::common::App;
use crate::dist::{self, DistError, Named, ReleaseRecord};
use crate::error::Error;
use crate::receipt::Source;
use crate::verify::{Expectation, ExpectedFile};
use release_types::{Channel, ObjectKeyError, artifact_key};
use std::collections::BTreeSet;
use std::path::Path;

/// What the records below a path say, whatever lies beside them, what it was built from, and the public key
/// that was recorded with it.
pub(super) async fn recorded(
    app: &App<'_>,
    path: &Path,
    name: Option<Named>,
    channel: Option<Channel>,
) -> Result<(Expectation, Source, Option<String>), Error> {
    let path = app.world.absolute(path);
    app.reading(move || {
        let records = dist::records(&path, name.as_ref())?;
        let files: Result<Vec<Vec<_>>, _> = records.iter().map(files).collect();
        let files = files.map_err(|error| DistError::Record {
            path,
            why: error.to_string(),
        })?;
        let first = &records[0];
        let channel = channel.unwrap_or(first.channel);
        let expected = Expectation::built(&first.version, channel, files.concat());
        let dirty: BTreeSet<_> = records.iter().flat_map(|record| &record.dirty).collect();
        let source = Source {
            tag: first.tag.clone(),
            commit: first.commit.clone(),
            dirty: dirty.into_iter().cloned().collect(),
        };
        let key = records.iter().find_map(|record| record.public_key.clone());
        Ok((expected, source, key))
    })
    .await
}

fn files(record: &ReleaseRecord) -> Result<Vec<ExpectedFile>, ObjectKeyError> {
    let (version, platform) = (&record.version, record.platform);
    let files = record.artifacts.iter().map(|artifact| {
        let (product, filename) = (&artifact.product, &artifact.filename);
        Ok(ExpectedFile {
            product: product.clone(),
            platform,
            kind: artifact.kind,
            filename: filename.clone(),
            key: artifact_key(product, version, platform, filename)?,
            size: artifact.size,
            sha256: artifact.sha256,
        })
    });
    files.collect()
}
