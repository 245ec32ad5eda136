//! The document as a whole. Whether it is what CycloneDX asks for is another test's, which has its schema.

use super::*;
use crate::dependencies::{Lock, Mark, Source, read};
use serde_json::{Value, json};

const TREE: &str = "\
app v0.1.0 (/w/app)\tMIT\thttps://h.example/app
|-- one v1.0.0\tMIT/Apache-2.0\thttps://h.example/one
`-- word v2.0.0 (proc-macro)\t\t
    `-- one v1.0.0\tMIT/Apache-2.0\thttps://h.example/one (*)
";

fn graph() -> Dependencies {
    let lock = format!(
        "version = 4\n[[package]]\nname = \"one\"\nversion = \"1.0.0\"\nsource = \"{}\"\nchecksum = \"{}\"\n",
        "registry+https://github.com/rust-lang/crates.io-index",
        "ab".repeat(32)
    );
    let mark = Mark::new();
    read(
        &mark.around(TREE),
        &mark,
        &["app"],
        &Lock::parse(&lock).unwrap(),
    )
    .unwrap()
    .remove(0)
}

fn subject(version: &semver::Version) -> Subject<'_> {
    Subject {
        filename: "app-linux-x64",
        sha256: Sha256Digest::of(b"program"),
        product: "cli",
        bin: "app",
        version,
        tag: "cli-v1.4.0",
        commit: "c0ffee",
        dirty: 0,
        commit_time: 1_700_000_000,
        target: "x86_64-unknown-linux-gnu",
        maker: "0.9.0",
    }
}

#[test]
fn what_is_in_a_document() {
    let version = "1.4.0".parse().unwrap();
    let bytes = document(&subject(&version), &graph()).unwrap();
    let found: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(found["specVersion"], "1.6");
    let metadata = &found["metadata"];
    assert_eq!(metadata["timestamp"], "2023-11-14T22:13:20Z");
    let tool = &metadata["tools"]["components"][0];
    assert_eq!(
        (&tool["name"], &tool["version"]),
        (&json!("atlas-release"), &json!("0.9.0"))
    );
    let own = &metadata["component"];
    assert_eq!(
        (&own["name"], &own["version"]),
        (&json!("app"), &json!("1.4.0"))
    );
    let digest = Sha256Digest::of(b"program").to_string();
    assert_eq!(
        own["hashes"],
        json!([{"alg": "SHA-256", "content": digest}])
    );
    assert_eq!(own["licenses"], json!([{"expression": "MIT"}]));
    assert_eq!(
        found["components"],
        json!([
            {
                "type": "library", "bom-ref": "pkg:cargo/one@1.0.0", "name": "one", "version": "1.0.0",
                "scope": "required",
                "hashes": [{"alg": "SHA-256", "content": "ab".repeat(32)}],
                "licenses": [{"expression": "MIT OR Apache-2.0"}],
                "purl": "pkg:cargo/one@1.0.0",
                "externalReferences": [{"type": "vcs", "url": "https://h.example/one"}],
            },
            {
                "type": "library", "bom-ref": "pkg:cargo/word@2.0.0", "name": "word", "version": "2.0.0",
                "scope": "excluded", "purl": "pkg:cargo/word@2.0.0",
            },
        ])
    );
    assert_eq!(
        found["dependencies"],
        json!([
            {"ref": "pkg:cargo/one@1.0.0"},
            {"ref": "pkg:cargo/word@2.0.0", "dependsOn": ["pkg:cargo/one@1.0.0"]},
            {"ref": "program:app-linux-x64", "dependsOn": ["pkg:cargo/one@1.0.0", "pkg:cargo/word@2.0.0"]},
        ])
    );
}

#[test]
fn the_same_program_has_the_same_document_and_another_one_another_number() {
    let version = "1.4.0".parse().unwrap();
    let subject = subject(&version);
    let first = document(&subject, &graph()).unwrap();
    assert_eq!(first, document(&subject, &graph()).unwrap());
    let serial = |bytes: &[u8]| {
        let value: Value = serde_json::from_slice(bytes).unwrap();
        value["serialNumber"].as_str().unwrap().to_owned()
    };
    let other = Subject {
        sha256: Sha256Digest::of(b"other"),
        ..subject.clone()
    };
    let second = document(&other, &graph()).unwrap();
    assert_ne!(serial(&first), serial(&second));
    for serial in [serial(&first), serial(&second)] {
        let digits = serial.strip_prefix("urn:uuid:").unwrap();
        assert_eq!(digits.len(), 36);
        assert_eq!(digits.as_bytes()[14], b'8');
        assert!(b"89ab".contains(&digits.as_bytes()[19]), "{digits}");
    }
    let ancient = Subject {
        commit_time: i64::MIN,
        ..subject
    };
    assert!(matches!(
        document(&ancient, &graph()),
        Err(SbomError::Time(_))
    ));
}

#[test]
fn who_has_made_it_is_all_that_two_may_differ_in() {
    let version = "1.4.0".parse().unwrap();
    let subject = subject(&version);
    let of = |subject: &Subject<'_>| document(subject, &graph()).unwrap();
    let ours = of(&subject);
    let theirs = of(&Subject {
        maker: "1.0.0-rc.1",
        ..subject.clone()
    });
    assert_ne!(ours, theirs);
    assert_eq!(other_maker(&ours, &theirs).as_deref(), Some("1.0.0-rc.1"));
    assert_eq!(other_maker(&ours, &ours), None, "nobody else");
    let text = String::from_utf8(theirs).unwrap();
    for (what, changed) in [
        ("a package", text.replace("one@1.0.0", "one@1.0.1")),
        ("the commit", text.replace("c0ffee", "c0ffef")),
        (
            "a number of ours that is none of theirs",
            text.replace("urn:uuid:", "urn:uuid:x"),
        ),
        ("what is no version", text.replace("1.0.0-rc.1", "me")),
        (
            "more",
            text.replace(
                "\"name\": \"atlas-release\",",
                "\"name\": \"atlas-release\", \"x\": 1,",
            ),
        ),
        ("an end", text.clone() + " "),
        ("nothing", String::new()),
    ] {
        assert_ne!(changed, text, "{what}");
        assert_eq!(other_maker(&ours, changed.as_bytes()), None, "{what}");
    }
    let same_maker = text.replace("1.0.0-rc.1", subject.maker);
    assert_eq!(other_maker(&ours, same_maker.as_bytes()), None);
}

#[test]
fn what_differed_from_the_commit_does_not_name_it_as_its_own() {
    let version = "1.4.0".parse().unwrap();
    let clean = subject(&version);
    let dirty = Subject {
        dirty: 2,
        ..clean.clone()
    };
    let properties = |subject: &Subject<'_>| {
        let bytes = document(subject, &graph()).unwrap();
        let found: Value = serde_json::from_slice(&bytes).unwrap();
        let all = found["metadata"]["component"]["properties"].as_array();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let all = all.unwrap().iter();
        all.map(|one| (text(&one["name"]), text(&one["value"])))
            .skip(4)
            .collect::<Vec<_>>()
    };
    let named = |name: &str, value: &str| (format!("atlas-release:{name}"), value.to_owned());
    assert_eq!(properties(&clean), [named("commit", "c0ffee")]);
    assert_eq!(
        properties(&dirty),
        [named("dirty", "2"), named("changed-from", "c0ffee")]
    );
}

#[test]
fn what_is_one_place_to_others_stays_two_packages_here() {
    let mut graph = graph();
    let one = |reference: &str| crate::dependencies::Package {
        source: Source::Git(format!(
            "git+https://h.example/g?{reference}#0123456789abcdef"
        )),
        ..graph.packages[1].clone()
    };
    let (branch, tag) = (one("branch=a"), one("tag=b"));
    graph.packages.extend([branch, tag]);
    let last = graph.packages.len() - 1;
    graph.packages[graph.root].needs.extend([last - 1, last]);
    let version = "1.4.0".parse().unwrap();
    let bytes = document(&subject(&version), &graph).unwrap();
    let found: Value = serde_json::from_slice(&bytes).unwrap();
    let components = found["components"].as_array().unwrap();
    let mut known = std::collections::BTreeSet::new();
    for component in components {
        assert!(
            known.insert(component["bom-ref"].as_str().unwrap()),
            "{component}"
        );
    }
    let of_git = components.iter().filter(|one| {
        let purl = one["purl"].as_str().unwrap_or_default();
        purl.contains("vcs_url")
    });
    assert_eq!(of_git.count(), 2);
    // All that is needed is there under the name that it is needed by.
    let dependencies = found["dependencies"].as_array().unwrap();
    let own = dependencies
        .iter()
        .find(|one| one["ref"] == "program:app-linux-x64");
    let needed = own.unwrap()["dependsOn"].as_array().unwrap();
    assert_eq!(needed.len(), 4, "{needed:?}");
    assert!(
        needed
            .iter()
            .all(|one| known.contains(one.as_str().unwrap()))
    );
}
