//! A Hub that is open: what its owner can do with it, and what its HTTP side builds on.

use crate::belonging::notice_older;
use crate::catalogue::{Catalogue, PutOutcome, StoredObject};
use crate::data_dir::DataDir;
use crate::error::error_chain;
use crate::fail_point::fail_point;
use crate::metrics::Metrics;
use crate::settle::Settling;
use crate::storage::{Staged, Storage, Unknown};
use crate::upload_url::Signer;
use crate::{Clock, HubConfig, HubError, http, room, server};
use jiff::Timestamp;
use release_types::{AppToken, ObjectKey, ProductName, Sha256Digest};
use secrecy::SecretString;
use std::future::Future;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use url::Url;

/// How often a server looks for what nobody needs any more.
const COLLECT_PAUSE: Duration = Duration::from_secs(3600);

/// A Hub that is open, and with it its data directory locked.
///
/// Clones are handles of one Hub: one may serve while another issues and revokes tokens. When
/// [`Hub::serve`] or [`Hub::close`] has returned, the data directory is free again and every
/// remaining handle answers [`HubError::Database`].
#[derive(Clone, Debug)]
pub struct Hub(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: HubConfig,
    catalogue: Catalogue,
    storage: Storage,
    settling: Settling,
    signer: Signer,
    metrics: Arc<Metrics>,
    made_room: Mutex<Vec<Unknown>>,
    dir: Mutex<Option<DataDir>>,
}

/// A deploy token that was just issued: the one time it is shown.
#[derive(Debug)]
pub struct IssuedAppToken {
    /// The token.
    pub token: SecretString,
    /// What the Hub keeps of it; its `id` is what the token is revoked by.
    pub record: AppToken,
}

impl Hub {
    /// Opens the Hub in a data directory, creating what is missing.
    ///
    /// # Errors
    /// [`HubError::Locked`] when another process (or another `Hub` of this one) has it open,
    /// [`HubError::Config`] when a setting cannot be used, [`HubError::Io`] when there are stored
    /// bytes and no catalogue, and whatever disk and database report.
    pub async fn open(config: HubConfig) -> Result<Self, HubError> {
        config.check()?;
        let dir = match config.database {
            None => DataDir::create(&config.data_dir)?,
            Some(_) => DataDir::create_without_catalogue(&config.data_dir)?,
        };
        let storage = Storage::open(&dir, config.bucket.as_ref())?;
        let mut made_room = Vec::new();
        let (catalogue, signer) = loop {
            match open_catalogue(&config, &dir, &storage).await {
                Ok(opened) => break opened,
                Err(error) => {
                    room::or_fail(error, &mut made_room, &config, (&dir, &storage)).await?;
                }
            }
        };
        let metrics = Arc::new(Metrics::new(&config.statement_times));
        let hub = Self(Arc::new(Inner {
            config,
            catalogue,
            storage,
            settling: Settling::default(),
            signer,
            metrics,
            made_room: Mutex::new(made_room),
            dir: Mutex::new(Some(dir)),
        }));
        hub.collect_at_start().await;
        Ok(hub)
    }

    /// Opens a Hub that exists and has an administrator; creates nothing.
    ///
    /// # Errors
    /// As [`Hub::open`], and [`HubError::NotInitialized`].
    pub async fn open_initialized(config: HubConfig) -> Result<Self, HubError> {
        config.check()?;
        let missing = config.not_initialized();
        let exists = match &config.database {
            None => Self::exists(&config.data_dir),
            Some(url) => Catalogue::is_on_server(url).await?,
        };
        if !exists {
            return Err(missing);
        }
        let hub = Self::open(config).await?;
        if !hub.is_initialized().await? {
            hub.close().await;
            return Err(missing);
        }
        Ok(hub)
    }

    /// Whether a folder holds a Hub, initialized or not, with its catalogue. Creates nothing and
    /// takes no lock.
    pub fn exists(data_dir: &Path) -> bool {
        DataDir::has_catalogue(data_dir)
    }

    /// Whether the Hub has ever had an administrator.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn is_initialized(&self) -> Result<bool, HubError> {
        self.0.catalogue.has_admin().await
    }

    /// Adds a product, unless it exists. Whether it is new.
    ///
    /// # Errors
    /// [`HubError::Config`] where addresses of the Hub's own begin so, and when the database fails.
    pub async fn add_product(&self, name: &ProductName) -> Result<bool, HubError> {
        self.0.catalogue.add_product(name, self.now()).await
    }

    /// All products, by name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn products(&self) -> Result<Vec<ProductName>, HubError> {
        self.0.catalogue.products().await
    }

    /// Serves the Distribution API until `shutdown` resolves, then lets requests under way finish
    /// for [`HubConfig::drain`], ends the others, closes the database and unlocks the directory.
    ///
    /// # Errors
    /// [`HubError::Config`] when the listener can be reached from other machines and there is no
    /// [`HubConfig::public_url`]: the Hub would not know by which name; or when [`HubConfig::tls`]
    /// cannot be used; [`HubError::Listen`] when the listener has no address.
    pub async fn serve(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), HubError> {
        let served = self.try_to_serve(listener, shutdown).await;
        self.close().await;
        served
    }

    async fn try_to_serve(
        &self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), HubError> {
        let config = &self.0.config;
        let tls = config.acceptor()?;
        let tls = tls.map(Arc::new);
        let router = http::router(self.clone(), self.base_url(&listener)?);
        self.let_guests_in()?;
        let watching = async {
            match &tls {
                Some(tls) => tls.watch().await,
                None => std::future::pending().await,
            }
        };
        let sweep = self.sweep(COLLECT_PAUSE);
        tokio::select! {
            () = server::run(listener, router, shutdown, config, tls.clone()) => {}
            () = watching => {}
        }
        sweep.end().await;
        Ok(())
    }

    /// Serves the figures for Prometheus at `/metrics` until `shutdown` resolves. Whoever reaches
    /// the listener may read them.
    pub async fn serve_metrics(&self, listener: TcpListener, shutdown: impl Future<Output = ()>) {
        let router = http::metrics_router(self.clone());
        server::run(listener, router, shutdown, &self.0.config, None).await;
    }

    /// Closes the database and unlocks the data directory.
    pub async fn close(self) {
        self.0.catalogue.close().await;
        let mut dir = self.0.dir.lock().unwrap_or_else(PoisonError::into_inner);
        *dir = None;
    }

    /// Users and packs can be changed by other processes from now on: what is asked of them is
    /// asked of the database each time.
    fn let_guests_in(&self) -> Result<(), HubError> {
        let mut dir = self.0.dir.lock().unwrap_or_else(PoisonError::into_inner);
        dir.as_mut().map_or(Ok(()), DataDir::let_guests_in)
    }

    /// What upload addresses begin with.
    fn base_url(&self, listener: &TcpListener) -> Result<Url, HubError> {
        if let Some(url) = &self.0.config.public_url {
            return Ok(url.clone());
        }
        let unknown = ([0, 0, 0, 0], 0).into();
        let address = listener.local_addr().map_err(|source| HubError::Listen {
            address: unknown,
            source,
        })?;
        if !address.ip().is_loopback() {
            return Err(HubError::Config(format!(
                "a Hub that listens on {address} needs a public URL"
            )));
        }
        let scheme = if self.0.config.tls.is_some() {
            "https"
        } else {
            "http"
        };
        Url::parse(&format!("{scheme}://{address}"))
            .map_err(|error| HubError::Config(format!("{address} makes no URL: {error}")))
    }
}

/// What the HTTP side needs.
impl Hub {
    pub(crate) fn clock(&self) -> &Clock {
        &self.0.config.clock
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.0.config.clock.now()
    }

    pub(crate) fn version(&self) -> &str {
        &self.0.config.version
    }

    pub(crate) fn config(&self) -> &HubConfig {
        &self.0.config
    }

    pub(crate) fn metrics(&self) -> &Arc<Metrics> {
        &self.0.metrics
    }

    pub(crate) fn body_timeout(&self) -> Duration {
        self.0.config.body_timeout
    }

    pub(crate) fn catalogue(&self) -> &Catalogue {
        &self.0.catalogue
    }

    pub(crate) fn storage(&self) -> &Storage {
        &self.0.storage
    }

    pub(crate) fn settling(&self) -> &Settling {
        &self.0.settling
    }

    pub(crate) fn signer(&self) -> &Signer {
        &self.0.signer
    }

    /// What opening had to remove from a full disk, told once.
    pub(crate) fn take_made_room(&self) -> Vec<Unknown> {
        let made = self.0.made_room.lock();
        std::mem::take(&mut *made.unwrap_or_else(PoisonError::into_inner))
    }

    /// Stores complete bytes under a key. On disk and in the catalogue when it returns.
    ///
    /// The bytes get their name while the catalogue's one writer is held, and bytes that lose
    /// their last object are removed while it is held, so that neither can undo the other: not in
    /// this process, nor in another that has the same catalogue.
    pub(crate) async fn store(
        &self,
        key: &ObjectKey,
        content_type: &str,
        staged: Staged,
    ) -> Result<PutOutcome, HubError> {
        let Inner {
            catalogue, storage, ..
        } = &*self.0;
        let object = StoredObject {
            sha256: staged.sha256,
            size: staged.size,
            content_type: content_type.to_owned(),
            place: None,
        };
        let mut tx = catalogue.write().await?;
        let outcome = Catalogue::put_object(&mut tx, key, &object, self.now()).await?;
        if outcome == PutOutcome::Immutable {
            return Ok(outcome);
        }
        // Also where the key has these bytes already: should its file be damaged, it is mended.
        storage.files().keep(staged).await?;
        fail_point!("upload kept");
        tx.commit().await?;
        fail_point!("upload committed");
        if let PutOutcome::Replaced(before) = &outcome
            && let Err(error) = self.remove_if_orphaned(&before.sha256).await
        {
            // The upload is stored; a later start removes what is left over.
            tracing::warn!(error = %error_chain(&error), "replaced bytes stay for now");
        }
        Ok(outcome)
    }

    pub(crate) async fn remove_if_orphaned(&self, blob: &Sha256Digest) -> Result<(), HubError> {
        let mut tx = self.0.catalogue.write().await?;
        if !Catalogue::has_blob(&mut tx, blob).await? {
            fail_point!("replaced bytes before their end");
            self.0.storage.files().remove(blob).await?;
            fail_point!("replaced bytes gone");
        }
        Ok(())
    }
}

/// Opens the catalogue that these settings name, and makes sure that it belongs to the storage.
async fn open_catalogue(
    config: &HubConfig,
    dir: &DataDir,
    storage: &Storage,
) -> Result<(Catalogue, Signer), HubError> {
    let now = config.clock.now();
    let catalogue = match &config.database {
        None => Catalogue::open(&dir.database(), now).await?,
        Some(url) => Catalogue::open_server(url, now).await?,
    };
    let ready = async {
        catalogue.check_storage(storage.bucket().is_some()).await?;
        notice_older(&catalogue, storage, &config.data_dir).await?;
        let kept = catalogue.keep("upload_key", &Signer::draw()?).await?;
        Signer::from_stored(&kept)
    };
    match ready.await {
        Ok(signer) => Ok((catalogue, signer)),
        Err(error) => {
            catalogue.close().await;
            Err(error)
        }
    }
}
