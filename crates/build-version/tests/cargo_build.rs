//! A package that cargo really builds: what version it gets, what it reports, and that its
//! executable carries exactly one marker although it can read markers too.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use build_version::read_marker;
use process::{AllowList, Command, Env, Output, Runner};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

const BUILD_RS: &str = "fn main() { build_version::emit() }\n";

/// Says who it is, or what marker the file named on its command line has.
const MAIN_RS: &str = r#"
fn main() {
    let build = build_version::build_info!("fixture");
    match std::env::args().nth(1).as_deref() {
        None => println!("{build}"),
        Some("json") => println!("{}", build.to_json()),
        Some(path) => match build_version::read_marker(std::fs::File::open(path).unwrap()) {
            Ok(version) => println!("0.3.1 is not what is asked for, but {version} is"),
            Err(error) => println!("{error}"),
        },
    }
}
"#;

struct Fixture {
    dir: TempDir,
    env: Env,
}

impl Fixture {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let this = Path::new(env!("CARGO_MANIFEST_DIR"));
        let manifest = format!(
            r#"
            [package]
            name = "fixture"
            version = "7.7.7"
            edition = "2024"

            [dependencies]
            build-version = {{ path = {this:?} }}

            [build-dependencies]
            build-version = {{ path = {this:?} }}

            [profile.release]
            lto = true
            codegen-units = 1
            strip = true
            panic = "abort"

            [workspace]
            "#
        );
        std::fs::create_dir(dir.path().join("src")).unwrap();
        for (name, text) in [
            ("Cargo.toml", manifest.as_str()),
            ("build.rs", BUILD_RS),
            ("src/main.rs", MAIN_RS),
            (".gitignore", "/target\n"),
        ] {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        // The workspace's own choice of dependencies: nothing is fetched.
        std::fs::copy(this.join("../../Cargo.lock"), dir.path().join("Cargo.lock")).unwrap();
        let outside = Env::capture();
        let allowed =
            AllowList::base().and(&["CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN", "RUSTC"]);
        Self {
            env: outside.allowed(&allowed),
            dir,
        }
    }

    async fn run(&self, command: Command, env: &[(&str, &str)]) -> Output {
        let env = env.iter().copied().collect();
        let command = command.cwd(self.dir.path()).envs(&self.env).envs(&env);
        Runner::default()
            .output(&command, Duration::from_secs(300))
            .await
            .unwrap()
    }

    /// Builds with these variables; the output of cargo, and the executable.
    async fn try_build(&self, args: &[&str], env: &[(&str, &str)]) -> (Output, PathBuf) {
        let cargo = Command::new("cargo")
            .args(["build", "--offline", "-v"])
            .args(args.iter().copied());
        let profile = if args.contains(&"--release") {
            "release"
        } else {
            "debug"
        };
        let bin = self.dir.path().join("target").join(profile);
        let bin = bin.join(format!("fixture{}", std::env::consts::EXE_SUFFIX));
        (self.run(cargo, env).await, bin)
    }

    async fn build(&self, args: &[&str], env: &[(&str, &str)]) -> PathBuf {
        let (output, bin) = self.try_build(args, env).await;
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        bin
    }

    async fn says(&self, bin: &Path, args: &[&str]) -> String {
        // What the environment says now must not matter to a finished program.
        let env = [("ATLAS_BUILD_VERSION", "6.6.6")];
        let command = Command::new(bin).args(args.iter().copied());
        self.run(command, &env).await.stdout_text()
    }

    async fn git(&self, args: &[&str]) -> String {
        let name = [
            "-c",
            "user.name=t",
            "-c",
            "user.email=t@example.org",
            "-c",
            "commit.gpgsign=false",
        ];
        let git = Command::new("git").args(name).args(args.iter().copied());
        let output = self.run(git, &[("GIT_CONFIG_NOSYSTEM", "1")]).await;
        assert!(output.status.success(), "{output:?}");
        output.stdout_text()
    }
}

fn marker(bin: &Path) -> String {
    read_marker(File::open(bin).unwrap()).unwrap().to_string()
}

#[tokio::test]
async fn each_build_reports_the_version_it_was_given() {
    let fixture = Fixture::new();
    for (asked, expected) in [
        (Some("v0.3.1"), "0.3.1"),
        (Some("0.3.2"), "0.3.2"),
        (None, "7.7.7"),
        (Some("0.3.3-rc.1+build.5"), "0.3.3-rc.1+build.5"),
        (Some(""), "7.7.7"),
    ] {
        let env: Vec<_> = asked
            .map(|v| ("ATLAS_BUILD_VERSION", v))
            .into_iter()
            .collect();
        let bin = fixture.build(&[], &env).await;
        assert_eq!(fixture.says(&bin, &[]).await, format!("fixture {expected}"));
        assert_eq!(marker(&bin), expected);
    }
}

#[tokio::test]
async fn a_value_that_is_no_version_fails_the_build_and_is_named() {
    let fixture = Fixture::new();
    let (output, bin) = fixture
        .try_build(&[], &[("ATLAS_BUILD_VERSION", "nightly 1")])
        .await;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(
        said.contains(r#"error: fixture@7.7.7: ATLAS_BUILD_VERSION is "nightly 1""#),
        "{said}"
    );
    assert!(
        !said.contains("panicked") && !said.contains("RUST_BACKTRACE"),
        "{said}"
    );
    assert!(!bin.exists());
}

#[tokio::test]
async fn an_optimised_and_stripped_build_keeps_exactly_one_marker() {
    let fixture = Fixture::new();
    let bin = fixture
        .build(&["--release"], &[("ATLAS_BUILD_VERSION", "v0.3.1")])
        .await;
    assert_eq!(marker(&bin), "0.3.1");
    // The reader inside that program is optimised as a whole with the marker, and finds it too.
    assert_eq!(
        fixture.says(&bin, &[bin.to_str().unwrap()]).await,
        "0.3.1 is not what is asked for, but 0.3.1 is"
    );
    assert_eq!(fixture.says(&bin, &[]).await, "fixture 0.3.1");

    let twice = [std::fs::read(&bin).unwrap(), std::fs::read(&bin).unwrap()].concat();
    assert!(matches!(
        read_marker(&twice[..]),
        Err(build_version::MarkerError::Several { count: 2 })
    ));
}

#[tokio::test]
async fn the_commit_follows_head_and_nothing_else_rebuilds() {
    let fixture = Fixture::new();
    let json = async |bin: &Path| fixture.says(bin, &["json"]).await;

    let bin = fixture.build(&[], &[]).await;
    assert!(json(&bin).await.contains(r#""commit":null"#));

    fixture.git(&["init", "-q"]).await;
    fixture.git(&["add", "."]).await;
    fixture.git(&["commit", "-qm", "one"]).await;
    // The build script has looked where there was no repository; now it is told to look again.
    let asked = "0123456789abcdef0123456789abcdef01234567";
    let bin = fixture.build(&[], &[("ATLAS_BUILD_COMMIT", asked)]).await;
    assert!(json(&bin).await.contains(asked));

    for round in ["two", "three"] {
        let bin = fixture.build(&[], &[]).await;
        let head = fixture.git(&["rev-parse", "HEAD"]).await;
        let said = json(&bin).await;
        assert!(said.contains(&format!(r#""commit":"{head}""#)), "{said}");
        assert!(said.contains(r#""rustc":"rustc 1."#), "{said}");

        // A file beside the sources is none of its concern.
        std::fs::write(fixture.dir.path().join("notes.txt"), round).unwrap();
        let (output, _) = fixture.try_build(&[], &[]).await;
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("Fresh fixture v7.7.7"), "{said}");

        fixture
            .git(&["commit", "-qm", round, "--allow-empty"])
            .await;
    }
}
