//! Answers that are kept as long as nothing has changed.
//!
//! Whoever asks after a change was acknowledged is answered from after it. So an answer is kept with
//! the number of changes before it was looked up, and is good while there are no more. It is never
//! stale: all that changes what is kept is done in this process, and done to its end in a task of its
//! own (see `context::to_its_end`), so each change is counted when it has come through, and not when a
//! caller leaves in its midst. What a person writes into the catalogue by hand is not counted, so no
//! answer is good for long.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

/// How long an answer is good at most.
const LONGEST: Duration = Duration::from_secs(1);

/// How many answers are kept; one more, and all are forgotten.
const MOST: usize = 1024;

/// Answers by what they are for.
#[derive(Debug)]
pub(super) struct Kept<K, V>(RwLock<HashMap<K, Answer<V>>>);

#[derive(Debug)]
struct Answer<V> {
    changes: u64,
    since: Instant,
    value: V,
}

impl<K, V> Default for Kept<K, V> {
    fn default() -> Self {
        Self(RwLock::default())
    }
}

impl<K: Eq + Hash, V: Clone> Kept<K, V> {
    /// The answer, where it is good after so many changes.
    pub(super) fn get(&self, key: &K, changes: u64) -> Option<V> {
        let answers = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let answer = answers.get(key)?;
        let good = answer.changes == changes && answer.since.elapsed() < LONGEST;
        good.then(|| answer.value.clone())
    }

    /// Keeps an answer that was looked up after so many changes. It is as old as when the look began.
    pub(super) fn put(&self, key: K, changes: u64, since: Instant, value: V) {
        let mut answers = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if answers.len() >= MOST && !answers.contains_key(&key) {
            answers.clear();
        }
        let answer = Answer {
            changes,
            since,
            value,
        };
        answers.insert(key, answer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_good_until_something_changes_and_not_for_long() {
        let kept = Kept::default();
        let now = Instant::now();
        kept.put("a", 7, now, 1);
        assert_eq!(kept.get(&"a", 7), Some(1));
        assert_eq!(kept.get(&"a", 8), None);
        assert_eq!(kept.get(&"b", 7), None);
        kept.put("a", 8, now.checked_sub(LONGEST).unwrap(), 2);
        assert_eq!(kept.get(&"a", 8), None);
    }

    #[test]
    fn no_number_of_answers_takes_more_room() {
        let kept = Kept::default();
        for key in 0..=MOST {
            kept.put(key, 0, Instant::now(), key);
        }
        assert_eq!(kept.0.read().unwrap().len(), 1);
        assert_eq!(kept.get(&MOST, 0), Some(MOST));
    }
}
