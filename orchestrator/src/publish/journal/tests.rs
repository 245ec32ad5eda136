use super::file::LIMIT;
use super::*;
use crate::dist::JOURNAL_FILE;
use proptest::prelude::*;
use std::path::Path;

const HUB: &str = "https://hub.example";

fn clock() -> Timestamp {
    Timestamp::UNIX_EPOCH
}

fn version() -> semver::Version {
    semver::Version::new(1, 2, 3)
}

fn file(folder: &Path, name: &str, bytes: &[u8]) -> LocalArtifact {
    LocalArtifact {
        product: "runner".parse().unwrap(),
        platform: "linux-x64".parse().unwrap(),
        kind: release_types::Kind::Binary,
        filename: name.parse().unwrap(),
        key: format!("artifacts/runner/1.2.3/linux/x64/{name}")
            .parse()
            .unwrap(),
        path: folder.join(name),
        size: bytes.len() as u64,
        sha256: Sha256Digest::of(bytes),
        modified: None,
    }
}

fn open_as(hub: &str, folder: &Path, files: &[LocalArtifact]) -> Result<Journal, JournalError> {
    Journal::open(&[folder.to_owned()], hub, &version(), files, clock)
}

fn open(folder: &Path, files: &[LocalArtifact]) -> Journal {
    open_as(HUB, folder, files).unwrap()
}

fn uploaded() -> Claim {
    let provider = "r2".to_owned();
    Claim::Uploaded { provider }
}

#[tokio::test]
async fn what_was_noted_is_known_to_the_next_run() {
    let dir = tempfile::tempdir().unwrap();
    let files = ["a", "b", "c", "d"].map(|name| file(dir.path(), name, name.as_bytes()));
    let [a, b, c, d] = &files;
    let journal = open(dir.path(), &files);
    let path = dir.path().join(JOURNAL_FILE);
    assert!(!path.exists(), "nothing to write, nothing made");
    for file in [a, b, c] {
        journal.sending(file).await.unwrap();
    }
    journal.uploaded(a, "r2").await.unwrap();
    journal.void(c).await.unwrap();
    for done in [false, true] {
        let channel = Channel::Stable;
        journal.registers(&[a, b], channel, done).await.unwrap();
    }
    // A run knows what was noted before it, not what it notes.
    assert_eq!(journal.claim(a), None);

    let next = open(dir.path(), &files);
    assert_eq!(next.claim(a), Some(&uploaded()));
    assert_eq!(next.claim(b), Some(&Claim::Begun));
    assert_eq!([next.claim(c), next.claim(d)], [None, None]);
    assert_eq!(next.foreign(), 0);
    // To begin again takes nothing back.
    next.sending(a).await.unwrap();
    assert_eq!(open(dir.path(), &files).claim(a), Some(&uploaded()));
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let events: Vec<_> = lines.iter().map(|line| &line["event"]).collect();
    let order = ["sending", "sending", "sending", "uploaded", "void"];
    assert_eq!(events[..5], order);
    assert_eq!(events[5..], ["registering", "registered", "sending"]);
    assert_eq!(
        lines[3],
        serde_json::json!({
            "format": 1, "at": "1970-01-01T00:00:00Z", "hub": HUB, "version": "1.2.3",
            "event": "uploaded", "key": a.key.as_str(), "provider": "r2", "size": 1,
            "sha256": a.sha256.to_string(),
        })
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = path.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o644);
    }
}

#[tokio::test]
async fn lines_of_something_else_count_for_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let a = file(dir.path(), "a", b"first");
    let other = open_as("https://other.example", dir.path(), &[]).unwrap();
    other.uploaded(&a, "r2").await.unwrap();
    let other = version();
    let newer = semver::Version::new(other.major, other.minor, 4);
    let folders = [dir.path().to_owned()];
    let newer = Journal::open(&folders, HUB, &newer, &[], clock).unwrap();
    newer.uploaded(&a, "r2").await.unwrap();
    let journal = open(dir.path(), std::slice::from_ref(&a));
    assert_eq!((journal.claim(&a), journal.foreign()), (None, 2));
    journal.uploaded(&a, "r2").await.unwrap();
    // Other bytes of the same name.
    for bytes in [&b"other"[..], b"longer"] {
        let changed = file(dir.path(), "a", bytes);
        let journal = open(dir.path(), std::slice::from_ref(&changed));
        assert_eq!((journal.claim(&changed), journal.foreign()), (None, 3));
    }
    // A later form, and what is no line of a journal at all.
    let path = dir.path().join(JOURNAL_FILE);
    let text = std::fs::read_to_string(&path).unwrap();
    let later = text.replace("\"format\":1", "\"format\":2");
    std::fs::write(&path, format!("{later}\n\n7\n[]\n\0\u{fffd}\n{text}")).unwrap();
    let journal = open(dir.path(), std::slice::from_ref(&a));
    assert_eq!(journal.claim(&a), Some(&uploaded()));
    assert_eq!(journal.foreign(), 3 + 3 + 2);
}

#[tokio::test]
async fn a_torn_last_line_is_none_and_the_next_takes_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(JOURNAL_FILE);
    let files = ["a", "b"].map(|name| file(dir.path(), name, name.as_bytes()));
    let [a, b] = &files;
    open(dir.path(), &files).uploaded(a, "r2").await.unwrap();
    let first = std::fs::read(&path).unwrap();
    open(dir.path(), &files).uploaded(b, "r2").await.unwrap();
    let whole = std::fs::read(&path).unwrap();
    for end in 0..whole.len() {
        std::fs::write(&path, &whole[..end]).unwrap();
        let journal = open(dir.path(), &files);
        let is_there = end >= first.len();
        assert_eq!(journal.claim(a), is_there.then_some(&uploaded()), "{end}");
        assert_eq!((journal.claim(b), journal.foreign()), (None, 0), "{end}");
        // Reading alone changes nothing.
        assert_eq!(std::fs::read(&path).unwrap(), whole[..end]);
        journal.uploaded(b, "r2").await.unwrap();
        let kept = if is_there { &first[..] } else { &[] };
        let expected = [kept, &whole[first.len()..]].concat();
        assert_eq!(std::fs::read(&path).unwrap(), expected, "{end}");
    }
}

#[tokio::test]
async fn what_is_in_the_way_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(JOURNAL_FILE);
    let refused = |words: &str| {
        let error = open_as(HUB, dir.path(), &[]).unwrap_err();
        let text = crate::error::with_causes(&error);
        assert!(text.contains(JOURNAL_FILE), "{text}");
        assert!(text.contains(words), "{text}");
    };
    std::fs::create_dir(&path).unwrap();
    refused("it is a folder");
    std::fs::remove_dir(&path).unwrap();
    std::fs::File::create(&path)
        .unwrap()
        .set_len(LIMIT + 1)
        .unwrap();
    refused("is longer than");
    std::fs::remove_file(&path).unwrap();
    #[cfg(unix)]
    {
        let victim = dir.path().join("victim");
        std::os::unix::fs::symlink(&victim, &path).unwrap();
        refused("it is a link");
        std::fs::write(&victim, "dear to me").unwrap();
        refused("it is a link");
        assert_eq!(std::fs::read(&victim).unwrap(), b"dear to me");
        std::fs::remove_file(&path).unwrap();
    }
    // It is made once; what has come in its place meanwhile is somebody else's.
    let a = file(dir.path(), "a", b"a");
    let journal = open(dir.path(), &[]);
    std::fs::write(&path, "").unwrap();
    let error = journal.sending(&a).await.unwrap_err();
    assert!(matches!(error, JournalError::Write { .. }), "{error}");
}

#[tokio::test]
async fn a_file_of_no_folder_is_noted_nowhere() {
    let dir = tempfile::tempdir().unwrap();
    let a = file(dir.path(), "a", b"a");
    let folders = [dir.path().to_owned()];
    let journal = Journal::open(&[], HUB, &version(), std::slice::from_ref(&a), clock).unwrap();
    journal.uploaded(&a, "r2").await.unwrap();
    let elsewhere = dir.path().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    let journal = Journal::open(&folders, HUB, &version(), &[], clock).unwrap();
    let b = file(&elsewhere, "b", b"b");
    journal.uploaded(&b, "r2").await.unwrap();
    let names = std::fs::read_dir(dir.path()).unwrap();
    assert_eq!(names.count(), 1, "the folder alone");
}

/// One that has come to the end of what is read loses the lines that say nothing to this release.
#[tokio::test]
async fn room_is_made_and_what_counts_stays() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(JOURNAL_FILE);
    let files = ["a", "b", "c", "d"].map(|name| file(dir.path(), name, name.as_bytes()));
    let [a, b, c, d] = &files;
    let journal = open(dir.path(), &files);
    journal.uploaded(a, "r2").await.unwrap();
    journal.sending(b).await.unwrap();
    journal.uploaded(c, "r2").await.unwrap();
    journal.void(c).await.unwrap();
    let own = std::fs::read_to_string(&path).unwrap();
    // No byte more than is read, so that the next line is one too many.
    let other = own
        .lines()
        .next()
        .unwrap()
        .replace(HUB, "https://other.example");
    let mut text = own.clone();
    while text.len() + other.len() + 1 < LIMIT as usize {
        text += &other;
        text.push('\n');
    }
    text += &"x".repeat(LIMIT as usize - text.len() - 1);
    text.push('\n');
    std::fs::write(&path, &text).unwrap();
    let journal = open(dir.path(), &files);
    assert_eq!(std::fs::metadata(&path).unwrap().len(), LIMIT);
    journal.uploaded(d, "r2").await.unwrap();
    let length = || std::fs::metadata(&path).unwrap().len();
    assert!(length() < 2 * own.len() as u64, "{}", length());
    journal.uploaded(b, "r2").await.unwrap();
    let next = open(dir.path(), &files);
    let claims = [a, b, c, d].map(|file| next.claim(file).cloned());
    assert_eq!(
        claims,
        [Some(uploaded()), Some(uploaded()), None, Some(uploaded())]
    );
    assert_eq!(next.foreign(), 0);
}

proptest! {
    /// Whatever stands there: it is read, nothing is claimed of it, and a line after it counts.
    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(JOURNAL_FILE);
        std::fs::write(&path, &bytes).unwrap();
        let a = file(dir.path(), "a", b"a");
        let journal = open(dir.path(), std::slice::from_ref(&a));
        prop_assert_eq!(journal.claim(&a), None);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(journal.uploaded(&a, "r2")).unwrap();
        let next = open(dir.path(), std::slice::from_ref(&a));
        prop_assert_eq!(next.claim(&a), Some(&uploaded()));
    }
}
