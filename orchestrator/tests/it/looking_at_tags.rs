//! The first job of the workflows: what it says of a tag.

use crate::hub_server::TestHub;
use crate::signing::Pair;
use crate::steps::{Job, on_path, step, workflow};
use crate::support::*;
use std::collections::BTreeMap;
use test_support::{Finished, Sandbox};

/// The first job's step for a tag, where the workflow knows this Hub, or none.
fn look(project: &Project, job: Job<'_>, tag: &str, hub: &str) -> Finished {
    let path = on_path(&project.sandbox, ATLAS_RELEASE.as_ref());
    let job = job.with("PATH", path).with("ATLAS_TAG", tag);
    let step = step(
        &workflow("release.yml"),
        "look",
        "Look at the tag and its channel",
    );
    let hub = (
        "secrets.ATLAS_HUB_URL || inputs.hub-url".to_owned(),
        hub.to_owned(),
    );
    job.invoke(&step, &BTreeMap::from([hub])).run()
}

/// The first job's step, run as a runner does: it ends what no job could build, and says what to do.
#[test]
fn a_tag_whose_channel_nobody_knows_ends_the_first_job() {
    let project = Project::tagged("demo-v1.4.0-rc.1");
    let look = |job: Job<'_>, tag: &str| look(&project, job, tag, "");
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
    run.says(&["is released on the channel beta"]);
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
    run.says(&["is released on the channel dev"]);
}

/// What publishing would refuse when all is built, the first job does, by the Hub's address alone.
#[test]
fn a_version_older_than_the_newest_ends_the_first_job() {
    let published = Sandbox::new();
    staged_release(&published);
    let hub = TestHub::start();
    hub.publishes(atlas(&published, "publish")).run().exits(0);
    let tag = "demo-v0.0.9";
    let project = Project::tagged(tag);
    let look = |hub: &str, backport: &str| {
        let job = Job::new(&project.sandbox, project.fixture.root());
        look(&project, job.with("ATLAS_BACKPORT", backport), tag, hub)
    };
    for backport in ["false", ""] {
        let log = look(&hub.url(), backport).exits(2).to_string();
        for says in [
            "alpha 0.0.9 is older than 0.1.0, which is the newest on channel stable",
            "the workflows' input `backport`",
        ] {
            assert!(log.contains(says), "{log}");
        }
        assert!(!log.contains("is released on"), "{log}");
    }
    let run = look(&hub.url(), "true").exits(0);
    run.says(&["is released on the channel stable"]);
    // Where it cannot be known yet, the jobs that publish find it out.
    let run = look("", "false").exits(0);
    assert!(
        run.to_string()
            .contains("this job does not know the Hub's address"),
        "{run}"
    );
    let run = look("http://127.0.0.1:9", "false").exits(0);
    assert!(
        run.to_string().contains("is found out when all is built: "),
        "{run}"
    );
    let run = look(&hub.url(), "yes").exits(2);
    assert!(
        run.to_string()
            .contains("ATLAS_BACKPORT has to be `true` or `false`"),
        "{run}"
    );
}

/// The variable is what the flag is, for every command that publishes.
#[test]
fn a_backport_is_published_where_the_environment_says_that_it_is_one() {
    let sandbox = Sandbox::new();
    let hub = TestHub::start();
    made_files(&sandbox, "out", &["tool"]);
    std::fs::write(sandbox.root().join("m"), "out/tool|linux|x64|other\n").unwrap();
    let publish = |version: &str, backport: &str| {
        let line = format!("publish --manifest m --product alpha --version {version}");
        let run = hub.publishes(atlas(&sandbox, &line)).cwd(sandbox.root());
        run.env("ATLAS_BACKPORT", backport).run()
    };
    publish("1.1.0", "").exits(0);
    publish("1.0.5", "false").exits(2).says(&["use --backport"]);
    publish("1.0.5", "true").exits(0);
    assert!(hub.release("alpha", "1.0.5").is_some());
}

/// Nothing is built for an hour that could not be published then, and nothing goes out unsigned without a word.
#[test]
fn a_key_that_is_lacking_ends_a_job_before_it_builds() {
    let project = Project::new();
    let look = |file: &str, signs: &str, tag: &str| {
        let path = on_path(&project.sandbox, ATLAS_RELEASE.as_ref());
        let job = Job::new(&project.sandbox, project.fixture.root())
            .with("PATH", path)
            .with("ATLAS_SIGNS", signs)
            .with("ATLAS_TAG", tag);
        let name = "Look whether there is a key to sign with";
        let step = step(&workflow(file), "build", name);
        job.invoke(&step, &BTreeMap::new()).run()
    };
    let says_nothing = |run: &Finished| assert!(!run.to_string().contains("no key"), "{run}");
    let unsigned =
        "no key to sign with reaches this job, so nothing of demo-v1.0.0 is signed; the secret is";
    let run = look("release.yml", "false", "demo-v1.0.0").exits(0);
    assert!(run.to_string().contains(unsigned), "{run}");
    says_nothing(&look("release.yml", "true", "demo-v1.0.0").exits(0));

    std::fs::create_dir_all(project.fixture.root().join("apps/launcher")).unwrap();
    let key = Pair::new().public.to_tauri();
    project.fixture.edit(
        "Cargo.toml",
        "# Quick",
        "[workspace.metadata.atlas-release.products.launcher]\nfolder = \"apps/launcher\"\n\n# Quick",
    );
    let lacks = |file: &str, tag: &str, product: &str| {
        let log = look(file, "false", tag).exits(5).to_string();
        let what = format!("`{product}` is never published unsigned, and no key");
        let hint = "the calling workflow has to map the secrets TAURI_SIGNING_PRIVATE_KEY and";
        assert!(log.contains(&what) && log.contains(hint), "{log}");
        for signs in ["true", "elsewhere"] {
            says_nothing(&look(file, signs, tag).exits(0));
        }
    };
    lacks("launcher.yml", "launcher-v1.0.0", "launcher");
    look("release.yml", "false", "demo-v1.0.0").exits(0);
    project.fixture.edit(
        "Cargo.toml",
        "[workspace.metadata.atlas-release.products.launcher]",
        &format!("[workspace.metadata.atlas-release]\npublic-key = \"{key}\"\n\n[workspace.metadata.atlas-release.products.launcher]"),
    );
    lacks("release.yml", "demo-v1.0.0", "alpha");
}
