use super::*;
use crate::reproduce::CauseKind;

fn expected(kind: Kind, filename: &str) -> Expected {
    Expected {
        product: "one".parse().unwrap(),
        kind,
        filename: filename.to_owned(),
        size: 1,
        sha256: Sha256Digest::of(b"1"),
        signed: CodeSigned::No,
        bytes: None,
    }
}

fn built(kind: Kind, filename: &str) -> LocalArtifact {
    let (product, filename) = ("one".parse().unwrap(), filename.parse().unwrap());
    let (version, platform) = ("1.0.0".parse().unwrap(), release_types::Platform::ALL[0]);
    LocalArtifact {
        key: release_types::artifact_key(&product, &version, platform, &filename).unwrap(),
        product,
        platform,
        kind,
        filename,
        path: PathBuf::new(),
        size: 1,
        sha256: Sha256Digest::of(b"1"),
        modified: None,
    }
}

/// The comparison of two files whose bytes are nowhere.
fn of_two(other: &Expected, artifact: &LocalArtifact) -> Comparison {
    match other.compared(artifact, None).unwrap() {
        Found::Compared(file) => file,
        Found::ByAnother(maker) => panic!("{maker} is not known"),
    }
}

#[test]
fn an_installer_that_is_nowhere_else_is_a_note_and_a_program_a_difference() {
    let all = [
        expected(Kind::Binary, "one-linux-x64"),
        expected(Kind::Installer, "one-installer-linux-x64.deb"),
        expected(Kind::Installer, "one-installer-macos-x64.pkg"),
    ];
    for (kind, name) in [
        (Kind::Binary, "one-linux-x64"),
        (Kind::Installer, "one-installer-linux-x64.deb"),
    ] {
        let found = counterpart(&built(kind, name), &all, &[]).unwrap();
        assert!(matches!(found, Compared::With(other) if other.filename == name));
    }
    for (name, says) in [
        ("one-installer-linux-x64.rpm", "there is no such file"),
        ("one-installer-macos-x64.pkg", "writes the time into it"),
    ] {
        let found = counterpart(&built(Kind::Installer, name), &all, &[]).unwrap();
        assert!(matches!(found, Compared::Not(why) if why.contains(says)));
    }
    let error = counterpart(&built(Kind::Binary, "two-linux-x64"), &all, &[]).unwrap_err();
    assert!(error.to_string().contains("two-linux-x64 was built"));
}

#[test]
fn an_installer_of_a_signed_program_is_not_proven() {
    let (program, zip) = ("one-windows-x64.exe", "one-installer-windows-x64.zip");
    let compared = |signed, identical| {
        let signed = |one| Expected { signed, ..one };
        let all = [
            signed(expected(Kind::Binary, program)),
            signed(expected(Kind::Installer, zip)),
        ];
        let artifact = built(Kind::Binary, program);
        let Ok(Compared::With(other)) = counterpart(&artifact, &all, &[]) else {
            panic!("a program is always compared");
        };
        let mut before = of_two(other, &artifact);
        before.identical = identical;
        match counterpart(&built(Kind::Installer, zip), &all, &[before]).unwrap() {
            Compared::With(_) => None,
            Compared::Not(why) => Some(why),
        }
    };
    for (signed, identical) in [
        (CodeSigned::No, true),
        (CodeSigned::No, false),
        (CodeSigned::Perhaps, true),
    ] {
        assert_eq!(compared(signed, identical), None, "{signed:?}");
    }
    for (signed, identical) in [
        (CodeSigned::Perhaps, false),
        (CodeSigned::Yes, true),
        (CodeSigned::Yes, false),
    ] {
        let why = compared(signed, identical).unwrap();
        assert!(why.starts_with(zip), "{why}");
        assert!(
            why.contains("is not proven: it holds a code-signed"),
            "{why}"
        );
    }
}

#[test]
fn documents_are_compared_as_far_as_the_commit_decides_about_them() {
    let mut all = [
        expected(Kind::Binary, "one"),
        expected(Kind::Other, "one.cdx.json"),
        expected(Kind::Other, "one.intoto.json"),
    ];
    let not = |name: &str, all: &[Expected]| {
        let found = counterpart(&built(Kind::Other, name), all, &[]).unwrap();
        match found {
            Compared::With(other) => other.filename.clone(),
            Compared::Not(why) => why,
        }
    };
    assert_eq!(not("one.cdx.json", &all), "one.cdx.json");
    assert!(not("one.intoto.json", &all).contains("it names a run and its times"));
    assert!(not("two.cdx.json", &all).contains("there is no such file"));
    // Another one is compared all the same: that it differs is what is found.
    all[1].sha256 = Sha256Digest::of(b"2");
    assert_eq!(not("one.cdx.json", &all), "one.cdx.json");
    let found = of_two(&all[1], &built(Kind::Other, "one.cdx.json"));
    assert!(!found.identical);
    let cause = explain::of_documents(std::slice::from_ref(&found)).unwrap();
    assert_eq!(cause.kind, CauseKind::Document);
    // Where a program differs, it is the program's cause that counts.
    let program = Comparison {
        kind: Kind::Binary,
        ..found.clone()
    };
    assert_eq!(explain::of_documents(&[program, found]), None);
    for one in &mut all {
        one.signed = CodeSigned::Yes;
    }
    assert!(not("one.cdx.json", &all).contains("that was code-signed"));
    // A file of that name that is no document is what any other file is.
    let other = counterpart(&built(Kind::Binary, "two.cdx.json"), &all, &[]);
    assert!(other.is_err());
}

#[test]
fn what_no_build_makes_is_a_note_and_a_missing_program_a_difference() {
    let all = [
        expected(Kind::Signature, "one-linux-x64.sig"),
        expected(Kind::Installer, "one.deb"),
    ];
    assert_eq!(
        not_made(&[], &all).unwrap(),
        [
            "one-linux-x64.sig (signature) is not proven: no build makes it",
            "one.deb (installer) is not proven: no build makes it",
        ]
    );
    let program = [expected(Kind::Binary, "one-linux-x64")];
    let error = not_made(&[], &program).unwrap_err().to_string();
    assert!(error.ends_with("the commit does not make it"), "{error}");
}

#[test]
fn bills_of_materials_by_two_versions_of_this_program_are_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let bill = |maker: &str, more: &str| {
        format!(
            "{{\n  \"serialNumber\": \"urn:uuid:{}\",\n  {{\n    \"bom-ref\": \"tool:atlas-release\",\n    \
             \"name\": \"atlas-release\",\n    \"version\": \"{maker}\"\n  }}{more}\n}}\n",
            "0a".repeat(18)
        )
    };
    let name = "one.cdx.json";
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let mut here = built(Kind::Other, name);
    here.path = write(name, &bill("0.1.0", ""));
    let there = |text: String| {
        let other = Expected {
            sha256: Sha256Digest::of(text.as_bytes()),
            bytes: Some(Bytes::File(write("there", &text))),
            ..expected(Kind::Other, name)
        };
        other.compared(&here, None).unwrap()
    };
    let found = there(bill("0.2.0", ""));
    assert!(matches!(found, Found::ByAnother(maker) if maker == "0.2.0"));
    let found = there(bill("0.2.0", ","));
    assert!(matches!(found, Found::Compared(file) if !file.identical));
    // A program of that name is a program.
    let program = LocalArtifact {
        kind: Kind::Binary,
        ..here.clone()
    };
    let other = Expected {
        bytes: Some(Bytes::Download("x".to_owned())),
        ..expected(Kind::Binary, name)
    };
    let found = other.compared(&program, Some(bill("0.2.0", "").into_bytes()));
    assert!(matches!(found.unwrap(), Found::Compared(file) if !file.identical));
}
