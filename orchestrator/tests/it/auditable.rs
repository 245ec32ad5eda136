//! The list of its packages that a program carries, read from real programs by the reader that `cargo audit bin`
//! has.

use crate::cached::Cached;
use crate::support::*;
use auditable_info::{Limits, audit_info_from_file};
use auditable_serde::{DependencyKind, Source, VersionInfo};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use test_support::FakeTools;

/// The list in a staged program.
pub fn list(staged: &Path, bin: &str) -> VersionInfo {
    let program = staged.join(format!("{bin}-{}", platform()));
    audit_info_from_file(&program, Limits::default()).unwrap()
}

fn names(list: &VersionInfo, kind: DependencyKind) -> Vec<&str> {
    let packages = list.packages.iter().filter(|package| package.kind == kind);
    packages.map(|package| package.name.as_str()).collect()
}

fn record(project: &Project) -> Value {
    let path = project.staged("demo-0.1.0").join("release.json");
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

#[test]
fn programs_of_one_pass_carry_each_its_own_list() {
    let project = Project::tagged("demo-v0.1.0");
    project.quick("build demo-v0.1.0").run().exits(0);
    let staged = project.staged("demo-0.1.0");
    let (alpha, beta) = (list(&staged, "alpha"), list(&staged, "beta"));
    // `build-version` is needed by the programs and by their build scripts: the stronger kind counts.
    let runtime = DependencyKind::Runtime;
    let build = DependencyKind::Build;
    assert_eq!(names(&alpha, runtime)[..2], ["alpha", "build-version"]);
    assert_eq!(names(&beta, runtime)[..2], ["beta", "build-version"]);
    assert!(names(&alpha, build).is_empty(), "{alpha:?}");
    assert_eq!(names(&beta, build), ["shout"]);
    let root = alpha.packages.iter().find(|package| package.root).unwrap();
    assert_eq!((&root.name[..], &root.source), ("alpha", &Source::Local));
    let semver = alpha.packages.iter().find(|p| p.name == "semver").unwrap();
    assert_eq!(semver.source, Source::CratesIo);

    // Together they name what cargo compiles for these programs, and nothing else.
    let other = project.sandbox.root().join("plain");
    let words = "build --release --locked --offline --message-format json -p alpha -p beta";
    let compiled = project
        .sandbox
        .invoke("cargo")
        .args(words.split(' '))
        .arg("--target-dir")
        .arg(&other)
        .cwd(project.fixture.root())
        .run()
        .exits(0);
    let messages = compiled.stdout.lines();
    let messages = messages.map(|line| serde_json::from_str::<Value>(line).unwrap());
    let ids = messages.filter_map(|message| Some(message["package_id"].as_str()?.to_owned()));
    let compiled: BTreeSet<String> = ids
        .map(|id| {
            let (place, version) = id.rsplit_once(['#', '@']).unwrap();
            // `…#name@1.0.0`, or `…/name#1.0.0`.
            let name = place.rsplit(['#', '/']).next().unwrap();
            format!("{name} {version}")
        })
        .collect();
    let both = alpha.packages.iter().chain(&beta.packages);
    let listed: BTreeSet<String> = both.map(|p| format!("{} {}", p.name, p.version)).collect();
    assert_eq!(listed, compiled);

    assert_eq!(record(&project)["recipe"]["auditable"], true);
    // Elsewhere the same programs come of it.
    let digests =
        || ["alpha", "beta"].map(|bin| digest(&staged.join(format!("{bin}-{}", platform()))));
    let first = digests();
    fs::remove_dir_all(project.sandbox.root().join("target")).unwrap();
    project.quick("build demo-v0.1.0").run().exits(0);
    assert_eq!(digests(), first);
}

#[test]
fn a_workspace_may_do_without_and_a_record_says_so() {
    let project = Project::new();
    let without = "[workspace.metadata.atlas-release]\nauditable = false\n\n[profile.release]";
    project
        .fixture
        .edit("Cargo.toml", "[profile.release]", without);
    project.fixture.commit("no lists");
    project.fixture.tag("demo-v0.1.0");
    project.quick("build demo-v0.1.0").run().exits(0);
    let staged = project.staged("demo-0.1.0");
    let program = staged.join(format!("beta-{}", platform()));
    let none = audit_info_from_file(&program, Limits::default()).unwrap_err();
    assert!(
        matches!(none, auditable_info::Error::NoAuditData),
        "{none:?}"
    );
    assert_eq!(record(&project)["recipe"]["auditable"], false);

    // What is built again is built as the record says, whatever the workspace does.
    let told = project.staged("demo-0.1.0").join("release.json");
    let from = format!("reproduce --from {}", told.display());
    project.atlas(&from).run().exits(0);
    let mut record = record(&project);
    record["recipe"]["auditable"] = true.into();
    let altered = project.sandbox.root().join("altered.json");
    fs::write(&altered, record.to_string()).unwrap();
    project
        .atlas(&format!("reproduce --from {}", altered.display()))
        .run()
        .exits(8)
        .says(&["does not come out the same"]);
}

#[test]
fn a_program_with_the_list_of_an_earlier_build_is_linked_anew() {
    let project = Project::tagged("demo-v0.1.0");
    project.quick("build demo-v0.1.0").run().exits(0);
    // What cargo says of a package changes, and nothing that it compiles does.
    let tools = FakeTools::new(project.sandbox.root().join("bin"));
    let real = which::which("cargo").unwrap();
    let real = real.display();
    tools.add(
        "cargo",
        &format!(
            "if [ \"$1\" = tree ]; then out=$(mktemp); '{real}' \"$@\" >\"$out\" || exit; \
             sed 's/semver v[0-9.]*/semver v9.9.9/' \"$out\"; rm \"$out\"; else exec '{real}' \"$@\"; fi"
        ),
    );
    let path = tools.path_before(project.sandbox.env());
    let again = || {
        project
            .quick("build demo-v0.1.0")
            .env("PATH", &path)
            .run()
            .exits(0)
    };
    again().says(&["left alpha, beta with another list of packages: built once more"]);
    for bin in ["alpha", "beta"] {
        let list = list(&project.staged("demo-0.1.0"), bin);
        let semver = list
            .packages
            .iter()
            .find(|one| one.name == "semver")
            .unwrap();
        assert_eq!(semver.version.to_string(), "9.9.9");
    }
    // Once is enough, and no other package was compiled for it.
    let calls = tools.calls("cargo");
    let cleaned: Vec<_> = calls
        .iter()
        .filter(|call| call.starts_with("clean "))
        .collect();
    assert_eq!(cleaned.len(), 1, "{calls:?}");
    assert!(
        cleaned[0].ends_with(" --package alpha --package beta"),
        "{calls:?}"
    );
    assert!(!again().stderr.contains("built once more"));
}

#[test]
fn a_wrapper_of_the_workspaces_own_goes_on_wrapping() {
    let project = Project::new();
    let log = project.sandbox.root().join("wrapped");
    let script = format!(
        "#!/bin/sh\necho \"$*\" >>'{}'\nexec \"$@\"\n",
        log.display()
    );
    project.fixture.write("wrapper.sh", &script);
    let path = project.fixture.root().join("wrapper.sh");
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let settings = "[build]\nrustc-workspace-wrapper = \"wrapper.sh\"\n";
    project.fixture.write(".cargo/config.toml", settings);
    project
        .fixture
        .edit(".cargo/config.toml", "wrapper.sh", path.to_str().unwrap());
    project.fixture.commit("wrap");
    project.fixture.tag("demo-v0.1.0");
    project.quick("build demo-v0.1.0").run().exits(0);
    let beta = list(&project.staged("demo-0.1.0"), "beta");
    assert_eq!(names(&beta, DependencyKind::Build), ["shout"]);
    assert!(
        fs::read_to_string(&log)
            .unwrap()
            .contains("--crate-name beta")
    );
}

#[test]
fn lists_are_linked_behind_a_cache_too() {
    // The digests that it compares with are those of a build without a cache.
    let cached = Cached::new().with_sccache();
    cached.build("").run().exits(0);
    assert_eq!(cached.digests(), cached.expected);
    cached.clean();
    cached.build("").run().exits(0);
    assert_eq!(cached.digests(), cached.expected);
    let alpha = list(&cached.project.staged("demo-0.1.0"), "alpha");
    assert!(names(&alpha, DependencyKind::Runtime).contains(&"semver"));
}
