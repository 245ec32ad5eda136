//! Packages that a workspace takes from outside of its own folder, and arguments that cargo puts into
//! a file.

use crate::reproducing::document;
use crate::support::*;
use std::fs;
use std::path::{Path, PathBuf};
use test_support::{Sandbox, copy_tree};

/// The library's code: what it says names its own file, and its type's number hangs on its metadata.
const LIBRARY: &str = r#"pub struct Own;
pub fn place() -> String {
    format!("{} {:?}", file!(), std::any::TypeId::of::<Own>())
}
"#;

const PROGRAM: &str = r#"const VERSION: &str = match option_env!("ATLAS_BUILD_VERSION") {
    Some(version) => version,
    None => "0",
};

fn main() {
    if std::env::args().nth(1).as_deref() == Some("--version") {
        println!("tiny {VERSION}");
    } else {
        println!("{}", lib::place());
    }
}
"#;

/// A repository whose workspace is in the folder `app` and depends on the package at `library`.
fn repository(sandbox: &Sandbox, folder: &str, library: &str) -> PathBuf {
    let top = sandbox.root().join(folder);
    let write = |path: &Path, text: &str| {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let app = top.join("app");
    write(
        &app.join("Cargo.toml"),
        &format!(
            "[package]\nname = \"tiny\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\
             [workspace]\n[dependencies]\nlib = {{ path = \"{library}\" }}\n\
             [package.metadata.atlas-release]\nproduct = \"tiny\"\ngroup = \"tiny\"\n\
             bin = \"tiny\"\n[profile.release]\nopt-level = 0\n"
        ),
    );
    write(&app.join("src/main.rs"), PROGRAM);
    write(
        &app.join("Cargo.lock"),
        "version = 4\n\n[[package]]\nname = \"lib\"\nversion = \"0.1.0\"\n\n[[package]]\n\
         name = \"tiny\"\nversion = \"0.1.0\"\ndependencies = [\n \"lib\",\n]\n",
    );
    write(&app.join(".gitignore"), "/target\n");
    let lib = app.join(library);
    write(
        &lib.join("Cargo.toml"),
        "[package]\nname = \"lib\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n",
    );
    write(&lib.join("src/lib.rs"), LIBRARY);
    for line in [
        "init -q -b main",
        "add -A",
        "-c user.name=t -c user.email=t@example.com commit -q -m begin",
        "tag tiny-v1.0.0",
    ] {
        let git = sandbox.invoke("git").args(line.split(' ')).cwd(&top);
        git.run().exits(0);
    }
    top
}

#[test]
fn a_package_elsewhere_in_the_repository_is_the_same_in_any_folder() {
    let sandbox = Sandbox::new();
    let top = repository(&sandbox, "repository", "../lib");
    let elsewhere = sandbox.root().join("elsewhere/it");
    copy_tree(&top, &elsewhere);
    let build = |top: &Path, target: &str| {
        let run = atlas(
            &sandbox,
            "build tiny-v1.0.0 --no-sccache --no-install --no-mold",
        )
        .args(["--target-dir".into(), sandbox.root().join(target)])
        .cwd(top.join("app"));
        run.run().exits(0);
        let staged = sandbox.dist_dir().join("tiny-1.0.0").join(platform());
        fs::read(staged.join(format!("tiny-{}", platform()))).unwrap()
    };
    let (here, there) = (build(&top, "target"), build(&elsewhere, "other/target"));
    let folder = sandbox.root().to_string_lossy().into_owned();
    let holds = |what: &str| here.windows(what.len()).any(|part| part == what.as_bytes());
    assert!(!holds(&folder));
    assert!(holds("/repository/lib/src/lib.rs"));
    assert!(here == there, "the bytes hang on the repository's folder");
    let run = atlas(&sandbox, "reproduce tiny-v1.0.0 --no-mold --format json");
    let run = run.cwd(top.join("app")).run().exits(0);
    assert_eq!(document(&run)["identical"], true, "{run}");
}

#[test]
fn a_package_outside_of_the_repository_is_named() {
    let sandbox = Sandbox::new();
    let top = repository(&sandbox, "repository", "../../lib");
    let run = atlas(&sandbox, "reproduce tiny-v1.0.0 --no-mold").cwd(top.join("app"));
    run.run()
        .exits(2)
        .says(&["a package is taken from", "outside of the repository"]);
    // One that is found from anywhere on this machine.
    let library = sandbox.root().join("library");
    let top = repository(&sandbox, "absolute", &library.to_string_lossy());
    let build = atlas(
        &sandbox,
        "build tiny-v1.0.0 --no-sccache --no-install --no-mold",
    );
    build.cwd(top.join("app")).run().exits(0);
    let record = sandbox.dist_dir().join("tiny-1.0.0").join(platform());
    let record = record.join("release.json");
    let text = fs::read_to_string(&record).unwrap();
    fs::write(
        library.join("src/lib.rs"),
        LIBRARY.replace("{} {:?}", "{}, {:?}"),
    )
    .unwrap();
    let copy = sandbox.root().join("copy.json");
    fs::write(&copy, text).unwrap();
    let run = atlas(&sandbox, "reproduce --format json").args(["--from".into(), copy]);
    let run = run.cwd(top.join("app")).run().exits(8);
    let found = document(&run);
    assert_eq!(found["cause"]["kind"], "outside", "{run}");
    let detail = found["cause"]["detail"].as_str().unwrap();
    assert!(detail.contains(&*library.to_string_lossy()), "{run}");
}

#[test]
fn a_package_with_very_many_features_is_compiled_as_the_others_are() {
    let project = Project::new();
    let features: String = (0..6000)
        .map(|n| format!("a_rather_long_feature_name_{n:05} = []\n"))
        .collect();
    project.fixture.edit(
        "gamma/Cargo.toml",
        "[package.metadata",
        &format!("[features]\n{features}\n[package.metadata"),
    );
    project.fixture.edit(
        "gamma/src/main.rs",
        "fn main() {",
        "include!(concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/place.rs\"));\n\nfn main() {\n    place();",
    );
    project.fixture.write(
        "gamma/place.rs",
        "fn place() { if std::env::args().count() > 9 { println!(\"{}\", file!()); } }\n",
    );
    project.fixture.commit("very many features");
    project.fixture.tag("other-v1.0.0");
    project.quick("build other-v1.0.0").run().exits(0);
    let name = format!("gamma-{}", platform());
    let bytes = fs::read(project.staged("other-1.0.0").join(name)).unwrap();
    let holds = |what: &str| {
        bytes
            .windows(what.len())
            .any(|part| part == what.as_bytes())
    };
    assert!(holds("/workspace/gamma/place.rs"));
    assert!(!holds(&project.sandbox.root().to_string_lossy()));
}
