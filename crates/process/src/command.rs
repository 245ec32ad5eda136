//! What is to be run: a program, its arguments and the whole of its environment.

use crate::{Env, ProcessError};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// A child process that has not been started yet.
///
/// Its environment is exactly what [`Command::envs`] and [`Command::env`] give it. `Display` is the
/// command line as a person would type it, without the environment.
#[derive(Debug, Clone)]
pub struct Command {
    pub(crate) program: PathBuf,
    pub(crate) args: Vec<OsString>,
    pub(crate) env: Env,
    pub(crate) cwd: Option<PathBuf>,
    pub(crate) input: Option<Input>,
}

/// What a child reads from its standard input. It may be a secret, so it is never shown.
#[derive(Clone)]
pub(crate) struct Input(pub(crate) Vec<u8>);

impl std::fmt::Debug for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Input")
    }
}

impl Command {
    /// A command without arguments, in an empty environment.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            args: Vec::new(),
            env: Env::default(),
            cwd: None,
            input: None,
        }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<S: Into<OsString>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets a variable of the child's environment.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.env.set(name, value);
        self
    }

    /// Sets every variable of a snapshot in the child's environment.
    #[must_use]
    pub fn envs(mut self, env: &Env) -> Self {
        self.env = self.env.with(env);
        self
    }

    /// Sets the folder the child starts in; the parent's otherwise.
    #[must_use]
    pub fn cwd(mut self, dir: impl Into<PathBuf>) -> Self {
        self.cwd = Some(dir.into());
        self
    }

    /// What a child that is run to its end reads from its standard input, which is empty otherwise: the
    /// way for a secret that may stand in no argument.
    #[must_use]
    pub fn input(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input = Some(Input(bytes.into()));
        self
    }

    /// The program.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// The arguments, without the program.
    pub fn arguments(&self) -> &[OsString] {
        &self.args
    }

    /// The environment the child gets.
    pub fn environment(&self) -> &Env {
        &self.env
    }

    pub(crate) fn to_tokio(&self) -> tokio::process::Command {
        self.to_std().into()
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "this crate is the one place that starts child processes"
    )]
    fn to_std(&self) -> std::process::Command {
        let mut command = std::process::Command::new(&self.program);
        command.args(&self.args).env_clear().envs(self.env.iter());
        if let Some(cwd) = &self.cwd {
            command.current_dir(cwd);
        }
        command
    }

    /// Runs the program to its end and keeps what it writes, for callers that have no async
    /// runtime and nothing to interrupt.
    ///
    /// # Errors
    /// When it cannot be started; a failing exit status is no error here.
    pub fn output_blocking(&self) -> Result<crate::Output, ProcessError> {
        let output = self
            .to_std()
            .output()
            .map_err(|source| ProcessError::from_spawn(self, source))?;
        Ok(crate::Output {
            status: output.status,
            stdout: output.stdout,
            stderr: output.stderr,
        })
    }

    /// Becomes the program, so that there is one process and not two. Where the system cannot do
    /// that (Windows), the program is run to its end with this process's input and output, and the
    /// process ends with its exit code.
    ///
    /// Returns only when the program cannot be started.
    pub fn exec(&self) -> ProcessError {
        let mut command = self.to_std();
        #[cfg(unix)]
        let source = std::os::unix::process::CommandExt::exec(&mut command);
        #[cfg(not(unix))]
        let source = match command.status() {
            Ok(status) => std::process::exit(status.code().unwrap_or(1)),
            Err(source) => source,
        };
        ProcessError::from_spawn(self, source)
    }
}

impl std::fmt::Display for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", quoted(self.program.as_os_str()))?;
        for arg in &self.args {
            write!(f, " {}", quoted(arg))?;
        }
        Ok(())
    }
}

fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.into_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_reads_as_it_would_be_typed() {
        let command = Command::new("cargo").args(["build", "a b", "it's", ""]);
        assert_eq!(command.to_string(), r"cargo build 'a b' 'it'\''s' ''");
    }

    #[test]
    fn what_it_reads_is_never_shown() {
        let command = Command::new("security").input("hunter2");
        let shown = format!("{command} {command:?}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
