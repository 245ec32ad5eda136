//! Watching a build that uses a compiler cache: has the cache's server ended, or does everything
//! wait for it?

use crate::context::World;
use crate::toolchain::Sccache;
use process::{Member, ProcessTree};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often it is looked whether the server still runs.
const LOOK: Duration = Duration::from_millis(200);

/// How often the table of processes is read once cargo has become silent.
const SAMPLE: Duration = Duration::from_secs(1);

/// The share of one processor below which nobody counts as working, in percent: an idle server or a
/// waiting client uses less, a compiler more even on a machine that is shared by many.
const WORKING: u32 = 2;

/// What is wrong with the cache.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    /// Its server is gone.
    #[error("sccache's server has ended in the middle of the build")]
    Ended,
    /// Everything waits for it.
    #[error("sccache has not answered for {} s, and nothing compiles", .0.as_secs())]
    Stalled(Duration),
    /// It has failed compilations of its own accord.
    #[error("sccache has failed the build ({0})")]
    Failed(String),
}

impl Fault {
    /// What is recorded of it: a record is published, and sccache's own words stay on this machine.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Ended => "its server ended",
            Self::Stalled(_) => "it did not answer",
            Self::Failed(_) => "it failed a compilation",
        }
    }
}

/// Whether a line of cargo's is a failure of sccache's own. Its warnings are none: after them it
/// goes on by itself.
pub(super) fn complains(line: &str) -> bool {
    is_sccaches(line) && !line.trim_start().starts_with("sccache: warning")
}

/// Whether a line of cargo's comes from sccache.
pub(super) fn is_sccaches(line: &str) -> bool {
    line.trim_start().starts_with("sccache: ")
}

/// When cargo was last heard.
#[derive(Debug, Clone)]
pub(super) struct Heard(Arc<Mutex<Instant>>);

impl Default for Heard {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }
}

impl Heard {
    pub(super) fn now(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn silence(&self) -> Duration {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .elapsed()
    }
}

/// Comes back when the cache has failed the build.
pub(super) async fn watch(world: &World, sccache: &mut Sccache, cargo: u32, heard: Heard) -> Fault {
    let limit = sccache.stall_limit();
    let client = client_name(sccache.path());
    let mut table = ProcessTree::default();
    let mut before: Option<(Instant, Snapshot)> = None;
    let mut idle_since = Instant::now();
    let mut asked = Instant::now();
    loop {
        tokio::time::sleep(LOOK).await;
        let Some(server) = sccache.id() else {
            return Fault::Ended;
        };
        if asked.elapsed() >= sccache.keep_alive() {
            // What it answers does not matter, and neither does whether it does.
            sccache.usage(world).await;
            asked = Instant::now();
        }
        // A build that speaks is not looked at: reading the table takes time from the compilers.
        if heard.silence() < SAMPLE {
            before = None;
            idle_since = Instant::now();
            continue;
        }
        if before.as_ref().is_some_and(|(at, _)| at.elapsed() < SAMPLE) {
            continue;
        }
        let now = Snapshot::take(&mut table, cargo, server, &client);
        let idle = match &before {
            Some((at, earlier)) => now.is_idle_since(earlier, at.elapsed()),
            None => true,
        };
        if !(idle && now.waits_for_cache) {
            idle_since = Instant::now();
        } else if idle_since.elapsed() >= limit {
            return Fault::Stalled(limit);
        }
        before = Some((Instant::now(), now));
    }
}

/// The name that a client has in the table of processes.
fn client_name(path: &std::path::Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // Linux keeps fifteen bytes of it.
    name.chars().take(15).collect()
}

/// Who is at work, at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Snapshot {
    /// The processor time of everybody but cargo itself, which looks around twice a second.
    used: BTreeMap<u32, Duration>,
    /// Whether cargo has started clients of the cache, and nothing else that it could wait for. A
    /// build script may wait for whatever it likes.
    waits_for_cache: bool,
}

impl Snapshot {
    fn take(table: &mut ProcessTree, cargo: u32, server: u32, client: &str) -> Self {
        let below_cargo = table.below(&[cargo]);
        let waits_for_cache = waits_for(&below_cargo, client);
        let mut used: BTreeMap<u32, Duration> = table
            .below(&[server])
            .into_iter()
            .chain(below_cargo)
            .map(|(id, member)| (id, member.used))
            .collect();
        used.insert(server, table.used_by(server).unwrap_or_default());
        Self {
            used,
            waits_for_cache,
        }
    }

    /// Whether nobody has come, gone or worked since.
    fn is_idle_since(&self, earlier: &Self, passed: Duration) -> bool {
        let same = self.used.keys().eq(earlier.used.keys());
        let work: Duration = self
            .used
            .iter()
            .map(|(id, used)| {
                used.saturating_sub(earlier.used.get(id).copied().unwrap_or_default())
            })
            .sum();
        same && work * 100 < passed * WORKING
    }
}

/// Whether each process that has started no other is a client, and there is one.
fn waits_for(below_cargo: &BTreeMap<u32, Member>, client: &str) -> bool {
    let mut leaves = below_cargo
        .iter()
        .filter(|(id, _)| !below_cargo.values().any(|member| member.parent == **id))
        .peekable();
    leaves.peek().is_some() && leaves.all(|(_, member)| member.name == client)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(parent: u32, name: &str) -> Member {
        Member {
            parent,
            name: name.to_owned(),
            used: Duration::ZERO,
        }
    }

    #[test]
    fn only_clients_that_do_nothing_themselves_wait_for_the_cache() {
        let below = |all: &[(u32, u32, &str)]| -> BTreeMap<u32, Member> {
            let member = |&(id, parent, name): &(u32, u32, &str)| (id, member(parent, name));
            all.iter().map(member).collect()
        };
        let waits = |all: &[(u32, u32, &str)]| waits_for(&below(all), "sccache");
        assert!(waits(&[(2, 1, "sccache"), (3, 1, "sccache")]));
        // A link, which the client does itself, and a build script.
        assert!(!waits(&[(2, 1, "sccache"), (3, 2, "rustc")]));
        assert!(!waits(&[(2, 1, "sccache"), (3, 1, "build-script-bu")]));
        assert!(!waits(&[]));
    }

    #[test]
    fn work_and_changes_are_seen() {
        let at = |used: &[(u32, u64)]| Snapshot {
            used: used
                .iter()
                .map(|&(id, ms)| (id, Duration::from_millis(ms)))
                .collect(),
            waits_for_cache: true,
        };
        let second = Duration::from_secs(1);
        let before = at(&[(1, 500), (2, 0)]);
        assert!(before.is_idle_since(&before, second));
        assert!(at(&[(1, 510), (2, 0)]).is_idle_since(&before, second));
        assert!(!at(&[(1, 510), (2, 10)]).is_idle_since(&before, second));
        assert!(!at(&[(1, 500), (3, 0)]).is_idle_since(&before, second));
        assert!(!at(&[(1, 500)]).is_idle_since(&before, second));
    }

    #[test]
    fn sccaches_failures_are_told_from_compilers() {
        assert!(complains("sccache: error: failed to execute compile"));
        assert!(complains("  sccache: encountered fatal error"));
        assert!(!complains(
            "sccache: warning: The server looks like it shut down"
        ));
        assert!(!complains("error[E0308]: mismatched types"));
    }
}
