//! `atlas-release`, and, under the name `rustc`, its compiler shim.

use atlas_release::{cli, shim};
use process::Env;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut args = std::env::args_os();
    let name = args.next();
    if shim::is_shim(name.as_deref()) {
        return ExitCode::from(shim::run(args.collect(), &Env::capture()));
    }
    cli::main(build_version::build_info!("atlas-release"))
}
