//! The project's own runner comes out the same anywhere, without a cache and through one.

use crate::support::{Project, atlas, events_of};
use std::path::Path;
use std::time::Duration;
use test_support::{FakeTools, Sandbox};

#[test]
fn the_runner_is_reproducible_with_and_without_a_cache() {
    let sandbox = Sandbox::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for (flags, against) in [("", "second-build"), (" --with-cache", "cached-build")] {
        let line = format!("reproduce runner-v0.3.0 --allow-untagged{flags} --format json");
        let run = atlas(&sandbox, &line)
            .cwd(root)
            .within(Duration::from_secs(3600))
            .run()
            .exits(0);
        let found = events_of(&run, "reproduction");
        assert_eq!(found.len(), 1, "{run}");
        assert_eq!(found[0]["identical"], true, "{run}");
        assert_eq!(found[0]["against"], against, "{run}");
        assert!(!found[0]["files"].as_array().unwrap().is_empty(), "{run}");
    }
}

/// Nobody, root included, can remove a folder on which something is mounted.
#[test]
fn what_was_found_out_counts_also_when_the_checkouts_cannot_be_removed() {
    let project = Project::tagged("demo-v0.1.0");
    let tools = FakeTools::new(project.sandbox.root().join("bin"));
    let cargo = which::which("cargo").unwrap();
    let mount = "mount -t tmpfs tmpfs";
    tools.add(
        "cargo",
        &format!(
            "case $HOME in */a/home)\n  there=\"${{HOME%/home}}/mounted\"\n  \
             if mkdir \"$there\" 2>/dev/null; then\n    \
             {mount} \"$there\" 2>/dev/null || sudo -n {mount} \"$there\" || exit 99\n  fi ;;\nesac\n\
             exec '{}' \"$@\"",
            cargo.display()
        ),
    );
    let run = atlas(
        &project.sandbox,
        "reproduce demo-v0.1.0 --no-mold --format json",
    )
    .cwd(project.fixture.root())
    .env("PATH", tools.path_before(project.sandbox.env()))
    .through_root(&["unshare", "--mount", "--propagation", "private"])
    .run()
    .exits(0);
    let found = events_of(&run, "reproduction");
    assert_eq!(found[0]["identical"], true, "{run}");
    let warnings = events_of(&run, "warning");
    assert_eq!(warnings.len(), 1, "{run}");
    let message = warnings[0]["message"].as_str().unwrap();
    assert!(message.contains("/atlas-reproduce-"), "{message}");
    assert!(message.contains("could not be removed ("), "{message}");
    assert!(message.ends_with("remove it by hand"), "{message}");
}
