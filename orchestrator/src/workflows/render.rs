//! What the workflows have to be, from what a workspace declares. Pure.

use crate::products::{LAUNCHER, Workspace};
use release_types::{Arch, Os, Platform};
use std::collections::BTreeMap;

/// Where GitHub looks for workflows, from the top of a repository.
pub const FOLDER: &str = ".github/workflows";

/// How every file begins that is made here.
pub(super) const HEAD: &str = "# Made by `atlas-release workflows generate`";

const RELEASE: &str = include_str!("templates/release.yml");
const LAUNCHER_RELEASE: &str = include_str!("templates/launcher.yml");
const GROUP: &str = include_str!("templates/group-release.yml");

/// Steps that several workflows have.
const PARTS: [(&str, &str); 5] = [
    ("GET_RUST", include_str!("templates/parts/get-rust.yml")),
    ("GET_TOOL", include_str!("templates/parts/get-tool.yml")),
    (
        "EXPORT_CACHE",
        include_str!("templates/parts/export-cache.yml"),
    ),
    (
        "RESTORE_CARGO",
        include_str!("templates/parts/restore-cargo.yml"),
    ),
    (
        "DOWNLOAD_DIST",
        include_str!("templates/parts/download-dist.yml"),
    ),
];

/// Actions of others, by commit: what a tag names today it may not name tomorrow.
const PINS: [(&str, &str); 7] = [
    (
        "CHECKOUT",
        "actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8 # v5.0.0",
    ),
    (
        "UPLOAD_ARTIFACT",
        "actions/upload-artifact@330a01c490aca151604b8cf639adc76d48f6c5d4 # v5.0.0",
    ),
    (
        "DOWNLOAD_ARTIFACT",
        "actions/download-artifact@018cc2cf5baa6db3ef3c5f8a56943fffe632ef53 # v6.0.0",
    ),
    (
        "GITHUB_SCRIPT",
        "actions/github-script@ed597411d8f924073f98dfc5c65a23a2325f34cd # v8.0.0",
    ),
    (
        "CACHE_RESTORE",
        "actions/cache/restore@0057852bfaa89a56745cba8c7296529d2fc39830 # v4.3.0",
    ),
    (
        "ATTEST",
        "actions/attest-build-provenance@a2bbfa25375fe432b6a289bc6b6cd05ecd0c4c32 # v4.1.0",
    ),
    // `actions/attest-sbom` is this one with another name.
    (
        "ATTEST_SBOM",
        "actions/attest@59d89421af93a897026c735860bf21b6eb4f7b26 # v4.1.0",
    ),
];

/// Where the jobs run that build nothing, when no Linux runner is named.
const LINUX: &str = "ubuntu-24.04";

/// What a release of programs needs of GitHub, and what one of a launcher does.
const PERMISSIONS: &str = "      attestations: write # where each file comes from
      contents: write # the GitHub Release
      id-token: write # attestations, and to publish without a token";
const LAUNCHER_PERMISSIONS: &str = "      contents: read # the sources
      id-token: write # to publish without a token, where the Hub trusts this workflow";

/// A workflow as it has to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Its path, from the top of the repository.
    pub path: String,
    /// Its text, with empty places.
    pub text: String,
}

/// The workflows of a workspace, by path.
pub fn wanted(workspace: &Workspace) -> Vec<Wanted> {
    let settings = &workspace.workflows;
    let action = ".github/actions/setup-atlas-release";
    let tool = match &settings.tool {
        // The repository of the workflow itself, at the commit that runs.
        None => format!("$/{action}"),
        Some(tool) => {
            let (repository, commit) = tool.split_once('@').unwrap_or((tool, ""));
            format!("{repository}/{action}@{commit}")
        }
    };
    let matrix: Vec<String> = settings
        .runners
        .iter()
        .map(|(platform, runner)| {
            format!("          - platform: {platform}\n            runner: {runner}")
        })
        .collect();
    let required: Vec<String> = match workspace.require.is_empty() {
        true => settings
            .runners
            .iter()
            .map(|(platform, _)| platform.to_string())
            .collect(),
        false => workspace.require.iter().map(Platform::to_string).collect(),
    };
    let linux = Platform::new(Os::Linux, Arch::X64);
    let linux = settings
        .runners
        .iter()
        .find(|(platform, _)| *platform == linux);
    let mut values: BTreeMap<&str, String> = BTreeMap::new();
    for (name, text) in PARTS {
        values.insert(name, text.trim_end().to_owned());
    }
    for (name, text) in PINS {
        values.insert(name, text.to_owned());
    }
    values.insert("TOOL", tool);
    values.insert("MATRIX", matrix.join("\n"));
    values.insert("REQUIRE", required.join(","));
    values.insert(
        "LINUX",
        linux.map_or(LINUX, |(_, runner)| runner).to_owned(),
    );

    let mut all = Vec::new();
    let mut add = |name: &str, template: &str, more: &[(&'static str, String)]| {
        let mut values = values.clone();
        values.extend(more.iter().cloned());
        all.push(Wanted {
            path: format!("{FOLDER}/{name}.yml"),
            text: filled_in(template, &values),
        });
    };
    let groups = groups(workspace);
    if !groups.is_empty() {
        add("release", RELEASE, &[]);
    }
    for group in groups {
        let products = workspace.group(group);
        let products: Vec<&str> = products.iter().map(|one| one.product.as_str()).collect();
        let more = caller(group, &products.join(" and "), "release", PERMISSIONS);
        add(&format!("{group}-release"), GROUP, &more);
    }
    if let Some(folder) = &settings.launcher {
        add("launcher", LAUNCHER_RELEASE, &[("FOLDER", folder.clone())]);
        let more = caller(LAUNCHER, LAUNCHER, "launcher", LAUNCHER_PERMISSIONS);
        add("launcher-release", GROUP, &more);
    }
    all.sort_by(|a, b| a.path.cmp(&b.path));
    all
}

/// The groups that have a workflow.
fn groups(workspace: &Workspace) -> Vec<&str> {
    let named = &workspace.workflows.groups;
    match named.is_empty() {
        // A launcher has one of its own.
        true => workspace.groups_of_packages(),
        false => named.iter().map(String::as_str).collect(),
    }
}

fn caller(
    group: &str,
    products: &str,
    called: &str,
    permissions: &str,
) -> [(&'static str, String); 4] {
    [
        ("GROUP", group.to_owned()),
        ("PRODUCTS", products.to_owned()),
        ("CALLED", format!("$/{FOLDER}/{called}.yml")),
        ("PERMISSIONS", permissions.to_owned()),
    ]
}

/// A template with `@@NAME@@` replaced, also in what takes the place of one.
fn filled_in(template: &str, values: &BTreeMap<&str, String>) -> String {
    let mut text = template.to_owned();
    // Parts name pins, and nothing names parts again.
    for _ in 0..2 {
        for (name, value) in values {
            text = text.replace(&format!("@@{name}@@"), value);
        }
    }
    text
}
