//! Tags that are none: what is wrong is pointed at, and nothing is written.

use crate::steps::yaml;
use crate::support::*;
use serde_json::json;

/// What a run under a tag says, when it is refused and changes nothing.
#[track_caller]
fn refused(project: &Project, tag: &str) -> String {
    let before = project.everything();
    let run = project.quick("release --local").arg(tag).run().exits(2);
    project.is_still(&before);
    shown(&run)
}

#[test]
fn what_is_no_tag_is_pointed_at() {
    let project = Project::new();
    insta::assert_snapshot!(refused(&project, "demo-1.0.0"), @r"
    exit 2
    --- stderr
    error: `demo-1.0.0` is not a release tag: there is no `-v` between the group and the version
      demo-1.0.0
      ^^^^^^^^^^
    hint: a tag is <group>-v<SemVer>, such as demo-v1.4.0; the groups of this workspace are: demo, other
    ");
    insta::assert_snapshot!(refused(&project, "demo-v1.0"), @r"
    exit 2
    --- stderr
    error: `demo-v1.0` is not a release tag: `1.0` is not a SemVer 2.0 version: unexpected end of input while parsing minor version number
      demo-v1.0
            ^^^
    hint: a tag is <group>-v<SemVer>, such as demo-v1.4.0; the groups of this workspace are: demo, other
    ");
    insta::assert_snapshot!(refused(&project, "demo-v01.0.0"), @r"
    exit 2
    --- stderr
    error: `demo-v01.0.0` is not a release tag: `01.0.0` is not a SemVer 2.0 version: invalid leading zero in major version number
      demo-v01.0.0
            ^^^^^^
    hint: a tag is <group>-v<SemVer>, such as demo-v1.4.0; the groups of this workspace are: demo, other
    ");
    insta::assert_snapshot!(refused(&project, "").replace("  \n", "\n"), @r"
    exit 2
    --- stderr
    error: `` is not a release tag: the tag is empty

      ^
    hint: a tag is <group>-v<SemVer>, such as demo-v1.4.0; the groups of this workspace are: demo, other
    ");
}

/// `demo-v2` is a group like any other, and its tags are no tags of `demo`, though they begin as those do.
#[test]
fn the_name_of_a_group_may_end_like_a_version() {
    let project = Project::new();
    let group = "group = \"demo-v2\"";
    project
        .fixture
        .edit("gamma/Cargo.toml", "group = \"other\"", group);
    project.fixture.commit("name it");
    project.fixture.tag("demo-v2-v1.0.0");
    let run = project.quick("plan --local --format json").run().exits(0);
    let plan = events_of(&run, "plan").pop().unwrap();
    assert_eq!(plan["tag"], "demo-v2-v1.0.0", "{plan}");

    let action = ".github/actions/setup-atlas-release/action.yml";
    project.fixture.write(action, "name: setup-atlas-release\n");
    project.atlas("workflows generate").run().exits(0);
    let patterns = |group: &str| {
        let file = format!(".github/workflows/{group}-release.yml");
        yaml(&project.fixture.root().join(file))["on"]["push"]["tags"].clone()
    };
    assert_eq!(patterns("demo"), json!(["demo-v*", "!demo-v2-v*"]));
    assert_eq!(patterns("demo-v2"), json!(["demo-v2-v*"]));
}

/// A version in the place of a tag, and a `v` too many or too few.
#[test]
fn versions_and_a_v_too_many_are_told_how_they_are_written() {
    let project = Project::new();
    for (tag, hint) in [
        (
            "v1.4.0",
            "hint: that is a version; its tag has the group before it: demo-v1.4.0. Where a version is asked for it \
             has no `v`: 1.4.0\n",
        ),
        (
            "1.4.0-rc.1",
            "its tag has the group before it: demo-v1.4.0-rc.1.",
        ),
        ("demo-vv1.4.0", "hint: one `v` is enough: demo-v1.4.0\n"),
        (
            "demo-v2-vv1.4.0",
            "hint: one `v` is enough: demo-v2-v1.4.0\n",
        ),
    ] {
        let said = refused(&project, tag);
        assert!(said.contains(hint), "{said}");
    }
    for line in [
        "publish --manifest m --product alpha --version v1.4.0 --local",
        "sign --manifest m --product alpha --version v1.4.0",
        "yank v1.4.0 --product alpha --reason x --local",
    ] {
        let run = project.atlas(line).run().exits(2);
        run.says(&["written without the `v`: 1.4.0"]);
    }
}

#[test]
fn who_is_no_group_is_told_the_groups() {
    let project = Project::new();
    insta::assert_snapshot!(refused(&project, "alpha-v1.0.0"), @r"
    exit 2
    --- stderr
    error: `alpha-v1.0.0` names no group of this workspace: there is no group `alpha` (the product `alpha` is released by tags of the group `demo`)
      alpha-v1.0.0
      ^^^^^
    hint: the groups of this workspace are: demo, other
    ");
    insta::assert_snapshot!(refused(&project, "nosuch-v1.0.0"), @r"
    exit 2
    --- stderr
    error: `nosuch-v1.0.0` names no group of this workspace: there is no group `nosuch`
      nosuch-v1.0.0
      ^^^^^^
    hint: the groups of this workspace are: demo, other
    ");
}

#[test]
fn a_snapshot_of_what_is_no_group_is_refused_too() {
    let project = Project::new();
    project
        .quick("release alpha --snapshot --local")
        .run()
        .exits(2)
        .says(&[
            "there is no group `alpha`",
            "the groups of this workspace are: demo, other",
        ]);
}

#[test]
fn publish_and_verify_look_at_the_tag_as_closely() {
    let project = Project::new();
    for command in ["publish", "verify"] {
        project
            .atlas(&format!("{command} demo-v1.0 --local"))
            .run()
            .exits(2)
            .says(&[
                "`1.0` is not a SemVer 2.0 version",
                "  demo-v1.0\n        ^^^",
            ]);
    }
}

#[test]
fn a_tag_at_another_commit_is_refused_also_for_this_machine_alone() {
    let project = Project::tagged("demo-v0.1.0");
    project.fixture.change("later");
    let said = refused(&project, "demo-v0.1.0");
    assert!(
        said.contains("the tag `demo-v0.1.0` is not at HEAD"),
        "{said}"
    );
    assert!(said.contains(": it is at "), "{said}");
    let plan = |line: &str| project.quick(line).run();
    plan("plan demo-v0.1.0 --local --allow-untagged").exits(0);
    // One that is nowhere is of this commit.
    plan("plan demo-v0.2.0 --local").exits(0);
}
