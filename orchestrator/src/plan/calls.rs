//! The calls to the Hub that a release makes, in order.

use super::{PlannedCall, PlannedProduct, PlannedSigning};
use crate::documents::Form;
use release_types::{Channel, FileName, ObjectKey, Platform, Tag};
use signatures::ENDING;

/// The calls of [`crate::publish`] and [`crate::verify`], for a release of which nothing is there.
pub(super) fn calls(
    (products, signing): (&[PlannedProduct], &PlannedSigning),
    tag: &Tag,
    platform: Platform,
    channel: Channel,
) -> Vec<PlannedCall> {
    let call = |method, path: String, purpose| PlannedCall {
        method,
        path,
        purpose,
    };
    let Platform { os, arch } = platform;
    let releases = |p: &PlannedProduct| format!("/api/v1/releases/{}", p.product);
    let latest = |p: &PlannedProduct, Platform { os, arch }, purpose| {
        call(
            "GET",
            format!("{}/latest/{os}/{arch}?channel={channel}", releases(p)),
            purpose,
        )
    };
    let version = |p: &PlannedProduct, channel, purpose| {
        let version = tag.version.to_string().replace('+', "%2B");
        call(
            "GET",
            format!("{}/{version}/{os}/{arch}?channel={channel}", releases(p)),
            purpose,
        )
    };
    let presign =
        |key: &ObjectKey, purpose| call("POST", format!("/api/v1/storage/presign  {key}"), purpose);
    let mut calls = vec![call(
        "GET",
        "/api/v1/hub".to_owned(),
        "what can this Hub do?",
    )];
    for p in products {
        for platform in Platform::ALL {
            calls.push(latest(p, platform, "is a newer version published?"));
        }
        calls.push(presign(&p.key, "does the storage take it?"));
        calls.push(call(
            "POST",
            format!("{}/publish  {{}}", releases(p)),
            "may this credential publish?",
        ));
    }
    let is_stated = |p: &&PlannedProduct| {
        let mut documents = p.documents.iter();
        documents.any(|document| document.form == Form::Provenance)
    };
    for p in products.iter().filter(is_stated) {
        for &channel in Channel::ALL {
            let purpose = "has another run's statement about the same program come first?";
            calls.push(version(p, channel, purpose));
        }
    }
    for p in products {
        if signing.made(&p.product).next().is_none() {
            continue;
        }
        for &channel in Channel::ALL {
            calls.push(version(p, channel, "are there signatures of it already?"));
        }
    }
    for p in products {
        for &channel in Channel::ALL {
            calls.push(version(
                p,
                channel,
                "is this version published with other bytes?",
            ));
        }
    }
    for p in products {
        let folder = p.key.as_str().trim_end_matches(|c| c != '/');
        calls.push(call(
            "GET",
            format!("/api/v1/storage/objects?prefix={folder}"),
            "what is uploaded already? (where the Hub tells)",
        ));
    }
    for (filename, key) in products.iter().flat_map(|p| files(p, signing)) {
        calls.push(presign(key, "where to upload"));
        calls.push(call(
            "PUT",
            format!("<upload URL of {filename}>"),
            "the bytes",
        ));
    }
    for p in products {
        calls.push(call(
            "POST",
            format!("{}/publish", releases(p)),
            "register the platform, as a draft where the Hub has them",
        ));
    }
    calls.push(call(
        "POST",
        "/api/v1/releases/finalize".to_owned(),
        "show all drafts in one moment, where there are some",
    ));
    for p in products {
        calls.push(version(p, channel, "read it back"));
        // Of the two forms of a signature one is enough.
        let tauris = signing.made(&p.product);
        let tauris = tauris.filter(|one| one.filename.as_str().ends_with(ENDING));
        let signatures = tauris.map(|one| (&one.filename, "read the signature of what comes back"));
        let all = files(p, signing).into_iter();
        let all = all.map(|(filename, _)| (filename, "read the bytes back"));
        for (filename, purpose) in signatures.chain(all) {
            let path = format!("/api/v1/download/<id of {filename}>");
            calls.push(call("GET", path, purpose));
        }
        calls.push(latest(p, platform, "is it what users get?"));
    }
    calls
}

/// The names and keys of all files of a product, signatures included.
fn files<'a>(
    product: &'a PlannedProduct,
    signing: &'a PlannedSigning,
) -> Vec<(&'a FileName, &'a ObjectKey)> {
    let signatures = signing.made(&product.product);
    let signatures = signatures.map(|one| (&one.filename, &one.key));
    product.files().chain(signatures).collect()
}
