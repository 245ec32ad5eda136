//! Running a program as a user would, and what came of it. None may run for ever: each has a
//! deadline, after which it is killed and the test fails with all it has written.

use process::Env;
use std::ffi::OsString;
use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a program may run unless a test says otherwise.
const LIMIT: Duration = Duration::from_secs(120);

/// A program that is about to be run, with the whole of its environment.
#[derive(Debug, Clone)]
#[must_use]
pub struct Invocation {
    program: PathBuf,
    args: Vec<OsString>,
    env: Env,
    cwd: PathBuf,
    limit: Duration,
}

impl Invocation {
    pub(crate) fn new(program: PathBuf, env: Env, cwd: PathBuf) -> Self {
        Self {
            program,
            args: Vec::new(),
            env,
            cwd,
            limit: LIMIT,
        }
    }

    /// Adds an argument.
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Adds arguments.
    pub fn args<S: Into<OsString>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Has it started by another program, which is given it with its arguments after its own.
    pub fn through(mut self, words: &[&str]) -> Self {
        let mut words = words.iter();
        if let Some(program) = words.next() {
            let inner = std::mem::replace(&mut self.program, program.into());
            let args = std::mem::take(&mut self.args);
            self.args = words.map(OsString::from).collect();
            self.args.push(inner.into());
            self.args.extend(args);
        }
        self
    }

    /// The same where the other program needs root. It itself is run by the user of the test, who
    /// owns the files, and with the same environment, which sudo would drop.
    #[cfg(unix)]
    pub fn through_root(mut self, words: &[&str]) -> Self {
        let (user, group) = (rustix::process::geteuid(), rustix::process::getegid());
        if user.is_root() {
            return self.through(words);
        }
        let (user, group) = (user.to_string(), group.to_string());
        let back = ["setpriv", "--reuid", &user, "--regid", &group];
        self = self.through(&[&back[..], &["--clear-groups", "--"]].concat());
        self = self.through(words);
        let variables: Vec<OsString> = self
            .env
            .iter()
            .map(|(name, value)| {
                let mut pair = name.to_owned();
                pair.push("=");
                pair.push(value);
                pair
            })
            .collect();
        self = self.through(&["sudo", "-n", "env"]);
        self.args.splice(2..2, variables);
        self
    }

    /// Sets a variable.
    pub fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.env.set(name, value);
        self
    }

    /// Sets the folder it starts in.
    pub fn cwd(mut self, dir: impl Into<PathBuf>) -> Self {
        self.cwd = dir.into();
        self
    }

    /// Gives it more time than the two minutes that it has otherwise.
    pub fn within(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Runs it to its end.
    pub fn run(self) -> Finished {
        self.start().finish()
    }

    /// Starts it and comes back at once.
    pub fn start(self) -> Background {
        let command = format!("{} {:?}", self.program.display(), self.args);
        let mut child = self.spawn();
        let stdout = Capture::of(child.stdout.take().unwrap());
        let stderr = Capture::of(child.stderr.take().unwrap());
        Background {
            command,
            child,
            stdout,
            stderr,
            deadline: Instant::now() + self.limit,
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a test needs the child's id and its output while it runs"
    )]
    fn spawn(&self) -> Child {
        let mut command = std::process::Command::new(&self.program);
        command
            .args(&self.args)
            .env_clear()
            .envs(self.env.iter())
            .current_dir(&self.cwd)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {}: {error}", self.program.display()))
    }
}

/// What a program was asked to do by a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Ctrl-C.
    Interrupt,
    /// What a service manager sends.
    Terminate,
}

/// A program that is running. Killed when it is dropped.
#[derive(Debug)]
pub struct Background {
    command: String,
    child: Child,
    stdout: Capture,
    stderr: Capture,
    deadline: Instant,
}

impl Background {
    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it writes a line with this text to standard output, and returns the line.
    #[track_caller]
    pub fn stdout_line(&self, needle: &str) -> String {
        self.line(&self.stdout, needle)
    }

    /// Waits until it writes a line with this text to standard error, and returns the line.
    #[track_caller]
    pub fn stderr_line(&self, needle: &str) -> String {
        self.line(&self.stderr, needle)
    }

    #[track_caller]
    fn line(&self, capture: &Capture, needle: &str) -> String {
        capture.line(needle, self.deadline).unwrap_or_else(|| {
            panic!(
                "no line with {needle:?} from {}\n--- stdout\n{}\n--- stderr\n{}",
                self.command,
                self.stdout.text(),
                self.stderr.text()
            )
        })
    }

    /// Sends it a signal, and it alone.
    #[cfg(unix)]
    pub fn signal(&self, signal: Signal) {
        use rustix::process::{Pid, kill_process};
        let signal = match signal {
            Signal::Interrupt => rustix::process::Signal::INT,
            Signal::Terminate => rustix::process::Signal::TERM,
        };
        let id = i32::try_from(self.id()).unwrap();
        kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
    }

    /// Waits for its end.
    #[track_caller]
    pub fn finish(mut self) -> Finished {
        let status = loop {
            match self.child.try_wait().unwrap() {
                Some(status) => break Some(status),
                None if Instant::now() > self.deadline => break None,
                None => std::thread::sleep(Duration::from_millis(5)),
            }
        };
        if status.is_none() {
            self.child.kill().unwrap();
        }
        // Who still holds the other end of a pipe was started by the program and has outlived it.
        let grace = Instant::now() + Duration::from_secs(10);
        let all = self.stdout.ended(grace) && self.stderr.ended(grace);
        let finished = Finished {
            command: self.command.clone(),
            code: status.and_then(|status| status.code()),
            stdout: self.stdout.text(),
            stderr: self.stderr.text(),
        };
        assert!(status.is_some(), "did not end in time: {finished}");
        assert!(all, "left a process behind: {finished}");
        finished
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // Already gone after `finish`, which is fine.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// A program that has ended.
#[derive(Debug, Clone)]
pub struct Finished {
    command: String,
    /// The exit code; none after a deadly signal.
    pub code: Option<i32>,
    /// All it wrote to standard output.
    pub stdout: String,
    /// All it wrote to standard error.
    pub stderr: String,
}

impl Finished {
    /// Itself, when it ended with this exit code; otherwise the test fails and shows all.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self}");
        self
    }

    /// Itself, when each of the texts stands in what it wrote to standard error.
    #[track_caller]
    pub fn says(self, texts: &[&str]) -> Self {
        for text in texts {
            assert!(self.stderr.contains(text), "{text:?} is not in {self}");
        }
        self
    }
}

impl std::fmt::Display for Finished {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}\n--- exit {:?}\n--- stdout\n{}--- stderr\n{}",
            self.command, self.code, self.stdout, self.stderr
        )
    }
}

/// A stream that a thread reads to its end.
#[derive(Debug, Clone)]
struct Capture(Arc<(Mutex<SoFar>, Condvar)>);

/// What was read so far.
#[derive(Debug, Default)]
struct SoFar {
    bytes: Vec<u8>,
    ended: bool,
}

impl Capture {
    fn of(mut stream: impl Read + Send + 'static) -> Self {
        let capture = Self(Arc::default());
        let shared = capture.clone();
        std::thread::spawn(move || {
            let mut buffer = [0; 8192];
            loop {
                let read = stream.read(&mut buffer).unwrap_or(0);
                shared.change(|so_far| {
                    so_far.bytes.extend_from_slice(&buffer[..read]);
                    so_far.ended = read == 0;
                });
                if read == 0 {
                    break;
                }
            }
        });
        capture
    }

    fn change(&self, change: impl FnOnce(&mut SoFar)) {
        let (state, changed) = &*self.0;
        change(&mut state.lock().unwrap_or_else(PoisonError::into_inner));
        changed.notify_all();
    }

    /// Waits until the test of what was read finds something, or the stream or the time ends.
    fn wait<T>(&self, until: Instant, find: impl Fn(&SoFar) -> Option<T>) -> Option<T> {
        let (state, changed) = &*self.0;
        let mut so_far = state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(found) = find(&so_far) {
                return Some(found);
            }
            let left = until.saturating_duration_since(Instant::now());
            if so_far.ended || left.is_zero() {
                return None;
            }
            (so_far, _) = changed
                .wait_timeout(so_far, left)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn line(&self, needle: &str, until: Instant) -> Option<String> {
        self.wait(until, |so_far| {
            let text = String::from_utf8_lossy(&so_far.bytes);
            let whole = text.rfind('\n').map_or("", |end| &text[..end]);
            let line = whole.lines().find(|line| line.contains(needle))?;
            Some(line.to_owned())
        })
    }

    fn ended(&self, until: Instant) -> bool {
        self.wait(until, |so_far| so_far.ended.then_some(()))
            .is_some()
    }

    fn text(&self) -> String {
        let (state, _) = &*self.0;
        let so_far = state.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&so_far.bytes).into_owned()
    }
}
