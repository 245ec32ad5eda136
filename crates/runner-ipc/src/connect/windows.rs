//! Connecting to a named pipe.

use std::io;
use std::path::Path;
use std::time::Duration;
use tokio::net::windows::named_pipe::{ClientOptions, NamedPipeClient};

/// `ERROR_PIPE_BUSY`: there is a pipe, and every instance of it has a client at this moment.
const PIPE_BUSY: i32 = 231;

/// How long to wait until a busy pipe is tried again.
const PAUSE: Duration = Duration::from_millis(20);

/// Connects to the pipe of this name. While it is busy this goes on; the caller sets the limit.
pub(crate) async fn connect(path: &Path) -> io::Result<NamedPipeClient> {
    loop {
        match ClientOptions::new().open(path) {
            Err(error) if error.raw_os_error() == Some(PIPE_BUSY) => {
                tokio::time::sleep(PAUSE).await;
            }
            done => return done,
        }
    }
}
