//! Bills of materials, compared with CycloneDX's own schema.

use crate::support::*;
use atlas_release::dependencies::{Lock, Mark, read};
use atlas_release::sbom::{Subject, document};
use boon::{Compiler, SchemaIndex, Schemas};
use release_types::Sha256Digest;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// The schemas of CycloneDX, as the package for Python has them that `ci/deps` installs.
fn schema_folder() -> PathBuf {
    let tools = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("cyclonedx");
    let lib = fs::read_dir(tools.join("lib")).unwrap_or_else(|error| {
        panic!("{}: {error} (ci/deps installs it)", tools.display());
    });
    let mut pythons = lib.map(|entry| entry.unwrap().path());
    let is_python = |path: &PathBuf| path.join("site-packages/cyclonedx").is_dir();
    let python = pythons.find(is_python).unwrap();
    python.join("site-packages/cyclonedx/schema/_res")
}

fn schema() -> (Schemas, SchemaIndex) {
    let folder = schema_folder();
    let (mut compiler, mut schemas) = (Compiler::new(), Schemas::new());
    // Dates, addresses and the like are what they are called.
    compiler.enable_format_assertions();
    // By these names they refer to one another, in the package's folder.
    let url = |name: &str| format!("http://cyclonedx.org/schema/{name}.SNAPSHOT.schema.json");
    for name in ["bom-1.6", "spdx", "jsf-0.82"] {
        let text = fs::read(folder.join(format!("{name}.SNAPSHOT.schema.json"))).unwrap();
        let schema = serde_json::from_slice(&text).unwrap();
        compiler.add_resource(&url(name), schema).unwrap();
    }
    let index = compiler.compile(&url("bom-1.6"), &mut schemas).unwrap();
    (schemas, index)
}

#[track_caller]
fn is_valid(bytes: &[u8]) -> Value {
    let (schemas, index) = schema();
    let value: Value = serde_json::from_slice(bytes).unwrap();
    if let Err(why) = schemas.validate(&value, index) {
        panic!("{why:#}");
    }
    // The schema itself notices what is wrong.
    let mut wrong = value.clone();
    wrong["metadata"]["component"]["hashes"][0]["content"] = "abc".into();
    assert!(schemas.validate(&wrong, index).is_err());
    value
}

#[test]
fn packages_of_every_kind_make_a_valid_document() {
    let tree = "\
app v0.1.0 (/w/app)\tMIT\tnot an address
|-- git v1.0.0+x (https://me:secret@h.example/g?branch=a#01234567)\tOur own terms\thttps://h.example/g
|-- one v1.0.0\tMIT/Apache-2.0\thttps://h.example/one.git
|-- other v1.0.0 (registry `ours`)\t(MIT OR Apache-2.0) AND Unicode-3.0\tgit@h.example:other
`-- word v2.0.0 (proc-macro)\t\t
";
    let lock = format!(
        "version = 4\n[[package]]\nname = \"one\"\nversion = \"1.0.0\"\nsource = \"{}\"\nchecksum = \"{}\"\n",
        "registry+https://github.com/rust-lang/crates.io-index",
        "ab".repeat(32)
    );
    // As cargo prints it in the form that it is asked for.
    let mark = Mark::new();
    let format = mark.format();
    let lines = tree.lines().map(|line| {
        let (branch, rest) = line.split_at(line.find(char::is_alphanumeric).unwrap());
        let texts: Vec<&str> = rest.split('\t').collect();
        let named = [("{p}", texts[0]), ("{l}", texts[1]), ("{r}", texts[2])];
        let package = named.iter().fold(format.clone(), |format, (name, text)| {
            format.replace(name, text)
        });
        format!("{branch}{package}\n")
    });
    let tree: String = lines.collect();
    let graph = read(&tree, &mark, &["app"], &Lock::parse(&lock).unwrap()).unwrap();
    let version = "1.4.0-rc.1+build.5".parse().unwrap();
    let subject = Subject {
        filename: "app-windows-arm64.exe",
        sha256: Sha256Digest::of(b"program"),
        product: "cli",
        bin: "app",
        version: &version,
        tag: "cli-v1.4.0-rc.1+build.5",
        commit: "c0ffee",
        dirty: 0,
        commit_time: 1_700_000_000,
        target: "aarch64-pc-windows-msvc",
        maker: "0.1.0",
    };
    let bytes = document(&subject, &graph[0]).unwrap();
    let found = is_valid(&bytes);
    assert_eq!(found["components"].as_array().unwrap().len(), 4);
    assert!(!String::from_utf8(bytes).unwrap().contains("secret"));
}

#[test]
fn a_program_is_staged_with_what_it_is_made_of() {
    let project = Project::tagged("demo-v0.1.0");
    let run = project.quick_with_documents("build demo-v0.1.0");
    run.run().exits(0);
    let staged = project.staged("demo-0.1.0");
    for bin in ["alpha", "beta"] {
        let program = staged.join(format!("{bin}-{}", platform()));
        let path = staged.join(format!("{bin}-{}.cdx.json", platform()));
        let found = is_valid(&fs::read(&path).unwrap());
        let own = &found["metadata"]["component"];
        assert_eq!(
            (own["name"].as_str(), own["version"].as_str()),
            (Some(bin), Some("0.1.0"))
        );
        assert_eq!(own["hashes"][0]["content"], digest(&program));
        assert_eq!(found["metadata"]["timestamp"], "2024-01-01T00:00:00Z");
        // It names what the program itself does.
        let listed = crate::auditable::list(&staged, bin);
        let mut inside: Vec<String> = (listed.packages.iter().filter(|package| !package.root))
            .map(|package| format!("{} {}", package.name, package.version))
            .collect();
        let components = found["components"].as_array().unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let mut named: Vec<String> = components
            .iter()
            .map(|one| format!("{} {}", text(&one["name"]), text(&one["version"])))
            .collect();
        inside.sort();
        named.sort();
        assert_eq!(named, inside);
        let semver = components
            .iter()
            .find(|one| one["name"] == "semver")
            .unwrap();
        assert_eq!(semver["licenses"][0]["expression"], "MIT OR Apache-2.0");
        assert_eq!(text(&semver["hashes"][0]["content"]).len(), 64);
        assert!(text(&semver["purl"]).starts_with("pkg:cargo/semver@1."));
    }
}
