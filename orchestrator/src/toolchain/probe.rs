//! Trying tools out, on something tiny, the way the build will use them.

use super::{ToolchainError, left_by, not_told, number};
use crate::context::World;
use crate::inspect::inspect;
use crate::rustup;
use crate::shim::{POLICY_VAR, Policy};
use process::{AllowList, Command, ProcessError};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a tool may take to tell its version.
const VERSION_LIMIT: Duration = Duration::from_secs(20);

/// How long compiling and linking a program of one line may take, on a busy machine.
pub(super) const TRIAL_LIMIT: Duration = Duration::from_secs(60);

/// The program of one line.
pub(super) const TRIAL_SOURCE: &str = "fn main() { println!(\"works\"); }\n";

/// A question to a program about itself.
#[derive(Debug)]
pub(crate) struct Question<'a> {
    /// The program.
    pub program: &'a Path,
    /// What stands before the flag.
    pub words: &'a [String],
    /// What asks.
    pub flag: &'a str,
    /// Where it is asked, which decides for rustup's programs which of them answers.
    pub cwd: &'a Path,
}

/// The flag by which a C compiler has Apple's linker tell its version: on standard error, and then
/// it fails, for there is nothing to link.
pub(crate) const APPLE_LINKER: &str = "-Wl,-v";

/// The first line of the answer. rustup stands in for some programs, and must not fetch anything.
pub(crate) async fn first_line(
    world: &World,
    question: &Question<'_>,
) -> Result<String, ProcessError> {
    let allowed = AllowList::base().and(&[
        "CARGO_HOME",
        "RUSTUP_*",
        "LD_LIBRARY_PATH",
        "SDKROOT",
        "DEVELOPER_DIR",
    ]);
    let command = world.command(question.program, &allowed);
    let command = rustup::without_downloads(command)
        .args(question.words)
        .arg(question.flag)
        .cwd(question.cwd);
    let text = if question.flag == APPLE_LINKER {
        let output = world.runner.output(&command, VERSION_LIMIT).await?;
        String::from_utf8_lossy(&output.stderr).trim().to_owned()
    } else {
        let output = world.runner.success(&command, VERSION_LIMIT).await?;
        output.stdout_text()
    };
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

/// What a tool calls its version.
pub(crate) async fn version(
    world: &World,
    tool: &'static str,
    path: &Path,
) -> Result<String, ToolchainError> {
    let question = Question {
        program: path,
        words: &[],
        flag: "--version",
        cwd: &world.cwd,
    };
    let answer = first_line(world, &question).await;
    answer.map_err(|error| not_told(tool, error))
}

/// A compilation by the shim, with the policy in its environment.
pub(super) fn compiler(world: &World, program: &Path, policy: &Policy) -> Option<Command> {
    let policy = serde_json::to_string(policy).ok()?;
    Some(
        world
            .command(program, &AllowList::base().build())
            .env(POLICY_VAR, policy),
    )
}

/// Links a program for this host through the shim, looks into it for the linker's name and version,
/// and runs it. A build for another target uses the same linker with that target's C compiler, which only
/// cargo's configuration knows.
pub(crate) async fn linker(
    world: &World,
    tool: &'static str,
    path: &Path,
    version: &str,
    shim: &Path,
    policy: &Policy,
) -> Result<(), ToolchainError> {
    let broken = |why: String| ToolchainError::Broken {
        tool,
        path: path.to_owned(),
        why,
    };
    let scratch = scratch(world)?;
    let source = scratch.path().join("trial.rs");
    let program = scratch.path().join("trial");
    std::fs::write(&source, TRIAL_SOURCE).map_err(|error| ToolchainError::Io {
        path: source.clone(),
        source: error,
    })?;
    let target = world.host.target_triple();
    let linking = |linker: Option<String>| -> Result<Command, ToolchainError> {
        let policy = Policy {
            target: target.to_owned(),
            linker,
            ..policy.clone()
        };
        let command = compiler(world, shim, &policy)
            .ok_or_else(|| broken("the policy holds a path that is no text".to_owned()))?;
        Ok(command
            .args(["--crate-name", "trial", "--target", target, "-o"])
            .arg(&program)
            .arg(&source))
    };
    let what = "linking a tiny program failed";
    let command = linking(policy.linker.clone())?;
    if let Err(error @ ToolchainError::Broken { .. }) = run(world, &command, &broken, what).await {
        has_room(scratch.path())?;
        // What fails without it as well is not its fault, and another copy would not help.
        let driver = world.find_program("cc").unwrap_or_else(|| "cc".into());
        let failing = |why: String| ToolchainError::Broken {
            tool: C_COMPILER,
            path: driver.clone(),
            why: format!("{why} (without {tool} as well)"),
        };
        run(world, &linking(None)?, &failing, what).await?;
        return Err(error);
    }
    let bytes = match std::fs::read(&program) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let why = "linking a tiny program with it succeeded, and left no program";
            return Err(broken(why.to_owned()));
        }
        Err(source) => {
            let path = program;
            return Err(ToolchainError::Io { path, source });
        }
    };
    let inspection = inspect(&bytes).ok();
    let texts = inspection.map(|found| found.tools).unwrap_or_default();
    let Some(named) = left_by(tool, &texts) else {
        return Err(broken(format!(
            "a program that was linked with it does not name {tool}: another linker was used"
        )));
    };
    // The C compiler looks for linkers in folders of its own before those of PATH.
    if let (Some(asked), Some(linked)) = (number(version), number(named))
        && asked != linked
    {
        return Err(broken(format!(
            "it is {asked}, and the C compiler links with another one, `{}`: remove one of the two, \
             or put that one's folder first on PATH",
            crate::text::bounded(named)
        )));
    }
    let trial = Command::new(&program);
    let what = "a program that was linked with it does not run";
    let ran = run(world, &trial, &broken, what).await;
    if let Err(ToolchainError::Broken { .. }) = ran {
        runs_programs(world, scratch.path()).await?;
    }
    ran
}

/// Whether a program may be run from a folder at all, by one that is known to work.
async fn runs_programs(world: &World, dir: &Path) -> Result<(), ToolchainError> {
    let copy = dir.join(world.host.program("runs"));
    let io = |source| ToolchainError::Io {
        path: copy.clone(),
        source,
    };
    std::fs::copy(&world.exe, &copy).map_err(io)?;
    let command = Command::new(&copy).arg("--version");
    match world.runner.success(&command, VERSION_LIMIT).await {
        Err(ProcessError::Spawn { source, .. })
            if source.kind() == std::io::ErrorKind::PermissionDenied =>
        {
            let dir = dir.parent().unwrap_or(dir).to_owned();
            Err(ToolchainError::NoPrograms { dir, source })
        }
        _ => Ok(()),
    }
}

/// The name that stands for the C compiler in errors.
pub(crate) const C_COMPILER: &str = "cc";

/// Whether the folder for trials takes a file of a program's size: a full disk is no tool's fault.
pub(super) fn has_room(dir: &Path) -> Result<(), ToolchainError> {
    let path = dir.join("room");
    let written =
        std::fs::write(&path, vec![1; 8 << 20]).and_then(|()| std::fs::remove_file(&path));
    written.map_err(|source| ToolchainError::Io { path, source })
}

/// A folder that is gone when it is no longer needed.
pub(crate) fn scratch(world: &World) -> Result<tempfile::TempDir, ToolchainError> {
    scratch_in(world.temp_dir())
}

/// The same in a folder of the caller's choice.
pub(super) fn scratch_in(path: PathBuf) -> Result<tempfile::TempDir, ToolchainError> {
    let made = tempfile::Builder::new().prefix("ar-").tempdir_in(&path);
    made.map_err(|source| ToolchainError::Io { path, source })
}

/// Runs a trial; a failure is the tool's.
pub(super) async fn run(
    world: &World,
    command: &Command,
    broken: &impl Fn(String) -> ToolchainError,
    what: &str,
) -> Result<(), ToolchainError> {
    run_within(TRIAL_LIMIT, world, command, broken, what).await
}

/// The same within a time of the caller's choice.
pub(super) async fn run_within(
    limit: Duration,
    world: &World,
    command: &Command,
    broken: &impl Fn(String) -> ToolchainError,
    what: &str,
) -> Result<(), ToolchainError> {
    match world.runner.success(command, limit).await {
        Ok(_) => Ok(()),
        Err(error @ ProcessError::Interrupted { .. }) => Err(ToolchainError::Interrupted(error)),
        Err(ProcessError::Failed { stderr, status, .. }) => {
            Err(broken(format!("{what} ({status}): {stderr}")))
        }
        Err(error) => Err(broken(format!(
            "{what}: {}",
            crate::error::with_causes(&error)
        ))),
    }
}
