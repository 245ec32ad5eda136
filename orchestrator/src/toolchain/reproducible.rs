//! What makes a build come out the same everywhere, beside what the shim does: variables, and the
//! flags of C compilers. Pure functions; docs/reproducible-builds.md says what each is for.

use process::Env;
use release_types::{Os, Platform};
use std::collections::BTreeMap;
use std::ffi::OsString;

/// The variables, for a host and the commit's time in seconds since 1970.
pub(super) fn variables(host: Platform, commit_time: i64) -> BTreeMap<&'static str, String> {
    let mut env = BTreeMap::from([
        ("CARGO_INCREMENTAL", "0".to_owned()),
        ("SOURCE_DATE_EPOCH", commit_time.to_string()),
    ]);
    if host.os != Os::Windows {
        env.insert("LC_ALL", "C".to_owned());
        env.insert("TZ", "UTC".to_owned());
    }
    if host.os == Os::Macos {
        env.insert("ZERO_AR_DATE", "1".to_owned());
    }
    env
}

/// Whether compilers of this host for this target know `-ffile-prefix-map`: all but MSVC's.
pub fn c_compilers_map(host: Platform, target: Platform) -> bool {
    host.os != Os::Windows && target.os != Os::Windows
}

/// The names under which C compilers are looked for: the usual ones, those that the `cc` crate
/// takes for a Linux target of another machine, and those that the environment names.
pub fn c_compilers(env: &Env) -> Vec<String> {
    const USUAL: [&str; 6] = ["cc", "c++", "gcc", "g++", "clang", "clang++"];
    let mut names: Vec<String> = USUAL.map(str::to_owned).into();
    for machine in ["x86_64", "aarch64"] {
        names.extend(["gcc", "g++"].map(|tool| format!("{machine}-linux-gnu-{tool}")));
    }
    names.extend(
        named_compilers(env)
            .filter(|name| !name.contains(['/', '\\']))
            .map(str::to_owned),
    );
    names.sort();
    names.dedup();
    names
}

/// The variable that has to carry the flags, and its value, where the environment names a compiler
/// by its path: that one cannot be reached by a name on `PATH`.
///
/// The `cc` crate reads `CFLAGS_<target>`, `HOST_CFLAGS` or `TARGET_CFLAGS`, and `CFLAGS`. Its
/// older versions read only the first that is set, so that one is added to, and nothing of it is
/// lost. Source: the documentation of `cc`, "External configuration via environment variables".
pub fn compiler_flags(
    env: &Env,
    host: Platform,
    target: Platform,
    flags: &[OsString],
) -> Vec<(String, OsString)> {
    if !c_compilers_map(host, target) || !named_compilers(env).any(|name| name.contains('/')) {
        return Vec::new();
    }
    let triple = target.target_triple();
    let kind = if host == target { "HOST" } else { "TARGET" };
    let added = |name: &str| {
        let forms = [
            format!("{name}_{triple}"),
            format!("{name}_{}", triple.replace('-', "_")),
            format!("{kind}_{name}"),
            name.to_owned(),
        ];
        let set = forms.iter().find(|form| env.is_set(form));
        let variable = set.unwrap_or(&forms[3]).clone();
        let mut value = env.get(&variable).unwrap_or_default().to_owned();
        for flag in flags {
            if !value.is_empty() {
                value.push(" ");
            }
            value.push(flag);
        }
        (variable, value)
    };
    vec![added("CFLAGS"), added("CXXFLAGS")]
}

/// The programs that `CC`, `CXX` and their forms for a target name; words after the first are
/// flags, or what a wrapper wraps.
fn named_compilers(env: &Env) -> impl Iterator<Item = &str> {
    env.iter()
        .filter(|(name, _)| {
            name.to_str().is_some_and(|name| {
                let name = name
                    .strip_prefix("HOST_")
                    .or_else(|| name.strip_prefix("TARGET_"))
                    .unwrap_or(name);
                ["CC", "CXX"].contains(&name) || name.starts_with("CC_") || name.starts_with("CXX_")
            })
        })
        .filter_map(|(_, value)| value.to_str())
        .flat_map(|value| {
            value
                .split_whitespace()
                .take_while(|word| !word.starts_with('-'))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(vars: &[(&str, &str)]) -> Env {
        vars.iter().copied().collect()
    }

    #[test]
    fn variables_of_six_hosts() {
        for host in Platform::ALL {
            let vars = variables(host, 1_700_000_000);
            assert_eq!(vars["SOURCE_DATE_EPOCH"], "1700000000");
            assert_eq!(vars["CARGO_INCREMENTAL"], "0");
            assert_eq!(vars.contains_key("TZ"), host.os != Os::Windows);
            assert_eq!(vars.contains_key("LC_ALL"), host.os != Os::Windows);
            assert_eq!(vars.contains_key("ZERO_AR_DATE"), host.os == Os::Macos);
            for target in Platform::ALL {
                let windows = host.os == Os::Windows || target.os == Os::Windows;
                assert_eq!(c_compilers_map(host, target), !windows);
            }
        }
    }

    #[test]
    fn compilers_by_name() {
        let names = c_compilers(&env(&[
            ("CC", "gcc-12 -m64"),
            ("CXX_x86_64-unknown-linux-gnu", "ccache g++-12"),
            ("TARGET_CC", "/opt/cc"),
            ("CCACHE_DIR", "no-compiler"),
        ]));
        for name in ["cc", "c++", "gcc-12", "g++-12", "aarch64-linux-gnu-gcc"] {
            assert!(names.contains(&name.to_owned()), "{name}: {names:?}");
        }
        assert!(
            !names
                .iter()
                .any(|n| n.contains('/') || n.starts_with("no-"))
        );
    }

    #[test]
    fn flags_of_the_user_stay_where_the_compiler_is_a_path() {
        let linux: Platform = "linux-x64".parse().unwrap();
        let arm: Platform = "linux-arm64".parse().unwrap();
        let windows: Platform = "windows-x64".parse().unwrap();
        let flags = [OsString::from("-ffile-prefix-map=/a=/workspace")];
        let of = |vars: &[(&str, &str)], target| {
            compiler_flags(&env(vars), linux, target, &flags)
                .into_iter()
                .map(|(name, value)| format!("{name}={}", value.display()))
                .collect::<Vec<_>>()
        };
        let map = "-ffile-prefix-map=/a=/workspace";
        assert!(of(&[("CC", "gcc"), ("CFLAGS", "-O3")], linux).is_empty());
        assert!(of(&[("CC", "/opt/cl")], windows).is_empty());
        assert_eq!(
            of(&[("CC", "/opt/cc"), ("CFLAGS", "-O3")], linux),
            [format!("CFLAGS=-O3 {map}"), format!("CXXFLAGS={map}")]
        );
        assert_eq!(
            of(
                &[
                    ("CC_aarch64_unknown_linux_gnu", "/opt/cc"),
                    ("CFLAGS", "-O1"),
                    ("TARGET_CFLAGS", "-O2"),
                    ("CXXFLAGS_aarch64_unknown_linux_gnu", "-O3"),
                ],
                arm
            ),
            [
                format!("TARGET_CFLAGS=-O2 {map}"),
                format!("CXXFLAGS_aarch64_unknown_linux_gnu=-O3 {map}")
            ]
        );
        assert_eq!(
            of(&[("HOST_CC", "/opt/cc"), ("HOST_CFLAGS", "-O2")], linux)[0],
            format!("HOST_CFLAGS=-O2 {map}")
        );
    }
}
