//! The project's own runner comes out the same anywhere, without a cache and through one.

use crate::support::{atlas, events_of};
use std::path::Path;
use std::time::Duration;
use test_support::Sandbox;

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
