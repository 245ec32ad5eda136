//! What the statement of provenance says of a program. Pure: facts in, a statement out.
//!
//! Neither a folder of this machine nor a user's name nor a variable's value is among what it takes: what the
//! recipe of a build has beside these stays in `release.json`.

use super::builder::Run;
use super::public::public;
use super::statement::{
    BUILD_TYPE, BUNDLE_TYPE, BuildDefinition, Builder, GIT_COMMIT, LOCK_FILE, Metadata,
    PREDICATE_TYPE, Provenance, Resource, RunDetails, SHA256, SOURCE, STATEMENT_TYPE, Statement,
};
use super::{About, File};
use crate::build::Recipe;
use crate::bundle::{BundlePlan, PlannedBundles};
use jiff::Timestamp;
use release_types::Platform;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// rustc's repository, of which a release is a commit.
const RUSTC: &str = "git+https://github.com/rust-lang/rust";

/// The statement about a program and the installers that are made of it.
pub(super) fn statement(about: &About<'_>, run: &Run) -> Statement {
    let definition = BuildDefinition {
        build_type: BUILD_TYPE.to_owned(),
        external_parameters: external(about),
        internal_parameters: internal(about, run),
        resolved_dependencies: dependencies(about, run),
    };
    stated(
        about.files,
        definition,
        (run, about.maker, (about.started_at, about.finished_at)),
    )
}

/// The statement about all that a command has made of a product for a platform. What the command has compiled, and
/// by which tools, it alone knows: nothing is said of them.
pub(super) fn statement_of_bundles(
    plan: &BundlePlan,
    (planned, platform): (&PlannedBundles, Platform),
    files: &[File],
    (run, maker, times): (&Run, &str, (Timestamp, Timestamp)),
) -> Statement {
    let words = planned
        .command
        .iter()
        .map(|word| match word.strip_prefix('/') {
            // An option, as programs of Windows write them.
            Some(name) if name.bytes().all(|b| b.is_ascii_alphanumeric()) => word.clone(),
            _ => public(word),
        });
    let mut internal = json!({"commitTime": plan.commit_time});
    if let Some(github) = &run.github {
        internal["github"] = json!(github);
    }
    let lock = planned.lock_sha256;
    let lock = lock.map(|sha256| Resource::of(LOCK_FILE, SHA256, sha256));
    let definition = BuildDefinition {
        build_type: BUNDLE_TYPE.to_owned(),
        external_parameters: object(json!({
            "tag": plan.tag,
            "group": plan.group,
            "version": plan.version.to_string(),
            "channel": plan.channel.to_string(),
            "product": planned.product.as_str(),
            "platform": platform.to_string(),
            "target": plan.target,
            "command": words.collect::<Vec<_>>(),
        })),
        internal_parameters: object(internal),
        resolved_dependencies: std::iter::once(source(&plan.commit, plan.dirty.len(), run))
            .chain(lock)
            .collect(),
    };
    stated(files, definition, (run, maker, times))
}

fn stated(
    files: &[File],
    build_definition: BuildDefinition,
    (run, maker, (started_at, finished_at)): (&Run, &str, (Timestamp, Timestamp)),
) -> Statement {
    Statement {
        statement_type: STATEMENT_TYPE.to_owned(),
        subject: files.iter().map(subject).collect(),
        predicate_type: PREDICATE_TYPE.to_owned(),
        predicate: Provenance {
            build_definition,
            run_details: RunDetails {
                builder: Builder {
                    id: run.builder.clone(),
                    version: BTreeMap::from([("atlas-release".to_owned(), maker.to_owned())]),
                },
                metadata: Metadata {
                    invocation_id: run.invocation.clone(),
                    started_on: Some(started_at),
                    finished_on: Some(finished_at),
                },
                byproducts: files.iter().filter_map(unsigned).collect(),
            },
        },
    }
}

fn subject(file: &File) -> Resource {
    Resource::of(file.filename.as_str(), SHA256, file.sha256)
}

/// What the commit makes, of a program that was code-signed since: another file.
fn unsigned(file: &File) -> Option<Resource> {
    let name = format!("{} before code signing", file.filename);
    Some(Resource::of(&name, SHA256, file.before_signing?))
}

/// What whoever asked for the release has chosen.
fn external(about: &About<'_>) -> Map<String, Value> {
    object(json!({
        "tag": about.tag,
        "group": about.group,
        "version": about.version.to_string(),
        "channel": about.channel.to_string(),
        "product": about.product.as_str(),
        "package": about.package,
        "binary": about.bin,
        "platform": about.platform.to_string(),
        "target": about.platform.target_triple(),
        // There is no way to ask for others.
        "features": ["default"],
    }))
}

/// What this program has chosen, and the tools that were there.
fn internal(about: &About<'_>, run: &Run) -> Map<String, Value> {
    let Recipe {
        commit_time,
        cargo,
        linker,
        c_compiler,
        rustc_flags,
        c_flags,
        profile,
        ..
    } = about.recipe;
    let known = |text: &Option<String>| text.as_deref().map(public);
    let mut parameters = json!({
        "commitTime": commit_time,
        "toolchain": {
            "rustc": public(about.rustc.lines().next().unwrap_or_default()),
            "cargo": public(cargo),
            "linker": known(linker),
            "cCompiler": known(c_compiler),
        },
        "rustcFlags": rustc_flags,
        "cFlags": c_flags,
        "profile": profile,
    });
    if let Some(github) = &run.github {
        parameters["github"] = json!(github);
    }
    object(parameters)
}

/// What was taken in: the commit, the list of crates with their digests, the compiler.
fn dependencies(about: &About<'_>, run: &Run) -> Vec<Resource> {
    let mut dependencies = vec![source(about.commit, about.dirty, run)];
    let lock = about.recipe.lock_sha256;
    dependencies.extend(lock.map(|sha256| Resource::of(LOCK_FILE, SHA256, sha256)));
    dependencies.push(rustc(about.rustc));
    dependencies
}

/// The commit, and how many files differed from it.
fn source(commit: &str, dirty: usize, run: &Run) -> Resource {
    let mut source = Resource::of(SOURCE, GIT_COMMIT, commit);
    // A job may build what it has checked out of somewhere else.
    let repository = run.repository.as_ref();
    source.uri = repository
        .filter(|repository| repository.commit == commit)
        .map(|repository| repository.uri.clone());
    if dirty > 0 {
        let files = Value::from(dirty);
        source.annotations.insert("changedFiles".to_owned(), files);
    }
    source
}

/// The compiler by what `rustc -vV` prints: the commit it was made of, or its release where it says none.
fn rustc(verbose: &str) -> Resource {
    let field = |name: &str| {
        let mut lines = verbose.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    };
    let is_hex = |text: &&str| text.bytes().all(|b| b.is_ascii_hexdigit());
    let commit = field("commit-hash").filter(is_hex);
    let mut rustc = match commit {
        Some(commit) => Resource {
            uri: Some(RUSTC.to_owned()),
            ..Resource::of("rustc", GIT_COMMIT, commit)
        },
        None => Resource {
            name: Some("rustc".to_owned()),
            uri: Some(format!(
                "pkg:generic/rustc@{}",
                field("release").unwrap_or("unknown")
            )),
            ..Resource::default()
        },
    };
    for name in ["release", "host"] {
        if let Some(value) = field(name) {
            rustc
                .annotations
                .insert(name.to_owned(), public(value).into());
        }
    }
    rustc
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(mut map) => {
            map.retain(|_, value| !value.is_null());
            map
        }
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests;
