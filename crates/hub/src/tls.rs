//! TLS: certificate and key from files, read again when they change.
//!
//! A connection that is under way keeps what it began with. Files that cannot be used change
//! nothing: the certificate in use stays, and the log says why.

use crate::config::TlsFiles;
use crate::error::error_chain;
use crate::pace::Paced;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig};

pub(crate) type Stream = tokio_rustls::server::TlsStream<Paced<TcpStream>>;

/// How often the files are looked at.
const LOOK_PAUSE: Duration = Duration::from_secs(5);

/// The first byte of every TLS connection, and of no HTTP request: a handshake record.
const HANDSHAKE: u8 = 0x16;

/// What a client hears that speaks HTTP without TLS.
const PLAIN: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\n\
    content-length: 59\r\nconnection: close\r\n\r\n\
    {\"error\":\"this address takes TLS alone: begin with https\"}\n";

/// Why certificate and key cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    #[error("cannot read {}", path.display())]
    Read {
        path: std::path::PathBuf,
        source: pem::Error,
    },
    #[error("{} holds no certificate", path.display())]
    Empty { path: std::path::PathBuf },
    #[error("certificate and key cannot be used together")]
    Use(#[source] rustls::Error),
}

/// Makes TLS connections of plain ones.
#[derive(Debug)]
pub(crate) struct Acceptor {
    files: TlsFiles,
    current: RwLock<Arc<ServerConfig>>,
}

impl Acceptor {
    pub(crate) fn load(files: &TlsFiles) -> Result<Self, TlsError> {
        Ok(Self {
            current: RwLock::new(Arc::new(load(files)?)),
            files: files.clone(),
        })
    }

    /// The handshake; nothing where the client does not speak TLS.
    pub(crate) async fn accept(
        &self,
        mut stream: TcpStream,
        write_timeout: Duration,
    ) -> std::io::Result<Option<Stream>> {
        let mut first = [0];
        if stream.peek(&mut first).await? == 1 && first[0] != HANDSHAKE {
            tracing::debug!("a client speaks no TLS");
            stream.write_all(PLAIN).await?;
            stream.shutdown().await?;
            return Ok(None);
        }
        let acceptor = TlsAcceptor::from(self.current());
        let stream = Paced::new(stream, write_timeout);
        acceptor.accept(stream).await.map(Some)
    }

    fn current(&self) -> Arc<ServerConfig> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        current.clone()
    }

    /// Reads the files again whenever that is asked for or one of them has changed, for as long as
    /// it is polled.
    pub(crate) async fn watch(&self) {
        let mut seen = self.changed();
        loop {
            let asked = tokio::select! {
                () = self.files.reload.notified() => true,
                () = tokio::time::sleep(LOOK_PAUSE) => false,
            };
            let now = self.changed();
            if !asked && now == seen {
                continue;
            }
            seen = now;
            match load(&self.files) {
                Ok(config) => {
                    *self.current.write().unwrap_or_else(PoisonError::into_inner) =
                        Arc::new(config);
                    tracing::info!("certificate and key were read again");
                }
                Err(error) => {
                    let error = error_chain(&error);
                    tracing::error!(error, "the certificate in use stays");
                }
            }
        }
    }

    fn changed(&self) -> [Option<SystemTime>; 2] {
        [&self.files.certificate, &self.files.key].map(|file| {
            let metadata = std::fs::metadata(file);
            metadata.and_then(|metadata| metadata.modified()).ok()
        })
    }
}

fn load(files: &TlsFiles) -> Result<ServerConfig, TlsError> {
    let unread = |path: &Path| {
        let path = path.to_owned();
        move |source| TlsError::Read { path, source }
    };
    let path = &files.certificate;
    let chain = CertificateDer::pem_file_iter(path).map_err(unread(path))?;
    let chain: Result<Vec<_>, _> = chain.collect();
    let chain = chain.map_err(unread(path))?;
    if chain.is_empty() {
        let path = path.clone();
        return Err(TlsError::Empty { path });
    }
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(unread(&files.key))?;
    let provider = Arc::new(ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(TlsError::Use)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plain_answer_is_as_long_as_it_says() {
        let text = std::str::from_utf8(PLAIN).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let length = format!("content-length: {}\r\n", body.len());
        assert!(head.contains(&length), "{head}");
        serde_json::from_str::<release_types::ErrorBody>(body).unwrap();
    }
}
