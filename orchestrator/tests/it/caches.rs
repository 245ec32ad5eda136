//! Whatever is wrong with a cache, the build goes on: the quick half of the table of faults, and what a cache
//! is good for.

use crate::cached::*;
use crate::support::*;
use rustix::process::Signal;
use std::time::Instant;
use test_support::Finished;

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
        let lines = events_of(&run, "cargo");
        let lines: Vec<&str> = lines.iter().map(|e| e["line"].as_str().unwrap()).collect();
        assert!(
            lines.iter().any(|line| line.contains("Compiling beta v")),
            "{lines:?}"
        );
        assert!(
            !lines.iter().any(|line| line.contains("Building [")),
            "{lines:?}"
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
fn a_job_without_a_single_hit_says_so() {
    let cached = Cached::new().with_sccache();
    for warnings in [&["the cache answered none of"][..], &[]] {
        let began = Instant::now();
        let build = cached.build("").env("GITHUB_ACTIONS", "true");
        // With a cache on this disk in the place of GitHub's.
        let run = build.env("SCCACHE_GHA_ENABLED", "off").run();
        cached.is_right(run, warnings, began, 60);
        cached.clean();
    }
}

/// A build where the real sccache says something with secrets in it, instead of compiling this crate.
fn says_secrets(crate_name: &str) -> (Cached, Finished, Instant) {
    let cached = Cached::new();
    let conf = cached.root().join("sccache.toml");
    let settings = "[dist.auth]\ntype = \"token\"\ntoken = \"the-farms-word\"\n";
    std::fs::write(&conf, settings).unwrap();
    cached.script(&format!(
        "case \"$*\" in *'--crate-name {crate_name} '*)\n\
         echo 'sccache: error: no access' >&2\n\
         echo '  with the-farms-word to redis://me:hunter22@cache:1/' >&2\n\
         echo 'sccache: caused by: the-farms-word at redis://me:hunter22@cache:1/' >&2\n\
         exit 2;;\nesac\nexec '{}' \"$@\"\n",
        sccache().display()
    ));
    let began = Instant::now();
    let run = cached.build("").env("SCCACHE_CONF", conf).run();
    (cached, run, began)
}

/// It was told, and without what is secret in it, also in the record.
#[track_caller]
fn is_told_without_secrets(cached: &Cached, run: &Finished) {
    let told = "$dist.auth.token at redis://…@cache:1/";
    assert!(run.stderr.contains(told), "{run}");
    let record = cached.record().to_string();
    for text in [&run.stderr, &run.stdout, &record] {
        for secret in ["the-farms-word", "hunter22"] {
            assert!(!text.contains(secret), "{secret} is in {text}");
        }
    }
}

#[test]
fn what_sccache_says_in_a_build_is_told_without_secrets() {
    let (cached, run, _) = says_secrets("beta");
    // cargo warns too when it has to wait for other compilers.
    let run = run
        .exits(0)
        .says(&["warning: sccache has failed the build"]);
    assert_eq!(cached.digests(), cached.expected, "{run}");
    is_told_without_secrets(&cached, &run);
    let given_up = &cached.record()["toolchain"]["cache"]["given_up"];
    assert_eq!(given_up, "it failed a compilation");
}

#[test]
fn what_sccache_says_when_it_is_tried_is_told_without_secrets() {
    let (cached, run, began) = says_secrets("trial");
    cached.is_right(run.clone(), &["building without sccache"], began, 60);
    is_told_without_secrets(&cached, &run);
}

#[test]
fn a_long_folder_for_temporary_files_is_no_hindrance() {
    let cached = Cached::new().with_sccache();
    let temporary = cached.root().join("t".repeat(100));
    std::fs::create_dir(&temporary).unwrap();
    let began = Instant::now();
    let run = cached.build("").env("TMPDIR", temporary).run();
    cached.is_right(run, &[], began, 60);
    assert!(cached.record()["toolchain"]["cache"]["misses"].as_u64() > Some(1));
}

#[test]
fn a_program_that_hangs_is_not_taken_for_sccache() {
    let cached = Cached::new();
    cached.script("exec sleep 600\n");
    let began = Instant::now();
    let run = cached.build("").run();
    cached.is_right(run, &["building without sccache"], began, 60);
}

/// sccache is told to end after eight idle seconds, and for twenty only a build script works. It is
/// asked for the sake of its life, so that it is there afterwards. On a busy machine an answer takes
/// seconds, so the limit is not shorter.
#[test]
fn a_server_outlives_its_idle_limit_as_long_as_the_build_lasts() {
    let cached = Cached::new().with_sccache();
    cached.project.fixture.edit(
        "beta/build.rs",
        "build_version::emit();",
        "std::thread::sleep(std::time::Duration::from_secs(20));\n    build_version::emit();",
    );
    let began = Instant::now();
    let run = cached
        .build("--allow-dirty")
        .env("SCCACHE_IDLE_TIMEOUT", "8")
        .run();
    cached.is_right(run, &["beta/build.rs differs from the commit"], began, 110);
    let cache = &cached.record()["toolchain"]["cache"];
    assert!(cache["given_up"].is_null(), "{cache}");
    assert!(cache["misses"].as_u64() > Some(1), "{cache}");
}

/// sccache refuses the file as a whole for its first line, and a build takes from it where the cache is.
#[test]
fn of_a_file_about_this_machine_only_the_place_of_the_cache_counts() {
    let cached = Cached::new().with_sccache();
    let (conf, dir) = (
        cached.root().join("sccache.toml"),
        cached.root().join("big"),
    );
    let text = format!(
        "server_startup_timeout_ms = 'soon'\n[cache.disk]\ndir = '{}'\n",
        dir.display()
    );
    std::fs::write(&conf, text).unwrap();
    let began = Instant::now();
    let run = cached.build("").env("SCCACHE_CONF", conf);
    let run = run.env("SCCACHE_DIR", "").run();
    cached.is_right(run, &[], began, 60);
    let cache = &cached.record()["toolchain"]["cache"];
    assert!(cache["misses"].as_u64() > Some(1), "{cache}");
    assert!(!test_support::tree(&dir).is_empty());
}
