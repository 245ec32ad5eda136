//! 500 clients that are slow in every way, and what the others notice of them.

use crate::program::{Program, client, initialized, token};
use release_types::{DEPLOY_TOKEN_HEADER, Sha256Digest};
use serde_json::{Value, json};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

const SLOW: usize = 500;
const HONEST: usize = 8;
const MEASURED: Duration = Duration::from_secs(4);
const ROUNDS: usize = 5;

/// What other programs on this machine may add to a time that is to double at most.
const NOISE: Duration = Duration::from_millis(5);

/// What an honest client may have to wait where all places are wanted by somebody else too.
const CROWDED: Duration = Duration::from_millis(500);

/// How late a deadline may be kept on a machine that does other things.
const LATE: Duration = Duration::from_secs(5);

/// What a slow client is slow in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Silent,
    Head,
    RefusedBody,
    JsonBody,
    Reading,
}

/// Each with its deadline.
const KINDS: [(Kind, Duration); 5] = [
    (Kind::Silent, Duration::from_secs(15)),
    (Kind::Head, Duration::from_secs(15)),
    (Kind::RefusedBody, Duration::from_secs(30)),
    (Kind::JsonBody, Duration::from_secs(30)),
    (Kind::Reading, Duration::from_secs(60)),
];

const LARGE: &str = "artifacts/cli/1.0.0/linux/x64/large";
const LATEST: &str = "/api/v1/releases/cli/latest/linux/x64";

/// A Hub with a file that fits into no socket's buffer.
struct Place {
    dir: tempfile::TempDir,
    token: String,
}

impl Place {
    async fn make() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let admin = initialized(dir.path());
        let program = Program::serve(dir.path(), &[]);
        let token = token(&program.base, &admin).await;
        let bytes = vec![7; 32 << 20];
        let post = async |path: &str, body: Value| -> Value {
            let request = client().post(format!("{}{path}", program.base));
            let request = request.header(DEPLOY_TOKEN_HEADER, &token).json(&body);
            request.send().await.unwrap().json().await.unwrap()
        };
        let body = json!({"action": "upload", "key": LARGE});
        let presigned = post("/api/v1/storage/presign", body).await;
        let put = client().put(presigned["url"].as_str().unwrap());
        let put = put.header("content-type", "application/octet-stream");
        let put = put.body(bytes.clone()).send().await.unwrap();
        assert_eq!(put.status(), 201);
        let artifact = json!({
            "key": LARGE, "provider": "local", "filename": "large", "size": bytes.len(),
            "sha256": Sha256Digest::of(&bytes), "kind": "binary",
        });
        let body = json!({
            "version": "1.0.0", "platform": {"os": "linux", "arch": "x64"},
            "artifacts": [artifact],
        });
        post("/api/v1/releases/cli/publish", body).await;
        drop(program);
        Self { dir, token }
    }

    fn serve(&self, args: &[&str]) -> (Program, SocketAddr) {
        let program = Program::serve(self.dir.path(), args);
        let address = program.base.strip_prefix("http://").unwrap().parse();
        (program, address.unwrap())
    }
}

async fn connect(from: Ipv4Addr, to: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((from, 0).into())?;
    socket.connect(to).await
}

/// One slow client's connection, until the Hub ends it. A reader does not notice that, since there
/// is always more for it to read.
async fn crawl(kind: Kind, from: Ipv4Addr, to: SocketAddr, token: &str) -> std::io::Result<()> {
    let mut stream = connect(from, to).await?;
    let host = "host: h\r\n";
    let (start, more) = match kind {
        Kind::Silent => (String::new(), ""),
        Kind::Head => (format!("GET {LATEST} HTTP/1.1\r\n{host}"), "x: y\r\n"),
        Kind::RefusedBody => (
            format!("PUT /{LARGE} HTTP/1.1\r\n{host}content-length: 9999\r\n\r\n"),
            "x",
        ),
        Kind::JsonBody => (
            format!(
                "POST /api/v1/storage/presign HTTP/1.1\r\n{host}{DEPLOY_TOKEN_HEADER}: {token}\r\n\
                 content-length: 9999\r\n\r\n{{"
            ),
            " ",
        ),
        Kind::Reading => (format!("GET /{LARGE} HTTP/1.1\r\n{host}\r\n"), ""),
    };
    stream.write_all(start.as_bytes()).await?;
    let mut some = [0; 64];
    loop {
        let pause = tokio::time::sleep(Duration::from_millis(500));
        if kind == Kind::Reading {
            pause.await;
            if stream.read(&mut some).await? == 0 {
                return Ok(());
            }
        } else {
            tokio::select! {
                read = stream.read(&mut some) => if read? == 0 { return Ok(()) },
                () = pause => stream.write_all(more.as_bytes()).await?,
            }
        }
    }
}

/// Where slow clients come from: each from an address of its own, or all from everybody's.
fn address(of: usize, one: bool) -> Ipv4Addr {
    match one {
        true => Ipv4Addr::LOCALHOST,
        false => Ipv4Addr::new(127, 1, (of / 250) as u8, (1 + of % 250) as u8),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_clients_are_closed_within_the_deadlines() {
    let place = Place::make().await;
    let (program, to) = place.serve(&[]);
    let before = program.sockets();
    let began = Instant::now();
    let mut clients = JoinSet::new();
    for number in 0..SLOW {
        let (kind, deadline) = KINDS[number % KINDS.len()];
        let (from, token) = (address(number, false), place.token.clone());
        clients.spawn(async move {
            let crawling = crawl(kind, from, to, &token);
            let ended = tokio::time::timeout(deadline + LATE, crawling).await;
            (kind, ended.is_ok(), began.elapsed())
        });
    }
    let mut longest = [Duration::ZERO; KINDS.len()];
    // Readers stay until their sockets are counted below.
    let mut readers = 0;
    let mut late = Vec::new();
    while let Some(done) = clients.join_next().await {
        let (kind, ended, took) = done.unwrap();
        if kind == Kind::Reading {
            readers += 1;
            continue;
        }
        if !ended {
            late.push((kind, took));
        }
        let of = KINDS.iter().position(|(other, _)| *other == kind).unwrap();
        longest[of] = longest[of].max(took);
    }
    assert!(late.is_empty(), "{} after {LATE:?}: {late:?}", late.len());
    assert_eq!(readers, SLOW / KINDS.len());
    let closed = program.log().matches("too slowly; closing").count();
    println!(
        "{SLOW} slow clients, the last closed after: {longest:?} of {KINDS:?}; readers: {closed}"
    );
    assert!(
        program.sockets() <= before + 2,
        "{} {before}",
        program.sockets()
    );
    assert_eq!(closed, readers);
}

/// Asks for as long as it is measured, each time by a connection of its own; how long each took.
async fn honest(from: Ipv4Addr, to: SocketAddr) -> Vec<Duration> {
    let began = Instant::now();
    let mut took = Vec::new();
    while began.elapsed() < MEASURED {
        let asked = Instant::now();
        let mut stream = connect(from, to).await.unwrap();
        let request = format!("GET {LATEST} HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer:?}");
        took.push(asked.elapsed());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    took
}

/// The time that 99 of 100 honest requests stay below.
async fn p99(to: SocketAddr, one: bool) -> Duration {
    let mut clients = JoinSet::new();
    for number in 0..HONEST {
        let from = match one {
            true => Ipv4Addr::LOCALHOST,
            false => Ipv4Addr::new(127, 2, 0, (1 + number) as u8),
        };
        clients.spawn(honest(from, to));
    }
    let mut took: Vec<Duration> = clients.join_all().await.concat();
    took.sort();
    took[took.len() * 99 / 100]
}

/// Honest clients without and with the slow ones, who come again whenever they are closed.
async fn compared(place: &Place, args: &[&str], one: bool) -> (Duration, Duration, usize) {
    let (_program, to) = place.serve(args);
    p99(to, one).await;
    let (mut without, mut with) = (Vec::new(), Vec::new());
    let closed = Arc::new(AtomicUsize::new(0));
    for _ in 0..ROUNDS {
        without.push(p99(to, one).await);
        let mut slow = JoinSet::new();
        for number in 0..SLOW {
            let (kind, _) = KINDS[number % KINDS.len()];
            let (from, token, closed) = (address(number, one), place.token.clone(), closed.clone());
            slow.spawn(async move {
                loop {
                    crawl(kind, from, to, &token).await.ok();
                    closed.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            });
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
        with.push(p99(to, one).await);
        slow.shutdown().await;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    without.sort();
    with.sort();
    (
        without[ROUNDS / 2],
        with[ROUNDS / 2],
        closed.load(Ordering::Relaxed),
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_clients_do_not_slow_the_others_down() {
    let place = Place::make().await;
    let mut slowed = Vec::new();
    // With places for all of them, and with fewer, where slow clients come and go all the time.
    for (args, doubles) in [(&[][..], true), (&["--max-connections", "300"], false)] {
        for one in [false, true] {
            let (without, with, closed) = compared(&place, args, one).await;
            let addresses = if one { "one address" } else { "many addresses" };
            let told = format!(
                "{args:?}, {addresses}: p99 {without:?} without and {with:?} with {SLOW} slow \
                 clients, {closed} times closed"
            );
            println!("{told}");
            let most = match doubles {
                true => 2 * without + NOISE,
                false => CROWDED,
            };
            if with > most {
                slowed.push(told);
            }
        }
    }
    assert!(slowed.is_empty(), "{slowed:#?}");
}
