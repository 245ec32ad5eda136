//! A rehearsal of the release workflow's fan-in: six machines with a `dist/` each, uploading at once by the
//! workflow's own step, one of them killed and run again; and its one last step that shows them all.

use crate::base_hub::shows;
use crate::hub_server::TestHub;
use crate::steps::*;
use crate::support::*;
use atlas_release::inspect::inspect;
use release_types::{Arch, Os, Platform, Sha256Digest};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use test_support::{Fault, Invocation, Proxy, Sandbox, Seen, copy_tree};

const TAG: &str = "demo-v0.1.0";
const RELEASE: &str = "demo-0.1.0";
const PRODUCTS: [&str; 2] = ["alpha", "beta"];

/// The machine that is killed.
const KILLED: &str = "windows-arm64";

/// The smallest executable of a platform that says what it is; `what` keeps two of them apart.
fn stand_in(platform: Platform, what: &str) -> Vec<u8> {
    let x64 = platform.arch == Arch::X64;
    let mut bytes = match platform.os {
        // The ELF header alone: 64 bits, little-endian, an executable.
        Os::Linux => {
            let mut bytes = vec![0; 64];
            bytes[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
            bytes[16] = 2;
            bytes[18] = if x64 { 62 } else { 183 };
            bytes[20] = 1;
            bytes[52] = 64;
            bytes
        }
        // Mach-O's header without load commands.
        Os::Macos => {
            let cpu: u32 = if x64 { 0x0100_0007 } else { 0x0100_000c };
            let words = [0xfeed_facf, cpu, 3, 2, 0, 0, 0, 0];
            words
                .iter()
                .flat_map(|word: &u32| word.to_le_bytes())
                .collect()
        }
        // The stub for DOS, then the headers of PE32+ without sections.
        Os::Windows => {
            let mut bytes = vec![0; 64];
            bytes[..2].copy_from_slice(b"MZ");
            bytes[0x3c] = 64;
            bytes.extend(b"PE\0\0");
            bytes.extend((if x64 { 0x8664_u16 } else { 0xaa64 }).to_le_bytes());
            bytes.extend([0; 14]);
            bytes.extend(240_u16.to_le_bytes());
            bytes.extend([0x22, 0]);
            let mut optional = vec![0; 240];
            optional[..2].copy_from_slice(&[0x0b, 0x02]);
            optional[108] = 16;
            bytes.extend(optional);
            bytes
        }
    };
    bytes.extend(format!("stand-in for {what} on {platform}").bytes());
    let found = inspect(&bytes).unwrap();
    assert_eq!(found.platform, Some(platform), "{found:?}");
    bytes
}

/// The folder of a machine that has built for a platform, with its `dist/`; this one's is really built.
fn machine(sandbox: &Sandbox, staged: &Path, platform: Platform) -> PathBuf {
    let root = sandbox.root().join(format!("machine-{platform}"));
    let dir = root.join("dist").join(RELEASE).join(platform.to_string());
    copy_tree(staged, &dir);
    let here = crate::support::platform();
    if platform.to_string() == here {
        return root;
    }
    let path = dir.join("release.json");
    let mut record: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    record["platform"] = json!({"os": platform.os, "arch": platform.arch});
    record["target"] = json!(platform.target_triple());
    let mut sums = String::new();
    for product in PRODUCTS {
        let bytes = stand_in(platform, product);
        let name = format!("{product}-{}", platform.program(&platform.to_string()));
        std::fs::remove_file(dir.join(format!("{product}-{here}"))).unwrap();
        std::fs::write(dir.join(&name), &bytes).unwrap();
        let Platform { os, arch } = platform;
        let row = format!("{name}|{os}|{arch}|binary|{name}\n");
        std::fs::write(dir.join(format!("{product}.manifest")), row).unwrap();
        let sha256 = Sha256Digest::of(&bytes).to_string();
        sums += &format!("{sha256}  {name}\n");
        let artifacts = record["artifacts"].as_array_mut().unwrap();
        let artifact = artifacts.iter_mut().find(|one| one["product"] == product);
        let artifact = artifact.unwrap();
        artifact["filename"] = json!(name);
        artifact["size"] = json!(bytes.len());
        artifact["sha256"] = json!(sha256);
        artifact["inspection"] = serde_json::to_value(inspect(&bytes).unwrap()).unwrap();
    }
    let record = record.to_string();
    sums += &format!("{}  release.json\n", Sha256Digest::of(record.as_bytes()));
    std::fs::write(&path, record).unwrap();
    std::fs::write(dir.join("SHA256SUMS"), sums).unwrap();
    root
}

struct Rehearsal {
    sandbox: Sandbox,
    hub: TestHub,
    proxy: Proxy,
    workflow: Value,
    platforms: Vec<Platform>,
    machines: Vec<PathBuf>,
}

impl Rehearsal {
    /// Six machines, and a Hub that gives the first upload of one of them no answer.
    fn new() -> Self {
        let sandbox = Sandbox::new();
        let staged = staged_release(&sandbox);
        let workflow = workflow("release.yml");
        let matrix = &workflow["jobs"]["build"]["strategy"]["matrix"]["include"];
        let platforms: Vec<Platform> = matrix
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["platform"].as_str().unwrap().parse().unwrap())
            .collect();
        let machines = platforms.iter().map(|one| machine(&sandbox, &staged, *one));
        let machines = machines.collect();
        std::fs::remove_dir_all(sandbox.dist_dir()).unwrap();
        let port = Proxy::bind();
        let hub = TestHub::start_as(Some(port.url()));
        let first = AtomicBool::new(true);
        let proxy = port.serve(hub.address, move |seen| {
            match is_killeds(seen) && first.swap(false, Ordering::SeqCst) {
                true => Fault::Silence,
                false => Fault::None,
            }
        });
        Self {
            sandbox,
            hub,
            proxy,
            workflow,
            platforms,
            machines,
        }
    }

    /// A step of the workflow in a machine's workspace.
    fn step(&self, job: &str, name: &str, workspace: &Path) -> Invocation {
        let of_workflow = |name: &str| self.workflow["env"][name].as_str().unwrap();
        let runner = Job::new(&self.sandbox, workspace)
            .with("ATLAS_REQUIRE", of_workflow("ATLAS_REQUIRE"))
            .with("ATLAS_TAG", TAG)
            .with("PATH", on_path(&self.sandbox, Path::new(ATLAS_RELEASE)));
        let context: BTreeMap<String, String> = [
            ("secrets.ATLAS_HUB_URL || inputs.hub-url", self.proxy.url()),
            ("secrets.ATLAS_APP_DEPLOY_TOKEN", self.hub.token.clone()),
            ("inputs.oidc-audience", String::new()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        runner.invoke(&step(&self.workflow, job, name), &context)
    }

    fn upload(&self, machine: &Path) -> Invocation {
        self.step("build", "Upload to the Hub, unseen", machine)
    }

    /// The last job, where the `dist/` folders of these machines have come together.
    fn finish(&self, machines: &[PathBuf]) -> Invocation {
        let workspace = self.sandbox.root().join("finish");
        if workspace.exists() {
            std::fs::remove_dir_all(&workspace).unwrap();
        }
        std::fs::create_dir_all(&workspace).unwrap();
        for machine in machines {
            copy_tree(&machine.join("dist"), &workspace.join("dist"));
        }
        self.step(
            "finish",
            "Show the whole release, and read it back",
            &workspace,
        )
    }

    /// Whether all of it is shown, or nothing.
    #[track_caller]
    fn is_shown(&self) -> bool {
        let all: Vec<bool> = self
            .platforms
            .iter()
            .flat_map(|platform| PRODUCTS.map(|product| (product, platform.to_string())))
            .map(|(product, on)| shows(&self.hub.url(), product, "0.1.0", &on))
            .collect();
        assert!(all.iter().all(|one| *one == all[0]), "{all:?}");
        all[0]
    }
}

/// Whether a request is an upload of the machine that is killed.
fn is_killeds(seen: &Seen) -> bool {
    seen.method == "PUT"
        && seen
            .path
            .contains(&format!("/{}/", KILLED.replace('-', "/")))
}

/// The one process that a process has started.
fn child_of(parent: u32) -> Option<i32> {
    let children = format!("/proc/{parent}/task/{parent}/children");
    let children = std::fs::read_to_string(children).ok()?;
    children.split_whitespace().next()?.parse().ok()
}

#[test]
fn six_machines_upload_at_once_and_one_job_shows_it_all() {
    let rehearsal = Rehearsal::new();
    assert_eq!(rehearsal.platforms.len(), 6);
    let running: Vec<_> = rehearsal
        .machines
        .iter()
        .map(|machine| rehearsal.upload(machine).start())
        .collect();
    // The one that waits for an answer to its first upload is killed in the midst of it.
    let killed = rehearsal
        .platforms
        .iter()
        .position(|one| one.to_string() == KILLED);
    let killed = killed.unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while !rehearsal.proxy.seen().iter().any(is_killeds) {
        assert!(Instant::now() < deadline, "{:?}", rehearsal.proxy.seen());
        std::thread::sleep(Duration::from_millis(20));
    }
    let process = child_of(running[killed].id()).and_then(rustix::process::Pid::from_raw);
    let process = process.expect("bash has started it");
    rustix::process::kill_process(process, rustix::process::Signal::KILL).unwrap();
    for (number, run) in running.into_iter().enumerate() {
        let run = run.finish();
        match number == killed {
            true => assert_ne!(run.code, Some(0), "{run}"),
            false => {
                run.exits(0);
            }
        }
    }
    assert!(!rehearsal.is_shown());
    // Without one of them nothing is seen, whatever the last job does.
    let mut others = rehearsal.machines.clone();
    others.remove(killed);
    let run = rehearsal.finish(&others).run().exits(6);
    run.says(&[KILLED]);
    assert!(!rehearsal.is_shown());
    rehearsal.upload(&rehearsal.machines[killed]).run().exits(0);
    assert!(!rehearsal.is_shown());
    let run = rehearsal.finish(&rehearsal.machines).run().exits(0);
    assert!(rehearsal.is_shown());
    assert!(run.stdout.contains("receipt   alpha, beta 0.1.0"), "{run}");
    assert_eq!(run.stdout.matches("sha256 ").count(), 12, "{run}");
    // The same job once more changes nothing.
    rehearsal.finish(&rehearsal.machines).run().exits(0);
}
