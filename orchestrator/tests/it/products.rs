//! What a workspace declares, and a machine or a folder that lacks what is needed.

use crate::support::*;
use test_support::{Fixture, Sandbox, path_without};

/// What `plan` says after an edit of a file, without the part that differs from machine to machine.
#[track_caller]
fn refused(file: &str, from: &str, to: &str) -> String {
    let project = Project::new();
    project.fixture.edit(file, from, to);
    let _redacted = redacted(&project.sandbox);
    shown(
        &project
            .quick("plan demo-v1.0.0 --allow-dirty --allow-untagged")
            .run(),
    )
}

#[test]
fn a_declaration_that_cannot_be_used_names_its_package() {
    let sandbox = Sandbox::new();
    let _redacted = redacted(&sandbox);
    let paths = |text: String| text.replace(char::is_whitespace, " ");
    let unknown = refused("beta/Cargo.toml", "bin = ", "colour = \"red\"\nbin = ");
    assert!(unknown.starts_with("exit 2\n"), "{unknown}");
    assert!(
        paths(unknown)
            .contains("beta/Cargo.toml): [package.metadata.atlas-release]: unknown field `colour`")
    );
    let twice = refused(
        "beta/Cargo.toml",
        "product = \"beta\"",
        "product = \"alpha\"",
    );
    assert_eq!(
        twice,
        "exit 2\n--- stderr\nerror: packages `alpha` and `beta` both declare the product `alpha`\n"
    );
    let binary = refused("beta/Cargo.toml", "bin = \"beta\"", "bin = \"better\"");
    assert!(
        binary.starts_with("exit 2\n--- stderr\nerror: package `beta` ("),
        "{binary}"
    );
    assert!(
        binary.ends_with("the package has no binary `better`; it has: beta\n"),
        "{binary}"
    );
    let name = refused(
        "beta/Cargo.toml",
        "product = \"beta\"",
        "product = \"Beta\"",
    );
    assert!(
        name.contains("package `beta`") && name.contains("`Beta` is not a product name"),
        "{name}"
    );
    let missing = refused("beta/Cargo.toml", "group = \"demo\"\n", "");
    assert!(
        missing.contains("package `beta`") && missing.contains("missing field `group`"),
        "{missing}"
    );
    let workspace = refused(
        "Cargo.toml",
        "[profile.release]",
        "[workspace.metadata.atlas-release]\npas-env = []\n\n[profile.release]",
    );
    assert!(
        workspace.starts_with("exit 2\n")
            && workspace.contains("[workspace.metadata.atlas-release]: unknown field `pas-env`"),
        "{workspace}"
    );
}

#[test]
fn a_workspace_without_products_is_told_how_to_declare_one() {
    let project = Project::new();
    for package in ["alpha", "beta", "gamma"] {
        let path = format!("{package}/Cargo.toml");
        let text = std::fs::read_to_string(project.fixture.root().join(&path)).unwrap();
        let (before, _) = text.split_once("[package.metadata").unwrap();
        project.fixture.write(&path, before);
    }
    project
        .quick("plan demo-v1.0.0 --local")
        .run()
        .exits(2)
        .says(&[
            "declares a product",
            "hint: add [package.metadata.atlas-release]",
        ]);
}

#[test]
fn a_folder_that_is_no_workspace_is_named() {
    let sandbox = Sandbox::new();
    atlas(&sandbox, "plan demo-v1.0.0").run().exits(2).says(&[
        "could not read the workspace at",
        &sandbox.root().display().to_string(),
        "could not find `Cargo.toml`",
    ]);
    let fixture = Fixture::without_git(&sandbox);
    fixture.write("Cargo.toml", "[workspace\n");
    atlas(&sandbox, "plan demo-v1.0.0")
        .cwd(fixture.root())
        .run()
        .exits(2)
        .says(&["could not read the workspace at", "Cargo.toml:1"]);
}

#[test]
fn a_folder_that_is_no_repository_is_named() {
    let sandbox = Sandbox::new();
    let fixture = Fixture::without_git(&sandbox);
    atlas(&sandbox, "plan demo-v1.0.0 --local")
        .cwd(fixture.root())
        .run()
        .exits(2)
        .says(&[
            "is in no git repository with a commit",
            "not a git repository",
        ]);
}

#[test]
fn a_tool_that_is_missing_is_named() {
    let project = Project::tagged("demo-v1.0.0");
    let bin = |name: &str| project.sandbox.root().join(name);
    for (hidden, says, hint) in [
        (
            &["cargo"][..],
            "`cargo` was not found on PATH",
            "hint: install Rust",
        ),
        (&["git"], "`git` was not found on PATH", "hint: install git"),
        (&["rustc"], "`rustc` was not found on PATH", ""),
    ] {
        let path = path_without(&bin(&format!("no-{}", hidden[0])), hidden);
        for command in ["plan", "build", "release --local"] {
            project
                .quick(&format!("{command} demo-v1.0.0"))
                .env("PATH", &path)
                .run()
                .exits(3)
                .says(&[says, hint]);
        }
    }
    assert!(!project.sandbox.state_dir().exists());
    assert!(!project.sandbox.dist_dir().exists());
}

#[test]
fn without_mold_the_build_is_refused_and_without_sccache_it_is_slower() {
    let project = Project::tagged("demo-v1.0.0");
    let path = path_without(&project.sandbox.root().join("bin"), &["mold", "sccache"]);
    project
        .atlas("build demo-v1.0.0 --no-install")
        .env("PATH", &path)
        .run()
        .exits(3)
        .says(&[
            "`mold` was not found on PATH",
            "hint: install a working mold, or link without it: --no-mold",
        ]);
    project
        .atlas("build demo-v1.0.0 --no-install --no-mold")
        .env("PATH", &path)
        .run()
        .exits(0)
        .says(&["warning: building without sccache: `sccache` was not found on PATH"]);
}

#[test]
fn two_packages_of_a_group_with_one_binary_are_refused() {
    let project = Project::new();
    // Not a product's: `--bin alpha` takes it all the same.
    project
        .fixture
        .write("beta/src/bin/alpha.rs", "fn main() {}\n");
    project
        .quick("plan demo-v1.0.0 --allow-dirty --allow-untagged")
        .run()
        .exits(2)
        .says(&[
            "packages `alpha` and `beta` both have a binary `alpha`",
            "group `demo`",
            "hint: give one of the binaries another name",
        ]);
}
