//! A proxy before an HTTP/1.1 server that lets it fail in the ways networks and servers do.
//!
//! Each connection carries one request, so that every fault hits exactly one. Bytes go through as
//! they come, in both directions; nothing is kept.

use std::io::{self, Read, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A request that has arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// The lines of its head, as they came.
    pub head: String,
    /// Its body, where that is JSON.
    pub body: String,
}

impl Seen {
    /// A header field's value, if there is one.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut fields = self.head.split("\r\n").skip(1);
        fields.find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// What becomes of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// It goes through.
    None,
    /// It is answered with this status and body, and the server never sees it: success when all of its
    /// body has come, anything else at once.
    Answer(u16, String),
    /// The same with an answer that is given in full: status line, header fields, empty line, body.
    Reply(String),
    /// It is answered with a beginning, and then with something again and again, until the client has
    /// had enough or [`POURED`] bytes have gone: [`Proxy::poured`] tells how many. The server never sees it.
    Pour(String, &'static str),
    /// The connection is closed without an answer.
    Cut,
    /// The server gets half of its body; then both connections are closed.
    Break,
    /// The server does what it says, and of its answer's body half arrives.
    Truncate,
    /// It goes through after a while.
    Delay(Duration),
    /// The server gets all of it and does what it says, and its answer never arrives: the connection
    /// is closed.
    LoseAnswer,
    /// The server does what it says, and nothing is ever heard of it: [`Proxy::withheld`] counts it then.
    Withhold,
    /// The server gets so many bytes of its body, and nothing more is ever heard of it.
    Part(u64),
    /// It goes through, and the answer says that it was made at this time, in HTTP's form.
    Dated(String),
    /// It goes through, and the answer's body comes at this many bytes a second.
    Slow(u64),
    /// Nothing is ever heard of it: neither does the server see it, nor is the connection closed.
    Silence,
}

/// How many bytes an answer without an end has all the same.
pub const POURED: u64 = 10 * 1024 * 1024 * 1024;

/// The proxy. Ends when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    seen: Mutex<Vec<Seen>>,
    withheld: AtomicUsize,
    poured: AtomicU64,
    stop: AtomicBool,
}

/// A port that a proxy will serve, known before the server behind it is.
#[derive(Debug)]
pub struct BoundProxy(TcpListener);

impl BoundProxy {
    /// Where the proxy will be, as the beginning of a URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.0.local_addr().unwrap())
    }

    /// Begins to serve. `fault` says what becomes of each request.
    pub fn serve(
        self,
        upstream: SocketAddr,
        fault: impl Fn(&Seen) -> Fault + Send + Sync + 'static,
    ) -> Proxy {
        let address = self.0.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let (fault, state) = (Arc::new(fault), shared.clone());
        std::thread::spawn(move || {
            for client in self.0.incoming().flatten() {
                if state.stop.load(Ordering::SeqCst) {
                    break;
                }
                let (fault, state) = (fault.clone(), state.clone());
                // A connection that breaks is the client's or the server's to notice.
                std::thread::spawn(move || pass(client, upstream, &*fault, &state).ok());
            }
        });
        Proxy { address, shared }
    }
}

impl Proxy {
    /// Takes a free port of this machine.
    pub fn bind() -> BoundProxy {
        BoundProxy(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    /// Where it is, as the beginning of a URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The requests that have arrived, in their order.
    pub fn seen(&self) -> Vec<Seen> {
        let seen = self.shared.seen.lock();
        seen.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Proxy {
    /// How many answers of the server were withheld so far.
    pub fn withheld(&self) -> usize {
        self.shared.withheld.load(Ordering::SeqCst)
    }

    /// How many bytes of an answer without an end one client has taken at most, those in buffers
    /// included.
    pub fn poured(&self) -> u64 {
        self.shared.poured.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        // Wakes the thread that waits for connections.
        TcpStream::connect(self.address).ok();
    }
}

fn pass(
    mut client: TcpStream,
    upstream: SocketAddr,
    fault: &(dyn Fn(&Seen) -> Fault + Send + Sync),
    shared: &Shared,
) -> io::Result<()> {
    let (head, mut rest) = read_head(&mut client)?;
    let mut lines = head.split("\r\n");
    let mut words = lines.next().unwrap_or_default().split(' ');
    let mut seen = Seen {
        method: words.next().unwrap_or_default().to_owned(),
        path: words.next().unwrap_or_default().to_owned(),
        head: head.clone(),
        body: String::new(),
    };
    let length: Option<usize> = seen.header("content-length").and_then(|n| n.parse().ok());
    let mut missing = length.unwrap_or(0).saturating_sub(rest.len());
    if seen.header("content-type") == Some("application/json") {
        let mut more = vec![0; missing];
        client.read_exact(&mut more)?;
        rest.extend(more);
        missing = 0;
        seen.body = String::from_utf8_lossy(&rest).into_owned();
    }
    // Decided before it is recorded, so that a fault can count what came before.
    let fault = fault(&seen);
    let all = shared.seen.lock();
    all.unwrap_or_else(PoisonError::into_inner).push(seen);
    match &fault {
        Fault::None
        | Fault::LoseAnswer
        | Fault::Withhold
        | Fault::Slow(_)
        | Fault::Part(_)
        | Fault::Break
        | Fault::Truncate
        | Fault::Dated(_) => {}
        Fault::Delay(time) => std::thread::sleep(*time),
        // Until the client has had enough.
        Fault::Silence => return io::copy(&mut client, &mut io::sink()).map(|_| ()),
        Fault::Cut => return client.shutdown(Shutdown::Both),
        Fault::Answer(status, body) => {
            let length = body.len();
            let reply = format!(
                "HTTP/1.1 {status} Fault\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
            );
            return answer(&mut client, &reply, missing as u64);
        }
        Fault::Reply(reply) => return answer(&mut client, reply, missing as u64),
        Fault::Pour(head, again) => return pour(&mut client, head, again, &shared.poured),
    }
    let mut server = TcpStream::connect(upstream)?;
    let mut lines: Vec<&str> = head.split("\r\n").filter(|line| !line.is_empty()).collect();
    lines.retain(|line| !line.to_ascii_lowercase().starts_with("connection:"));
    lines.push("connection: close");
    server.write_all(format!("{}\r\n\r\n", lines.join("\r\n")).as_bytes())?;
    if let Fault::Break = fault {
        let half = length.unwrap_or(0) as u64 / 2;
        let mut body = io::Cursor::new(rest).chain(&mut client).take(half);
        io::copy(&mut body, &mut server)?;
        server.shutdown(Shutdown::Both)?;
        return client.shutdown(Shutdown::Both);
    }
    if let Fault::Part(bytes) = fault {
        let mut body = io::Cursor::new(rest).chain(&mut client).take(bytes);
        io::copy(&mut body, &mut server)?;
        // Until the client has had enough.
        return io::copy(&mut client, &mut io::sink()).map(|_| ());
    }
    server.write_all(&rest)?;
    let (mut from_client, mut to_server) = (client.try_clone()?, server.try_clone()?);
    std::thread::spawn(move || {
        let sent = io::copy(&mut from_client, &mut to_server);
        // Only a client that has gone away ends here before the answer is complete.
        sent.and_then(|_| to_server.shutdown(Shutdown::Both)).ok();
    });
    match fault {
        Fault::LoseAnswer => io::copy(&mut server, &mut io::sink()).map(|_| ())?,
        Fault::Withhold => {
            io::copy(&mut server, &mut io::sink())?;
            shared.withheld.fetch_add(1, Ordering::SeqCst);
            // Until the client has had enough.
            while client.read(&mut [0; 64]).is_ok_and(|read| read > 0) {}
        }
        Fault::Dated(date) => dated(&mut server, &mut client, &date)?,
        Fault::Slow(pace) => slowly(&mut server, &mut client, pace)?,
        Fault::Truncate => truncated(&mut server, &mut client)?,
        _ => io::copy(&mut server, &mut client).map(|_| ())?,
    }
    client.shutdown(Shutdown::Both)
}

/// Answers in the place of the server: with success when the rest of the request's body has come, with
/// anything else at once.
fn answer(client: &mut TcpStream, reply: &str, missing: u64) -> io::Result<()> {
    if reply.starts_with("HTTP/1.1 2") {
        io::copy(&mut (&mut *client).take(missing), &mut io::sink())?;
    }
    client.write_all(reply.as_bytes())?;
    // What the client is still sending is read, or it would take a closed connection for the answer.
    client.shutdown(Shutdown::Write)?;
    io::copy(client, &mut io::sink()).map(|_| ())
}

/// Answers without an end, and notes how much of it was taken.
fn pour(client: &mut TcpStream, head: &str, again: &str, most: &AtomicU64) -> io::Result<()> {
    client.write_all(head.as_bytes())?;
    let again = again.repeat((64 * 1024 / again.len()).max(1));
    let mut taken = 0;
    while taken < POURED {
        let written = client.write(again.as_bytes());
        most.fetch_max(taken, Ordering::SeqCst);
        taken += written? as u64;
    }
    Ok(())
}

/// Passes on what an answer's head says, and half of what it announces.
fn truncated(server: &mut TcpStream, client: &mut TcpStream) -> io::Result<()> {
    let (head, rest) = read_head(server)?;
    client.write_all(head.as_bytes())?;
    let length = head.split("\r\n").find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_length = name.eq_ignore_ascii_case("content-length");
        is_length.then(|| value.trim().parse::<u64>().ok())?
    });
    let mut half = io::Cursor::new(rest)
        .chain(server)
        .take(length.unwrap_or(0) / 2);
    io::copy(&mut half, client).map(|_| ())
}

/// Passes an answer on with another date.
fn dated(server: &mut TcpStream, client: &mut TcpStream, date: &str) -> io::Result<()> {
    let (head, rest) = read_head(server)?;
    let mut lines: Vec<&str> = head.split("\r\n").filter(|line| !line.is_empty()).collect();
    lines.retain(|line| !line.to_ascii_lowercase().starts_with("date:"));
    let date = format!("date: {date}");
    lines.push(&date);
    client.write_all(format!("{}\r\n\r\n", lines.join("\r\n")).as_bytes())?;
    io::copy(&mut io::Cursor::new(rest).chain(server), client).map(|_| ())
}

/// Passes an answer on: its head at once, its body at so many bytes a second.
fn slowly(server: &mut TcpStream, client: &mut TcpStream, pace: u64) -> io::Result<()> {
    let (head, rest) = read_head(server)?;
    client.write_all(head.as_bytes())?;
    // Twenty steps a second, or one byte each.
    let step = (pace / 20).max(1);
    let pause = Duration::from_secs_f64(step as f64 / pace.max(1) as f64);
    let mut body = io::Cursor::new(rest).chain(server);
    while io::copy(&mut body.by_ref().take(step), client)? > 0 {
        std::thread::sleep(pause);
    }
    Ok(())
}

/// A request up to its empty line, and what has already come after it.
fn read_head(client: &mut TcpStream) -> io::Result<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let rest = bytes.split_off(end + 4);
            return Ok((String::from_utf8_lossy(&bytes).into_owned(), rest));
        }
        match client.read(&mut buffer)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => bytes.extend_from_slice(&buffer[..read]),
        }
    }
}
