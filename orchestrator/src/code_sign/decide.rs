//! Whether programs are signed: a function of host, target, settings and of which variables are set.

use super::{macos, windows};
use crate::products::{CodeSignSettings, MacosSign, WindowsSign};
use release_types::{Os, Platform};
use std::fmt;

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Nothing: nobody has asked for it.
    Off,
    /// Nothing, although it was asked for.
    Unsigned {
        /// Why.
        why: Unsigned,
        /// Whether that is an error.
        required: bool,
    },
    /// Signed for Windows.
    Windows(WindowsSign),
    /// Signed for macOS.
    Macos(MacosSign),
}

/// Why programs stay unsigned although the workspace says how they are signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unsigned {
    /// The tools are another system's.
    OtherHost {
        /// This machine.
        host: Platform,
        /// What was built for.
        target: Platform,
    },
    /// There is nothing to sign with.
    NoCredentials {
        /// What was built for.
        target: Platform,
        /// The variables that are not set.
        variables: Vec<&'static str>,
    },
}

impl fmt::Display for Unsigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherHost { host, target } => write!(
                f,
                "programs for {target} are not code-signed: the tools run on {} alone, and this is {host}",
                target.os
            ),
            Self::NoCredentials { target, variables } => write!(
                f,
                "programs for {target} are not code-signed: {} {} not set",
                variables.join(", "),
                if variables.len() == 1 { "is" } else { "are" }
            ),
        }
    }
}

/// Decides. `is_set` says whether a variable has a value.
pub fn decide(
    host: Platform,
    target: Platform,
    settings: &CodeSignSettings,
    is_set: &dyn Fn(&str) -> bool,
) -> Decision {
    let (required, needed, decision) = match (target.os, &settings.windows, &settings.macos) {
        (Os::Windows, Some(windows), _) => {
            let decision = Decision::Windows(windows.clone());
            (windows.required, windows::variables().to_vec(), decision)
        }
        (Os::Macos, _, Some(macos)) => {
            let needed = macos::variables(macos.notarize, is_set);
            (macos.required, needed, Decision::Macos(macos.clone()))
        }
        (Os::Linux | Os::Windows | Os::Macos, _, _) => return Decision::Off,
    };
    if host.os != target.os {
        let why = Unsigned::OtherHost { host, target };
        return Decision::Unsigned { why, required };
    }
    let variables: Vec<_> = needed.into_iter().filter(|name| !is_set(name)).collect();
    if variables.is_empty() {
        return decision;
    }
    let why = Unsigned::NoCredentials { target, variables };
    Decision::Unsigned { why, required }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(required: bool, notarize: bool) -> CodeSignSettings {
        CodeSignSettings {
            windows: Some(WindowsSign {
                timestamp_url: "http://time.example.com".to_owned(),
                required,
            }),
            macos: Some(MacosSign {
                notarize,
                required,
                ..MacosSign::default()
            }),
        }
    }

    #[test]
    fn on_six_hosts_for_six_targets() {
        let all = |_: &str| true;
        let none = |_: &str| false;
        for host in Platform::ALL {
            for target in Platform::ALL {
                let off = decide(host, target, &CodeSignSettings::default(), &all);
                assert_eq!(off, Decision::Off);
                let with = |is_set: &dyn Fn(&str) -> bool| {
                    decide(host, target, &settings(true, true), is_set)
                };
                if target.os == Os::Linux {
                    assert_eq!(with(&all), Decision::Off);
                    continue;
                }
                if host.os != target.os {
                    let why = Unsigned::OtherHost { host, target };
                    let required = true;
                    assert_eq!(with(&all), Decision::Unsigned { why, required });
                    continue;
                }
                match (target.os, with(&all)) {
                    (Os::Windows, Decision::Windows(_)) | (Os::Macos, Decision::Macos(_)) => {}
                    (_, other) => panic!("{host} {target}: {other:?}"),
                }
                assert!(matches!(
                    with(&none),
                    Decision::Unsigned {
                        why: Unsigned::NoCredentials { .. },
                        required: true
                    }
                ));
            }
        }
    }

    #[test]
    fn what_lacks_is_said() {
        let windows: Platform = "windows-x64".parse().unwrap();
        let mac: Platform = "macos-arm64".parse().unwrap();
        let said = |host, target, set: &[&str], notarize| {
            let decision = decide(host, target, &settings(false, notarize), &|n| {
                set.contains(&n)
            });
            match decision {
                Decision::Unsigned {
                    why,
                    required: false,
                } => why.to_string(),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(
            said(windows, windows, &["WIN_B64_PFX"], false),
            "programs for windows-x64 are not code-signed: WIN_PFX_PASSWORD is not set"
        );
        assert_eq!(
            said(
                mac,
                mac,
                &["APPLE_CERTIFICATE", "APPLE_CERTIFICATE_PASSWORD"],
                true
            ),
            "programs for macos-arm64 are not code-signed: APPLE_API_KEY, APPLE_API_ISSUER, APPLE_API_KEY_P8 are not set"
        );
        let path = [
            "APPLE_CERTIFICATE",
            "APPLE_CERTIFICATE_PASSWORD",
            "APPLE_API_KEY_PATH",
        ];
        assert_eq!(
            said(mac, mac, &path, true),
            "programs for macos-arm64 are not code-signed: APPLE_API_KEY, APPLE_API_ISSUER are not set"
        );
        let told = said(windows, mac, &[], false);
        assert!(
            told.ends_with("the tools run on macos alone, and this is windows-x64"),
            "{told}"
        );
    }
}
