//! What several commands need: settings from their common options, the plan, the locks, and a
//! client for the Hub that was chosen.

use super::args::{BuildArgs, GlobalArgs, HubArgs, PublishArgs, SelectArgs};
use super::build::targets;
use super::bundles;
use super::prepared::{Prepared, Programs, Work};
use crate::bundle::{self, BundleFacts};
use crate::context::World;
use crate::error::Error;
#[cfg(feature = "hub")]
use crate::error::is_storage_full;
use crate::events::Reporter;
use crate::git::Git;
#[cfg(feature = "hub")]
use crate::local_hub::{self, LocalHub};
use crate::lock::DirLock;
use crate::plan::{Facts, plan};
#[cfg(feature = "hub")]
use crate::publish::PublishError;
use crate::select::{self, SelectError};
use crate::settings::{self, BuildSettings, HubChoice, PublishSettings};
use crate::sign::{Keys, is_key_there};
use crate::toolchain::{Wanted, find, installers, stall_limit, uses_github_cache};
use crate::{cargo_config, products, state};
use build_version::BuildInfo;
use hub_client::HubClient;
use release_types::{ProductName, Tag};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// What every command is given.
pub(super) struct App<'a> {
    pub world: &'a World,
    pub global: &'a GlobalArgs,
    pub build: BuildInfo,
    pub reporter: &'a Arc<dyn Reporter>,
}

impl App<'_> {
    pub fn state_dir(&self) -> Result<PathBuf, Error> {
        Ok(settings::state_dir(
            self.world,
            self.global.state_dir.as_deref(),
        )?)
    }

    /// Makes the plans, one for each target; `publishes` says whether the run goes on to the Hub.
    pub async fn prepare(
        &self,
        select: &SelectArgs,
        build: &BuildArgs,
        hub: Option<&HubChoice>,
        publishes: bool,
    ) -> Result<Prepared, Error> {
        let world = self.world;
        let state_dir = self.state_dir()?;
        let (workspace, found) = tokio::join!(products::read(world), find(world, &state_dir));
        let workspace = workspace?;
        let dist_dir = self.dist_dir_below(&workspace.root);
        let target_dir = self
            .global
            .target_dir
            .as_ref()
            .map(|dir| world.absolute(dir));
        let cargo_home = world
            .cargo_home()
            .ok_or(settings::SettingsError::NoCargoHome)?;
        let mut apart = vec![
            dist_dir.clone(),
            state_dir.clone(),
            workspace.target_dir.clone(),
            world.absolute(&cargo_home),
        ];
        apart.extend(target_dir.clone());
        apart.extend(workspace.build_dir.clone());
        apart.extend(bundles::folders_apart(&workspace));
        let cache = world.env.get("SCCACHE_DIR");
        apart.extend(cache.map(|dir| world.absolute(Path::new(dir))));
        let request = select::Request {
            tag: select.tag.clone(),
            snapshot: select.snapshot,
            channel: settings::channel(world, select.channel)?,
            allow_dirty: select.allow_dirty,
            allow_untagged: select.allow_untagged,
            allow_no_tag: matches!(hub, Some(HubChoice::Local)),
            apart,
        };
        let selected = select::select(world, &workspace, &request).await?;
        let git = Git::new(world, &workspace.root).map_err(SelectError::from)?;
        let repository = git.top().await.map_err(SelectError::from)?;
        if let Some(note) = &selected.note {
            self.reporter.note(note.clone());
        }
        if let Some(Ok(named)) = select.tag.as_ref().map(|tag| tag.parse::<Tag>())
            && select.snapshot
        {
            self.reporter.note(format!(
                "--snapshot makes a version of its own ({}), whatever `{named}` says",
                selected.tag.version
            ));
        }
        let found = found?;
        let wanted = Wanted {
            mold: !build.no_mold,
            sccache: !build.no_sccache,
            install: !build.no_install,
            cache_stall: stall_limit(world, build.cache_stall_limit.map(Duration::from_secs)),
        };
        let debug_is_said = cargo_config::debug_is_said_at(
            &workspace.root,
            world.cargo_home().as_deref(),
            &world.env,
        );
        for file in &selected.dirty {
            self.reporter
                .warn(format!("{file} differs from the commit"));
        }
        let targets = targets(&build.target, world.host);
        let is_declared = !workspace.declared(&selected.tag.group).is_empty();
        if is_declared {
            let plan_for = |&target: &_| {
                bundle::plan(&BundleFacts {
                    world,
                    workspace: &workspace,
                    repository: &repository,
                    selected: &selected,
                    rustc: &found.rustc,
                    target,
                    target_dir: target_dir.as_deref(),
                    dist_dir: &dist_dir,
                    documents: !build.no_documents,
                    hub,
                })
            };
            let plans = targets.iter().map(plan_for).collect::<Result<_, _>>()?;
            return Ok(Prepared {
                work: Work::Bundles(plans, wanted),
                dist_dir,
                state_dir,
                target_dir: target_dir.unwrap_or(workspace.target_dir),
                root: workspace.root,
                commit: selected.commit,
                apart: request.apart,
                seen: selected.seen,
            });
        }
        let installers = installers(world, false);
        let plan_for = |target| {
            plan(&Facts {
                host: world.host,
                workspace: &workspace,
                repository: &repository,
                selected: &selected,
                found: &found,
                installers: &installers,
                build: &BuildSettings {
                    target,
                    target_dir: target_dir.clone(),
                    wanted,
                    installers: !build.no_installers,
                    auditable: build.auditable,
                    documents: !build.no_documents,
                },
                dist_dir: &dist_dir,
                state_dir: &state_dir,
                debug_is_said,
                cargo_home: &cargo_home,
                github_cache: uses_github_cache(world),
                hub,
                publishes,
                has_key: is_key_there(world),
            })
        };
        let plans = targets
            .into_iter()
            .map(plan_for)
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Prepared {
            work: Work::Programs(Box::new(Programs {
                plans,
                found,
                wanted,
            })),
            dist_dir,
            state_dir,
            target_dir: target_dir.unwrap_or(workspace.target_dir),
            root: workspace.root,
            commit: selected.commit,
            apart: request.apart,
            seen: selected.seen,
        })
    }

    /// Does what only talks to the Hub, and leaves it where it is when the run is interrupted:
    /// nothing has to be put away, and the next run goes on from there.
    pub async fn until_interrupted<T, E: Into<Error>>(
        &self,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Error> {
        tokio::select! {
            outcome = work => outcome.map_err(Into::into),
            () = self.world.runner.cancellation().cancelled() => Err(Error::Interrupted),
        }
    }

    pub fn publish_settings(&self, args: PublishArgs) -> Result<PublishSettings, Error> {
        Ok(PublishSettings {
            notes: settings::notes(self.world, args.notes, args.notes_file.as_deref())?,
            published_at: args.published_at,
            backport: settings::backport(self.world, args.backport)?,
            uploads: args.uploads,
            read_backs: args.read_back.downloads,
        })
    }

    pub fn hub_choice(&self, args: &HubArgs) -> Result<HubChoice, Error> {
        Ok(settings::hub(
            self.world,
            args.local,
            args.hub_url.as_deref(),
        )?)
    }

    /// Says which embedded Hub is used where nobody has named its folder: it may be another one than an
    /// earlier run's.
    pub fn say_which_hub(&self, choice: &HubChoice) -> Result<(), Error> {
        #[cfg(feature = "hub")]
        if matches!(choice, HubChoice::Local) && self.global.state_dir.is_none() {
            let dir = local_hub::data_dir(&self.state_dir()?);
            let which = match hub::Hub::exists(&dir) {
                true => "the Hub is the one in",
                false => "a new Hub is made in",
            };
            self.reporter.note(format!(
                "--state-dir was not given: {which} {}",
                dir.display()
            ));
        }
        #[cfg(not(feature = "hub"))]
        let _unused = choice;
        Ok(())
    }

    /// Locks the state folder, which is made when it is missing.
    pub fn lock_state(&self, state_dir: &Path) -> Result<DirLock, Error> {
        state::create(state_dir).map_err(|source| Error::Io {
            path: state_dir.to_owned(),
            source,
        })?;
        Ok(DirLock::acquire(state_dir)?)
    }

    /// Runs work that reads much, where it holds up nothing: neither signals nor the embedded Hub.
    pub async fn reading<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let done = self.world.apart(work).await;
        done.ok_or(Error::Interrupted)?
    }

    /// The public keys that a flag or the workspace here name.
    pub async fn keys(&self, named: Option<&str>) -> Result<Keys, Error> {
        Ok(Keys::here(self.world, named, self.reporter.as_ref()).await?)
    }

    /// A client of the Hub that was chosen; the embedded one is started, in a state folder that
    /// the caller has locked. Where the run publishes, the client has a credential.
    pub async fn open_hub(
        &self,
        choice: &HubChoice,
        products: &[ProductName],
        publishes: bool,
    ) -> Result<OpenHub, Error> {
        match choice {
            HubChoice::Remote(url) => {
                let client = match publishes {
                    true => self.publisher(url.clone()).await?,
                    false => self.client_of(url.clone())?.build()?,
                };
                Ok(OpenHub {
                    client,
                    #[cfg(feature = "hub")]
                    local: None,
                    #[cfg(feature = "hub")]
                    state_dir: PathBuf::new(),
                })
            }
            #[cfg(feature = "hub")]
            HubChoice::Local => {
                // The Hub may need them, too.
                settings::certificates(self.world)?;
                let (version, now) = (self.build.version(), (self.world.now)());
                let state_dir = self.state_dir()?;
                let local = LocalHub::start(&state_dir, version, now, products).await?;
                let url = format!("http://{}", local.address());
                let url = hub_client::HubUrl::parse(&url).map_err(settings::SettingsError::from)?;
                let client = self.client_of(url)?.deploy_token(Some(local.token()));
                let client = client.build()?;
                Ok(OpenHub {
                    client,
                    local: Some(local),
                    state_dir,
                })
            }
            #[cfg(not(feature = "hub"))]
            HubChoice::Local => {
                let _unused = products;
                Err(settings::SettingsError::NoEmbeddedHub.into())
            }
        }
    }

    /// What this program calls itself to Hubs.
    pub fn user_agent(&self) -> String {
        format!("atlas-release/{}", self.build.version())
    }
}

/// A client, and the embedded Hub it talks to, if it does.
pub(super) struct OpenHub {
    pub client: HubClient,
    #[cfg(feature = "hub")]
    local: Option<LocalHub>,
    #[cfg(feature = "hub")]
    state_dir: PathBuf,
}

impl OpenHub {
    /// Ends the embedded Hub, whatever became of the run, and passes its outcome on.
    pub async fn close<T>(self, outcome: Result<T, Error>) -> Result<T, Error> {
        #[cfg(feature = "hub")]
        if let Some(local) = self.local {
            let stopped = local.stop().await;
            let value = outcome.map_err(|error| match error {
                // The embedded Hub's storage is this machine's disk.
                Error::Publish(PublishError::Client(error)) if is_storage_full(&error) => {
                    Error::Io {
                        path: self.state_dir,
                        source: std::io::ErrorKind::StorageFull.into(),
                    }
                }
                error => error,
            })?;
            stopped?;
            return Ok(value);
        }
        outcome
    }

    /// What the Hub is called where it has to be known again: its address; an embedded one, whose
    /// address is another each time, by its folder.
    pub fn name(&self) -> String {
        #[cfg(feature = "hub")]
        if self.local.is_some() {
            return format!(
                "embedded in {}",
                local_hub::data_dir(&self.state_dir).display()
            );
        }
        self.client.hub().to_string()
    }

    /// The command that serves an embedded Hub's data again, at the same address.
    pub fn serve_command(&self, app: &App<'_>) -> Option<String> {
        #[cfg(feature = "hub")]
        if let Some(local) = &self.local {
            let exe = &app.world.exe;
            let program = match exe.strip_prefix(&app.world.cwd) {
                Ok(inside) => Path::new(".").join(inside),
                Err(_) => exe.clone(),
            };
            let mut command = process::Command::new(program).args(["hub", "serve"]);
            if let Some(dir) = &app.global.state_dir {
                command = command.arg("--state-dir").arg(dir);
            }
            let address = local.address().to_string();
            return Some(command.args(["--listen".to_owned(), address]).to_string());
        }
        #[cfg(not(feature = "hub"))]
        let _unused = app;
        None
    }
}
