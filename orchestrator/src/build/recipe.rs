//! The recipe of a build: enough to make its bytes again on some other machine, so that no folder of
//! this one stands in it.

use super::profile::Profile;
use super::variables::{deciding, given};
use super::{BuildError, BuiltProduct};
use crate::cargo_config::{self, ConfigFile};
use crate::context::World;
use crate::plan::Plan;
use crate::toolchain::{APPLE_LINKER, Question, Tool, Toolchain, first_line, known_linker};
use process::{Env, ProcessError};
use release_types::{Os, Platform, Sha256Digest};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// What decides about the bytes beside the commit, rustc and the target. Folders are written as the
/// names that stand for them in the programs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Recipe {
    /// When the commit was made, in seconds since 1970.
    pub commit_time: i64,
    /// The digest of `Cargo.lock`.
    pub lock_sha256: Option<Sha256Digest>,
    /// What `cargo --version` prints.
    pub cargo: String,
    /// The linker that linked, and its version.
    pub linker: Option<String>,
    /// The first line of what the C compiler prints for `--version`.
    pub c_compiler: Option<String>,
    /// Flags the shim added for the target.
    pub rustc_flags: Vec<String>,
    /// Flags that C compilers were given.
    pub c_flags: Vec<String>,
    /// Whether the programs hold the list of their packages.
    pub auditable: bool,
    /// `[profile.release]` of the workspace.
    pub profile: Option<serde_json::Value>,
    /// Variables that decide about bytes, whoever set them.
    pub environment: BTreeMap<String, String>,
}

/// The recipe of a build that was made: the tools that took part, and the variables that decide about
/// bytes.
pub(super) async fn recipe(
    world: &World,
    plan: &Plan,
    toolchain: &Toolchain,
    products: &[BuiltProduct],
    profile: &Profile,
) -> Result<Recipe, BuildError> {
    let (rustc_flags, c_flags) = toolchain.policy.portable_flags();
    let path = plan.root.join("Cargo.lock");
    let lock = std::fs::read(&path).map_err(|source| BuildError::Read { path, source })?;
    let question = Question {
        program: &toolchain.cargo,
        words: &[],
        flag: "--version",
        cwd: &plan.root,
    };
    let cargo = first_line(world, &question).await?;
    let env = given(&world.env, &plan.pass_env);
    let triple = plan.platform.target_triple();
    let words = c_compiler(&env, world.host, plan.platform);
    let c_compiler = told(world, &words, "--version", &plan.root).await?;
    let mut linker = products.iter().find_map(|p| linker_in(&p.inspection.tools));
    if linker.is_none() && plan.platform.os == Os::Windows {
        let lld = [Tool::LldLink.name().to_owned()];
        linker = told(world, &lld, "--version", &plan.root).await?;
    } else if linker.is_none() {
        // GNU ld and Apple's leave no name; the program that rustc links with tells which it runs.
        let configuration = cargo_config::read(&plan.root, Some(&plan.cargo_home));
        let words = [driver(&env, triple, &configuration)];
        let flag = match world.host.os {
            Os::Macos => APPLE_LINKER,
            Os::Linux | Os::Windows => "-Wl,--version",
        };
        linker = told(world, &words, flag, &plan.root).await?;
    }
    Ok(Recipe {
        commit_time: plan.commit_time,
        lock_sha256: Some(Sha256Digest::of(&lock)),
        cargo,
        linker,
        c_compiler,
        rustc_flags,
        c_flags: if toolchain.c_compilers.is_some() {
            c_flags
        } else {
            Vec::new()
        },
        auditable: toolchain.policy.auditable,
        profile: profile.to_json(),
        environment: deciding(&world.env, plan),
    })
}

/// The linker among what compilers and linkers have left of their names.
fn linker_in(tools: &[String]) -> Option<String> {
    let mut known = tools.iter().filter(|tool| known_linker(tool).is_some());
    known.next().cloned()
}

/// The C compiler that build scripts use for a target, and what stands before it: the first that is
/// named of what the `cc` crate reads, else the usual name.
fn c_compiler(env: &Env, host: Platform, target: Platform) -> Vec<String> {
    let triple = target.target_triple();
    let forms = [
        format!("CC_{triple}"),
        format!("CC_{}", triple.replace('-', "_")),
        (if host == target {
            "HOST_CC"
        } else {
            "TARGET_CC"
        })
        .to_owned(),
        "CC".to_owned(),
    ];
    let named = forms.iter().find(|form| env.is_set(form));
    let text = named.and_then(|name| env.get(name));
    match text {
        Some(text) => {
            let text = text.to_string_lossy();
            // The `cc` crate too takes a value that is one path as a whole.
            match Path::new(&*text).is_file() {
                true => vec![text.into_owned()],
                false => text.split_whitespace().map(str::to_owned).collect(),
            }
        }
        None if host != target && target.os == Os::Linux => {
            vec![triple.replace("-unknown", "") + "-gcc"]
        }
        None => vec!["cc".to_owned()],
    }
}

/// What rustc links with for a target: what the environment or a configuration file names, else
/// `cc`.
fn driver(env: &Env, triple: &str, configuration: &[ConfigFile]) -> String {
    let name = cargo_config::target_variable(triple, "LINKER");
    let named = env.get(&name).filter(|value| !value.is_empty());
    let configured = || {
        configuration.iter().find_map(|file| {
            let linker = file.table.get("target")?.get(triple)?.get("linker")?;
            Some(linker.as_str()?.to_owned())
        })
    };
    let named = named.map(|value| value.to_string_lossy().into_owned());
    named.or_else(configured).unwrap_or_else(|| "cc".to_owned())
}

/// The first line that a program tells about itself; nothing where it is not there.
async fn told(
    world: &World,
    words: &[String],
    flag: &str,
    cwd: &Path,
) -> Result<Option<String>, BuildError> {
    let Some((program, more)) = words.split_first() else {
        return Ok(None);
    };
    let Some(program) = world.find_program(program) else {
        return Ok(None);
    };
    let question = Question {
        program: &program,
        words: more,
        flag,
        cwd,
    };
    match first_line(world, &question).await {
        Ok(line) => Ok(Some(line).filter(|line| !line.is_empty())),
        Err(error @ ProcessError::Interrupted { .. }) => Err(error.into()),
        Err(error) => {
            tracing::debug!(%error, "a tool did not tell its version");
            Ok(None)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compilers_and_linkers_of_a_target() {
        let linux: Platform = "linux-x64".parse().unwrap();
        let arm: Platform = "linux-arm64".parse().unwrap();
        let mac: Platform = "macos-arm64".parse().unwrap();
        let env = |vars: &[(&str, &str)]| -> Env { vars.iter().copied().collect() };
        let of = |vars: &[(&str, &str)], target| c_compiler(&env(vars), linux, target).join(" ");
        assert_eq!(of(&[], linux), "cc");
        assert_eq!(of(&[], arm), "aarch64-linux-gnu-gcc");
        assert_eq!(c_compiler(&env(&[]), mac, mac), ["cc"]);
        assert_eq!(
            of(&[("CC", "ccache gcc"), ("TARGET_CC", "x")], linux),
            "ccache gcc"
        );
        assert_eq!(of(&[("CC", "gcc"), ("TARGET_CC", "x")], arm), "x");
        let vars = [("TARGET_CC", "x"), ("CC_aarch64_unknown_linux_gnu", "y")];
        assert_eq!(of(&vars, arm), "y");

        let triple = arm.target_triple();
        let file = ConfigFile {
            path: "config.toml".into(),
            table: toml::from_str(&format!("target.{triple}.linker = \"a\"")).unwrap(),
        };
        assert_eq!(driver(&env(&[]), triple, &[]), "cc");
        assert_eq!(driver(&env(&[]), triple, std::slice::from_ref(&file)), "a");
        let vars = [("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER", "b")];
        assert_eq!(driver(&env(&vars), triple, &[file]), "b");
    }

    #[test]
    fn linkers_that_leave_their_name() {
        let of =
            |tools: &[&str]| linker_in(&tools.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>());
        assert_eq!(
            of(&["GCC: 12", "mold 1.10.1 (compatible with GNU ld)", "rustc 1"]).unwrap(),
            "mold 1.10.1 (compatible with GNU ld)"
        );
        assert_eq!(
            of(&["GCC: 12", "Linker: LLD 22.1.2"]).unwrap(),
            "Linker: LLD 22.1.2"
        );
        assert_eq!(of(&["GCC: 12", "rustc 1"]), None);
    }
}
