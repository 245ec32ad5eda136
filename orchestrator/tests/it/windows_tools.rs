//! What happens on a Windows host, tried here: the library is given a world that is one, and
//! programs that stand for Chocolatey, rustc and LLVM's linker.

use atlas_release::context::World;
use atlas_release::doctor::{self, Facts, Lacking, Report, State};
use atlas_release::events::HumanReporter;
use atlas_release::shim::Policy;
use atlas_release::toolchain::{self, Tool, Wanted, find, installers};
use process::{Env, Runner};
use release_types::{Arch, Os, Platform};
use std::path::{Path, PathBuf};
use test_support::{FakeTools, Sandbox};

/// A rustc that links what it is told to with the linker it is told to use.
pub const RUSTC: &str = r#"
case "$*" in
  *sysroot*) echo /nowhere; exit;;
  -vV) echo 'rustc 1.95.0 (not really)'; exit;;
esac
while [ $# -gt 0 ]; do
  case "$1" in linker=*) linker=${1#linker=};; -o) out=$2;; esac
  shift
done
"$linker" "/OUT:$out""#;

/// An lld-link whose programs are scripts.
pub const LLD_LINK: &str = r#"#!/bin/sh
case "$1" in
  --version) echo 'LLD 18.1.8';;
  /OUT:*) printf '#!/bin/sh\nexit 0\n' > "${1#/OUT:}"; chmod +x "${1#/OUT:}";;
esac
"#;

struct Windows {
    sandbox: Sandbox,
    tools: FakeTools,
    world: World,
}

impl Windows {
    /// A machine on which Chocolatey installs this as lld-link.
    fn new(lld_link: &str) -> Self {
        let sandbox = Sandbox::new();
        let root = sandbox.root().to_owned();
        let tools = FakeTools::new(root.join("bin"));
        std::fs::write(root.join("lld-link.template"), lld_link).unwrap();
        tools.add("cargo", "echo cargo 1.95.0");
        tools.add("rustc", RUSTC);
        let template = root.join("lld-link.template");
        tools.add(
            "choco",
            &format!(
                "dir=\"$ProgramFiles/LLVM/bin\"; mkdir -p \"$dir\"\n\
                 cp '{}' \"$dir/lld-link.exe\"; chmod +x \"$dir/lld-link.exe\"",
                template.display()
            ),
        );
        let env: Env = [
            (
                "PATH",
                std::env::join_paths([&root.join("bin"), Path::new("/usr/bin"), Path::new("/bin")])
                    .unwrap(),
            ),
            ("TMP", sandbox.tmp_dir().into()),
            ("ProgramFiles", root.join("Program Files").into()),
            ("LOCALAPPDATA", root.join("local").into()),
            ("GITHUB_PATH", root.join("github-path").into()),
        ]
        .into_iter()
        .collect();
        let world = World {
            env,
            cwd: root,
            host: Platform::new(Os::Windows, Arch::X64),
            exe: crate::support::ATLAS_RELEASE.into(),
            runner: Runner::default(),
            now: jiff::Timestamp::now,
        };
        Self {
            sandbox,
            tools,
            world,
        }
    }

    fn llvm(&self) -> PathBuf {
        self.sandbox.root().join("Program Files/LLVM/bin")
    }

    async fn report(&self) -> Report {
        let state_dir = self.sandbox.state_dir();
        let tools = [Tool::Rustc, Tool::LldLink];
        let findings = doctor::look(&self.world, &state_dir, &tools).await.unwrap();
        doctor::report(&Facts {
            host: self.world.host,
            installers: &installers(&self.world, true),
            state_dir: &state_dir,
            findings: &findings,
            declared: &[],
        })
    }

    async fn set_up(&self) -> Report {
        let before = self.report().await;
        assert_eq!(Lacking::names(&before.lacking()), "lld-link");
        let with = installers(&self.world, true);
        let plan = doctor::plan_setup(&before, &with, &self.sandbox.state_dir());
        doctor::install_missing(&self.world, &plan, &HumanReporter::default())
            .await
            .unwrap();
        assert_eq!(
            self.tools.calls("choco"),
            ["install --yes --no-progress llvm"]
        );
        self.report().await
    }
}

fn lld_link(report: &Report) -> &doctor::Row {
    report
        .tools
        .iter()
        .find(|row| row.tool == "lld-link")
        .unwrap()
}

#[tokio::test]
async fn lld_link_is_installed_found_off_path_and_told_to_later_steps() {
    let windows = Windows::new(LLD_LINK);
    let report = windows.set_up().await;
    assert!(report.ready, "{report}");
    let row = lld_link(&report);
    assert_eq!(row.state, State::Works);
    assert_eq!(row.path, Some(windows.llvm().join("lld-link.exe")));
    assert!(row.notes[0].contains("is not on PATH"), "{report}");
    let told = std::fs::read_to_string(windows.sandbox.root().join("github-path")).unwrap();
    assert_eq!(told, format!("{}\n", windows.llvm().display()));
}

#[tokio::test]
async fn one_that_was_installed_and_does_not_link_is_broken() {
    let script =
        "#!/bin/sh\n[ \"$1\" = --version ] && echo LLD 18.1.8 || { echo no DLL >&2; exit 53; }\n";
    let windows = Windows::new(script);
    let report = windows.set_up().await;
    assert_eq!(Lacking::names(&report.lacking()), "lld-link");
    let row = lld_link(&report);
    assert_eq!(row.state, State::Broken);
    assert!(row.notes.concat().contains("no DLL"), "{report}");
}

#[tokio::test]
async fn a_build_installs_tries_and_wires_it_in() {
    let windows = Windows::new(LLD_LINK);
    let world = &windows.world;
    let state_dir = windows.sandbox.state_dir();
    let policy = |rustc: &toolchain::Rustc| Policy {
        rustc: rustc.path.clone(),
        target: "x86_64-pc-windows-msvc".to_owned(),
        linker: None,
        linker_dir: None,
        remap: Vec::new(),
        auditable: false,
        lists: None,
    };
    let wanted = |install| Wanted {
        cache_stall: std::time::Duration::from_secs(60),
        mold: true,
        sccache: false,
        install,
    };
    let found = find(world, &state_dir).await.unwrap();
    let policy = policy(&found.rustc);
    let reporter = HumanReporter::default();
    let refused = toolchain::ensure(
        world,
        found.clone(),
        wanted(false),
        policy.clone(),
        &state_dir,
        &reporter,
    );
    let error = refused.await.unwrap_err();
    assert_eq!(error.to_string(), "`lld-link` was not found on PATH");
    assert!(windows.tools.calls("choco").is_empty());
    let ensured = toolchain::ensure(world, found, wanted(true), policy, &state_dir, &reporter);
    let toolchain = ensured.await.unwrap();
    assert_eq!(toolchain.lld_link.as_deref(), Some("LLD 18.1.8"));
    assert_eq!(toolchain.extra_path, [windows.llvm()]);
}
