//! Which linker a name means, and which one a build uses by name. Pure.

use super::Tool;
use crate::shim::Policy;
use release_types::{Os, Platform};

/// The linker that a text names: as `-fuse-ld=` is given it, as it calls its version, or as it has
/// left it in a program (`mold 2.30.0 (…)`, `Linker: LLD 22.1.2`). GNU ld and Apple's leave nothing.
pub fn known_linker(text: &str) -> Option<Tool> {
    text.split_whitespace()
        .find_map(|word| match &*word.to_ascii_lowercase() {
            "mold" => Some(Tool::Mold),
            // One program under several names.
            "lld" | "lld-link" => Some(Tool::LldLink),
            _ => None,
        })
}

/// The text that the linker of this name has left, of those that a program holds.
pub fn left_by<'t>(linker: &str, texts: &'t [String]) -> Option<&'t str> {
    let linker = known_linker(linker)?;
    let mut left = texts.iter().map(String::as_str);
    left.find(|text| known_linker(text) == Some(linker))
}

/// The linker that a build on this host tries beforehand: the one that its policy names, or lld-link
/// where Windows builds for Windows; none where it is rustc's own choice.
pub fn tried_linker(host: Platform, policy: &Policy) -> Option<Tool> {
    match &policy.linker {
        Some(name) => known_linker(name),
        None => {
            let target = Platform::from_target_triple(&policy.target)?;
            (host.os == Os::Windows && target.os == Os::Windows).then_some(Tool::LldLink)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_linker_is_known_by_whatever_it_calls_itself() {
        for (text, linker) in [
            ("mold", Some(Tool::Mold)),
            ("mold 1.10.1 (compatible with GNU ld)", Some(Tool::Mold)),
            ("lld-link", Some(Tool::LldLink)),
            ("Debian LLD 14.0.6", Some(Tool::LldLink)),
            (
                "Linker: LLD 22.1.2 (/checkout/src/llvm)",
                Some(Tool::LldLink),
            ),
            ("GCC: (Debian 12.2.0-14) 12.2.0", None),
            ("rustc version 1.95.0 (59807616e 2026-04-14)", None),
            ("GNU ld (GNU Binutils for Debian) 2.40", None),
            ("", None),
        ] {
            assert_eq!(known_linker(text), linker, "{text}");
        }
    }

    #[test]
    fn only_the_linker_that_is_meant_has_left_its_name() {
        let texts = ["GCC: 12", "Linker: LLD 22.1.2"].map(str::to_owned);
        assert_eq!(left_by("lld-link", &texts), Some("Linker: LLD 22.1.2"));
        assert_eq!(left_by("mold", &texts), None);
        // Nobody knows what that would leave.
        assert_eq!(left_by("gold", &texts), None);
    }

    #[test]
    fn the_linker_of_six_hosts_and_targets() {
        for host in Platform::ALL {
            for target in Platform::ALL {
                let policy = |linker: Option<&str>| Policy {
                    rustc: "rustc".into(),
                    target: target.target_triple().to_owned(),
                    linker: linker.map(str::to_owned),
                    linker_dir: None,
                    remap: Vec::new(),
                    auditable: false,
                    lists: None,
                };
                let windows = host.os == Os::Windows && target.os == Os::Windows;
                let own = windows.then_some(Tool::LldLink);
                assert_eq!(tried_linker(host, &policy(None)), own);
                assert_eq!(tried_linker(host, &policy(Some("mold"))), Some(Tool::Mold));
            }
        }
    }
}
