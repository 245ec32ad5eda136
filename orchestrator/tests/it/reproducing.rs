//! `reproduce`: the same bytes anywhere, and what is said when they are not.

use crate::support::*;
use serde_json::Value;
use std::fs;
use test_support::{FakeTools, Finished, Invocation};

/// A workspace in which every flag and variable of the recipe matters: C code that holds its own
/// path, generated Rust code that does, and a build script that writes down date, time zone and
/// language.
pub fn telling() -> Project {
    let project = Project::new();
    let fixture = &project.fixture;
    fixture.write(
        "alpha/answer.c",
        "const char *place(void) { return __FILE__; }\nint answer(void) { return place()[0] ? 42 : 0; }\n",
    );
    fixture.edit(
        "alpha/build.rs",
        "&[\"-c\", \"answer.c\"",
        "&[\"-c\", &format!(\"{}/answer.c\", std::env::var(\"CARGO_MANIFEST_DIR\").unwrap())",
    );
    fixture.edit(
        "beta/build.rs",
        "build_version::emit();",
        r#"build_version::emit();
    let out = std::env::var("OUT_DIR").unwrap();
    let code = "pub fn place() -> &'static str { file!() }\n";
    std::fs::write(format!("{out}/place.rs"), code).unwrap();
    let epoch = std::env::var("SOURCE_DATE_EPOCH").unwrap_or_else(|_| {
        let now = std::time::SystemTime::now();
        now.duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos().to_string()
    });
    let var = |name| std::env::var(name).unwrap_or_default();
    println!("cargo::rustc-env=BUILT={epoch} {} {}", var("TZ"), var("LC_ALL"));"#,
    );
    fixture.edit(
        "beta/src/main.rs",
        "fn main() {",
        "include!(concat!(env!(\"OUT_DIR\"), \"/place.rs\"));\n\
         include!(concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/source.rs\"));\n\nfn main() {\n    \
         if std::env::args().count() > 5 { println!(\"{} {} {}\", place(), source(), env!(\"BUILT\")); }",
    );
    fixture.write(
        "beta/source.rs",
        "pub fn source() -> &'static str { file!() }\n",
    );
    fixture.commit("tell everything");
    fixture.tag("demo-v0.1.0");
    project
}

pub fn reproduce(project: &Project, flags: &str) -> Invocation {
    let line = format!("reproduce {flags} --format json");
    atlas(&project.sandbox, &line).cwd(project.fixture.root())
}

#[track_caller]
pub fn document(run: &Finished) -> Value {
    let found = events_of(run, "reproduction");
    assert_eq!(found.len(), 1, "{run}");
    found[0].clone()
}

/// Nothing of a run stays in the temporary folder.
#[track_caller]
fn nothing_stays(project: &Project) {
    let left: Vec<_> = fs::read_dir(project.sandbox.tmp_dir()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn two_builds_elsewhere_are_identical() {
    let project = telling();
    let before = project.fixture.git(&["status", "--porcelain", "--ignored"]);
    let run = reproduce(&project, "demo-v0.1.0").run().exits(0);
    let found = document(&run);
    assert_eq!(found["identical"], true, "{run}");
    assert_eq!(found["against"], "second-build");
    // Two programs, and what each is made of.
    assert_eq!(found["files"].as_array().unwrap().len(), 4);
    let after = project.fixture.git(&["status", "--porcelain", "--ignored"]);
    assert_eq!(before, after);
    nothing_stays(&project);
}

#[test]
fn a_shared_build_dir_in_the_configuration_is_not_shared_by_two_builds() {
    let project = telling();
    let shared = project.sandbox.root().join("shared");
    project.fixture.write(
        ".cargo/config.toml",
        &format!("[build]\nbuild-dir = \"{}\"\n", shared.display()),
    );
    project
        .fixture
        .commit("keep what is made on the way elsewhere");
    project.fixture.tag("demo-v0.1.1");
    let run = reproduce(&project, "demo-v0.1.1 --no-mold").run().exits(0);
    assert_eq!(document(&run)["identical"], true, "{run}");
    assert!(!shared.exists(), "{}", shared.display());
}

#[test]
fn a_checkout_that_fails_is_no_missing_commit() {
    let project = telling();
    let tools = FakeTools::new(project.sandbox.root().join("bin"));
    let real = which::which("git").unwrap();
    tools.add(
        "git",
        &format!(
            "for arg; do if [ \"$arg\" = checkout ]; then echo 'no space left' >&2; exit 128; fi; \
             done\nexec '{}' \"$@\"",
            real.display()
        ),
    );
    reproduce(&project, "demo-v0.1.0 --no-mold")
        .env("PATH", tools.path_before(project.sandbox.env()))
        .run()
        .exits(3)
        .says(&["git could not check the commit out", "no space left"]);
    nothing_stays(&project);
}

#[test]
fn a_cache_changes_nothing() {
    let project = telling();
    let run = reproduce(&project, "demo-v0.1.0 --with-cache")
        .run()
        .exits(0);
    let found = document(&run);
    assert_eq!(found["identical"], true, "{run}");
    assert_eq!(found["against"], "cached-build");
    nothing_stays(&project);
}

#[test]
fn the_users_git_hooks_have_no_say_in_a_checkout() {
    let project = Project::new();
    project.fixture.break_compilation("alpha");
    project.fixture.commit("break");
    project.fixture.tag("demo-v0.1.0");
    let root = project.sandbox.root();
    let hooks = FakeTools::new(root.join("hooks"));
    hooks.add("post-checkout", "");
    let config = format!("[core]\nhooksPath = {}\n", root.join("hooks").display());
    fs::write(root.join("home/.gitconfig"), config).unwrap();
    reproduce(&project, "demo-v0.1.0 --no-mold").run().exits(4);
    assert_eq!(hooks.calls("post-checkout"), Vec::<String>::new());
}

#[test]
fn a_clock_in_a_build_script_is_caught_and_its_package_named() {
    let project = Project::new();
    project.fixture.edit(
        "beta/build.rs",
        "build_version::emit();",
        "build_version::emit();\n    \
         println!(\"cargo::rustc-env=NOW={:?}\", std::time::SystemTime::now());",
    );
    project.fixture.edit(
        "beta/src/main.rs",
        "fn main() {",
        "fn main() {\n    if std::env::args().count() > 5 { println!(env!(\"NOW\")); }",
    );
    let text = fs::read_to_string(project.fixture.root().join("beta/src/main.rs")).unwrap();
    let text = text.replace("println!(env!(\"NOW\"))", "println!(\"{}\", env!(\"NOW\"))");
    project.fixture.write("beta/src/main.rs", &text);
    project.fixture.commit("look at the clock");
    project.fixture.tag("demo-v0.1.0");
    let run = reproduce(&project, "demo-v0.1.0 --no-mold").run().exits(8);
    let found = document(&run);
    assert_eq!(found["cause"]["kind"], "build-script", "{run}");
    assert_eq!(found["cause"]["packages"], serde_json::json!(["beta"]));
    let files = found["files"].as_array().unwrap();
    let file = |product: &str| files.iter().find(|f| f["product"] == product).unwrap();
    assert_eq!(file("alpha")["identical"], true);
    assert_eq!(file("beta")["identical"], false);
    assert!(!file("beta")["sections"].as_array().unwrap().is_empty());
    assert!(
        file("beta")["strings"].to_string().contains("SystemTime"),
        "{run}"
    );
    nothing_stays(&project);
}

/// The real rustc with one flag taken away.
pub fn rustc_without(tools: &FakeTools, flag: &str) {
    let real = which::which("rustc").unwrap();
    tools.add(
        "rustc-less",
        &format!(
            "for arg; do shift; case $arg in {flag}) ;; *) set -- \"$@\" \"$arg\" ;; esac; done\n\
             exec '{}' \"$@\"",
            real.display()
        ),
    );
}

/// The real cargo in an environment that lacks something; `$HOME` is another in each build.
fn cargo_without(tools: &FakeTools, change: &str) {
    let real = which::which("cargo").unwrap();
    tools.add(
        "cargo",
        &format!("{change}\nexec '{}' \"$@\"", real.display()),
    );
}

#[track_caller]
fn differs(run: &Finished, product: &str, kind: &str) {
    let found = document(run);
    let files = found["files"].as_array().unwrap();
    let file = files.iter().find(|f| f["product"] == product).unwrap();
    assert_eq!(file["identical"], false, "{run}");
    assert_eq!(found["cause"]["kind"], kind, "{run}");
}

#[test]
fn without_the_remap_of_any_folder_it_differs() {
    let project = telling();
    let tools = FakeTools::new(project.sandbox.root().join("bin"));
    for name in ["/workspace", "/workspace/target"] {
        rustc_without(&tools, &format!("--remap-path-prefix=*={name}"));
        let run = reproduce(&project, "demo-v0.1.0 --no-mold")
            .env("RUSTC", project.sandbox.root().join("bin/rustc-less"))
            .run()
            .exits(8);
        differs(&run, "beta", "path");
    }
}

#[test]
fn with_incremental_compilation_in_one_build_it_differs() {
    let project = telling();
    let tools = FakeTools::new(project.sandbox.root().join("bin"));
    cargo_without(
        &tools,
        "case $HOME in */another/*) export CARGO_INCREMENTAL=1 ;; esac",
    );
    let run = reproduce(&project, "demo-v0.1.0 --no-mold")
        .env("PATH", tools.path_before(project.sandbox.env()))
        .run()
        .exits(8);
    assert_eq!(document(&run)["identical"], false, "{run}");
}

#[test]
fn without_the_flags_for_c_it_differs() {
    let project = telling();
    let tools = FakeTools::new(project.sandbox.root().join("bin"));
    cargo_without(&tools, "unset ATLAS_RELEASE_C_FLAGS");
    let run = reproduce(&project, "demo-v0.1.0 --no-mold")
        .env("PATH", tools.path_before(project.sandbox.env()))
        .run()
        .exits(8);
    // The archive that the build script makes holds the path.
    differs(&run, "alpha", "build-script");
    assert!(
        document(&run)["files"].to_string().contains("answer.c"),
        "{run}"
    );
}

#[test]
fn without_the_commits_time_the_zone_or_the_language_it_differs() {
    let project = telling();
    for change in [
        "unset SOURCE_DATE_EPOCH",
        "case $HOME in */a/home) TZ=UTC11 ;; *) TZ=UTC12 ;; esac",
        "case $HOME in */a/home) LC_ALL=11 ;; *) LC_ALL=12 ;; esac",
    ] {
        let tools = FakeTools::new(project.sandbox.root().join("bin"));
        cargo_without(&tools, change);
        let run = reproduce(&project, "demo-v0.1.0 --no-mold")
            .env("PATH", tools.path_before(project.sandbox.env()))
            .run()
            .exits(8);
        differs(&run, "beta", "build-script");
    }
}

/// Writes another file in the place of one that may be read-only.
fn replace(path: &std::path::Path, bytes: &[u8]) {
    std::fs::remove_file(path).unwrap();
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn what_is_published_is_what_the_commit_makes() {
    let project = telling();
    project.quick("release demo-v0.1.0 --local").run().exits(0);
    let line = "demo-v0.1.0 --against-hub --local --no-mold";
    let run = reproduce(&project, line).run().exits(0);
    assert_eq!(document(&run)["against"], "hub", "{run}");
    // What is set here is part of what is built here, and may not have been elsewhere.
    let set = reproduce(&project, line).env("RUSTFLAGS", "-C opt-level=1");
    let run = set.run().exits(8);
    let found = document(&run);
    assert_eq!(found["cause"]["kind"], "tools", "{run}");
    let told = found["cause"]["detail"].as_str().unwrap();
    assert!(
        told.contains("set here: RUSTFLAGS=-C opt-level=1"),
        "{told}"
    );
    // The Hub's word is not enough: what it gives out is read.
    let blobs = project.sandbox.state_dir().join("hub/blobs");
    let stored = test_support::tree(&blobs);
    let (name, bytes) = stored.iter().find(|(_, bytes)| !bytes.is_empty()).unwrap();
    let mut damaged = bytes.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    replace(&blobs.join(name), &damaged);
    reproduce(&project, line).run().exits(8);
    replace(&blobs.join(name), bytes);
    // A product that has come to the group since is none of that release's.
    let (other, demo) = ("group = \"other\"", "group = \"demo\"");
    project.fixture.edit("gamma/Cargo.toml", other, demo);
    project.fixture.commit("one more in the group");
    let run = reproduce(&project, line).run().exits(0);
    assert_eq!(
        document(&run)["files"].as_array().unwrap().len(),
        2,
        "{run}"
    );
    project.fixture.edit("gamma/Cargo.toml", demo, other);
    // The tag now names something else.
    project.fixture.change("else");
    project.fixture.git(&["tag", "--force", "demo-v0.1.0"]);
    let run = reproduce(&project, line).run().exits(8);
    let found = document(&run);
    assert!(found["files"].to_string().contains("HELLO"), "{run}");
    reproduce(&project, "demo-v0.9.0 --against-hub --local")
        .run()
        .exits(8)
        .says(&["is not published on channel stable"]);
}
