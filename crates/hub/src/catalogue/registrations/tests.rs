//! Registrations that come at the same moment.

use super::*;
use crate::catalogue::{StoredObject, statements};
use crate::context::{RequestContext, within};
use release_types::{Artifact, Channel, Kind, Sha256Digest};
use std::time::Duration;
use tempfile::NamedTempFile;
use tokio::task::JoinHandle;

const STORED: [&str; 3] = ["atlas", "atlas.sig", "bad"];
const VERSIONS: u64 = 20;

fn now() -> Timestamp {
    "2026-01-02T03:04:05.678Z".parse().unwrap()
}

fn artifact(version: &str, filename: &str) -> Artifact {
    Artifact {
        key: format!("artifacts/cli/{version}/linux/x64/{filename}")
            .parse()
            .unwrap(),
        provider: String::new(),
        filename: filename.parse().unwrap(),
        size: 1,
        sha256: Sha256Digest::of(b"x"),
        kind: Kind::Binary,
    }
}

fn publication(version: &str, files: &[&str]) -> Publication {
    Publication {
        product: "cli".parse().unwrap(),
        version: version.parse().unwrap(),
        channel: Channel::Stable,
        platform: "linux-x64".parse().unwrap(),
        artifacts: files.iter().map(|file| artifact(version, file)).collect(),
        notes: None,
        published_at: None,
    }
}

/// A catalogue that has the files of versions 1.0.0 and on, and no release.
async fn opened() -> (NamedTempFile, Catalogue) {
    let file = NamedTempFile::new().unwrap();
    let catalogue = Catalogue::open(file.path(), now()).await.unwrap();
    let object = StoredObject {
        sha256: Sha256Digest::of(b"x"),
        size: 1,
        content_type: "a/b".to_owned(),
        place: None,
    };
    let mut tx = catalogue.write().await.unwrap();
    for version in 0..VERSIONS {
        for name in STORED {
            let key = artifact(&format!("1.{version}.0"), name).key;
            let put = Catalogue::put_object(&mut tx, &key, &object, now());
            put.await.unwrap();
        }
    }
    tx.commit().await.unwrap();
    (file, catalogue)
}

/// Registers for a request of this name.
async fn register(catalogue: Catalogue, publication: Publication, as_draft: bool) -> Outcome {
    let name = format!("of {} {}", publication.version, publication.artifacts.len());
    let request = Arc::new(RequestContext::new(name, None));
    within(request, catalogue.register(publication, as_draft, now())).await
}

/// Has all of them wait for the right to write, which somebody else has, and gives it back.
async fn at_once(
    catalogue: &Catalogue,
    all: Vec<(Publication, bool)>,
) -> (Tx, Vec<JoinHandle<Outcome>>) {
    let held = catalogue.write().await.unwrap();
    let mut tasks = Vec::new();
    for (publication, as_draft) in all {
        let registering = register(catalogue.clone(), publication, as_draft);
        tasks.push(tokio::spawn(registering));
        // Each comes before the next.
        while catalogue.line.lock().waiting.len() < tasks.len() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    (held, tasks)
}

/// An answer without the download ids, which are drawn.
fn told(outcome: Outcome) -> String {
    match outcome {
        Ok(Registered::Done(mut release)) => {
            for asset in &mut release.assets {
                assert!(!asset.download_id.is_empty());
                asset.download_id.clear();
            }
            format!("{release:?}")
        }
        Ok(conflict) => format!("{conflict:?}"),
        Err(error) => error_chain(&error),
    }
}

/// What the catalogue has, without what is drawn.
async fn content(catalogue: &Catalogue) -> Vec<Vec<String>> {
    let mut content = Vec::new();
    for statement in [
        "SELECT version || channel || COALESCE(notes, '') || published_at || created_at \
         FROM releases ORDER BY version",
        "SELECT object_key || filename || kind || sha256 FROM assets ORDER BY object_key",
        "SELECT version_key || os || arch || what || created_at FROM offers \
         ORDER BY version_key, what",
        "SELECT version || created_at FROM drafts ORDER BY version",
        "SELECT object_key FROM draft_assets ORDER BY object_key",
        "SELECT action || object || actor_kind || COALESCE(request_id, '-') FROM audit ORDER BY id",
    ] {
        let rows = super::super::database::query_scalar(statement);
        content.push(rows.fetch_all(&catalogue.readers).await.unwrap());
    }
    content
}

#[tokio::test]
async fn many_are_one_commit_and_end_as_one_after_the_other() {
    let mut all = Vec::new();
    for version in 0..12 {
        all.push((publication(&format!("1.{version}.0"), &["atlas"]), false));
    }
    // Of one release, each after the other; no such files; files that cannot stand together, which
    // shows when half of it is written; a text that cannot be stored; a draft, and what is newer.
    for files in [&STORED[..2], &STORED[..1], &STORED[1..2]] {
        all.push((publication("1.0.0", files), false));
    }
    all.push((publication("2.0.0", &["atlas"]), false));
    all.push((publication("1.12.0", &["atlas", "bad", "atlas"]), false));
    let mut unfit = publication("1.13.0", &["atlas"]);
    unfit.notes = Some("\0".to_owned());
    all.push((unfit, false));
    all.push((publication("1.14.0", &["atlas"]), true));
    all.push((publication("1.15.0", &["atlas"]), true));
    all.push((publication("1.15.0", &["atlas.sig"]), false));

    let (_file, one_by_one) = opened().await;
    let mut expected = Vec::new();
    for (publication, as_draft) in all.clone() {
        expected.push(told(
            register(one_by_one.clone(), publication, as_draft).await,
        ));
    }
    assert!(expected[15].contains("nothing has been uploaded"));
    assert!(expected[16].contains("UNIQUE constraint failed"));
    assert!(expected[17].contains("NUL"));

    let (_file, catalogue) = opened().await;
    let (held, tasks) = at_once(&catalogue, all).await;
    held.rollback().await.unwrap();
    let before = catalogue.writes.ended();
    for (task, expected) in tasks.into_iter().zip(expected) {
        assert_eq!(told(task.await.unwrap()), expected);
    }
    assert_eq!(catalogue.writes.ended() - before, 1);
    assert_eq!(content(&catalogue).await, content(&one_by_one).await);
    catalogue.close().await;
    one_by_one.close().await;
}

#[tokio::test]
async fn nothing_is_seen_or_answered_before_the_commit() {
    let (_file, catalogue) = opened().await;
    let all = vec![(publication("1.0.0", &["atlas"]), false); 3];
    let (mut held, tasks) = at_once(&catalogue, all).await;
    let batch: Vec<Waiting> = catalogue.line.lock().waiting.drain(..).collect();
    for waiting in &batch {
        waiting.registration.put(&mut held).await.unwrap();
    }
    assert!(content(&catalogue).await.iter().all(Vec::is_empty));
    held.rollback().await.unwrap();
    // Nobody serves them any more.
    drop(batch);
    for task in tasks {
        assert!(matches!(task.await.unwrap(), Ok(Registered::Done(_))));
    }
    assert_eq!(content(&catalogue).await[0].len(), 1);
    catalogue.close().await;
}

#[tokio::test]
async fn whoever_leaves_stops_nobody_else() {
    for pause in 0..20 {
        let (_file, catalogue) = opened().await;
        let all = (0..8).map(|n| (publication(&format!("1.{n}.0"), &["atlas"]), false));
        let (held, mut tasks) = at_once(&catalogue, all.collect()).await;
        let (first, last) = (tasks.remove(0), tasks.pop().unwrap());
        last.abort();
        assert!(last.await.unwrap_err().is_cancelled());
        held.rollback().await.unwrap();
        tokio::time::sleep(Duration::from_micros(200 * pause)).await;
        first.abort();
        for task in tasks {
            assert!(matches!(task.await.unwrap(), Ok(Registered::Done(_))));
        }
        let content = content(&catalogue).await;
        // The first may have been done before it left; who left before their turn was not.
        assert!([6, 7].contains(&content[0].len()), "{content:?}");
        assert_eq!(content[0].len(), content[1].len());
        assert_eq!(content[0].len(), content[5].len());
        catalogue.close().await;
    }
}

#[tokio::test]
async fn when_their_transaction_fails_each_goes_by_itself() {
    let (_file, catalogue) = opened().await;
    let trigger = "CREATE TRIGGER bad BEFORE INSERT ON assets WHEN NEW.filename = 'bad' \
                   BEGIN SELECT RAISE(ROLLBACK, 'all of it is gone'); END";
    query(trigger).execute(&catalogue.writer).await.unwrap();
    let files = |n| STORED[if n == 3 { 2 } else { 0 }];
    let all = (0..8).map(|n| (publication(&format!("1.{n}.0"), &[files(n)]), false));
    let (held, tasks) = at_once(&catalogue, all.collect()).await;
    held.rollback().await.unwrap();
    for (n, task) in tasks.into_iter().enumerate() {
        let told = told(task.await.unwrap());
        assert_eq!(told.contains("all of it is gone"), n == 3, "{told}");
        assert_eq!(told.starts_with("Release"), n != 3, "{told}");
    }
    let content = content(&catalogue).await;
    assert_eq!([content[0].len(), content[5].len()], [7, 7]);
    catalogue.close().await;
}

/// Though it is made without reading it back. Nothing is removed that is not there.
#[tokio::test]
async fn an_answer_is_what_is_read() {
    statements::watch();
    let (_file, catalogue) = opened().await;
    let first = publication("1.0.0", &STORED[..1]);
    let more = publication("1.0.0", &STORED[..2]);
    let mut dated = more.clone();
    dated.published_at = Some("2020-01-01T00:00:00.000000007Z".parse().unwrap());
    let mut elsewhere = first.clone();
    elsewhere.platform = "windows-arm64".parse().unwrap();
    // Each with how many statements remove something: assets and offers, or a draft and its files.
    for (publication, as_draft, removed) in [
        (&first, false, 0),
        (&first, false, 2),
        (&more, false, 2),
        (&elsewhere, true, 0),
        (&elsewhere, false, 2),
        (&dated, false, 2),
        (&elsewhere, false, 2),
        (&more, true, 0),
        (&first, false, 4),
    ] {
        let before = statements::count("DELETE FROM");
        let registered = catalogue.register(publication.clone(), as_draft, now());
        let Ok(Registered::Done(release)) = registered.await else {
            panic!("{publication:?}");
        };
        assert_eq!(statements::count("DELETE FROM") - before, removed);
        if !as_draft {
            let of = publication.target();
            let read = catalogue.release(&of.product, &of.version, of.channel, of.platform);
            assert_eq!(read.await.unwrap(), Some(release));
        }
    }
    catalogue.close().await;
}

fn waiting(files: usize) -> (Waiting, oneshot::Receiver<Outcome>) {
    let (outcome, told) = oneshot::channel();
    let mut publication = publication("1.0.0", &[]);
    publication.artifacts = vec![artifact("1.0.0", "atlas"); files];
    let waiting = Waiting {
        registration: Arc::new(Registration {
            publication,
            as_draft: false,
            now: now(),
        }),
        doing: Doing::current(),
        outcome,
    };
    (waiting, told)
}

#[tokio::test]
async fn a_line_is_served_by_one_and_never_by_nobody() {
    let line: Arc<Line> = Arc::default();
    let (first, told) = waiting(1);
    let serving = line.join(first).unwrap();
    let (second, told_too) = waiting(1);
    assert!(line.join(second).is_none());
    // Its task is gone.
    drop(serving);
    assert!(told.await.is_err() && told_too.await.is_err());

    let (third, _told) = waiting(1);
    let mut serving = line.join(third).unwrap();
    assert!(serving.goes_on());
    assert_eq!(serving.next().len(), 1);
    assert!(!serving.goes_on());
    let (fourth, mut told) = waiting(1);
    let next = line.join(fourth).unwrap();
    drop(serving);
    assert!(told.try_recv().is_err() && next.next().len() == 1);
}

#[test]
fn there_is_an_end_to_how_many_go_together() {
    let line: Arc<Line> = Arc::default();
    let mut told = Vec::new();
    let files = [MOST_FILES + 1, MOST_FILES - 1, 1, 1].into_iter();
    for files in files.chain(std::iter::repeat_n(1, MOST)) {
        let (waiting, receiver) = waiting(files);
        told.push(receiver);
        line.lock().waiting.push_back(waiting);
    }
    let serving = Serving {
        line,
        is_done: true,
    };
    let sizes = [(); 5].map(|()| serving.next().len());
    assert_eq!(sizes, [1, 2, MOST, 1, 0]);
}
