//! The real daemon as a process of its own, on real sockets.

use crate::sandbox::{self, Sandbox, eventually};
use atlas_runnerd::endpoint::BindError;
use atlas_runnerd::{Daemon, RunnerdError, Settings};
use process::Env;
use release_types::Os;
use runner_ipc::{Client, Host};
use rustix::process::Signal;
use std::fs::{self, Permissions};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

/// The answer to these bytes, until the connection is closed.
async fn talk(socket: &Path, request: &str) -> String {
    let mut stream = UnixStream::connect(socket).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn it_serves_its_owner_and_leaves_nothing_behind() {
    let sandbox = Sandbox::new();
    // As open as a file mode mask can be.
    let daemon = sandbox.start_with_umask("000").await;
    let socket = sandbox.socket();
    assert_eq!(
        daemon.ready_line,
        format!("listening on {}", socket.display())
    );
    assert!(fs::metadata(&socket).unwrap().file_type().is_socket());
    assert_eq!(mode(&socket), 0o600);
    assert_eq!(mode(socket.parent().unwrap()), 0o700);
    assert_eq!(sandbox.files(), ["runnerd.sock"]);

    let status = Client::new(sandbox.endpoint()).status().await.unwrap();
    assert_eq!(status.version.to_string(), env!("BUILD_VERSION_VERSION"));
    assert_eq!(status.target, env!("BUILD_VERSION_TARGET"));
    assert_eq!((status.pid, status.api), (daemon.pid(), 1));

    let ended = daemon.signal(Signal::TERM).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(sandbox.files().is_empty());
}

#[tokio::test]
async fn what_it_does_not_have_is_refused_in_json() {
    let sandbox = Sandbox::new();
    let daemon = sandbox.start().await;
    for (request, status, body) in [
        (
            "GET /v2/x?y=1",
            "404 Not Found",
            r#"{"error":"there is no /v2/x"}"#,
        ),
        (
            "POST /v1/status",
            "405 Method Not Allowed",
            r#"{"error":"/v1/status does not take POST"}"#,
        ),
    ] {
        let request = format!("{request} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        let answer = talk(&sandbox.socket(), &request).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}\r\n")),
            "{answer}"
        );
        assert!(
            answer.contains("content-type: application/json"),
            "{answer}"
        );
        assert!(answer.ends_with(body), "{answer}");
    }
    assert_eq!(daemon.signal(Signal::INT).await.code, Some(0));
}

#[tokio::test]
async fn a_dead_daemons_socket_is_replaced() {
    let sandbox = Sandbox::new();
    let first = sandbox.start().await;
    first.signal(Signal::KILL).await;
    assert!(sandbox.socket().exists());
    // And one that was killed while it was binding.
    let staging = sandbox.socket().with_file_name(".new");
    fs::create_dir(&staging).unwrap();
    drop(UnixListener::bind(staging.join("s")).unwrap());

    let second = sandbox.start().await;
    let status = Client::new(sandbox.endpoint()).status().await.unwrap();
    assert_eq!(status.pid, second.pid());
    assert_eq!(second.signal(Signal::TERM).await.code, Some(0));
    assert!(sandbox.files().is_empty());
}

#[tokio::test]
async fn a_second_daemon_is_refused_and_told_who_is_there() {
    let sandbox = Sandbox::new();
    let first = sandbox.start().await;
    let refused = sandbox.fails(&["run"]).await;
    assert_eq!(refused.code, Some(9));
    let expected = format!(
        "error: another daemon (process {}) is already listening on {}\nhint: ",
        first.pid(),
        sandbox.socket().display()
    );
    assert!(refused.stderr.starts_with(&expected), "{}", refused.stderr);

    // The first one has not noticed.
    let status = Client::new(sandbox.endpoint()).status().await.unwrap();
    assert_eq!(status.pid, first.pid());
    assert_eq!(first.signal(Signal::TERM).await.code, Some(0));
}

#[tokio::test]
async fn of_many_that_start_at_once_one_runs() {
    let sandbox = Sandbox::new();
    let mut started: Vec<_> = (0..6).map(|_| sandbox.spawn(&["run"])).collect();
    let endpoint = sandbox.endpoint();
    eventually(async || Client::new(endpoint.clone()).status().await.is_ok()).await;
    eventually(async || started.iter_mut().filter_map(sandbox::exited).count() == 5).await;
    let codes: Vec<_> = started.iter_mut().filter_map(sandbox::exited).collect();
    assert_eq!(codes, [9; 5]);
    let status = Client::new(endpoint).status().await.unwrap();
    assert!(started.iter().any(|child| child.id() == Some(status.pid)));
}

#[tokio::test]
async fn another_daemons_socket_is_not_removed() {
    let sandbox = Sandbox::new();
    let daemon = sandbox.start().await;
    fs::remove_file(sandbox.socket()).unwrap();
    let _other = UnixListener::bind(sandbox.socket()).unwrap();
    assert_eq!(daemon.signal(Signal::TERM).await.code, Some(0));
    assert!(sandbox.socket().exists());
}

#[tokio::test]
async fn a_client_that_never_finishes_does_not_keep_it_alive() {
    let sandbox = Sandbox::new();
    let daemon = sandbox.start().await;
    let mut idle = UnixStream::connect(sandbox.socket()).await.unwrap();
    idle.write_all(b"GET /v1/status HTTP/1.1\r\n")
        .await
        .unwrap();
    // It has been accepted when a later one is answered.
    Client::new(sandbox.endpoint()).status().await.unwrap();
    let ended = daemon.signal(Signal::TERM).await;
    assert_eq!(ended.code, Some(0));
    assert!(ended.took < Duration::from_secs(6), "{:?}", ended.took);
    assert!(sandbox.files().is_empty());
}

#[tokio::test]
async fn a_folder_that_others_can_change_is_refused() {
    let sandbox = Sandbox::new();
    let dir = sandbox.socket().parent().unwrap().to_owned();
    fs::create_dir(&dir).unwrap();
    for open in [0o720, 0o702, 0o777, 0o1777] {
        fs::set_permissions(&dir, Permissions::from_mode(open)).unwrap();
        let refused = sandbox.fails(&[]).await;
        assert_eq!(refused.code, Some(9));
        assert!(
            refused
                .stderr
                .contains("other users may write to the folder"),
            "{}",
            refused.stderr
        );
        // A folder that is shared on purpose must not be closed to the others.
        let hint = if open & 0o1000 == 0 {
            "hint: run `chmod go-w"
        } else {
            "hint: name a socket in a folder of your own with --socket"
        };
        assert!(refused.stderr.contains(hint), "{}", refused.stderr);
        assert!(open & 0o1000 == 0 || !refused.stderr.contains("chmod"));
    }
    assert!(sandbox.files().is_empty());
}

#[tokio::test]
async fn a_named_folder_that_others_can_look_into_stays_as_it_is() {
    let sandbox = Sandbox::new();
    let dir = sandbox.socket().parent().unwrap().to_owned();
    fs::create_dir(&dir).unwrap();
    for open in [0o755, 0o750, 0o701] {
        fs::set_permissions(&dir, Permissions::from_mode(open)).unwrap();
        let daemon = sandbox.start().await;
        assert_eq!((mode(&dir), mode(&sandbox.socket())), (open, 0o600));
        let ended = daemon.signal(Signal::TERM).await;
        assert_eq!(ended.code, Some(0));
        let said = format!("mode={open:04o}");
        assert!(ended.stderr.contains(&said), "{}", ended.stderr);
    }
    fs::set_permissions(&dir, Permissions::from_mode(0o700)).unwrap();
    let ended = sandbox.start().await.signal(Signal::TERM).await;
    assert!(!ended.stderr.contains("mode="), "{}", ended.stderr);
}

/// In this process, because root's real default is not to be touched.
#[tokio::test]
async fn the_default_folder_is_closed_to_others() {
    let runtime = tempfile::tempdir().unwrap();
    let env: Env = [("XDG_RUNTIME_DIR", runtime.path())].into_iter().collect();
    let host = Host {
        os: Os::Linux,
        is_root: false,
    };
    let settings = Settings::resolve(None, host, &env).unwrap();
    let dir = settings.endpoint.path().parent().unwrap().to_owned();
    fs::create_dir(&dir).unwrap();
    let build = build_version::build_info!("atlas-runnerd");
    for open in [0o755, 0o711] {
        fs::set_permissions(&dir, Permissions::from_mode(open)).unwrap();
        let daemon = Daemon::bind(settings.clone(), build).await.unwrap();
        assert_eq!(mode(&dir), 0o700);
        daemon.run(async {}).await.unwrap();
    }
    // Whoever could write may have put something there.
    fs::set_permissions(&dir, Permissions::from_mode(0o775)).unwrap();
    let refused = Daemon::bind(settings, build).await.unwrap_err();
    assert!(
        matches!(
            &refused,
            RunnerdError::Bind(BindError::OpenFolder { mode: 0o775, .. })
        ),
        "{refused:?}"
    );
}

#[tokio::test]
async fn another_users_folder_is_refused() {
    let sandbox = Sandbox::new();
    // Root's, or for root one that it gives away.
    let socket = if sandbox::is_root() {
        let dir = sandbox.socket().parent().unwrap().to_owned();
        fs::create_dir(&dir).unwrap();
        std::os::unix::fs::chown(&dir, Some(65534), None).unwrap();
        sandbox.socket()
    } else {
        "/usr/runnerd.sock".into()
    };
    let refused = sandbox.fails(&["--socket", socket.to_str().unwrap()]).await;
    assert_eq!(refused.code, Some(9));
    assert!(
        refused.stderr.contains("belongs to user"),
        "{}",
        refused.stderr
    );
}

#[tokio::test]
async fn what_is_no_socket_is_left_alone() {
    let sandbox = Sandbox::new();
    let dir = sandbox.socket().parent().unwrap().to_owned();
    fs::create_dir(&dir).unwrap();
    fs::write(sandbox.socket(), "precious").unwrap();
    let refused = sandbox.fails(&[]).await;
    assert_eq!(refused.code, Some(9));
    assert!(
        refused.stderr.contains("exists and is no socket"),
        "{}",
        refused.stderr
    );
    assert_eq!(fs::read(sandbox.socket()).unwrap(), b"precious");
}
