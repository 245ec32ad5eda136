//! What is to be built, and what of it the commands need that only pass it on.

use super::common::App;
use crate::bundle::BundlePlan;
use crate::error::Error;
use crate::events::Event;
use crate::plan::Plan;
use crate::products::SigningSettings;
use crate::select::Seen;
use crate::settings::SettingsError;
use crate::toolchain::{Found, Wanted};
use release_types::{Channel, ObjectKey, Platform, ProductName};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Plans of one release, and where it is made.
pub(super) struct Prepared {
    pub work: Work,
    pub dist_dir: PathBuf,
    pub state_dir: PathBuf,
    pub target_dir: PathBuf,
    /// The workspace's folder.
    pub root: PathBuf,
    /// The commit that is built.
    pub commit: String,
    /// Folders whose unknown files are no difference from the commit.
    pub apart: Vec<PathBuf>,
    /// What differed from the commit when the tree was looked at.
    pub seen: BTreeSet<Seen>,
}

/// How a release comes about. There is a plan for each target, at least one.
pub(super) enum Work {
    /// Cargo builds the programs of a group.
    Programs(Box<Programs>),
    /// Commands of their own make the products.
    Bundles(Vec<BundlePlan>, Wanted),
}

/// Plans of programs, and what was found on the way to them.
pub(super) struct Programs {
    pub plans: Vec<Plan>,
    pub found: Found,
    pub wanted: Wanted,
}

/// What all plans of a release have in common.
pub(super) struct Subject {
    pub version: semver::Version,
    pub channel: Channel,
    pub products: Vec<ProductName>,
    /// One key of each platform of each product.
    pub keys: Vec<(ProductName, Platform, ObjectKey)>,
    pub require: Vec<Platform>,
    /// The release's folder in `dist/`.
    pub receipt_dir: Option<PathBuf>,
    pub signed_by: SigningSettings,
}

impl Prepared {
    /// The programs; a release that cargo does not make has none.
    pub fn programs(&self) -> Result<&Programs, Error> {
        match &self.work {
            Work::Programs(programs) => Ok(programs),
            Work::Bundles(plans, _) => {
                let group = plans.first().map_or("", |plan| &plan.group);
                let why = format!(
                    "`{group}` is made by a command of its own, whose bundles do not come out the same a second time: only what cargo builds can be reproduced"
                );
                Err(SettingsError::Flags(why).into())
            }
        }
    }

    pub fn show(self, app: &App<'_>) {
        let events: Vec<Event> = match self.work {
            Work::Programs(programs) => {
                let plans = programs.plans.into_iter();
                plans.map(|plan| Event::Plan(Box::new(plan))).collect()
            }
            Work::Bundles(plans, _) => {
                let plans = plans.into_iter();
                plans
                    .map(|plan| Event::BundlePlan(Box::new(plan)))
                    .collect()
            }
        };
        for event in events {
            app.reporter.event(event);
        }
    }

    pub fn subject(&self) -> Subject {
        match &self.work {
            Work::Programs(programs) => {
                let plans = &programs.plans;
                let keys = plans.iter().flat_map(|plan| {
                    let products = plan.products.iter();
                    products.map(|p| (p.product.clone(), plan.platform, p.key.clone()))
                });
                let plan = &plans[0];
                Subject {
                    version: plan.version.clone(),
                    channel: plan.channel,
                    products: plan.products.iter().map(|p| p.product.clone()).collect(),
                    keys: keys.collect(),
                    require: plan.require.clone(),
                    receipt_dir: plan.staging.parent().map(ToOwned::to_owned),
                    signed_by: plan.signed_by.clone(),
                }
            }
            Work::Bundles(plans, _) => {
                let keys = plans.iter().flat_map(|plan| {
                    let products = plan.products.iter();
                    products.map(|p| (p.product.clone(), plan.platform, p.key.clone()))
                });
                let plan = &plans[0];
                Subject {
                    version: plan.version.clone(),
                    channel: plan.channel,
                    products: plan.products.iter().map(|p| p.product.clone()).collect(),
                    keys: keys.collect(),
                    require: plan.require.clone(),
                    receipt_dir: plan.staging.parent().map(ToOwned::to_owned),
                    signed_by: plan.signed_by.clone(),
                }
            }
        }
    }
}
