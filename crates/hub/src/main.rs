//! `atlas-hub`: runs a Distribution Hub and looks after its data directory.

mod cli;

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    // For the way to a bucket. It fails where there is one already, which is as good.
    #[cfg(feature = "s3")]
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
    cli::run(build_version::build_info!("atlas-hub")).await
}
