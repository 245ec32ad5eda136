//! `verify --provenance`: what is expected of the documents of a release, and looking at them.

use super::args::{ProvenanceArgs, VerifyCommand};
use super::common::App;
use super::goods::named_tag;
use crate::documents::{self, Form, Proven, Wanted, own_workflows};
use crate::error::Error;
use crate::events::Event;
use crate::git::Git;
use crate::outcome::Outcome;
use crate::products;
use crate::receipt::Receipt;
use crate::settings::SettingsError;
use crate::sign::Keys;
use crate::text::one_line;
use hub_client::HubClient;
use std::collections::BTreeSet;

/// Documents of a release that are to be looked at.
pub(super) struct Asked {
    wanted: Wanted,
    /// The tag of the release, where one was named.
    tag: Option<String>,
    /// The products that were named, whose tags may be called after them.
    products: Vec<String>,
    /// How many are read side by side.
    at_once: usize,
}

impl Asked {
    /// What flags, the workspace and the job say; nothing where documents were not asked for.
    pub async fn of(app: &App<'_>, args: &VerifyCommand) -> Result<Option<Self>, Error> {
        let ProvenanceArgs {
            provenance,
            builder,
            commit,
        } = &args.provenance;
        if !provenance {
            return Ok(None);
        }
        let dir = app.world.cwd.clone();
        let settings = app.reading(move || Ok(products::documents(&dir)?)).await?;
        if let Some(named) = builder
            .as_ref()
            .filter(|named| !products::is_beginning(named))
        {
            let why = format!(
                "--builder is {named:?}, and the name of a builder is an address: https://github.com/OWNER/REPOSITORY/"
            );
            return Err(SettingsError::Flags(why).into());
        }
        if !settings.has(Form::Provenance) {
            let why = "--provenance: the workspace here leaves statements of provenance out (`provenance = false`)";
            return Err(SettingsError::Flags(why.to_owned()).into());
        }
        let own = || own_workflows(&app.world.env);
        let builder = builder.clone().or(settings.builder.clone()).or_else(own);
        // What is no tag is a version, which needs not be anybody's.
        let named = match &args.name {
            Some(name) if name.parse::<semver::Version>().is_ok() => None,
            name => named_tag(app, name.clone()).ok().flatten(),
        };
        let packages = products::packages(app.world).await.unwrap_or_else(|error| {
            app.reporter.warn(format!(
                "which products are packages of the workspace here is not known, so one statement about bundles will do for any: {}",
                one_line(&error.to_string())
            ));
            BTreeSet::new()
        });
        let products = args.product.iter().map(ToString::to_string);
        Ok(Some(Self {
            wanted: Wanted {
                commit: commit.clone(),
                builder,
                forms: Form::ALL
                    .into_iter()
                    .filter(|form| settings.has(*form))
                    .collect(),
                packages,
            },
            tag: named.map(|tag| tag.to_string()),
            products: products.collect(),
            at_once: args.read_back.downloads,
        }))
    }

    /// Looks at the documents of what was read back, and tells what they say.
    pub async fn prove(
        mut self,
        app: &App<'_>,
        client: &HubClient,
        (receipt, keys): (&Receipt, &Keys),
    ) -> Result<(), Error> {
        let reporter = app.reporter.as_ref();
        reporter.stage("proving", format!("where {} comes from", receipt.subject()));
        if self.wanted.commit.is_none() {
            self.wanted.commit = match &receipt.source {
                Some(source) => Some(source.commit.clone()),
                None => self.commit_of_tag(app, receipt).await,
            };
        }
        let proven = documents::prove(client, receipt, &self.wanted, keys, self.at_once).await?;
        self.tell(app, &proven);
        let proven = Outcome::Provenance(proven);
        reporter.event(Event::Outcome(Box::new(proven)));
        Ok(())
    }

    /// The commit that the release's tag is at in the repository here, if it is one that has it.
    async fn commit_of_tag(&self, app: &App<'_>, receipt: &Receipt) -> Option<String> {
        let git = Git::new(app.world, &app.world.cwd).ok()?;
        let version = &receipt.version;
        let called = self
            .products
            .iter()
            .map(|name| format!("{name}-v{version}"));
        for tag in self.tag.iter().cloned().chain(called) {
            if let Ok(Some(commit)) = git.tag_commit(&tag).await {
                return Some(commit);
            }
        }
        None
    }

    fn tell(&self, app: &App<'_>, proven: &Proven) {
        let reporter = app.reporter.as_ref();
        if self.wanted.commit.is_none() {
            reporter.warn(format!(
                "the commit was compared with nothing: all statements name {}; --commit, or the tag in the repository here, says which it has to be",
                proven.commit
            ));
        }
        if self.wanted.builder.is_none() {
            reporter.warn(
                "who has built it was compared with nothing: --builder, or `builder` in [workspace.metadata.atlas-release], says how the name has to begin"
                    .to_owned(),
            );
        }
        if proven.programs.iter().any(|one| !one.signed) {
            reporter.warn(
                "statements without a checked signature are the word of whoever has published them: --public-key, or `public-key` of the workspace, says whose signature they have to have"
                    .to_owned(),
            );
        }
    }
}
