//! Asks an issuer for its keys: where it says they are, from nowhere but its own host, within bounds.
//!
//! Sources: OpenID Connect Discovery 1.0, section 4; RFC 7517.

use super::Issuer;
use super::jwt::RsaKey;
use reqwest::header::ACCEPT;
use reqwest::{Client, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::HashMap;
use std::time::Duration;
use url::Url;

/// The longest answer that is read, in bytes; GitHub's are below 10,000.
const LONGEST: usize = 256 * 1024;

/// How long one answer may take in all.
const PATIENCE: Duration = Duration::from_secs(5);

/// The most keys that are kept.
const MOST_KEYS: usize = 64;

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("no HTTP client can be made")]
    Client(#[source] Option<reqwest::Error>),
    #[error("the {what} cannot be had")]
    Transfer {
        what: &'static str,
        #[source]
        source: reqwest::Error,
    },
    #[error("the {what} is answered with the status {status}")]
    Status {
        what: &'static str,
        status: StatusCode,
    },
    #[error("the {what} is longer than {LONGEST} bytes")]
    TooLong { what: &'static str },
    #[error("the {what} cannot be read")]
    Form {
        what: &'static str,
        #[source]
        source: serde_json::Error,
    },
    #[error("the configuration is another issuer's")]
    OtherIssuer,
    #[error("the configuration says that the keys are on another host")]
    OtherHost,
    #[error("there is no key of RS256 among the keys")]
    NoKeys,
}

/// What is needed of an issuer's configuration.
#[derive(Deserialize)]
struct Configuration {
    issuer: String,
    jwks_uri: String,
}

/// A key set. Each key is read by itself, since there may be some of kinds that nobody knows yet.
#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Value>,
}

#[derive(Deserialize)]
struct Key {
    kty: String,
    kid: String,
    n: String,
    e: String,
    alg: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
}

/// An issuer's keys for RS256, by their names.
pub(super) async fn keys(issuer: &Issuer) -> Result<HashMap<String, RsaKey>, FetchError> {
    let client = client(issuer)?;
    let configuration: Configuration =
        get(&client, issuer.configuration(), "configuration").await?;
    if configuration.issuer != issuer.as_str() {
        return Err(FetchError::OtherIssuer);
    }
    let place = Url::parse(&configuration.jwks_uri).ok();
    let place = place.filter(|place| issuer.has(place));
    let place = place.ok_or(FetchError::OtherHost)?;
    let set: KeySet = get(&client, place, "key set").await?;
    let keys = usable(set);
    if keys.is_empty() {
        return Err(FetchError::NoKeys);
    }
    Ok(keys)
}

fn usable(set: KeySet) -> HashMap<String, RsaKey> {
    let mut keys = HashMap::new();
    for key in set.keys.into_iter().take(MOST_KEYS) {
        let Ok(key) = serde_json::from_value::<Key>(key) else {
            continue;
        };
        let is_ours = key.kty == "RSA"
            && key.alg.is_none_or(|alg| alg == "RS256")
            && key.purpose.is_none_or(|purpose| purpose == "sig");
        if is_ours && let Some(rsa) = RsaKey::of(&key.n, &key.e) {
            keys.entry(key.kid).or_insert(rsa);
        }
    }
    keys
}

/// A client that goes where it is sent and nowhere else.
fn client(issuer: &Issuer) -> Result<Client, FetchError> {
    // reqwest panics without one.
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        return Err(FetchError::Client(None));
    }
    let builder = Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .timeout(PATIENCE)
        .user_agent("atlas-hub");
    let builder = match issuer.is_here() {
        true => builder.no_proxy(),
        false => builder.https_only(true),
    };
    builder
        .build()
        .map_err(|error| FetchError::Client(Some(error.without_url())))
}

async fn get<T: DeserializeOwned>(
    client: &Client,
    url: Url,
    what: &'static str,
) -> Result<T, FetchError> {
    let failed = |source: reqwest::Error| FetchError::Transfer {
        what,
        source: source.without_url(),
    };
    let request = client.get(url).header(ACCEPT, "application/json");
    let mut response = request.send().await.map_err(failed)?;
    let status = response.status();
    if status != StatusCode::OK {
        return Err(FetchError::Status { what, status });
    }
    let mut body = Vec::new();
    while let Some(bytes) = response.chunk().await.map_err(failed)? {
        if body.len() + bytes.len() > LONGEST {
            return Err(FetchError::TooLong { what });
        }
        body.extend_from_slice(&bytes);
    }
    serde_json::from_slice(&body).map_err(|source| FetchError::Form { what, source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_keys_for_signatures_by_rs256_are_taken() {
        let key = |name: &str, more: Value| {
            let mut key = json!({"kty": "RSA", "kid": name, "n": "AQAB", "e": "AQAB"});
            let more = more.as_object().unwrap().clone();
            key.as_object_mut().unwrap().extend(more);
            key
        };
        let mut keys = vec![
            json!(7),
            json!({"kty": "RSA", "n": "AQAB", "e": "AQAB"}),
            key("plain", json!({})),
            key("full", json!({"alg": "RS256", "use": "sig", "x5c": ["x"]})),
            key("full", json!({"n": "AQAC"})),
            key("to encrypt", json!({"use": "enc"})),
            key("PS256", json!({"alg": "PS256"})),
            key("EC", json!({"kty": "EC"})),
            key("no number", json!({"n": "!"})),
            key("zero before it", json!({"n": "AAEAAQ"})),
        ];
        let found = usable(KeySet { keys: keys.clone() });
        let mut names: Vec<&str> = found.keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["full", "plain", "zero before it"]);
        // Of two of one name the first counts.
        assert_eq!(found["full"], found["plain"]);
        assert_eq!(found["zero before it"], found["plain"]);
        keys.extend((0..1000).map(|n| key(&n.to_string(), json!({}))));
        assert!(usable(KeySet { keys }).len() <= MOST_KEYS);
    }
}
