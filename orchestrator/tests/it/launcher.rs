//! Releases of a product that a command of its own makes, the whole way. Tauri's tool is played by a false one here; the
//! real one builds `examples/launcher` in `ci/launcher`.

use crate::hub_server::{TestHub, get};
use crate::signing::{Pair, assets};
use crate::support::*;
use serde_json::Value;
use signatures::Signature;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use test_support::{FakeTools, Invocation, path_without, tree};

/// A workspace with a launcher in it, and a false tool of Tauri's.
pub struct Launcher {
    pub project: Project,
    pub pair: Pair,
    pub tools: FakeTools,
}

const SETTINGS: &str =
    "\n[workspace.metadata.atlas-release.products.launcher]\nfolder = \"apps/launcher\"\n";

/// What the tool does: bundles of the version that it is given, in each place where bundles may lie. One
/// that earlier runs have made is not touched.
pub const BUNDLES: &str = r#"
[ "$1" = build ] || exit 64
while [ $# -gt 0 ]; do [ "$1" = --config ] && config=$2; shift; done
version=$(printf %s "$config" | sed 's/.*"version":"\([^"]*\)".*/\1/')
deb=$CARGO_TARGET_DIR/release/bundle/deb
rpm=src-tauri/target/release/bundle/rpm
appimage=../../target/release/bundle/appimage
mkdir -p "$deb/Demo_${version}_ARCH/data" "$rpm" "$appimage"
echo "deb $version" > "$deb/Demo_${version}_ARCH.deb"
echo inside > "$deb/Demo_${version}_ARCH/data/other.deb"
echo "rpm $version" > "$rpm/Demo-$version-1.ARCH.rpm"
echo "appimage $version" > "$appimage/Demo.AppImage"
echo "packed $version" > "$appimage/Demo.AppImage.tar.gz"
"#;

impl Launcher {
    pub fn new(settings: &str) -> Self {
        let project = Project::new();
        let pair = Pair::new();
        let key = pair.public.to_tauri();
        let config = format!(
            "{{\"version\":\"0.0.0\",\"plugins\":{{\"updater\":{{\"pubkey\":\"{key}\"}}}}}}\n"
        );
        let fixture = &project.fixture;
        fixture.write("apps/launcher/src-tauri/tauri.conf.json", &config);
        let manifest = fs::read_to_string(fixture.root().join("Cargo.toml")).unwrap();
        fixture.write("Cargo.toml", &(manifest + SETTINGS + settings));
        fixture.commit("a launcher");
        fixture.tag("launcher-v1.0.0");
        let root = project.sandbox.root();
        path_without(&root.join("path"), &["cargo-tauri", "tauri"]);
        let tools = FakeTools::new(root.join("bin"));
        let launcher = Self {
            project,
            pair,
            tools,
        };
        launcher.does(BUNDLES);
        launcher
    }

    /// The tool does this, after it has written down what it sees.
    pub fn does(&self, script: &str) {
        let seen = self.seen();
        let script = script.replace("ARCH", arch());
        let script = format!("pwd > '{0}'; env >> '{0}'\n{script}", seen.display());
        self.tools.add("tauri", &script);
    }

    pub fn seen(&self) -> PathBuf {
        self.project.sandbox.root().join("seen")
    }

    /// `atlas-release` with the tool on its `PATH`, and no other one of Tauri's.
    pub fn atlas(&self, line: &str) -> Invocation {
        self.project.atlas(line).env("PATH", self.path())
    }

    pub fn path(&self) -> OsString {
        let root = self.project.sandbox.root();
        std::env::join_paths(["bin", "path"].map(|name| root.join(name))).unwrap()
    }

    pub fn write(&self, path: &str, text: &str) {
        self.project.fixture.write(path, text);
    }

    pub fn staged(&self) -> PathBuf {
        self.project.staged("launcher-1.0.0")
    }

    /// The repository, but for what bundlers leave.
    fn is_clean(&self) {
        let changed = self.project.fixture.git(&["status", "--porcelain"]);
        let changed: Vec<&str> = changed
            .lines()
            .filter(|line| !line.contains("target/"))
            .collect();
        assert!(changed.is_empty(), "{changed:?}");
    }
}

pub fn arch() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        other => other,
    }
}

/// The names that the bundles of a version have.
fn names(version: &str) -> [String; 4] {
    [
        format!("Demo-{version}-1.{}.rpm", arch()),
        "Demo.AppImage".to_owned(),
        "Demo.AppImage.tar.gz".to_owned(),
        format!("Demo_{version}_{}.deb", arch()),
    ]
}

#[test]
fn a_statement_tells_where_bundles_come_from() {
    let launcher = Launcher::new("");
    let hub = TestHub::start();
    launcher.write("apps/launcher/src-tauri/Cargo.lock", "version = 4\n");
    let package = "[package]\nname = \"app\"\nversion = \"0.0.0\"\n";
    launcher.write("apps/launcher/src-tauri/Cargo.toml", package);
    let fixture = &launcher.project.fixture;
    fixture.commit("lock");
    fixture.git(&["tag", "--force", "launcher-v1.0.0"]);
    let release = || {
        let run = launcher.atlas("release launcher-v1.0.0");
        hub.publishes(launcher.pair.signs(run)).run().exits(0)
    };
    release();
    let path = launcher
        .staged()
        .join(format!("launcher-{}.intoto.json", platform()));
    let said = fs::read(&path).unwrap();
    let found: Value = serde_json::from_slice(&said).unwrap();
    let subjects = found["subject"].as_array().unwrap().iter();
    let subjects: Vec<_> = subjects
        .map(|one| {
            let name = one["name"].as_str().unwrap().to_owned();
            let expected = digest(&launcher.staged().join(&name));
            assert_eq!(one["digest"]["sha256"], expected, "{name}");
            name
        })
        .collect();
    let mut sorted = subjects.clone();
    sorted.sort();
    assert_eq!(sorted, names("1.0.0"), "all bundles and no signature");
    let build = &found["predicate"]["buildDefinition"];
    assert_eq!(
        build["buildType"],
        "https://atlas-release.invalid/bundle/v1"
    );
    let command = build["externalParameters"]["command"].as_array().unwrap();
    assert_eq!(command[..2], ["tauri", "build"]);
    let taken = build["resolvedDependencies"].as_array().unwrap();
    let commit = fixture.git(&["rev-parse", "HEAD"]);
    assert_eq!(taken[0]["digest"]["gitCommit"], commit.trim());
    let lock = fixture.root().join("apps/launcher/src-tauri/Cargo.lock");
    assert_eq!(taken[1]["digest"]["sha256"], digest(&lock));
    let text = String::from_utf8(said.clone()).unwrap();
    let root = launcher
        .project
        .sandbox
        .root()
        .to_string_lossy()
        .into_owned();
    assert!(!text.contains(&root), "no folder of this machine: {text}");

    let verify = || {
        let run = launcher.atlas("verify launcher-v1.0.0 --provenance --format json");
        hub.publishes(run).run().exits(0)
    };
    let proven = events_of(&verify(), "provenance").remove(0);
    assert_eq!(proven["programs"].as_array().unwrap().len(), 4);
    assert_eq!(proven["commit_checked"], true);
    // Another run of the same makes the same bundles, and the first one's statement stays.
    fs::remove_dir_all(launcher.project.sandbox.dist_dir()).unwrap();
    let run = launcher.atlas("build launcher-v1.0.0 --no-documents");
    run.run().exits(0);
    assert!(!path.exists());
    release().says(&["is published already, from another run"]);
    assert_eq!(fs::read(&path).unwrap(), said);
}

#[test]
fn bundles_of_the_tags_version_go_the_whole_way() {
    let launcher = Launcher::new("");
    let hub = TestHub::start();
    // What earlier runs have left, also under the names of today.
    let old = format!("Demo_0.9.0_{}.deb", arch());
    for stale in [
        format!("target/release/bundle/deb/{old}"),
        format!("target/release/bundle/deb/{old}.sig"),
        format!("apps/launcher/src-tauri/target/release/bundle/deb/Old_{old}"),
        "target/release/bundle/appimage/Demo.AppImage.sig".to_owned(),
        "target/release/bundle/appimage/Demo.AppImage".to_owned(),
    ] {
        launcher.write(&stale, "of an earlier run");
    }
    let run = launcher.atlas("release launcher-v1.0.0 --format json");
    let run = hub.publishes(launcher.pair.signs(run)).run().exits(0);

    let config = r#"build --config {"version":"1.0.0"}"#;
    assert_eq!(launcher.tools.calls("tauri"), [config]);
    let seen = fs::read_to_string(launcher.seen()).unwrap();
    let folder = launcher.project.fixture.root().join("apps/launcher");
    assert_eq!(seen.lines().next().unwrap(), folder.display().to_string());
    for line in [
        "ATLAS_BUILD_VERSION=1.0.0",
        "CI=true",
        "CARGO_INCREMENTAL=0",
    ] {
        assert!(
            seen.lines().any(|seen| seen == line),
            "{line} is not in {seen}"
        );
    }
    for secret in ["PRIVATE_KEY", "DEPLOY_TOKEN"] {
        assert!(!seen.contains(secret), "{seen}");
    }
    launcher.is_clean();

    let staged = launcher.staged();
    let mut expected = Vec::new();
    for name in names("1.0.0") {
        let kind = match name.ends_with(".gz") {
            true => "binary",
            false => "installer",
        };
        expected.push((name.clone(), kind.to_owned()));
        expected.push((format!("{name}.sig"), "signature".to_owned()));
    }
    let statement = format!("launcher-{}.intoto.json", platform());
    expected.push((statement.clone(), "other".to_owned()));
    expected.push((format!("{statement}.sig"), "signature".to_owned()));
    expected.sort();
    assert_eq!(assets(&hub, "launcher", "1.0.0"), expected);
    let manifest = fs::read_to_string(staged.join("launcher.manifest")).unwrap();
    assert_eq!(manifest.lines().count(), 10);
    let sums = launcher.project.sandbox.invoke("sha256sum");
    sums.args(["--check", "SHA256SUMS"])
        .cwd(&staged)
        .run()
        .exits(0);
    let record: Value =
        serde_json::from_slice(&fs::read(staged.join("release.json")).unwrap()).unwrap();
    assert_eq!(record["version"], "1.0.0");
    assert_eq!(record["environment"]["ATLAS_BUILD_VERSION"], "1.0.0");
    assert_eq!(record["public_key"], launcher.pair.public.to_tauri());
    assert_eq!(receipt(&run)["products"], serde_json::json!(["launcher"]));

    // What installed launchers are told: each address serves the bytes that its signature is of.
    let url = format!("{}/api/v1/launcher/updates/{}", hub.url(), platform_path());
    let (status, body) = get(&url);
    assert_eq!(status, 200);
    let update: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(update["version"], "1.0.0");
    let platforms = update["platforms"].as_object().unwrap();
    for bundle in ["deb", "rpm", "appimage"] {
        let ending = format!("-{bundle}");
        assert!(
            platforms.keys().any(|key| key.ends_with(&ending)),
            "{update}"
        );
    }
    for file in platforms.values() {
        let signature: Signature = file["signature"].as_str().unwrap().parse().unwrap();
        let (status, bytes) = get(file["url"].as_str().unwrap());
        assert_eq!(status, 200);
        let said = signature.verify(&launcher.pair.public, &bytes[..]).unwrap();
        assert_eq!(said.version.as_deref(), Some("1.0.0"));
    }

    // The second run makes the same bytes, and changes nothing.
    let again = launcher.atlas("release launcher-v1.0.0 --format json");
    let again = hub.publishes(launcher.pair.signs(again)).run().exits(0);
    let unchanged = events_of(&again, "uploaded");
    assert!(
        unchanged.iter().all(|event| event["unchanged"] == true),
        "{again}"
    );
}

#[test]
fn in_steps_of_their_own_and_on_an_embedded_hub() {
    let launcher = Launcher::new("");
    launcher
        .atlas("build launcher-v1.0.0")
        .run()
        .exits(0)
        .says(&["built"]);
    let publish = || launcher.atlas("publish launcher-v1.0.0 --local");
    publish().run().exits(5).says(&["Demo.AppImage.tar.gz"]);
    let sign = launcher.atlas("sign launcher-v1.0.0");
    launcher.pair.signs(sign).run().exits(0).says(&["signed"]);
    publish().run().exits(0);
    launcher
        .atlas("verify launcher-v1.0.0 --local")
        .run()
        .exits(0);
    // Without dist/ the workspace says what the tag is of.
    fs::remove_dir_all(launcher.project.sandbox.dist_dir()).unwrap();
    launcher
        .atlas("verify launcher-v1.0.0 --local")
        .run()
        .exits(0);
    let run = launcher.atlas("reproduce launcher-v1.0.0").run().exits(2);
    run.says(&["`launcher` is made by a command of its own"]);
}

#[test]
fn a_plan_shows_the_command_and_does_nothing() {
    let launcher = Launcher::new("");
    let run = launcher
        .atlas("plan launcher-v1.0.0 --local --format json")
        .run();
    let plans = events_of(&run.exits(0), "bundle-plan");
    let product = &plans[0]["products"][0];
    assert_eq!(product["product"], "launcher");
    let words = product["command"].as_array().unwrap();
    assert_eq!(words.last().unwrap(), r#"{"version":"1.0.0"}"#);
    let run = launcher
        .atlas("release launcher-v1.0.0 --local --dry-run")
        .run()
        .exits(0);
    assert!(run.stdout.contains("tauri build --config"), "{run}");
    launcher
        .atlas("build launcher-v1.0.0 --dry-run")
        .run()
        .exits(0);
    assert!(launcher.tools.calls("tauri").is_empty());
    assert!(!launcher.staged().exists());
}

#[test]
fn a_killed_run_leaves_the_configuration_as_it_was() {
    let launcher = Launcher::new("");
    let root = launcher.project.fixture.root().to_owned();
    let hold = launcher.project.sandbox.root().join("hold");
    fs::write(&hold, "").unwrap();
    let script = format!(
        "echo begun; while [ -e '{}' ]; do sleep 0.1; done",
        hold.display()
    );
    launcher.does(&script);
    let before = tree(&root);
    let run = launcher.atlas("build launcher-v1.0.0").start();
    run.stderr_line("begun");
    // This kills it, and nothing of it can put anything away.
    drop(run);
    let now = tree(&root);
    fs::remove_file(&hold).unwrap();
    let own = |name: &String| !name.starts_with("target") && !name.starts_with(".git/");
    let changed = |one: &String| own(one) && before.get(one) != now.get(one);
    let all: Vec<&String> = before
        .keys()
        .chain(now.keys())
        .filter(|one| changed(one))
        .collect();
    assert!(all.is_empty(), "{all:?}");
    // What was begun stands in nobody's way.
    let script = BUNDLES.to_owned();
    launcher.does(&script);
    launcher.atlas("build launcher-v1.0.0").run().exits(0);
}
