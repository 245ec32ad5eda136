//! A cache never breaks or hangs a build: the quick half of the table of faults, and what a cache
//! is good for.

use crate::cached::*;
use crate::support::*;
use rustix::process::Signal;
use std::time::Instant;

#[test]
fn a_second_build_hits_and_both_are_counted() {
    let cached = Cached::new().with_sccache();
    for round in 0..2 {
        let began = Instant::now();
        let run = cached.build("--format json").run().exits(0);
        let usage = &events_of(&run, "cache")[0];
        assert_eq!(cached.record()["toolchain"]["cache"]["hits"], usage["hits"]);
        let (hits, misses) = (usage["hits"].as_u64(), usage["misses"].as_u64());
        match round {
            0 => assert!(misses > Some(1), "{usage}"),
            _ => assert!(hits > Some(1) && misses == Some(0), "{usage}"),
        }
        assert_eq!(usage["errors"], 0, "{usage}");
        assert!(
            usage["not_cacheable"]["crate-type"].as_u64() > Some(1),
            "{usage}"
        );
        let progress = events_of(&run, "progress");
        assert!(progress[0]["total"].as_u64() > Some(5), "{progress:?}");
        assert!(
            events_of(&run, "cargo")
                .iter()
                .all(|e| !e["line"].as_str().unwrap().contains("Building ["))
        );
        cached.is_right(run, &[], began, 60);
        cached.clean();
    }
}

#[test]
fn a_server_that_is_killed_is_done_without() {
    let cached = Cached::new().with_sccache();
    let began = Instant::now();
    let run = cached.held_up("");
    signal(cached.server(), Signal::KILL);
    cached.go();
    let words =
        "sccache's server has ended in the middle of the build; the build is done once more";
    cached.is_right(run.finish(), &[words], began, 60);
    let cache = &cached.record()["toolchain"]["cache"];
    assert!(cache["given_up"].is_string(), "{cache}");
}

#[test]
fn a_server_that_is_frozen_is_done_without() {
    let cached = Cached::new().with_sccache();
    let began = Instant::now();
    let run = cached.held_up("--cache-stall-limit 3");
    signal(cached.server(), Signal::STOP);
    cached.go();
    let words =
        "sccache has not answered for 3 s, and nothing compiles; the build is done once more";
    cached.is_right(run.finish(), &[words], began, 60);
}

#[test]
fn what_does_not_compile_is_compiled_once() {
    let cached = Cached::new().with_sccache();
    cached.project.fixture.break_compilation("alpha");
    let run = cached.build("--allow-dirty").run().exits(4);
    assert_eq!(run.stderr.matches("error[E0308]").count(), 1, "{run}");
    assert!(!run.stderr.contains("once more"), "{run}");
}

#[test]
fn github_without_its_variables_is_told_what_it_lacks() {
    let cached = Cached::new().with_sccache();
    let began = Instant::now();
    let run = cached.build("").env("GITHUB_ACTIONS", "true").run();
    let words = "GitHub's cache needs ACTIONS_RESULTS_URL and ACTIONS_RUNTIME_TOKEN";
    cached.is_right(run, &[words], began, 60);
}

#[test]
fn a_program_that_hangs_is_not_taken_for_sccache() {
    let cached = Cached::new();
    let script = "#!/bin/sh\nexec sleep 600\n";
    let path = cached.bin().join("sccache");
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let began = Instant::now();
    let run = cached.build("").run();
    cached.is_right(run, &["building without sccache"], began, 60);
}
