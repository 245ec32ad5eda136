//! What a Hub is opened with: its folder, its address and its clock.

pub(crate) use crate::bucket_config::BucketConfig;
use crate::collect::{KEEP_DRAFTS, KEEP_UNREGISTERED};
use crate::data_dir::DataDir;
use crate::error::error_chain;
use crate::storage::Bucket;
use crate::tls::Acceptor;
use crate::trust::TrustConfig;
use crate::{HubError, Limits, StatementTimes, catalogue};
use ipnet::IpNet;
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret as _, SecretString};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use url::{Host, Url};

/// Settings of a Hub.
#[derive(Debug, Clone)]
pub struct HubConfig {
    /// The folder that holds everything the Hub keeps, but for the catalogue with a
    /// [`HubConfig::database`] and for the bytes with a [`HubConfig::bucket`].
    pub data_dir: PathBuf,
    /// The PostgreSQL database that holds the catalogue, instead of a file in the folder. Several
    /// Hubs can have it, each with a folder of its own.
    pub database: Option<DatabaseUrl>,
    /// The bucket that holds the stored bytes, instead of files in the folder. Several Hubs that have
    /// one database can have it.
    pub bucket: Option<BucketConfig>,
    /// Scheme, host and port that clients reach the Hub by. Upload addresses begin with it. When
    /// absent, the address that the server listens on, which then has to be a loopback one.
    pub public_url: Option<Url>,
    /// Certificate and key for TLS; without them the Hub speaks plain HTTP.
    pub tls: Option<TlsFiles>,
    /// The version that the Hub tells its clients.
    pub version: String,
    /// How long requests under way may take to finish once the server is told to stop.
    pub drain: Duration,
    /// How long a connection may take until the head of its next request is complete, the first
    /// one included: how long it may be silent, and how long it is kept when it is idle.
    pub head_timeout: Duration,
    /// How long a JSON body may take.
    pub body_timeout: Duration,
    /// How long a client may take for each 64 KiB of an answer that it is slow to read.
    pub write_timeout: Duration,
    /// How many connections are served at a time. For further ones slow clients' are closed, or else
    /// they wait. Each may have a file open too.
    pub max_connections: usize,
    /// How long uploads that no release takes are kept.
    pub keep_unregistered: SignedDuration,
    /// How long drafts that nobody finalizes are kept, each from when it was last registered.
    pub keep_drafts: SignedDuration,
    /// Whether opening removes what nobody needs any more; from a bucket, serving does.
    pub collect_on_open: bool,
    /// Whether opening removes files that no upload has where the disk is too full to begin.
    pub make_room: bool,
    /// How much is taken at a time, and from one peer.
    pub limits: Limits,
    /// Which issuers' ID tokens are taken of jobs that have no token of the Hub's.
    pub trust: TrustConfig,
    /// The proxies whose word is taken on the address that a request comes from.
    pub trusted_proxies: Vec<IpNet>,
    /// What the metrics know of the catalogue's statements: nothing, unless the process's
    /// subscriber has it as a layer.
    pub statement_times: StatementTimes,
    /// Where the time comes from.
    pub clock: Clock,
}

impl HubConfig {
    /// The settings of a Hub in a folder, with everything else at its default.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            database: None,
            bucket: None,
            public_url: None,
            tls: None,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            drain: Duration::from_secs(30),
            head_timeout: Duration::from_secs(15),
            body_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(60),
            // Two descriptors each stay below 1024, a usual limit.
            max_connections: 400,
            keep_unregistered: KEEP_UNREGISTERED,
            keep_drafts: KEEP_DRAFTS,
            collect_on_open: true,
            make_room: true,
            limits: Limits::default(),
            trust: TrustConfig::default(),
            trusted_proxies: Vec::new(),
            statement_times: StatementTimes::default(),
            clock: Clock::system(),
        }
    }

    /// What makes TLS connections, where that is asked for.
    pub(crate) fn acceptor(&self) -> Result<Option<Acceptor>, HubError> {
        let loaded = self.tls.as_ref().map(Acceptor::load).transpose();
        loaded.map_err(|error| {
            let error = error_chain(&error);
            HubError::Config(format!("--tls-cert and --tls-key: {error}"))
        })
    }

    /// That there is no Hub, or no longer, where there is none.
    pub(crate) fn not_initialized(&self) -> HubError {
        match &self.database {
            None => DataDir::lost_catalogue(&self.data_dir).unwrap_or(HubError::NotInitialized {
                path: self.data_dir.clone(),
            }),
            Some(url) => HubError::Config(format!(
                "{} holds no Hub; run `atlas-hub init --data-dir <FOLDER>` with it first",
                catalogue::postgres::name(url)
            )),
        }
    }

    /// Refuses what cannot work, before anything is created.
    pub(crate) fn check(&self) -> Result<(), HubError> {
        if self.data_dir.as_os_str().is_empty() {
            return Err(HubError::Config(
                "the data directory has no name: give it with --data-dir".to_owned(),
            ));
        }
        if let Some(url) = &self.database {
            catalogue::postgres::check(url)?;
        } else if self.data_dir.to_str().is_none() {
            return Err(not_utf8(&self.data_dir));
        }
        if let Some(bucket) = &self.bucket {
            Bucket::check(bucket)?;
        }
        self.acceptor()?;
        self.trust.check()?;
        let Some(url) = &self.public_url else {
            return Ok(());
        };
        let bare = url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        let has_name = match url.host() {
            // What URLs may have in a name beyond these no name has, and a shell may act on it.
            Some(Host::Domain(name)) => name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_')),
            Some(Host::Ipv4(_) | Host::Ipv6(_)) => true,
            None => false,
        };
        if !matches!(url.scheme(), "http" | "https") || !has_name || !bare {
            return Err(HubError::Config(
                "the public URL must be http or https with a host and a port and nothing else"
                    .to_owned(),
            ));
        }
        Ok(())
    }
}

/// That a folder cannot have a catalogue.
pub(crate) fn not_utf8(data_dir: &Path) -> HubError {
    HubError::Config(format!(
        "the data directory {} has a name that is not UTF-8, which SQLite cannot open",
        data_dir.display()
    ))
}

/// Where a PostgreSQL database is, and who uses it: `postgres://USER:PASSWORD@HOST:PORT/DATABASE`.
///
/// It may hold a password, so it is never shown. What it does not say is taken from `PGHOST`,
/// `PGPASSWORD` and their like, and from the password file, as with `psql`.
#[derive(Debug, Clone)]
pub struct DatabaseUrl(SecretString);

impl DatabaseUrl {
    /// Whether nothing was said.
    pub fn is_empty(&self) -> bool {
        self.reveal().is_empty()
    }

    pub(crate) fn reveal(&self) -> &str {
        self.0.expose_secret()
    }
}

impl From<String> for DatabaseUrl {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

/// Certificate and key in PEM. They are read again when one of the files changes.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// The certificate and what it is signed by.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// Makes a server read them at once.
    pub reload: Arc<Notify>,
}

impl TlsFiles {
    /// Two files.
    pub fn new(certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self {
            certificate: certificate.into(),
            key: key.into(),
            reload: Arc::default(),
        }
    }
}

/// Tells the time.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// The machine's own clock.
    pub fn system() -> Self {
        Self::from_fn(Timestamp::now)
    }

    /// A clock that asks a function.
    pub fn from_fn(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        (self.0)()
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Clock")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_url_is_scheme_host_and_port() {
        let check = |url: &str| {
            let mut config = HubConfig::new("/x");
            config.public_url = Some(url.parse().unwrap());
            config.check()
        };
        for good in [
            "http://hub.example",
            "https://hub.example:8443/",
            "https://büro_1.hub-example",
            "http://192.0.2.1:8080",
            "http://[::1]:80",
        ] {
            assert!(check(good).is_ok(), "{good}");
        }
        for bad in [
            "ftp://hub.example",
            "https://hub.example/below",
            "https://hub.example/?q",
            "https://hub.example/#f",
            "https://user@hub.example/",
            "data:text/plain,x",
            "https://x$(id).example",
            "https://x;id.example",
            "https://x'y.example",
            "https://x&y.example",
            "https://`id`.example",
            "https://*.example",
        ] {
            assert!(matches!(check(bad), Err(HubError::Config(_))), "{bad}");
        }
    }

    /// SQLite, as it is asked here, takes names of files as texts.
    #[cfg(unix)]
    #[test]
    fn a_catalogue_in_a_folder_without_a_readable_name_is_refused() {
        use std::os::unix::ffi::OsStrExt as _;
        let name = std::ffi::OsStr::from_bytes(b"/hub-\xff");
        let mut config = HubConfig::new(name);
        let refused = config.check();
        assert!(matches!(refused, Err(HubError::Config(_))), "{refused:?}");
        config.database = Some("postgres://hub@localhost/hub".to_owned().into());
        let with_server = config.check();
        assert_eq!(with_server.is_ok(), cfg!(feature = "postgres"));
    }
}
