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

#[test]
fn what_a_command_has_made_is_proven_by_one_statement() {
    let (rpm, packed) = (&b"a package"[..], &b"packed"[..]);
    let mut said = statement();
    let subject =
        |name: &str, bytes: &[u8]| json!({"name": name, "digest": {"sha256": digest_of(bytes)}});
    said["subject"] = json!([subject("a.rpm", rpm), subject("a.tar.gz", packed)]);
    let definition = &mut said["predicate"]["buildDefinition"];
    definition["buildType"] = json!("https://atlas-release.invalid/bundle/v1");
    let said = bytes(&said);
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
