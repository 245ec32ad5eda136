//! Addresses: the Hub's own, and the rule for which others an answer may send the client to.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;
use url::{Host, Url};

/// Everything but the unreserved characters of RFC 3986, section 2.3. `+` is escaped too, because
/// some servers read it as a space.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The longest address that is gone to, in bytes: signed ones have some two thousand, and servers take eight
/// thousand and more.
pub(crate) const LONGEST: usize = 32 * 1024;

/// The longest address of a Hub, in bytes: calls and their query stand behind it.
const LONGEST_HUB: usize = 2048;

/// Why a text cannot be the Hub's address. The text itself is not repeated: it may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HubUrlError {
    /// Nothing stands there.
    #[error("the Hub's address is empty")]
    Empty,
    /// It cannot be read as an address.
    #[error("the Hub's address cannot be read: {0}")]
    Malformed(String),
    /// Nothing that long is an address.
    #[error("the Hub's address is longer than {LONGEST_HUB} bytes")]
    TooLong,
    /// Another scheme, or none.
    #[error("the Hub's address must begin with https:// (or http:// for this machine)")]
    Scheme,
    /// A user name or password stands in it.
    #[error(
        "the Hub's address must not hold a user name or password: the deploy token is given apart"
    )]
    Credentials,
    /// It ends with `?…` or `#…`.
    #[error("the Hub's address must not have a query or a fragment")]
    Query,
    /// Plain http to another machine.
    #[error(
        "http://{host} is refused: over plain http the deploy token would travel readable; only this machine (localhost, 127.0.0.0/8, [::1]) may be addressed so, use https://"
    )]
    PlainHttp {
        /// The host that was meant.
        host: String,
    },
}

/// The address of a Hub, perhaps with a path prefix, without a trailing slash.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct HubUrl {
    url: Url,
    /// The path prefix: empty, or a path that begins with a slash and does not end with one.
    prefix: String,
}

impl HubUrl {
    /// Reads an address such as `https://hub.example` or `https://example.org/hub/`.
    ///
    /// # Errors
    /// When it is not an http or https address, holds credentials, a query or a fragment, or is
    /// plain http to another machine.
    pub fn parse(text: &str) -> Result<Self, HubUrlError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(HubUrlError::Empty);
        }
        // The URL standard's parser forgives these; an address that needs it is a slip.
        if text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '\\') {
            let why = "it holds a space, a control character or a backslash";
            return Err(HubUrlError::Malformed(why.to_owned()));
        }
        let scheme = text.split_once("://").map(|(s, _)| s.to_ascii_lowercase());
        if !matches!(scheme.as_deref(), Some("http" | "https")) {
            return Err(HubUrlError::Scheme);
        }
        let mut url = Url::parse(text).map_err(|e| HubUrlError::Malformed(e.to_string()))?;
        if has_credentials(&url) {
            return Err(HubUrlError::Credentials);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(HubUrlError::Query);
        }
        if url.scheme() == "http" && !is_loopback(&url) {
            return Err(HubUrlError::PlainHttp {
                host: host_of(&url),
            });
        }
        if url.as_str().len() > LONGEST_HUB {
            return Err(HubUrlError::TooLong);
        }
        if !can_be_sent(&url) {
            return Err(HubUrlError::Malformed("it names no host".to_owned()));
        }
        let prefix = url.path().trim_end_matches('/').to_owned();
        url.set_path(&prefix);
        Ok(Self { url, prefix })
    }

    /// The host, with the port where one was given: what messages name the Hub by.
    pub fn host(&self) -> String {
        host_of(&self.url)
    }

    pub(crate) fn as_url(&self) -> &Url {
        &self.url
    }

    /// The address of a call: each segment is escaped as a whole.
    pub(crate) fn endpoint(&self, segments: &[&str], query: Option<&str>) -> Url {
        let mut path = self.prefix.clone();
        for segment in segments {
            path.push('/');
            path.extend(utf8_percent_encode(segment, SEGMENT));
        }
        let mut url = self.url.clone();
        url.set_path(&path);
        url.set_query(query);
        url
    }
}

impl FromStr for HubUrl {
    type Err = HubUrlError;

    fn from_str(text: &str) -> Result<Self, HubUrlError> {
        Self::parse(text)
    }
}

impl fmt::Display for HubUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.url.as_str().trim_end_matches('/'))
    }
}

impl fmt::Debug for HubUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HubUrl({self})")
    }
}

/// Whether a request can be made to an address: what may stand in one is more than what HTTP takes.
pub(crate) fn can_be_sent(url: &Url) -> bool {
    url.as_str().len() <= LONGEST && http::Uri::try_from(url.as_str()).is_ok()
}

/// Whether an answer that came from `from` may send the client on to `to`; the reason when not.
///
/// Encryption is never given up on the way, and a server elsewhere may not point the client at
/// services of the machine it runs on.
pub(crate) fn may_go(from: &Url, to: &Url) -> Result<(), &'static str> {
    if to.host().is_none() {
        return Err("it names no host");
    }
    if has_credentials(to) {
        return Err("it holds a user name or password");
    }
    match to.scheme() {
        "https" if is_this_machine(to) && !is_loopback(from) => {
            Err("it points back at this machine")
        }
        "https" => Ok(()),
        "http" if from.scheme() == "http" && is_loopback(from) && is_loopback(to) => Ok(()),
        "http" => Err("it is plain http, not https"),
        _ => Err("it is neither https nor http"),
    }
}

/// The host and the port where one was given, for messages.
pub fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or("an address without a host");
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// Whether plain http to it stays on this machine.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

/// Wider than [`is_loopback`]: every spelling that may end up at this machine or its own link.
fn is_this_machine(url: &Url) -> bool {
    let v4 = |ip: Ipv4Addr| ip.is_loopback() || ip.is_unspecified() || ip.is_link_local();
    let v6 = |ip: Ipv6Addr| ip.is_loopback() || ip.is_unspecified() || ip.is_unicast_link_local();
    match url.host() {
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            name == "localhost" || name.ends_with(".localhost")
        }
        Some(Host::Ipv4(ip)) => v4(ip),
        Some(Host::Ipv6(ip)) => v6(ip) || ip.to_ipv4_mapped().is_some_and(v4),
        None => false,
    }
}

pub(crate) fn has_credentials(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_loses_white_space_and_slashes_and_keeps_its_prefix() {
        for (text, shown, host) in [
            (
                " https://hub.example/ \n",
                "https://hub.example",
                "hub.example",
            ),
            (
                "https://hub.example///",
                "https://hub.example",
                "hub.example",
            ),
            (
                "HTTPS://Hub.Example:8443/a/b//",
                "https://hub.example:8443/a/b",
                "hub.example:8443",
            ),
            ("http://127.9.9.9:80", "http://127.9.9.9", "127.9.9.9"),
            ("http://[::1]:8080/", "http://[::1]:8080", "[::1]:8080"),
            (
                "http://localhost:1/x",
                "http://localhost:1/x",
                "localhost:1",
            ),
        ] {
            let hub = HubUrl::parse(text).unwrap();
            assert_eq!(
                (hub.to_string().as_str(), hub.host().as_str()),
                (shown, host)
            );
            let url = hub.endpoint(&["api", "v1"], None);
            assert_eq!(url.as_str().trim_end_matches("/api/v1"), shown);
        }
    }

    #[test]
    fn addresses_that_would_leak_or_mislead_are_refused() {
        let why = |text: &str| HubUrl::parse(text).unwrap_err().to_string();
        for text in [
            "",
            "  ",
            "hub.example",
            "localhost:8080",
            "ftp://hub.example",
            "https:hub.example",
        ] {
            assert!(HubUrl::parse(text).is_err(), "{text:?}");
        }
        for text in [
            "https://",
            "https://a b",
            "https://a\\b",
            "https://hub.example:99999",
        ] {
            assert!(
                matches!(HubUrl::parse(text), Err(HubUrlError::Malformed(_))),
                "{text:?}"
            );
        }
        assert!(!why("https://me:hunter2@hub.example").contains("hunter2"));
        assert_eq!(
            HubUrl::parse("https://hub.example?x=1"),
            Err(HubUrlError::Query)
        );
        assert_eq!(
            HubUrl::parse("https://hub.example#x"),
            Err(HubUrlError::Query)
        );
        for text in [
            "http://hub.example",
            "http://localhost.evil.example",
            "http://10.0.0.1",
            "http://0.0.0.0",
        ] {
            assert!(
                why(text).contains("the deploy token would travel readable"),
                "{text:?}"
            );
        }
    }

    #[test]
    fn a_version_is_escaped_as_one_segment() {
        let hub = HubUrl::parse("https://hub.example/base").unwrap();
        assert_eq!(
            hub.endpoint(&["r", "1.0.0-a_b~c+d/e?f#g h%"], Some("channel=beta"))
                .as_str(),
            "https://hub.example/base/r/1.0.0-a_b~c%2Bd%2Fe%3Ff%23g%20h%25?channel=beta"
        );
    }

    #[test]
    fn a_server_elsewhere_cannot_send_the_client_to_http_or_to_this_machine() {
        let go =
            |from: &str, to: &str| may_go(&Url::parse(from).unwrap(), &Url::parse(to).unwrap());
        let hub = "https://hub.example";
        assert!(go(hub, "https://storage.example/x?sig=1").is_ok());
        assert!(go("http://localhost:1", "http://127.0.0.1:2/x").is_ok());
        assert!(go("http://localhost:1", "https://storage.example/x").is_ok());
        for to in [
            "http://storage.example/x",
            "http://127.0.0.1/x",
            "https://127.0.0.1/x",
            "https://localhost/x",
            "https://localhost./x",
            "https://a.localhost/x",
            "https://[::1]/x",
            "https://[::ffff:127.0.0.1]/x",
            "https://0.0.0.0/x",
            "https://169.254.169.254/x",
            "https://user@storage.example/x",
            "ftp://storage.example/x",
            "file:///etc/passwd",
        ] {
            assert!(go(hub, to).is_err(), "{to}");
        }
        assert!(go("http://127.0.0.1:1", "http://storage.example/x").is_err());
        assert!(go("https://localhost:1", "http://localhost:2/x").is_err());
    }

    #[test]
    fn what_http_does_not_take_is_no_address() {
        let long = |length: usize| format!("https://hub.example/{}", "a".repeat(length));
        assert!(HubUrl::parse(&long(2000)).is_ok());
        assert_eq!(HubUrl::parse(&long(70_000)), Err(HubUrlError::TooLong));
        // Escaped it is nine times as long.
        let wide = format!("https://hub.example/{}", "€".repeat(400));
        assert_eq!(HubUrl::parse(&wide), Err(HubUrlError::TooLong));
        let sent = |text: &str| can_be_sent(&Url::parse(text).unwrap());
        assert!(sent(&long(30_000)));
        assert!(!sent(&long(LONGEST)));
        assert!(!sent("https://a{b}/x"));
        assert!(matches!(
            HubUrl::parse("https://a{b}/x"),
            Err(HubUrlError::Malformed(_))
        ));
    }
}
