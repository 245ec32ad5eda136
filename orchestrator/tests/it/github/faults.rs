//! What goes wrong on the way, and that it ends well: one release, whole, every file once.

use super::server::{Fault, Seen};
use super::*;
use std::time::{Duration, Instant};

fn wait(seconds: u64) -> Vec<(&'static str, String)> {
    vec![("retry-after", seconds.to_string())]
}

/// Every call goes wrong the first time.
#[test]
fn a_run_outlives_what_passes() {
    const LIMIT: &str = "You have exceeded a secondary rate limit. Please wait.";
    let kinds: Vec<(&str, Fault)> = vec![
        ("secondary limit", Fault::Answer(403, wait(1), LIMIT)),
        ("too many", Fault::Answer(429, wait(1), LIMIT)),
        ("not done", Fault::Answer(502, Vec::new(), "Server Error")),
        ("done, and 502", Fault::BadGateway),
        ("done, and lost", Fault::LoseAnswer),
    ];
    std::thread::scope(|scope| {
        for (name, fault) in kinds {
            scope.spawn(move || {
                let github = tagged(FakeGitHub::with(move |_, before| {
                    (before == 0).then(|| fault.clone())
                }));
                let sandbox = machine(TAG);
                let run = ran(&github, &sandbox, "--format json");
                assert_eq!(run.code, Some(0), "{name}: {run}");
                is_whole(&github, &sandbox);
                assert!(!events_of(&run, "warning").is_empty(), "{name}: {run}");
            });
        }
    });
}

/// Uploads are the only calls that go wrong, each of them.
#[test]
fn an_upload_whose_answer_is_lost_is_not_sent_twice() {
    for fault in [Fault::BadGateway, Fault::LoseAnswer] {
        let github = tagged(FakeGitHub::with(move |seen, _| {
            seen.is_upload().then(|| fault.clone())
        }));
        let sandbox = machine(TAG);
        ran(&github, &sandbox, "").exits(0);
        is_whole(&github, &sandbox);
        assert_eq!(github.seen(Seen::is_upload).len(), FILES);
    }
}

#[test]
fn an_upload_that_breaks_off_is_removed_and_sent_again() {
    let github = tagged(FakeGitHub::with(|seen, _| {
        // All uploads have one path.
        let query = &seen.query;
        (seen.is_upload() && query.contains("alpha-linux")).then_some(Fault::Break)
    }));
    let sandbox = machine(TAG);
    let run = release(&github, &sandbox, "").start();
    let run = ended(run, &github).exits(7);
    // It was tried as often as anything else, and what it has left is not shown.
    let tried = github.seen(|seen| seen.query.contains("alpha-linux"));
    assert_eq!(tried.len(), 5, "{run}");
    let removed = github.seen(|seen| seen.method == "DELETE").len();
    assert_eq!(removed, 4);
    assert!(github.state().of_tag(TAG)[0].draft);
}

#[test]
fn bytes_that_were_altered_on_their_way_are_sent_again_once() {
    for (times, code) in [(1, 0), (9, 8)] {
        let damages = std::sync::atomic::AtomicUsize::new(0);
        let github = tagged(FakeGitHub::with(move |seen, _| {
            let hit = seen.is_upload() && seen.query.contains("alpha-linux");
            let hit = hit && damages.fetch_add(1, std::sync::atomic::Ordering::SeqCst) < times;
            hit.then_some(Fault::Damage)
        }));
        let sandbox = machine(TAG);
        let run = ran(&github, &sandbox, "").exits(code);
        if code == 0 {
            is_whole(&github, &sandbox);
            continue;
        }
        let built = Sha256Digest::of(b"runs").to_string();
        run.says(&["has stored other bytes than were sent", &built]);
        let state = github.state();
        assert!(state.of_tag(TAG)[0].draft);
        let mut assets = state.of_tag(TAG)[0].assets.iter();
        assert!(assets.all(|asset| asset.name != "alpha-linux-x64"));
    }
}

#[test]
fn who_has_no_calls_left_for_long_gives_up_at_once() {
    let soon = (jiff::Timestamp::now().as_second() + 3030).to_string();
    let reset = |at: String| {
        vec![
            ("x-ratelimit-remaining", "0".to_owned()),
            ("x-ratelimit-reset", at),
        ]
    };
    let never = "9".repeat(50);
    for (headers, says) in [
        (reset(soon), "; it asks to be left alone for 50m"),
        // No integer holds these.
        (reset(never.clone()), "for more than a year"),
        (vec![("retry-after", never)], "for more than a year"),
    ] {
        let github = tagged(FakeGitHub::with(move |seen, _| {
            let hit = seen.is_upload();
            hit.then(|| Fault::Answer(403, headers.clone(), "API rate limit exceeded"))
        }));
        let sandbox = machine(TAG);
        let began = Instant::now();
        ran(&github, &sandbox, "").exits(7).says(&[
            "allows no more calls for now (403): API rate limit exceeded",
            says,
        ]);
        assert!(began.elapsed() < Duration::from_secs(60));
        assert!(github.state().of_tag(TAG)[0].draft);
    }
}

/// The other uploads wait too.
#[test]
fn who_is_told_to_wait_asks_nothing_before() {
    let github = tagged(FakeGitHub::with(|seen, before| {
        if before > 0 {
            return None;
        }
        // The next upload would begin when the second one has ended.
        if seen.query.contains("alpha-windows") {
            return Some(Fault::Stand(1200));
        }
        let hit = seen.query.contains("alpha-linux");
        hit.then(|| Fault::Answer(403, wait(3), "secondary rate limit"))
    }));
    let sandbox = machine(TAG);
    ran(&github, &sandbox, "--uploads 2").exits(0);
    is_whole(&github, &sandbox);
    let state = github.state();
    let told = state
        .seen
        .iter()
        .position(|seen| seen.query.contains("alpha-linux"));
    let told = state.times[told.unwrap()];
    // What was under way by then comes to its end.
    let (from, to) = (Duration::from_millis(700), Duration::from_millis(2900));
    let early = |at: &&Instant| **at > told + from && **at < told + to;
    assert_eq!(
        state.times.iter().filter(early).count(),
        0,
        "{:?}",
        state.seen
    );
    assert!(state.times.iter().any(|at| *at >= told + to));
}

#[test]
fn a_server_that_stays_away_is_exit_code_7_and_the_next_run_goes_on() {
    let down = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
    let switch = down.clone();
    let github = tagged(FakeGitHub::with(move |seen, _| {
        let hit = seen.method == "PATCH" && down.load(std::sync::atomic::Ordering::SeqCst);
        hit.then(|| Fault::Answer(502, Vec::new(), "Server Error"))
    }));
    let sandbox = machine(TAG);
    ran(&github, &sandbox, "")
        .exits(7)
        .says(&["hint: run the same command again"]);
    let sent = github.seen(Seen::is_upload).len();
    assert_eq!(sent, FILES);
    switch.store(false, std::sync::atomic::Ordering::SeqCst);
    ran(&github, &sandbox, "").exits(0);
    is_whole(&github, &sandbox);
    assert_eq!(github.seen(Seen::is_upload).len(), sent);
}
