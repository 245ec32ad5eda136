//! Which release it is: the tag, the channel and the commit, and what stands in the way.

use crate::support::*;
use serde_json::Value;
use test_support::{Finished, Invocation};

/// The plan of a run that was asked for it in JSON.
#[track_caller]
fn plan_of(run: Finished) -> Value {
    let run = run.exits(0);
    events_of(&run, "plan").pop().unwrap()
}

impl Project {
    /// `plan` with the words of a line, as JSON.
    fn plan(&self, line: &str) -> Invocation {
        self.quick(&format!("plan --format json {line}"))
    }
}

#[test]
fn the_tag_is_the_argument_or_the_jobs_or_the_one_at_head() {
    let project = Project::tagged("demo-v1.0.0");
    let tag = |invocation: Invocation| {
        plan_of(invocation.run())["tag"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(tag(project.plan("demo-v1.0.0")), "demo-v1.0.0");
    assert_eq!(tag(project.plan("")), "demo-v1.0.0");
    // Tags that are no releases of this workspace do not count.
    for other in ["v9", "nosuch-v1.0.0", "demo-v1"] {
        project.fixture.tag(other);
    }
    assert_eq!(tag(project.plan("")), "demo-v1.0.0");

    project.fixture.tag("other-v2.0.0");
    project.plan("").run().exits(2).says(&[
        "no tag was given, and several are at HEAD: demo-v1.0.0, other-v2.0.0",
        "hint: name the one to release",
    ]);
    let job = |kind: &str, name: &str| {
        project
            .plan("")
            .env("GITHUB_REF_TYPE", kind)
            .env("GITHUB_REF_NAME", name)
    };
    assert_eq!(tag(job("tag", "other-v2.0.0")), "other-v2.0.0");
    job("branch", "other-v2.0.0")
        .run()
        .exits(2)
        .says(&["several are at HEAD"]);
    job("tag", "other-2")
        .run()
        .exits(2)
        .says(&["`other-2` is not a release tag"]);
    // The argument comes before the job's.
    let both = project
        .plan("demo-v1.0.0")
        .env("GITHUB_REF_TYPE", "tag")
        .env("GITHUB_REF_NAME", "other-v2.0.0");
    assert_eq!(tag(both), "demo-v1.0.0");
}

#[test]
fn a_tag_has_to_be_there_and_at_head() {
    let project = Project::new();
    let _redacted = redacted(&project.sandbox);
    let run = project.quick("plan").run();
    insta::assert_snapshot!(shown(&run), @r"
    exit 2
    --- stderr
    error: no tag was given, and no release tag is at HEAD
    hint: name one, such as demo-v1.4.0, or use --snapshot; the groups of this workspace are: demo, other
    ");
    let run = project.quick("plan demo-v1.0.0").run();
    insta::assert_snapshot!(shown(&run), @r"
    exit 2
    --- stderr
    error: the tag `demo-v1.0.0` is not at HEAD ([SHORT COMMIT]): git has no such tag
    hint: make it (git tag demo-v1.0.0) or fetch it (git fetch --tags), or build HEAD under this tag with --allow-untagged
    ");
    project.fixture.tag("demo-v1.0.0");
    project.fixture.change("more");
    let run = project.quick("plan demo-v1.0.0").run();
    insta::assert_snapshot!(shown(&run), @r"
    exit 2
    --- stderr
    error: the tag `demo-v1.0.0` is not at HEAD ([SHORT COMMIT]): it is at [SHORT COMMIT]
    hint: check the tag out (git switch --detach demo-v1.0.0), or build HEAD under this tag with --allow-untagged
    ");
    let plan = plan_of(project.plan("demo-v1.0.0 --allow-untagged").run());
    assert_eq!(
        plan["commit"],
        project.fixture.git(&["rev-parse", "HEAD"]).as_str()
    );
    plan_of(project.plan("demo-v2.0.0 --allow-untagged").run());
    // A Hub on this machine needs no tag in git.
    plan_of(project.plan("demo-v2.0.0 --local").run());
    // An annotated tag is as good as a light one.
    project
        .fixture
        .git(&["tag", "--annotate", "--message", "x", "demo-v1.1.0"]);
    plan_of(project.plan("demo-v1.1.0").run());
}

#[test]
fn files_that_differ_from_the_commit_are_named() {
    let project = Project::new();
    project.fixture.write("old name.txt", "notes");
    project.fixture.commit("notes");
    project.fixture.tag("demo-v1.0.0");
    project.fixture.edit("alpha/answer.c", "42", "41");
    project.fixture.write("beta/a new file", "");
    project.fixture.git(&["mv", "old name.txt", "new name.txt"]);
    project.quick("plan demo-v1.0.0").run().exits(2).says(&[
        "the working tree differs from the commit: ",
        "alpha/answer.c",
        "beta/a new file",
        "new name.txt",
        "--allow-dirty",
    ]);
    // `--local` needs no tag, and yet says what is not in the commit.
    project.quick("plan demo-v1.0.0 --local").run().exits(2);
    project.fixture.git(&["mv", "new name.txt", "old name.txt"]);
    let run = project.plan("demo-v1.0.0 --allow-dirty").run();
    let plan = plan_of(run);
    assert_eq!(
        plan["dirty"],
        serde_json::json!(["alpha/answer.c", "beta/a new file"])
    );

    // What git ignores is nobody's business.
    project.fixture.git(&["checkout", "--quiet", "."]);
    std::fs::remove_file(project.fixture.root().join("beta/a new file")).unwrap();
    project.fixture.write(".gitignore", "/target/\n*.log\n");
    project.fixture.commit("ignore");
    project.fixture.tag("demo-v1.0.1");
    project.fixture.write("alpha/x.log", "");
    plan_of(project.plan("demo-v1.0.1").run());
}

#[test]
fn the_channel_follows_from_the_version_unless_it_is_named() {
    let project = Project::new();
    let channel = |version: &str, more: &str| {
        let run = project
            .plan(&format!("demo-v{version} --local {more}"))
            .run();
        plan_of(run)["channel"].as_str().unwrap().to_owned()
    };
    for (version, expected) in [
        ("1.0.0", "stable"),
        ("1.0.0+build.5", "stable"),
        ("1.0.0-beta.1", "beta"),
        ("1.0.0-beta", "beta"),
        ("1.0.0-dev.7", "dev"),
    ] {
        assert_eq!(channel(version, ""), expected, "{version}");
    }
    for version in ["1.0.0-rc.1", "1.0.0-0.beta", "1.0.0-betatest"] {
        project
            .plan(&format!("demo-v{version} --local"))
            .run()
            .exits(2)
            .says(&[
                "first identifier names no channel",
                "--channel stable|beta|dev",
            ]);
    }
    assert_eq!(channel("1.0.0-rc.1", "--channel beta"), "beta");
    // Asked for, a pre-release goes where it is sent.
    assert_eq!(channel("1.0.0-rc.1", "--channel stable"), "stable");
    assert_eq!(channel("1.0.0-beta.1", "--channel stable"), "stable");
    project
        .plan("demo-v1.0.0 --local --channel nightly")
        .run()
        .exits(2)
        .says(&["nightly", "stable"]);
}

/// A pre-release of any name has a channel where the environment, as of a job, or the workspace says so.
#[test]
fn environment_and_workspace_say_the_channel_of_a_pre_release() {
    let project = Project::new();
    let line = |version: &str| format!("demo-v{version} --local");
    let channel = |invocation: Invocation| {
        let plan = plan_of(invocation.run());
        plan["channel"].as_str().unwrap().to_owned()
    };
    let told = |version: &str, named: &str| {
        let plan = project.plan(&line(version));
        channel(plan.env("ATLAS_CHANNEL", named))
    };
    assert_eq!(told("1.0.0-rc.1", "beta"), "beta");
    assert_eq!(told("1.0.0-rc.1", " dev\n"), "dev");
    assert_eq!(told("1.0.0", "beta"), "beta");
    // An input of a workflow that nobody gave.
    assert_eq!(told("1.0.0", ""), "stable");
    let flag = project.plan(&format!("{} --channel stable", line("1.0.0-rc.1")));
    assert_eq!(channel(flag.env("ATLAS_CHANNEL", "beta")), "stable");
    let wrong = project.plan(&line("1.0.0"));
    let wrong = wrong.env("ATLAS_CHANNEL", "nightly").run().exits(2);
    wrong.says(&["ATLAS_CHANNEL cannot be used: `nightly` is not a channel"]);
    let none = project.plan(&line("1.0.0-rc1")).run().exits(2);
    none.says(&[
        "with the variable ATLAS_CHANNEL",
        "channels = { rc = \"beta\" } in [workspace.metadata.atlas-release]",
    ]);

    project.fixture.edit(
        "Cargo.toml",
        "# Quick",
        "[workspace.metadata.atlas-release]\nchannels = { rc = \"beta\" }\n\n# Quick",
    );
    project.fixture.commit("say what release candidates are");
    for version in ["1.0.0-rc.1", "1.0.0-rc1"] {
        assert_eq!(channel(project.plan(&line(version))), "beta", "{version}");
    }
    assert_eq!(channel(project.plan(&line("1.0.0-dev.1"))), "dev");
    assert_eq!(told("1.0.0-rc.1", "dev"), "dev");
    let other = project.plan(&line("1.0.0-alpha.1")).run().exits(2);
    other.says(&["names no channel"]);
    // Whoever has no files goes by the workspace too.
    let finish = project.atlas(&format!(
        "publish --finish demo-v1.0.0-rc.1 --require {} --local --dry-run",
        platform()
    ));
    let finish = finish.run().exits(0);
    finish.says(&["would show alpha 1.0.0-rc.1", "on channel beta"]);
    project.fixture.edit("Cargo.toml", "rc = ", "beta = ");
    project
        .fixture
        .edit("Cargo.toml", "\"beta\" }", "\"dev\" }");
    let run = project.plan(&line("1.0.0")).run().exits(2);
    run.says(&["`channels`: `beta`: this word names the channel beta itself"]);
}

#[test]
fn a_snapshot_has_a_version_of_its_own() {
    let project = Project::new();
    let version = |line: &str| {
        let plan = plan_of(project.plan(line).run());
        assert_eq!(plan["channel"], "dev");
        plan["version"].as_str().unwrap().to_owned()
    };
    let commit = |what: &str| project.fixture.change(what)[..12].to_owned();
    let first = project.fixture.git(&["rev-parse", "HEAD"])[..12].to_owned();
    assert_eq!(version("demo --snapshot"), format!("0.0.1-dev.1+g{first}"));
    let second = commit("b");
    assert_eq!(version("demo --snapshot"), format!("0.0.1-dev.2+g{second}"));

    project.fixture.tag("demo-v1.4.2");
    // Neither another group's nor a tag on another branch is a version that came before.
    project.fixture.tag("other-v7.0.0");
    assert_eq!(version("demo --snapshot"), format!("1.4.3-dev.0+g{second}"));
    project
        .fixture
        .git(&["switch", "--quiet", "--create", "side"]);
    commit("side");
    project.fixture.tag("demo-v9.0.0");
    project.fixture.git(&["switch", "--quiet", "main"]);
    commit("c");
    let fourth = commit("d");
    assert_eq!(version("demo --snapshot"), format!("1.4.3-dev.2+g{fourth}"));
    // A tag names its group, and nothing more.
    assert_eq!(
        version("demo-v1.4.2 --snapshot"),
        format!("1.4.3-dev.2+g{fourth}")
    );
    assert_eq!(
        version("other --snapshot"),
        format!("7.0.1-dev.2+g{fourth}")
    );

    // Who has not fetched the tags gets another version, and is told how to.
    let told = |line: &str| {
        let notes = events_of(&project.plan(line).run().exits(0), "note");
        let said = notes.iter().map(|note| note["message"].to_string());
        said.collect::<String>()
    };
    assert_eq!(told("demo --snapshot"), "");
    project.fixture.git(&["tag", "--delete", "demo-v1.4.2"]);
    let said = told("demo --snapshot");
    assert!(said.contains("no tag demo-v… comes before HEAD"), "{said}");
    assert!(said.contains("git fetch --tags gets them"), "{said}");
    let shallow = project.sandbox.root().join("shallow");
    let from = format!("file://{}", project.fixture.root().display());
    let clone = [
        "clone",
        "--quiet",
        "--depth",
        "1",
        &from,
        shallow.to_str().unwrap(),
    ];
    project.fixture.git(&clone);
    let run = project.quick("plan demo --snapshot").cwd(&shallow).run();
    run.exits(0).says(&["git fetch --tags --unshallow"]);

    project
        .plan("--snapshot")
        .run()
        .exits(2)
        .says(&["--snapshot needs to know the group", "demo, other"]);
    let plan = plan_of(project.plan("demo --snapshot --channel beta").run());
    assert_eq!(plan["channel"], "beta");
}
