//! A server that behaves as GitHub documents for releases: drafts that only a list shows, names that are
//! taken from an upload's beginning, uploads on a host of their own, downloads by redirect to a third, pages,
//! limits by 403, and a 502 that may have done what was asked all the same.

use super::state::{Answer, REPOSITORY, State, TOKEN, fault};
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::{Response, request::Parts};
use futures_util::StreamExt as _;
use serde_json::Value;
use std::sync::{Arc, Mutex, MutexGuard};
use test_support::Invocation;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// Which of its hosts is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host {
    Api,
    Uploads,
    Storage,
}

/// A request that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub host: Host,
    pub method: String,
    /// Without the query.
    pub path: String,
    pub query: String,
    pub has_credential: bool,
}

impl Seen {
    /// Whether it may change something.
    pub fn changes(&self) -> bool {
        self.method != "GET"
    }

    pub fn is_upload(&self) -> bool {
        self.host == Host::Uploads
    }
}

/// What goes wrong.
#[derive(Debug, Clone)]
pub enum Fault {
    /// This answer, and nothing is done: a status, headers, a message.
    Answer(u16, Vec<(&'static str, String)>, &'static str),
    /// It is done, and 502 is answered.
    BadGateway,
    /// It is done, and the answer breaks off.
    LoseAnswer,
    /// An upload is broken off after its first bytes.
    Break,
    /// An upload goes no further after its first bytes, for this many milliseconds.
    Stand(u64),
    /// Other bytes are stored than were sent.
    Damage,
}

type Which = dyn Fn(&Seen, usize) -> Option<Fault> + Send + Sync;

/// One that ends when it is dropped.
pub struct FakeGitHub {
    api: String,
    shared: Arc<Shared>,
    _runtime: Runtime,
}

struct Shared {
    state: Mutex<State>,
    which: Box<Which>,
}

impl FakeGitHub {
    pub fn start() -> Self {
        Self::with(|_, _| None)
    }

    /// With faults: what goes wrong with a request of which so many like it have come before.
    pub fn with(which: impl Fn(&Seen, usize) -> Option<Fault> + Send + Sync + 'static) -> Self {
        let runtime = Runtime::new().unwrap();
        let shared = Arc::new(Shared {
            state: Mutex::new(State::new()),
            which: Box::new(which),
        });
        let listen = |host: Host| {
            let shared = shared.clone();
            let app = axum::Router::new().fallback(move |request: Request| {
                let shared = shared.clone();
                async move { shared.handle(host, request).await }
            });
            let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
            let address = format!("http://{}", listener.local_addr().unwrap());
            runtime.spawn(async move { axum::serve(listener, app).await.unwrap() });
            address
        };
        let api = listen(Host::Api);
        let (uploads, storage) = (listen(Host::Uploads), listen(Host::Storage));
        {
            let mut state = shared.state.lock().unwrap();
            state.uploads = uploads;
            state.storage = storage;
        }
        Self {
            api,
            shared,
            _runtime: runtime,
        }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap()
    }

    /// The invocation with this server, its repository and the credential in its environment.
    pub fn is_for(&self, invocation: Invocation) -> Invocation {
        self.is_at(invocation).env("GITHUB_TOKEN", TOKEN)
    }

    /// The same without the credential.
    pub fn is_at(&self, invocation: Invocation) -> Invocation {
        invocation
            .env("GITHUB_API_URL", &self.api)
            .env("GITHUB_REPOSITORY", REPOSITORY)
    }

    /// The requests of a kind so far.
    pub fn seen(&self, which: fn(&Seen) -> bool) -> Vec<Seen> {
        let state = self.state();
        state
            .seen
            .iter()
            .filter(|seen| which(seen))
            .cloned()
            .collect()
    }
}

impl Shared {
    async fn handle(&self, host: Host, request: Request) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let seen = Seen {
            host,
            method: parts.method.to_string(),
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            has_credential: parts.headers.contains_key("authorization"),
        };
        let fault = {
            let mut state = self.state.lock().unwrap();
            let like = |one: &&Seen| **one == seen;
            let before = state.seen.iter().filter(like).count();
            state.seen.push(seen.clone());
            state.times.push(std::time::Instant::now());
            (self.which)(&seen, before)
        };
        if let Some(Fault::Answer(status, headers, message)) = fault {
            to_bytes(body, usize::MAX).await.ok();
            let mut answer = self::fault(status, message, &[]);
            answer.headers = headers;
            return shown(answer);
        }
        let authorized = parts.headers.get("authorization");
        let authorized = authorized.is_some_and(|value| *value == format!("Bearer {TOKEN}"));
        let answer = match host {
            Host::Uploads => match self.upload(&parts, body, authorized, fault.as_ref()).await {
                Some(answer) => answer,
                None => return broken(),
            },
            Host::Api | Host::Storage => {
                let body = to_bytes(body, usize::MAX).await.unwrap();
                let body: Value = serde_json::from_slice(&body).unwrap_or_default();
                let mut state = self.state.lock().unwrap();
                match host {
                    Host::Api => state.answer(&seen, &parts.headers, authorized, &body),
                    _ => state.stored(&seen),
                }
            }
        };
        match fault {
            Some(Fault::BadGateway) => shown(self::fault(502, "Server Error", &[])),
            Some(Fault::LoseAnswer) => broken(),
            _ => shown(answer),
        }
    }

    /// Takes a file; nothing where the connection is to break.
    async fn upload(
        &self,
        parts: &Parts,
        body: Body,
        authorized: bool,
        fault: Option<&Fault>,
    ) -> Option<Answer> {
        let begun = {
            let (path, query) = (parts.uri.path(), parts.uri.query().unwrap_or_default());
            self.state.lock().unwrap().begin(path, query, authorized)
        };
        let id = match begun {
            Ok(id) => id,
            Err(answer) => {
                to_bytes(body, usize::MAX).await.ok();
                return Some(answer);
            }
        };
        let length = parts.headers.get("content-length")?.to_str().unwrap();
        let (length, mut bytes) = (length.parse::<usize>().unwrap(), Vec::new());
        let mut stream = body.into_data_stream();
        while let Some(chunk) = stream.next().await {
            let chunk: Bytes = chunk.ok()?;
            bytes.extend_from_slice(&chunk);
            match fault {
                Some(Fault::Break) => return None,
                Some(Fault::Stand(time)) => {
                    tokio::time::sleep(std::time::Duration::from_millis(*time)).await;
                }
                _ => {}
            }
        }
        if bytes.len() != length {
            return None;
        }
        if matches!(fault, Some(Fault::Damage)) {
            bytes[0] ^= 1;
        }
        Some(self.state.lock().unwrap().finish(id, bytes))
    }
}

fn shown(answer: Answer) -> Response<Body> {
    let mut response = Response::builder().status(answer.status);
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    let body = match (answer.bytes, answer.status) {
        (Some(bytes), _) => Body::from(bytes),
        (None, 204) => Body::empty(),
        (None, _) => {
            response = response.header("content-type", "application/json; charset=utf-8");
            Body::from(answer.body.to_string())
        }
    };
    response.body(body).unwrap()
}

/// An answer that breaks off.
fn broken() -> Response<Body> {
    let gone = std::io::Error::other("gone");
    let stream = futures_util::stream::iter([Err::<Bytes, _>(gone)]);
    Response::builder()
        .status(200)
        .header("content-length", "100")
        .body(Body::from_stream(stream))
        .unwrap()
}
