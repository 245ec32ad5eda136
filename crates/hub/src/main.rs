//! `atlas-hub`: runs a Distribution Hub and looks after its data directory.

mod cli;

use std::process::ExitCode;
use std::time::Duration;

/// How long threads that wait for the disk are waited for at the end. All that was answered is done
/// by then; a disk that does not answer is to keep no process that was told to stop.
const LAST_WAIT: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    // For the way to a bucket. It fails where there is one already, which is as good.
    #[cfg(feature = "s3")]
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: this process cannot have threads: {error}");
            return ExitCode::from(cli::MACHINE_FAILED);
        }
    };
    let code = runtime.block_on(cli::run(build_version::build_info!("atlas-hub")));
    runtime.shutdown_timeout(LAST_WAIT);
    code
}
