//! `hub`.

use clap::Subcommand;
use std::net::SocketAddr;

/// `hub …`.
#[derive(Debug, Subcommand)]
pub enum HubCommand {
    /// Serve what `release --local` has published.
    #[command(after_help = "Example:\n  atlas-release hub serve --listen 127.0.0.1:8420")]
    Serve {
        /// The loopback address to listen on; port 0 takes a free one.
        #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
        listen: SocketAddr,
        /// Say what would be served and stop.
        #[arg(long)]
        dry_run: bool,
    },
}
