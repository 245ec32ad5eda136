//! `workflows`.

use clap::Subcommand;

/// `workflows …`.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum WorkflowsCommand {
    /// Write the workflows that release this workspace; lines between marks that say `yours` stay.
    #[command(after_help = "Example:\n  atlas-release workflows generate")]
    Generate,
    /// Say what differs between the workflows and the workspace; exit 2 when something does.
    #[command(after_help = "Example:\n  atlas-release workflows check")]
    Check,
}
