//! Where a request comes from: the address its connection has, or the one that a proxy of the
//! operator's forwards.

use http::HeaderMap;
use ipnet::IpNet;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// The other end of a connection; an extension of every request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// The proxies whose word on addresses is taken.
#[derive(Debug, Clone, Default)]
pub(crate) struct Proxies(Vec<IpNet>);

impl Proxies {
    pub(crate) fn new(trusted: &[IpNet]) -> Self {
        Self(trusted.to_vec())
    }

    /// The address that a request comes from.
    ///
    /// Every proxy appends whom it was asked by, so the list is read from its end for as long as
    /// the address before is a trusted proxy's. What stands further to the left is anybody's claim.
    /// `X-Forwarded-For` goes before `Forwarded`, because the proxies that people run set it.
    pub(crate) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        if !self.trusts(client) {
            return client;
        }
        let mut chain = x_forwarded_for(headers);
        if chain.is_empty() {
            chain = forwarded(headers);
        }
        for claimed in chain.into_iter().rev() {
            // What a trusted proxy did not know, nobody does.
            let Some(address) = claimed else { break };
            client = address;
            if !self.trusts(client) {
                break;
            }
        }
        client
    }

    /// Whether an address is a trusted proxy's.
    pub(crate) fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|net| net.contains(&address))
    }
}

/// What a peer is limited as: an IPv6 host commonly has a whole /64 to choose addresses from.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

fn items<'h>(headers: &'h HeaderMap, name: &str) -> impl Iterator<Item = &'h str> {
    let values = headers.get_all(name).iter();
    values.flat_map(|value| value.to_str().unwrap_or_default().split(','))
}

fn x_forwarded_for(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    items(headers, "x-forwarded-for").map(address).collect()
}

/// RFC 7239: the `for` of every element.
fn forwarded(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    let of = |element: &str| {
        element
            .split(';')
            .find_map(|pair| {
                let (name, value) = pair.trim().split_once('=')?;
                name.eq_ignore_ascii_case("for").then_some(value)
            })
            .and_then(address)
    };
    items(headers, "forwarded").map(of).collect()
}

/// An address as proxies write it: perhaps quoted, in brackets, with a port.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim().trim_matches('"');
    let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']'));
    let parsed = match bare.unwrap_or(text).parse::<IpAddr>() {
        Ok(address) => address,
        Err(_) => text.parse::<SocketAddr>().ok()?.ip(),
    };
    Some(parsed.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};

    fn client(peer: &str, headers: &[(&'static str, &'static str)]) -> String {
        let proxies = Proxies::new(&["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()]);
        let headers = headers.iter().map(|(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        });
        let client = proxies.client(peer.parse().unwrap(), &headers.collect());
        client.to_string()
    }

    #[test]
    fn forwarded_addresses_are_believed_from_trusted_proxies_alone() {
        let (xff, fwd) = ("x-forwarded-for", "forwarded");
        for (peer, headers, expected) in [
            ("192.0.2.1", &[][..], "192.0.2.1"),
            ("192.0.2.1", &[(xff, "198.51.100.7")], "192.0.2.1"),
            ("192.0.2.1", &[(fwd, "for=198.51.100.7")], "192.0.2.1"),
            ("10.1.2.3", &[], "10.1.2.3"),
            ("10.1.2.3", &[(xff, "198.51.100.7")], "198.51.100.7"),
            ("::ffff:10.1.2.3", &[(xff, "198.51.100.7")], "198.51.100.7"),
            // The client's own claim stands to the left of what the proxy saw.
            (
                "10.1.2.3",
                &[(xff, "6.6.6.6, 198.51.100.7")],
                "198.51.100.7",
            ),
            (
                "10.1.2.3",
                &[(xff, "6.6.6.6"), (xff, "198.51.100.7")],
                "198.51.100.7",
            ),
            (
                "10.1.2.3",
                &[(xff, "6.6.6.6, 198.51.100.7, 10.9.9.9")],
                "198.51.100.7",
            ),
            ("10.1.2.3", &[(xff, "nonsense")], "10.1.2.3"),
            ("10.1.2.3", &[(xff, "198.51.100.7, unknown")], "10.1.2.3"),
            ("::1", &[(xff, "[2001:db8::1]:1234")], "2001:db8::1"),
            ("::1", &[(xff, "198.51.100.7:1234")], "198.51.100.7"),
            (
                "10.1.2.3",
                &[(
                    fwd,
                    r#"for=6.6.6.6, For="[2001:db8::1]:99";proto=https;by=10.1.2.3"#,
                )],
                "2001:db8::1",
            ),
            ("10.1.2.3", &[(fwd, "for=_hidden")], "10.1.2.3"),
            (
                "10.1.2.3",
                &[(xff, "198.51.100.7"), (fwd, "for=6.6.6.6")],
                "198.51.100.7",
            ),
        ] {
            assert_eq!(client(peer, headers), expected, "{peer} {headers:?}");
        }
    }

    #[test]
    fn a_whole_64_is_one_peer() {
        let of = |text: &str| network(text.parse().unwrap()).to_string();
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(of("192.0.2.1"), "192.0.2.1");
    }
}
