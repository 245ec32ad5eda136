//! TLS by the Hub itself, with certificates made here.

use crate::binary::{PROGRAM, Serving, command, initialized, publish_with, run, serve_args, text};
use crate::support::error;
use reqwest::{Certificate, Client};
use std::path::Path;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Writes a new certificate for this machine and its key.
fn certify(dir: &Path) -> Certificate {
    let names = vec!["127.0.0.1".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    // Key first: in between they do not fit, and what is in use has to stay.
    std::fs::write(dir.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    std::fs::write(dir.join("cert.pem"), made.cert.pem()).unwrap();
    Certificate::from_pem(made.cert.pem().as_bytes()).unwrap()
}

fn trusting(certificate: &Certificate) -> Client {
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
    Client::builder()
        .no_proxy()
        .tls_certs_only([certificate.clone()])
        .build()
        .unwrap()
}

async fn answers(base: &str, certificate: &Certificate) -> bool {
    let asked = trusting(certificate).get(format!("{base}/healthz")).send();
    asked.await.is_ok_and(|answer| answer.status() == 200)
}

async fn until(mut test: impl AsyncFnMut() -> bool) {
    for _ in 0..200 {
        if test().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("it did not happen in time");
}

fn tls_args<'a>(dir: &'a Path, cert: &'a str, key: &'a str) -> Vec<&'a str> {
    let tls = ["--tls-cert", cert, "--tls-key", key];
    [&serve_args(dir)[..], &tls].concat()
}

#[tokio::test]
async fn it_serves_by_tls_alone_and_takes_new_certificates() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("hub");
    let admin = initialized(&dir);
    let first = certify(temp.path());
    let [cert, key] = ["cert.pem", "key.pem"].map(|file| temp.path().join(file));
    let args = tls_args(&dir, cert.to_str().unwrap(), key.to_str().unwrap());
    let serving = Serving::start(command(PROGRAM, &args));
    let base = serving.base.clone();
    assert!(base.starts_with("https://127.0.0.1:"), "{base}");
    let (_, url) = publish_with(&trusting(&first), &base, &admin).await;
    assert!(url.starts_with(&base), "{url}");

    // Who speaks no TLS is told so, and no credential is asked for.
    let plain = base.replace("https:", "http:");
    let answer = crate::support::client().get(&plain).send().await.unwrap();
    assert!(error(answer, 400).await.contains("https"));

    // Asked for.
    let second = certify(temp.path());
    let id = serving.child.id().to_string();
    assert!(command("kill", &["-HUP", &id]).status().unwrap().success());
    until(async || answers(&base, &second).await).await;
    assert!(!answers(&base, &first).await);

    // What cannot be used changes nothing.
    std::fs::write(&cert, "nonsense").unwrap();
    assert!(command("kill", &["-HUP", &id]).status().unwrap().success());
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(answers(&base, &second).await);

    // Noticed.
    let third = certify(temp.path());
    until(async || answers(&base, &third).await).await;
    let (code, log) = serving.stop("-TERM");
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("the certificate in use stays"), "{log}");
    assert!(!log.contains("PRIVATE KEY"), "{log}");
}

#[tokio::test]
async fn a_handshake_that_does_not_come_is_given_up() {
    let temp = tempfile::tempdir().unwrap();
    certify(temp.path());
    let mut config = crate::database::config(temp.path().join("hub"));
    config.head_timeout = Duration::from_millis(300);
    config.tls = Some(hub::TlsFiles::new(
        temp.path().join("cert.pem"),
        temp.path().join("key.pem"),
    ));
    let hub = hub::Hub::open(config).await.unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(hub.serve(listener, async {
        stopped.await.ok();
    }));
    for sent in [&b""[..], &[0x16], &[0x16, 3, 1, 2, 0, 1, 0, 0]] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(sent).await.unwrap();
        let mut answer = Vec::new();
        let read = stream.read_to_end(&mut answer);
        let read = tokio::time::timeout(Duration::from_secs(5), read).await;
        // A reset is an end too.
        read.expect("the connection stays open").ok();
    }
    stop.send(()).unwrap();
    serving.await.unwrap().unwrap();
}

#[test]
fn certificate_and_key_have_to_fit() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("hub");
    initialized(&dir);
    certify(temp.path());
    let [cert, key] = ["cert.pem", "key.pem"].map(|file| temp.path().join(file));
    let other = temp.path().join("other");
    std::fs::create_dir(&other).unwrap();
    certify(&other);
    let (cert, key) = (cert.to_str().unwrap(), key.to_str().unwrap());
    let other = other.join("key.pem");
    let missing = temp.path().join("missing.pem");
    for (cert, key) in [
        (cert, other.to_str().unwrap()),
        (missing.to_str().unwrap(), key),
        (key, key),
        (cert, cert),
    ] {
        let done = run(&tls_args(&dir, cert, key));
        assert_eq!(done.status.code(), Some(2), "{}", text(&done.stderr));
        assert!(
            text(&done.stderr).contains("--tls-cert"),
            "{}",
            text(&done.stderr)
        );
    }
    let half = [&serve_args(&dir)[..], &["--tls-cert", cert]].concat();
    assert_eq!(run(&half).status.code(), Some(2));
}
