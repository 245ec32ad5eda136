//! What the workflows have to be, from what a workspace declares. Pure.

use super::error::WorkflowsError;
use crate::products::{Declared, Workspace, is_plain_path};
use release_types::{Arch, Os, Platform, ProductName};
use std::collections::BTreeMap;
use std::path::Path;

/// Where GitHub looks for workflows, from the top of a repository.
pub const FOLDER: &str = ".github/workflows";

/// The action that puts atlas-release on `PATH`, from the top of the repository that has it.
pub(super) const ACTION: &str = ".github/actions/setup-atlas-release";

/// How every file begins that is made here.
pub(super) const HEAD: &str = "# Made by `atlas-release workflows generate`";

const RELEASE: &str = include_str!("templates/release.yml");
const LAUNCHER_RELEASE: &str = include_str!("templates/launcher.yml");
const GROUP: &str = include_str!("templates/group-release.yml");

/// What several workflows have in common: inputs, settings, steps, jobs.
const PARTS: [(&str, &str); 13] = [
    ("INPUTS", include_str!("templates/parts/inputs.yml")),
    ("SETTINGS", include_str!("templates/parts/settings.yml")),
    ("LOOK_JOB", include_str!("templates/parts/look-job.yml")),
    ("GET_RUST", include_str!("templates/parts/get-rust.yml")),
    ("GET_TOOL", include_str!("templates/parts/get-tool.yml")),
    ("CHECK_KEY", include_str!("templates/parts/check-key.yml")),
    (
        "CODE_SIGNING",
        include_str!("templates/parts/code-signing.yml"),
    ),
    (
        "EXPORT_CACHE",
        include_str!("templates/parts/export-cache.yml"),
    ),
    (
        "RESTORE_CARGO",
        include_str!("templates/parts/restore-cargo.yml"),
    ),
    (
        "CHECK_NOTES",
        include_str!("templates/parts/check-notes.yml"),
    ),
    (
        "DOWNLOAD_DIST",
        include_str!("templates/parts/download-dist.yml"),
    ),
    ("HAND_OVER", include_str!("templates/parts/hand-over.yml")),
    ("LAST_JOBS", include_str!("templates/parts/last-jobs.yml")),
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

/// What Windows' own signatures are made with.
const WINDOWS_SECRETS: [&str; 2] = ["WIN_B64_PFX", "WIN_PFX_PASSWORD"];

/// What those of macOS are made with, and what its notary is asked with.
const MACOS_SECRETS: [&str; 5] = [
    "APPLE_CERTIFICATE",
    "APPLE_CERTIFICATE_PASSWORD",
    "APPLE_API_KEY",
    "APPLE_API_ISSUER",
    "APPLE_API_KEY_P8",
];

/// Where the jobs run that build nothing, when no Linux runner is named.
const LINUX: &str = "ubuntu-24.04";

/// A workflow as it has to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Its path, from the top of the repository.
    pub path: String,
    /// Its text, with empty places.
    pub text: String,
}

/// The workflows of a workspace, by path.
///
/// # Errors
/// When an application's folder cannot stand in one, or a platform is required that none of their jobs makes.
pub fn wanted(workspace: &Workspace) -> Result<Vec<Wanted>, WorkflowsError> {
    let settings = &workspace.workflows;
    let tool = match &settings.tool {
        // The repository of the workflow itself, at the commit that runs.
        None => format!("$/{ACTION}"),
        Some(tool) => {
            let (repository, commit) = tool.split_once('@').unwrap_or((tool, ""));
            format!("{repository}/{ACTION}@{commit}")
        }
    };
    let makers = Makers::of(workspace)?;
    let matrix: Vec<String> = settings
        .runners
        .iter()
        .map(|(platform, runner)| {
            let required = makers.are_awaited(*platform);
            format!(
                "          - platform: {platform}\n            runner: {runner}\n            required: {required}"
            )
        })
        .collect();
    let required: Vec<String> = makers.required.iter().map(Platform::to_string).collect();
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
    // Whoever names another action may be at a GitHub that does not know `$`; both mean the same commit here.
    let own = if settings.tool.is_some() { "." } else { "$" };
    for group in groups(workspace) {
        let products = workspace.names_of(group);
        let products: Vec<&str> = products.iter().map(ProductName::as_str).collect();
        let (called, with) = match &workspace.declared(group)[..] {
            [] => ("release", String::new()),
            declared => ("launcher", inputs(&workspace.root, declared)?),
        };
        match called {
            "release" => add(called, RELEASE, &[]),
            _ => add(called, LAUNCHER_RELEASE, &[]),
        }
        let more = [
            ("GROUP", group.to_owned()),
            ("OTHERS", others(workspace, group)),
            ("PRODUCTS", products.join(" and ")),
            ("CALLED", format!("{own}/{FOLDER}/{called}.yml")),
            ("WITH", with),
            ("CODE_SECRETS", code_secrets(workspace)),
        ];
        add(&format!("{group}-release"), GROUP, &more);
    }
    all.sort_by(|a, b| a.path.cmp(&b.path));
    all.dedup();
    Ok(all)
}

/// The groups that have a workflow.
fn groups(workspace: &Workspace) -> Vec<&str> {
    let named = &workspace.workflows.groups;
    match named.is_empty() {
        true => workspace.groups(),
        false => named.iter().map(String::as_str).collect(),
    }
}

/// The patterns of tags that begin as this group's do and are another's: `hello-v*` is also what `hello-v2-v1.0.0` fits.
fn others(workspace: &Workspace, group: &str) -> String {
    let beginning = format!("{group}-v");
    let all = workspace.groups().into_iter();
    all.filter(|other| other.starts_with(&beginning))
        .map(|other| format!("\n      - \"!{other}-v*\""))
        .collect()
}

/// Which job of the matrix makes what has to be there.
struct Makers {
    /// What has to be there before anything is shown.
    required: Vec<Platform>,
    /// Those that have no runner of their own: macOS, where another job's bundles are for both of its processors.
    by_others: Vec<Platform>,
}

impl Makers {
    fn of(workspace: &Workspace) -> Result<Self, WorkflowsError> {
        let runners = &workspace.workflows.runners;
        let required: Vec<Platform> = match workspace.require.is_empty() {
            true => runners.iter().map(|(platform, _)| *platform).collect(),
            false => workspace.require.clone(),
        };
        let by_others: Vec<Platform> = required
            .iter()
            .copied()
            .filter(|one| runners.iter().all(|(platform, _)| platform != one))
            .collect();
        let bundles = groups(workspace)
            .into_iter()
            .any(|group| !workspace.declared(group).is_empty());
        let on_macos = runners.iter().any(|(one, _)| one.os == Os::Macos);
        let nobodys: Vec<Platform> = by_others
            .iter()
            .copied()
            .filter(|one| !(one.os == Os::Macos && bundles && on_macos))
            .collect();
        match nobodys.is_empty() {
            true => Ok(Self {
                required,
                by_others,
            }),
            false => Err(WorkflowsError::NoRunner(nobodys)),
        }
    }

    /// Whether nothing can be shown without what the job of this platform makes.
    fn are_awaited(&self, platform: Platform) -> bool {
        let of_another = platform.os == Os::Macos && !self.by_others.is_empty();
        self.required.contains(&platform) || of_another
    }
}

/// The secrets of the systems' own signatures, as a caller maps them: those that the workspace signs with, or names for
/// its builds.
fn code_secrets(workspace: &Workspace) -> String {
    let code = &workspace.signing.code;
    let windows = WINDOWS_SECRETS.map(|name| (name, code.windows.is_some()));
    let macos = MACOS_SECRETS.map(|name| (name, code.macos.is_some()));
    windows
        .into_iter()
        .chain(macos)
        .filter(|(name, signs)| *signs || workspace.pass_env.iter().any(|named| named == name))
        .map(|(name, _)| format!("\n      {name}: ${{{{ secrets.{name} }}}}"))
        .collect()
}

/// What the workflow of applications is told of those of a group. Packages are those of the first one's
/// folder.
fn inputs(root: &Path, declared: &[(&ProductName, &Declared)]) -> Result<String, WorkflowsError> {
    let Some((product, first)) = declared.first() else {
        return Ok(String::new());
    };
    let folder = first.folder.strip_prefix(root).ok();
    let folder = folder
        .and_then(Path::to_str)
        .map(|text| text.replace('\\', "/"));
    let folder = match folder {
        Some(own) if own.is_empty() => Some(".".to_owned()),
        folder => folder.filter(|folder| is_plain_path(folder)),
    };
    let folder = folder.ok_or_else(|| WorkflowsError::Folder {
        product: (*product).clone(),
        folder: first.folder.clone(),
    })?;
    let mut lines = format!("\n      folder: {folder}");
    if declared.iter().any(|(_, one)| one.tauri_signs) {
        lines += "\n      tauri-signs: true";
    }
    Ok(lines)
}

/// A template with `@@NAME@@` replaced, also in what takes the place of one.
fn filled_in(template: &str, values: &BTreeMap<&str, String>) -> String {
    let mut text = template.to_owned();
    // Templates name parts, parts name parts, and those name pins, which name nothing.
    for _ in 0..3 {
        for (name, value) in values {
            text = text.replace(&format!("@@{name}@@"), value);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_says_something() {
        for (name, text) in PARTS {
            assert!(!text.trim().is_empty(), "{name}");
            let is_used = |text: &str| text.contains(&format!("@@{name}@@"));
            let mut all = [RELEASE, LAUNCHER_RELEASE].into_iter();
            let in_part = PARTS.iter().any(|(_, part)| is_used(part));
            assert!(in_part || all.any(is_used), "{name}");
        }
    }

    #[test]
    fn what_an_application_needs_is_told_of_its_folder() {
        let product: ProductName = "launcher".parse().unwrap();
        let declared = |folder: &str, tauri_signs| Declared {
            folder: folder.into(),
            public_key: None,
            group: "launcher".to_owned(),
            bundle: None,
            tauri_signs,
        };
        let told = |one: &Declared| inputs(Path::new("/w"), &[(&product, one)]);
        let lines = told(&declared("/w/apps/launcher", false)).unwrap();
        assert_eq!(lines, "\n      folder: apps/launcher");
        let lines = told(&declared("/w/app", true)).unwrap();
        assert_eq!(lines, "\n      folder: app\n      tauri-signs: true");
        let lines = told(&declared("/w", false)).unwrap();
        assert_eq!(lines, "\n      folder: .");
        for folder in ["/elsewhere/app", "/w/an app", "/w/$(app)"] {
            let error = told(&declared(folder, false)).unwrap_err().to_string();
            assert!(error.contains(folder), "{error}");
        }
    }
}
