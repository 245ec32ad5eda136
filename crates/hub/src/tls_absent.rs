//! What stands for TLS where this crate was built without it.

use crate::config::TlsFiles;
use crate::pace::Paced;
use std::time::Duration;
use tokio::net::TcpStream;

pub(crate) type Stream = Paced<TcpStream>;

/// There is no TLS.
#[derive(Debug, thiserror::Error)]
#[error("this program was built without TLS")]
pub(crate) struct TlsError;

/// Never made.
#[derive(Debug)]
pub(crate) enum Acceptor {}

impl Acceptor {
    pub(crate) fn load(_: &TlsFiles) -> Result<Self, TlsError> {
        Err(TlsError)
    }

    pub(crate) async fn accept(
        &self,
        _: TcpStream,
        _: Duration,
    ) -> std::io::Result<Option<Stream>> {
        match *self {}
    }

    pub(crate) async fn watch(&self) {
        match *self {}
    }
}
