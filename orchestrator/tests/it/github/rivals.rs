//! Several runs at the same time.

use super::server::{Fault, Seen};
use super::*;

#[test]
fn two_runs_with_the_same_bytes_make_one_release_and_both_end_well() {
    for round in 0..3 {
        let github = github();
        let machines = [machine(TAG), machine(TAG)];
        let runs = machines
            .each_ref()
            .map(|one| release(&github, one, "").start());
        for run in runs {
            let run = ended(run, &github);
            assert_eq!(run.code, Some(0), "round {round}: {run}");
        }
        is_whole(&github, &machines[0]);
    }
}

/// Each makes a draft that the other does not see at first.
#[test]
fn two_runs_that_do_not_see_each_other_at_first_make_one_release() {
    for lag in [1, 2, 3, 4] {
        let github = github();
        github.state().lag = lag;
        let machines = [machine(TAG), machine(TAG)];
        let runs = machines
            .each_ref()
            .map(|one| release(&github, one, "").start());
        for run in runs {
            let run = ended(run, &github);
            assert_eq!(run.code, Some(0), "lag {lag}: {run}");
        }
        is_whole(&github, &machines[0]);
    }
}

#[test]
fn of_two_runs_with_other_bytes_one_wins() {
    for round in 0..2 {
        let github = github();
        let machines = [machine(TAG), machine_with(TAG, b"RUNS")];
        let runs = machines
            .each_ref()
            .map(|one| release(&github, one, "").start());
        let runs = runs.map(|run| ended(run, &github));
        let won = match runs.each_ref().map(|run| run.code.unwrap()) {
            [0, 6] => 0,
            [6, 0] => 1,
            codes => panic!("round {round}: {codes:?}\n{}\n{}", runs[0], runs[1]),
        };
        is_whole(&github, &machines[won]);
    }
}

#[test]
fn what_another_run_is_sending_is_waited_for() {
    let github = tagged(FakeGitHub::with(|seen, _| {
        let hit = seen.is_upload() && seen.query.contains("alpha-linux");
        hit.then_some(Fault::Stand(3000))
    }));
    let machines = [machine(TAG), machine(TAG)];
    let slow = release(&github, &machines[0], "").start();
    while github
        .seen(|seen| seen.query.contains("alpha-linux"))
        .is_empty()
    {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let run = ran(&github, &machines[1], "").exits(0);
    run.says(&["alpha-linux-x64 is unfinished on GitHub: another run may be sending it"]);
    ended(slow, &github).exits(0);
    is_whole(&github, &machines[0]);
    assert_eq!(github.seen(|seen| seen.method == "DELETE"), []);
}

#[test]
fn drafts_that_runs_have_left_behind_are_one_in_the_end() {
    let marked = marked("old");
    let (github, sandbox) = (github(), machine(TAG));
    let first = {
        let mut state = github.state();
        let first = state.has(TAG, true, &marked, &[]);
        state.has(TAG, true, &marked, &[]);
        state.has(TAG, true, &marked, &[]);
        first
    };
    ran(&github, &sandbox, "")
        .exits(0)
        .says(&["a second draft that a run has left behind"]);
    is_whole(&github, &sandbox);
    assert_eq!(github.state().of_tag(TAG)[0].id, first);
    assert_eq!(github.state().of_tag(TAG)[0].body, "- faster");
}

/// Another run publishes its own draft of the tag while this one is at work on a second.
#[test]
fn a_release_that_was_published_meanwhile_is_the_one() {
    let github = github();
    let sandbox = machine(TAG);
    ran(&github, &sandbox, "").exits(0);
    let before = github.seen(Seen::changes).len();
    github
        .state()
        .has(TAG, true, &marked("old"), &[("alpha-linux-x64", b"runs")]);
    ran(&github, &sandbox, "").exits(0);
    is_whole(&github, &sandbox);
    // The draft that nobody needs any more is gone.
    assert_eq!(github.seen(Seen::changes).len(), before + 1);
}

/// The notes of a draft that a run with these has left behind.
fn marked(notes: &str) -> String {
    let digest = release_types::Sha256Digest::of(notes.as_bytes());
    format!("{notes}\n\n<!-- draft made by atlas-release, notes {digest} -->\n")
}

/// The mark is not to be seen on GitHub's page, so whoever edits the notes leaves it where it is.
#[test]
fn what_a_person_writes_into_a_draft_stays() {
    let (github, sandbox) = (github(), machine(TAG));
    let written = marked("old").replace("old\n", "My long notes\n");
    github.state().has(TAG, true, &written, &[]);
    ran(&github, &sandbox, "")
        .exits(0)
        .says(&["were written anew on GitHub, and stay"]);
    is_whole(&github, &sandbox);
    let state = github.state();
    let [release] = state.of_tag(TAG)[..] else {
        panic!("there is one release")
    };
    assert_eq!(release.body, "My long notes");
}
