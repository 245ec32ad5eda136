//! The first job of the workflows: what it says of a tag.

use crate::steps::{Job, on_path, step, workflow};
use crate::support::*;
use std::collections::BTreeMap;

/// The first job's step, run as a runner does: it ends what no job could build, and says what to do.
#[test]
fn a_tag_whose_channel_nobody_knows_ends_the_first_job() {
    let project = Project::tagged("demo-v1.4.0-rc.1");
    let look = |job: Job<'_>, tag: &str| {
        let path = on_path(&project.sandbox, ATLAS_RELEASE.as_ref());
        let job = job.with("PATH", path).with("ATLAS_TAG", tag);
        let step = step(
            &workflow("release.yml"),
            "look",
            "Look at the tag and its channel",
        );
        job.invoke(&step, &BTreeMap::new()).run()
    };
    let job = || Job::new(&project.sandbox, project.fixture.root());
    let tag = "demo-v1.4.0-rc.1";
    let run = look(job(), tag).exits(2);
    let log = run.to_string();
    for says in [
        "`1.4.0-rc.1` is a pre-release whose first identifier names no channel",
        "the workflows' input `channel`",
    ] {
        assert!(log.contains(says), "{log}");
    }
    // What an input leaves empty is not given.
    look(job().with("ATLAS_CHANNEL", ""), tag).exits(2);
    let run = look(job().with("ATLAS_CHANNEL", "beta"), tag).exits(0);
    assert!(run.stdout.contains("channel=beta\n"), "{run}");
    let run = look(job(), "demo-v2.0.0").exits(2);
    assert!(run.to_string().contains("git has no such tag"), "{run}");
    let run = look(job(), "main").exits(2);
    assert!(
        run.to_string().contains("`main` is not a release tag"),
        "{run}"
    );
    project.fixture.edit(
        "Cargo.toml",
        "# Quick",
        "[workspace.metadata.atlas-release]\nchannels = { rc = \"dev\" }\n\n# Quick",
    );
    let run = look(job(), tag).exits(0);
    assert!(run.stdout.contains("channel=dev\n"), "{run}");
}
