//! Compares an answer with what was sent. A deployed Hub drops artifacts it dislikes, puts an
//! unknown channel under `stable`, and answers 201 all the same.

use crate::Difference;
use crate::text::shown;
use release_types::{Artifact, Channel, Platform, ProductName, PublishRequest, Release};
use std::fmt::Display;

/// How the answer to a publish differs from the request.
pub(crate) fn published(
    product: &ProductName,
    sent: &PublishRequest,
    answer: &Release,
) -> Vec<Difference> {
    let mut found = asked(
        product,
        Some(&sent.version),
        sent.platform,
        sent.channel,
        answer,
    );
    for artifact in &sent.artifacts {
        assets(artifact, answer, &mut found);
    }
    for asset in &answer.assets {
        let known = |artifact: &Artifact| artifact.filename.as_str() == asset.filename;
        if !sent.artifacts.iter().any(known) {
            let filename = shown(&asset.filename, &[]);
            found.push(Difference::Unexpected { filename });
        }
    }
    found
}

/// How a release that was read differs from the one asked for. No version means the newest.
pub(crate) fn asked(
    product: &ProductName,
    version: Option<&str>,
    platform: Platform,
    channel: Channel,
    answer: &Release,
) -> Vec<Difference> {
    let mut found = Vec::new();
    field(&mut found, "product", product, &answer.product);
    if let Some(version) = version {
        field(&mut found, "version", &version, &answer.version.as_str());
    }
    field(&mut found, "platform", &platform, &answer.platform);
    field(&mut found, "channel", &channel, &answer.channel);
    found
}

/// Notes a field whose values differ.
pub(crate) fn field<T: PartialEq + Display>(
    found: &mut Vec<Difference>,
    field: &'static str,
    sent: &T,
    answered: &T,
) {
    if sent != answered {
        found.push(Difference::Field {
            field,
            sent: sent.to_string(),
            answered: shown(&answered.to_string(), &[]),
        });
    }
}

fn assets(sent: &Artifact, answer: &Release, found: &mut Vec<Difference>) {
    let filename = sent.filename.to_string();
    let mut same = answer.assets.iter().filter(|a| a.filename == filename);
    let Some(asset) = same.next() else {
        found.push(Difference::Missing { filename });
        return;
    };
    if same.next().is_some() {
        let filename = filename.clone();
        found.push(Difference::Repeated { filename });
    }
    let mut differs = |field, sent: String, answered: String| {
        if sent != answered {
            let filename = filename.clone();
            found.push(Difference::Asset {
                filename,
                field,
                sent,
                answered,
            });
        }
    };
    differs("kind", sent.kind.to_string(), asset.kind.to_string());
    differs("size", sent.size.to_string(), asset.size.to_string());
    differs("sha256", sent.sha256.to_string(), asset.sha256.to_string());
}
