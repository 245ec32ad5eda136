//! Which C compilers a build may reach, by their names and by the variables that name them, and
//! whether they know the flags that the policy asks for. Pure.

use process::Env;
use release_types::{Os, Platform};
use std::path::Path;

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

/// The value of a variable that names its compiler by an absolute path, with that path replaced by
/// what `replace` gives for it. A value that is one path as a whole may have spaces in it; else it
/// is words, as the `cc` crate splits them: wrappers, a compiler, its flags. Source: the
/// documentation of `cc`, "External configuration via environment variables".
pub(super) fn with_compiler(
    value: &str,
    is_file: impl Fn(&Path) -> bool,
    mut replace: impl FnMut(&Path) -> Option<String>,
) -> Option<String> {
    let whole = Path::new(value);
    if whole.is_absolute() && is_file(whole) {
        return replace(whole);
    }
    let words: Vec<&str> = value.split_whitespace().collect();
    let at = words.iter().position(|word| !is_wrapper(word))?;
    let compiler = Path::new(words[at]);
    if !compiler.is_absolute() || !is_file(compiler) {
        return None;
    }
    let new = replace(compiler)?;
    Some(
        [&words[..at], &[&*new], &words[at + 1..]]
            .concat()
            .join(" "),
    )
}

/// Whether a word of such a value is a program that runs the compiler named after it.
fn is_wrapper(word: &str) -> bool {
    const KNOWN: [&str; 6] = [
        "ccache",
        "distcc",
        "sccache",
        "icecc",
        "cachepot",
        "buildcache",
    ];
    let stem = Path::new(word).file_stem().and_then(|stem| stem.to_str());
    stem.is_some_and(|stem| KNOWN.contains(&stem))
}

/// The programs that `CC`, `CXX` and their forms for a target name; words after the first are
/// flags, or what a wrapper wraps.
fn named_compilers(env: &Env) -> impl Iterator<Item = &str> {
    compiler_variables(env).flat_map(|(_, value)| {
        value
            .split_whitespace()
            .take_while(|word| !word.starts_with('-'))
    })
}

/// `CC`, `CXX` and their forms for this machine and for targets that can be built, where they are
/// set. Other names that begin alike are no compilers: `CC_TEST_REPORTER_ID` is one of them.
pub(super) fn compiler_variables(env: &Env) -> impl Iterator<Item = (&str, &str)> {
    env.iter().filter_map(|(name, value)| {
        let name = name.to_str()?;
        let form = name
            .strip_prefix("HOST_")
            .or_else(|| name.strip_prefix("TARGET_"))
            .unwrap_or(name);
        let triple = match form
            .strip_prefix("CC")
            .or_else(|| form.strip_prefix("CXX"))?
        {
            "" => return Some((name, value.to_str()?)),
            _ if form != name => return None,
            rest => rest.strip_prefix('_')?.replace('-', "_"),
        };
        let known = |platform: Platform| platform.target_triple().replace('-', "_") == triple;
        let value = value.to_str()?;
        Platform::ALL
            .into_iter()
            .any(known)
            .then_some((name, value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(vars: &[(&str, &str)]) -> Env {
        vars.iter().copied().collect()
    }

    #[test]
    fn flags_for_all_but_the_compilers_of_windows() {
        for host in Platform::ALL {
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
    fn what_begins_like_a_compilers_variable_is_none() {
        let vars = env(&[
            ("CC_TEST_REPORTER_ID", "0123abcd"),
            ("CC_aarch64-apple-darwin", "clang"),
            ("HOST_CXX", "g++"),
            ("HOST_CC_x86_64_unknown_linux_gnu", "nobody-reads-this"),
            ("CCACHE_DIR", "/c"),
        ]);
        let mut found: Vec<&str> = compiler_variables(&vars).map(|(name, _)| name).collect();
        found.sort_unstable();
        assert_eq!(found, ["CC_aarch64-apple-darwin", "HOST_CXX"]);
    }

    #[test]
    fn a_compiler_named_by_its_path_is_replaced() {
        let of = |value: &str| {
            let is_file = |path: &Path| ["/opt/cc", "/my tools/cc"].map(Path::new).contains(&path);
            let new = |path: &Path| Some(format!("1-{}", path.file_name()?.to_str()?));
            with_compiler(value, is_file, new)
        };
        assert_eq!(of("/opt/cc").unwrap(), "1-cc");
        assert_eq!(of("/my tools/cc").unwrap(), "1-cc");
        assert_eq!(of("/opt/cc -m64  -O1").unwrap(), "1-cc -m64 -O1");
        assert_eq!(of("ccache /opt/cc -m64").unwrap(), "ccache 1-cc -m64");
        for kept in ["gcc -m64", "ccache gcc", "/nowhere/cc", "opt/cc", ""] {
            assert_eq!(of(kept), None, "{kept}");
        }
    }
}
