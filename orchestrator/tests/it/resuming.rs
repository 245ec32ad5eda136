//! A run that did not come to its end, and the next one: only what is left is sent, whether the Hub
//! says what it has or the journal does, and where the two disagree the Hub is right.

use crate::behind::{Behind, JOURNAL, count_of, four_files, said};
use crate::hub_server::{is_registration, serves};
use crate::support::*;
use serde_json::Value;
use std::fs;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use test_support::{Fault, Sandbox, Signal, tree};

#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    Killed,
    By(Signal, i32),
}

#[test]
fn a_run_that_ends_in_the_middle_of_an_upload_is_gone_on_with() {
    let ends = [
        (End::Killed, false),
        (End::Killed, true),
        (End::By(Signal::Interrupt, 130), true),
        (End::By(Signal::Terminate, 143), true),
    ];
    for (end, base) in ends {
        let sandbox = Sandbox::new();
        let staged = four_files(&sandbox);
        // The Hub gets a part of the second file.
        let behind = Behind::new(base, |_, upload| match upload {
            2 => Fault::Part(1024 * 1024),
            _ => Fault::None,
        });
        let run = behind.publish(&sandbox).start();
        let limit = Instant::now() + Duration::from_secs(60);
        while behind.uploads() < 2 || count_of(&staged, "sending") < 2 {
            assert!(Instant::now() < limit, "{:?}", behind.proxy.seen());
            std::thread::sleep(Duration::from_millis(10));
        }
        match end {
            End::Killed => drop(run),
            End::By(signal, code) => {
                run.signal(signal);
                run.finish().exits(code);
            }
        }
        assert_eq!(count_of(&staged, "uploaded"), 1, "{end:?} {base}");
        assert_eq!(count_of(&staged, "registering"), 0);
        assert!(behind.hub.release("alpha", "0.1.0").is_none());
        // A Hub that says what it has needs no journal.
        if end == End::Killed && !base {
            fs::remove_file(staged.join(JOURNAL)).unwrap();
        }
        let (run, sent) = behind.publishes_the_rest(&sandbox);
        assert_eq!(sent, 3, "{end:?} {base}: {run}");
        assert_eq!(said(&run), "");
        for (product, files) in [("alpha", 3), ("beta", 1)] {
            let found = behind.hub.release(product, "0.1.0").unwrap();
            assert_eq!(found["assets"].as_array().unwrap().len(), files);
        }
        assert_eq!(count_of(&staged, "registered"), 2);
        // Nothing is left to be done, and nothing is noted.
        let before = tree(&staged);
        assert_eq!(behind.publishes_the_rest(&sandbox).1, 0);
        assert!(before == tree(&staged));
        atlas(&sandbox, "verify")
            .env("ATLAS_HUB_URL", behind.proxy.url())
            .run()
            .exits(0);
    }
}

#[test]
fn without_a_journal_a_hub_of_the_base_contract_gets_all_again() {
    let sandbox = Sandbox::new();
    let staged = four_files(&sandbox);
    let behind = Behind::registering_nothing(true);
    behind.publish(&sandbox).run().exits(6);
    assert_eq!(behind.uploads(), 4);
    fs::remove_file(staged.join(JOURNAL)).unwrap();
    assert_eq!(behind.publishes_the_rest(&sandbox).1, 4);
}

#[test]
fn what_is_left_is_told_by_the_lines_that_are_whole_and_of_this_hub() {
    let sandbox = Sandbox::new();
    let staged = staged_release(&sandbox);
    let behind = Behind::registering_nothing(true);
    let run = behind.publish(&sandbox).run().exits(6);
    assert_eq!(events_of(&run, "registered"), Vec::<Value>::new());
    let journal = staged.join(JOURNAL);
    let text = fs::read_to_string(&journal).unwrap();
    // Neither credentials nor signed addresses are ever in it.
    assert!(!text.contains(&behind.hub.token), "{text}");
    assert!(!text.contains('?') && !text.contains("sig"), "{text}");
    let upload = text.find("\"event\":\"uploaded\"").unwrap();
    let last = text.rfind("\"event\":\"uploaded\"").unwrap();
    assert!(upload < last);
    let url = behind.proxy.url();
    for (written, sent, says) in [
        // Torn in the middle of the second file's line.
        (text[..last].to_owned(), 1, ""),
        // Of another Hub, of another version, of other bytes, of another form.
        (text.replace(&url, "https://hub.example"), 2, "6 lines of"),
        (text.replace("\"0.1.0\"", "\"0.1.1\""), 2, "6 lines of"),
        (text.replace("\"size\":", "\"size\":1"), 2, "4 lines of"),
        (
            text.replace("\"format\":1", "\"format\":9"),
            2,
            "6 lines of",
        ),
        ("no journal at all\n".to_owned(), 2, "one line of"),
        (String::new(), 2, ""),
        (text.clone(), 0, ""),
    ] {
        behind.failing.store(true, Ordering::SeqCst);
        fs::write(&journal, &written).unwrap();
        let before = behind.uploads();
        let run = behind.publish(&sandbox).run().exits(6);
        assert_eq!(behind.uploads() - before, sent, "{written}\n{run}");
        match says {
            "" => assert_eq!(said(&run), "", "{written}"),
            says => assert!(said(&run).contains(says), "{written}\n{run}"),
        }
    }
    let (_, sent) = behind.publishes_the_rest(&sandbox);
    assert_eq!(sent, 0);
    for product in ["alpha", "beta"] {
        let file = staged.join(format!("{product}-{}", platform()));
        serves(&behind.hub.url(), product, "latest", &file);
    }
}

/// The journal of a Hub that has since lost all its data: another one is at its address now.
#[test]
fn a_journal_that_says_what_is_not_so_is_overruled_by_the_hub() {
    for (base, says) in [
        (false, "the Hub has not got it: it is sent again"),
        (true, "what seemed to be stored already is sent after all"),
    ] {
        let sandbox = Sandbox::new();
        let staged = staged_release(&sandbox);
        let first = Behind::registering_nothing(base);
        first.publish(&sandbox).run().exits(6);
        let journal = staged.join(JOURNAL);
        let text = fs::read_to_string(&journal).unwrap();
        let second = Behind::registering_nothing(base);
        let moved = text.replace(&first.proxy.url(), &second.proxy.url());
        fs::write(&journal, moved).unwrap();
        let (run, sent) = second.publishes_the_rest(&sandbox);
        assert_eq!(sent, 2, "{run}");
        assert!(said(&run).contains(says), "{run}");
        for product in ["alpha", "beta"] {
            let file = staged.join(format!("{product}-{}", platform()));
            serves(&second.hub.url(), product, "latest", &file);
        }
    }
}

/// A Hub of the base contract whose storage has been changed for another one meanwhile.
#[test]
fn a_journal_that_names_a_storage_that_is_gone_is_overruled_by_the_hub() {
    let sandbox = Sandbox::new();
    let staged = staged_release(&sandbox);
    let behind = Behind::registering_nothing(true);
    behind.publish(&sandbox).run().exits(6);
    let journal = staged.join(JOURNAL);
    let text = fs::read_to_string(&journal).unwrap();
    let moved = text.replace("\"provider\":\"local\"", "\"provider\":\"gone\"");
    assert_ne!(moved, text);
    fs::write(&journal, moved).unwrap();
    let (run, sent) = behind.publishes_the_rest(&sandbox);
    assert_eq!(sent, 2, "{run}");
    let said = said(&run);
    assert!(
        said.contains("is in the storage gone, and the Hub has local now"),
        "{run}"
    );
    assert!(behind.hub.release("beta", "latest").is_some());
    // One that says no more than that the request is bad.
    let sandbox = Sandbox::new();
    staged_release(&sandbox);
    let behind = Behind::new(true, |seen, _| match is_registration(seen) {
        true => Fault::Answer(400, r#"{"error":"no such object"}"#.to_owned()),
        false => Fault::None,
    });
    // What was just sent is not doubted; what an earlier run has sent is sent once more.
    for uploads in [2, 3] {
        let run = behind.publish(&sandbox).run().exits(6);
        assert_eq!(behind.uploads(), uploads, "{run}");
    }
}
