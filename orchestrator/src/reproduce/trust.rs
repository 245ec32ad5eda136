//! Which variables of somebody else's record may be put in force without leave. A flag, a path or the
//! name of a program decides what this machine runs; a number or a word that only a compiler reads
//! does not. Pure.

use crate::toolchain::{CommonEnv, common_environment};

/// Variables whose values are data to whatever reads them: no program, no file and no flag.
const DATA: [&str; 9] = [
    "ATLAS_BUILD_COMMIT",
    "ATLAS_BUILD_VERSION",
    "IPHONEOS_DEPLOYMENT_TARGET",
    "LANG",
    "LC_ALL",
    "MACOSX_DEPLOYMENT_TARGET",
    "SOURCE_DATE_EPOCH",
    "TZ",
    "ZERO_AR_DATE",
];

/// The keys of a profile that choose among what the compiler can do by itself. The rest of them,
/// `rustflags` above all, do not count. Source: The Cargo Book, "Profiles".
const PROFILE_KEYS: [&str; 11] = [
    "CODEGEN_UNITS",
    "DEBUG",
    "DEBUG_ASSERTIONS",
    "INCREMENTAL",
    "LTO",
    "OPT_LEVEL",
    "OVERFLOW_CHECKS",
    "PANIC",
    "RPATH",
    "SPLIT_DEBUGINFO",
    "STRIP",
];

/// Those of a record's variables that need leave, as `NAME=value`, each in one line. `changed` are
/// those that are not set like that here.
pub(super) fn need_leave(changed: &[(String, String)]) -> Vec<String> {
    let every_build = common_environment(&CommonEnv {
        debug_is_said: true,
        sccache: None,
        github_cache: false,
    });
    let settings = changed.iter().filter(|(name, value)| {
        let ours = every_build.get(name.as_str()) == Some(value);
        !ours && !is_data(name)
    });
    settings.map(|(name, value)| setting(name, value)).collect()
}

/// A variable and its value in one line.
fn setting(name: &str, value: &str) -> String {
    crate::text::one_line(&format!("{name}={value}"))
}

fn is_data(name: &str) -> bool {
    let key = name
        .strip_prefix("CARGO_PROFILE_")
        .and_then(|rest| rest.split_once('_'));
    DATA.contains(&name) || key.is_some_and(|(_, key)| PROFILE_KEYS.contains(&key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needed(name: &str, value: &str) -> bool {
        !need_leave(&[(name.to_owned(), value.to_owned())]).is_empty()
    }

    #[test]
    fn what_can_run_something_needs_leave() {
        for name in [
            "RUSTFLAGS",
            "CARGO_ENCODED_RUSTFLAGS",
            "CARGO_BUILD_RUSTFLAGS",
            "CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER",
            "CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER",
            "CARGO_PROFILE_RELEASE_RUSTFLAGS",
            "CARGO_PROFILE_RELEASE_CODEGEN_BACKEND",
            "CARGO_PROFILE_RELEASE_BUILD_OVERRIDE_RUSTFLAGS",
            "CARGO_ALIAS_BUILD",
            "CC",
            "CXX_x86_64_unknown_linux_gnu",
            "CFLAGS",
            "AR",
            "PKG_CONFIG_PATH",
            "PROTOC",
            "SOMETHING_OF_TOMORROW",
        ] {
            assert!(needed(name, "x"), "{name}");
        }
        // Every build names this one, and no other.
        let name = "CARGO_TARGET_AARCH64_PC_WINDOWS_MSVC_LINKER";
        assert!(!needed(name, "lld-link"));
        assert!(needed(name, "/tmp/lld-link"));
    }

    #[test]
    fn what_is_only_read_needs_none() {
        for name in [
            "CARGO_INCREMENTAL",
            "CARGO_PROFILE_RELEASE_OPT_LEVEL",
            "CARGO_PROFILE_RELEASE_DEBUG",
            "SOURCE_DATE_EPOCH",
        ] {
            assert!(!needed(name, "0"), "{name}");
        }
        let found = need_leave(&[("CC".to_owned(), "a\nidentical  b".to_owned())]);
        assert_eq!(found, ["CC=a\\nidentical  b"]);
    }
}
