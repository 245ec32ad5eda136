//! Installers of a product that declares them, from the build to the root of a system.

use crate::support::*;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use test_support::Sandbox;
use test_support::roots::{dpkg, rpm};

/// What the program's package says of installers.
const DECLARED: &str = r#"
[package.metadata.atlas-release.installer]
maintainer = "Demo Team <demo@example.com>"
completions = ["completions", "{shell}"]
man = ["man", "{dir}"]
depends = { deb = ["git"] }
"#;

const PROGRAM: &str = r##"fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words[..] {
        ["completions", shell] => println!("# gamma in {shell}"),
        ["man", dir] => {
            for page in ["gamma.1", "gamma-more.1"] {
                std::fs::write(std::path::Path::new(dir).join(page), ".TH gamma 1\n").unwrap();
            }
        }
        _ => println!("{}", build_version::build_info!("gamma")),
    }
}
"##;

/// A workspace whose program `gamma` has installers.
pub fn project() -> Project {
    let project = Project::new();
    let fixture = &project.fixture;
    let manifest = "gamma/Cargo.toml";
    let text = fs::read_to_string(fixture.root().join(manifest)).unwrap();
    let text = text.replace(
        "edition = \"2024\"\n",
        "edition = \"2024\"\nlicense = \"MIT\"\ndescription = \"Shows how it is done\"\n",
    );
    fixture.write(manifest, &(text + DECLARED));
    fixture.write("gamma/src/main.rs", PROGRAM);
    fixture.commit("installers");
    project
}

fn installer(ending: &str) -> String {
    format!("gamma-installer-{}.{ending}", platform())
}

/// Builds a tag and returns the platform's folder.
fn built(project: &Project, version: &str) -> PathBuf {
    let tag = format!("other-v{version}");
    project.fixture.tag(&tag);
    let channel = if version.contains('-') {
        "beta"
    } else {
        "stable"
    };
    let line = format!("build {tag} --channel {channel}");
    project.quick(&line).run().exits(0);
    project.staged(&format!("other-{version}"))
}

/// What the program says that is installed in a root.
fn says(sandbox: &Sandbox, root: &Path) -> String {
    let program = root.join("usr/bin/gamma");
    sandbox
        .invoke(program)
        .arg("--version")
        .run()
        .exits(0)
        .stdout
}

#[test]
fn a_candidate_is_installed_and_upgraded_to_the_final() {
    let project = project();
    let sandbox = &project.sandbox;
    let (debian, fedora) = (sandbox.root().join("debian"), sandbox.root().join("fedora"));
    for version in ["1.4.0-rc.1", "1.4.0"] {
        let dir = built(&project, version);
        let deb = dir.join(installer("deb"));
        let run = dpkg(sandbox, &debian, &["--install", deb.to_str().unwrap()]).exits(0);
        assert!(!run.stderr.contains("downgrading"), "{run}");
        let file = dir.join(installer("rpm"));
        let args = ["--upgrade", "--nodeps", file.to_str().unwrap()];
        rpm(sandbox, &fedora, &args).exits(0);
        for root in [&debian, &fedora] {
            assert_eq!(says(sandbox, root), format!("gamma {version}\n"));
        }
    }
    for (root, zsh) in [(&debian, "vendor-completions"), (&fedora, "site-functions")] {
        let share = root.join("usr/share");
        for (path, shell) in [
            ("bash-completion/completions/gamma".to_owned(), "bash"),
            (format!("zsh/{zsh}/_gamma"), "zsh"),
            ("fish/vendor_completions.d/gamma.fish".to_owned(), "fish"),
        ] {
            let text = fs::read_to_string(share.join(path)).unwrap();
            assert_eq!(text, format!("# gamma in {shell}\n"));
        }
        for page in ["gamma.1.gz", "gamma-more.1.gz"] {
            let page = share.join("man/man1").join(page);
            let run = sandbox
                .invoke("gzip")
                .args(["-dc", page.to_str().unwrap()])
                .run();
            assert_eq!(run.exits(0).stdout, ".TH gamma 1\n");
        }
    }
    let record = project.staged("other-1.4.0").join("release.json");
    let record: Value = serde_json::from_slice(&fs::read(record).unwrap()).unwrap();
    let glibc = record["artifacts"][0]["inspection"]["glibc"]
        .as_str()
        .unwrap();
    let status = dpkg(sandbox, &debian, &["--status", "gamma"])
        .exits(0)
        .stdout;
    let depends = status
        .lines()
        .find(|line| line.starts_with("Depends: "))
        .unwrap();
    assert!(
        depends.contains(&format!("libc6 (>= {glibc})")),
        "{depends}"
    );
    assert!(depends.ends_with(", git"), "{depends}");

    dpkg(sandbox, &debian, &["--remove", "gamma"]).exits(0);
    rpm(sandbox, &fedora, &["--erase", "gamma"]).exits(0);
    assert!(!debian.join("usr").exists());
    assert!(!fedora.join("usr/bin/gamma").exists());
}

#[test]
fn installers_are_published_and_proven_with_the_program() {
    let project = project();
    project.fixture.tag("other-v1.0.0");
    let run = project
        .quick("release other-v1.0.0 --local --format json")
        .run();
    let receipt = receipt(&run.exits(0));
    let assets = receipt["assets"].as_array().unwrap();
    let kinds: Vec<(&str, &str)> = assets
        .iter()
        .map(|asset| {
            let text = |field: &str| asset[field].as_str().unwrap();
            (text("filename"), text("kind"))
        })
        .collect();
    let (program, deb, rpm) = (
        format!("gamma-{}", platform()),
        installer("deb"),
        installer("rpm"),
    );
    assert_eq!(
        kinds,
        [
            (program.as_str(), "binary"),
            (deb.as_str(), "installer"),
            (rpm.as_str(), "installer")
        ]
    );
    let dir = project.staged("other-1.0.0");
    let rows = fs::read_to_string(dir.join("gamma.manifest")).unwrap();
    let on = platform().replace('-', "|");
    assert_eq!(
        rows,
        format!(
            "{program}|{on}|binary|{program}\n{deb}|{on}|installer|{deb}\n{rpm}|{on}|installer|{rpm}\n"
        )
    );
    let sums = project
        .sandbox
        .invoke("sha256sum")
        .args(["--check", "SHA256SUMS"]);
    let sums = sums.cwd(&dir).run().exits(0).stdout;
    for name in [&program, &deb, &rpm] {
        assert!(sums.contains(&format!("{name}: OK")), "{sums}");
    }
    // Everything is in place, and nothing is sent.
    let again = project
        .quick("release other-v1.0.0 --local --format json")
        .run()
        .exits(0);
    let uploaded = events_of(&again, "uploaded");
    assert!(
        uploaded.iter().all(|event| event["unchanged"] == true),
        "{again}"
    );
}

#[test]
fn two_builds_make_the_same_installers() {
    let digests = || {
        let project = project();
        let dir = built(&project, "1.0.0");
        ["deb", "rpm"].map(|ending| digest(&dir.join(installer(ending))))
    };
    assert_eq!(digests(), digests());
}

#[test]
fn the_plan_names_them_and_a_flag_leaves_them_out() {
    let project = project();
    let line = "plan other-v1.0.0 --allow-untagged --hub-url https://hub.example.com";
    let all = project.quick(line).run().exits(0).stdout;
    for name in [installer("deb"), installer("rpm")] {
        assert!(all.contains(&format!("file {name}\n")), "{all}");
        assert!(all.contains(&format!("<upload URL of {name}>")), "{all}");
        assert!(all.contains(&format!("<id of {name}>")), "{all}");
    }
    let without = project
        .quick(line)
        .arg("--no-installers")
        .run()
        .exits(0)
        .stdout;
    assert!(!without.contains("installer"), "{without}");
}

#[test]
fn a_program_that_does_not_do_what_is_declared_is_refused() {
    for (from, to, says) in [
        (
            "println!(\"# gamma in {shell}\")",
            "println!(\"{}\", &shell[..0])",
            "gives no completions for bash: it has printed nothing",
        ),
        (
            "[\"completions\", shell] => println!(\"# gamma in {shell}\")",
            "[\"completions\", _] => std::process::exit(7)",
            "gives no completions for bash: ",
        ),
        (
            "[\"gamma.1\", \"gamma-more.1\"]",
            "[\"gamma.txt\"]",
            "gives no man pages: it has written \"gamma.txt\"",
        ),
    ] {
        let project = project();
        project.fixture.edit("gamma/src/main.rs", from, to);
        project.fixture.commit("broken");
        project.fixture.tag("other-v1.0.0");
        project
            .quick("build other-v1.0.0")
            .run()
            .exits(4)
            .says(&[says, "hint: how the program is asked stands in"]);
        assert!(!project.staged("other-1.0.0").exists());
    }
}

#[test]
fn what_makes_an_installer_elsewhere_is_asked_for_before_the_build() {
    let project = project();
    project.fixture.tag("other-v1.0.0");
    let line = "build other-v1.0.0 --target aarch64-apple-darwin";
    project.quick(line).run().exits(3).says(&[
        "`pkgbuild` was not found on PATH",
        "product `gamma`",
        "hint: it is part of macOS",
    ]);
    let without = project.quick(line).arg("--no-installers").run().exits(3);
    assert!(!without.stderr.contains("pkgbuild"), "{without}");
}

#[test]
fn a_table_that_cannot_be_used_is_named() {
    let project = project();
    let manifest = "gamma/Cargo.toml";
    let plan = "plan other-v1.0.0 --allow-untagged --allow-dirty";
    for (from, to, says) in [
        (
            "man = [",
            "mann = [",
            "[package.metadata.atlas-release.installer]: unknown field `mann`",
        ),
        ("license = \"MIT\"\n", "", "the package needs `license`"),
        (
            "Demo Team <demo@example.com>",
            "nobody",
            "the maintainer `nobody` is not written as",
        ),
    ] {
        let text = fs::read_to_string(project.fixture.root().join(manifest)).unwrap();
        project.fixture.edit(manifest, from, to);
        project
            .quick(plan)
            .run()
            .exits(2)
            .says(&[says, "package `gamma`"]);
        project.fixture.write(manifest, &text);
    }
}

#[test]
fn a_second_build_proves_them_too() {
    let project = project();
    project.fixture.tag("other-v1.0.0");
    let line = "reproduce other-v1.0.0 --no-mold --format json";
    let run = project.atlas(line).run().exits(0);
    let document = events_of(&run, "reproduction").remove(0);
    let files: Vec<&str> = document["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file["filename"].as_str().unwrap())
        .collect();
    let program = format!("gamma-{}", platform());
    let bill = format!("{program}.cdx.json");
    assert_eq!(files, [program, installer("deb"), installer("rpm"), bill]);
    assert_eq!(document["identical"], true, "{document:#}");
}

#[test]
fn of_a_signed_program_they_are_named_as_not_proven() {
    let project = project();
    let dir = built(&project, "1.0.0");
    // The record as it is where the program was code-signed: it, and what holds it, came out as other files.
    let file = dir.join("release.json");
    let mut record: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    for artifact in record["artifacts"].as_array_mut().unwrap() {
        if artifact["kind"] == "binary" {
            artifact["before_signing"] =
                json!({"size": artifact["size"], "sha256": artifact["sha256"]});
        }
        artifact["sha256"] = json!("0".repeat(64));
    }
    fs::write(&file, record.to_string()).unwrap();
    let line = format!("reproduce --from {} --format json", file.display());
    let run = project.atlas(&line).run().exits(0);
    let document = events_of(&run, "reproduction").remove(0);
    let files = document["files"].as_array().unwrap();
    assert_eq!(files.len(), 1, "{document:#}");
    assert_eq!(files[0]["filename"], format!("gamma-{}", platform()));
    assert_eq!(document["identical"], true, "{document:#}");
    let notes = document["notes"].to_string();
    for ending in ["deb", "rpm"] {
        let why = format!(
            "{} is not proven: it holds a code-signed program",
            installer(ending)
        );
        assert!(notes.contains(&why), "{notes}");
    }
}

#[test]
fn this_program_declares_its_own() {
    let sandbox = Sandbox::new();
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let line = "plan cli-v9.9.9 --allow-untagged --allow-dirty --no-install";
    let run = atlas(&sandbox, line).cwd(repository).run().exits(0);
    for ending in ["deb", "rpm"] {
        let name = format!("file atlas-release-installer-{}.{ending}\n", platform());
        assert!(run.stdout.contains(&name), "{run}");
    }
}

#[test]
fn installers_are_signed_like_programs_and_known_by_their_names() {
    let project = project();
    let dir = built(&project, "1.0.0");
    let pair = crate::signing::Pair::new();
    pair.signs(project.atlas("sign")).run().exits(0);
    let program = format!("gamma-{}", platform());
    let signed = [program.clone(), installer("deb"), installer("rpm")];
    let rows = |file: &Path| {
        let text = fs::read_to_string(file).unwrap();
        let row = |line: &str| line.split('|').next().unwrap().to_owned();
        text.lines().map(row).collect::<Vec<_>>()
    };
    let with_signatures = signed
        .iter()
        .flat_map(|name| [name.clone(), format!("{name}.sig")]);
    let with_signatures: Vec<String> = with_signatures.collect();
    assert_eq!(rows(&dir.join("gamma.manifest")), with_signatures);
    // The same bytes keep their signatures when they are built again.
    let signature = dir.join(format!("{}.sig", installer("deb")));
    let before = fs::read(&signature).unwrap();
    project.quick("build other-v1.0.0").run().exits(0);
    assert_eq!(fs::read(&signature).unwrap(), before);
    assert_eq!(rows(&dir.join("gamma.manifest")), with_signatures);

    // By the rules for files of any other making they are the same.
    let line = format!("manifest build --product cli --from {}", dir.display());
    let run = atlas(&project.sandbox, &line).run().exits(0);
    let on = platform().replace('-', "|");
    for (name, kind) in signed.iter().zip(["binary", "installer", "installer"]) {
        let row = format!("{name}|{on}|{kind}|{name}\n");
        assert!(run.stdout.contains(&row), "{row:?} is not in {run}");
    }
}
