//! `atlas-hub`: runs a Distribution Hub and looks after its data directory.

mod cli;

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    cli::run(build_version::build_info!("atlas-hub")).await
}
