//! An issuer of ID tokens, as GitHub is one for its jobs: a configuration, a key set, tokens that are
//! really signed, and the address that a job asks for one.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const CONFIGURATION: &str = "/.well-known/openid-configuration";
const KEYS: &str = "/keys";
/// Where a job asks. As with GitHub's there is a query already.
const JOB: &str = "/job";

/// What a job shows to get an ID token.
const JOB_SECRET: &str = "job-secret-4711";

/// An RSA key of an issuer's, or of somebody's who would like to be one.
pub struct RsaKey {
    pair: RsaKeyPair,
}

/// The issuer. It ends when it is dropped.
#[derive(Debug)]
pub struct Issuer {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    base: OnceLock<String>,
    /// The claims of tokens for jobs.
    claims: Mutex<Value>,
    answers: Mutex<HashMap<String, Answer>>,
    asked: Mutex<Vec<String>>,
    drawn: Mutex<u64>,
    /// How far its clock is ahead, in seconds.
    ahead: Mutex<i64>,
}

impl Shared {
    fn now(&self) -> i64 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        i64::try_from(now.as_secs()).unwrap() + *lock(&self.ahead)
    }
}

/// What the issuer says in the place of what it would say.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// A line of the head, if there is one more.
    pub field: Option<String>,
    /// The body.
    pub body: String,
    /// How long it takes until it comes.
    pub delay: Duration,
}

impl std::fmt::Debug for RsaKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RsaKey")
    }
}

impl RsaKey {
    /// A new key. ring makes none.
    #[expect(
        clippy::disallowed_methods,
        reason = "it needs nothing of what is known of children here"
    )]
    pub fn make() -> Self {
        let made = Command::new("openssl")
            .args(["genpkey", "-quiet", "-algorithm", "RSA", "-outform", "DER"])
            .args(["-pkeyopt", "rsa_keygen_bits:2048"])
            .output()
            .expect("openssl, see ci/deps");
        // Which of the two forms it is depends on openssl's version.
        let pair =
            RsaKeyPair::from_pkcs8(&made.stdout).or_else(|_| RsaKeyPair::from_der(&made.stdout));
        Self {
            pair: pair.expect("a private key"),
        }
    }

    /// The first key of this process, which issuers have.
    pub fn of_issuers() -> &'static Self {
        static KEY: OnceLock<RsaKey> = OnceLock::new();
        KEY.get_or_init(Self::make)
    }

    /// The key as it stands in a key set.
    pub fn public(&self, id: &str) -> Value {
        let parts: ring::signature::RsaPublicKeyComponents<Vec<u8>> = self.pair.public_key().into();
        json!({
            "kty": "RSA", "alg": "RS256", "use": "sig", "kid": id,
            "n": URL_SAFE_NO_PAD.encode(parts.n), "e": URL_SAFE_NO_PAD.encode(parts.e),
        })
    }

    /// A token with this header and these claims.
    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(header), part(claims));
        let mut signature = vec![0; self.pair.public().modulus_len()];
        let random = SystemRandom::new();
        self.pair
            .sign(
                &RSA_PKCS1_SHA256,
                &random,
                signed.as_bytes(),
                &mut signature,
            )
            .unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

impl Issuer {
    /// Starts one whose key is called `first`.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        shared.base.set(format!("http://{address}")).unwrap();
        let state = shared.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if Arc::strong_count(&state) == 1 {
                    break;
                }
                let state = state.clone();
                std::thread::spawn(move || answer(client, &state).ok());
            }
        });
        let issuer = Self { address, shared };
        issuer.have_keys(&[RsaKey::of_issuers().public("first")]);
        let url = issuer.url();
        let configuration = json!({"issuer": url, "jwks_uri": format!("{url}{KEYS}")});
        issuer.say(CONFIGURATION, Answer::json(&configuration));
        *lock(&issuer.shared.claims) = issuer.claims("");
        issuer
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it is called.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Has these keys from now on.
    pub fn have_keys(&self, keys: &[Value]) {
        self.say(KEYS, Answer::json(&json!({"keys": keys})));
    }

    /// Says this at a path from now on: its configuration's, unless it is `/keys`.
    pub fn say(&self, path: &str, answer: Answer) {
        lock(&self.shared.answers).insert(path.to_owned(), answer);
    }

    /// Says this in the place of its configuration.
    pub fn say_configuration(&self, answer: Answer) {
        self.say(CONFIGURATION, answer);
    }

    /// How often it was asked for its keys.
    pub fn asked_for_keys(&self) -> usize {
        self.asked().iter().filter(|path| *path == KEYS).count()
    }

    /// The paths that it was asked for, with their queries.
    pub fn asked(&self) -> Vec<String> {
        lock(&self.shared.asked).clone()
    }

    /// The claims of a job: a push to `octo/tool` that runs `release.yml`, of the owner 65, in the
    /// environment `release`. Each has a `jti` of its own.
    pub fn claims(&self, audience: &str) -> Value {
        let mut drawn = lock(&self.shared.drawn);
        *drawn += 1;
        let now = self.shared.now();
        json!({
            "iss": self.url(), "aud": audience, "sub": "repo:octo/tool:environment:release",
            "jti": format!("token-{drawn}"), "iat": now, "nbf": now - 300, "exp": now + 300,
            "repository": "octo/tool", "repository_owner": "octo", "repository_owner_id": "65",
            "repository_id": "74", "actor": "octocat", "ref": "refs/tags/v1", "ref_type": "tag",
            "workflow": "Release",
            "workflow_ref": "octo/tool/.github/workflows/release.yml@refs/tags/v1",
            "event_name": "push", "environment": "release", "runner_environment": "github-hosted",
            "run_id": "30433642", "run_number": "12", "run_attempt": "2",
            "sha": "0123456789abcdef0123456789abcdef01234567",
        })
    }

    /// A token with these claims, as it signs it.
    pub fn token(&self, claims: &Value) -> String {
        RsaKey::of_issuers().sign(&header("first"), claims)
    }

    /// Lets its clock run ahead.
    pub fn pass(&self, seconds: i64) {
        *lock(&self.shared.ahead) += seconds;
    }

    /// Changes a claim of the tokens that jobs get from now on.
    pub fn set_job(&self, claim: &str, value: Value) {
        lock(&self.shared.claims)[claim] = value;
    }

    /// The environment of a job that may ask for ID tokens.
    pub fn job_env(&self) -> [(&'static str, String); 2] {
        let url = format!("{}{JOB}?api-version=2.0", self.url());
        [
            ("ACTIONS_ID_TOKEN_REQUEST_URL", url),
            ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", JOB_SECRET.to_owned()),
        ]
    }

    /// The answer to a job that asks for one.
    fn job_token(shared: &Shared, audience: &str) -> String {
        let mut claims = lock(&shared.claims).clone();
        let mut drawn = lock(&shared.drawn);
        *drawn += 1;
        claims["jti"] = json!(format!("token-{drawn}"));
        claims["aud"] = json!(audience);
        let now = shared.now();
        for (claim, at) in [("iat", 0), ("nbf", -300), ("exp", 300)] {
            claims[claim] = json!(now + at);
        }
        RsaKey::of_issuers().sign(&header("first"), &claims)
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.shared = Arc::default();
        // Wakes the thread that waits for connections.
        TcpStream::connect(self.address).ok();
    }
}

impl Answer {
    /// A document.
    pub fn json(body: &Value) -> Self {
        Self {
            status: 200,
            body: body.to_string(),
            ..Self::default()
        }
    }

    /// A status.
    pub fn status(status: u16) -> Self {
        Self {
            status,
            body: "{}".to_owned(),
            ..Self::default()
        }
    }
}

/// The header of a token that is signed with a key of this name.
pub fn header(key: &str) -> Value {
    json!({"typ": "JWT", "alg": "RS256", "x5t": "unused", "kid": key})
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One request, one answer.
fn answer(client: TcpStream, shared: &Shared) -> io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let mut head = String::new();
    while reader.read_line(&mut head)? > 0 && !head.ends_with("\r\n\r\n") {}
    let target = head.split(' ').nth(1).unwrap_or_default().to_owned();
    lock(&shared.asked).push(target.clone());
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let said = lock(&shared.answers).get(path).cloned();
    let said = match said {
        Some(said) => said,
        None if path == JOB => for_job(shared, &head, query),
        None => Answer::status(404),
    };
    std::thread::sleep(said.delay);
    let (status, length) = (said.status, said.body.len());
    let field = said.field.map(|line| format!("{line}\r\n"));
    write!(
        &client,
        "HTTP/1.1 {status} Said\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n{}\
         connection: close\r\n\r\n{}",
        field.unwrap_or_default(),
        said.body
    )
}

fn for_job(shared: &Shared, head: &str, query: &str) -> Answer {
    let secret = format!("authorization: bearer {JOB_SECRET}\r\n");
    if !head.to_ascii_lowercase().contains(&secret) || !query.starts_with("api-version=2.0&") {
        return Answer::status(401);
    }
    let audience = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("audience="));
    let audience = audience.unwrap_or_default();
    let audience = audience.replace("%3A", ":").replace("%2F", "/");
    Answer::json(&json!({"count": 1, "value": Issuer::job_token(shared, &audience)}))
}
