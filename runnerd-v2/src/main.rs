//! `atlas-runnerd`: flags and signals in, exit code out. The daemon itself is the library's.

mod cli;

use atlas_runnerd::{Daemon, RunnerdError, Settings, Signals};
use build_version::BuildInfo;
use cli::{Command, Format, RunArgs};
use process::Env;
use runner_ipc::Host;
use std::error::Error;
use std::io::{self, Write as _};
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let build = build_version::build_info!("atlas-runnerd");
    let done = match cli::parse(build) {
        Command::Run(args) => run(args, build),
        Command::Version(args) => print(&match args.format {
            Format::Human => build.to_text(),
            Format::Json => build.to_json(),
        }),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(&error);
            ExitCode::from(error.exit_code())
        }
    }
}

fn run(args: RunArgs, build: BuildInfo) -> Result<(), RunnerdError> {
    let env = Env::capture();
    log_to_stderr(&env);
    let settings = Settings::resolve(args.socket, Host::current(), &env)?;
    let system = |what| move |source| RunnerdError::System { what, source };
    tokio::runtime::Runtime::new()
        .map_err(system("start threads"))?
        .block_on(async {
            let signals = Signals::catch().map_err(system("catch signals"))?;
            let daemon = Daemon::bind(settings, build).await?;
            // Whoever started it may have stopped reading; the daemon goes on.
            if let Err(error) = print(&format!("listening on {}", daemon.endpoint())) {
                tracing::warn!(%error, "could not say that the daemon is ready");
            }
            daemon.run(signals.first()).await
        })
}

/// `RUST_LOG` says what is logged; without it, what matters to whoever runs the daemon.
fn log_to_stderr(env: &Env) {
    let wanted = env.text("RUST_LOG").ok().flatten().unwrap_or("info");
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::builder().parse_lossy(wanted))
        .with_writer(io::stderr)
        .with_ansi(false)
        .init();
}

fn print(text: &str) -> Result<(), RunnerdError> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{text}")
        .and_then(|()| stdout.flush())
        .map_err(|source| RunnerdError::System {
            what: "write to standard output",
            source,
        })
}

fn report(error: &RunnerdError) {
    let outermost: &(dyn Error + 'static) = error;
    let causes = std::iter::successors(Some(outermost), |&error| error.source());
    let text: Vec<String> = causes.map(ToString::to_string).collect();
    eprintln!("error: {}", text.join(": "));
    if let Some(hint) = error.hint() {
        eprintln!("hint: {hint}");
    }
}
