//! What a program that is released may not be: debug information it was not to have, and a newer
//! glibc than it may need.

use crate::reproducing::{document, reproduce};
use crate::support::*;

#[test]
fn debug_information_in_a_release_is_an_error_unless_it_was_asked_for() {
    let project = Project::new();
    project
        .fixture
        .edit("Cargo.toml", "strip = true", "strip = \"none\"");
    project.fixture.commit("keep the standard library's");
    project.fixture.tag("demo-v0.1.0");
    project.quick("build demo-v0.1.0").run().exits(4).says(&[
        "(product `alpha`) holds debug information",
        "[profile.release]",
    ]);
    project.fixture.edit("Cargo.toml", "debug = 0", "debug = 1");
    project.fixture.commit("ask for it");
    project.fixture.tag("demo-v0.1.1");
    project.quick("build demo-v0.1.1").run().exits(0);
    // With it, C objects and generated code have folders in more places.
    let run = reproduce(&project, "demo-v0.1.1 --no-mold").run().exits(0);
    assert_eq!(document(&run)["identical"], true);
}

#[test]
fn a_newer_glibc_than_allowed_is_an_error() {
    let project = Project::new();
    project.fixture.edit(
        "Cargo.toml",
        "# Quick",
        "[workspace.metadata.atlas-release]\nmax-glibc = \"2.17\"\n\n# Quick",
    );
    project.fixture.commit("bind glibc");
    project.fixture.tag("demo-v0.1.0");
    project.quick("build demo-v0.1.0").run().exits(4).says(&[
        "needs glibc 2.",
        "max-glibc allows 2.17: ",
        "@GLIBC_2.",
    ]);
    project.fixture.edit("Cargo.toml", "\"2.17\"", "\"2.99\"");
    project.fixture.commit("allow all");
    project.fixture.tag("demo-v0.1.1");
    project.quick("build demo-v0.1.1").run().exits(0);
    project.fixture.edit("Cargo.toml", "\"2.99\"", "\"new\"");
    project
        .quick("build demo-v0.1.2 --allow-untagged --allow-dirty")
        .run()
        .exits(2)
        .says(&["`new` is no version of glibc"]);
}
