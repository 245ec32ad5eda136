//! What stands for PostgreSQL where this crate was built without it.

use super::Catalogue;
use crate::HubError;
use crate::config::DatabaseUrl;
use jiff::Timestamp;

pub(crate) fn check(_: &DatabaseUrl) -> Result<(), HubError> {
    Err(absent())
}

pub(crate) fn name(_: &DatabaseUrl) -> String {
    "the database".to_owned()
}

impl Catalogue {
    pub(crate) async fn open_server(_: &DatabaseUrl, _: Timestamp) -> Result<Self, HubError> {
        Err(absent())
    }

    pub(crate) async fn join_server(_: &DatabaseUrl) -> Result<Option<Self>, HubError> {
        Err(absent())
    }

    pub(crate) async fn is_on_server(_: &DatabaseUrl) -> Result<bool, HubError> {
        Err(absent())
    }
}

fn absent() -> HubError {
    HubError::Config("this program was built without PostgreSQL".to_owned())
}
