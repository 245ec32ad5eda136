//! The program under test in a place of its own, and how its answers are read.

use boon::{Compiler, SchemaIndex, Schemas};
use release_types::Sha256Digest;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use test_support::{Finished, Fixture, Invocation, Sandbox, copy_tree, tree};

/// The program under test.
pub const ATLAS_RELEASE: &str = env!("CARGO_BIN_EXE_atlas-release");

/// For tests that are about neither the tools nor documents: as few of them as possible.
const QUICK: [&str; 4] = [
    "--no-mold",
    "--no-sccache",
    "--no-install",
    "--no-documents",
];

/// A workspace to release, and folders for what is made of it.
pub struct Project {
    pub sandbox: Sandbox,
    pub fixture: Fixture,
}

impl Project {
    pub fn new() -> Self {
        let sandbox = Sandbox::new();
        let fixture = Fixture::new(&sandbox);
        Self { sandbox, fixture }
    }

    /// With this tag at `HEAD`.
    pub fn tagged(tag: &str) -> Self {
        let project = Self::new();
        project.fixture.tag(tag);
        project
    }

    /// `atlas-release` with the words of a line, in the workspace, with folders of the sandbox.
    pub fn atlas(&self, line: &str) -> Invocation {
        atlas(&self.sandbox, line)
            .cwd(self.fixture.root())
            .arg("--target-dir")
            .arg(self.sandbox.root().join("target"))
    }

    /// The same for a command that may build, with as few tools as possible.
    pub fn quick(&self, line: &str) -> Invocation {
        self.atlas(line).args(QUICK)
    }

    /// The same with the documents that go with programs.
    pub fn quick_with_documents(&self, line: &str) -> Invocation {
        self.atlas(line).args(&QUICK[..3])
    }

    /// A platform's folder in `dist/`.
    pub fn staged(&self, release: &str) -> PathBuf {
        self.sandbox.dist_dir().join(release).join(platform())
    }

    /// All that a run could change: the workspace with its repository, and the folders beside it.
    pub fn everything(&self) -> BTreeMap<String, Vec<u8>> {
        tree(self.sandbox.root())
    }

    /// Nothing has changed since then.
    #[track_caller]
    pub fn is_still(&self, before: &BTreeMap<String, Vec<u8>>) {
        let now = self.everything();
        let all = before.keys().chain(now.keys());
        let changed: Vec<&String> = all
            .filter(|name| before.get(*name) != now.get(*name))
            .collect();
        assert!(changed.is_empty(), "changed: {changed:?}");
    }
}

/// `atlas-release` with the words of a line, with folders of the sandbox.
pub fn atlas(sandbox: &Sandbox, line: &str) -> Invocation {
    sandbox
        .invoke(ATLAS_RELEASE)
        .args(line.split_whitespace())
        .arg("--state-dir")
        .arg(sandbox.state_dir())
        .arg("--dist-dir")
        .arg(sandbox.dist_dir())
}

/// Files with a line of their own each, in a folder of the sandbox.
pub fn made_files(sandbox: &Sandbox, folder: &str, names: &[&str]) {
    for name in names {
        let path = sandbox.root().join(folder).join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, format!("bytes of {name}\n")).unwrap();
    }
}

/// Puts the release `demo-v0.1.0` into the sandbox's `dist/` as if it had been built here, and
/// returns the folder of its platform. It is built once for all tests.
pub fn staged_release(sandbox: &Sandbox) -> PathBuf {
    let shared = Path::new(env!("CARGO_TARGET_TMPDIR")).join("staged-release");
    fs::create_dir_all(&shared).unwrap();
    // Tests are processes of their own, so the first one builds while the others wait.
    let lock = File::create(shared.join("lock")).unwrap();
    lock.lock().unwrap();
    let (key, dist) = (shared.join("made-by"), shared.join("dist"));
    let makers = [Path::new(ATLAS_RELEASE), &std::env::current_exe().unwrap()].map(|program| {
        let meta = program.metadata().unwrap();
        format!("{:?} {}", meta.modified().unwrap(), meta.len())
    });
    if fs::read_to_string(&key).ok() != Some(makers.join("\n")) {
        if dist.exists() {
            fs::remove_dir_all(&dist).unwrap();
        }
        let project = Project::tagged("demo-v0.1.0");
        project.quick("build demo-v0.1.0").run().exits(0);
        copy_tree(&project.sandbox.dist_dir(), &dist);
        fs::write(&key, makers.join("\n")).unwrap();
    }
    copy_tree(&dist, &sandbox.dist_dir());
    sandbox.dist_dir().join("demo-0.1.0").join(platform())
}

/// This machine's platform, as releases name it.
pub fn platform() -> String {
    format!("{}-{}", std::env::consts::OS, arch())
}

/// This machine's platform, as the Hub's paths name it.
pub fn platform_path() -> String {
    format!("{}/{}", std::env::consts::OS, arch())
}

fn arch() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// The events of a run with `--format json`: every line of its standard output has to be one, as
/// `docs/events.schema.json` describes it.
#[track_caller]
pub fn events(run: &Finished) -> Vec<Value> {
    let (schemas, events) = event_schema();
    let event = |line: &str| {
        let value: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {run}"));
        assert!(value["event"].is_string(), "{line} in {run}");
        if let Err(why) = schemas.validate(&value, events) {
            panic!("{line}\nis not what docs/events.schema.json says: {why:#}");
        }
        value
    };
    run.stdout.lines().map(event).collect()
}

fn event_schema() -> (Schemas, SchemaIndex) {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let text = fs::read(repository.join("docs/events.schema.json")).unwrap();
    let (mut compiler, mut schemas) = (Compiler::new(), Schemas::new());
    let (url, text) = ("file:///events.schema.json", serde_json::from_slice(&text));
    compiler.add_resource(url, text.unwrap()).unwrap();
    let events = compiler.compile(url, &mut schemas).unwrap();
    (schemas, events)
}

/// The events of one kind.
#[track_caller]
pub fn events_of(run: &Finished, kind: &str) -> Vec<Value> {
    let mut events = events(run);
    events.retain(|event| event["event"] == kind);
    events
}

/// The last event, which has to be the receipt.
#[track_caller]
pub fn receipt(run: &Finished) -> Value {
    let last = events(run).pop().unwrap();
    assert_eq!(last["event"], "receipt", "{run}");
    last
}

/// The digest of a file.
pub fn digest(path: &Path) -> String {
    Sha256Digest::of(&fs::read(path).unwrap()).to_string()
}

/// A run as a user sees it.
pub fn shown(run: &Finished) -> String {
    let code = run.code.map_or("by a signal".to_owned(), |c| c.to_string());
    let mut text = format!("exit {code}\n");
    for (name, stream) in [("stdout", &run.stdout), ("stderr", &run.stderr)] {
        if !stream.is_empty() {
            text += &format!("--- {name}\n{stream}");
        }
    }
    text
}

/// For as long as the value lives, snapshots show words for what differs from run to run.
#[must_use]
pub fn redacted(sandbox: &Sandbox) -> impl Drop + use<> {
    let mut settings = insta::Settings::clone_current();
    let root = sandbox.root().to_string_lossy();
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for (what, word) in [
        (&*root, "[SANDBOX]"),
        (&*repository.to_string_lossy(), "[REPOSITORY]"),
        (&*platform(), "[PLATFORM]"),
        (&*platform_path(), "[OS]/[ARCH]"),
    ] {
        settings.add_filter(&what.replace('.', r"\."), word);
    }
    for (pattern, word) in [
        (r"\b[0-9a-f]{64}\b", "[SHA256]"),
        (r"\b[0-9a-f]{40}\b", "[COMMIT]"),
        (r"\b[0-9a-f]{12}\b", "[SHORT COMMIT]"),
        (r"\+g[0-9a-f]{12}\b", "+g[SHORT COMMIT]"),
        (r"\bdl_[0-9a-f]{32}\b", "[DOWNLOAD ID]"),
        (r"\d{4}-\d\d-\d\dT[0-9:.]+Z", "[TIME]"),
        (r"127\.0\.0\.1:\d+", "[ADDRESS]"),
        (r"process \d+", "process [PID]"),
        (r"\d+ bytes", "[SIZE] bytes"),
        (r"in \d+\.\d+s", "in [TIME]"),
        (r"\b\w+-(unknown-linux-gnu|apple-darwin)\b", "[TRIPLE]"),
    ] {
        settings.add_filter(pattern, word);
    }
    settings.bind_to_scope()
}
