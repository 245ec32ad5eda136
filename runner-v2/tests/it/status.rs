//! `atlas-runner status`.

use crate::sandbox::{Sandbox, VERSION};
use serde_json::Value;
use std::fs;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixListener;

fn listener(sandbox: &Sandbox) -> UnixListener {
    fs::create_dir(sandbox.socket().parent().unwrap()).unwrap();
    UnixListener::bind(sandbox.socket()).unwrap()
}

#[tokio::test]
async fn the_same_version() {
    let sandbox = Sandbox::new();
    let daemon = sandbox.daemon(VERSION).await;

    let human = sandbox.run(&["status"]).await;
    assert_eq!((human.code, human.stderr.as_str()), (Some(0), ""));
    let me = std::process::id();
    assert_eq!(
        human.stdout,
        format!(
            "atlas-runner {VERSION}\natlas-runnerd {VERSION} (process {me}, running for 0 s)\n"
        )
    );

    let json = sandbox.run(&["status", "--format", "json"]).await;
    assert_eq!((json.code, json.stderr.as_str()), (Some(0), ""));
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(json["runner"]["name"], "atlas-runner");
    assert_eq!(json["runner"]["version"], VERSION);
    assert_eq!(json["daemon"]["version"], VERSION);
    assert_eq!(json["daemon"]["pid"], me);
    assert_eq!(json["same_version"], true);
    daemon.stop().await;
}

#[tokio::test]
async fn another_version_is_no_failure_and_is_said() {
    let sandbox = Sandbox::new();
    for (version, advice) in [
        (
            "0.0.1-old",
            "the daemon still runs the older 0.0.1-old: restart it",
        ),
        ("9999.0.0", "install 9999.0.0 of this program too"),
    ] {
        let daemon = sandbox.daemon(version).await;
        let human = sandbox.run(&["status"]).await;
        assert_eq!((human.code, human.stderr.as_str()), (Some(0), ""));
        assert_eq!(human.stdout.lines().count(), 3);
        assert!(human.stdout.contains(advice), "{}", human.stdout);

        let json = sandbox.run(&["status", "--format=json"]).await;
        assert_eq!(json.code, Some(0));
        assert!(json.stderr.starts_with("warning: "), "{}", json.stderr);
        assert!(json.stderr.contains(advice), "{}", json.stderr);
        let json: Value = serde_json::from_str(&json.stdout).unwrap();
        assert_eq!(json["daemon"]["version"], version);
        assert_eq!(json["same_version"], false);
        daemon.stop().await;
    }
}

#[tokio::test]
async fn no_daemon() {
    let sandbox = Sandbox::new();
    let socket = sandbox.socket();
    let explained = format!(
        "error: no daemon is listening on {}\nhint: start it with `atlas-runnerd run`",
        socket.display()
    );
    let human = sandbox.run(&["status"]).await;
    assert_eq!(human.code, Some(7));
    assert_eq!(human.stdout, format!("atlas-runner {VERSION}\n"));
    assert!(human.stderr.starts_with(&explained), "{}", human.stderr);

    // One that has stopped, and one that has died.
    sandbox.daemon(VERSION).await.stop().await;
    assert!(!socket.exists());
    drop(UnixListener::bind(&socket).unwrap());
    let json = sandbox.run(&["status", "--format", "json"]).await;
    assert_eq!(json.code, Some(7));
    assert!(json.stderr.starts_with(&explained), "{}", json.stderr);
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(json["runner"]["version"], VERSION);
    assert_eq!(
        (&json["daemon"], &json["same_version"]),
        (&Value::Null, &Value::Bool(false))
    );
}

#[tokio::test]
async fn a_flag_says_where_it_listens() {
    let (here, there) = (Sandbox::new(), Sandbox::new());
    let daemon = there.daemon(VERSION).await;
    let socket = there.socket();
    let said = here
        .run(&["status", "--socket", socket.to_str().unwrap()])
        .await;
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    daemon.stop().await;
}

#[tokio::test]
async fn a_silent_listener_is_not_waited_for_long() {
    let sandbox = Sandbox::new();
    let _listener = listener(&sandbox);
    let begun = Instant::now();
    let said = sandbox.run(&["status"]).await;
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert_eq!(said.code, Some(7));
    assert_eq!(said.stdout, format!("atlas-runner {VERSION}\n"));
    assert!(
        said.stderr.contains("no complete answer from"),
        "{}",
        said.stderr
    );
}

#[tokio::test]
async fn garbage_is_not_taken_for_a_daemon() {
    let sandbox = Sandbox::new();
    let listener = listener(&sandbox);
    let serve = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 1024];
        assert!(stream.read(&mut request).await.unwrap() > 0);
        stream.write_all(b"220 mail ready\r\n").await.unwrap();
    };
    let (said, ()) = tokio::join!(sandbox.run(&["status"]), serve);
    assert_eq!(said.code, Some(7));
    assert!(
        said.stderr.contains("did not answer like a daemon"),
        "{}",
        said.stderr
    );
}
