//! No room for the journal: the run ends with the reason, and nothing is registered.

use crate::behind::{Behind, JOURNAL};
use crate::hub_server::is_registration;
use crate::support::*;
use std::fs;
use test_support::roots::unshare_flags;
use test_support::{Fault, Sandbox};

/// The folder of the platform is on a disk of its own, where nothing more fits.
#[test]
fn the_disk_is_full_when_the_journal_is_written() {
    let sandbox = Sandbox::new();
    let staged = staged_release(&sandbox);
    let kept = sandbox.root().join("kept");
    fs::rename(&staged, &kept).unwrap();
    fs::create_dir(&staged).unwrap();
    let behind = Behind::new(false, |_, _| Fault::None);
    // In a mount namespace of its own; as root, or where users may make one.
    let script = format!(
        "mount -t tmpfs -o size=16m tmpfs '{0}' && cp -a '{1}/.' '{0}/' || exit 99\n\
         cat /dev/zero > '{0}/fill' 2>/dev/null\n\
         exec \"$@\"",
        staged.display(),
        kept.display()
    );
    let mapped = unshare_flags(&sandbox);
    let words = [
        &["unshare"],
        mapped,
        &["--mount", "sh", "-c", &script, "sh"],
    ]
    .concat();
    let run = behind.publish(&sandbox).through(&words).run().exits(9);
    let journal = staged.join(JOURNAL);
    run.says(&[
        &format!("cannot write the publish journal {}", journal.display()),
        "No space left on device",
    ]);
    assert!(!behind.proxy.seen().iter().any(is_registration));
    for product in ["alpha", "beta"] {
        assert!(behind.hub.release(product, "0.1.0").is_none());
    }
}

/// A limit for the size of files is met as a full disk is, and leaves no part of a line.
#[test]
fn files_are_limited_to_less_than_the_journal() {
    let sandbox = Sandbox::new();
    let staged = staged_release(&sandbox);
    let behind = Behind::new(true, |_, _| Fault::None);
    let limited = behind
        .publish(&sandbox)
        .through(&["prlimit", "--fsize=200"]);
    let run = limited.run().exits(9);
    let journal = staged.join(JOURNAL);
    run.says(&[&format!(
        "cannot write the publish journal {}: File too large",
        journal.display()
    )]);
    assert_eq!(behind.uploads(), 0);
    assert_eq!(fs::read(&journal).unwrap(), b"");
    assert_eq!(behind.publishes_the_rest(&sandbox).1, 2);
}
