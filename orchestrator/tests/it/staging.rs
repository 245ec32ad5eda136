//! What a build leaves in `dist/`, to the byte where it is promised.

use crate::support::*;
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt as _;
use test_support::tree;

#[test]
fn a_platforms_folder_is_complete_and_agrees_with_itself() {
    let project = Project::tagged("demo-v1.2.3-beta.1");
    project.quick("build demo-v1.2.3-beta.1").run().exits(0);
    let platform = platform();
    let staged = project.staged("demo-1.2.3-beta.1");
    let dist: Vec<String> = tree(&project.sandbox.dist_dir()).into_keys().collect();
    let folder = format!("demo-1.2.3-beta.1/{platform}");
    assert_eq!(
        dist,
        [
            ".atlas-release.lock".to_owned(),
            "demo-1.2.3-beta.1/".to_owned(),
            format!("{folder}/"),
            format!("{folder}/SHA256SUMS"),
            format!("{folder}/alpha-{platform}"),
            format!("{folder}/alpha.manifest"),
            format!("{folder}/beta-{platform}"),
            format!("{folder}/beta.manifest"),
            format!("{folder}/release.json"),
        ]
    );
    let read = |name: &str| std::fs::read_to_string(staged.join(name)).unwrap();
    for product in ["alpha", "beta"] {
        let (os, arch) = platform.split_once('-').unwrap();
        assert_eq!(
            read(&format!("{product}.manifest")),
            format!("{product}-{platform}|{os}|{arch}|binary|{product}-{platform}\n")
        );
    }
    for (name, mode) in [
        (".", 0o755),
        ("release.json", 0o644),
        ("SHA256SUMS", 0o644),
        ("alpha.manifest", 0o644),
        (&format!("alpha-{platform}"), 0o755),
    ] {
        let found = staged.join(name).metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(found, mode, "{name}: {found:o}");
    }
    let check = project
        .sandbox
        .invoke("sha256sum")
        .args(["--check", "--strict", "SHA256SUMS"])
        .cwd(&staged)
        .run()
        .exits(0);
    assert_eq!(
        check.stdout,
        format!("alpha-{platform}: OK\nbeta-{platform}: OK\nrelease.json: OK\n")
    );
}

#[test]
fn release_json_tells_all_that_is_known_of_the_build() {
    let project = Project::tagged("demo-v1.2.3-beta.1");
    project.fixture.write("alpha/notes.txt", "unfinished");
    project
        .quick("build demo-v1.2.3-beta.1 --allow-dirty")
        .run()
        .exits(0);
    let staged = project.staged("demo-1.2.3-beta.1");
    let text = std::fs::read_to_string(staged.join("release.json")).unwrap();
    let record: Value = serde_json::from_str(&text).unwrap();
    let commit = project.fixture.git(&["rev-parse", "HEAD"]);
    let fields: Vec<&str> = record
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(
        fields,
        [
            "artifacts",
            "channel",
            "command",
            "commit",
            "dirty",
            "environment",
            "finished_at",
            "format",
            "group",
            "platform",
            "recipe",
            "rustc_flags",
            "started_at",
            "tag",
            "target",
            "toolchain",
            "version",
        ]
    );
    assert_eq!(record["format"], 1);
    assert_eq!(record["tag"], "demo-v1.2.3-beta.1");
    assert_eq!(record["group"], "demo");
    assert_eq!(record["version"], "1.2.3-beta.1");
    assert_eq!(record["channel"], "beta");
    assert_eq!(record["commit"], commit.as_str());
    assert_eq!(record["dirty"], json!(["alpha/notes.txt"]));
    assert_eq!(record["environment"]["ATLAS_BUILD_VERSION"], "1.2.3-beta.1");
    assert_eq!(record["environment"]["ATLAS_BUILD_COMMIT"], commit.as_str());
    assert_eq!(record["environment"]["CARGO_INCREMENTAL"], "0");
    let rustc = record["toolchain"]["rustc"].as_str().unwrap();
    let target = record["target"].as_str().unwrap();
    assert!(rustc.starts_with("rustc 1.") && rustc.contains(&format!("host: {target}")));
    assert_eq!(record["toolchain"]["linker"], Value::Null);
    assert_eq!(record["toolchain"]["sccache"], Value::Null);
    let time = |name: &str| -> jiff::Timestamp { record[name].as_str().unwrap().parse().unwrap() };
    assert!(time("started_at") < time("finished_at"));
    for (artifact, product) in record["artifacts"]
        .as_array()
        .unwrap()
        .iter()
        .zip(["alpha", "beta"])
    {
        let name = format!("{product}-{}", platform());
        let file = staged.join(&name);
        let mut artifact = artifact.clone();
        let inspection = artifact["inspection"].take();
        assert_eq!(inspection["platform"], record["platform"]);
        assert_eq!(inspection["debug_info"], false);
        let tools = inspection["tools"].to_string();
        assert!(
            tools.contains("rustc") && !tools.contains("mold"),
            "{tools}"
        );
        assert!(inspection["glibc"].as_str().unwrap().starts_with("2."));
        assert!(inspection["libraries"].to_string().contains("libc.so"));
        assert_eq!(
            artifact,
            json!({
                "inspection": null, "product": product, "package": product, "bin": product, "kind": "binary",
                "filename": name, "sha256": digest(&file), "size": file.metadata().unwrap().len(),
            })
        );
    }
}

#[test]
fn building_again_replaces_the_folder() {
    let project = Project::tagged("demo-v0.1.0");
    project.quick("build demo-v0.1.0").run().exits(0);
    let release = project.sandbox.dist_dir().join("demo-0.1.0");
    let names = |()| tree(&release).into_keys().collect::<Vec<_>>();
    let before = names(());
    let staged = project.staged("demo-0.1.0");
    std::fs::write(staged.join("stray"), "left by somebody").unwrap();
    std::fs::write(staged.join("alpha.manifest"), "damaged").unwrap();
    // What a run that was killed has left goes, too.
    std::fs::create_dir(release.join(".staging-x")).unwrap();
    std::fs::write(release.join(".staging-x/half"), "").unwrap();
    std::fs::write(release.join(".writing-x"), "").unwrap();
    // Another machine's part of the same release is not this one's to touch.
    let other = release.join("macos-arm64");
    std::fs::create_dir(&other).unwrap();
    std::fs::write(other.join("kept"), "").unwrap();
    project.quick("build demo-v0.1.0").run().exits(0);
    std::fs::remove_file(other.join("kept")).unwrap();
    std::fs::remove_dir(&other).unwrap();
    assert_eq!(names(()), before);
    let manifest = std::fs::read_to_string(staged.join("alpha.manifest")).unwrap();
    assert!(manifest.starts_with("alpha-"), "{manifest}");
}

#[test]
fn without_flags_all_is_in_the_workspace_and_the_home_folder() {
    let project = Project::tagged("demo-v0.1.0");
    // Asked from a folder inside: the workspace's own folder counts.
    project
        .sandbox
        .invoke(ATLAS_RELEASE)
        .args("build demo-v0.1.0 --no-mold --no-sccache --no-install".split(' '))
        .cwd(project.fixture.root().join("beta/src"))
        .run()
        .exits(0);
    let root = project.fixture.root();
    assert!(
        root.join("dist/demo-0.1.0")
            .join(platform())
            .join("release.json")
            .exists()
    );
    assert!(root.join("target").is_dir());
    let home = project.sandbox.root().join("home");
    let state = if cfg!(target_os = "macos") {
        "Library/Application Support/atlas-release"
    } else {
        ".local/state/atlas-release"
    };
    assert!(home.join(state).is_dir());
    // `dist/` is not ignored by this repository, and yet the tree is not dirty by it.
    project
        .sandbox
        .invoke(ATLAS_RELEASE)
        .args("plan demo-v0.1.0 --no-mold --no-sccache".split(' '))
        .cwd(root)
        .run()
        .exits(0);
}
