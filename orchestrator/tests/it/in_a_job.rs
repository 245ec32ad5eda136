//! A job of GitHub Actions: workflow commands in its log, and its summary.

use crate::hub_server::TestHub;
use crate::support::*;
use std::fs;
use test_support::{Fault, Invocation, Proxy, Sandbox};

fn in_a_job(sandbox: &Sandbox, invocation: Invocation) -> Invocation {
    invocation
        .env("GITHUB_ACTIONS", "true")
        .env("CI", "true")
        .env("GITHUB_STEP_SUMMARY", sandbox.root().join("summary.md"))
}

#[test]
fn stages_fold_and_what_is_proven_is_in_the_summary() {
    let sandbox = Sandbox::new();
    staged_release(&sandbox);
    let hub = TestHub::start();
    let publish = hub.publishes(atlas(&sandbox, "publish --uploads 1"));
    let run = in_a_job(&sandbox, publish).run().exits(0);
    let summary = fs::read_to_string(sandbox.root().join("summary.md")).unwrap();
    for text in [&format!("{run}"), &summary] {
        assert!(!text.contains(&hub.token), "the token is told: {text}");
    }
    // The log ends with the group closed.
    let redacted = redacted(&sandbox);
    insta::assert_snapshot!(run.stderr, @r"
    ::group::publishing 0.1.0 to http://[ADDRESS]
        uploaded artifacts/alpha/0.1.0/[OS]/[ARCH]/alpha-[PLATFORM] ([SIZE] bytes)
        uploaded artifacts/beta/0.1.0/[OS]/[ARCH]/beta-[PLATFORM] ([SIZE] bytes)
      registered alpha for [PLATFORM]
      registered beta for [PLATFORM]
    ::endgroup::
    ::group::verifying 0.1.0 at http://[ADDRESS]
        verified alpha-[PLATFORM] read back, sha256 [SHA256]
        verified beta-[PLATFORM] read back, sha256 [SHA256]
    ::endgroup::
    ::notice title=atlas-release::alpha, beta 0.1.0 on channel stable: read back and verified
    ");
    // A column of bare numbers.
    let shown: Vec<&str> = summary
        .split(" | ")
        .map(|cell| match cell.parse::<u64>() {
            Ok(_) => "[SIZE]",
            Err(_) => cell,
        })
        .collect();
    insta::assert_snapshot!(shown.join(" | "), @r"
    ### alpha, beta 0.1.0 on channel stable

    Every file was read back and is what was built.

    - Hub: http://[ADDRESS]
    - `latest`: this version
    - verified: [TIME]
    - source: demo-v0.1.0 at [COMMIT]

    | product | platform | file | bytes | sha256 | link |
    | --- | --- | --- | ---: | --- | --- |
    | alpha | [PLATFORM] | alpha-[PLATFORM] | [SIZE] | `[SHA256]` | [download](<http://[ADDRESS]/api/v1/download/[DOWNLOAD ID]>) |
    | beta | [PLATFORM] | beta-[PLATFORM] | [SIZE] | `[SHA256]` | [download](<http://[ADDRESS]/api/v1/download/[DOWNLOAD ID]>) |
    ");
    drop(redacted);
    assert!(run.stdout.starts_with("receipt "), "{run}");

    // Every run adds its own, and so do those for programs.
    let verify = hub.publishes(atlas(&sandbox, "verify --format json --sample 1"));
    let run = in_a_job(&sandbox, verify).run().exits(0);
    assert_eq!(events(&run).pop().unwrap()["event"], "sample");
    assert!(!run.stderr.contains("::group::"), "{run}");
    let both = fs::read_to_string(sandbox.root().join("summary.md")).unwrap();
    let added = both.strip_prefix(&summary).unwrap();
    assert!(
        added.starts_with("### Sample of alpha, beta 0.1.0"),
        "{added}"
    );
    assert!(added.contains("**A sample: 1 of 2 files were read back.**"));
    assert_eq!(added.matches("[download]").count(), 1);
}

#[test]
fn a_failure_is_an_annotation_and_a_summary_of_what_is_in_place() {
    let sandbox = Sandbox::new();
    staged_release(&sandbox);
    let hub = TestHub::start();
    let verify = hub.publishes(atlas(&sandbox, "verify"));
    let run = in_a_job(&sandbox, verify).run().exits(8);
    let _redacted = redacted(&sandbox);
    insta::assert_snapshot!(run.stderr, @r"
    ::group::verifying 0.1.0 at http://[ADDRESS]
    ::endgroup::
    ::error title=atlas-release::what is published is not what was built:%0A  alpha 0.1.0 is not on channel stable for [PLATFORM]%0A  latest of alpha on channel stable for [PLATFORM] is nothing, where this release is 0.1.0%0A  beta 0.1.0 is not on channel stable for [PLATFORM]%0A  latest of beta on channel stable for [PLATFORM] is nothing, where this release is 0.1.0%0Ahint: compare dist/ with receipt.json and with the Hub: one of them is of another build
    ");
    let summary = fs::read_to_string(sandbox.root().join("summary.md")).unwrap();
    insta::assert_snapshot!(summary, @r"
    ### Failed: verifying 0.1.0 at http://[ADDRESS]

    Exit code 8.

    <pre>what is published is not what was built:
      alpha 0.1.0 is not on channel stable for [PLATFORM]
      latest of alpha on channel stable for [PLATFORM] is nothing, where this release is 0.1.0
      beta 0.1.0 is not on channel stable for [PLATFORM]
      latest of beta on channel stable for [PLATFORM] is nothing, where this release is 0.1.0</pre>

    What to do: compare dist/ with receipt.json and with the Hub: one of them is of another build

    No release was changed on a Hub.
    ");

    // A publish that breaks off when one of two files is stored.
    fs::remove_file(sandbox.root().join("summary.md")).unwrap();
    let proxy = Proxy::bind().serve(hub.address, |seen| {
        match seen.path.ends_with("/publish") && seen.body.contains("beta") {
            true => Fault::Answer(403, r#"{"error":"not | *today*"}"#.to_owned()),
            false => Fault::None,
        }
    });
    let publish = hub.publishes(atlas(&sandbox, "publish --uploads 1"));
    let publish = publish.env("ATLAS_HUB_URL", proxy.url());
    in_a_job(&sandbox, publish).run().exits(6);
    let summary = fs::read_to_string(sandbox.root().join("summary.md")).unwrap();
    assert!(!summary.contains(&hub.token));
    insta::assert_snapshot!(summary, @r"
    ### Failed: publishing 0.1.0 to http://[ADDRESS]

    Exit code 6.

    <pre>cannot publish beta 0.1.0 for [PLATFORM]: [ADDRESS] does not allow it (403): not | *today*</pre>

    As far as this run knows nothing is registered, so nobody sees anything of it. 2 files are uploaded, 0 files are read back.

    Uploaded:

    - artifacts/alpha/0.1.0/[OS]/[ARCH]/alpha-[PLATFORM]
    - artifacts/beta/0.1.0/[OS]/[ARCH]/beta-[PLATFORM]
    ");
}

#[test]
fn a_summary_that_cannot_be_written_is_a_warning() {
    let sandbox = Sandbox::new();
    staged_release(&sandbox);
    let hub = TestHub::start();
    hub.publishes(atlas(&sandbox, "publish")).run().exits(0);
    let full = sandbox.root().join("full.md");
    fs::write(&full, vec![b'x'; 1024 * 1024]).unwrap();
    for (file, why) in [
        (sandbox.root().join("gone/summary.md"), "No such file"),
        ("/dev/full".into(), "no regular file"),
        (full, "1048576 are there already"),
    ] {
        let verify = hub.publishes(atlas(&sandbox, "verify"));
        let run = in_a_job(&sandbox, verify)
            .env("GITHUB_STEP_SUMMARY", &file)
            .run();
        let run = run.exits(0);
        let warning = run
            .stderr
            .lines()
            .find(|line| line.starts_with("::warning "));
        let warning = warning.unwrap_or_else(|| panic!("{run}"));
        assert!(
            warning.contains("summary could not be written") && warning.contains(why),
            "{warning}"
        );
    }
    // Outside of a job the variable means nothing.
    let file = sandbox.root().join("summary.md");
    let run = hub
        .publishes(atlas(&sandbox, "verify"))
        .env("GITHUB_STEP_SUMMARY", &file)
        .run();
    let run = run.exits(0);
    assert!(!file.exists() && !run.stderr.contains("::"), "{run}");
}

#[test]
fn what_cargo_prints_commands_nothing() {
    let project = Project::new();
    project.fixture.edit(
        "beta/build.rs",
        "build_version::emit();",
        "build_version::emit();\n    println!(\"cargo::warning=##[add-mask]alpha\");\n    \
         println!(\"cargo::warning=plain\");",
    );
    project.fixture.commit("warn");
    project.fixture.tag("demo-v0.1.0");
    let build = project.quick("build demo-v0.1.0");
    let run = in_a_job(&project.sandbox, build).run().exits(0);
    assert!(run.stderr.contains("# #[add-mask]alpha"), "{run}");
    assert!(!run.stderr.contains("##["), "{run}");
    assert!(run.stderr.contains("beta@0.1.0: plain"), "{run}");
}
