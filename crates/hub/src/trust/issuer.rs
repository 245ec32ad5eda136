//! Whose word is taken on what a job is.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;
use url::{Host, Url};

/// The issuer of GitHub's own runners. GitHub Enterprise has others.
const GITHUB: &str = "https://token.actions.githubusercontent.com";

/// An issuer of ID tokens, written exactly as in their claim `iss`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuer {
    text: String,
    url: Url,
}

/// A text that cannot be an issuer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not an issuer: {why}", text.escape_debug())]
pub struct IssuerError {
    text: String,
    why: &'static str,
}

impl Issuer {
    /// The one of GitHub.
    pub fn github() -> Self {
        // A test below keeps it one that can be read.
        #[expect(clippy::expect_used, reason = "it is a constant")]
        GITHUB.parse().expect("GitHub's issuer is one")
    }

    /// As `iss` has it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Where it says of itself where its keys are.
    pub(crate) fn configuration(&self) -> Url {
        let mut url = self.url.clone();
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{path}/.well-known/openid-configuration"));
        url
    }

    /// Whether an address is of the same host, port and scheme.
    pub(crate) fn has(&self, url: &Url) -> bool {
        url.origin() == self.url.origin() && url.username().is_empty() && url.password().is_none()
    }

    /// Whether it is on this machine.
    pub(crate) fn is_here(&self) -> bool {
        is_loopback(&self.url)
    }
}

impl FromStr for Issuer {
    type Err = IssuerError;

    fn from_str(text: &str) -> Result<Self, IssuerError> {
        let refused = |why| IssuerError {
            text: text.chars().take(200).collect(),
            why,
        };
        let url = Url::parse(text).map_err(|_| refused("it is no address"))?;
        if text.ends_with('/') || text.trim() != text {
            return Err(refused("it ends with a slash, or has spaces around it"));
        }
        let bare = url.query().is_none() && url.fragment().is_none();
        if !bare || !url.username().is_empty() || url.password().is_some() {
            return Err(refused("it has more than scheme, host, port and path"));
        }
        match url.scheme() {
            "https" if url.host().is_some() => {}
            "http" if is_loopback(&url) => {}
            "http" => return Err(refused("plain http is for this machine alone")),
            _ => return Err(refused("expected https://HOST, perhaps with a path")),
        }
        Ok(Self {
            text: text.to_owned(),
            url,
        })
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => Ipv4Addr::is_loopback(&address),
        Some(Host::Ipv6(address)) => Ipv6Addr::is_loopback(&address),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_and_this_machine_are_issuers() {
        assert_eq!(Issuer::github().as_str(), GITHUB);
        for good in [
            "https://token.actions.githubusercontent.com/my-enterprise",
            "https://github.example:8443/_services/token",
            "http://127.0.0.1:4711",
            "http://localhost:4711",
            "http://[::1]:4711/x",
        ] {
            let issuer: Issuer = good.parse().unwrap();
            assert_eq!(issuer.to_string(), good);
            let place = issuer.configuration();
            assert_eq!(
                place.as_str(),
                format!("{good}/.well-known/openid-configuration")
            );
            assert!(issuer.has(&place));
        }
        for bad in [
            "",
            "github",
            "https://",
            "http://issuer.example",
            "http://127.0.0.1.issuer.example",
            "https://issuer.example/",
            " https://issuer.example",
            "https://issuer.example?x",
            "https://issuer.example#x",
            "https://a@issuer.example",
            "ftp://issuer.example",
            "file:///etc/passwd",
        ] {
            assert!(bad.parse::<Issuer>().is_err(), "{bad}");
        }
    }

    #[test]
    fn keys_of_another_host_or_port_are_not_its_own() {
        let issuer: Issuer = "https://issuer.example/x".parse().unwrap();
        let has = |url: &str| issuer.has(&url.parse().unwrap());
        assert!(has("https://issuer.example/keys") && has("https://issuer.example:443/x"));
        for other in [
            "https://issuer.example:444/keys",
            "http://issuer.example/keys",
            "https://keys.issuer.example/",
            "https://issuer.example@other.example/",
            "https://x@issuer.example/keys",
        ] {
            assert!(!has(other), "{other}");
        }
    }
}
