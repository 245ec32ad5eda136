//! What a cache was good for in one build, from the statistics of its server.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What the cache did for a build.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheUse {
    /// Compilations that were answered from the cache.
    pub hits: u64,
    /// Compilations that were done and put into the cache.
    pub misses: u64,
    /// Compilations that cannot be cached, by sccache's word for why.
    pub not_cacheable: BTreeMap<String, u64>,
    /// Times that the cache could not be read or written.
    pub errors: u64,
    /// Hits among hits and misses, in percent; absent when there was neither.
    pub hit_rate: Option<u8>,
    /// Why the build was finished without the cache, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_up: Option<String>,
}

/// The part of `sccache --show-stats --stats-format json` that is used here. Fields that a version
/// does not have count as nothing.
#[derive(Deserialize)]
struct Answer {
    stats: Stats,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Stats {
    cache_hits: Counts,
    cache_misses: Counts,
    cache_errors: Counts,
    cache_timeouts: u64,
    cache_read_errors: u64,
    cache_write_errors: u64,
    not_cached: BTreeMap<String, u64>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Counts {
    counts: BTreeMap<String, u64>,
}

impl Counts {
    fn sum(&self) -> u64 {
        self.counts.values().sum()
    }
}

impl CacheUse {
    /// Reads what `sccache --show-stats --stats-format json` prints; none when it is something else.
    pub fn parse(json: &str) -> Option<Self> {
        let Answer { stats } = serde_json::from_str(json).ok()?;
        let (hits, misses) = (stats.cache_hits.sum(), stats.cache_misses.sum());
        let all = hits + misses;
        Some(Self {
            hits,
            misses,
            not_cacheable: stats.not_cached,
            errors: stats.cache_errors.sum()
                + stats.cache_timeouts
                + stats.cache_read_errors
                + stats.cache_write_errors,
            // Rounded down: 100 means every single one.
            hit_rate: (all > 0).then(|| u8::try_from(hits * 100 / all).unwrap_or(100)),
            given_up: None,
        })
    }

    /// Whether there was something to answer and nothing was answered.
    pub fn is_cold(&self) -> bool {
        self.hits == 0 && self.misses > 0
    }
}

impl std::fmt::Display for CacheUse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(why) = &self.given_up {
            return write!(f, "given up: {why}");
        }
        write!(f, "{} hits, {} misses", self.hits, self.misses)?;
        if let Some(rate) = self.hit_rate {
            write!(f, " ({rate} % hits)")?;
        }
        if !self.not_cacheable.is_empty() {
            let why: Vec<String> = self
                .not_cacheable
                .iter()
                .map(|(why, count)| format!("{}: {count}", in_words(why)))
                .collect();
            write!(f, ", not cacheable {}", why.join(", "))?;
        }
        match self.errors {
            0 => Ok(()),
            errors => write!(f, ", {errors} errors"),
        }
    }
}

/// A reason of sccache's as a person understands it. For an argument that it cannot deal with it
/// gives the argument, and `-` is how cargo and build scripts hand a compiler a question instead of
/// a file.
fn in_words(why: &str) -> &str {
    match why {
        "-" => "source on standard input",
        why => why,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_of_sccache_0_16() {
        let json = r#"{"stats":{"compile_requests":9,"requests_not_compile":1,
            "cache_errors":{"counts":{"Rust":1},"adv_counts":{"rust":1}},
            "cache_hits":{"counts":{"Rust":5,"C/C++":1},"adv_counts":{}},
            "cache_misses":{"counts":{"Rust":1},"adv_counts":{"rust":1}},
            "cache_timeouts":0,"cache_read_errors":0,"cache_write_errors":2,
            "not_cached":{"crate-type":2,"-":1}},"cache_location":"Local disk: \"/c\"","version":"0.16.0"}"#;
        let usage = CacheUse::parse(json).unwrap();
        assert_eq!((usage.hits, usage.misses, usage.errors), (6, 1, 3));
        assert_eq!(
            usage.to_string(),
            "6 hits, 1 misses (85 % hits), not cacheable source on standard input: 1, crate-type: 2, 3 errors"
        );
    }

    #[test]
    fn an_unused_cache_has_no_rate_and_other_text_no_statistics() {
        let usage = CacheUse::parse(r#"{"stats":{}}"#).unwrap();
        assert_eq!(usage.to_string(), "0 hits, 0 misses");
        assert_eq!(CacheUse::parse("sccache: error"), None);
    }
}
