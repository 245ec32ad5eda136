//! What git says of a commit, whatever is named or set in its repository and by its user.

use crate::reproducing::reproduce;
use crate::support::*;
use std::fs;
use test_support::FakeTools;

/// The real git, after something else.
fn git_after(project: &Project, before: &str) -> std::ffi::OsString {
    let tools = FakeTools::new(project.sandbox.root().join("bin"));
    let real = which::which("git").unwrap();
    tools.add(
        "git",
        &format!("{before}\nexec '{}' \"$@\"", real.display()),
    );
    tools.path_before(project.sandbox.env())
}

#[test]
fn a_file_named_head_is_no_commit() {
    let project = Project::new();
    project.fixture.write("HEAD", "a file");
    project.fixture.commit("a file named HEAD");
    project.fixture.tag("demo-v1.0.0");
    project.quick("plan demo-v1.0.0").run().exits(0);
    project.quick("plan demo --snapshot").run().exits(0);
}

#[test]
fn tags_are_found_however_lists_are_to_be_shown() {
    let project = Project::tagged("demo-v1.0.0");
    for number in 1..9 {
        project.fixture.tag(&format!("nosuch-v1.0.{number}"));
    }
    project.fixture.git(&["config", "column.ui", "always"]);
    project.fixture.git(&["config", "column.tag", "always"]);
    let run = project.quick("plan").run().exits(0);
    assert!(run.stdout.contains("demo-v1.0.0"), "{run}");
    project.fixture.change("later");
    let run = project.quick("plan demo --snapshot").run().exits(0);
    assert!(run.stdout.contains("1.0.1-dev.1+g"), "{run}");
}

#[test]
fn a_repository_of_somebody_else_is_told_as_git_tells_it() {
    let project = Project::tagged("demo-v1.0.0");
    let path = git_after(&project, "export GIT_TEST_ASSUME_DIFFERENT_OWNER=1");
    let root = project.fixture.root().display().to_string();
    let says = [
        &format!("git does not trust the repository that {root} is in"),
        "dubious ownership",
        &format!("git config --global --add safe.directory {root}"),
    ];
    for line in ["plan demo-v1.0.0", "reproduce demo-v1.0.0 --no-mold"] {
        let run = atlas(&project.sandbox, line).cwd(project.fixture.root());
        run.env("PATH", &path).run().exits(2).says(&says);
    }
}

#[test]
fn a_commit_from_before_1970_is_of_1970() {
    let project = Project::new();
    let tree = project.fixture.git(&["write-tree"]);
    let who = "T <t@example.com> -100 +0000";
    let text = format!("tree {tree}\nauthor {who}\ncommitter {who}\n\nold\n");
    let file = project.sandbox.root().join("commit");
    fs::write(&file, text).unwrap();
    let file = file.to_str().unwrap();
    let make = ["hash-object", "-t", "commit", "-w", "--literally", file];
    let commit = project.fixture.git(&make);
    // A log of references would tell the time.
    let setting = ["config", "core.logAllRefUpdates", "false"];
    project.fixture.git(&setting);
    for name in ["HEAD", "refs/tags/demo-v1.0.0"] {
        project.fixture.git(&["update-ref", name, &commit]);
    }
    let run = project
        .quick("plan demo-v1.0.0 --format json")
        .run()
        .exits(0);
    assert_eq!(events_of(&run, "plan")[0]["commit_time"], 0, "{run}");
}

#[test]
fn a_clone_without_all_files_is_named_as_the_cause() {
    let project = Project::tagged("demo-v1.0.0");
    let clone = project.sandbox.root().join("clone");
    let url = format!("file://{}", project.fixture.root().display());
    project
        .fixture
        .git(&["config", "uploadpack.allowFilter", "true"]);
    let args = ["clone", "--quiet", "--filter=blob:none", "--no-checkout"];
    project
        .fixture
        .git(&[&args[..], &[&url, clone.to_str().unwrap()]].concat());
    let at = ["-C", clone.to_str().unwrap()];
    // All but one are fetched.
    project.fixture.git(
        &[
            &at[..],
            &[
                "checkout",
                "--quiet",
                "HEAD",
                "--",
                ":/",
                ":!alpha/answer.c",
            ],
        ]
        .concat(),
    );
    let run = atlas(&project.sandbox, "reproduce demo-v1.0.0 --no-mold").cwd(&clone);
    run.run().exits(2).says(&[
        "this repository has not all files of commit",
        "alpha/answer.c",
        "--filter",
    ]);
}

#[test]
fn a_checkout_is_made_whatever_the_user_has_set_for_clones() {
    let project = Project::new();
    // Where a build begins, the checkout has come about.
    project.fixture.break_compilation("alpha");
    project.fixture.commit("break");
    project.fixture.tag("demo-v0.1.0");
    let shallow = project.sandbox.root().join("shallow");
    let url = format!("file://{}", project.fixture.root().display());
    let clone = [
        "clone",
        "--quiet",
        "--depth=1",
        &url,
        shallow.to_str().unwrap(),
    ];
    project.fixture.git(&clone);
    let config = project.sandbox.root().join("home/.gitconfig");
    for setting in [
        "[clone]\nrejectShallow = true\n",
        "[clone]\ndefaultRemoteName = ../x\n",
        "[protocol \"file\"]\nallow = never\n",
        "[url \"https://127.0.0.1:9/\"]\ninsteadOf = /\n",
    ] {
        fs::write(&config, setting).unwrap();
        let run = reproduce(&project, "demo-v0.1.0 --no-mold").cwd(&shallow);
        run.run().exits(4);
    }
    // What decides how files are written out stays the user's.
    fs::write(&config, "[core]\nautocrlf = true\n").unwrap();
    let run = reproduce(&project, "demo-v0.1.0 --no-mold --keep");
    run.run().exits(4);
    let kept = test_support::tree(&project.sandbox.tmp_dir());
    let (_, bytes) = kept
        .iter()
        .find(|(name, _)| name.ends_with("work/beta/src/main.rs"))
        .unwrap();
    assert!(bytes.windows(2).any(|pair| pair == b"\r\n"));
}
