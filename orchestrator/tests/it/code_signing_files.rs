//! `sign --code`: files that others have made get their system's signature where they lie.

use crate::signing_machine::{Machine, TIME_URL};
use crate::support::{atlas, digest};
use atlas_release::artifacts::from_manifest;
use atlas_release::bundle::{Made, MadeProduct, PlannedBundles, sign_bundles};
use atlas_release::code_sign::{SignedFiles, in_place};
use atlas_release::events::HumanReporter;
use atlas_release::products::CodeSignSettings;
use release_types::{Kind, ManifestRow, artifact_key};
use std::collections::BTreeMap;
use std::fs;
use test_support::{Fixture, Sandbox};

#[tokio::test]
async fn a_manifests_files_are_signed_where_they_lie_and_once() {
    let machine = Machine::windows();
    let rows = "one|windows|x64|installer|Setup.exe\n\
        two|windows|x64|binary|App.nsis.zip\n\
        two|macos|x64|installer|App.dmg\n";
    let manifest = machine.path("launcher.manifest");
    fs::write(&manifest, rows).unwrap();
    let (product, version) = ("launcher".parse().unwrap(), "1.4.0".parse().unwrap());
    let artifacts =
        || from_manifest(&manifest, machine.sandbox.root(), &product, &version).unwrap();
    let mut done = SignedFiles::default();
    let reporter = HumanReporter::default();
    for _ in 0..2 {
        let files = artifacts();
        let (world, settings) = (&machine.world, &machine.settings);
        let signed = in_place(world, settings, (&mut done, &files), &reporter).await;
        assert!(signed.unwrap());
        // The other system's are left to it, and the second time there is nothing to do.
        assert_eq!(machine.tools.calls("signtool").len(), 1);
    }
    assert_eq!(machine.read("one"), "program one\nsigned\n");
    assert_eq!(machine.read("two"), "program two\n");
    let [file] = &done.files[..] else {
        panic!("{done:?}");
    };
    assert_eq!(file.filename.as_str(), "Setup.exe");
    assert_eq!(file.sha256.to_string(), digest(&machine.path("one")));
    assert_eq!(file.before_signing.size, "program one\n".len() as u64);
    let text = serde_json::to_string(&done).unwrap();
    assert_eq!(SignedFiles::read(&text).unwrap(), done);
    assert!(SignedFiles::read(&text.replace("\"format\":1", "\"format\":2")).is_err());
    // Bytes that have come since are signed again.
    fs::write(machine.path("one"), "new bytes\n").unwrap();
    let files = artifacts();
    let (world, settings) = (&machine.world, &machine.settings);
    let signed = in_place(world, settings, (&mut done, &files), &reporter).await;
    assert!(signed.unwrap());
    assert_eq!(machine.read("one"), "new bytes\nsigned\n");
    let none = CodeSignSettings::default();
    let signed = in_place(world, &none, (&mut done, &files), &reporter).await;
    assert!(!signed.unwrap());
    machine.nothing_stays();
}

#[tokio::test]
async fn bundles_are_signed_before_they_are_staged() {
    let machine = Machine::windows();
    let row = |path: &str, kind, name: &str| ManifestRow {
        line: 0,
        path: path.to_owned(),
        platform: "windows-x64".parse().unwrap(),
        kind,
        filename: name.parse().unwrap(),
    };
    let (product, version) = ("launcher".parse().unwrap(), "1.4.0".parse().unwrap());
    let setup = row("one", Kind::Installer, "App_x64-setup.exe");
    let key = artifact_key(&product, &version, setup.platform, &setup.filename).unwrap();
    let now = jiff::Timestamp::UNIX_EPOCH;
    let mut made = Made {
        products: vec![MadeProduct {
            planned: PlannedBundles {
                product,
                folder: machine.path("."),
                command: Vec::new(),
                tauri_signs: true,
                is_stated: false,
                lock_sha256: None,
                key,
            },
            rows: vec![
                setup,
                row("two", Kind::Signature, "App_x64-setup.exe.sig"),
                row("two", Kind::Binary, "App_x64.nsis.zip"),
                row("two", Kind::Signature, "App_x64.nsis.zip.sig"),
            ],
        }],
        started_at: now,
        finished_at: now,
        sccache: None,
        cache: None,
        code_signed: None,
        before_signing: BTreeMap::new(),
    };
    let (world, reporter) = (&machine.world, HumanReporter::default());
    let root = machine.sandbox.root();
    let signed = sign_bundles(world, root, &mut made, &machine.signer(), &reporter).await;
    signed.unwrap();
    let rows = &made.products[0].rows;
    let names: Vec<&str> = rows.iter().map(|row| row.filename.as_str()).collect();
    // What signed the bytes of before signs nothing any more.
    assert_eq!(
        names,
        [
            "App_x64-setup.exe",
            "App_x64.nsis.zip",
            "App_x64.nsis.zip.sig"
        ]
    );
    assert_eq!(
        fs::read_to_string(&rows[0].path).unwrap(),
        "program one\nsigned\n"
    );
    assert_eq!(made.before_signing[&rows[0].path].size, 12);
    assert_eq!(made.before_signing.len(), 1);
    assert!(made.code_signed.is_some());
    // What the command has made stays as it is.
    assert_eq!(machine.read("one"), "program one\n");
    drop(made);
    machine.nothing_stays();
}

#[tokio::test]
async fn the_notarys_word_is_fastened_to_disk_images() {
    let machine = Machine::macos();
    let files = [(machine.path("one"), "Atlas.dmg".to_owned())];
    let signed = machine.signer().sign(&machine.world, &files).await.unwrap();
    let names: Vec<_> = signed
        .signing
        .tools
        .iter()
        .map(|tool| tool.name.as_str())
        .collect();
    assert_eq!(names, ["codesign", "notarytool", "stapler"]);
    let calls = machine.tools.calls("codesign");
    assert!(!calls[0].contains("runtime"), "{calls:?}");
    let last = machine.tools.calls("xcrun").pop().unwrap();
    assert!(
        last.starts_with("stapler staple ") && last.ends_with("/Atlas.dmg"),
        "{last}"
    );
    drop(signed);
    machine.nothing_stays();
}

#[test]
fn here_the_files_of_other_systems_stay_as_they_are() {
    let sandbox = Sandbox::new();
    let fixture = Fixture::without_git(&sandbox);
    let manifest = fs::read_to_string(fixture.root().join("Cargo.toml")).unwrap();
    let run = |table: &str| {
        fixture.write("Cargo.toml", &format!("{manifest}\n{table}"));
        fixture.write("rows/launcher.manifest", "a.exe|windows|x64|installer\n");
        fixture.write("rows/a.exe", "an installer");
        let run = atlas(
            &sandbox,
            "sign rows/launcher.manifest --version 1.4.0 --code",
        );
        run.cwd(fixture.root()).run()
    };
    run("").exits(2).says(&["`windows-sign`"]);
    let table = format!(
        "[workspace.metadata.atlas-release.windows-sign]\ntimestamp-url = \"{TIME_URL}\"\n"
    );
    run(&table).exits(0).says(&[
        "the tools run on windows alone",
        "no signatures for updaters",
    ]);
    run(&format!("{table}required = true\n"))
        .exits(5)
        .says(&["code signing is required"]);
    run(&format!("{table}colour = 'red'\n"))
        .exits(2)
        .says(&["unknown field `colour`"]);
    let kept = fs::read_to_string(fixture.root().join("rows/a.exe")).unwrap();
    assert_eq!(kept, "an installer");
}
