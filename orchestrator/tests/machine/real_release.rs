//! The two real programs, released twice with one target directory against a real Hub that wants
//! a real token, watched throughout.

use super::watch::{ProcWatch, files_with, holds, started, traced};
use super::{ATLAS_RELEASE, atlas_release, plain_env, receipt, workspace};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hub::{Hub, HubConfig};
use process::{Command, Env, Output, Runner};
use secrecy::{ExposeSecret as _, SecretString};
use signatures::{PublicKey, Signature};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const LIMIT: Duration = Duration::from_secs(1500);

/// Variables with secrets, each of which gets a value of its own; `ATLAS_APP_DEPLOY_TOKEN` holds
/// the Hub's real token, and `TAURI_SIGNING_PRIVATE_KEY` a real key with the password of its variable.
const SECRETS: [&str; 6] = [
    "ATLAS_HUB_ADMIN_TOKEN",
    "ATLAS_PACK_DEPLOY_TOKEN",
    "CARGO_REGISTRY_TOKEN",
    "GITHUB_TOKEN",
    "GH_TOKEN",
    "TAURI_SIGNING_PRIVATE_KEY_PASSWORD",
];

struct TestHub {
    url: String,
    token: String,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<Result<(), hub::HubError>>,
}

async fn start_hub(data_dir: &Path) -> TestHub {
    let hub = Hub::open(HubConfig::new(data_dir)).await.unwrap();
    let token = hub.issue_app_token(Some("test"), None).await.unwrap().token;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let stop = CancellationToken::new();
    TestHub {
        url,
        token: token.expose_secret().to_owned(),
        task: tokio::spawn(hub.serve(listener, stop.clone().cancelled_owned())),
        stop,
    }
}

fn command(env: &Env, verb: &str, tag: &str, dirs: [&Path; 3]) -> Command {
    let [dist, state, target] = dirs.map(|dir| dir.to_str().unwrap());
    atlas_release(
        env,
        &[
            verb,
            tag,
            "--format",
            "json",
            "-vv",
            "--allow-dirty",
            "--allow-untagged",
            "--dist-dir",
            dist,
            "--state-dir",
            state,
            "--target-dir",
            target,
        ],
    )
}

async fn release(env: &Env, tag: &str, dirs: [&Path; 3], log: &Path) -> Output {
    let command = command(env, "release", tag, dirs);
    let output = Runner::default()
        .output(&traced(&command, log), LIMIT)
        .await
        .unwrap();
    let tail: Vec<String> = String::from_utf8_lossy(&output.stderr)
        .lines()
        .rev()
        .take(30)
        .map(str::to_owned)
        .collect();
    assert!(output.status.success(), "{}: {tail:#?}", output.status);
    output
}

/// A secret key in each form that somebody could read it in, and its public key.
fn key_pair(password: &str) -> (Vec<String>, PublicKey) {
    let password = SecretString::from(password.to_owned());
    let pair = signatures::generate(Some(&password)).unwrap();
    let text = pair.secret.expose_secret().to_owned();
    // Within Tauri's wrapping are minisign's two lines, of which the second is the key.
    let lines = BASE64_STANDARD.decode(&text).unwrap();
    let lines = String::from_utf8(lines).unwrap();
    let inside = lines.lines().nth(1).unwrap().to_owned();
    (vec![text, inside], pair.public)
}

async fn says(program: &Path) -> String {
    let command = Command::new(program).arg("--version");
    let output = Runner::default()
        .success(&command, Duration::from_secs(20))
        .await
        .unwrap();
    output.stdout_text()
}

/// The processes that were a cargo with a subcommand that compiles. Where rustup's stand-in
/// becomes the real cargo, that is two programs and one process.
fn compiling_cargos(lines: &[String]) -> BTreeSet<&str> {
    const COMPILE: [&str; 12] = [
        "b", "bench", "build", "c", "check", "clippy", "fix", "install", "run", "rustc", "t",
        "test",
    ];
    lines
        .iter()
        .filter(|line| {
            let mut words = line.split('"').skip(1).step_by(2);
            let program = words.next().unwrap_or_default();
            let arguments = line.split("], [").next().unwrap_or_default();
            let subcommand = COMPILE
                .iter()
                .any(|word| arguments.contains(&format!("\"{word}\"")));
            Path::new(program)
                .file_name()
                .is_some_and(|name| name == "cargo")
                && subcommand
        })
        .filter_map(|line| line.split_whitespace().next())
        .collect()
}

/// Method and route of each call in a plan, sorted. The Hub's log has routes and no paths, so what
/// differs from call to call is a star here.
fn calls_planned(plan: &serde_json::Value) -> Vec<String> {
    let calls = plan["calls"].as_array().unwrap().iter();
    let mut calls: Vec<String> = calls
        .map(|call| {
            let path = call["path"].as_str().unwrap();
            let path = path.split(['?', ' ', '<']).next().unwrap();
            let route = match path.strip_prefix("/api/v1/releases/") {
                _ if path.is_empty() => "/artifacts/*".to_owned(),
                None if path == "/api/v1/download/" => format!("{path}*"),
                None => path.to_owned(),
                Some(rest) => {
                    let own = |word: &str| match word {
                        "latest" | "publish" | "finalize" => format!("/{word}"),
                        _ => "/*".to_owned(),
                    };
                    let rest: String = rest.split('/').map(own).collect();
                    format!("/api/v1/releases{rest}")
                }
            };
            format!("{} {route}", call["method"].as_str().unwrap())
        })
        .collect();
    calls.sort();
    calls
}

/// The same of the Hub's log. What a download redirects to is part of the download.
fn calls_made(log: &str) -> Vec<String> {
    let field = |line: &str, name: &str| {
        let at = line.find(name)? + name.len();
        line[at..].split('"').next().map(str::to_owned)
    };
    let mut calls: Vec<String> = log
        .lines()
        .filter(|line| line.contains("hub::http::gate: request "))
        .filter_map(|line| {
            let (method, route) = (field(line, "method=\"")?, field(line, "route=\"")?);
            let starred = |word: &str| match word.starts_with('{') {
                true => "*".to_owned(),
                false => word.to_owned(),
            };
            let words: Vec<String> = route.split('/').map(starred).collect();
            let route = words.join("/");
            let redirected = method == "GET" && route.starts_with("/artifacts/");
            (!redirected).then(|| format!("{method} {route}"))
        })
        .collect();
    calls.sort();
    calls
}

#[tokio::test(flavor = "multi_thread")]
async fn the_real_programs_released_twice_under_watch() {
    let scratch = tempfile::tempdir().unwrap();
    let at = |name: &str| scratch.path().join(name);
    // Kept between runs of the tests: what is built in it is checked, not how long it takes.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("real-release");
    let (dist, state, home) = (at("dist"), at("state"), at("home"));
    std::fs::create_dir(&home).unwrap();

    let log_file = at("hub.log");
    let writer = std::fs::File::create(&log_file).unwrap();
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(writer)
        .init();
    let hub = start_hub(&at("hub")).await;

    let mut env = plain_env(&home);
    let mut values = Vec::new();
    for name in SECRETS {
        let value = format!("planted-{}-5f2d7c", name.to_lowercase());
        env.set(name, &value);
        values.push(value);
    }
    let password = env.text("TAURI_SIGNING_PRIVATE_KEY_PASSWORD").unwrap();
    let (secret, public) = key_pair(password.unwrap());
    env.set("TAURI_SIGNING_PRIVATE_KEY", &secret[0]);
    values.extend(secret);
    env.set("ATLAS_APP_DEPLOY_TOKEN", &hub.token);
    values.push(hub.token.clone());
    env.set("ATLAS_HUB_URL", &hub.url);

    let dirs = [dist.as_path(), state.as_path(), target.as_path()];
    let planned = Runner::default()
        .success(&command(&env, "plan", "runner-v0.3.1", dirs), LIMIT)
        .await
        .unwrap();
    for bytes in [&planned.stdout, &planned.stderr] {
        assert!(!values.iter().any(|value| holds(bytes, value)));
    }
    let planned = String::from_utf8(planned.stdout).unwrap();
    let planned: serde_json::Value = serde_json::from_str(planned.lines().last().unwrap()).unwrap();
    assert_eq!(planned["signing"]["has_key"], true);
    // Two programs, and two documents about each.
    assert_eq!(planned["signing"]["files"].as_array().unwrap().len(), 6);

    let program = PathBuf::from(ATLAS_RELEASE);
    // The program itself was given the values, and so was the strace that starts it; this test
    // made them up.
    let strace = which::which("strace").unwrap();
    let entitled = vec![program.clone(), std::fs::canonicalize(strace).unwrap()];
    let watch = ProcWatch::start(values.clone(), entitled);
    let trace = at("trace");
    let first = release(&env, "runner-v0.3.1", dirs, &trace).await;
    assert_eq!(watch.stop(), Vec::<String>::new());

    // The plan has shown every call that the Hub was then asked, and no other.
    let log = std::fs::read_to_string(&log_file).unwrap();
    assert_eq!(calls_made(&log), calls_planned(&planned));

    // One pass: of all programs started, one is a cargo that compiles.
    let lines = started(&trace);
    let cargos = compiling_cargos(&lines);
    assert_eq!(cargos.len(), 1, "{cargos:?}");

    // Secrets: in the start of the program itself, and nowhere else.
    let own = format!("execve(\"{ATLAS_RELEASE}\"");
    let mut starts = 0;
    for line in &lines {
        let secret = values.iter().find(|value| line.contains(value.as_str()));
        if line.contains(&own) {
            assert!(secret.is_some(), "the trace shows no environment: {line}");
            starts += 1;
        } else {
            let program = line.split('"').nth(1);
            assert!(secret.is_none(), "{program:?} was started with a secret");
        }
    }
    assert_eq!(starts, 1);
    for (name, bytes) in [("stdout", &first.stdout), ("stderr", &first.stderr)] {
        let found = values.iter().find(|value| holds(bytes, value));
        assert!(found.is_none(), "{name} holds {found:?}");
        // An upload address grants what a token grants.
        assert!(!holds(bytes, "signature="), "{name} holds a signed address");
    }
    assert!(
        holds(&first.stderr, "TRACE"),
        "logging was not at its most verbose"
    );

    // What is served is what was staged.
    let shown = receipt(&String::from_utf8_lossy(&first.stdout));
    assert_eq!(shown["products"], serde_json::json!(["runner", "runnerd"]));
    assert_eq!(shown["version"], "0.3.1");
    assert_eq!(format!("{}/", shown["hub"].as_str().unwrap()), hub.url);
    let staged =
        |version: &str, bin: &str| dist.join(format!("runner-{version}/linux-x64/{bin}-linux-x64"));
    for (product, bin) in [("runner", "atlas-runner"), ("runnerd", "atlas-runnerd")] {
        let url = format!("{}api/v1/releases/{product}/latest/linux/x64", hub.url);
        let command = Command::new("curl").args(["--silent", "--fail", &url]);
        let answer = Runner::default()
            .success(&command, Duration::from_secs(20))
            .await
            .unwrap();
        let answer: serde_json::Value = serde_json::from_slice(&answer.stdout).unwrap();
        let sum = Command::new("sha256sum").arg(staged("0.3.1", bin));
        let sum = Runner::default()
            .success(&sum, Duration::from_secs(20))
            .await
            .unwrap();
        assert_eq!(
            answer["assets"][0]["sha256"].as_str(),
            sum.stdout_text().split(' ').next()
        );
        assert_eq!(says(&staged("0.3.1", bin)).await, format!("{bin} 0.3.1"));
        // It is signed with the key that nobody has seen.
        let assets = answer["assets"].as_array().unwrap().iter();
        let mut files: Vec<(&str, &str)> = assets
            .map(|one| {
                (
                    one["filename"].as_str().unwrap(),
                    one["kind"].as_str().unwrap(),
                )
            })
            .collect();
        files.sort_unstable();
        let name = |more: &str| format!("{bin}-linux-x64{more}");
        let wanted = [
            (name(""), "binary"),
            (name(".cdx.json"), "other"),
            (name(".cdx.json.sig"), "signature"),
            (name(".intoto.json"), "other"),
            (name(".intoto.json.sig"), "signature"),
            (name(".sig"), "signature"),
        ];
        let wanted: Vec<(&str, &str)> =
            wanted.iter().map(|(name, kind)| (&**name, *kind)).collect();
        assert_eq!(files, wanted);
        let program = staged("0.3.1", bin);
        let signature = std::fs::read_to_string(program.with_added_extension("sig")).unwrap();
        let signature: Signature = signature.parse().unwrap();
        let program = std::fs::File::open(program).unwrap();
        signature.verify(&public, program).unwrap();
    }

    // Again with the next tag and the same target directory.
    let second = release(&env, "runner-v0.3.2", dirs, &at("trace2")).await;
    assert_eq!(
        receipt(&String::from_utf8_lossy(&second.stdout))["version"],
        "0.3.2"
    );
    for bin in ["atlas-runner", "atlas-runnerd"] {
        assert_eq!(says(&staged("0.3.2", bin)).await, format!("{bin} 0.3.2"));
        assert_eq!(says(&staged("0.3.1", bin)).await, format!("{bin} 0.3.1"));
        let bytes = std::fs::read(staged("0.3.2", bin)).unwrap();
        let root = workspace();
        assert!(
            !holds(&bytes, root.to_str().unwrap()),
            "{bin} names the folder it was built in"
        );
        assert!(holds(&bytes, "mold "), "{bin} was not linked by mold");
        let list = auditable_info::audit_info_from_slice(&bytes, 1 << 20).unwrap();
        let own = list.packages.iter().find(|package| package.root).unwrap();
        assert_eq!(own.name, bin);
        assert!(list.packages.len() > 10, "{list:?}");
    }

    hub.stop.cancel();
    hub.task.await.unwrap().unwrap();
    for dir in [dist, state, at("hub")] {
        assert_eq!(files_with(&dir, &values), Vec::<PathBuf>::new());
    }
    let log = std::fs::read(&log_file).unwrap();
    assert!(log.len() > 10_000, "the Hub's log is empty");
    assert!(values.iter().all(|value| !holds(&log, value)));
    assert!(
        !holds(&log, "signature="),
        "the Hub's log holds a signed address"
    );
}
