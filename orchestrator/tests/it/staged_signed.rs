//! Staging programs that are code-signed: everything is over the signed bytes, and what they were before is
//! recorded, kept, and what `reproduce` compares with.

use crate::signing_machine::{Machine, THUMB, TIME_URL};
use crate::support::*;
use atlas_release::build::{Built, build};
use atlas_release::code_sign::{CodeSigned, CodeSigning, SigningTool};
use atlas_release::context::World;
use atlas_release::dist::{self, ReleaseRecord};
use atlas_release::events::HumanReporter;
use atlas_release::installers::Made;
use atlas_release::plan::{Facts, Plan, plan};
use atlas_release::settings::BuildSettings;
use atlas_release::toolchain::{self, Wanted, find, installers};
use atlas_release::{products, select};
use process::Runner;
use release_types::Sha256Digest;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

/// What is built for the tests, with all that staging asks for.
async fn built(project: &Project) -> (Plan, Built) {
    let mut world = World::capture(Runner::default()).unwrap();
    world.env = project.sandbox.env().clone();
    world.cwd = project.fixture.root().to_owned();
    world.exe = ATLAS_RELEASE.into();
    let (state_dir, dist_dir) = (project.sandbox.state_dir(), project.sandbox.dist_dir());
    let workspace = products::read(&world).await.unwrap();
    let found = find(&world, &state_dir).await.unwrap();
    let request = select::Request {
        tag: Some("demo-v0.1.0".to_owned()),
        allow_untagged: true,
        ..select::Request::default()
    };
    let selected = select::select(&world, &workspace, &request).await.unwrap();
    let wanted = Wanted {
        mold: false,
        sccache: false,
        install: false,
        cache_stall: Duration::from_secs(60),
    };
    let plan = plan(&Facts {
        host: world.host,
        workspace: &workspace,
        repository: project.fixture.root(),
        selected: &selected,
        found: &found,
        installers: &installers(&world, false),
        build: &BuildSettings {
            installers: false,
            auditable: None,
            documents: false,
            target: world.host,
            target_dir: Some(project.sandbox.root().join("target")),
            wanted,
        },
        dist_dir: &dist_dir,
        state_dir: &state_dir,
        cargo_home: &world.cargo_home().unwrap(),
        github_cache: false,
        debug_is_said: false,
        hub: None,
        publishes: false,
        has_key: false,
    });
    let (plan, reporter) = (plan.unwrap(), HumanReporter::default());
    let policy = plan.policy.clone();
    let tools = toolchain::ensure(&world, found, wanted, policy, &state_dir, &reporter);
    let built = build(&world, &plan, tools.await.unwrap(), &reporter).await;
    (plan, built.unwrap())
}

/// What a signing tool would have made: each program with something at its end.
fn signed(project: &Project, built: &Built) -> CodeSigned {
    let mut files = Vec::new();
    for product in &built.products {
        let name = product.planned.filename.as_str();
        let path: PathBuf = project.sandbox.root().join(format!("signed-{name}"));
        let mut bytes = fs::read(&product.executable).unwrap();
        let before = atlas_release::code_sign::BeforeSigning {
            size: bytes.len() as u64,
            sha256: Sha256Digest::of(&bytes),
        };
        bytes.extend(b"a signature");
        fs::write(&path, bytes).unwrap();
        files.push((path, before));
    }
    let tool = SigningTool {
        name: "signtool".to_owned(),
        version: "10.0".to_owned(),
    };
    let signing = CodeSigning {
        tools: vec![tool],
        identity: "CN=Example Ltd".to_owned(),
        certificate: THUMB.to_owned(),
        timestamp: TIME_URL.to_owned(),
        notarization: None,
    };
    CodeSigned::earlier(signing, files)
}

#[tokio::test]
async fn all_is_over_the_signed_bytes_and_the_signed_files_are_kept() {
    let project = Project::new();
    let (plan, built) = built(&project).await;
    let signed = signed(&project, &built);
    let (staged, _) = dist::stage(
        &plan,
        &built,
        (&Made::default(), &Default::default()),
        Some(&signed),
    )
    .unwrap();
    let record: ReleaseRecord = dist::read_record_file(&staged.dir.join("release.json")).unwrap();
    assert_eq!(record.code_signing.as_ref(), Some(&signed.signing));
    for (artifact, product) in record.artifacts.iter().zip(&built.products) {
        let path = staged.dir.join(artifact.filename.as_str());
        assert_eq!(artifact.sha256.to_string(), digest(&path));
        assert!(fs::read(&path).unwrap().ends_with(b"a signature"));
        let before = artifact.before_signing.unwrap();
        assert_eq!(before.sha256.to_string(), digest(&product.executable));
    }
    let sums = project
        .sandbox
        .invoke("sha256sum")
        .args(["--check", "SHA256SUMS"]);
    sums.cwd(&staged.dir).run().exits(0);

    // The same programs are not signed anew, which would make other files of them.
    let machine = Machine::windows();
    let kept = dist::code_signed_before(&plan, &built, &machine.signer()).unwrap();
    assert_eq!(kept.signing, signed.signing);
    let before = fs::read(staged.dir.join("release.json")).unwrap();
    let (again, _) = dist::stage(
        &plan,
        &built,
        (&Made::default(), &Default::default()),
        Some(&kept),
    )
    .unwrap();
    assert_eq!(fs::read(again.dir.join("release.json")).unwrap(), before);

    // Signed otherwise, changed, or of other bytes they are.
    let mut elsewhere = Machine::windows();
    let windows = elsewhere.settings.windows.as_mut().unwrap();
    windows.timestamp_url = "http://other.example.com".to_owned();
    assert!(dist::code_signed_before(&plan, &built, &elsewhere.signer()).is_none());
    let program = again.dir.join(record.artifacts[0].filename.as_str());
    fs::write(&program, "changed").unwrap();
    assert!(dist::code_signed_before(&plan, &built, &machine.signer()).is_none());
    let (_, earlier) =
        dist::stage(&plan, &built, (&Made::default(), &Default::default()), None).unwrap();
    drop(earlier);
    assert!(dist::code_signed_before(&plan, &built, &machine.signer()).is_none());
}

#[test]
fn a_record_of_signed_programs_is_proven_by_what_they_were_before() {
    let project = Project::tagged("demo-v0.1.0");
    project.quick("build demo-v0.1.0").run().exits(0);
    let file = project.staged("demo-0.1.0").join("release.json");
    let mut record: ReleaseRecord = dist::read_record_file(&file).unwrap();
    for artifact in &mut record.artifacts {
        artifact.before_signing = Some(atlas_release::code_sign::BeforeSigning {
            size: artifact.size,
            sha256: artifact.sha256,
        });
        artifact.size += 11;
        artifact.sha256 = Sha256Digest::of(b"signed");
    }
    let signed = project.sandbox.root().join("signed.json");
    fs::write(&signed, serde_json::to_vec(&record).unwrap()).unwrap();
    let run = atlas(&project.sandbox, "reproduce")
        .cwd(project.fixture.root())
        .arg("--from")
        .arg(&signed)
        .run();
    let said = run.exits(0).stdout;
    let note = "is code-signed: what is compared is the file before that";
    assert_eq!(said.matches(note).count(), 2, "{said}");
}
