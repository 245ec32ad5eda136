//! `reproduce --from`: somebody's record is enough to build the same bytes.

use crate::reproducing::{document, telling};
use crate::support::*;
use serde_json::Value;
use std::fs;

#[test]
fn a_record_is_enough_to_build_the_same_bytes() {
    let project = telling();
    project.quick("build demo-v0.1.0").run().exits(0);
    let record = project.staged("demo-0.1.0").join("release.json");
    let text = fs::read_to_string(&record).unwrap();
    let value: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["format"], 2);
    let recipe = &value["recipe"];
    let root = project.sandbox.root().to_string_lossy().into_owned();
    assert!(!recipe.to_string().contains(&root), "{recipe}");
    for field in ["lock_sha256", "cargo", "linker", "c_compiler", "profile"] {
        assert!(!recipe[field].is_null(), "{field}: {recipe}");
    }
    assert_eq!(recipe["environment"]["CARGO_INCREMENTAL"], "0");
    let from = |file: &std::path::Path| {
        atlas(&project.sandbox, "reproduce --format json")
            .cwd(project.fixture.root())
            .arg("--from")
            .arg(file)
            .run()
    };
    // The commit is found wherever HEAD is.
    project.fixture.change("again");
    let run = from(&record).exits(0);
    assert_eq!(document(&run)["against"], "record", "{run}");

    let altered = project.sandbox.root().join("altered.json");
    let digest = value["artifacts"][0]["sha256"].as_str().unwrap();
    fs::write(&altered, text.replace(digest, &"0".repeat(64))).unwrap();
    let run = from(&altered).exits(8);
    let found = document(&run);
    let identical = |product: &str| {
        let mut files = found["files"].as_array().unwrap().iter();
        files.find(|file| file["product"] == product).unwrap()["identical"].clone()
    };
    let product = value["artifacts"][0]["product"].as_str().unwrap();
    assert_eq!(identical(product), false, "{run}");
    let other = value["artifacts"][1]["product"].as_str().unwrap();
    assert_eq!(identical(other), true, "{run}");
    fs::write(&altered, text.replace("rustc 1.", "rustc 9.")).unwrap();
    from(&altered)
        .exits(3)
        .says(&["rustc is not what the record names", "rustc 9."]);
    fs::write(
        &altered,
        text.replace("\"dirty\": []", "\"dirty\": [\"x.rs\"]"),
    )
    .unwrap();
    from(&altered)
        .exits(2)
        .says(&["the record is of files that differed from the commit: x.rs"]);
    let commit = value["commit"].as_str().unwrap();
    fs::write(&altered, text.replace(commit, &"1".repeat(40))).unwrap();
    from(&altered)
        .exits(2)
        .says(&["this repository has no commit"]);
    fs::write(&altered, text.replace(commit, "--orphan=x")).unwrap();
    from(&altered)
        .exits(2)
        .says(&["`commit` is no full name of a commit"]);
}

#[test]
fn a_records_variables_are_in_force_and_this_machines_are_not() {
    let project = telling();
    project
        .quick("build demo-v0.1.0")
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1")
        .env("RUSTFLAGS", "-C overflow-checks=yes")
        .run()
        .exits(0);
    let record = project.staged("demo-0.1.0").join("release.json");
    let text = fs::read_to_string(&record).unwrap();
    let from = |file: &std::path::Path| {
        atlas(&project.sandbox, "reproduce --format json")
            .cwd(project.fixture.root())
            .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "3")
            .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1")
            .env("CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS", "false")
            .arg("--from")
            .arg(file)
            .run()
    };
    let run = from(&record).exits(0);
    assert_eq!(document(&run)["identical"], true, "{run}");
    let altered = project.sandbox.root().join("altered.json");
    let level = "\"CARGO_PROFILE_RELEASE_OPT_LEVEL\": \"1\"";
    assert!(text.contains(level), "{text}");
    fs::write(&altered, text.replace(level, &level.replace('1', "2"))).unwrap();
    from(&altered).exits(8);
    let zone = "\"TZ\": \"UTC\"";
    assert!(text.contains(zone), "{text}");
    fs::write(&altered, text.replace(zone, "\"TZ\": \"CET\"")).unwrap();
    from(&altered)
        .exits(3)
        .says(&["TZ is not what the record names", "CET"]);
}
