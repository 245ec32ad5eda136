//! Whatever is wrong with a cache, the build goes on: the slow half of the table of faults, and shared caches
//! that work. The quick half stands among the other tests of builds.

use crate::cached::*;
use crate::support::*;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// A server for a test, killed at its end.
struct Server(Child);

impl Server {
    #[expect(
        clippy::disallowed_methods,
        reason = "a server is to be killed with its test"
    )]
    fn start(program: &str, args: &[&str], port: u16) -> Self {
        let child = std::process::Command::new(program)
            .args(args)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{program}: {error}; ci/deps --full installs it"));
        let server = Self(child);
        let limit = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < limit, "{program} does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        server
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// A build in a configuration of sccache's that cannot work: right, with one warning, in time.
fn does_without(variables: &[(&str, &str)], warning: &str) {
    let cached = Cached::new().with_sccache();
    let began = Instant::now();
    let mut run = cached.build("");
    for (name, value) in variables {
        run = run.env(name, *value);
    }
    cached.is_right(run.run(), &[warning], began, 90);
}

/// Two builds from fresh target directories with nothing but a shared cache in common.
fn is_shared(variables: &[(&str, &str)]) {
    let cached = Cached::new().with_sccache();
    for round in 0..2 {
        let began = Instant::now();
        let mut run = cached.build("--format json");
        for (name, value) in variables {
            run = run.env(name, *value);
        }
        let run = run.run().exits(0);
        let usage = &events_of(&run, "cache")[0];
        let (hits, misses) = (usage["hits"].as_u64(), usage["misses"].as_u64());
        match round {
            0 => assert!(hits == Some(0) && misses > Some(1), "{usage}"),
            _ => assert!(hits > Some(1) && misses == Some(0), "{usage}"),
        }
        cached.is_right(run, &[], began, 90);
        cached.clean();
    }
}

const S3: [(&str, &str); 5] = [
    ("SCCACHE_BUCKET", "objects"),
    ("SCCACHE_REGION", "us-east-1"),
    ("SCCACHE_S3_USE_SSL", "false"),
    ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
    ("AWS_SECRET_ACCESS_KEY", "the-right-secret"),
];

fn s3(dir: &Path) -> (Server, String) {
    let port = free_port();
    let root = dir.join("s3");
    std::fs::create_dir_all(root.join("objects")).unwrap();
    let (port_text, root) = (port.to_string(), root.to_string_lossy().into_owned());
    let args = [
        "--access-key",
        "AKIDEXAMPLE",
        "--secret-key",
        "the-right-secret",
        "--port",
        &port_text,
        &root,
    ];
    (
        Server::start("s3s-fs", &args, port),
        format!("127.0.0.1:{port}"),
    )
}

fn redis() -> (Server, String) {
    let port = free_port();
    let text = port.to_string();
    let args = ["--port", &text, "--save", "", "--bind", "127.0.0.1"];
    (
        Server::start("redis-server", &args, port),
        format!("redis://127.0.0.1:{port}"),
    )
}

#[test]
fn no_sccache_at_all() {
    let cached = Cached::new();
    let began = Instant::now();
    let run = cached.build("").run();
    cached.is_right(run, &["`sccache` was not found"], began, 60);
}

/// Somebody else's server on the usual port, silent or not, is never asked. Where the port is taken
/// on this machine already there is such a one.
#[test]
fn a_foreign_listener_on_the_usual_port() {
    let listener = TcpListener::bind("127.0.0.1:4226").ok();
    let foreign = listener
        .as_ref()
        .map(|listener| listener.try_clone().unwrap());
    for silent in [true, false] {
        if let (false, Some(listener)) = (silent, &foreign) {
            let listener = listener.try_clone().unwrap();
            std::thread::spawn(move || {
                for mut stream in listener.incoming().flatten() {
                    std::io::Write::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n")
                        .ok();
                }
            });
        }
        let cached = Cached::new().with_sccache();
        let began = Instant::now();
        let run = cached.build("").run();
        cached.is_right(run, &[], began, 60);
        assert!(cached.record()["toolchain"]["cache"]["misses"].as_u64() > Some(1));
    }
}

#[test]
fn redis_that_refuses() {
    let address = format!("redis://127.0.0.1:{}", free_port());
    does_without(
        &[("SCCACHE_REDIS_ENDPOINT", &address)],
        "the shared cache that SCCACHE_REDIS_ENDPOINT names cannot be reached (Connection refused",
    );
}

#[test]
fn redis_that_hangs() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("redis://{}", silent.local_addr().unwrap());
    does_without(
        &[("SCCACHE_REDIS_ENDPOINT", &address)],
        "the shared cache that SCCACHE_REDIS_ENDPOINT names takes connections and does not answer",
    );
}

#[test]
fn s3_that_cannot_be_reached() {
    let endpoint = format!("127.0.0.1:{}", free_port());
    let mut variables = S3.to_vec();
    variables.push(("SCCACHE_ENDPOINT", &endpoint));
    does_without(&variables, "building without sccache");
}

#[test]
fn s3_with_a_wrong_secret() {
    let dir = tempfile::tempdir().unwrap();
    let (_server, endpoint) = s3(dir.path());
    let mut variables = S3.to_vec();
    variables.push(("SCCACHE_ENDPOINT", &endpoint));
    variables[4].1 = "a-wrong-secret";
    does_without(&variables, "building without sccache");
}

#[test]
fn s3_that_works() {
    let dir = tempfile::tempdir().unwrap();
    let (_server, endpoint) = s3(dir.path());
    let mut variables = S3.to_vec();
    variables.push(("SCCACHE_ENDPOINT", &endpoint));
    is_shared(&variables);
}

#[test]
fn redis_that_works() {
    let (_server, address) = redis();
    is_shared(&[("SCCACHE_REDIS_ENDPOINT", &address)]);
}

#[test]
fn redis_that_goes_away_in_the_middle() {
    let (server, address) = redis();
    let cached = Cached::new().with_sccache();
    let began = Instant::now();
    let run = cached.build("").env("SCCACHE_REDIS_ENDPOINT", address);
    let run = run.env("WAIT_DIR", cached.root()).start();
    while !cached.root().join("waiting").exists() {
        assert!(began.elapsed() < Duration::from_secs(60), "nothing waits");
        std::thread::sleep(Duration::from_millis(20));
    }
    drop(server);
    cached.go();
    cached.is_right(run.finish(), &["sccache"], began, 110);
}

/// A plain file in the place of the cache's folder: nobody, root included, can write there.
#[test]
fn a_cache_that_cannot_be_written() {
    let cached = Cached::new().with_sccache();
    let file = cached.root().join("no-folder");
    std::fs::write(&file, "").unwrap();
    let began = Instant::now();
    let run = cached.build("").env("SCCACHE_DIR", file).run();
    cached.is_right(run, &["could not read or write its cache"], began, 60);
}

/// A tiny disk of the build's own, in a mount namespace: the machine does not see it.
#[test]
fn a_cache_on_a_full_disk_and_on_a_read_only_one() {
    for options in ["size=64k", "ro"] {
        let cached = Cached::new().with_sccache();
        let dir = cached.root().join("cache");
        std::fs::create_dir(&dir).unwrap();
        let script = cached.root().join("mounted");
        let text = format!(
            "#!/bin/sh\nmount -t tmpfs -o {options},mode=777 tmpfs '{}' && exec \"$@\"\n",
            dir.display()
        );
        std::fs::write(&script, text).unwrap();
        std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .unwrap();
        let began = Instant::now();
        let run = cached.build("").through_root(&[
            "unshare",
            "--mount",
            "--propagation",
            "private",
            &script.to_string_lossy(),
        ]);
        cached.is_right(run.run(), &["could not read or write its cache"], began, 60);
    }
}
