//! `verify --provenance`: each file that users get is named by a statement, whatever kind of file it is.

use crate::hub_server::TestHub;
use crate::proven::{PROGRAM, SBOM, STATEMENT, bytes, digest_of, sbom, statement, verify};
use crate::support::*;
use serde_json::{Value, json};
use std::fs;
use test_support::Sandbox;

/// A Hub with `alpha` 1.0.0, of these files: name, platform and kind, bytes.
pub fn published_files(files: &[(&str, &str, &[u8])]) -> TestHub {
    let hub = TestHub::start();
    let sandbox = Sandbox::new();
    let mut rows = String::new();
    for (name, columns, bytes) in files {
        fs::write(sandbox.root().join(name), bytes).unwrap();
        rows += &format!("{name}|{columns}\n");
    }
    fs::write(sandbox.root().join("files.manifest"), rows).unwrap();
    let line = "publish --product alpha --version 1.0.0 --manifest files.manifest";
    hub.publishes(atlas(&sandbox, line)).run().exits(0);
    hub
}

#[test]
fn all_that_users_get_is_named_by_a_statement() {
    const DEB: &[u8] = b"an installer";
    let (sbom, plain) = (bytes(&sbom()), bytes(&statement()));
    let mut named = statement();
    let subject = json!({"name": "one.deb", "digest": {"sha256": digest_of(DEB)}});
    named["subject"].as_array_mut().unwrap().push(subject);
    let named = bytes(&named);
    let looked = |statement: &[u8], more: &[(&str, &str, &[u8])]| {
        let mut files = vec![
            ("one", "linux|x64|binary", PROGRAM),
            (STATEMENT, "linux|x64|other", statement),
            (SBOM, "linux|x64|other", &sbom),
        ];
        files.extend(more);
        verify(&published_files(&files), "")
    };
    let deb = ("one.deb", "linux|x64|installer", DEB);
    looked(&named, &[deb]).exits(0);
    let says = "one.deb: expected a statement that names this installer, found none";
    looked(&plain, &[deb])
        .exits(8)
        .says(&["where the programs come from is not proven", says]);
    // Other bytes than the statement names.
    let other = ("one.deb", "linux|x64|installer", &b"another"[..]);
    looked(&named, &[other])
        .exits(8)
        .says(&["the digest of its subject one.deb: expected"]);
    for (name, columns, says) in [
        ("install.sh", "linux|x64|other", "names this other"),
        // A platform of which there is no statement at all.
        (
            "one.pkg",
            "macos|arm64|installer",
            "alpha for macos-arm64: one.pkg: expected",
        ),
    ] {
        looked(&named, &[deb, (name, columns, b"more")])
            .exits(8)
            .says(&[name, says]);
    }
}

/// Whoever may publish could add them to a release, and nobody has said anything of them.
#[test]
fn documents_of_nothing_and_manifests_of_nobody_are_refused() {
    const LATEST: &[u8] = b"{\"version\": \"9.9.9\"}";
    let sbom = bytes(&sbom());
    let mut named = statement();
    let subject = json!({"name": "latest.json", "digest": {"sha256": digest_of(LATEST)}});
    named["subject"].as_array_mut().unwrap().push(subject);
    let looked = |statement: &Value, more: &[(&str, &str, &[u8])]| {
        let statement = bytes(statement);
        let mut files = vec![
            ("one", "linux|x64|binary", PROGRAM),
            (STATEMENT, "linux|x64|other", &statement),
            (SBOM, "linux|x64|other", &sbom),
        ];
        files.extend(more);
        verify(&published_files(&files), "")
    };
    let latest = ("latest.json", "linux|x64|updater-manifest", LATEST);
    let evil = |name, columns| (name, columns, &b"anything"[..]);
    looked(
        &statement(),
        &[
            latest,
            evil("evil.exe.cdx.json", "linux|x64|other"),
            evil("evil.intoto.json", "linux|x64|other"),
        ],
    )
    .exits(8)
    .says(&[
        "latest.json: expected a statement that names this updater-manifest, or a signature",
        "evil.exe.cdx.json: expected the program that this document is about",
        "evil.intoto.json: expected the program that this document is about",
    ]);
    // The program is there, but for another platform.
    looked(&statement(), &[evil("one.cdx.json", "macos|arm64|other")])
        .exits(8)
        .says(&["alpha for macos-arm64: one.cdx.json: expected the program"]);
    looked(&named, &[latest]).exits(0);
}

/// A statement about the bundles `a.rpm` and `a.tar.gz` with these bytes.
fn of_bundles(rpm: &[u8], packed: &[u8]) -> Vec<u8> {
    let mut said = statement();
    let subject =
        |name: &str, bytes: &[u8]| json!({"name": name, "digest": {"sha256": digest_of(bytes)}});
    said["subject"] = json!([subject("a.rpm", rpm), subject("a.tar.gz", packed)]);
    let definition = &mut said["predicate"]["buildDefinition"];
    definition["buildType"] = json!("https://atlas-release.invalid/bundle/v1");
    bytes(&said)
}

/// Whoever may publish could say of any program that a command has made it, of which less is asked for.
#[test]
fn a_package_of_the_workspace_here_is_no_bundle() {
    let (rpm, packed) = (&b"a package"[..], &b"packed"[..]);
    let hub = published_files(&[
        ("a.rpm", "linux|x64|installer", rpm),
        ("a.tar.gz", "linux|x64|binary", packed),
        (
            "alpha-linux-x64.intoto.json",
            "linux|x64|other",
            &of_bundles(rpm, packed),
        ),
    ]);
    verify(&hub, "").exits(0);
    let project = Project::tagged("demo-v1.0.0");
    let line = "verify 1.0.0 --product alpha --provenance";
    hub.publishes(project.atlas(line)).run().exits(8).says(&[
        "a.tar.gz.intoto.json: expected such a file, found none",
        "a.tar.gz.cdx.json: expected such a file, found none",
    ]);
}

#[test]
fn what_a_command_has_made_is_proven_by_one_statement() {
    let (rpm, packed) = (&b"a package"[..], &b"packed"[..]);
    let said = of_bundles(rpm, packed);
    let mut files = vec![
        ("a.rpm", "linux|x64|installer", rpm),
        ("a.tar.gz", "linux|x64|binary", packed),
        ("alpha-linux-x64.intoto.json", "linux|x64|other", &said[..]),
    ];
    let run = verify(&published_files(&files), "--format json").exits(0);
    let proven = &events_of(&run, "provenance")[0];
    let names: Vec<&Value> = proven["programs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["filename"])
        .collect();
    assert_eq!(
        names,
        ["a.tar.gz", "a.rpm"],
        "programs first, as in a release"
    );
    // A program for which it does not speak needs documents of its own.
    files.push(("one", "linux|x64|binary", PROGRAM));
    verify(&published_files(&files), "")
        .exits(8)
        .says(&["one: expected a statement that names this binary, found none"]);
}
