//! What is known of the request that a task answers: its id, who sent it, from where.
//!
//! It travels with the task rather than through every signature, as a tracing span does, so that
//! the log and the audit say the same. What runs outside a request is the operator's own doing.

use crate::HubError;
use crate::limits::Turn;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use tokio::task::JoinHandle;
use tracing::Instrument as _;

tokio::task_local! {
    static CURRENT: Arc<RequestContext>;
}

/// One request.
#[derive(Debug)]
pub(crate) struct RequestContext {
    /// What the log, the audit and the answer call it.
    pub(crate) id: String,
    /// Where it comes from.
    pub(crate) peer: Option<IpAddr>,
    credential: OnceLock<Credential>,
    turn: OnceLock<Turn>,
}

/// Who a request turned out to be from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Credential {
    /// `admin`, `app`, and so on.
    pub(crate) kind: &'static str,
    /// Its record's id.
    pub(crate) id: String,
    /// Its record's name.
    pub(crate) name: Option<String>,
}

impl RequestContext {
    pub(crate) fn new(id: String, peer: Option<IpAddr>) -> Self {
        Self {
            id,
            peer,
            credential: OnceLock::new(),
            turn: OnceLock::new(),
        }
    }

    /// It is one of those worked on, until [`Self::pause`].
    pub(crate) fn begin(&self, turn: Turn) {
        if self.turn.set(turn).is_err() {
            tracing::debug!("a request was let in twice");
        }
    }

    /// Nothing is worked on for it from now on.
    pub(crate) fn pause(&self) {
        if let Some(turn) = self.turn.get() {
            turn.pause();
        }
    }

    /// Who it is from, once that is known.
    pub(crate) fn credential(&self) -> Option<&Credential> {
        self.credential.get()
    }
}

/// Runs what answers a request.
pub(crate) async fn within<T>(context: Arc<RequestContext>, work: impl Future<Output = T>) -> T {
    CURRENT.scope(context, work).await
}

/// Does work of a request to its end, also when its client does not wait so long: whoever asks again
/// finds it done. What it logs and changes is the request's.
pub(crate) async fn to_its_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, HubError>> + Send + 'static,
) -> Result<T, HubError> {
    spawn(work)
        .await
        .unwrap_or_else(|error| Err(HubError::Task(error)))
}

/// The request that this task answers; nothing where it answers none.
pub(crate) fn current() -> Option<Arc<RequestContext>> {
    CURRENT.try_with(Arc::clone).ok()
}

/// Work for this request that goes on when its client has left, in a task of its own. What is done
/// there is the request's doing, in the log and in the audit.
pub(crate) fn spawn<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> JoinHandle<T> {
    let doing = Doing::current();
    tokio::spawn(async move { doing.within(work).await })
}

/// Whose doing something is, in the log and in the audit, wherever it is done.
#[derive(Debug)]
pub(crate) struct Doing {
    request: Option<Arc<RequestContext>>,
    span: tracing::Span,
}

impl Doing {
    /// That of the request which this task answers, if it answers one.
    pub(crate) fn current() -> Self {
        Self {
            request: current(),
            span: tracing::Span::current(),
        }
    }

    /// Does it, in a task that answers no request of its own.
    pub(crate) async fn within<T>(&self, work: impl Future<Output = T>) -> T {
        let work = work.instrument(self.span.clone());
        match &self.request {
            Some(request) => within(request.clone(), work).await,
            None => work.await,
        }
    }
}

/// Notes who the request is from. The first credential that was accepted stays.
pub(crate) fn authenticated(credential: Credential) {
    if let Some(context) = current()
        && context.credential.set(credential).is_err()
    {
        tracing::debug!("a request was authenticated twice");
    }
}

/// Nothing is worked on for this request from now on: its client is waited for.
pub(crate) fn pause() {
    if let Some(context) = current() {
        context.pause();
    }
}

/// It is worked on again. Whether there is room for it.
pub(crate) fn resume() -> bool {
    let context = current();
    let turn = context.as_ref().and_then(|context| context.turn.get());
    turn.is_none_or(Turn::take)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn seen() -> (Option<String>, Option<tracing::Id>) {
        let id = current().map(|context| context.id.clone());
        (id, tracing::Span::current().id())
    }

    #[tokio::test]
    async fn what_a_request_leaves_to_a_task_is_still_its_own() {
        let _log = tracing::subscriber::set_default(tracing_subscriber::registry());
        let span = tracing::info_span!("request");
        let context = Arc::new(RequestContext::new("mine".to_owned(), None));
        let told = async { spawn(seen()).await.unwrap() };
        let told = within(context, told).instrument(span.clone()).await;
        assert_eq!(told, (Some("mine".to_owned()), span.id()));
        let outside = spawn(seen()).await.unwrap();
        assert_eq!(outside, (None, None));
    }
}
