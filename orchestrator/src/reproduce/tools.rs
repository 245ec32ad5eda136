//! The tools and variables of a record and those of this machine: other ones make other bytes.

use super::{ReproduceError, io};
use crate::build::{Recipe, deciding};
use crate::context::World;
use crate::dist::{RecordedArtifact, ReleaseRecord};
use crate::plan::Plan;
use crate::shim::Policy;
use crate::text::told;
use crate::toolchain::{self, Found, Tool, ToolchainError, tried_linker};
use release_types::{Platform, Sha256Digest};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The version of the linker that a build is about to use, where the record names one: it takes a
/// moment to ask.
///
/// # Errors
/// When it cannot be asked.
pub async fn linker_version(
    world: &World,
    record: &ReleaseRecord,
    found: &Found,
    plan: &Plan,
) -> Result<Option<String>, ToolchainError> {
    let lld_link = found.lld_link.as_ref().map(|found| found.path.as_path());
    let linker = linker(world.host, &plan.policy, found.mold.as_deref(), lld_link);
    match (&record.toolchain.linker, linker) {
        (Some(_), Some((name, path))) => Ok(Some(toolchain::version(world, name, path).await?)),
        _ => Ok(None),
    }
}

/// The folder of the sccache that builds through a cache are made with. A build that goes on without
/// a cache proves nothing of one, and minutes can be saved by saying so first.
///
/// # Errors
/// When there is none, or one that no build would use.
pub async fn cache_folder(
    world: &World,
    sccache: Option<&Path>,
) -> Result<PathBuf, ReproduceError> {
    let refused = |why: String| ReproduceError::NoSccache(why);
    let path = sccache.ok_or_else(|| refused("there is none on this machine".to_owned()))?;
    let version = toolchain::version(world, Tool::Sccache.name(), path).await;
    let version = version.map_err(|error| refused(crate::error::with_causes(&error)))?;
    if let Some(why) = Tool::Sccache.refusal(&version) {
        return Err(refused(format!("{}: {why}", path.display())));
    }
    Ok(path.parent().unwrap_or(path).to_owned())
}

/// Compares what a record was made with to what is about to be used: other tools, variables or
/// dependencies make other bytes, and minutes can be saved by saying so first.
///
/// # Errors
/// When something differs, or the lock file cannot be read.
pub fn same_tools(
    world: &World,
    record: &ReleaseRecord,
    found: &Found,
    linker: Option<&str>,
    plan: &Plan,
) -> Result<(), ReproduceError> {
    same_versions(record, &found.rustc.verbose_version, linker)?;
    let Some(recipe) = &record.recipe else {
        return Ok(());
    };
    same_variables(&recipe.environment, &deciding(&world.env, plan))?;
    let path = plan.root.join("Cargo.lock");
    if let Some(lock) = recipe.lock_sha256
        && Sha256Digest::of(&std::fs::read(&path).map_err(io(&path))?) != lock
    {
        let commit = record.commit.clone();
        return Err(ReproduceError::OtherLock { commit });
    }
    Ok(())
}

fn same_versions(
    record: &ReleaseRecord,
    rustc: &str,
    linker: Option<&str>,
) -> Result<(), ReproduceError> {
    let other = |tool, recorded: &str, here: &str| ReproduceError::OtherTool {
        tool,
        recorded: recorded.to_owned(),
        here: here.to_owned(),
    };
    if record.toolchain.rustc.trim() != rustc.trim() {
        return Err(other("rustc", record.toolchain.rustc.trim(), rustc.trim()));
    }
    match (&record.toolchain.linker, linker) {
        (Some(recorded), here) if here != Some(recorded) => {
            Err(other("the linker", recorded, here.unwrap_or("none")))
        }
        _ => Ok(()),
    }
}

/// Compares the variables of a record with those that the build is about to be given.
fn same_variables(
    recorded: &BTreeMap<String, String>,
    here: &BTreeMap<String, String>,
) -> Result<(), ReproduceError> {
    for name in recorded.keys().chain(here.keys()) {
        let (then, now) = (recorded.get(name), here.get(name));
        if then != now {
            let text = |value: Option<&String>| value.map_or("not set", String::as_str).to_owned();
            return Err(ReproduceError::OtherVariable {
                name: name.clone(),
                recorded: text(then),
                here: text(now),
            });
        }
    }
    Ok(())
}

/// The linker that a build says beforehand it uses, of those that were found.
fn linker<'a>(
    host: Platform,
    policy: &Policy,
    mold: Option<&'a Path>,
    lld_link: Option<&'a Path>,
) -> Option<(&'static str, &'a Path)> {
    let tool = tried_linker(host, policy)?;
    let path = match tool {
        Tool::Mold => mold,
        Tool::LldLink => lld_link,
        _ => None,
    };
    Some((tool.name(), path?))
}

/// Compares the tools of two finished builds, for what could not be known before: each difference in
/// one line.
pub fn other_tools(record: &ReleaseRecord, built: &ReleaseRecord) -> Vec<String> {
    let (Some(then), Some(now)) = (&record.recipe, &built.recipe) else {
        return Vec::new();
    };
    let flags = |flags: &[String]| (!flags.is_empty()).then(|| flags.join(" "));
    let json = |value: &Option<serde_json::Value>| value.as_ref().map(ToString::to_string);
    let cargo = |recipe: &Recipe| Some(recipe.cargo.clone()).filter(|text| !text.is_empty());
    let mut found = vec![
        difference("linker", then.linker.clone(), now.linker.clone()),
        difference(
            "C compiler",
            then.c_compiler.clone(),
            now.c_compiler.clone(),
        ),
        difference("cargo", cargo(then), cargo(now)),
        difference(
            "rustc flags",
            flags(&then.rustc_flags),
            flags(&now.rustc_flags),
        ),
        difference("C flags", flags(&then.c_flags), flags(&now.c_flags)),
        difference("profile", json(&then.profile), json(&now.profile)),
    ];
    let names: BTreeSet<&String> = then
        .environment
        .keys()
        .chain(now.environment.keys())
        .collect();
    for name in names {
        let value = |recipe: &Recipe| recipe.environment.get(name).cloned();
        found.push(difference(
            &format!("variable {name}"),
            value(then),
            value(now),
        ));
    }
    found.into_iter().flatten().collect()
}

/// Compares what else a record says of a build with one that was made as it says: what does not fit
/// makes the record doubtful, and no other bytes.
pub fn other_words(record: &ReleaseRecord, built: &ReleaseRecord) -> Vec<String> {
    let command = |record: &ReleaseRecord| Some(without_folders(&record.command));
    let mut found = vec![difference("command", command(record), command(built))];
    for then in &record.artifacts {
        let same = |now: &&RecordedArtifact| {
            (&now.product, &now.filename) == (&then.product, &then.filename)
        };
        if let Some(now) = built.artifacts.iter().find(same) {
            let source = |of: &RecordedArtifact| Some(format!("{} of {}", of.bin, of.package));
            let what = format!("program and package of {}", then.filename);
            found.push(difference(&what, source(then), source(now)));
        }
    }
    // What a build is made from is the recipe; the rest of a record is to be read by people.
    let names = |record: &ReleaseRecord| {
        let names: Vec<&str> = record.environment.keys().map(String::as_str).collect();
        Some(names.join(" "))
    };
    found.push(difference("environment", names(record), names(built)));
    let flags = |record: &ReleaseRecord| {
        let flags = record.rustc_flags.iter().map(String::as_str);
        let kept: Vec<&str> = flags
            .filter(|flag| !flag.starts_with("--remap-path-prefix="))
            .collect();
        Some(kept.join(" "))
    };
    found.push(difference(
        "flags for the target",
        flags(record),
        flags(built),
    ));
    match (&record.recipe, &built.recipe) {
        (Some(then), Some(now)) => {
            let time = |recipe: &Recipe| Some(recipe.commit_time.to_string());
            found.push(difference("time of the commit", time(then), time(now)));
        }
        (None, _) => found.push(Some(
            "the record has no recipe: linker, C compiler, flags and variables of then are not known"
                .to_owned(),
        )),
        (Some(_), None) => {}
    }
    found.into_iter().flatten().collect()
}

/// What is not as it was, in one line.
fn difference(what: &str, then: Option<String>, now: Option<String>) -> Option<String> {
    let text = |value: Option<String>| value.unwrap_or_else(|| "none".to_owned());
    (then != now).then(|| {
        let (then, now) = (told(&text(then)), told(&text(now)));
        format!("{}: recorded {then}, here {now}", told(what))
    })
}

/// A cargo command without the folders of its machine: cargo's own and the target directory.
fn without_folders(command: &[String]) -> String {
    let mut words = command.iter().skip(1);
    let mut kept = vec!["cargo"];
    while let Some(word) = words.next() {
        if word == "--target-dir" {
            words.next();
        } else {
            kept.push(word);
        }
    }
    kept.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use release_types::Os;

    #[test]
    fn the_linker_of_six_hosts_and_targets() {
        let (mold, lld) = (Path::new("/mold"), Path::new("/lld-link"));
        for host in Platform::ALL {
            for target in Platform::ALL {
                let policy = Policy {
                    rustc: "rustc".into(),
                    target: target.target_triple().to_owned(),
                    linker: (host.os == Os::Linux && target.os == Os::Linux)
                        .then(|| "mold".to_owned()),
                    linker_dir: None,
                    remap: Vec::new(),
                    auditable: false,
                    lists: None,
                };
                let expected = match (host.os, target.os) {
                    (Os::Linux, Os::Linux) => Some(("mold", mold)),
                    (Os::Windows, Os::Windows) => Some(("lld-link", lld)),
                    _ => None,
                };
                assert_eq!(linker(host, &policy, Some(mold), Some(lld)), expected);
                assert_eq!(linker(host, &policy, None, None), None);
            }
        }
    }

    #[test]
    fn a_variable_that_differs_is_named() {
        let of = |value: &str| BTreeMap::from([("CC".to_owned(), value.to_owned())]);
        assert!(same_variables(&of("gcc"), &of("gcc")).is_ok());
        let error = same_variables(&of("gcc"), &BTreeMap::new()).unwrap_err();
        let text = error.to_string();
        assert_eq!(
            text,
            "CC is not what the record names\n  recorded: gcc\n  here: not set"
        );
        assert!(same_variables(&BTreeMap::new(), &of("gcc")).is_err());
    }
}
