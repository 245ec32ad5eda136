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
        about: Subject::Program("demo", Sha256Digest::of(b"demo")),
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

/// All of a statement that decides whether it is good.
const DECIDING: [&str; 12] = [
    "/_type",
    "/predicateType",
    "/subject/0/name",
    "/subject/0/digest/sha256",
    "/subject/1/digest/sha256",
    "/predicate/buildDefinition/buildType",
    "/predicate/buildDefinition/externalParameters/product",
    "/predicate/buildDefinition/externalParameters/version",
    "/predicate/buildDefinition/externalParameters/platform",
    "/predicate/buildDefinition/resolvedDependencies/0/name",
    "/predicate/buildDefinition/resolvedDependencies/0/digest/gitCommit",
    "/predicate/runDetails/builder/id",
];

/// Another text than this one: any, one that begins or ends as it does, or it with one character changed.
fn other_text(text: &str) -> impl Strategy<Value = String> + use<> {
    let (good, length) = (text.to_owned(), text.chars().count());
    let changed = (0..length, any::<char>());
    let [of, before] = [good.clone(), good.clone()];
    prop_oneof![
        any::<String>(),
        "[ -~]{1,3}".prop_map(move |more| format!("{of}{more}")),
        "[ -~]{1,3}".prop_map(move |more| format!("{more}{before}")),
        changed.prop_map(move |(at, c)| {
            let one = |(index, old)| if index == at { c } else { old };
            good.chars().enumerate().map(one).collect()
        }),
    ]
}

/// A place in a good statement, and another text for it.
fn changed_place() -> impl Strategy<Value = (&'static str, String)> {
    prop::sample::select(DECIDING.to_vec()).prop_flat_map(|place| {
        let text = good().pointer(place).unwrap().as_str().unwrap().to_owned();
        let kept = text.clone();
        let other = other_text(&text).prop_filter("it is the same", move |other| *other != kept);
        (Just(place), other)
    })
}

fn is_good(said: &Value) -> bool {
    // The builder is known by whole parts of its name, so that the last one is named as a whole here.
    looked(said, Some(&format!("{BUILDER}/")), Some(COMMIT)).is_ok()
}

/// One whose builder's name ends where `is_good` looks for its end.
fn good_in_full() -> Value {
    let mut said = good();
    said["predicate"]["runDetails"]["builder"]["id"] = json!(format!("{BUILDER}/"));
    said
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    /// Whatever somebody else gives out is good only as long as it says what is expected, to the letter.
    #[test]
    fn other_bytes_are_never_good((place, text) in changed_place()) {
        let mut said = good_in_full();
        prop_assert!(is_good(&said));
        let builder = "/predicate/runDetails/builder/id";
        // What goes on behind a whole part is the same builder's.
        let goes_on = place == builder
            && text.starts_with(&format!("{BUILDER}/"))
            && is_one_way_to_write(&text);
        *said.pointer_mut(place).unwrap() = text.clone().into();
        prop_assert_eq!(is_good(&said), goes_on, "{} is {:?}", place, text);
        // Nor without it.
        let (parent, name) = place.rsplit_once('/').unwrap();
        let parent = said.pointer_mut(parent).unwrap().as_object_mut().unwrap();
        parent.remove(name);
        prop_assert!(!is_good(&said), "{} is missing", place);
    }

    /// One byte that is another may change what nobody looks at, and nothing else; and nothing that is cut is good.
    #[test]
    fn a_byte_that_counts_is_never_another(at: prop::sample::Index, byte: u8, cut: prop::sample::Index) {
        let good = serde_json::to_vec(&good_in_full()).unwrap();
        let mut bytes = good.clone();
        bytes[at.index(good.len())] = byte;
        let product = "demo".parse().unwrap();
        let files = [("demo", &b"demo"[..]), ("demo.deb", b"deb")];
        let files = files.map(|(name, bytes)| (name, Sha256Digest::of(bytes)));
        let (files, builder) = (files.into(), format!("{BUILDER}/"));
        let expected = Expected {
            product: &product,
            version: "1.0.0",
            platform: "linux-x64".parse().unwrap(),
            about: Subject::Program("demo", Sha256Digest::of(b"demo")),
            files: &files,
            commit: Some(COMMIT),
            builder: Some(&builder),
        };
        let cut = &good[..cut.index(good.len())];
        prop_assert!(statement(&expected, cut).is_err());
        if let Ok(said) = statement(&expected, &bytes) {
            prop_assert_eq!(said.commit, COMMIT);
            let (one, other): (Value, Value) =
                (serde_json::from_slice(&bytes).unwrap(), serde_json::from_slice(&good).unwrap());
            for place in DECIDING {
                let is_named = place != "/subject/1/digest/sha256" || said.named.contains("demo.deb");
                prop_assert!(!is_named || one.pointer(place) == other.pointer(place), "{}", place);
            }
        }
    }

    /// What is said to be in a program is about the program with that digest, however it is written.
    #[test]
    fn a_list_of_another_program_is_never_good(content in other_text(&"0123456789abcdef".repeat(4))) {
        let sha256: Sha256Digest = "0123456789abcdef".repeat(4).parse().unwrap();
        let document = json!({
            "bomFormat": "CycloneDX",
            "metadata": {"component": {"hashes": [{"alg": "SHA-256", "content": content}]}},
        });
        let is_good = sbom(sha256, &serde_json::to_vec(&document).unwrap()).is_ok();
        prop_assert_eq!(is_good, content.eq_ignore_ascii_case(&sha256.to_string()));
    }

    #[test]
    fn any_bytes_at_all_are_no_document(bytes: Vec<u8>) {
        let sha256 = Sha256Digest::of(b"demo");
        prop_assert!(sbom(sha256, &bytes).is_err());
        prop_assert!(Statement::read(&bytes).is_err());
    }
}

#[test]
fn what_a_statement_names_and_is_there_is_told() {
    let said = looked(&good(), None, None).unwrap();
    assert_eq!(
        said.named,
        ["demo".to_owned(), "demo.deb".to_owned()].into()
    );
}

#[test]
fn bundles_have_a_statement_of_their_own_kind() {
    let product = "demo".parse().unwrap();
    let files = [("demo.deb", Sha256Digest::of(b"deb"))].into();
    let expected = Expected {
        product: &product,
        version: "1.0.0",
        platform: "linux-x64".parse().unwrap(),
        about: Subject::Bundles,
        files: &files,
        commit: Some(COMMIT),
        builder: None,
    };
    let of = |said: &Value| statement(&expected, &serde_json::to_vec(said).unwrap());
    let mut said = good();
    let faults = of(&said).unwrap_err();
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(faults[0].contains("buildType: expected"), "{faults:?}");
    said["predicate"]["buildDefinition"]["buildType"] = json!(BUNDLE_TYPE);
    assert_eq!(of(&said).unwrap().named, ["demo.deb".to_owned()].into());
    said["subject"][1]["digest"]["sha256"] = json!("00");
    let faults = of(&said).unwrap_err();
    assert!(
        faults[0].contains("the digest of its subject demo.deb"),
        "{faults:?}"
    );
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
fn a_builder_is_written_in_one_way() {
    let of = |builder: &str| {
        let mut said = good();
        said["predicate"]["runDetails"]["builder"]["id"] = json!(builder);
        looked(&said, Some("https://github.com/o/r/"), None)
    };
    of("https://github.com/o/r/.github/workflows/r.yml@refs/tags/v1..x").unwrap();
    for builder in [
        "https://github.com/o/r/../evil/.github/workflows/r.yml@refs/heads/x",
        "https://github.com/o/r/./a",
        "https://github.com/o/r/..?x",
        "https://github.com/o/r/..\\evil/a",
        "https://github.com/o/r/%2e%2e/evil/a",
        "https://github.com/o/r/.\t./evil/a",
    ] {
        let faults = of(builder).expect_err(builder);
        assert!(
            faults.starts_with("builder: expected `an address"),
            "{faults}"
        );
    }
    // Nor is anybody's name a host.
    assert!(!is_one_way_to_write("https://github.com@evil.example/o/r/"));
}

#[test]
fn what_says_two_things_of_one_is_refused() {
    let mut said = good();
    let other = json!({"name": "source", "digest": {"gitCommit": "f".repeat(40)}});
    let taken = &mut said["predicate"]["buildDefinition"]["resolvedDependencies"];
    taken.as_array_mut().unwrap().push(other);
    let faults = looked(&said, None, Some(COMMIT)).unwrap_err();
    assert!(
        faults.contains("source: expected `one`, found `ffff"),
        "{faults}"
    );
    let sha256 = Sha256Digest::of(b"demo");
    let hash = |digest: Sha256Digest| json!({"alg": "SHA-256", "content": digest.to_string()});
    let document = json!({
        "bomFormat": "CycloneDX",
        "metadata": {"component": {"hashes": [hash(sha256), hash(Sha256Digest::of(b"other"))]}},
    });
    let faults = sbom(sha256, &serde_json::to_vec(&document).unwrap()).unwrap_err();
    assert!(faults[0].contains("` and `"), "{faults:?}");
}

#[test]
fn a_list_of_crates_is_about_the_program_whose_digest_it_has() {
    let sha256 = Sha256Digest::of(b"demo");
    let with = |content: &str, alg: &str, format: &str| {
        let document = json!({
            "bomFormat": format, "specVersion": "1.6",
            "metadata": {"component": {"hashes": [{"alg": alg, "content": content}]}},
        });
        sbom(sha256, &serde_json::to_vec(&document).unwrap())
    };
    let right = sha256.to_string();
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
        sbom(sha256, none).unwrap_err();
    }
}
