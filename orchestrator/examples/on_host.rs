//! `atlas-release` as it decides on another host, for tests: the platform stands in `ATLAS_TEST_HOST`. What
//! calls the operating system stays this one's.

use atlas_release::{cli, shim};
use process::Env;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut args = std::env::args_os();
    let name = args.next();
    let env = Env::capture();
    if shim::is_shim(name.as_deref()) {
        return ExitCode::from(shim::run(args.collect(), &env));
    }
    let host = env.text("ATLAS_TEST_HOST").ok().flatten();
    let Some(host) = host.and_then(|host| host.parse().ok()) else {
        eprintln!("ATLAS_TEST_HOST names no platform");
        return ExitCode::from(2);
    };
    cli::main_on(build_version::build_info!("atlas-release"), Some(host))
}
