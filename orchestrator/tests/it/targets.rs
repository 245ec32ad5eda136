//! Several targets in one run, and how what was built compares with what was published last.

use crate::hub_server::TestHub;
use crate::support::*;
use serde_json::Value;
use test_support::{FakeTools, Finished};

const TARGETS: &str = "--target x86_64-unknown-linux-gnu --target aarch64-apple-darwin \
                       --target x86_64-unknown-linux-gnu";

#[test]
fn each_target_has_a_plan_once() {
    let project = Project::tagged("demo-v1.0.0");
    let run = project
        .quick(&format!("plan demo-v1.0.0 --format json {TARGETS}"))
        .run()
        .exits(0);
    let plans = events_of(&run, "plan");
    let targets: Vec<&Value> = plans.iter().map(|plan| &plan["target"]).collect();
    assert_eq!(
        targets,
        ["x86_64-unknown-linux-gnu", "aarch64-apple-darwin"]
    );
    for plan in &plans {
        let target = plan["target"].as_str().unwrap();
        let command: Vec<&str> = plan["command"]
            .as_array()
            .unwrap()
            .iter()
            .map(|w| w.as_str().unwrap())
            .collect();
        assert_eq!(
            command.iter().filter(|word| **word == "--target").count(),
            1
        );
        assert!(command.contains(&target), "{command:?}");
    }
}

#[test]
fn a_target_without_a_standard_library_is_refused_before_anything_is_built() {
    let project = Project::tagged("demo-v1.0.0");
    // A rustc whose targets' folders are empty, whatever is installed on this machine.
    let tools = FakeTools::new(project.sandbox.root().join("bin"));
    let real = which::which("rustc").unwrap();
    let script = format!(
        "for word do [ \"$word\" = target-libdir ] && echo /nowhere && exit; done\nexec '{}' \"$@\"",
        real.display()
    );
    tools.add("rustc", &script);
    let other = match platform().as_str() {
        "windows-arm64" => "x86_64-pc-windows-msvc",
        _ => "aarch64-pc-windows-msvc",
    };
    let build = || {
        project
            .quick(&format!("build demo-v1.0.0 --target {other}"))
            .env("RUSTC", project.sandbox.root().join("bin/rustc"))
    };
    // A build does not get to see the variable by itself, so setting it promises nothing.
    for run in [build(), build().env("RUSTC_BOOTSTRAP", "1")] {
        run.run().exits(3).says(&[
            &format!("error: this Rust toolchain has no standard library for {other}"),
            &format!("hint: rustup target add {other}"),
        ]);
    }
    assert!(!project.sandbox.root().join("target").join(other).exists());
    // One that is told to build the standard library is left to cargo.
    project.fixture.edit(
        "Cargo.toml",
        "[profile.release]",
        "[workspace.metadata.atlas-release]\npass-env = [\"RUSTC_BOOTSTRAP\"]\n\n[profile.release]",
    );
    project.fixture.commit("may build the standard library");
    project.fixture.tag("demo-v1.1.0");
    let run = project
        .quick(&format!("build demo-v1.1.0 --target {other}"))
        .env("RUSTC", project.sandbox.root().join("bin/rustc"))
        .env("RUSTC_BOOTSTRAP", "1")
        .run()
        .exits(4)
        .says(&[
            "can't find crate for `std`",
            "error: cargo could not build the release",
        ]);
    assert!(!run.stderr.contains("has no standard library"), "{run}");
}

#[test]
fn sizes_are_compared_with_what_was_published_last() {
    let project = Project::tagged("demo-v1.0.0");
    let hub = TestHub::start();
    let run = hub
        .publishes(project.quick("release demo-v1.0.0 --format json"))
        .run()
        .exits(0);
    let built = events_of(&run, "built");
    let without_last = |run: &Finished| {
        let built = events_of(run, "built");
        let last: Vec<bool> = built.iter().map(|file| file["last"].is_null()).collect();
        assert_eq!(last, [true, true], "{built:?}");
    };
    without_last(&run);

    project.fixture.tag("demo-v1.1.0");
    let build = || project.quick("build demo-v1.1.0 --format json");
    let run = build().env("ATLAS_HUB_URL", hub.url()).run().exits(0);
    let again = events_of(&run, "built");
    assert_eq!(again.len(), 2);
    for (before, now) in built.iter().zip(&again) {
        assert_eq!(now["last"]["version"], "1.0.0");
        assert_eq!(now["last"]["size"], before["size"]);
    }

    // Nobody answers: the build is none the worse.
    let run = build()
        .args(["--hub-url", "http://127.0.0.1:1"])
        .run()
        .exits(0);
    let notes = events_of(&run, "note");
    assert!(
        notes.iter().any(|note| note["message"]
            .as_str()
            .unwrap()
            .starts_with("sizes are compared with nothing: ")),
        "{run}"
    );
    without_last(&run);

    // Another size, as it is shown to people.
    project.fixture.edit(
        "beta/src/main.rs",
        "shout::shout!(hello)",
        "format!(\"{:?}\", std::env::args())",
    );
    project.fixture.commit("say more");
    project.fixture.tag("demo-v1.2.0");
    hub.publishes(project.quick("release demo-v1.2.0"))
        .run()
        .exits(0)
        .says(&[
            " bytes (unchanged since 1.0.0), sha256",
            " % since 1.0.0), sha256",
        ]);
}
