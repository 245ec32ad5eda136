//! The journal's place, and what storages keep: what is in the way is named, and a refusal to replace is
//! judged by content.

use crate::behind::{Behind, JOURNAL, add, said};
use crate::hub_server::{TestHub, is_registration};
use crate::support::*;
use release_types::Sha256Digest;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use test_support::{Fault, Sandbox, tree};

#[test]
fn a_storage_that_keeps_what_it_has_is_judged_by_content() {
    let refuse = || {
        let text = r#"{"error":{"code":"bad_request","message":"This blob already exists"}}"#;
        Fault::Answer(400, text.to_owned())
    };
    // The first upload arrives, its answer does not, and the next is refused: it was this file.
    let sandbox = Sandbox::new();
    staged_release(&sandbox);
    let behind = Behind::new(true, move |_, upload| match upload {
        1 => Fault::LoseAnswer,
        2 => refuse(),
        _ => Fault::None,
    });
    let run = behind.publish(&sandbox).run().exits(0);
    assert!(said(&run).contains("whose answer was lost"), "{run}");
    assert_eq!(behind.uploads(), 3);

    // The same, and the run is killed in between: the next one knows that it has begun.
    let sandbox = Sandbox::new();
    staged_release(&sandbox);
    let behind = Behind::new(true, move |_, upload| match upload {
        1 => Fault::LoseAnswer,
        2 => Fault::Silence,
        3 => refuse(),
        _ => Fault::None,
    });
    let run = behind.publish(&sandbox).start();
    let limit = Instant::now() + Duration::from_secs(30);
    while behind.uploads() < 2 {
        assert!(Instant::now() < limit, "{:?}", behind.proxy.seen());
        std::thread::sleep(Duration::from_millis(10));
    }
    drop(run);
    let run = behind.publish(&sandbox).run().exits(0);
    assert!(said(&run).contains("whose answer was lost"), "{run}");
    assert_eq!(behind.uploads(), 4);

    // Nobody of this machine has sent it: a conflict, also the second time.
    let sandbox = Sandbox::new();
    staged_release(&sandbox);
    let behind = Behind::new(true, move |_, upload| match upload {
        0 => Fault::None,
        _ => refuse(),
    });
    for _ in 0..2 {
        let run = behind.publish(&sandbox).run().exits(6);
        run.says(&["the storage refuses to replace artifacts/"]);
    }
    let registered = behind.proxy.seen();
    assert!(!registered.iter().any(is_registration));

    // A Hub that lists what it has settles it, with both digests.
    let sandbox = Sandbox::new();
    let staged = staged_release(&sandbox);
    add(&staged, &[("more", b"first".to_vec())]);
    let refusing = Arc::new(AtomicBool::new(false));
    let refuses = refusing.clone();
    let behind = Behind::new(false, move |seen, upload| {
        if is_registration(seen) {
            Fault::Answer(403, r#"{"error":"not today"}"#.to_owned())
        } else if upload > 0 && refuses.load(Ordering::SeqCst) {
            refuse()
        } else {
            Fault::None
        }
    });
    behind.publish(&sandbox).run().exits(6);
    add(&staged, &[("more", b"other".to_vec())]);
    refusing.store(true, Ordering::SeqCst);
    let (first, other) = (Sha256Digest::of(b"first"), Sha256Digest::of(b"other"));
    let run = behind.publish(&sandbox).run().exits(6);
    run.says(&[&format!(
        "published already with other bytes: the Hub has sha256 {first}, this build has {other}"
    )]);
}

#[test]
fn what_is_in_the_journals_place_is_named_before_anything_is_sent() {
    let sandbox = Sandbox::new();
    let staged = staged_release(&sandbox);
    let behind = Behind::registering_nothing(true);
    let journal = staged.join(JOURNAL);
    let victim = sandbox.root().join("victim");
    let refused = |says: &str| {
        let run = behind.publish(&sandbox).run().exits(9);
        run.says(&[&journal.display().to_string(), says]);
        assert_eq!(behind.uploads(), 0);
    };
    fs::create_dir(&journal).unwrap();
    refused("it is a folder");
    fs::remove_dir(&journal).unwrap();
    let long = fs::File::create(&journal).unwrap();
    long.set_len(16 * 1024 * 1024 + 1).unwrap();
    refused("is longer than 16777216 bytes");
    refused("hint: move it away");
    fs::remove_file(&journal).unwrap();
    std::os::unix::fs::symlink(&victim, &journal).unwrap();
    refused("it is a link");
    assert!(!victim.exists());
    fs::write(&victim, "dear to me").unwrap();
    refused("it is a link");
    assert_eq!(fs::read(&victim).unwrap(), b"dear to me");
}

#[test]
fn files_of_a_manifest_have_no_journal() {
    let sandbox = Sandbox::new();
    let folder = sandbox.root().join("files");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("app"), "bytes").unwrap();
    fs::write(folder.join("m"), "app|linux|x64|binary\n").unwrap();
    let before = tree(&folder);
    let hub = TestHub::start();
    let line = "publish --product alpha --version 1.0.0 --manifest files/m";
    hub.publishes(atlas(&sandbox, line))
        .cwd(sandbox.root())
        .run()
        .exits(0);
    assert!(before == tree(&folder));
}

#[test]
fn a_build_of_the_same_bytes_keeps_the_journal_and_one_of_others_does_not() {
    let project = Project::new();
    // A program without its commit inside, as every plain one is.
    project.fixture.write("gamma/build.rs", "fn main() {}\n");
    let line = "println!(\"gamma {}\", option_env!(\"ATLAS_BUILD_VERSION\").unwrap_or(\"-\"));";
    let main = |more: &str| format!("fn main() {{\n    {line}\n{more}}}\n");
    let source = "gamma/src/main.rs";
    project.fixture.write(source, &main(""));
    project.fixture.commit("plain");
    let build = || {
        let line = "build other-v1.0.0 --allow-untagged";
        project.quick(line).run().exits(0);
        fs::read(project.staged("other-1.0.0").join(JOURNAL)).ok()
    };
    assert_eq!(build(), None);
    let journal = project.staged("other-1.0.0").join(JOURNAL);
    fs::write(&journal, "kept\n").unwrap();
    project.fixture.write("notes.md", "nothing that is built");
    project.fixture.commit("notes");
    assert_eq!(build().as_deref(), Some(&b"kept\n"[..]));
    project
        .fixture
        .write(source, &main("    println!(\"more\");\n"));
    project.fixture.commit("more");
    assert_eq!(build(), None);
}
