//! Registrations go together: all that wait for the right to write share one transaction, and with it
//! one commit, which is what takes longest of each.
//!
//! They stand in a line that a task of the catalogue's own serves as long as there is one, so that no
//! registration depends on the client of another. In the transaction each has a savepoint of its own,
//! to which it is taken back when it fails. When the transaction itself fails nobody is answered: each
//! goes by itself then, in a transaction of its own, and learns what the matter is.

use super::database::{Tx, query};
use super::releases::{Publication, Registered};
use super::{Catalogue, drafts, publishing};
use crate::HubError;
use crate::context::Doing;
use crate::error::error_chain;
use crate::fail_point::fail_point;
use jiff::Timestamp;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// How many files one transaction may make visible, since nobody else writes meanwhile. A registration
/// that has more goes alone.
pub(crate) const MOST_FILES: usize = 20_000;

/// How many registrations go together. The first of them waits for the last.
const MOST: usize = 64;

type Outcome = Result<Registered, HubError>;

/// One platform of a release, which is to be registered.
#[derive(Debug)]
struct Registration {
    publication: Publication,
    as_draft: bool,
    now: Timestamp,
}

/// A registration that nobody has begun.
#[derive(Debug)]
struct Waiting {
    registration: Arc<Registration>,
    doing: Doing,
    outcome: oneshot::Sender<Outcome>,
}

/// Those who wait.
#[derive(Debug, Default)]
pub(super) struct Line(Mutex<Standing>);

#[derive(Debug, Default)]
struct Standing {
    waiting: VecDeque<Waiting>,
    is_served: bool,
}

/// The duty to serve a line.
#[derive(Debug)]
struct Serving {
    line: Arc<Line>,
    is_done: bool,
}

impl Catalogue {
    /// Registers one platform of a release. Assets that stay what they are keep their download ids.
    pub(crate) async fn publish(
        &self,
        publication: Publication,
        now: Timestamp,
    ) -> Result<Registered, HubError> {
        self.register(publication, false, now).await
    }

    /// Keeps one platform of a release for later, in place of an earlier draft of it.
    pub(crate) async fn draft(
        &self,
        publication: Publication,
        now: Timestamp,
    ) -> Result<Registered, HubError> {
        self.register(publication, true, now).await
    }

    async fn register(&self, publication: Publication, as_draft: bool, now: Timestamp) -> Outcome {
        let registration = Arc::new(Registration {
            publication,
            as_draft,
            now,
        });
        let (outcome, told) = oneshot::channel();
        let waiting = Waiting {
            registration: registration.clone(),
            doing: Doing::current(),
            outcome,
        };
        if let Some(serving) = self.line.join(waiting) {
            tokio::spawn(self.clone().serve(serving));
        }
        match told.await {
            Ok(outcome) => outcome,
            Err(_) => self.register_alone(&registration).await,
        }
    }

    async fn register_alone(&self, registration: &Registration) -> Outcome {
        let mut tx = self.write().await?;
        let registered = registration.put(&mut tx).await?;
        tx.commit().await?;
        registration.committed(&registered);
        Ok(registered)
    }

    async fn serve(self, mut serving: Serving) {
        while serving.goes_on() {
            // Whoever comes while the right to write is waited for goes along.
            let begun = self.write().await;
            let mut batch = serving.next();
            if batch.is_empty() {
                continue;
            }
            match register_all(begun, &batch).await {
                Ok(outcomes) => {
                    for (waiting, outcome) in batch.into_iter().zip(outcomes) {
                        waiting.tell(outcome);
                    }
                }
                Err(error) if batch.len() == 1 => {
                    if let Some(alone) = batch.pop() {
                        alone.tell(Err(error));
                    }
                }
                Err(error) => {
                    let (registrations, error) = (batch.len(), error_chain(&error));
                    tracing::warn!(registrations, %error, "registrations go one by one");
                }
            }
        }
    }
}

/// Registers one after the other and commits.
async fn register_all(
    begun: Result<Tx, HubError>,
    batch: &[Waiting],
) -> Result<Vec<Outcome>, HubError> {
    let mut tx = begun?;
    let mut outcomes = Vec::with_capacity(batch.len());
    for Waiting {
        registration,
        doing,
        ..
    } in batch
    {
        let is_alone = batch.len() == 1;
        if !is_alone {
            // The commit releases all of them.
            query("SAVEPOINT registration").execute(&mut tx).await?;
        }
        outcomes.push(match doing.within(registration.put(&mut tx)).await {
            // What is in conflict has written nothing.
            Ok(registered) => Ok(registered),
            Err(error) if is_alone || error.is_outage() => return Err(error),
            Err(error) => {
                let back = query("ROLLBACK TO SAVEPOINT registration");
                back.execute(&mut tx).await?;
                Err(error)
            }
        });
    }
    tx.commit().await?;
    for (waiting, outcome) in batch.iter().zip(&outcomes) {
        if let Ok(registered) = outcome {
            waiting.registration.committed(registered);
        }
    }
    Ok(outcomes)
}

impl Registration {
    async fn put(&self, tx: &mut Tx) -> Outcome {
        let (publication, now) = (&self.publication, self.now);
        match self.as_draft {
            true => drafts::draft(tx, publication, now).await,
            false => publishing::publish(tx, publication, now).await,
        }
    }

    fn committed(&self, registered: &Registered) {
        match registered {
            Registered::Conflict { .. } => {}
            Registered::Done(_) if self.as_draft => {
                fail_point!("draft committed");
            }
            Registered::Done(_) => {
                fail_point!("register committed");
            }
        }
    }
}

impl Waiting {
    fn files(&self) -> usize {
        self.registration.publication.artifacts.len()
    }

    fn tell(self, outcome: Outcome) {
        // The request's place is free before its client can send the next.
        drop(self.doing);
        if self.outcome.send(outcome).is_err() {
            tracing::debug!("a client has left before its registration was done");
        }
    }
}

impl Line {
    /// Puts somebody at its end. Whoever is given the duty has to serve it.
    fn join(self: &Arc<Self>, waiting: Waiting) -> Option<Serving> {
        let mut standing = self.lock();
        standing.waiting.push_back(waiting);
        let is_served = std::mem::replace(&mut standing.is_served, true);
        (!is_served).then(|| Serving {
            line: self.clone(),
            is_done: false,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Standing> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Serving {
    /// Whether somebody waits. If not, that was all.
    fn goes_on(&mut self) -> bool {
        let mut standing = self.line.lock();
        self.is_done = standing.waiting.is_empty();
        standing.is_served = !self.is_done;
        standing.is_served
    }

    /// Those who go together next. Not who has left.
    fn next(&self) -> Vec<Waiting> {
        let mut standing = self.line.lock();
        let waiting = &mut standing.waiting;
        let mut batch: Vec<Waiting> = Vec::new();
        let mut files = 0;
        while let Some(next) = waiting.pop_front() {
            if next.outcome.is_closed() {
                continue;
            }
            files += next.files();
            if !batch.is_empty() && (files > MOST_FILES || batch.len() == MOST) {
                waiting.push_front(next);
                break;
            }
            batch.push(next);
        }
        batch
    }
}

impl Drop for Serving {
    /// By a defect, or with its runtime: those who wait go by themselves.
    fn drop(&mut self) {
        if !self.is_done {
            let mut standing = self.line.lock();
            standing.is_served = false;
            standing.waiting.clear();
        }
    }
}

#[cfg(test)]
mod tests;
