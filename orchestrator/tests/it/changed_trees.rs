//! A tree that differs from its commit is no release, also where git was told or made not to see it.

use crate::support::*;
use std::fs;
use std::path::{Path, PathBuf};
use test_support::{FakeTools, Fixture, Sandbox};

/// The plan is refused for this one file.
#[track_caller]
fn refused(project: &Project, file: &str) -> String {
    let run = project.quick("plan demo-v1.0.0").run().exits(2);
    let said = format!("the working tree differs from the commit: {file}\n");
    assert!(run.stderr.contains(&said), "{run}");
    run.stderr
}

#[track_caller]
fn accepted(project: &Project) {
    project.quick("plan demo-v1.0.0").run().exits(0);
}

/// Another text of the same length: its size tells nothing.
fn edit(project: &Project) {
    project.fixture.edit("beta/src/main.rs", "hello", "hallo");
}

/// Runs git in a folder beside or below the workspace.
fn git(fixture: &Fixture, dir: &Path, args: &[&str]) {
    let mut all = vec!["-C", dir.to_str().unwrap()];
    all.extend(["-c", "protocol.file.allow=always"]);
    all.extend(["-c", "user.name=Test", "-c", "user.email=test@example.com"]);
    all.extend(args);
    fixture.git(&all);
}

fn commit(fixture: &Fixture, dir: &Path) {
    git(fixture, dir, &["add", "--all"]);
    git(fixture, dir, &["commit", "--quiet", "--message", "more"]);
}

#[test]
fn files_that_git_was_told_not_to_look_at_are_looked_at() {
    for mark in ["--assume-unchanged", "--skip-worktree"] {
        let project = Project::tagged("demo-v1.0.0");
        for file in ["beta/src/main.rs", "alpha/answer.c"] {
            project.fixture.git(&["update-index", mark, file]);
        }
        let index = project.fixture.root().join(".git/index");
        let before = fs::read(&index).unwrap();
        accepted(&project);
        edit(&project);
        refused(&project, "beta/src/main.rs");
        // The marks are their user's.
        assert_eq!(fs::read(&index).unwrap(), before);
        project.fixture.edit("beta/src/main.rs", "hallo", "hello");
        fs::remove_file(project.fixture.root().join("alpha/answer.c")).unwrap();
        refused(&project, "alpha/answer.c");
        let left: Vec<_> = fs::read_dir(project.sandbox.tmp_dir()).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

#[cfg(unix)]
#[test]
fn the_hint_about_marks_takes_them_back() {
    let file = "beta/src/two words.rs";
    for mark in ["--assume-unchanged", "--skip-worktree"] {
        let project = Project::new();
        project.fixture.write(file, "// one");
        project.fixture.commit("a name with a blank");
        project.fixture.tag("demo-v1.0.0");
        project.fixture.git(&["update-index", mark, file]);
        project.fixture.write(file, "// two");
        let said = refused(&project, file);
        let commands = said.split('`').filter(|word| word.starts_with("git "));
        let commands: Vec<&str> = commands.collect();
        assert_eq!(commands.len(), 2, "{said}");
        for command in commands {
            let words = ["-c", command];
            let run = project.sandbox.invoke("/bin/sh").args(words);
            run.cwd(project.fixture.root()).run().exits(0);
        }
        let marks = project.fixture.git(&["ls-files", "-v", file]);
        assert_eq!(marks, format!("H {file}"));
        assert_eq!(
            project.fixture.git(&["status", "--porcelain"]).trim(),
            format!("M \"{file}\"")
        );
    }
}

#[test]
fn what_a_sparse_checkout_leaves_out_is_a_difference_in_the_workspace_alone() {
    let sandbox = Sandbox::new();
    let fixture = Fixture::without_git(&sandbox);
    let project = Project { sandbox, fixture };
    let (fixture, root) = (&project.fixture, project.sandbox.root());
    fixture.write("alpha/notes.txt", "");
    fixture.write("../docs/large.txt", "");
    fixture.write("../.gitignore", "/*\n!/work\n!/docs\n");
    git(fixture, root, &["init", "--quiet"]);
    commit(fixture, root);
    fixture.tag("demo-v1.0.0");
    let sparse = |without: &str| {
        let patterns = ["sparse-checkout", "set", "--no-cone", "/*", without];
        git(fixture, root, &patterns);
    };
    sparse("!/docs/");
    assert!(!root.join("docs").exists());
    accepted(&project);
    // What is there nevertheless is looked at.
    fixture.write("../docs/large.txt", "other");
    refused(&project, "docs/large.txt");
    fs::remove_dir_all(root.join("docs")).unwrap();
    sparse("!notes.txt");
    assert!(!fixture.root().join("alpha/notes.txt").exists());
    refused(&project, "work/alpha/notes.txt");
}

/// The workspace with a submodule `third`, which has one of its own, `deep`.
fn with_submodules() -> Project {
    let project = Project::new();
    let (fixture, root) = (&project.fixture, project.sandbox.root());
    let make = |name: &str| -> PathBuf {
        let dir = root.join(name);
        fs::create_dir(&dir).unwrap();
        fs::write(dir.join("word.txt"), name).unwrap();
        git(fixture, &dir, &["init", "--quiet"]);
        commit(fixture, &dir);
        dir
    };
    let (inner, outer) = (make("inner"), make("outer"));
    let add = |dir: &Path, from: &Path, path: &str| {
        let from = from.to_str().unwrap();
        git(fixture, dir, &["submodule", "--quiet", "add", from, path]);
        let name = format!("submodule.{path}.ignore");
        git(
            fixture,
            dir,
            &["config", "--file", ".gitmodules", &name, "all"],
        );
        commit(fixture, dir);
    };
    add(&outer, &inner, "deep");
    add(fixture.root(), &outer, "third");
    let update = ["submodule", "--quiet", "update", "--init", "--recursive"];
    git(fixture, fixture.root(), &update);
    fixture.git(&["config", "diff.ignoreSubmodules", "all"]);
    fixture.tag("demo-v1.0.0");
    project
}

#[test]
fn submodules_are_looked_into_whatever_is_to_be_ignored() {
    let project = with_submodules();
    let third = project.fixture.root().join("third");
    accepted(&project);
    fs::write(third.join("word.txt"), "other").unwrap();
    refused(&project, "third/word.txt");
    git(&project.fixture, &third, &["checkout", "--quiet", "."]);
    let deep = third.join("deep");
    let mark = ["update-index", "--assume-unchanged", "word.txt"];
    git(&project.fixture, &deep, &mark);
    fs::write(deep.join("word.txt"), "OTHER").unwrap();
    refused(&project, "third/deep/word.txt");
    let mark = ["update-index", "--no-assume-unchanged", "word.txt"];
    git(&project.fixture, &deep, &mark);
    commit(&project.fixture, &deep);
    refused(&project, "third/deep");
    // Files in the place of a submodule are of no commit.
    let fresh = with_submodules();
    let third = fresh.fixture.root().join("third");
    fs::remove_file(third.join(".git")).unwrap();
    refused(&fresh, "third");
}

#[test]
fn the_folders_that_are_written_to_excuse_no_file_that_git_knows() {
    let project = Project::tagged("demo-v1.0.0");
    let root = project.fixture.root();
    let plan = |folders: &[&str]| {
        let plan = ["plan", "demo-v1.0.0", "--no-mold", "--no-sccache"];
        let run = project.sandbox.invoke(ATLAS_RELEASE).args(plan);
        run.args(folders.iter().copied()).cwd(root)
    };
    // Nothing that git knows is in the first two.
    project.fixture.write("kept/.gitkeep", "");
    project.fixture.commit("a folder");
    project.fixture.git(&["tag", "--force", "demo-v1.0.0"]);
    project.fixture.write("out/x", "");
    project.fixture.write("kept/x", "");
    let both = ["--state-dir", "out", "--dist-dir", "kept"];
    plan(&both).run().exits(0);
    fs::remove_dir_all(root.join("out")).unwrap();
    fs::remove_file(root.join("kept/x")).unwrap();
    edit(&project);
    let (differs, file) = ("differs from the commit: ", "beta/src/main.rs");
    for flags in [
        ["--dist-dir", "beta/src"],
        ["--state-dir", "."],
        ["--target-dir", "."],
    ] {
        plan(&flags).run().exits(2).says(&[differs, file]);
    }
    let env = plan(&[]).env("CARGO_TARGET_DIR", ".");
    env.run().exits(2).says(&[differs, file]);
    project.fixture.edit(file, "hallo", "hello");
    project
        .fixture
        .write("beta/src/bin/more.rs", "fn main() {}");
    let run = plan(&["--dist-dir", "beta/src"]).run().exits(2);
    run.says(&[differs, "beta/src/bin/more.rs"]);
}

#[test]
fn the_configuration_in_the_folder_of_cargo_is_a_difference() {
    let project = Project::tagged("demo-v1.0.0");
    let plan = || {
        let run = project.quick("plan demo-v1.0.0");
        let run = run.env("CARGO_HOME", project.fixture.root().join(".cargo"));
        run.env("SCCACHE_DIR", "kept/cache")
    };
    project.fixture.write(".cargo/registry/x", "");
    project.fixture.write("kept/cache/x", "");
    plan().run().exits(0);
    for name in [".cargo/config.toml", ".cargo/config"] {
        project.fixture.write(name, "");
        let said = format!("the working tree differs from the commit: {name}\n");
        plan().run().exits(2).says(&[&said]);
        fs::remove_file(project.fixture.root().join(name)).unwrap();
    }
}

#[test]
fn another_object_in_the_place_of_the_commit_changes_nothing() {
    let project = Project::tagged("demo-v1.0.0");
    let head = project.fixture.git(&["rev-parse", "HEAD"]);
    edit(&project);
    project.fixture.git(&["add", "--all"]);
    let tree = project.fixture.git(&["write-tree"]);
    let other = project.fixture.git(&["commit-tree", "-m", "other", &tree]);
    project.fixture.git(&["replace", &head, &other]);
    assert_eq!(project.fixture.git(&["status", "--porcelain"]), "");
    refused(&project, "beta/src/main.rs");
}

#[test]
fn no_program_of_the_configuration_says_which_files_have_changed() {
    let project = Project::tagged("demo-v1.0.0");
    let monitor = FakeTools::new(project.sandbox.root().join("bin"));
    monitor.add("monitor", "printf 'x\\0'");
    let path = project.sandbox.root().join("bin/monitor");
    let setting = ["config", "core.fsmonitor", path.to_str().unwrap()];
    project.fixture.git(&setting);
    project
        .fixture
        .git(&["config", "core.untrackedCache", "true"]);
    project.fixture.git(&["update-index", "--fsmonitor"]);
    project.fixture.git(&["status"]);
    edit(&project);
    assert_eq!(project.fixture.git(&["status", "--porcelain"]), "");
    let asked = monitor.calls("monitor").len();
    assert!(asked > 0);
    refused(&project, "beta/src/main.rs");
    assert_eq!(monitor.calls("monitor").len(), asked);
}

#[test]
fn the_tree_of_another_place_is_not_asked() {
    let project = Project::tagged("demo-v1.0.0");
    let other = project.sandbox.root().join("other");
    test_support::copy_tree(project.fixture.root(), &other);
    let other = other.to_str().unwrap();
    project.fixture.git(&["config", "core.worktree", other]);
    edit(&project);
    let run = project.quick("plan demo-v1.0.0").run().exits(2);
    run.says(&[
        "is in no working tree of its git repository",
        "core.worktree",
    ]);
}

#[test]
fn what_changes_while_cargo_runs_is_not_staged() {
    let project = Project::tagged("demo-v1.0.0");
    let cargo = which::which("cargo").unwrap();
    let build_with = |flags: &str, meanwhile: &str| {
        let tools = FakeTools::new(project.sandbox.root().join("bin"));
        let cargo = cargo.display();
        tools.add(
            "cargo",
            &format!(
                "\"{cargo}\" \"$@\"\ncode=$?\nif [ \"$1\" = build ]; then {meanwhile}; fi\nexit $code"
            ),
        );
        let run = project.quick(&format!("build demo-v1.0.0 {flags}"));
        run.env("PATH", tools.path_before(project.sandbox.env()))
            .run()
    };
    let build = |meanwhile: &str| build_with("", meanwhile);
    build("echo >> beta/src/main.rs").exits(2).says(&[
        "files have changed while they were being built: beta/src/main.rs",
        "nothing was staged",
    ]);
    // The file differs already, and once more or no longer at the end.
    for meanwhile in [
        "echo >> beta/src/main.rs",
        "git checkout --quiet beta/src/main.rs",
    ] {
        build_with("--allow-dirty", meanwhile)
            .exits(2)
            .says(&["files have changed while they were being built: beta/src/main.rs"]);
    }
    let commit = "git -c user.name=T -c user.email=t@example.com commit --quiet --allow-empty -m x";
    build(commit)
        .exits(2)
        .says(&["another commit was checked out during the build: "]);
    assert!(!project.sandbox.dist_dir().join("demo-1.0.0").exists());
}
