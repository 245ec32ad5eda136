//! What cargo has been told by files and environment, as far as it decides over what is exported:
//! where rustflags stand, and how much debug information a release has.
//!
//! Cargo has no stable command that tells its effective configuration, so the files are read as it
//! reads them. Sources: The Cargo Book, "Configuration"; which flags silence which was tried with
//! cargo 1.95.

use process::Env;
use std::path::{Path, PathBuf};
use toml::Table;

/// A configuration file that was read.
#[derive(Debug, Clone)]
pub struct ConfigFile {
    /// Its path.
    pub path: PathBuf,
    /// What stands in it.
    pub table: Table,
}

/// The files that cargo reads when it is run in a folder, nearest first: `.cargo/config.toml` there
/// and in every folder above, and `config.toml` in cargo's own. A name without `.toml` is still
/// taken, and before the other.
pub fn paths(cwd: &Path, cargo_home: Option<&Path>) -> Vec<[PathBuf; 2]> {
    let pair = |dir: PathBuf| [dir.join("config"), dir.join("config.toml")];
    let mut paths: Vec<[PathBuf; 2]> = cwd
        .ancestors()
        .map(|dir| pair(dir.join(".cargo")))
        .collect();
    if let Some(home) = cargo_home {
        let home = pair(home.to_owned());
        // It may be one of the folders above, and counts once then.
        if !paths.contains(&home) {
            paths.push(home);
        }
    }
    paths
}

/// Reads those files. What cannot be read or understood is left out: cargo will say so itself.
pub fn read(cwd: &Path, cargo_home: Option<&Path>) -> Vec<ConfigFile> {
    let pairs = paths(cwd, cargo_home).into_iter();
    pairs
        .filter_map(|pair| pair.into_iter().find_map(|path| read_file(&path)))
        .collect()
}

/// Those of the files that are there and cannot be read or understood, with why.
pub fn broken(cwd: &Path, cargo_home: Option<&Path>) -> Vec<(PathBuf, String)> {
    let there = paths(cwd, cargo_home)
        .into_iter()
        .filter_map(|pair| pair.into_iter().find(|path| path.exists()));
    there
        .filter_map(|path| {
            let why = try_read_file(&path).err()?;
            Some((path, why))
        })
        .collect()
}

/// Reads one file of TOML, if it can be.
pub fn read_file(path: &Path) -> Option<ConfigFile> {
    try_read_file(path).ok()
}

fn try_read_file(path: &Path) -> Result<ConfigFile, String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    let table = toml::from_str(&text).map_err(|error| {
        let line = error
            .span()
            .map(|span| text[..span.start].lines().count().max(1));
        let line = line
            .map(|line| format!("line {line}: "))
            .unwrap_or_default();
        format!("{line}{}", error.message())
    })?;
    Ok(ConfigFile {
        path: path.to_owned(),
        table,
    })
}

/// Whether a path of keys leads to something in a file.
fn has(table: &Table, keys: [&str; 3]) -> bool {
    let [first, second, third] = keys;
    let second = table.get(first).and_then(|value| value.get(second));
    second.is_some_and(|value| third.is_empty() || value.get(third).is_some())
}

/// The variable that says how much debug information a release has.
pub const DEBUG: &str = "CARGO_PROFILE_RELEASE_DEBUG";

/// How much debug information a release is to have, where somebody has said it: the environment,
/// which wins over configuration files, and those over the workspace's manifest. Source: The Cargo
/// Book, "Configuration".
pub fn release_debug(
    manifest: Option<&Table>,
    files: &[ConfigFile],
    env: &Env,
) -> Option<toml::Value> {
    if let Some(said) = env.get(DEBUG)
        && !said.is_empty()
    {
        return Some(said.to_string_lossy().into_owned().into());
    }
    let tables = files.iter().map(|file| &file.table).chain(manifest);
    let mut said = tables.filter_map(|table| table.get("profile")?.get("release")?.get("debug"));
    said.next().cloned()
}

/// Whether somebody has said it.
pub fn debug_is_said(manifest: Option<&Table>, files: &[ConfigFile], env: &Env) -> bool {
    release_debug(manifest, files, env).is_some()
}

/// Whether the manifest of the workspace at `root`, cargo's configuration there or the environment
/// says it.
pub fn debug_is_said_at(root: &Path, cargo_home: Option<&Path>, env: &Env) -> bool {
    let manifest = read_file(&root.join("Cargo.toml"));
    let files = read(root, cargo_home);
    debug_is_said(manifest.as_ref().map(|file| &file.table), &files, env)
}

/// Asks for mold.
const MOLD: &str = "-C link-arg=-fuse-ld=mold";

/// The one variable that asks for mold where there is no shim, and what it does to other flags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MoldVariable {
    /// Its name.
    pub name: String,
    /// Its value, which keeps what was in it.
    pub value: String,
    /// What it silences, or what silences it.
    pub warnings: Vec<String>,
}

/// Makes the variable for a target.
///
/// It is `CARGO_TARGET_<TRIPLE>_RUSTFLAGS`: cargo adds it to the flags of `target.<triple>` and
/// `target.'cfg(…)'`, and other targets do not see it. `CARGO_BUILD_RUSTFLAGS` would reach every
/// target and be silenced by any flag of `target.*`; `RUSTFLAGS` would silence all configuration.
/// What it does silence is `build.rustflags`, unless `target.<triple>` has done so already.
pub fn mold_variable(triple: &str, files: &[ConfigFile], env: &Env) -> MoldVariable {
    let name = rustflags_variable(triple);
    let old = env
        .get(&name)
        .map(|value| value.to_string_lossy().trim().to_owned())
        .unwrap_or_default();
    let mut warnings = Vec::new();
    // Cargo counts an empty one too.
    for louder in ["CARGO_ENCODED_RUSTFLAGS", "RUSTFLAGS"] {
        if env.get(louder).is_some() {
            warnings.push(format!(
                "{name} has no effect while {louder} is set: mold will not be used; \
                 unset {louder}, or add `{MOLD}` to it"
            ));
        }
    }
    let silent_already = !old.is_empty()
        || !warnings.is_empty()
        || files
            .iter()
            .any(|file| has(&file.table, ["target", triple, "rustflags"]));
    if !silent_already {
        let mut silenced: Vec<String> = files
            .iter()
            .filter(|file| has(&file.table, ["build", "rustflags", ""]))
            .map(|file| format!("build.rustflags of {}", file.path.display()))
            .collect();
        if env.is_set("CARGO_BUILD_RUSTFLAGS") {
            silenced.push("CARGO_BUILD_RUSTFLAGS".to_owned());
        }
        warnings.extend(silenced.into_iter().map(|what| {
            format!(
                "{name} silences {what}; put those flags under target.{triple}.rustflags, \
                 where both are in force"
            )
        }));
    }
    let value = match old {
        old if old.is_empty() => MOLD.to_owned(),
        // Somebody has chosen a linker.
        old if old.contains("-fuse-ld=") => old,
        old => format!("{old} {MOLD}"),
    };
    MoldVariable {
        name,
        value,
        warnings,
    }
}

/// Takes what [`mold_variable`] adds out of an environment: a build asks for mold by its shim, and an
/// earlier step's variable would silence flags, and link with mold where it is not wanted.
pub fn forget_mold_variable(triple: &str, env: &mut Env) {
    let name = rustflags_variable(triple);
    let rest = env.get(&name).and_then(|value| value.to_str());
    let rest = rest.and_then(|value| value.trim_end().strip_suffix(MOLD));
    // Only whole words are ours.
    let rest = rest.filter(|rest| rest.is_empty() || rest.ends_with(' '));
    let Some(rest) = rest.map(|rest| rest.trim().to_owned()) else {
        return;
    };
    // An empty one would silence too.
    if rest.is_empty() {
        env.remove(&name);
    } else {
        env.set(name, rest);
    }
}

/// The variable that holds one target's flags.
pub fn rustflags_variable(triple: &str) -> String {
    target_variable(triple, "RUSTFLAGS")
}

/// The variable that stands for a setting of `target.<triple>`: `CARGO_TARGET_<TRIPLE>_LINKER` and
/// its like. Source: The Cargo Book, "Environment variables".
pub fn target_variable(triple: &str, setting: &str) -> String {
    let triple = triple.to_uppercase().replace(['-', '.'], "_");
    format!("CARGO_TARGET_{triple}_{setting}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINUX: &str = "x86_64-unknown-linux-gnu";
    const NAME: &str = "CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUSTFLAGS";

    fn files(texts: &[&str]) -> Vec<ConfigFile> {
        let file = |text: &&str| ConfigFile {
            path: "/w/.cargo/config.toml".into(),
            table: toml::from_str(text).unwrap(),
        };
        texts.iter().map(file).collect()
    }

    fn env(vars: &[(&str, &str)]) -> Env {
        vars.iter().copied().collect()
    }

    #[test]
    fn the_files_are_those_of_the_folder_and_all_above_and_cargos_own() {
        let of = |cwd: &str, home: &str| -> Vec<String> {
            let paths = paths(Path::new(cwd), Some(Path::new(home)));
            paths
                .iter()
                .map(|[_, new]| new.display().to_string())
                .collect()
        };
        assert_eq!(
            of("/w/a", "/home/me/.cargo"),
            [
                "/w/a/.cargo/config.toml",
                "/w/.cargo/config.toml",
                "/.cargo/config.toml",
                "/home/me/.cargo/config.toml"
            ]
        );
        assert_eq!(of("/h", "/h/.cargo").len(), 2);
    }

    #[test]
    fn debug_information_is_said_by_profile_configuration_or_environment() {
        let said = |manifest: &str, config: &[&str], vars: &[(&str, &str)]| {
            let manifest: Table = toml::from_str(manifest).unwrap();
            debug_is_said(Some(&manifest), &files(config), &env(vars))
        };
        assert!(!said("[profile.release]\nstrip = true\n", &[], &[]));
        assert!(!said(
            "[profile.dev]\ndebug = 2\n",
            &["[build]\njobs = 1"],
            &[]
        ));
        assert!(said("[profile.release]\ndebug = 1\n", &[], &[]));
        assert!(said("[profile.release]\ndebug = false\n", &[], &[]));
        assert!(said(
            "",
            &["[profile.release]\ndebug = 'line-tables-only'"],
            &[]
        ));
        assert!(said("", &[], &[("CARGO_PROFILE_RELEASE_DEBUG", "1")]));
        assert!(!debug_is_said(None, &[], &Env::default()));
    }

    #[test]
    fn mold_is_asked_for_beside_the_targets_flags() {
        for config in [
            "[target.x86_64-unknown-linux-gnu]\nrustflags = ['--cfg', 'a']",
            "[target.x86_64-unknown-linux-gnu]\nrustflags = '--cfg a'",
            "[target.'cfg(target_os = \"linux\")']\nrustflags = ['--cfg', 'a']",
            "",
        ] {
            let mold = mold_variable(LINUX, &files(&[config]), &Env::default());
            assert_eq!(mold.name, NAME);
            assert_eq!(mold.value, MOLD);
            assert!(mold.warnings.is_empty(), "{config}: {:?}", mold.warnings);
        }
    }

    #[test]
    fn what_it_silences_and_what_silences_it_is_said() {
        let build = files(&["[build]\nrustflags = ['--cfg', 'a']"]);
        let warns = |files: &[ConfigFile], vars: &[(&str, &str)]| {
            mold_variable(LINUX, files, &env(vars)).warnings
        };
        let warning = &warns(&build, &[])[0];
        assert!(
            warning.contains("silences build.rustflags of /w/.cargo/config.toml"),
            "{warning}"
        );
        let warning = &warns(&[], &[("CARGO_BUILD_RUSTFLAGS", "-O")])[0];
        assert!(
            warning.contains("silences CARGO_BUILD_RUSTFLAGS"),
            "{warning}"
        );
        for louder in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS"] {
            for value in ["", "-O"] {
                let warnings = warns(&build, &[(louder, value)]);
                assert_eq!(warnings.len(), 1, "{warnings:?}");
                let says = format!("no effect while {louder} is set");
                assert!(warnings[0].contains(&says), "{warnings:?}");
            }
        }
        // Silenced already, by another than us.
        let both =
            "[build]\nrustflags = ['-O']\n[target.x86_64-unknown-linux-gnu]\nrustflags = ['-O']";
        assert!(warns(&files(&[both]), &[]).is_empty());
        assert!(warns(&build, &[(NAME, "-O")]).is_empty());
    }

    #[test]
    fn what_was_in_the_variable_stays_in_it() {
        let value = |old: &str| mold_variable(LINUX, &[], &env(&[(NAME, old)])).value;
        assert_eq!(value("-O "), format!("-O {MOLD}"));
        assert_eq!(value("-Clink-arg=-fuse-ld=lld"), "-Clink-arg=-fuse-ld=lld");
        assert_eq!(value(MOLD), MOLD);
    }

    #[test]
    fn a_build_forgets_what_was_added_and_nothing_else() {
        let left = |value: &str| {
            let mut env = env(&[(NAME, value), ("RUSTFLAGS", MOLD)]);
            forget_mold_variable(LINUX, &mut env);
            assert_eq!(env.get("RUSTFLAGS").unwrap(), MOLD);
            env.get(NAME)
                .map(|value| value.to_str().unwrap().to_owned())
        };
        assert_eq!(left(MOLD), None);
        for (value, rest) in [
            ("-O", "-O"),
            ("", ""),
            ("-Clink-arg=-fuse-ld=mold", "-Clink-arg=-fuse-ld=mold"),
            (
                "-C link-arg=-fuse-ld=mold -O",
                "-C link-arg=-fuse-ld=mold -O",
            ),
        ] {
            assert_eq!(left(value).as_deref(), Some(rest));
        }
        for old in ["-O", "--cfg a -O "] {
            let added = mold_variable(LINUX, &[], &env(&[(NAME, old)])).value;
            assert_eq!(left(&added).as_deref(), Some(old.trim()));
        }
    }
}
