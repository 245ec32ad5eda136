//! Ctrl-C and SIGTERM: children end, nothing half-written stays, and what was locked is free. And
//! while a run has a folder, a second one is told so.

use crate::fault_table::stage::side_by_side;
use crate::hub_server::{TestHub, is_registration};
use crate::promoting::{publish_of, shown_of};
use crate::support::*;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use test_support::{Background, Fault, Invocation, Proxy, Sandbox, Seen, Signal, tree};

/// A build script that writes its process id into a file and then takes its time.
const SLOW: &str = r#"
    if let Ok(file) = std::env::var("SLOW_FILE") {
        std::fs::write(format!("{file}.new"), std::process::id().to_string()).unwrap();
        std::fs::rename(format!("{file}.new"), file).unwrap();
        std::thread::sleep(std::time::Duration::from_secs(60));
    }
    build_version::emit();"#;

fn slow_project() -> Project {
    let project = Project::new();
    project
        .fixture
        .edit("beta/build.rs", "\n    build_version::emit();", SLOW);
    // A build sees no variable that it has not been promised.
    project.fixture.edit(
        "Cargo.toml",
        "[profile.release]",
        "[workspace.metadata.atlas-release]\npass-env = [\"SLOW_FILE\"]\n\n[profile.release]",
    );
    project.fixture.commit("take time");
    project.fixture.tag("demo-v1.0.0");
    project
}

/// Starts a command and waits until its build script sleeps; returns the script's process id.
fn sleeping(project: &Project, line: &str) -> (Background, u32) {
    started(project, project.quick(line))
}

fn started(project: &Project, command: Invocation) -> (Background, u32) {
    let file = project.sandbox.root().join("slow");
    let run = command.env("SLOW_FILE", &file).start();
    let limit = Instant::now() + Duration::from_secs(60);
    while !file.exists() {
        assert!(Instant::now() < limit, "the build script has not begun");
        std::thread::sleep(Duration::from_millis(10));
    }
    let id = std::fs::read_to_string(&file).unwrap().parse().unwrap();
    std::fs::remove_file(file).unwrap();
    (run, id)
}

/// Whether a process runs: one that has ended and that nobody has asked about yet does not.
fn runs(id: u32) -> bool {
    match std::fs::read_to_string(format!("/proc/{id}/stat")) {
        Ok(stat) => !stat.contains(") Z "),
        Err(_) => false,
    }
}

/// Waits until it is so. What was killed takes a moment to be gone.
#[track_caller]
fn soon(is_so: impl Fn() -> bool, what: &str) {
    let limit = Instant::now() + Duration::from_secs(5);
    while !is_so() {
        assert!(Instant::now() < limit, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_build_that_is_interrupted_leaves_nothing_behind() {
    let project = slow_project();
    for (signal, code) in [(Signal::Interrupt, 130), (Signal::Terminate, 143)] {
        for command in ["build demo-v1.0.0", "release demo-v1.0.0 --local"] {
            let (run, script) = sleeping(&project, command);
            assert!(runs(script));
            let asked = Instant::now();
            run.signal(signal);
            run.finish().exits(code).says(&["error: interrupted"]);
            assert!(asked.elapsed() < Duration::from_secs(10));
            soon(|| !runs(script), "the build script is still running");
            soon(|| project.sandbox.processes().is_empty(), "a child is left");
            let dist: Vec<String> = tree(&project.sandbox.dist_dir()).into_keys().collect();
            assert_eq!(dist, [".atlas-release.lock"]);
            let left: Vec<String> = tree(&project.sandbox.tmp_dir()).into_keys().collect();
            assert_eq!(left, [""; 0]);
        }
    }
    // The locks are free, the target directory is usable, and the Hub has nothing of it.
    let run = project
        .quick("release demo-v1.0.0 --local --format json")
        .run()
        .exits(0);
    let uploaded = events_of(&run, "uploaded");
    let unchanged: Vec<_> = uploaded.iter().map(|e| &e["unchanged"]).collect();
    assert_eq!(unchanged, [false, false], "{run}");
}

#[test]
fn a_proof_that_is_interrupted_says_that_it_clears_up_and_does() {
    let project = slow_project();
    let command = atlas(&project.sandbox, "reproduce demo-v1.0.0 --no-mold");
    let (run, script) = started(&project, command.cwd(project.fixture.root()));
    run.signal(Signal::Interrupt);
    let run = run.finish().exits(130).says(&["error: interrupted"]);
    assert_eq!(
        run.stderr.matches("note interrupted: removing ").count(),
        1,
        "{run}"
    );
    soon(|| !runs(script), "the build script is still running");
    assert_eq!(tree(&project.sandbox.tmp_dir()).into_keys().count(), 0);
}

#[test]
fn an_interrupted_run_tells_programs_so() {
    let project = slow_project();
    let (run, _) = sleeping(&project, "build demo-v1.0.0 --format json");
    run.signal(Signal::Interrupt);
    let run = run.finish().exits(130);
    let last = events(&run).pop().unwrap();
    assert_eq!(
        (last["event"].as_str(), last["code"].as_u64()),
        (Some("error"), Some(130))
    );
}

#[test]
fn an_interrupted_upload_registers_nothing() {
    let sandbox = Sandbox::new();
    staged_release(&sandbox);
    let before = tree(&sandbox.dist_dir().join("demo-0.1.0"));
    let port = Proxy::bind();
    let hub = TestHub::start_as(Some(port.url()));
    let slow = AtomicBool::new(true);
    let proxy = port.serve(hub.address, move |seen| {
        match seen.method == "PUT" && slow.swap(false, Ordering::SeqCst) {
            true => Fault::Delay(Duration::from_secs(20)),
            false => Fault::None,
        }
    });
    let run = hub
        .publishes(atlas(&sandbox, "publish --uploads 1"))
        .env("ATLAS_HUB_URL", proxy.url())
        .start();
    let limit = Instant::now() + Duration::from_secs(30);
    while !proxy.seen().iter().any(|seen| seen.method == "PUT") {
        assert!(Instant::now() < limit, "no upload: {:?}", proxy.seen());
        std::thread::sleep(Duration::from_millis(10));
    }
    run.signal(Signal::Interrupt);
    let asked = Instant::now();
    run.finish().exits(130);
    assert!(
        asked.elapsed() < Duration::from_secs(10),
        "{:?}",
        asked.elapsed()
    );
    assert!(!proxy.seen().iter().any(is_registration));
    for product in ["alpha", "beta"] {
        assert!(hub.release(product, "0.1.0").is_none());
    }
    // What was begun is noted, and nothing else is there.
    let mut after = tree(&sandbox.dist_dir().join("demo-0.1.0"));
    let journal = after.remove(&format!("{}/publish.journal", platform()));
    let journal = String::from_utf8(journal.unwrap()).unwrap();
    assert_eq!(journal.lines().count(), 1, "{journal}");
    assert!(before == after);
    // Once more, and it is done.
    hub.publishes(atlas(&sandbox, "publish"))
        .env("ATLAS_HUB_URL", hub.url())
        .run()
        .exits(0);
}

#[test]
fn a_second_run_in_the_same_folders_is_told_who_has_them() {
    let project = slow_project();
    let (first, _) = sleeping(&project, "release demo-v1.0.0 --local");
    let holder = format!("is in use by another run (process {})", first.id());
    let own = |name: &str| project.sandbox.root().join(format!("second-{name}"));
    let second = |state: bool, dist: bool| {
        let state = if state {
            project.sandbox.state_dir()
        } else {
            own("state")
        };
        let dist = if dist {
            project.sandbox.dist_dir()
        } else {
            own("dist")
        };
        project
            .sandbox
            .invoke(ATLAS_RELEASE)
            .args("release demo-v1.0.0 --local --no-mold --no-sccache --no-install".split(' '))
            .arg("--state-dir")
            .arg(state)
            .arg("--dist-dir")
            .arg(dist)
            .arg("--target-dir")
            .arg(project.sandbox.root().join("target"))
            .cwd(project.fixture.root())
            .run()
            .exits(9)
    };
    for (run, folder) in [
        (second(true, true), "state"),
        (second(false, true), "dist"),
        (second(false, false), "target"),
    ] {
        let folder = project.sandbox.root().join(folder);
        run.says(&[&format!("{} {holder}", folder.display())]);
    }
    // What only reads needs no lock.
    project.quick("plan demo-v1.0.0").run().exits(0);
    first.signal(Signal::Interrupt);
    first.finish().exits(130);
}

/// Half of a rollback, and the next one would go back one version more.
#[test]
fn a_rollback_that_is_interrupted_is_finished_where_it_can_be() {
    #[derive(Debug, Clone, Copy, PartialEq)]
    enum End {
        Finished,
        Refused,
        Silent,
        AskedTwice,
    }
    let cases = [
        (Signal::Interrupt, End::Finished, 0),
        (Signal::Terminate, End::Finished, 0),
        (Signal::Interrupt, End::Refused, 130),
        (Signal::Interrupt, End::Silent, 130),
        (Signal::Terminate, End::Silent, 143),
        (Signal::Terminate, End::AskedTwice, 143),
    ];
    side_by_side(&cases, 3, |&(signal, end, code)| {
        let (sandbox, hub) = (Sandbox::new(), TestHub::start());
        for version in ["1.0.0", "1.1.0"] {
            for product in ["alpha", "beta"] {
                let at = (version, "stable");
                publish_of(product, &sandbox, at, &["windows-x64"], |run| {
                    hub.publishes(run)
                });
            }
        }
        let is_yank = |seen: &Seen| seen.path.ends_with("/yank");
        let proxy = Proxy::bind().serve(hub.address, move |seen| {
            match (is_yank(seen), end, seen.path.contains("/beta/")) {
                (false, ..) => Fault::None,
                (true, End::Refused, true) => Fault::Answer(403, r#"{"error":"no"}"#.to_owned()),
                (true, End::Finished | End::Refused, false) => Fault::Delay(Duration::from_secs(2)),
                (true, End::Finished, true) => Fault::None,
                (true, End::Silent | End::AskedTwice, _) => Fault::Silence,
            }
        });
        let line = "rollback --product alpha --product beta";
        let run = hub.publishes(atlas(&sandbox, line));
        let run = run.env("ATLAS_HUB_URL", proxy.url()).start();
        let limit = Instant::now() + Duration::from_secs(30);
        while !proxy.seen().iter().any(is_yank) {
            assert!(Instant::now() < limit, "{:?}", proxy.seen());
            std::thread::sleep(Duration::from_millis(10));
        }
        let asked = Instant::now();
        run.signal(signal);
        run.stderr_line("note interrupted: the rollback is finished first, for 15 s at most");
        if end == End::AskedTwice {
            run.signal(signal);
        }
        let run = run.finish().exits(code);
        let took = asked.elapsed().as_secs();
        let expected = if end == End::Silent { 14..20 } else { 0..10 };
        assert!(expected.contains(&took), "{end:?}: {took}");
        run.clone()
            .says(&["making alpha 1.0.0 the newest on stable instead of 1.1.0"]);
        match end {
            End::Finished => {}
            End::Refused => {
                run.says(&[
                    "the rollback to 1.0.0 has begun and is not finished",
                    "hint: run the same command again with --to 1.0.0",
                ]);
            }
            End::Silent | End::AskedTwice => {
                run.says(&["error: interrupted"]);
            }
        }
        let again = format!("{line} --to 1.0.0");
        hub.publishes(atlas(&sandbox, &again)).run().exits(0);
        for product in ["alpha", "beta"] {
            let at = ("latest", "stable");
            let newest = shown_of(product, &hub.url(), at, "windows-x64").unwrap();
            assert_eq!(newest["version"], "1.0.0", "{end:?}");
        }
    });
}
