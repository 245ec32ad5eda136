//! Connecting to a Unix domain socket.

use std::io;
use std::path::Path;
use tokio::net::UnixStream;

/// Connects to the socket at this path.
pub(crate) async fn connect(path: &Path) -> io::Result<UnixStream> {
    UnixStream::connect(path).await
}
