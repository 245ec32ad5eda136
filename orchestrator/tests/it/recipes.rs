//! Records and checkouts that `reproduce` has to see through, and compilers named by their path.

use crate::reproducing::rustc_without;
use crate::support::*;
use serde_json::Value;
use std::fs;
use std::path::Path;
use test_support::{FakeTools, Finished, path_without};

fn from(project: &Project, record: &Path) -> Finished {
    atlas(&project.sandbox, "reproduce")
        .cwd(project.fixture.root())
        .arg("--from")
        .arg(record)
        .run()
}

#[test]
fn a_record_that_contradicts_itself_is_refused() {
    let project = Project::tagged("demo-v0.1.0");
    project.quick("build demo-v0.1.0").run().exits(0);
    let text = fs::read_to_string(project.staged("demo-0.1.0").join("release.json")).unwrap();
    let record: Value = serde_json::from_str(&text).unwrap();
    let altered = project.sandbox.root().join("altered.json");
    let check = |change: &dyn Fn(&mut Value), says: &str| {
        let mut record = record.clone();
        change(&mut record);
        fs::write(&altered, record.to_string()).unwrap();
        from(&project, &altered)
            .exits(2)
            .says(&["altered.json", says]);
    };
    check(&|r| r["tag"] = "demo".into(), "`tag` is \"demo\"");
    check(&|r| r["group"] = "other".into(), "`group` is other");
    check(&|r| r["version"] = "0.2.0".into(), "`version` is 0.2.0");
    check(
        &|r| r["target"] = "aarch64-apple-darwin".into(),
        "`target` is aarch64-apple-darwin",
    );
    check(
        &|r| r["artifacts"] = Value::Array(Vec::new()),
        "names no files",
    );
    check(
        &|r| {
            let first = r["artifacts"][0].clone();
            r["artifacts"].as_array_mut().unwrap().push(first);
        },
        "twice",
    );
}

#[test]
fn what_decides_how_git_writes_files_is_taken_along() {
    let project = Project::new();
    let fixture = &project.fixture;
    // As Git LFS does it: another text in the repository than in the tree.
    fixture.git(&["config", "filter.up.clean", "tr A-Z a-z"]);
    fixture.git(&["config", "filter.up.smudge", "tr a-z A-Z"]);
    fixture.write(".gitattributes", "word.txt filter=up\n");
    fixture.write("beta/word.txt", "UP THERE\n");
    fixture.edit(
        "beta/src/main.rs",
        "fn main() {",
        "fn main() {\n    if std::env::args().count() > 5 { print!(\"{}\", include_str!(\"../word.txt\")); }",
    );
    fixture.commit("filter");
    assert_eq!(
        fixture.git(&["show", "HEAD:beta/word.txt"]).trim(),
        "up there"
    );
    fixture.tag("demo-v0.1.0");
    project.quick("build demo-v0.1.0").run().exits(0);
    let staged = project.staged("demo-0.1.0");
    let program = fs::read(staged.join(format!("beta-{}", platform()))).unwrap();
    assert!(program.windows(8).any(|w| w == b"UP THERE"));
    from(&project, &staged.join("release.json")).exits(0);
}

#[test]
fn without_the_remap_of_cargos_folder_it_differs() {
    let project = Project::new();
    let fixture = &project.fixture;
    // A dependency whose source cargo keeps in its own folder.
    let dep = project.sandbox.root().join("dep");
    fs::create_dir_all(dep.join("src")).unwrap();
    let manifest = "[package]\nname = \"dep\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";
    fs::write(dep.join("Cargo.toml"), manifest).unwrap();
    fs::write(
        dep.join("src/lib.rs"),
        "pub fn place() -> &'static str { file!() }\n",
    )
    .unwrap();
    let dir = dep.to_str().unwrap();
    fixture.git(&["init", "--quiet", dir]);
    fixture.git(&["-C", dir, "add", "--all"]);
    let who = ["-c", "user.name=Test", "-c", "user.email=test@example.com"];
    let commit = ["-C", dir, "commit", "--quiet", "--message", "begin"];
    fixture.git(&[&who[..], &commit].concat());
    fixture.edit(
        "beta/Cargo.toml",
        "[dependencies]\n",
        &format!("[dependencies]\ndep = {{ git = \"file://{dir}\" }}\n"),
    );
    fixture.edit(
        "beta/src/main.rs",
        "fn main() {",
        "fn main() {\n    if std::env::args().count() > 5 { println!(\"{}\", dep::place()); }",
    );
    let cargo = which::which("cargo").unwrap();
    let lock = project.sandbox.invoke(cargo).cwd(fixture.root());
    lock.args(["generate-lockfile"]).run().exits(0);
    fixture.commit("depend on it");
    fixture.tag("demo-v0.1.0");
    let reproduce = |rustc: Option<&Path>| {
        let run = atlas(&project.sandbox, "reproduce demo-v0.1.0 --no-mold");
        let run = run.cwd(fixture.root());
        match rustc {
            Some(rustc) => run.env("RUSTC", rustc).run(),
            None => run.run(),
        }
    };
    reproduce(None).exits(0);
    let tools = FakeTools::new(project.sandbox.root().join("bin"));
    rustc_without(&tools, "--remap-path-prefix=*=/cargo");
    reproduce(Some(&project.sandbox.root().join("bin/rustc-less")))
        .exits(8)
        .says(&["demo-v0.1.0 does not come out the same: ", "/cargo"]);
}

#[test]
fn a_compiler_that_is_named_by_its_path_gets_the_flags_too() {
    let project = Project::new();
    let fixture = &project.fixture;
    fixture.write(
        "alpha/answer.c",
        "const char *place(void) { return __FILE__; }\n\
         int answer(void) { return place()[0] ? 42 : 0; }\n",
    );
    fixture.edit(
        "alpha/build.rs",
        "run(\"cc\", &[\"-c\", \"answer.c\"",
        "run(&std::env::var(\"CC\").unwrap(), &[\"-c\", \
         &format!(\"{}/answer.c\", std::env::var(\"CARGO_MANIFEST_DIR\").unwrap())",
    );
    fixture.commit("tell the place");
    fixture.tag("demo-v0.1.0");
    let tools = FakeTools::new(project.sandbox.root().join("my tools"));
    let real = which::which("cc").unwrap();
    tools.add("mycc", &format!("exec '{}' \"$@\"", real.display()));
    project
        .quick("build demo-v0.1.0")
        .env("CC", project.sandbox.root().join("my tools/mycc"))
        .run()
        .exits(0);
    assert!(!tools.calls("mycc").is_empty());
    let staged = project.staged("demo-0.1.0");
    let program = fs::read(staged.join(format!("alpha-{}", platform()))).unwrap();
    let has = |text: &str| program.windows(text.len()).any(|w| w == text.as_bytes());
    assert!(has("/workspace/alpha/answer.c"));
    assert!(!has(&project.sandbox.root().to_string_lossy()));
    // The compiler is recorded by what it says, and the variable as the user has set it.
    let record: Value =
        serde_json::from_slice(&fs::read(staged.join("release.json")).unwrap()).unwrap();
    assert!(record["recipe"]["c_compiler"].is_string(), "{record}");
}

#[test]
fn a_variable_that_begins_like_a_compilers_reaches_no_build_and_no_record() {
    let project = Project::new();
    project.fixture.edit(
        "beta/build.rs",
        "build_version::emit();",
        "build_version::emit();\n    assert!(std::env::var_os(\"CC_TEST_REPORTER_ID\").is_none());",
    );
    project.fixture.commit("look");
    project.fixture.tag("demo-v0.1.0");
    project
        .quick("build demo-v0.1.0")
        .env("CC_TEST_REPORTER_ID", "planted-0123")
        .run()
        .exits(0);
    let record = project.staged("demo-0.1.0").join("release.json");
    assert!(!fs::read_to_string(record).unwrap().contains("planted"));
}

#[test]
fn without_sccache_a_proof_of_its_harmlessness_is_refused_before_anything_is_built() {
    let project = Project::tagged("demo-v0.1.0");
    let bare = project.sandbox.root().join("path");
    path_without(&bare, &["sccache"]);
    let with_cache = || {
        let run = atlas(&project.sandbox, "reproduce demo-v0.1.0 --with-cache");
        let run = run.cwd(project.fixture.root()).env("PATH", &bare).run();
        assert!(!run.stderr.contains("building"), "{run}");
        let left: Vec<_> = fs::read_dir(project.sandbox.tmp_dir()).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
        run.exits(3)
    };
    with_cache().says(&[
        "error: --with-cache asks for sccache, and there is none on this machine",
        "hint: `atlas-release setup` installs it",
    ]);
    let tools = FakeTools::new(&bare);
    tools.add("sccache", "echo sccache 0.7.7");
    with_cache().says(&["/sccache: `sccache 0.7.7` is too old: 0.10.0 or newer is needed"]);
}
