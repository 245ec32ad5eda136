//! Running cargo: once, or once more without the compiler cache when the cache has failed.

use super::watch::{Fault, Heard, complains, is_sccaches, watch};
use super::{BuildError, cargo_command, executable};
use crate::context::World;
use crate::events::{Event, Reporter};
use crate::plan::Plan;
use crate::progress;
use crate::toolchain::{CacheUse, Sccache, Secrets, Toolchain};
use process::{Command, Ended, Line, Stream};
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Instant;

/// A program that cargo has made, or found made.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Executable {
    pub package: String,
    pub bin: String,
    pub path: PathBuf,
    /// Whether an earlier run has made it.
    pub fresh: bool,
}

/// What came of running cargo.
pub(super) struct Ran {
    /// The programs.
    pub executables: Vec<Executable>,
    /// What the cache was good for, when there was one.
    pub cache: Option<CacheUse>,
}

/// Builds the plan's programs. When the cache dies or hangs, or cargo fails for its sake, the build
/// is done once more without it; what cargo has finished by then it keeps.
pub(super) async fn run(
    world: &World,
    plan: &Plan,
    toolchain: &mut Toolchain,
    reporter: &dyn Reporter,
) -> Result<Ran, BuildError> {
    let command = cargo_command(world, plan, toolchain);
    let secrets = toolchain.sccache.as_ref().map(Sccache::secrets).cloned();
    let mut attempt = Attempt::new(reporter, secrets);
    let Some(sccache) = &mut toolchain.sccache else {
        let status = world.runner.lines(&command, |line| attempt.hear(line));
        let status = status.await?;
        let executables = attempt.built(status)?;
        return Ok(Ran {
            executables,
            cache: None,
        });
    };
    match attempt.cached(world, &command, sccache).await? {
        Ended::ByItself(status) => {
            // A failure of the compiler's is final; so nothing is lost by asking first.
            let cache = tell_usage(world, sccache, reporter).await;
            let executables = attempt.built(status)?;
            Ok(Ran { executables, cache })
        }
        Ended::GivenUp(fault) => {
            reporter.warn(format!(
                "{fault}; the build is done once more without it, from where it stood"
            ));
            let cache = Some(CacheUse {
                given_up: Some(fault.kind().to_owned()),
                ..CacheUse::default()
            });
            if let Some(sccache) = toolchain.sccache.take() {
                sccache.kill().await;
            }
            let command = cargo_command(world, plan, toolchain);
            let mut attempt = Attempt::new(reporter, None);
            let status = world.runner.lines(&command, |line| attempt.hear(line));
            let status = status.await?;
            let executables = attempt.built(status)?;
            Ok(Ran { executables, cache })
        }
    }
}

/// Asks for the statistics of this build and says them.
pub(crate) async fn tell_usage(
    world: &World,
    sccache: &mut Sccache,
    reporter: &dyn Reporter,
) -> Option<CacheUse> {
    sccache.id()?;
    let usage = sccache.usage(world).await?;
    if usage.errors > 0 {
        reporter.warn(format!(
            "sccache could not read or write its cache ({} errors): its folder may be full or \
             read-only, or its shared cache away; what was built is complete all the same",
            usage.errors
        ));
    }
    if world.in_github_actions() && usage.is_cold() {
        reporter.warn(format!(
            "the cache answered none of {} compilations: unless this is its first build with this Rust, \
             look whether earlier jobs have filled the cache that this one reads",
            usage.misses
        ));
    }
    reporter.event(Event::Cache(usage.clone()));
    Some(usage)
}

/// One run of cargo and what it has said so far.
struct Attempt<'a> {
    reporter: &'a dyn Reporter,
    began: Instant,
    executables: Vec<Executable>,
    heard: Heard,
    /// The first thing that the cache's clients have complained about.
    complaint: Option<String>,
    /// What must not be repeated of them, when there are such clients.
    secrets: Option<Secrets>,
}

impl<'a> Attempt<'a> {
    fn new(reporter: &'a dyn Reporter, secrets: Option<Secrets>) -> Self {
        Self {
            reporter,
            began: Instant::now(),
            executables: Vec::new(),
            heard: Heard::default(),
            complaint: None,
            secrets,
        }
    }

    fn hear(&mut self, line: Line) {
        self.heard.now();
        match line.stream {
            Stream::Stdout => self.executables.extend(executable(&line.text)),
            Stream::Stderr => {
                if let Some(units) = progress::parse(&line.text) {
                    self.reporter.event(Event::Progress {
                        done: units.done,
                        total: units.total,
                        crates: units.crates,
                        seconds: self.began.elapsed().as_secs(),
                    });
                } else if !progress::is_bar(&line.text) {
                    let line = self.without_secrets(line.text);
                    if self.complaint.is_none() && complains(&line) {
                        self.complaint = Some(line.trim().to_owned());
                    }
                    self.reporter.event(Event::Cargo { line });
                }
            }
        }
    }

    /// A line that may be repeated. A compiler's is left as it is; after a complaint of sccache's
    /// nobody can tell whose the next lines are.
    fn without_secrets(&self, line: String) -> String {
        match &self.secrets {
            Some(secrets) if self.complaint.is_some() || is_sccaches(&line) => {
                secrets.redact(&line)
            }
            _ => line,
        }
    }

    /// Runs cargo with the cache, and gives it up when the cache fails it.
    async fn cached(
        &mut self,
        world: &World,
        command: &Command,
        sccache: &mut Sccache,
    ) -> Result<Ended<Fault>, BuildError> {
        let heard = self.heard.clone();
        let server = &mut *sccache;
        let ended = world
            .runner
            .lines_unless(
                command,
                |line| self.hear(line),
                |cargo| watch(world, server, cargo, heard),
            )
            .await?;
        Ok(match ended {
            Ended::ByItself(status) if !status.success() => match self.blame(sccache) {
                Some(fault) => Ended::GivenUp(fault),
                None => ended,
            },
            ended => ended,
        })
    }

    /// Why cargo has failed, when it is the cache's fault and not the compiler's.
    fn blame(&self, sccache: &mut Sccache) -> Option<Fault> {
        if let Some(words) = &self.complaint {
            return Some(Fault::Failed(words.clone()));
        }
        sccache.id().is_none().then_some(Fault::Ended)
    }

    fn built(mut self, status: ExitStatus) -> Result<Vec<Executable>, BuildError> {
        match status.success() {
            true => Ok(std::mem::take(&mut self.executables)),
            false => Err(BuildError::Cargo { status }),
        }
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        self.reporter.progress_ended();
    }
}
