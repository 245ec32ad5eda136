//! One child with all it starts: asked to end, killed, or left alone. When which of these is due is
//! the runner's part.

use crate::{Command, ProcessError};
use process_wrap::tokio::ChildWrapper;
use std::time::Duration;
use tokio::process::{ChildStderr, ChildStdin, ChildStdout};

/// How long a child that was asked to end may take before it is killed.
const GRACE: Duration = Duration::from_secs(3);

/// A child that is killed, with all it started, when it is no longer wanted.
///
/// What it started is found by its process group (its job on Windows), whose number is the child's
/// own. The system gives that number to nobody while anything is in the group, and to nobody soon
/// when nothing is: numbers are handed out in turn.
pub(crate) struct Child {
    wrapped: Box<dyn ChildWrapper>,
    left: bool,
}

impl Child {
    pub(crate) fn new(wrapped: Box<dyn ChildWrapper>) -> Self {
        Self {
            wrapped,
            left: false,
        }
    }

    /// Standard output and standard error, the first time they are asked for.
    pub(crate) fn streams(&mut self) -> (Option<ChildStdout>, Option<ChildStderr>) {
        (self.wrapped.stdout().take(), self.wrapped.stderr().take())
    }

    /// Standard input, the first time it is asked for, where there is something to read.
    pub(crate) fn stdin(&mut self) -> Option<ChildStdin> {
        self.wrapped.stdin().take()
    }

    /// The child alone. Waiting for it does not wait for what it started.
    pub(crate) fn leader(&mut self) -> &mut dyn ChildWrapper {
        self.wrapped.inner_mut()
    }

    /// Ends it because the whole run ends.
    pub(crate) async fn interrupt(&mut self, command: &Command) -> ProcessError {
        self.end().await;
        ProcessError::Interrupted {
            command: command.to_string(),
        }
    }

    /// Asks the child and all it started to end, waits for the child, and kills what is left.
    pub(crate) async fn end(&mut self) {
        #[cfg(unix)]
        if self
            .wrapped
            .signal(rustix::process::Signal::TERM.as_raw())
            .is_ok()
            && tokio::time::timeout(GRACE, self.leader().wait())
                .await
                .is_err()
        {
            tracing::debug!("a child process was asked to end and did not");
        }
        // Also where the child has obeyed: something that it started may not have.
        self.kill();
        if tokio::time::timeout(GRACE, self.leader().wait())
            .await
            .is_err()
        {
            tracing::warn!("a child process was killed and has not ended yet");
        }
        self.left = true;
    }

    /// Lets what it has started run on.
    pub(crate) fn leave(mut self) {
        self.left = true;
    }

    /// Kills it and all it started.
    pub(crate) fn kill(&mut self) {
        if let Err(error) = self.wrapped.start_kill() {
            tracing::debug!(%error, "there is nothing left to kill of a child process");
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // Nobody waited for it to its end: what still runs of it must not outlive us.
        if !self.left {
            self.kill();
        }
    }
}
