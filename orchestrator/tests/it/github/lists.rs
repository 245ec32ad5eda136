//! Lists that are long in one way or another, and notes that are as long as may be.

use super::server::Seen;
use super::*;

fn is_list_of_releases(seen: &Seen) -> bool {
    seen.method == "GET" && seen.path.ends_with("/releases")
}

#[test]
fn long_lists_are_read_to_their_end() {
    let (github, sandbox) = (github(), machine(TAG));
    let files: Vec<(String, Vec<u8>)> = (0..70).map(|n| (format!("more-{n}"), vec![n])).collect();
    {
        let mut state = github.state();
        let files: Vec<(&str, &[u8])> = files
            .iter()
            .map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
            .collect();
        // The oldest is listed last.
        state.has(TAG, true, "mine", &files);
        for n in 0..100 {
            state.has(&format!("demo-v0.{n}.0"), false, "", &[]);
        }
    }
    ran(&github, &sandbox, "").exits(0);
    let before = github.seen(Seen::changes).len();
    ran(&github, &sandbox, "").exits(0);
    assert_eq!(github.seen(Seen::changes).len(), before);
    let state = github.state();
    assert_eq!(state.of_tag(TAG).len(), 1);
    assert_eq!(state.of_tag(TAG)[0].assets.len(), FILES + 70);
}

/// GitHub gives out all tags of a beginning at once, and the same ones whatever page is asked for.
#[test]
fn tags_are_asked_for_once_however_many_there_are() {
    for many in [31, 32, 64] {
        let (github, sandbox) = (github(), machine(TAG));
        for n in 0..many {
            let tag = format!("demo-v0.{n}.0");
            github.state().tags.insert(tag, COMMIT.to_owned());
        }
        let told = released(&ran(&github, &sandbox, "--format json").exits(0));
        assert_eq!(told["latest"], true);
        let asked = github.seen(|seen| seen.path.contains("/git/matching-refs/"));
        assert_eq!(asked.len(), 1, "{asked:?}");
    }
}

#[test]
fn a_page_that_comes_again_is_the_last() {
    let (github, sandbox) = (github(), machine(TAG));
    {
        let mut state = github.state();
        state.paged = false;
        state.has(TAG, true, "mine", &[]);
        for n in 0..40 {
            state.has(&format!("demo-v0.{n}.0"), false, "", &[]);
        }
    }
    ran(&github, &sandbox, "").exits(0);
    assert_eq!(github.state().of_tag(TAG).len(), 1);
    let asked = github.seen(is_list_of_releases);
    let (again, first): (Vec<Seen>, Vec<Seen>) = asked
        .into_iter()
        .partition(|seen| !seen.query.ends_with("&page=1"));
    assert!(!first.is_empty());
    assert_eq!(again.len(), first.len());
    assert!(again.iter().all(|seen| seen.query.ends_with("&page=2")));
}

/// A page of them is more than a client reads of an answer.
#[test]
fn releases_with_long_notes_are_listed_in_smaller_pages() {
    let (github, sandbox) = (github(), machine(TAG));
    let notes = "\u{1f980}".repeat(120_000);
    {
        let mut state = github.state();
        // The oldest is listed last.
        state.has(TAG, true, "mine", &[]);
        for n in 0..24 {
            state.has(&format!("demo-v0.{n}.0"), false, &notes, &[]);
        }
    }
    ran(&github, &sandbox, "").exits(0);
    let state = github.state();
    let found = state.of_tag(TAG);
    assert_eq!((found.len(), found[0].draft), (1, false));
    assert_eq!(found[0].body, "mine");
}

#[test]
fn notes_of_the_greatest_length_are_taken() {
    let (github, sandbox) = (github(), machine(TAG));
    let notes = "\u{e9}".repeat(124_889);
    std::fs::write(sandbox.root().join("notes"), &notes).unwrap();
    ran(&github, &sandbox, "--notes-file notes").exits(0);
    is_whole(&github, &sandbox);
    assert_eq!(github.state().of_tag(TAG)[0].body, notes);
}
