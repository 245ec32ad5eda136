//! Why there are no workflows, or not those that there should be.

use super::render::ACTION;
use release_types::{Platform, ProductName};
use std::path::PathBuf;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum WorkflowsError {
    /// The files are not what the workspace says.
    #[error("the workflows are not what the workspace says: {}", .0.join(", "))]
    Drift(Vec<String>),
    /// Files of earlier workspaces, which may be what somebody has gone on with.
    #[error("made once, and nothing declares what they release any more: {}", .0.join(", "))]
    Stale(Vec<String>),
    /// The action that the workflows get atlas-release by is not here, and nothing says where else.
    #[error("this repository has no {ACTION}, by which the workflows get atlas-release")]
    NoAction,
    /// GitHub looks for workflows at the top alone.
    #[error(
        "the workspace at {} is not at the top of its repository ({}), where GitHub looks for workflows",
        root.display(),
        top.display()
    )]
    NotTop {
        /// The workspace.
        root: PathBuf,
        /// The repository.
        top: PathBuf,
    },
    /// A file of somebody else's stands where one of these has to be.
    #[error("{}: this file was not made by `atlas-release workflows generate`", path.display())]
    NotOurs {
        /// The file.
        path: PathBuf,
    },
    /// A link stands where a folder or a file of the repository has to be.
    #[error("{}: this is a link, and nothing is written through one or over one", path.display())]
    Link {
        /// The link.
        path: PathBuf,
    },
    /// A folder that YAML or a shell would read as something else, or that no checkout has.
    #[error("the folder of `{product}` ({}) cannot stand in a workflow", folder.display())]
    Folder {
        /// The product.
        product: ProductName,
        /// Its folder.
        folder: PathBuf,
    },
    /// What has to be there is made by no job.
    #[error("`require` names what no runner builds for: {}", names(.0))]
    NoRunner(Vec<Platform>),
    /// A product is published with signatures alone, and no key reaches the job that would make them.
    #[error("`{0}` is never published unsigned, and no key to sign with reaches this job")]
    NoKey(ProductName),
    /// Marks that lead nowhere.
    #[error("{}: line {line}: {why}", path.display())]
    Marks {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        why: String,
    },
    /// Lines of a person's that have no place any more.
    #[error("{}: what stands between the lines `yours: {name}` has no place in this workflow any more", path.display())]
    NoPlace {
        /// The file.
        path: PathBuf,
        /// What the place was called.
        name: String,
    },
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

fn names(platforms: &[Platform]) -> String {
    let names: Vec<String> = platforms.iter().map(Platform::to_string).collect();
    names.join(", ")
}

impl WorkflowsError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Drift(_) => {
                "atlas-release workflows generate writes them; what is to stay belongs between lines marked `yours`"
            }
            Self::Stale(_) => {
                "remove them; or, where one is yours by now, its first line, which says that it is made"
            }
            Self::NotOurs { .. } => {
                "it is left as it is; give it another name, or remove it, and run it again"
            }
            Self::Link { .. } => {
                "it is left as it is; put a folder or a file of the repository's own in its place, or remove it, and run it again"
            }
            Self::Marks { .. } => {
                "a place begins with `# >>> yours: NAME` and ends with `# <<< yours: NAME`, as in a newly made file"
            }
            Self::Folder { .. } => {
                "it has to be within the repository, of letters, digits, `-`, `_` and `.`, or its group left out of `groups` in [workspace.metadata.atlas-release.workflows]"
            }
            Self::NoPlace { .. } => "put it elsewhere, or take it out, and run it again",
            Self::NoAction => {
                "name the repository that has it, and a whole commit of it: tool = \"OWNER/atlas-release@COMMIT\" in [workspace.metadata.atlas-release.workflows]"
            }
            Self::NoRunner(_) => {
                "give each a runner in [workspace.metadata.atlas-release.workflows.runners], or take it out of `require` in [workspace.metadata.atlas-release]"
            }
            Self::NoKey(_) => {
                "the calling workflow has to map the secrets TAURI_SIGNING_PRIVATE_KEY and TAURI_SIGNING_PRIVATE_KEY_PASSWORD, also where an environment has them: docs/github-actions.md"
            }
            Self::NotTop { .. } => {
                "get atlas-release by the action setup-atlas-release in a workflow of your own, and run its commands in the workspace's folder (`working-directory`): docs/github-actions.md"
            }
            Self::Read { .. } | Self::Write { .. } => return None,
        };
        Some(text.to_owned())
    }
}
