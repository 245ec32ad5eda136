//! What each of the six hosts is told, from facts that are written down here.

use super::*;
use crate::products::Product;
use release_types::Os;
use std::fmt::Write as _;

/// The managers that are usual on a system, and what `setup` finds beside them.
fn usual(os: Os) -> Installers {
    use crate::toolchain::Installer::{AptGet, Brew, Cargo, Choco, Python, Python3, Sudo, Winget};
    let present = match os {
        Os::Windows => vec![Choco, Winget, Python, Cargo],
        Os::Macos => vec![Brew, Python3, Cargo],
        Os::Linux => vec![AptGet, Sudo, Python3, Cargo],
    };
    Installers {
        present,
        is_root: false,
    }
}

fn version(tool: Tool) -> &'static str {
    match tool {
        Tool::Cargo => "cargo 1.95.0 (f2d3ce0bd 2026-03-21)",
        Tool::Rustc => "rustc 1.95.0 (59807616e 2026-04-14)",
        Tool::Git => "git version 2.39.5",
        Tool::Mold => "mold 1.10.1 (compatible with GNU ld)",
        Tool::LldLink => "LLD 18.1.8",
        Tool::Sccache => "sccache 0.16.0",
    }
}

fn there(tool: Tool, trial: Trial) -> Finding {
    Finding {
        path: Some(format!("/tools/{}", tool.name()).into()),
        version: Some(version(tool).to_owned()),
        trial,
        notes: Vec::new(),
    }
}

fn judged(host: Platform, installers: &Installers, find: impl Fn(Tool) -> Finding) -> Report {
    let findings = Tool::ALL.into_iter().map(|tool| (tool, find(tool)));
    report(&Facts {
        host,
        installers,
        state_dir: Path::new("/state"),
        findings: &findings.collect(),
        declared: &[],
    })
}

/// The report of every host and what `setup --dry-run` prints there.
fn six_hosts(installers: impl Fn(Os) -> Installers, find: impl Fn(Tool) -> Finding) -> String {
    let mut shown = String::new();
    for host in Platform::ALL {
        let installers = installers(host.os);
        let report = judged(host, &installers, &find);
        let plan = plan_setup(&report, &installers, Path::new("/state"));
        writeln!(shown, "## doctor\n{report}\n## setup --dry-run\n{plan}\n").unwrap();
    }
    shown
}

#[test]
fn a_host_with_nothing_at_all() {
    insta::assert_snapshot!(six_hosts(|_| Installers::default(), |_| Finding::missing()));
}

#[test]
fn a_host_with_rust_and_the_usual_managers() {
    insta::assert_snapshot!(six_hosts(usual, |tool| match tool {
        Tool::Cargo | Tool::Rustc => there(tool, Trial::Works),
        _ => Finding::missing(),
    }));
}

#[test]
fn a_host_where_every_tool_is_broken() {
    let failed = || Trial::Failed("it says no".to_owned());
    insta::assert_snapshot!(six_hosts(usual, |tool| there(tool, failed())));
}

/// Linux has more managers than the usual one; what `setup` does where a tool is missing or broken.
#[test]
fn the_other_managers_of_linux() {
    use crate::toolchain::Installer::{Apk, Brew, Dnf, Pacman, Zypper};
    let host = Platform::ALL[4];
    let mut shown = String::new();
    for manager in [Dnf, Zypper, Pacman, Apk, Brew] {
        let installers = Installers {
            present: vec![manager],
            is_root: true,
        };
        for finding in [
            Finding::missing(),
            there(Tool::Mold, Trial::Failed("it says no".to_owned())),
        ] {
            let report = judged(host, &installers, |tool| match tool {
                Tool::Mold => finding.clone(),
                _ => there(tool, Trial::Works),
            });
            let plan = plan_setup(&report, &installers, Path::new("/state"));
            writeln!(shown, "{plan}").unwrap();
        }
    }
    insta::assert_snapshot!(shown, @r"
    # mold
    dnf install --assumeyes mold
    # mold
    dnf reinstall --assumeyes mold
    # mold, if that fails
    dnf install --assumeyes mold
    # mold
    zypper --non-interactive install mold
    # mold
    zypper --non-interactive install --force mold
    # mold
    pacman -Sy --noconfirm --needed mold
    # mold
    pacman -Sy --noconfirm mold
    # mold
    apk add --update-cache mold
    # mold
    apk fix --update-cache --reinstall mold
    # mold, if that fails
    apk add --update-cache mold
    # mold
    brew install mold
    # mold
    brew reinstall mold
    # mold, if that fails
    brew install mold
    ");
}

#[test]
fn a_host_where_all_works() {
    let shown = six_hosts(usual, |tool| there(tool, Trial::Works));
    assert_eq!(shown.matches("ready     yes").count(), 6, "{shown}");
    assert_eq!(shown.matches("# nothing to install").count(), 6, "{shown}");
    insta::assert_snapshot!(shown.split("\n\n").next().unwrap());
}

#[test]
fn only_what_this_host_needs_makes_it_not_ready() {
    for host in Platform::ALL {
        for broken in Tool::ALL {
            let report = judged(host, &usual(host.os), |tool| {
                let failed = Trial::Failed("it says no".to_owned());
                there(tool, if tool == broken { failed } else { Trial::Works })
            });
            let needed = broken.need(host) == Need::Needed;
            assert_eq!(report.ready, !needed, "{host} {broken:?}");
            assert_eq!(report.lacking().len(), usize::from(needed));
            let row = report
                .tools
                .iter()
                .find(|r| r.known == Some(broken))
                .unwrap();
            assert_eq!(row.state, State::Broken);
            assert_eq!(row.notes[0], "it says no");
        }
    }
}

#[test]
fn what_is_too_old_is_installed_and_what_is_broken_put_there_again() {
    let host = Platform::ALL[4];
    let mut installers = usual(host.os);
    installers.is_root = true;
    let commands = |finding: &Finding| {
        let report = judged(host, &installers, |tool| match tool {
            Tool::Mold => finding.clone(),
            _ => there(tool, Trial::Works),
        });
        let plan = plan_setup(&report, &installers, Path::new("/state"));
        assert_eq!(plan.steps.len(), 1);
        plan.steps[0].ways[0].last().unwrap().clone()
    };
    let mut old = there(Tool::Mold, Trial::Not);
    old.version = Some("mold 0.9.6".to_owned());
    assert!(!commands(&old).contains("--reinstall"));
    let broken = there(Tool::Mold, Trial::Failed("no".to_owned()));
    assert!(commands(&broken).contains("--reinstall"));
}

#[test]
fn what_is_configured_wrongly_is_not_installed_again() {
    for host in Platform::ALL {
        let installers = usual(host.os);
        let report = judged(host, &installers, |tool| match tool {
            Tool::Sccache => there(tool, Trial::Misconfigured("no Redis".to_owned())),
            _ => there(tool, Trial::Works),
        });
        let row = report.tools.last().unwrap();
        assert_eq!(row.state, State::Misconfigured);
        assert!(row.install.is_empty());
        assert_eq!(row.notes[0], "no Redis");
        assert!(row.notes[1].contains("has to be mended"), "{row}");
        let plan = plan_setup(&report, &installers, Path::new("/state"));
        assert!(plan.steps.is_empty());
        assert_eq!(plan.left, ["sccache"]);
    }
}

#[test]
fn what_products_declare_is_a_row_on_the_systems_it_is_for() {
    use crate::products::{ProductTool, ProductTools};
    let tool = |name: &str, os: &[Os]| ProductTool {
        name: name.to_owned(),
        os: os.to_vec(),
        ..ProductTool::default()
    };
    let product = |name: &str, tools| Product {
        product: name.parse().unwrap(),
        group: "g".to_owned(),
        bin: name.to_owned(),
        package: name.to_owned(),
        all_bins: vec![name.to_owned()],
        installer: None,
        tools,
    };
    let products = [
        product(
            "one",
            ProductTools {
                signing: vec![tool("minisign", &[])],
                installers: vec![tool("makensis", &[Os::Windows])],
            },
        ),
        product(
            "two",
            ProductTools {
                signing: vec![tool("minisign", &[])],
                installers: Vec::new(),
            },
        ),
    ];
    for host in Platform::ALL {
        let found = declared(&products, host);
        let names: Vec<&str> = found.iter().map(|tool| tool.name.as_str()).collect();
        match host.os {
            Os::Windows => assert_eq!(names, ["makensis", "minisign"]),
            Os::Macos | Os::Linux => assert_eq!(names, ["minisign"]),
        }
        assert_eq!(found.last().unwrap().purpose, "signs one, signs two");
        let others: Vec<_> = found
            .iter()
            .map(|t| (t.clone(), Finding::missing()))
            .collect();
        let report = report(&Facts {
            host,
            installers: &Installers::default(),
            state_dir: Path::new("/state"),
            findings: &BTreeMap::new(),
            declared: &others,
        });
        assert!(!report.ready);
        let lacking = report.lacking();
        let lacking: Vec<&str> = lacking
            .iter()
            .map(|lacking| lacking.tool.as_str())
            .collect();
        assert_eq!(lacking, names);
    }
}

#[test]
fn what_several_products_say_of_one_tool_is_put_together() {
    use crate::products::{Install, ProductTool, ProductTools};
    let product = |name: &str, smallest: Option<semver::Version>, install: &str| Product {
        product: name.parse().unwrap(),
        group: "g".to_owned(),
        bin: name.to_owned(),
        package: name.to_owned(),
        all_bins: vec![name.to_owned()],
        installer: None,
        tools: ProductTools {
            signing: vec![ProductTool {
                name: "minisign".to_owned(),
                smallest,
                install: Install::anywhere(install),
                ..ProductTool::default()
            }],
            installers: Vec::new(),
        },
    };
    let version = |major| Some(semver::Version::new(major, 0, 0));
    let products = [
        product("one", None, ""),
        product("three", version(3), "brew install minisign"),
        product("two", version(2), "make minisign"),
    ];
    let host = Platform::ALL[0];
    let found = declared(&products, host);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].smallest, version(3));
    assert_eq!(found[0].install.as_deref(), Some("brew install minisign"));
    let judged = |finding: Finding| {
        let report = report(&Facts {
            host,
            installers: &Installers::default(),
            state_dir: Path::new("/state"),
            findings: &BTreeMap::new(),
            declared: &[(found[0].clone(), finding)],
        });
        (report.tools[0].state, report.lacking())
    };
    let (state, lacking) = judged(Finding::missing());
    assert_eq!(state, State::Missing);
    let how = Remedy::Declared("brew install minisign".to_owned());
    assert_eq!(lacking[0].remedy, how);
    let there = |version: &str| Finding {
        path: Some("/bin/minisign".into()),
        version: Some(version.to_owned()),
        trial: Trial::Works,
        notes: Vec::new(),
    };
    assert_eq!(judged(there("minisign 2.9")).0, State::TooOld);
    assert_eq!(judged(there("minisign 3.0")), (State::Works, Vec::new()));
}
