//! The body of a publish request, checked in the contract's order: version, platform, channel,
//! time, artifacts, notes. The first that is wrong decides, and is named.

use super::body::{JsonObject, parsed, platform, size, text};
use super::error::ApiError;
use crate::catalogue::Publication;
use release_types::{Artifact, ObjectKey, Platform, ProductName, folded};
use serde_json::{Map, Value};
use std::collections::HashMap;

/// Reads a publication of a product. All its files have to be in the storage that this Hub has.
pub(super) fn publication(
    product: ProductName,
    body: &JsonObject,
    provider: &str,
) -> Result<Publication, ApiError> {
    let version = body.version()?;
    let platform = platform_of(body)?;
    let channel = body.channel()?;
    let published_at = body.time("published_at")?;
    let folder = format!(
        "artifacts/{product}/{version}/{}/{}",
        platform.os, platform.arch
    );
    let artifacts = artifacts(body, &folder, provider)?;
    let notes = body.text("notes")?.map(str::to_owned);
    Ok(Publication {
        product,
        version,
        channel,
        platform,
        artifacts,
        notes,
        published_at,
    })
}

fn platform_of(body: &JsonObject) -> Result<Platform, ApiError> {
    let Some(Value::Object(fields)) = body.get("platform") else {
        let message = "`platform` is not an object with `os` and `arch`";
        return Err(ApiError::bad_request(message));
    };
    let field = |name: &str| match fields.get(name) {
        Some(value) => text(&format!("platform.{name}"), value),
        None => Err(ApiError::bad_request(format!(
            "`platform.{name}` is missing"
        ))),
    };
    platform(field("os")?, field("arch")?)
}

fn artifacts(body: &JsonObject, folder: &str, provider: &str) -> Result<Vec<Artifact>, ApiError> {
    let Some(Value::Array(values)) = body.get("artifacts") else {
        return Err(ApiError::bad_request("`artifacts` is not a list"));
    };
    if values.is_empty() {
        return Err(ApiError::bad_request("`artifacts` is empty"));
    }
    let mut artifacts = Vec::with_capacity(values.len());
    let mut seen: HashMap<String, usize> = HashMap::new();
    for (index, value) in values.iter().enumerate() {
        let artifact = artifact(index, value, folder, provider)?;
        // Where files are saved that differ in case or the form of accents alone, the second often takes the first one's place.
        let name = artifact.filename.as_str();
        if let Some(first) = seen.insert(folded(name), index) {
            let known: &Artifact = &artifacts[first];
            let known = known.filename.as_str();
            let why = match known == name {
                true => format!("`{name}` is the filename of artifacts[{first}] already"),
                false => format!(
                    "`{name}` and `{known}`, the filename of artifacts[{first}], differ in case alone, \
                     and many systems take them for the same"
                ),
            };
            return Err(ApiError::bad_request(format!(
                "`artifacts[{index}].filename`: {why}"
            )));
        }
        artifacts.push(artifact);
    }
    Ok(artifacts)
}

fn artifact(index: usize, value: &Value, folder: &str, own: &str) -> Result<Artifact, ApiError> {
    let Value::Object(fields) = value else {
        return Err(ApiError::bad_request(format!(
            "`artifacts[{index}]` is not an object"
        )));
    };
    let fields = Fields { index, fields };
    let key: ObjectKey = fields.parsed("key")?;
    let below = key.as_str().strip_prefix(folder);
    let name = below.and_then(|rest| rest.strip_prefix('/'));
    if name.is_none_or(|name| name.contains('/')) {
        return Err(fields.wrong("key", format!("`{key}` is not a file in {folder}/")));
    }
    let provider = fields.text("provider")?;
    if provider != own {
        let provider = provider.escape_debug();
        let why = format!("`{provider}` is not a storage of this Hub, which has `{own}`");
        return Err(fields.wrong("provider", why));
    }
    Ok(Artifact {
        key,
        provider: provider.to_owned(),
        filename: fields.parsed("filename")?,
        size: size(&fields.name("size"), fields.value("size")?)?,
        sha256: fields.parsed("sha256")?,
        kind: fields.parsed("kind")?,
    })
}

/// The fields of one artifact, whose names in messages say which artifact it is.
struct Fields<'v> {
    index: usize,
    fields: &'v Map<String, Value>,
}

impl<'v> Fields<'v> {
    fn name(&self, field: &str) -> String {
        format!("artifacts[{}].{field}", self.index)
    }

    fn wrong(&self, field: &str, why: impl std::fmt::Display) -> ApiError {
        ApiError::bad_request(format!("`{}`: {why}", self.name(field)))
    }

    fn value(&self, field: &str) -> Result<&'v Value, ApiError> {
        self.fields
            .get(field)
            .ok_or_else(|| ApiError::bad_request(format!("`{}` is missing", self.name(field))))
    }

    fn text(&self, field: &str) -> Result<&'v str, ApiError> {
        text(&self.name(field), self.value(field)?)
    }

    fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(
        &self,
        field: &str,
    ) -> Result<T, ApiError> {
        parsed(&self.name(field), self.text(field)?)
    }
}
