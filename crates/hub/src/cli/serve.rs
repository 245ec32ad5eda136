//! `atlas-hub serve`: its arguments, its listeners and its signals.

use super::operate::KeepArgs;
use super::output::print;
use super::{CliError, DataDirArg, descriptors};
use build_version::BuildInfo;
use clap::Args;
use clap::builder::{RangedI64ValueParser, RangedU64ValueParser};
use hub::{Hub, HubConfig, HubError, Issuer, Limits, StatementTimes, TlsFiles, TrustConfig};
use ipnet::IpNet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket};
use url::Url;

#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    #[command(flatten)]
    dir: DataDirArg,
    /// The address to listen on; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Scheme, host and port that clients reach this Hub by. Needed when the address is not a
    /// loopback one.
    #[arg(long, value_name = "URL")]
    public_url: Option<Url>,
    /// The certificate, and what it is signed by, in PEM: the Hub then takes TLS alone. It and the
    /// key are read again when they change, and on SIGHUP.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The certificate's private key, in PEM.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// A second address, which answers /metrics for Prometheus, and nothing else.
    #[arg(long, value_name = "ADDRESS")]
    metrics_listen: Option<SocketAddr>,
    /// Lets other machines read the metrics: --metrics-listen may be any address.
    #[arg(long, requires = "metrics_listen")]
    metrics_public: bool,
    /// How many seconds uploads and downloads have to finish in when the server is told to stop.
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    shutdown_grace: u64,
    /// A network of proxies whose X-Forwarded-For or Forwarded is believed. Can be repeated.
    #[arg(long = "trusted-proxy", value_name = "CIDR", value_parser = network)]
    trusted_proxies: Vec<IpNet>,
    #[command(flatten)]
    trust: TrustArgs,
    #[command(flatten)]
    keep: KeepArgs,
    #[command(flatten)]
    limits: LimitArgs,
    /// Where this process has to stand still, and at which time of coming there: `NAME=2`.
    #[cfg(debug_assertions)]
    #[arg(long, hide = true, value_name = "NAME=TIMES", value_parser = fail_point)]
    fail_point: Option<(String, u32)>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Trusted publishing")]
struct TrustArgs {
    /// Whose ID tokens are taken of jobs that `atlas-hub trust` has rules for. Can be repeated; then
    /// GitHub's own has to be named too, where it is wanted. GitHub Enterprise Server:
    /// https://HOST/_services/token.
    #[arg(long = "oidc-issuer", value_name = "URL", default_values_t = [Issuer::github()])]
    oidc_issuers: Vec<Issuer>,
    /// What ID tokens have to be meant for, where it is not the address that clients reach this Hub by.
    #[arg(long, value_name = "TEXT")]
    oidc_audience: Option<String>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
struct LimitArgs {
    /// How many connections are served at a time. For more, slow ones are closed. Each can take two
    /// file descriptors.
    #[arg(long, value_name = "NUMBER", default_value_t = 1000, value_parser = count())]
    max_connections: usize,
    /// How many requests are worked on at a time; more are answered with 503.
    #[arg(long, value_name = "NUMBER", default_value_t = Limits::default().requests, value_parser = count())]
    max_requests: usize,
    /// How many requests a second an address may make, and fifty times as many at once; more are
    /// answered with 429. 0 for no limit. This machine itself has none.
    #[arg(long, value_name = "NUMBER", default_value_t = Limits::default().peer_rate, value_parser = rate())]
    peer_rate: u32,
    /// The same for each credential.
    #[arg(long, value_name = "NUMBER", default_value_t = Limits::default().credential_rate, value_parser = rate())]
    credential_rate: u32,
    /// The largest upload, in bytes; more are answered with 413.
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().upload)]
    max_upload: u64,
}

/// The most of anything that one process could have, far above what a machine does have.
const MOST: u32 = 1_000_000;

/// How many of something may be there at a time.
fn count() -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(1..=u64::from(MOST))
}

/// How many of something may come in a second.
fn rate() -> RangedI64ValueParser<u32> {
    RangedI64ValueParser::new().range(0..=i64::from(MOST))
}

#[cfg(debug_assertions)]
fn fail_point(text: &str) -> Result<(String, u32), String> {
    let (name, times) = text.split_once('=').ok_or("expected NAME=TIMES")?;
    let times = times.parse().map_err(|_| "expected NAME=TIMES")?;
    Ok((name.to_owned(), times))
}

/// A network, or one address.
fn network(text: &str) -> Result<IpNet, String> {
    text.parse()
        .or_else(|_| text.parse().map(|address: std::net::IpAddr| address.into()))
        .map_err(|_| "expected an address such as 10.0.0.1 or a network such as 10.0.0.0/8".into())
}

pub(super) async fn serve(
    args: ServeArgs,
    build: BuildInfo,
    statements: StatementTimes,
) -> Result<(), CliError> {
    args.check()?;
    #[cfg(debug_assertions)]
    if let Some((name, times)) = &args.fail_point {
        hub::arm_fail_point(name, *times);
    }
    let (listen, metrics) = (args.listen, args.metrics_listen);
    let config = args.config(build, statements)?;
    let tls = config.tls.clone();
    let hub = Hub::open_initialized(config).await?;
    let (listener, address) = bind(listen)?;
    let metrics = match metrics {
        Some(address) => Some(bind(address)?),
        None => None,
    };
    let stop = stop_signal().map_err(CliError::Signals)?;
    if let Some((_, address)) = &metrics {
        tracing::info!(%address, "metrics");
    }
    let scheme = if tls.is_some() { "https" } else { "http" };
    reload_on_hangup(tls).map_err(CliError::Signals)?;
    print(&format!("listening on {scheme}://{address}"))?;
    let measured = hub.clone();
    let serving = hub.serve(listener, stop);
    match metrics {
        None => serving.await?,
        // The figures can be read for as long as requests finish.
        Some((listener, _)) => tokio::select! {
            served = serving => served?,
            () = measured.serve_metrics(listener, std::future::pending()) => {}
        },
    }
    Ok(())
}

impl ServeArgs {
    fn check(&self) -> Result<(), CliError> {
        let open = |address: &SocketAddr| !address.ip().is_loopback();
        if open(&self.listen) && self.public_url.is_none() {
            return Err(CliError::Usage(format!(
                "--listen {} can be reached from other machines and so needs --public-url",
                self.listen
            )));
        }
        let is_plain = self
            .public_url
            .as_ref()
            .filter(|url| url.scheme() == "http");
        if let (Some(url), Some(_)) = (is_plain, &self.tls_cert) {
            return Err(CliError::PlainUrl(url.clone()));
        }
        if let Some(address) = self.metrics_listen.filter(open)
            && !self.metrics_public
        {
            return Err(CliError::Usage(format!(
                "--metrics-listen {address} can be reached from other machines and so needs \
                 --metrics-public"
            )));
        }
        Ok(())
    }

    fn config(self, build: BuildInfo, statements: StatementTimes) -> Result<HubConfig, HubError> {
        let mut config = self.dir.config(build)?;
        config.public_url = self.public_url;
        config.tls = self
            .tls_cert
            .zip(self.tls_key)
            .map(|(certificate, key)| TlsFiles::new(certificate, key));
        config.drain = Duration::from_secs(self.shutdown_grace);
        self.keep.apply(&mut config);
        config.trust = TrustConfig {
            issuers: self.trust.oidc_issuers,
            audience: self.trust.oidc_audience,
        };
        config.trusted_proxies = self.trusted_proxies;
        config.max_connections = descriptors::allow(self.limits.max_connections);
        config.limits = Limits {
            requests: self.limits.max_requests,
            peer_rate: self.limits.peer_rate,
            credential_rate: self.limits.credential_rate,
            upload: self.limits.max_upload,
        };
        config.statement_times = statements;
        Ok(config)
    }
}

/// How many connections may wait to be accepted. With fewer, a crowd that comes at once waits for its
/// second attempt, which the system makes after a second or later. The system may have a lower bound.
const BACKLOG: u32 = 1024;

/// Listens as `TcpListener::bind` does, but for the backlog.
fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // On Windows it would let others take the port over.
    socket.set_reuseaddr(!cfg!(windows))?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), HubError> {
    let failed = |source| HubError::Listen { address, source };
    let listener = listen(address).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

/// Has certificate and key read again on SIGHUP, where there is such a signal. Where there are none
/// it means nothing: it must not end a server that has a terminal, or whoever reloads all services.
fn reload_on_hangup(files: Option<TlsFiles>) -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut hangup = signal(SignalKind::hangup())?;
        tokio::spawn(async move {
            while hangup.recv().await.is_some() {
                match &files {
                    Some(files) => files.reload.notify_one(),
                    None => tracing::info!("SIGHUP: there is nothing to read again"),
                }
            }
        });
    }
    #[cfg(not(unix))]
    drop(files);
    Ok(())
}

/// Resolves when this process is asked to end. Takes over the signals at once.
fn stop_signal() -> std::io::Result<impl Future<Output = ()> + Send + 'static> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        Ok(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        })
    }
    #[cfg(not(unix))]
    {
        Ok(async {
            if let Err(error) = tokio::signal::ctrl_c().await {
                tracing::warn!(%error, "Ctrl-C cannot be received");
                std::future::pending::<()>().await;
            }
        })
    }
}
