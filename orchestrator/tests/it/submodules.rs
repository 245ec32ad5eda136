//! Commits with submodules: `reproduce` takes them from this repository's own copies.

use crate::reproducing::{document, reproduce};
use crate::support::*;
use std::fs;
use std::path::{Path, PathBuf};

/// A repository of its own with one file; returns its folder.
fn repository(project: &Project, name: &str, word: &str) -> PathBuf {
    let dir = project.sandbox.root().join(name);
    fs::create_dir(&dir).unwrap();
    fs::write(dir.join("word.txt"), word).unwrap();
    git(project, &dir, "init --quiet");
    commit(project, &dir);
    dir
}

fn git(project: &Project, dir: &Path, line: &str) {
    let dir = dir.to_str().unwrap();
    let mut args = vec!["-C", dir, "-c", "protocol.file.allow=always"];
    args.extend(["-c", "user.name=Test", "-c", "user.email=test@example.com"]);
    args.extend(line.split(' '));
    project.fixture.git(&args);
}

fn commit(project: &Project, dir: &Path) {
    git(project, dir, "add --all");
    git(project, dir, "commit --quiet --message more");
}

#[test]
fn submodules_and_theirs_are_checked_out_from_the_copies_that_are_here() {
    let project = Project::new();
    let fixture = &project.fixture;
    let inner = repository(&project, "inner", "INSIDE");
    let outer = repository(&project, "outer", "BETWEEN");
    git(
        &project,
        &outer,
        &format!("submodule --quiet add {} deep", inner.display()),
    );
    commit(&project, &outer);
    // The name is not the path.
    let add = format!(
        "submodule --quiet add --name words {} third",
        outer.display()
    );
    git(&project, fixture.root(), &add);
    git(
        &project,
        fixture.root(),
        "submodule --quiet update --init --recursive",
    );
    fixture.edit(
        "beta/src/main.rs",
        "fn main() {",
        "fn main() {\n    if std::env::args().count() > 5 { print!(\"{}{}\", \
         include_str!(\"../../third/word.txt\"), include_str!(\"../../third/deep/word.txt\")); }",
    );
    fixture.commit("words of others");
    fixture.tag("demo-v0.1.0");
    // Nobody but this repository is asked.
    fs::remove_dir_all(&inner).unwrap();
    fs::remove_dir_all(&outer).unwrap();
    let run = reproduce(&project, "demo-v0.1.0 --no-mold").run().exits(0);
    assert_eq!(document(&run)["identical"], true, "{run}");

    // The tree of today has none; git's own folder has.
    git(
        &project,
        fixture.root(),
        "submodule --quiet deinit --force third",
    );
    let run = reproduce(&project, "demo-v0.1.0 --no-mold").run().exits(0);
    assert_eq!(document(&run)["identical"], true, "{run}");

    let modules = fixture.root().join(".git/modules/words");
    for (gone, path) in [(modules.join("modules/deep"), "deep"), (modules, "third")] {
        fs::remove_dir_all(&gone).unwrap();
        let run = reproduce(&project, "demo-v0.1.0 --no-mold").run().exits(2);
        let run = run.says(&[
            &format!("this repository has no copy of its submodule `{path}` with commit "),
            "hint: fetch it: git submodule update --init --recursive",
        ]);
        assert!(!run.stderr.contains("building"), "{run}");
        let left: Vec<_> = fs::read_dir(project.sandbox.tmp_dir()).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
    }
}
