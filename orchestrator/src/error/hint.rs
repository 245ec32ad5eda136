//! What to do about a failure, where there is something to say.

mod client;
mod not_ready;
mod proof;
mod publishing;
mod tags;

pub use client::NO_ID_TOKEN;

use super::{Error, ExitCode};
use crate::artifacts::ArtifactError;
use crate::build::BuildError;
use crate::dist::DistError;
use crate::documents::ProvenanceError;
use crate::git::GitError;
use crate::installers::InstallerError;
use crate::job_env::JobEnvError;
use crate::lock::LockError;
use crate::plan::PlanError;
use crate::products::{INSTALLER_TABLE, PreReleases, ProductsError};
use crate::publish::PublishError;
use crate::reproduce::ReproduceError;
use crate::select::SelectError;
use crate::settings::SettingsError;
use crate::toolchain::{C_COMPILER, ToolchainError};
use crate::verify::VerifyError;
use hub_client::{ClientError, ErrorKind};
use not_ready::not_ready;
use proof::of_verification;
use publishing::of_publishing;
use std::path::Path;
use tags::{about_file, about_v};

impl Error {
    /// What to do about it, where there is something to say.
    pub fn hint(&self) -> Option<String> {
        if let Some(ClientError::NoIdToken(_)) = self.of_client() {
            return Some(NO_ID_TOKEN.to_owned());
        }
        let own = match self {
            Self::Channels(error) => error.hint(),
            Self::Token(error) => error.hint(),
            Self::Pack(error) => error.hint(),
            Self::GithubRelease(error) => error.hint(),
            Self::Manifests(error) => error.hint(),
            Self::Bundle(error) => error.hint(),
            Self::Workflows(error) => error.hint(),
            Self::Settings(error) => error.hint(),
            Self::Sign(error) => error.hint(),
            Self::CodeSign(error) => error.hint(),
            Self::Publish(error) => of_publishing(error, false),
            Self::PublishManifest(error) => of_publishing(error, true),
            Self::Verify(error) => of_verification(error),
            _ => None,
        };
        if own.is_some() {
            return own;
        }
        let groups =
            |groups: &[String]| format!("the groups of this workspace are: {}", groups.join(", "));
        let example = |groups: &[String]| {
            format!("{}-v1.4.0", groups.first().map_or("runner", String::as_str))
        };
        Some(match self {
            Self::Select(error) => match error {
                SelectError::Tag { error, groups: known }
                    if let Some(hint) = about_file(&error.tag)
                        .or_else(|| about_v(error, known.first().map(String::as_str))) =>
                {
                    hint
                }
                // Without a workspace nothing is known.
                SelectError::Tag { groups: known, .. } if known.is_empty() => {
                    format!("a tag is <group>-v<SemVer>, such as {}", example(known))
                }
                // The group alone is what a snapshot is made of.
                SelectError::Tag { error, groups: known } if known.contains(&error.tag) => format!(
                    "`{0}` is a group: name a tag of it, such as {0}-v1.4.0, or let --snapshot make a version of this commit up",
                    error.tag
                ),
                SelectError::Tag { groups: known, .. } => {
                    format!("a tag is <group>-v<SemVer>, such as {}; {}", example(known), groups(known))
                }
                SelectError::UnknownGroup { groups: known, .. } => groups(known),
                SelectError::NoTag { groups: known } => {
                    format!("name one, such as {}, or use --snapshot; {}", example(known), groups(known))
                }
                SelectError::NoGroup { groups: known } => format!("name one; {}", groups(known)),
                SelectError::SeveralTags(_) => "name the one to release".to_owned(),
                SelectError::NoChannel(version) => format!(
                    "choose one with --channel stable|beta|dev, with the variable ATLAS_CHANNEL or the workflows' input `channel`; or once for all such versions: channels = {{ {} = \"beta\" }} in [workspace.metadata.atlas-release]",
                    PreReleases::word(version)
                ),
                SelectError::Dirty { marked, .. } if !marked.is_empty() => format!(
                    "git was told not to look at some of them, which two commands in their repository's folder take back: {}; then commit them or put them away, or build them as they are with --allow-dirty",
                    unmark(marked)
                ),
                SelectError::Changed(_) | SelectError::OtherHead { .. } => {
                    "nothing was staged; run it again, and leave the tree alone meanwhile".to_owned()
                }
                SelectError::Dirty { .. } => "commit the files or put them away with git stash --include-untracked, or build them as they are with --allow-dirty".to_owned(),
                SelectError::NotAtHead { tag, at: None, .. } => format!(
                    "make it (git tag {tag}) or fetch it (git fetch --tags), or build HEAD under this tag with --allow-untagged"
                ),
                SelectError::NotAtHead { tag, .. } => format!(
                    "check the tag out (git switch --detach {tag}), or build HEAD under this tag with --allow-untagged"
                ),
                SelectError::Git(GitError::NoGit) => "install git".to_owned(),
                SelectError::Git(GitError::NoCommit { .. }) => {
                    "a release is made of a commit: git init, git add and git commit come first"
                        .to_owned()
                }
                SelectError::Git(GitError::Owner { dir, .. }) => trust(dir),
                SelectError::Git(GitError::OtherTree { .. }) => {
                    "look at core.worktree in the repository's configuration".to_owned()
                }
                _ => return None,
            },
            Self::Plan(PlanError::SameBin { .. }) => {
                "give one of the binaries another name, or release the packages in groups of their own"
                    .to_owned()
            }
            Self::Plan(PlanError::Package { .. }) => {
                "number the pre-release behind a dot, as in `-rc.1`, or release it without installers: --no-installers"
                    .to_owned()
            }
            Self::Installers(InstallerError::NoTool { .. }) => {
                "it is part of macOS (xcode-select --install): build there, or without installers: --no-installers".to_owned()
            }
            Self::Installers(InstallerError::Extra { .. } | InstallerError::Unfit { .. }) => format!(
                "how the program is asked stands in [{INSTALLER_TABLE}], under `completions` and `man`"
            ),
            Self::Products(ProductsError::NoCargo) => "install Rust: https://rustup.rs".to_owned(),
            Self::Products(ProductsError::Nothing { .. }) => {
                "add [package.metadata.atlas-release] with product, group and bin to a package's Cargo.toml".to_owned()
            }
            Self::Toolchain(
                ToolchainError::Missing { tool: "mold" }
                | ToolchainError::Install { tool: "mold", .. }
                | ToolchainError::NoInstaller { tool: "mold", .. }
                | ToolchainError::Broken { tool: "mold", .. },
            ) => "install a working mold, or link without it: --no-mold".to_owned(),
            Self::Toolchain(ToolchainError::Broken { tool: C_COMPILER, .. }) => {
                "rustc links with the C compiler: install a working one (gcc or clang, with libc's development files)".to_owned()
            }
            Self::Toolchain(ToolchainError::NoPrograms { .. }) => {
                "it may be mounted with noexec: name another folder with TMPDIR".to_owned()
            }
            Self::Products(ProductsError::NoToolchain(none))
            | Self::Toolchain(ToolchainError::NoToolchain(none)) => none.remedy(),
            Self::Toolchain(ToolchainError::NoTarget { target }) => {
                format!("rustup target add {target}")
            }
            Self::Products(ProductsError::Metadata { .. }) => {
                "run it in a cargo workspace, whose Cargo.toml cargo can read".to_owned()
            }
            Self::Build(BuildError::WrongVersion { .. } | BuildError::NoAnswer { .. }) => {
                "the program has to print its name and the value of ATLAS_BUILD_VERSION for --version; README.md shows how"
                    .to_owned()
            }
            Self::Build(BuildError::Marker { .. }) => {
                "a program for another machine carries its version by build_version::build_info!"
                    .to_owned()
            }
            Self::Build(BuildError::DebugInfo { .. }) => {
                "set debug = 0 and strip = \"debuginfo\" in [profile.release], and no -g in CFLAGS; or ask for debug information there with debug = \"line-tables-only\", \"limited\" or \"full\""
                    .to_owned()
            }
            Self::Build(BuildError::NewGlibc { .. }) => {
                "build on a system with an older glibc, or raise max-glibc in [workspace.metadata.atlas-release]"
                    .to_owned()
            }
            Self::Build(BuildError::List { .. } | BuildError::Dependencies(_)) => {
                "auditable = false in [workspace.metadata.atlas-release] builds programs without the list; a linker or a strip of one's own that drops the section `.dep-v0` is the usual cause"
                    .to_owned()
            }
            Self::Build(BuildError::Cargo { .. } | BuildError::Tree { .. }) => {
                "cargo's own words stand above; it is run with --locked, so Cargo.lock has to be there and up to date"
                    .to_owned()
            }
            Self::Dist(DistError::Disagree { .. }) => {
                "something has been changed since the build: build it again".to_owned()
            }
            Self::Lock(LockError::Held { .. }) => {
                "wait for it, end it, or name other folders with --state-dir, --dist-dir and --target-dir"
                    .to_owned()
            }
            #[cfg(feature = "hub")]
            Self::Hub(hub::HubError::Locked { .. }) => {
                "wait for it or end it, also when it is a `hub serve`; another --state-dir holds another Hub"
                    .to_owned()
            }
            Self::Client(ClientError::Unauthorized { .. })
            | Self::Publish(PublishError::Client(ClientError::Unauthorized { .. })) => {
                "ATLAS_APP_DEPLOY_TOKEN has to hold a deploy token that this Hub has issued and not revoked, atlas_app_…"
                    .to_owned()
            }
            Self::Client(ClientError::Untrusted { .. })
            | Self::Publish(PublishError::Client(ClientError::Untrusted { .. })) => {
                "the Hub needs a rule for this repository, owner, workflow and environment (`atlas-hub trust add`); what is wrong with the ID token, its log says. ATLAS_APP_DEPLOY_TOKEN goes before"
                    .to_owned()
            }
            Self::Client(ClientError::BadRequest { .. } | ClientError::NotFound { .. })
            | Self::Reproduce(ReproduceError::Client(
                ClientError::BadRequest { .. } | ClientError::NotFound { .. },
            ))
            | Self::Publish(PublishError::Client(
                ClientError::BadRequest { .. } | ClientError::NotFound { .. },
            )) => {
                "check the Hub's address; a Hub of your own learns new products by `atlas-hub product add`"
                    .to_owned()
            }
            Self::Provenance(ProvenanceError::Unproven { .. }) => {
                "do not use these files before it is known who has made them; docs/provenance.md says what each document has to say"
                    .to_owned()
            }
            Self::Reproduce(ReproduceError::OtherTool { .. }) => {
                "install what the record names; bytes depend on compiler and linker".to_owned()
            }
            Self::Reproduce(ReproduceError::OtherVariable { .. }) => {
                "set it as the record does, where that is no secret; bytes depend on it".to_owned()
            }
            Self::Reproduce(ReproduceError::NoLeave(settings)) => {
                let mut text = "look at them, and set what is right in your own environment, or let the record do so with --trust-record".to_owned();
                // CARGO_ENCODED_RUSTFLAGS has such between its flags.
                if settings.iter().any(|setting| setting.contains("\\u{1f}")) {
                    text += r"; \u{1f} stands for one byte, which shells write as $'\x1f'";
                }
                text
            }
            Self::Reproduce(ReproduceError::NoCommit { .. }) => {
                "fetch it (git fetch --tags), or run this in a clone that has it".to_owned()
            }
            Self::Reproduce(ReproduceError::OtherCommit { .. }) => {
                "where the tag was moved here, fetch the right one (git fetch --tags --force); else the record is of something else. Without the tag, the record's own commit is built"
                    .to_owned()
            }
            Self::Reproduce(ReproduceError::Incomplete { .. }) => {
                "a clone made with --filter has them when `git archive` of the commit has fetched them; or run this in a clone made without"
                    .to_owned()
            }
            Self::Reproduce(ReproduceError::Owner { dir, .. }) => trust(dir),
            Self::Reproduce(ReproduceError::Outside { .. }) => {
                "a release that others are to reproduce has its packages in its own repository, in a submodule, in a git repository or in a registry".to_owned()
            }
            Self::Reproduce(ReproduceError::NoSubmodule { .. }) => {
                "fetch it: git submodule update --init --recursive, with the commit checked out"
                    .to_owned()
            }
            Self::Reproduce(ReproduceError::NotPublished { .. }) => {
                "check the tag, --channel, and which Hub it is (--hub-url; with --local, --state-dir): `atlas-release release` is what publishes"
                    .to_owned()
            }
            Self::Reproduce(ReproduceError::NoSccache(_)) => {
                "`atlas-release setup` installs it; or leave --with-cache out".to_owned()
            }
            Self::Reproduce(ReproduceError::NoCache) => {
                "`atlas-release doctor` tries sccache; or leave --with-cache out".to_owned()
            }
            Self::Settings(SettingsError::Record { .. }) => {
                "a record is the release.json of a platform's folder in dist/".to_owned()
            }
            Self::Settings(SettingsError::NoHub) => {
                "set ATLAS_HUB_URL, or use --local for a Hub on this machine".to_owned()
            }
            Self::JobEnv(JobEnvError::NotInAJob(_)) => {
                "GitHub Actions sets it for every step; elsewhere use --format sh, fish, powershell or json".to_owned()
            }
            Self::NotReady(lacking) => not_ready(lacking),
            Self::Toolchain(
                ToolchainError::Missing { tool: "lld-link" }
                | ToolchainError::Install { tool: "lld-link", .. }
                | ToolchainError::NoInstaller { tool: "lld-link", .. }
                | ToolchainError::Broken { tool: "lld-link", .. },
            ) => "install LLVM (choco install llvm); lld-link is looked for on PATH and in LLVM\\bin below Program Files".to_owned(),
            Self::Settings(SettingsError::NoToken) => {
                "an administrator of the Hub issues one; README.md shows how. A job of GitHub Actions whose workflow the Hub trusts needs none, but `permissions: { id-token: write }`".to_owned()
            }
            Self::Artifacts(ArtifactError::NoSignature { .. })
            | Self::Dist(DistError::Artifacts(ArtifactError::NoSignature { .. })) => {
                "`atlas-release sign` makes it again".to_owned()
            }
            Self::Dist(DistError::Twice { .. }) => {
                "two machines have built it: leave one of them out".to_owned()
            }
            Self::Dist(DistError::Unrecorded { .. }) => {
                "bring all of its files here, or build that platform again; to leave it out, move the folder away"
                    .to_owned()
            }
            Self::Dist(DistError::WhichRelease { found, .. }) if !found.is_empty() => {
                "name the tag of one of them".to_owned()
            }
            Self::Dist(DistError::NoRelease { .. } | DistError::WhichRelease { .. }) => {
                "build it first, or name another folder with --dist-dir".to_owned()
            }
            #[cfg(feature = "hub")]
            Self::Hub(hub::HubError::Listen { .. }) => {
                "another program may listen there: choose another port, or 0 for a free one"
                    .to_owned()
            }
            #[cfg(feature = "hub")]
            Self::Hub(hub::HubError::NotInitialized { .. }) => {
                "a release with --local and the same --state-dir makes one".to_owned()
            }
            Self::Client(error)
            | Self::Publish(PublishError::Client(error))
            | Self::Reproduce(ReproduceError::Client(error))
            | Self::Verify(VerifyError::Client(error))
                if error.kind() == ErrorKind::Protocol =>
            {
                super::of_protocol(error).to_owned()
            }
            Self::Client(ClientError::Unreachable { .. })
            | Self::Publish(PublishError::Client(ClientError::Unreachable { .. }))
            | Self::Reproduce(ReproduceError::Client(ClientError::Unreachable { .. }))
            | Self::Verify(VerifyError::Client(ClientError::Unreachable { .. })) => {
                "run the same command again; what is done already is not done twice. If it goes on, is the Hub running, and is its address right (--hub-url, ATLAS_HUB_URL)?"
                    .to_owned()
            }
            error if error.exit_code() == ExitCode::Network => {
                "run the same command again; what is done already is not done twice".to_owned()
            }
            _ => return None,
        })
    }
}

/// How git is made to trust a repository, which is for its user to decide.
fn trust(dir: &Path) -> String {
    format!(
        "where its owner is to be trusted: git config --global --add safe.directory {}",
        dir.display()
    )
}

/// More files than a person would read in a command.
const MANY: usize = 20;

/// The commands that take the marks of files back: git heeds one mark a call.
fn unmark(files: &[String]) -> String {
    let commands = |files: &[&str]| {
        ["--no-assume-unchanged", "--no-skip-worktree"].map(|mark| {
            let command = process::Command::new("git").args(["update-index", mark, "--"]);
            format!("`{}`", command.args(files))
        })
    };
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    if files.len() > MANY {
        let [assumed, skipped] = commands(&["FILE"]);
        return format!(
            "{assumed} and {skipped}, for each file that `git ls-files -v` shows with `S` or a small letter"
        );
    }
    commands(&files).join(" and ")
}

#[cfg(test)]
mod tests;
