//! `verify --provenance`: every program of a release has documents about these very bytes, whoever has
//! published it, and what is wrong with one is refused with what was expected and what was found.

use crate::hub_server::TestHub;
use crate::proven_files::published_files;
use crate::signing::Pair;
use crate::support::*;
use release_types::Sha256Digest;
use serde_json::{Value, json};
use std::fs;
use test_support::{Finished, Sandbox};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const BUILDER: &str =
    "https://github.com/owner/demo/.github/workflows/release.yml@refs/tags/demo-v1";
pub const PROGRAM: &[u8] = b"a program";
pub const STATEMENT: &str = "one.intoto.json";
pub const SBOM: &str = "one.cdx.json";

pub fn digest_of(bytes: &[u8]) -> String {
    Sha256Digest::of(bytes).to_string()
}

/// What a build of `alpha` 1.0.0 would say of its program.
pub fn statement() -> Value {
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "one", "digest": {"sha256": digest_of(PROGRAM)}}],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": "https://atlas-release.invalid/build/v1",
                "externalParameters":
                    {"product": "alpha", "version": "1.0.0", "platform": "linux-x64"},
                "resolvedDependencies": [{"name": "source", "digest": {"gitCommit": COMMIT}}],
            },
            "runDetails": {"builder": {"id": BUILDER}},
        },
    })
}

pub fn sbom() -> Value {
    json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "metadata": {"component": {
            "type": "application", "name": "one",
            "hashes": [{"alg": "SHA-256", "content": digest_of(PROGRAM)}],
        }},
        "components": [],
    })
}

/// A Hub with `alpha` 1.0.0, of one program and these documents.
fn published(documents: &[(&str, Vec<u8>)]) -> TestHub {
    let documents = documents.iter();
    let documents = documents.map(|(name, bytes)| (*name, "linux|x64|other", &bytes[..]));
    let mut files = vec![("one", "linux|x64|binary", PROGRAM)];
    files.extend(documents);
    published_files(&files)
}

pub fn bytes(value: &Value) -> Vec<u8> {
    serde_json::to_vec(value).unwrap()
}

/// `verify --provenance` of it, on a machine that has the Hub's address and nothing else.
pub fn verify(hub: &TestHub, more: &str) -> Finished {
    let sandbox = Sandbox::new();
    let line = format!("verify 1.0.0 --product alpha --provenance {more}");
    atlas(&sandbox, &line).env("ATLAS_HUB_URL", hub.url()).run()
}

#[test]
fn documents_that_are_right_are_told_before_the_receipt() {
    let hub = published(&[(STATEMENT, bytes(&statement())), (SBOM, bytes(&sbom()))]);
    let more = format!("--builder https://github.com/owner/demo/ --commit {COMMIT}");
    let run = verify(&hub, &format!("{more} --format json")).exits(0);
    let proven = &events_of(&run, "provenance")[0];
    assert_eq!(proven["commit"], COMMIT);
    assert_eq!(proven["commit_checked"], true);
    let [program] = &proven["programs"].as_array().unwrap()[..] else {
        panic!("{proven}");
    };
    assert_eq!(program["builder"], BUILDER);
    assert_eq!(program["sha256"], digest_of(PROGRAM));
    assert_eq!(program["documents"], json!([STATEMENT, SBOM]));
    assert_eq!(program["signed"], false);
    assert_eq!(receipt(&run)["version"], "1.0.0");

    // What nobody has said is not looked at, and that is said.
    let run = verify(&hub, "").exits(0);
    let run = run.says(&[
        "the commit was compared with nothing",
        "who has built it was compared with nothing",
        "the word of whoever has published them",
    ]);
    assert!(run.stdout.contains("it was not compared"), "{run}");
    assert!(run.stdout.contains(&format!("built by {BUILDER}")), "{run}");
}

#[test]
fn a_statement_of_something_else_is_refused() {
    let other = "fedcba9876543210fedcba9876543210fedcba98";
    for (pointer, value, says) in [
        (
            "/subject/0/digest/sha256",
            digest_of(b"another program"),
            "the digest of its subject: expected",
        ),
        (
            "/predicate/buildDefinition/resolvedDependencies/0/digest/gitCommit",
            other.to_owned(),
            "commit: expected `0123456789abcdef0123456789abcdef01234567`, found `fedcba98",
        ),
        (
            "/predicate/runDetails/builder/id",
            "https://github.com/owner/demo-evil/.github/workflows/release.yml@refs/heads/x"
                .to_owned(),
            "builder: expected `https://github.com/owner/demo…`, found `https://github.com/owner/demo-evil/",
        ),
        (
            "/predicate/buildDefinition/externalParameters/version",
            "1.0.1".to_owned(),
            "version: expected `1.0.0`, found `1.0.1`",
        ),
        (
            "/predicate/buildDefinition/buildType",
            "https://example.com/other".to_owned(),
            "buildType: expected",
        ),
    ] {
        let mut said = statement();
        *said.pointer_mut(pointer).unwrap() = value.into();
        let hub = published(&[(STATEMENT, bytes(&said)), (SBOM, bytes(&sbom()))]);
        let more = format!("--builder https://github.com/owner/demo --commit {COMMIT}");
        verify(&hub, &more).exits(8).says(&[
            "where the programs come from is not proven",
            STATEMENT,
            says,
        ]);
    }
}

#[test]
fn documents_that_are_missing_or_none_are_refused() {
    let good = (STATEMENT, bytes(&statement()));
    let list = (SBOM, bytes(&sbom()));
    let mut other = sbom();
    other["metadata"]["component"]["hashes"][0]["content"] = digest_of(b"x").into();
    let deep = [b"[".repeat(100_000), b"]".repeat(100_000)].concat();
    for (documents, name, says) in [
        (
            vec![list.clone()],
            STATEMENT,
            "expected such a file, found none",
        ),
        (vec![good.clone()], SBOM, "expected such a file, found none"),
        (
            vec![(STATEMENT, b"{\"_type\":".to_vec()), list.clone()],
            STATEMENT,
            "it is no statement of provenance",
        ),
        (
            vec![(STATEMENT, deep.clone()), list.clone()],
            STATEMENT,
            "it is no statement of provenance",
        ),
        (
            vec![good.clone(), (SBOM, deep)],
            SBOM,
            "it is no CycloneDX document",
        ),
        (
            vec![good.clone(), (SBOM, bytes(&other))],
            SBOM,
            "the digest of what it is about: expected",
        ),
        (
            vec![(STATEMENT, vec![b' '; 64 << 20]), list.clone()],
            STATEMENT,
            "expected at most 1048576 bytes, found 67108864",
        ),
    ] {
        let hub = published(&documents);
        verify(&hub, "")
            .exits(8)
            .says(&[&format!("{name}: {says}")]);
    }
    // All of it in one list.
    verify(&published(&[]), "").exits(8).says(&[
        "alpha for linux-x64: one.intoto.json",
        "alpha for linux-x64: one.cdx.json",
    ]);
}

#[test]
fn flags_that_cannot_be_meant_are_refused() {
    let sandbox = Sandbox::new();
    for (line, says) in [
        ("--builder https://x/y", "--provenance"),
        ("--provenance --commit 0123", "40 or 64 hexadecimal digits"),
        ("--provenance --builder me", "--builder is \"me\""),
        ("--provenance --sample 1", "--sample"),
    ] {
        let line = format!("verify 1.0.0 --product alpha --hub-url http://127.0.0.1:9 {line}");
        atlas(&sandbox, &line).run().exits(2).says(&[says]);
    }
}

/// A workspace with a real statement for each program, and no list of crates.
fn project() -> Project {
    let project = Project::new();
    let section = "[workspace.metadata.atlas-release]\nsbom = false\n\n# Quick";
    project.fixture.edit("Cargo.toml", "# Quick", section);
    project.fixture.commit("say what documents there are");
    project.fixture.tag("demo-v1.0.0");
    project
}

fn statement_of(project: &Project, product: &str) -> Value {
    let name = format!("{product}-{}.intoto.json", platform());
    let text = fs::read(project.staged("demo-1.0.0").join(name)).unwrap();
    serde_json::from_slice(&text).unwrap()
}

/// The variables of a job that builds the tag.
fn in_a_job(invocation: test_support::Invocation, commit: &str) -> test_support::Invocation {
    [
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_SERVER_URL", "https://github.com"),
        ("GITHUB_REPOSITORY", "owner/demo"),
        ("GITHUB_REF", "refs/tags/demo-v1.0.0"),
        (
            "GITHUB_WORKFLOW_REF",
            "owner/demo/.github/workflows/r.yml@refs/tags/demo-v1.0.0",
        ),
        ("GITHUB_RUN_ID", "42"),
        ("GITHUB_SHA", commit),
        ("RUNNER_ENVIRONMENT", "github-hosted"),
    ]
    .into_iter()
    .fold(invocation, |invocation, (name, value)| {
        invocation.env(name, value)
    })
}

#[test]
fn what_is_released_is_proven_to_come_from_its_tag() {
    let (project, hub) = (project(), TestHub::start());
    let commit = project
        .fixture
        .git(&["rev-parse", "HEAD"])
        .trim()
        .to_owned();
    let release = || {
        let line = "release demo-v1.0.0 --format json";
        let run = in_a_job(project.quick_with_documents(line), &commit);
        hub.publishes(run).run().exits(0)
    };
    let first = receipt(&release());
    let names = crate::verifying::filenames(&first["assets"]);
    assert_eq!(names.len(), 4, "{names:?}");
    let kinds: Vec<_> = first["assets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|a| &a["kind"])
        .collect();
    assert_eq!(kinds, ["binary", "other", "binary", "other"]);
    for product in ["alpha", "beta"] {
        let said = statement_of(&project, product);
        let program = format!("{product}-{}", platform());
        assert_eq!(said["subject"][0]["name"], program);
        let file = project.staged("demo-1.0.0").join(&program);
        assert_eq!(said["subject"][0]["digest"]["sha256"], digest(&file));
        let text = said.to_string();
        let root = project.sandbox.root().to_string_lossy().into_owned();
        assert!(!text.contains(&root), "no folder of this machine: {text}");
    }
    // The same run once more has nothing new to say: what is published stays as it is.
    let before = statement_of(&project, "alpha");
    let again = receipt(&release());
    assert_eq!(
        crate::release_local::ids(&first),
        crate::release_local::ids(&again)
    );
    assert_eq!(statement_of(&project, "alpha"), before);
    let verify = |more: &str| {
        let run = project.atlas(&format!("verify {more} --provenance --format json"));
        in_a_job(hub.publishes(run), &commit).run()
    };
    // By what dist/ has, and by the Hub alone with the tag in the repository here.
    for line in ["demo-v1.0.0", "1.0.0 --product alpha --product beta"] {
        let proven = &events_of(&verify(line).exits(0), "provenance")[0];
        // Nothing tells the group of a bare version, nor its tag.
        assert_eq!(proven["commit_checked"], line == "demo-v1.0.0");
        assert_eq!(proven["commit"], commit.as_str());
        assert_eq!(proven["builder"], "https://github.com/owner/demo/");
        assert_eq!(proven["programs"].as_array().unwrap().len(), 2);
    }
    fs::remove_dir_all(project.sandbox.dist_dir()).unwrap();
    let proven = &events_of(&verify("demo-v1.0.0").exits(0), "provenance")[0];
    assert_eq!(proven["commit_checked"], true, "by the tag here: {proven}");

    // Somewhere else the same bytes are made by another run: the first one's statement stays.
    let run = hub.publishes(project.quick_with_documents("release demo-v1.0.0"));
    run.run()
        .exits(0)
        .says(&["is published already, from another run"]);
    assert_eq!(statement_of(&project, "alpha"), before);
    // A tag that is elsewhere by now is another commit.
    project.fixture.write("more", "");
    project.fixture.commit("more");
    project.fixture.git(&["tag", "--force", "demo-v1.0.0"]);
    fs::remove_dir_all(project.sandbox.dist_dir()).unwrap();
    verify("demo-v1.0.0").exits(8);
    // What the Hub has of the same bytes names that other commit: it is not taken over for this one's.
    let run = hub.publishes(project.quick_with_documents("release demo-v1.0.0"));
    let run = run.run().exits(6).says(&["alpha", ".intoto.json"]);
    assert!(!run.stderr.contains("from another run"), "{run}");
}

/// Whoever may publish puts a statement there, and whoever has the key would sign it.
#[test]
fn a_statement_of_the_hubs_without_a_good_signature_is_not_taken_over() {
    let (project, hub, pair) = (project(), TestHub::start(), Pair::new());
    let run = hub.publishes(project.quick_with_documents("release demo-v1.0.0"));
    run.run().exits(0);
    fs::remove_dir_all(project.sandbox.dist_dir()).unwrap();
    // The very same release, by somebody who has a key.
    let run = project.quick_with_documents("release demo-v1.0.0");
    let run = pair.signs(hub.publishes(run)).run().exits(6);
    assert!(!run.stderr.contains("from another run"), "{run}");
}

#[test]
fn statements_are_signed_with_the_programs_and_asked_for_with_a_key() {
    let (project, hub, pair) = (project(), TestHub::start(), Pair::new());
    let key = pair.public.to_tauri();
    let section = format!("sbom = false\npublic-key = \"{key}\"");
    project.fixture.edit("Cargo.toml", "sbom = false", &section);
    project.fixture.commit("name the key");
    project.fixture.git(&["tag", "--force", "demo-v1.0.0"]);
    let release = || {
        let run = project.quick_with_documents("release demo-v1.0.0 --format json");
        pair.signs(hub.publishes(run)).run().exits(0)
    };
    let first = receipt(&release());
    let names = crate::verifying::filenames(&first["assets"]);
    let signature = format!("alpha-{}.intoto.json.sig", platform());
    assert!(names.contains(&signature), "{names:?}");
    let verify = || hub.publishes(project.atlas("verify demo-v1.0.0 --provenance --format json"));
    let proven = events_of(&verify().run().exits(0), "provenance").remove(0);
    assert!(
        proven["programs"]
            .as_array()
            .unwrap()
            .iter()
            .all(|one| one["signed"] == true)
    );
    // Another machine has another run, and keeps the statement with its signature.
    fs::remove_dir_all(project.sandbox.dist_dir()).unwrap();
    let again = receipt(&release());
    assert_eq!(
        crate::release_local::ids(&first),
        crate::release_local::ids(&again)
    );
    verify().run().exits(0);
}

#[test]
fn a_workspace_or_a_flag_says_which_documents_there_are() {
    let project = Project::tagged("demo-v1.0.0");
    let planned = |line: &str| {
        let run = project.quick_with_documents(&format!("plan demo-v1.0.0 --format json {line}"));
        let plan = events_of(&run.run().exits(0), "plan").remove(0);
        let documents = plan["products"][0]["documents"].as_array().cloned();
        let forms = documents.unwrap_or_default().into_iter();
        forms
            .map(|one| one["form"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert!(planned("").contains(&"provenance".to_owned()));
    assert!(planned("--no-documents").is_empty());
    let section = "[workspace.metadata.atlas-release]\nprovenance = false\nsbom = false\n\n# Quick";
    project.fixture.edit("Cargo.toml", "# Quick", section);
    project.fixture.commit("no documents");
    project.fixture.git(&["tag", "--force", "demo-v1.0.0"]);
    assert!(planned("").is_empty());
    // There is nothing to compare then.
    let run = project.atlas("verify demo-v1.0.0 --provenance --local");
    run.run().exits(2).says(&["`provenance = false`"]);
}
