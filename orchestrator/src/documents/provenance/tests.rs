use super::*;
use crate::documents::builder::tests::JOB;
use crate::documents::{LOCAL, sha256_of};
use process::Env;
use release_types::{Channel, Platform, Sha256Digest};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

const RUSTC_SAYS: &str = "rustc 1.95.0 (89abcdef0 2026-04-10)\nbinary: rustc\n\
    commit-hash: 89abcdef0123456789abcdef0123456789abcdef\ncommit-date: 2026-04-10\n\
    host: x86_64-unknown-linux-gnu\nrelease: 1.95.0\nLLVM version: 21.1.8\n";

fn recipe() -> Recipe {
    Recipe {
        auditable: true,
        commit_time: 1_764_000_000,
        lock_sha256: Some(Sha256Digest::of(b"lock")),
        cargo: "cargo 1.95.0 (89abcdef0 2026-04-10)".to_owned(),
        linker: Some("mold 2.40.4 (compatible with GNU ld)".to_owned()),
        c_compiler: Some("/home/me/bin/cc (Debian 14.2.0-19) 14.2.0".to_owned()),
        rustc_flags: vec!["--remap-path-prefix=</workspace>=/workspace".to_owned()],
        c_flags: Vec::new(),
        profile: Some(json!({"debug": 0})),
        environment: BTreeMap::from([("MY_SDK".to_owned(), "/home/me/sdk".to_owned())]),
    }
}

/// What is said of a program for a platform, by a run in this environment, with so many changed files.
fn said(platform: Platform, env: &[(&str, &str)], dirty: usize) -> Value {
    let (version, recipe) = ("1.4.0".parse().unwrap(), recipe());
    let product = "demo".parse().unwrap();
    let file = |name: String, bytes: &[u8]| File {
        filename: name.parse().unwrap(),
        sha256: Sha256Digest::of(bytes),
        before_signing: None,
    };
    let program = format!("demo-{platform}{}", platform.exe_suffix());
    let mut files = vec![
        file(program, b"program"),
        file(format!("demo-installer-{platform}.deb"), b"installer"),
    ];
    if platform.os != release_types::Os::Linux {
        files[0].before_signing = Some(Sha256Digest::of(b"before"));
    }
    let about = About {
        tag: "demo-v1.4.0",
        group: "demo",
        version: &version,
        channel: Channel::Stable,
        commit: COMMIT,
        dirty,
        platform,
        product: &product,
        package: "demo-cli",
        bin: "demo",
        files: &files,
        recipe: &recipe,
        rustc: RUSTC_SAYS,
        maker: "0.1.0",
        started_at: "2026-11-27T12:00:00Z".parse().unwrap(),
        finished_at: "2026-11-27T12:01:00Z".parse().unwrap(),
    };
    let env: Env = env.iter().copied().collect();
    let statement = statement(&about, &Run::of(&env));
    let value = serde_json::to_value(&statement).unwrap();
    let bytes = serde_json::to_vec(&value).unwrap();
    assert_eq!(
        Statement::read(&bytes).unwrap(),
        statement,
        "it reads what it writes"
    );
    value
}

/// The names of a value's fields.
fn fields(value: &Value) -> Vec<&str> {
    value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

/// Source: in-toto attestation, `spec/v1/statement.md` and `spec/v1/resource_descriptor.md`: `_type`,
/// `subject` with a digest in each, `predicateType`, `predicate`. SLSA, `spec/build-provenance.md`:
/// `buildDefinition` with `buildType`, `externalParameters`, `internalParameters`, `resolvedDependencies`;
/// `runDetails` with `builder.id`, `builder.version`, `metadata.invocationId`, `startedOn`, `finishedOn`,
/// `byproducts`. A descriptor has one of `uri`, `digest`, `content`.
#[test]
fn the_fields_are_those_of_the_specifications() {
    for platform in Platform::ALL {
        for env in [&[][..], &JOB] {
            let said = said(platform, env, 0);
            assert_eq!(
                fields(&said),
                ["_type", "predicate", "predicateType", "subject"]
            );
            assert_eq!(said["_type"], "https://in-toto.io/Statement/v1");
            assert_eq!(said["predicateType"], "https://slsa.dev/provenance/v1");
            let predicate = &said["predicate"];
            assert_eq!(fields(predicate), ["buildDefinition", "runDetails"]);
            assert_eq!(
                fields(&predicate["buildDefinition"]),
                [
                    "buildType",
                    "externalParameters",
                    "internalParameters",
                    "resolvedDependencies"
                ]
            );
            let run = &predicate["runDetails"];
            let known = ["builder", "byproducts", "metadata"];
            assert!(fields(run).iter().all(|name| known.contains(name)));
            assert_eq!(fields(&run["builder"]), ["id", "version"]);
            let known = ["finishedOn", "invocationId", "startedOn"];
            assert!(
                fields(&run["metadata"])
                    .iter()
                    .all(|name| known.contains(name))
            );
            assert_eq!(run["metadata"]["startedOn"], "2026-11-27T12:00:00Z");
            let dependencies = predicate["buildDefinition"]["resolvedDependencies"].as_array();
            let subjects = said["subject"].as_array().unwrap();
            for one in dependencies.unwrap().iter().chain(subjects) {
                let known = ["annotations", "digest", "name", "uri"];
                assert!(fields(one).iter().all(|name| known.contains(name)), "{one}");
                assert!(one["digest"].is_object() || one["uri"].is_string(), "{one}");
            }
            assert!(
                subjects
                    .iter()
                    .all(|one| one["digest"]["sha256"].is_string())
            );
        }
    }
}

#[test]
fn a_statement_for_each_platform_names_its_files_and_parameters() {
    for platform in Platform::ALL {
        let said = said(platform, &[], 0);
        let program = format!("demo-{platform}{}", platform.exe_suffix());
        assert_eq!(said["subject"][0]["name"], program);
        let sha256 = Sha256Digest::of(b"program").to_string();
        assert_eq!(said["subject"][0]["digest"]["sha256"], sha256);
        assert_eq!(
            said["subject"][1]["name"],
            format!("demo-installer-{platform}.deb")
        );
        let build = &said["predicate"]["buildDefinition"];
        assert_eq!(
            build["externalParameters"],
            json!({
                "tag": "demo-v1.4.0", "group": "demo", "version": "1.4.0", "channel": "stable",
                "product": "demo", "package": "demo-cli", "binary": "demo",
                "platform": platform.to_string(), "target": platform.target_triple(),
                "features": ["default"],
            })
        );
        let dependencies = build["resolvedDependencies"].as_array().unwrap();
        let names: Vec<_> = dependencies
            .iter()
            .map(|one| one["name"].as_str().unwrap())
            .collect();
        assert_eq!(names, ["source", "Cargo.lock", "rustc"]);
        assert_eq!(
            dependencies[0],
            json!({"name": "source", "digest": {"gitCommit": COMMIT}})
        );
        let byproducts = &said["predicate"]["runDetails"]["byproducts"];
        match platform.os {
            release_types::Os::Linux => assert!(byproducts.is_null()),
            _ => assert_eq!(
                byproducts[0]["name"],
                format!("{program} before code signing")
            ),
        }
    }
}

#[test]
fn who_has_built_it() {
    for platform in Platform::ALL {
        let local = said(platform, &[], 0);
        let run = &local["predicate"]["runDetails"];
        assert_eq!(run["builder"]["id"], LOCAL);
        assert!(run["metadata"]["invocationId"].is_null());
        let job = said(platform, &JOB, 0);
        let run = &job["predicate"]["runDetails"];
        assert_eq!(
            run["builder"]["id"],
            "https://github.com/owner/demo/.github/workflows/release.yml@refs/tags/demo-v1.4.0"
        );
        assert_eq!(
            run["metadata"]["invocationId"],
            "https://github.com/owner/demo/actions/runs/987/attempts/2"
        );
        let build = &job["predicate"]["buildDefinition"];
        assert_eq!(
            build["internalParameters"]["github"],
            json!({
                "runnerEnvironment": "github-hosted", "eventName": "push",
                "workflowCommit": COMMIT, "repositoryId": "1234",
            })
        );
        assert_eq!(
            build["resolvedDependencies"][0]["uri"],
            "git+https://github.com/owner/demo@refs/tags/demo-v1.4.0"
        );
    }
}

#[test]
fn a_job_that_builds_another_commit_claims_no_repository_for_it() {
    let mut env = JOB.to_vec();
    env.retain(|(name, _)| *name != "GITHUB_SHA");
    env.push(("GITHUB_SHA", "fedcba9876543210fedcba9876543210fedcba98"));
    let said = said(Platform::ALL[0], &env, 2);
    let source = &said["predicate"]["buildDefinition"]["resolvedDependencies"][0];
    assert!(source["uri"].is_null(), "{source}");
    assert_eq!(source["annotations"]["changedFiles"], 2);
}

#[test]
fn neither_folders_nor_people_are_in_it() {
    for env in [&[][..], &JOB] {
        let text = said(Platform::ALL[0], env, 1).to_string();
        for private in ["/home", "a-person", "MY_SDK", "sdk"] {
            assert!(!text.contains(private), "{private} in {text}");
        }
        assert!(text.contains("cc (Debian 14.2.0-19) 14.2.0"), "{text}");
    }
}

#[test]
fn a_compiler_that_does_not_know_its_commit_is_named_by_its_release() {
    let says =
        "rustc 1.95.0\ncommit-hash: unknown\nhost: x86_64-unknown-linux-gnu\nrelease: 1.95.0\n";
    let named = rustc(says);
    assert_eq!(named.uri.as_deref(), Some("pkg:generic/rustc@1.95.0"));
    assert!(named.digest.is_empty());
    let known = rustc(RUSTC_SAYS);
    assert_eq!(known.uri.as_deref(), Some(RUSTC));
    assert!(
        known
            .digest(GIT_COMMIT)
            .is_some_and(|hash| hash.starts_with("89abcdef"))
    );
}

#[test]
fn what_is_no_statement_is_refused_with_a_reason() {
    let good = said(Platform::ALL[0], &[], 0);
    let changed = |pointer: &str, value: Value| {
        let mut said = good.clone();
        *said.pointer_mut(pointer).unwrap() = value;
        Statement::read(&serde_json::to_vec(&said).unwrap()).unwrap_err()
    };
    let why = changed("/_type", json!("https://in-toto.io/Statement/v0.1"));
    assert!(why.contains("`_type` is"), "{why}");
    let why = changed("/predicateType", json!("https://slsa.dev/provenance/v0.2"));
    assert!(why.contains("`predicateType` is"), "{why}");
    changed("/subject", json!("demo"));
    changed("/predicate/runDetails", json!({}));
    Statement::read(b"{").unwrap_err();
    // Fields that nobody here knows are passed over, as both specifications ask for.
    let mut more = good;
    more["predicate"]["runDetails"]["metadata"]["mine"] = json!(1);
    Statement::read(&serde_json::to_vec(&more).unwrap()).unwrap();
}

#[test]
fn a_statement_is_kept_for_the_same_build_alone() {
    let read = |value: &Value| Statement::read(&serde_json::to_vec(value).unwrap()).unwrap();
    let one = said(Platform::ALL[0], &[], 0);
    let mut later = one.clone();
    later["predicate"]["runDetails"]["metadata"]["startedOn"] = json!("2026-11-28T12:00:00Z");
    assert!(read(&one).is_of_the_same(&read(&later)));
    for pointer in [
        "/subject/0/digest/sha256",
        "/predicate/buildDefinition/resolvedDependencies/0/digest/gitCommit",
        "/predicate/buildDefinition/externalParameters/tag",
    ] {
        let mut other = one.clone();
        *other.pointer_mut(pointer).unwrap() = json!("other");
        assert!(!read(&one).is_of_the_same(&read(&other)), "{pointer}");
    }
    let missing = sha256_of(std::path::Path::new("none")).unwrap_err();
    assert_eq!(missing.to_string(), "cannot read none");
}
