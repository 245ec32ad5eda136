//! The command line: arguments to settings, settings to stages, results to exit codes. Each
//! command file only translates; the work is done in the stages.

mod args;
mod build;
mod bundles;
mod channels;
mod client;
mod code_sign;
mod common;
mod doctor;
mod finish;
mod folders;
mod github_action;
mod github_release;
mod goods;
mod hub;
mod manifest;
mod names;
mod pack;
mod prepared;
mod provenance;
mod publish;
mod recorded;
mod release;
mod reproduce;
mod sign;
mod token;
mod typed;
mod verify;
mod workflows;

use crate::channels::ChannelsError;
use crate::context::World;
use crate::error::{Error, ExitCode, with_causes};
use crate::events::{
    Event, HumanReporter, JsonReporter, Reporter, Style, Summarized, data_was_lost, print_line,
    tell,
};
use crate::progress::may_redraw;
use crate::rustup;
use crate::system::{EndSignal, asked_to_end, outlive_file_limits};
use args::{Cli, Command, Format, GlobalArgs, HubCommand};
use build_version::BuildInfo;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory as _, Parser as _};
use process::{Env, Runner};
use release_types::Platform;
use std::io::IsTerminal as _;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How long an interrupted run may take to end its children and put its things away.
const GRACE: Duration = Duration::from_secs(15);

/// Runs the program and returns what it ends with.
pub fn main(build: BuildInfo) -> std::process::ExitCode {
    main_on(build, None)
}

/// The same where it is decided as on another host, so that this can be tried on this one.
pub fn main_on(build: BuildInfo, host: Option<Platform>) -> std::process::ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return not_understood(&error),
    };
    if cli.version {
        print_line(&build.to_string());
        return success();
    }
    let Some(command) = cli.command else {
        let missing = ErrorKind::MissingSubcommand;
        let error = Cli::command().error(missing, "a command is needed; --help lists them");
        return not_understood(&error);
    };
    if matches!(command, Command::Version) {
        print_line(&match cli.global.format {
            Format::Json => build.to_json(),
            _ => build.to_text(),
        });
        return success();
    }
    log_to_stderr(cli.global.verbose);
    let format = cli.global.format;
    match command {
        Command::Completions { shell } => {
            typed::completions(shell);
            return success();
        }
        Command::Man { output } => {
            return match typed::man(build, output.as_deref()) {
                Ok(()) => success(),
                Err(error) => fail(&error, error.exit_code(), format),
            };
        }
        _ => {}
    }
    let env = Env::capture();
    let reporter: Arc<dyn Reporter> = match format {
        Format::Json => Arc::new(JsonReporter::default()),
        _ => {
            let redraws = may_redraw(std::io::stderr().is_terminal(), &env);
            Arc::new(HumanReporter::new(redraws, Style::of(&env)))
        }
    };
    let reporter = Summarized::in_job(reporter, &env);
    // A second call fails and changes nothing; the provider is ours either way.
    if rustls::crypto::ring::default_provider()
        .install_default()
        .is_err()
    {
        tracing::debug!("a TLS provider is installed already");
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(source) => {
            let error = Error::Io {
                path: "the async runtime".into(),
                source,
            };
            return fail(&error, error.exit_code(), format);
        }
    };
    let work = || runtime.block_on(interruptible(command, &cli.global, build, host, &reporter));
    // A panic has been shown on standard error by now; a script needs the exit code.
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work))
        .unwrap_or(Err((Error::Defect, ExitCode::Defect)));
    // Blocking work of an interrupted run (a name lookup, a file) is not waited for.
    runtime.shutdown_timeout(Duration::from_secs(1));
    match outcome {
        Ok(()) => success(),
        Err((error, code)) => {
            // What `doctor` finds is told by itself.
            if !matches!(error, Error::NotReady(_)) {
                let hint = error.hint();
                reporter.failed(code as u8, &with_causes(&error), hint.as_deref());
            }
            fail(&error, code, format)
        }
    }
}

/// Runs a command until it is done or a signal ends it.
async fn interruptible(
    command: Command,
    global: &GlobalArgs,
    build: BuildInfo,
    host: Option<Platform>,
    reporter: &Arc<dyn Reporter>,
) -> Result<(), (Error, ExitCode)> {
    if let Err(error) = outlive_file_limits() {
        tracing::debug!(%error, "a limit for files would end this process");
    }
    let cancel = CancellationToken::new();
    let world = match World::capture(Runner::new(cancel.clone())) {
        Ok(mut world) => {
            world.host = host.unwrap_or(world.host);
            if command.only_asks() {
                rustup::forbid_downloads(&mut world.env);
            }
            world
        }
        Err(source) => {
            let path = ".".into();
            return Err((Error::Io { path, source }, ExitCode::Machine));
        }
    };
    let mut run = std::pin::pin!(dispatch(command, global, build, &world, reporter));
    let code = tokio::select! {
        outcome = &mut run => {
            return outcome.map_err(|error| { let code = error.exit_code(); (error, code) });
        }
        signal = asked_to_end() => match signal {
            EndSignal::Interrupt => ExitCode::Interrupted,
            EndSignal::Terminate => ExitCode::Terminated,
        },
    };
    cancel.cancel();
    // Children are ended and what is half-written is removed; whoever cannot wait asks again.
    tokio::select! {
        outcome = tokio::time::timeout(GRACE, &mut run) => match outcome {
            Ok(Ok(())) => return Ok(()),
            // That it is half done, and how it is gone on with, is lost otherwise.
            Ok(Err(error @ Error::Channels(ChannelsError::Unfinished { .. }))) => {
                return Err((error, code));
            }
            Ok(Err(_)) | Err(_) => {}
        },
        _ = asked_to_end() => {}
    }
    Err((Error::Interrupted, code))
}

async fn dispatch(
    command: Command,
    global: &GlobalArgs,
    build: BuildInfo,
    world: &World,
    reporter: &Arc<dyn Reporter>,
) -> Result<(), Error> {
    let app = common::App {
        world,
        global,
        build,
        reporter,
    };
    app.check_dist_dirs(&command)?;
    match command {
        Command::Plan(args) => build::plan(&app, args).await,
        Command::Build(args) => build::build(&app, args).await,
        Command::Sign(args) => sign::sign(&app, args).await,
        Command::Signer(command) => sign::signer(&app, command).await,
        Command::Publish(args) => publish::publish(&app, args).await,
        Command::Verify(args) => verify::verify(&app, args).await,
        Command::Release(args) => release::release(&app, args).await,
        Command::GithubRelease(args) => github_release::github_release(&app, args).await,
        Command::Promote(args) => channels::promote(&app, args).await,
        Command::Yank(args) => channels::yank(&app, args).await,
        Command::Rollback(args) => channels::rollback(&app, args).await,
        Command::Token(command) => token::token(&app, command).await,
        Command::Pack(command) => pack::pack(&app, command).await,
        Command::Manifest(command) => manifest::manifest(&app, command).await,
        Command::Workflows(command) => workflows::workflows(&app, command).await,
        Command::GithubAction => github_action::github_action(&app).await,
        Command::Reproduce(args) => reproduce::reproduce(&app, args).await,
        Command::Hub(HubCommand::Serve { listen, dry_run }) => {
            hub::serve(&app, listen, dry_run).await
        }
        Command::Doctor => doctor::doctor(&app).await,
        Command::Setup(args) => doctor::setup(&app, args).await,
        Command::Env(_) => doctor::env(&app).await,
        // They are done by now: they need nothing of the world.
        Command::Completions { .. } | Command::Man { .. } | Command::Version => Ok(()),
    }
}

/// Ends a run that went well, if what it had to say has arrived.
fn success() -> std::process::ExitCode {
    match data_was_lost() {
        true => fail(&Error::Output, Error::Output.exit_code(), Format::Human),
        false => std::process::ExitCode::SUCCESS,
    }
}

/// Ends on a command line that clap refuses, or after the help that it was asked for.
fn not_understood(error: &clap::Error) -> std::process::ExitCode {
    let hint = usage_hint(error);
    if error.use_stderr() && wants_json(std::env::args_os()) {
        let text = error.render().to_string();
        JsonReporter::default().event(Event::Error {
            code: ExitCode::Usage as u8,
            message: text.trim_start_matches("error: ").trim().to_owned(),
            hint: hint.map(str::to_owned),
        });
    }
    // A reader that has gone away is nobody's failure; a full disk is one where help was asked for.
    if let Err(lost) = error.print()
        && lost.kind() != std::io::ErrorKind::BrokenPipe
        && !error.use_stderr()
    {
        return fail(&Error::Output, Error::Output.exit_code(), Format::Human);
    }
    if let Some(hint) = hint {
        tell(&format!("hint: {hint}"));
    }
    std::process::ExitCode::from(match error.use_stderr() {
        true => ExitCode::Usage as u8,
        false => 0,
    })
}

/// What to do about a flag that is another command's, where clap's own words lead nowhere.
fn usage_hint(error: &clap::Error) -> Option<&'static str> {
    let named = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(named)) if error.kind() == ErrorKind::UnknownArgument => named,
        _ => return None,
    };
    (named == "--local").then_some(
        "--local is for commands that ask a Hub for releases (plan, publish, verify, release, promote, \
         yank, rollback, reproduce); `build` needs none, and takes --allow-untagged for a tag that git does not have",
    )
}

/// Whether a command line that could not be read as a whole asks for JSON.
fn wants_json(args: impl Iterator<Item = std::ffi::OsString>) -> bool {
    let args: Vec<_> = args.collect();
    args.iter().any(|arg| arg == "--format=json")
        || args
            .windows(2)
            .any(|pair| pair[0] == "--format" && pair[1] == "json")
}

fn fail(error: &Error, code: ExitCode, format: Format) -> std::process::ExitCode {
    let event = Event::Error {
        code: code as u8,
        message: with_causes(error),
        hint: error.hint(),
    };
    // A program reads the event from standard output; a person's eye is on standard error.
    // What `doctor` has found is one document, which says by itself that something is lacking.
    if format == Format::Json && !matches!(error, Error::NotReady(_)) {
        JsonReporter::default().event(event.clone());
    }
    HumanReporter::new(false, Style::of(&Env::capture())).event(event);
    std::process::ExitCode::from(code as u8)
}

fn log_to_stderr(verbose: u8) {
    use tracing_subscriber::filter::{LevelFilter, Targets};
    use tracing_subscriber::prelude::*;
    let ours = |level| {
        Targets::new()
            .with_default(LevelFilter::WARN)
            .with_targets(["atlas_release", "hub_client", "hub", "process"].map(|t| (t, level)))
    };
    let filter = match verbose {
        0 => ours(LevelFilter::WARN),
        1 => ours(LevelFilter::DEBUG),
        _ => Targets::new().with_default(LevelFilter::TRACE),
    };
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    tracing_subscriber::registry()
        .with(layer)
        .with(filter)
        .init();
}
