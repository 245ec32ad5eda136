use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const BUILDER: &str = "https://github.com/o/demo/.github/workflows/r.yml@refs/tags/v1";

fn good() -> Value {
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [
            {"name": "demo", "digest": {"sha256": Sha256Digest::of(b"demo").to_string()}},
            {"name": "demo.deb", "digest": {"sha256": Sha256Digest::of(b"deb").to_string()}},
        ],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {
                    "product": "demo", "version": "1.0.0", "platform": "linux-x64",
                },
                "resolvedDependencies": [
                    {"name": "source", "digest": {"gitCommit": COMMIT}},
                ],
            },
            "runDetails": {"builder": {"id": BUILDER}},
        },
    })
}

fn looked(said: &Value, builder: Option<&str>, commit: Option<&str>) -> Result<Said, String> {
    let product = "demo".parse().unwrap();
    let files = [
        ("demo", &b"demo"[..]),
        ("demo.deb", b"deb"),
        ("demo.rpm", b"rpm"),
    ];
    let files = files.map(|(name, bytes)| (name, Sha256Digest::of(bytes)));
    let expected = Expected {
        product: &product,
        version: "1.0.0",
        platform: "linux-x64".parse().unwrap(),
        program: "demo",
        sha256: Sha256Digest::of(b"demo"),
        files: &files.into(),
        commit,
        builder,
    };
    let bytes = serde_json::to_vec(said).unwrap();
    statement(&expected, &bytes).map_err(|faults| faults.join("\n"))
}

#[test]
fn a_good_statement_tells_who_has_built_what() {
    let said = looked(&good(), Some("https://github.com/o/demo"), Some(COMMIT)).unwrap();
    assert_eq!(
        (said.builder.as_str(), said.commit.as_str()),
        (BUILDER, COMMIT)
    );
    looked(&good(), None, None).unwrap();
}

#[test]
fn every_fault_is_told_with_both_sides() {
    let other = "fedcba9876543210fedcba9876543210fedcba98";
    for (pointer, value, says) in [
        (
            "/subject/0/digest/sha256",
            json!("00"),
            "the digest of its subject: expected",
        ),
        (
            "/subject/0/name",
            json!("other"),
            "the digest of its subject: expected",
        ),
        (
            "/subject/1/digest/sha256",
            json!("00"),
            "the digest of its subject demo.deb",
        ),
        (
            "/predicate/buildDefinition/buildType",
            json!("x"),
            "buildType: expected",
        ),
        (
            "/predicate/buildDefinition/externalParameters/version",
            json!("1.0.1"),
            "version: expected `1.0.0`, found `1.0.1`",
        ),
        (
            "/predicate/buildDefinition/externalParameters/product",
            json!(1),
            "product: expected `demo`, found nothing",
        ),
        (
            "/predicate/buildDefinition/externalParameters/platform",
            json!("linux-arm64"),
            "platform: expected `linux-x64`, found `linux-arm64`",
        ),
        (
            "/predicate/buildDefinition/resolvedDependencies/0/digest/gitCommit",
            json!(other),
            "commit: expected",
        ),
        (
            "/predicate/buildDefinition/resolvedDependencies/0/name",
            json!("x"),
            "found nothing",
        ),
        (
            "/predicate/runDetails/builder/id",
            json!("https://x/y"),
            "found `https://x/y`",
        ),
        ("/_type", json!("x"), "it is no statement of provenance"),
    ] {
        let mut said = good();
        *said.pointer_mut(pointer).unwrap() = value;
        let faults = looked(&said, Some("https://github.com/o/demo/"), Some(COMMIT));
        let faults = faults.expect_err(pointer);
        assert!(faults.contains(says), "{pointer}: {faults}");
        assert_eq!(faults.lines().count(), 1, "{pointer}: {faults}");
    }
    let mut dirty = good();
    dirty["predicate"]["buildDefinition"]["resolvedDependencies"][0]["annotations"] =
        json!({"changedFiles": 2});
    let faults = looked(&dirty, None, None).unwrap_err();
    assert!(faults.contains("2 files that differ from it"), "{faults}");
}

proptest! {
    /// Whatever somebody else gives out is good only as long as it says the program's own digest.
    #[test]
    fn other_bytes_are_never_good(at in 0usize..800, byte: u8, cut in 0usize..800) {
        let good = serde_json::to_vec(&good()).unwrap();
        let mut bytes = good.clone();
        let at = at % bytes.len();
        bytes[at] = byte;
        let cut = &good[..cut % good.len()];
        let product = "demo".parse().unwrap();
        let files = BTreeMap::new();
        let expected = Expected {
            product: &product,
            version: "1.0.0",
            platform: "linux-x64".parse().unwrap(),
            program: "demo",
            sha256: Sha256Digest::of(b"demo"),
            files: &files,
            commit: Some(COMMIT),
            builder: Some(BUILDER),
        };
        prop_assert!(statement(&expected, cut).is_err());
        if let Ok(said) = statement(&expected, &bytes) {
            prop_assert_eq!(said.commit, COMMIT);
            let text = String::from_utf8(bytes).unwrap();
            prop_assert!(text.contains(&expected.sha256.to_string()));
        }
        prop_assert!(sbom(&expected, &good).is_err());
    }
}

#[test]
fn builders_are_known_by_whole_parts_of_their_names() {
    for (beginning, fits) in [
        ("https://github.com/o/demo", true),
        ("https://github.com/o/demo/", true),
        ("https://github.com/o/de", false),
        ("https://github.com/o/demo/.github/workflows/r.yml", true),
        (BUILDER, true),
        ("https://github.com/p/", false),
    ] {
        assert_eq!(is_by(BUILDER, beginning), fits, "{beginning}");
    }
}

#[test]
fn a_list_of_crates_is_about_the_program_whose_digest_it_has() {
    let product = "demo".parse().unwrap();
    let files = BTreeMap::new();
    let expected = Expected {
        product: &product,
        version: "1.0.0",
        platform: "linux-x64".parse().unwrap(),
        program: "demo",
        sha256: Sha256Digest::of(b"demo"),
        files: &files,
        commit: None,
        builder: None,
    };
    let with = |content: &str, alg: &str, format: &str| {
        let document = json!({
            "bomFormat": format, "specVersion": "1.6",
            "metadata": {"component": {"hashes": [{"alg": alg, "content": content}]}},
        });
        sbom(&expected, &serde_json::to_vec(&document).unwrap())
    };
    let right = expected.sha256.to_string();
    with(&right, "SHA-256", "CycloneDX").unwrap();
    with(&right.to_uppercase(), "SHA-256", "CycloneDX").unwrap();
    for (content, alg, format) in [
        ("00", "SHA-256", "CycloneDX"),
        (&right, "SHA-1", "CycloneDX"),
        (&right, "SHA-256", "SPDX"),
    ] {
        with(content, alg, format).unwrap_err();
    }
    for none in [&b"{"[..], b"[]", br#"{"bomFormat":"CycloneDX"}"#] {
        sbom(&expected, none).unwrap_err();
    }
}
