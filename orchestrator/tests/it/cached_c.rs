//! C code of build scripts goes through the cache like Rust code, and what one folder has compiled
//! another takes from it.

use crate::cached::*;
use crate::support::*;
use serde_json::Value;
use std::fs;
use test_support::Fixture;

/// The build script compiles as the `cc` crate does: by rustc's wrapper, where that is sccache, and
/// with the folder in arguments and code.
fn compiles_by_the_wrapper(fixture: &Fixture) {
    fixture.write(
        "alpha/answer.c",
        "const char *place(void) { return __FILE__; }\n\
         int answer(void) { return place()[0] ? 42 : 0; }\n",
    );
    fixture.edit(
        "alpha/build.rs",
        "run(\"cc\", &[\"-c\", \"answer.c\", \"-o\", &object]);",
        "let source = format!(\"{}/answer.c\", std::env::var(\"CARGO_MANIFEST_DIR\").unwrap());\n    \
         let compile = [\"cc\", \"-c\", &source, \"-o\", &object];\n    \
         match std::env::var(\"RUSTC_WRAPPER\") {\n        \
             Ok(wrapper) if wrapper.ends_with(\"sccache\") => run(&wrapper, &compile),\n        \
             _ => run(compile[0], &compile[1..]),\n    \
         }",
    );
}

#[test]
fn c_code_is_taken_from_the_cache_in_another_folder_and_names_none() {
    let all = [(); 2].map(|()| Cached::of(compiles_by_the_wrapper));
    let cache = all[0].root().join("shared-cache");
    for (at, cached) in all.iter().enumerate() {
        let (calls, told) = (cached.root().join("calls"), cached.root().join("told"));
        cached.script(&format!(
            "printf '%s\\n' \"$*\" >> '{}'\n\
             if [ \"$1\" = --show-stats ]; then '{real}' \"$@\" | tee '{}'; exit; fi\n\
             exec '{real}' \"$@\"\n",
            calls.display(),
            told.display(),
            real = sccache().display(),
        ));
        let run = cached.build("").env("SCCACHE_DIR", &cache).run().exits(0);
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
