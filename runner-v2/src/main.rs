//! `atlas-runner`: a question in, an answer and an exit code out.

mod cli;

use atlas_runner::{Report, RunnerError};
use build_version::BuildInfo;
use cli::{Command, Format, StatusArgs};
use process::Env;
use runner_ipc::{Client, Endpoint, Host};
use std::error::Error;
use std::io::{self, Write as _};
use std::process::ExitCode;

fn main() -> ExitCode {
    let build = build_version::build_info!("atlas-runner");
    let done = match cli::parse(build) {
        Command::Status(args) => status(args, build),
        Command::Version(args) => print(&match args.format {
            Format::Human => build.to_text(),
            Format::Json => build.to_json(),
        }),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            explain(&error);
            ExitCode::from(error.exit_code())
        }
    }
}

fn status(args: StatusArgs, build: BuildInfo) -> Result<(), RunnerError> {
    let endpoint = Endpoint::resolve(args.socket, Host::current(), &Env::capture())?;
    let answer = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| RunnerError::System {
            what: "start",
            source,
        })?
        .block_on(Client::new(endpoint).status());

    // What is known is shown, whatever the daemon says.
    let report = Report::new(build, answer.as_ref().ok());
    match args.format {
        Format::Human => print(&report.to_text())?,
        Format::Json => {
            print(&report.to_json())?;
            if let Some(warning) = report.warning() {
                eprintln!("warning: {warning}");
            }
        }
    }
    answer?;
    Ok(())
}

fn print(text: &str) -> Result<(), RunnerError> {
    writeln!(io::stdout().lock(), "{text}").map_err(|source| RunnerError::System {
        what: "write to standard output",
        source,
    })
}

fn explain(error: &RunnerError) {
    let outermost: &(dyn Error + 'static) = error;
    let causes = std::iter::successors(Some(outermost), |&error| error.source());
    let text: Vec<String> = causes.map(ToString::to_string).collect();
    eprintln!("error: {}", text.join(": "));
    if let Some(hint) = error.hint() {
        eprintln!("hint: {hint}");
    }
}
