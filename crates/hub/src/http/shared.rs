//! Answers that many ask for at the same moment, found out once for all of them.
//!
//! Nothing is kept here: whoever asks gets an answer that was looked up after they asked. While one
//! lookup runs, all who ask for the same wait for the next one, and share what it finds.

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, WeakShared};
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Lookups by what they are for.
#[derive(Debug)]
pub(super) struct Lookups<K, V>(Arc<Mutex<Lines<K, V>>>);

type Lines<K, V> = HashMap<K, Line<V>>;

/// Those who ask for the same.
#[derive(Debug)]
struct Line<V> {
    /// Held by the lookup that runs.
    turn: Arc<tokio::sync::Mutex<()>>,
    /// The lookup that has not begun. Those who wait for it hold it, and nobody else: when all of
    /// them leave, it is gone.
    next: Option<WeakShared<BoxFuture<'static, V>>>,
    /// How many lookups there are, begun or not.
    lookups: usize,
}

impl<K, V> Default for Lookups<K, V> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K, V> Lookups<K, V>
where
    K: Clone + Eq + Hash + Send + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// What `lookup` finds, which begins after this was called.
    pub(super) async fn get<F>(&self, key: K, lookup: impl FnOnce() -> F) -> V
    where
        F: Future<Output = V> + Send + 'static,
    {
        let joined = {
            let mut lines = lock(&self.0);
            let line = lines.entry(key.clone()).or_insert_with(|| Line {
                turn: Arc::default(),
                next: None,
                lookups: 0,
            });
            match line.next.as_ref().and_then(WeakShared::upgrade) {
                Some(next) => next,
                None => {
                    let lookup = lookup();
                    line.lookups += 1;
                    let place = Place {
                        lines: self.0.clone(),
                        key,
                    };
                    let next = run(place, line.turn.clone(), lookup).boxed().shared();
                    line.next = next.downgrade();
                    next
                }
            }
        };
        joined.await
    }
}

/// Waits for its turn, lets nobody join any more, and looks.
async fn run<K: Eq + Hash, V>(
    place: Place<K, V>,
    turn: Arc<tokio::sync::Mutex<()>>,
    lookup: impl Future<Output = V>,
) -> V {
    let _turn = turn.lock().await;
    if let Some(line) = lock(&place.lines).get_mut(&place.key) {
        line.next = None;
    }
    lookup.await
}

/// A lookup's place in its line, from before it begins. Whoever leaves last forgets the line, also
/// when all who asked have gone.
struct Place<K: Eq + Hash, V> {
    lines: Arc<Mutex<Lines<K, V>>>,
    key: K,
}

impl<K: Eq + Hash, V> Drop for Place<K, V> {
    fn drop(&mut self) {
        let mut lines = lock(&self.lines);
        let Some(line) = lines.get_mut(&self.key) else {
            return;
        };
        line.lookups -= 1;
        if line.lookups == 0 {
            lines.remove(&self.key);
        }
    }
}

fn lock<K, V>(lines: &Mutex<Lines<K, V>>) -> MutexGuard<'_, Lines<K, V>> {
    lines.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn everybody_gets_what_was_looked_up_after_they_asked() {
        let lookups: Arc<Lookups<&str, usize>> = Arc::default();
        let (runs, value) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let ask = |key| {
            let (lookups, runs, value) = (lookups.clone(), runs.clone(), value.clone());
            tokio::spawn(async move {
                let least = value.load(Ordering::SeqCst);
                let found = lookups.get(key, move || async move {
                    runs.fetch_add(1, Ordering::SeqCst);
                    let found = value.load(Ordering::SeqCst);
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    found
                });
                let found = found.await;
                assert!(found >= least, "{found} {least}");
            })
        };
        let mut asked = Vec::new();
        for _ in 0..100 {
            asked.push(ask("a"));
            asked.push(ask("b"));
            tokio::time::sleep(Duration::from_millis(1)).await;
            value.fetch_add(1, Ordering::SeqCst);
        }
        for task in asked {
            task.await.unwrap();
        }
        let runs = runs.load(Ordering::SeqCst);
        assert!((20..=24).contains(&runs), "{runs}");
        assert!(lock(&lookups.0).is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn who_goes_away_stops_nobody_else() {
        let lookups: Arc<Lookups<(), usize>> = Arc::default();
        let ask = || {
            let lookups = lookups.clone();
            async move {
                let slow = || async {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    7
                };
                lookups.get((), slow).await
            }
        };
        let gone = [tokio::spawn(ask()), tokio::spawn(ask())];
        tokio::time::sleep(Duration::from_millis(5)).await;
        let stays = tokio::spawn(ask());
        tokio::time::sleep(Duration::from_millis(1)).await;
        for task in gone {
            task.abort();
        }
        assert_eq!(stays.await.unwrap(), 7);
        // One that ran and one that had not begun, and nobody else there.
        for pause in [1, 0] {
            let last = [tokio::spawn(ask()), tokio::spawn(ask())];
            tokio::time::sleep(Duration::from_millis(pause)).await;
            for task in last {
                task.abort();
                task.await.unwrap_err();
            }
            assert!(lock(&lookups.0).is_empty(), "a line stays for nobody");
        }
        assert_eq!(ask().await, 7);
        assert!(lock(&lookups.0).is_empty());
    }
}
