//! C code of build scripts goes through the cache like Rust code, and what one folder has compiled
//! another takes from it.

use crate::cached::*;
use crate::support::*;
use serde_json::Value;
use std::fs::{self, File};
use std::time::{Duration, SystemTime};
use test_support::Fixture;

/// The build script compiles as the `cc` crate does, by rustc's wrapper where that is sccache, and
/// with these words of Rust for compiler, flags and source.
fn compiles_by_the_wrapper(fixture: &Fixture, words: &str) {
    fixture.edit(
        "alpha/build.rs",
        "run(\"cc\", &[\"-c\", \"answer.c\", \"-o\", &object]);",
        &format!(
            "let source = format!(\"{{}}/answer.c\", std::env::var(\"CARGO_MANIFEST_DIR\").unwrap());
    let compile = [\"cc\", {words}, \"-o\", &object];
    match std::env::var(\"RUSTC_WRAPPER\") {{
        Ok(wrapper) if wrapper.ends_with(\"sccache\") => run(&wrapper, &compile),
        _ => run(compile[0], &compile[1..]),
    }}
    println!(\"cargo::rerun-if-changed={{source}}\");"
        ),
    );
}

/// C code that holds its own path, which is handed over as a whole.
fn names_its_folder(fixture: &Fixture) {
    fixture.write(
        "alpha/answer.c",
        "const char *place(void) { return __FILE__; }\n\
         int answer(void) { return place()[0] ? 42 : 0; }\n",
    );
    compiles_by_the_wrapper(fixture, "\"-c\", &source");
}

/// C code that is the same everywhere, with a header that says what it answers. All names are
/// relative.
fn answers(fixture: &Fixture, answer: u32) {
    fixture.write("alpha/inc/answer.h", &format!("#define ANSWER {answer}\n"));
    fixture.write(
        "alpha/answer.c",
        "#include \"answer.h\"\nint answer(void) { return ANSWER; }\n",
    );
    compiles_by_the_wrapper(fixture, "\"-Iinc\", \"-c\", \"answer.c\"");
}

#[test]
fn c_code_is_taken_from_the_cache_in_another_folder_and_names_none() {
    let all = [(); 2].map(|()| Cached::of(names_its_folder));
    let cache = all[0].root().join("shared-cache");
    for (at, cached) in all.iter().enumerate() {
        let (calls, told) = (cached.root().join("calls"), cached.root().join("told"));
        // A compiler elsewhere is another one, so both folders find the same.
        all[0].script(&format!(
            "printf '%s\\n' \"$*\" >> '{}'\n\
             if [ \"$1\" = --show-stats ]; then '{real}' \"$@\" | tee '{}'; exit; fi\n\
             exec '{real}' \"$@\"\n",
            calls.display(),
            told.display(),
            real = sccache().display(),
        ));
        let run = cached.build("").env("SCCACHE_DIR", &cache);
        let run = run.env("PATH", all[0].root().join("bin")).run().exits(0);
        let calls = fs::read_to_string(calls).unwrap();
        let source = cached.project.fixture.root().join("alpha/answer.c");
        let compiled = format!("cc -c {} -o ", source.display());
        assert!(calls.lines().any(|l| l.starts_with(&compiled)), "{calls}");
        let told: Value = serde_json::from_str(&fs::read_to_string(told).unwrap()).unwrap();
        let count = |of: &str| told["stats"][of]["counts"]["C/C++"].as_u64().unwrap_or(0);
        let expected = if at == 0 { (0, 1) } else { (1, 0) };
        assert_eq!(
            (count("cache_hits"), count("cache_misses")),
            expected,
            "{told}"
        );
        // The same bytes as without a cache, and of neither folder.
        assert_eq!(cached.digests(), cached.expected, "{run}");
        assert_eq!(cached.digests(), all[0].expected, "{run}");
        let program = cached
            .project
            .staged("demo-0.1.0")
            .join(format!("alpha-{}", platform()));
        let program = fs::read(program).unwrap();
        let has = |text: &str| program.windows(text.len()).any(|w| w == text.as_bytes());
        assert!(has("/workspace/alpha/answer.c"));
        assert!(
            all.iter()
                .all(|other| !has(&other.root().to_string_lossy()))
        );
    }
}

#[test]
fn a_header_that_differs_from_that_of_another_folder_is_seen() {
    let all = [41, 42].map(|answer| Cached::of(|fixture| answers(fixture, answer)));
    let cache = all[0].root().join("shared-cache");
    let [first, second] = all;
    let all = [first.with_sccache(), second];
    // Direct mode looks at no file that has just been written.
    let earlier = SystemTime::now() - Duration::from_secs(3600);
    for cached in &all {
        for name in ["alpha/answer.c", "alpha/inc/answer.h"] {
            let path = cached.project.fixture.root().join(name);
            let file = File::options().append(true).open(path).unwrap();
            file.set_modified(earlier).unwrap();
        }
        // A compiler elsewhere is another one, so both folders find the same.
        let run = cached.build("").env("SCCACHE_DIR", &cache);
        let run = run.env("PATH", all[0].root().join("bin")).run().exits(0);
        assert_eq!(cached.digests(), cached.expected, "{run}");
    }
    assert_ne!(all[0].expected[0], all[1].expected[0]);
}
