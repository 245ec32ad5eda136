//! `workflows`.

use clap::Subcommand;

/// `workflows …`.
#[derive(Debug, Clone, Subcommand)]
pub enum WorkflowsCommand {
    /// Write the workflows that release this workspace; lines between marks that say `yours` stay.
    #[command(after_help = "Example:\n  atlas-release workflows generate")]
    Generate,
    /// Say what differs between the workflows and the workspace; exit 2 when something does.
    #[command(after_help = "Example:\n  atlas-release workflows check")]
    Check,
    /// What the workflows look at first: whether a tag can be released, and on which channel.
    #[command(hide = true)]
    Tag {
        /// The tag.
        tag: String,
    },
    /// What each building job looks at first: whether it has a key to sign with, where one is needed.
    #[command(hide = true)]
    Key {
        /// The tag.
        tag: String,
    },
    /// What the workflow `release` attests of a release in dist/, as an output of a step: each program that
    /// has a list of what is in it.
    #[command(hide = true)]
    Sboms {
        /// The tag.
        tag: String,
    },
}
