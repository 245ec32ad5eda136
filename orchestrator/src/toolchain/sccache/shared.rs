//! Why a shared cache does not answer. sccache says nothing while it tries, and gives up later than a
//! build is to wait for it; so the address that it is configured with is tried here, for the reason.

use super::config;
use crate::context::World;
use process::Env;
use std::time::Duration;
use tokio::net::TcpStream;
use url::Url;

/// How long a connection may take. It is only tried when minutes are no longer at stake.
const LIMIT: Duration = Duration::from_secs(2);

/// The settings that hold an address: the variable, its place in the configuration file, and the
/// port where none is named.
const ADDRESSES: [(&str, [&str; 2], u16); 7] = [
    ("SCCACHE_REDIS_ENDPOINT", ["redis", "endpoint"], 6379),
    ("SCCACHE_REDIS", ["redis", "url"], 6379),
    (
        "SCCACHE_REDIS_CLUSTER_ENDPOINTS",
        ["redis", "cluster_endpoints"],
        6379,
    ),
    (
        "SCCACHE_MEMCACHED_ENDPOINT",
        ["memcached", "endpoint"],
        11211,
    ),
    ("SCCACHE_MEMCACHED", ["memcached", "url"], 11211),
    ("SCCACHE_WEBDAV_ENDPOINT", ["webdav", "endpoint"], 443),
    ("SCCACHE_ENDPOINT", ["s3", "endpoint"], 443),
];

/// What is the matter with the shared cache that sccache is configured with; nothing, when it has
/// none whose address is known here. The address itself is not told: a password may stand in it.
pub(super) async fn trouble(world: &World) -> Option<String> {
    let (setting, address, port) = configured(&world.env, &config::text(world))?;
    let Some((host, port)) = host_and_port(&address, port) else {
        return Some(format!("{setting} holds no address of a shared cache"));
    };
    let connecting = TcpStream::connect((host.as_str(), port));
    Some(match tokio::time::timeout(LIMIT, connecting).await {
        Ok(Ok(_)) => {
            format!("the shared cache that {setting} names takes connections and does not answer")
        }
        Ok(Err(error)) => {
            format!("the shared cache that {setting} names cannot be reached ({error})")
        }
        Err(_) => format!(
            "the shared cache that {setting} names cannot be reached (no connection within {} s)",
            LIMIT.as_secs()
        ),
    })
}

/// The first setting that holds an address, with the address and its usual port.
fn configured(env: &Env, file: &str) -> Option<(String, String, u16)> {
    let table: toml::Table = file.parse().unwrap_or_default();
    ADDRESSES.iter().find_map(|(variable, [kind, key], port)| {
        let said = env.get(variable).and_then(|value| value.to_str());
        if let Some(said) = said.filter(|said| !said.is_empty()) {
            return Some(((*variable).to_owned(), said.to_owned(), *port));
        }
        let said = table.get("cache")?.get(kind)?.get(key)?.as_str()?;
        Some((format!("cache.{kind}.{key}"), said.to_owned(), *port))
    })
}

/// Host and port of an address, which may lack its scheme and be the first of several.
fn host_and_port(address: &str, port: u16) -> Option<(String, u16)> {
    let first = address.split(',').next()?.trim();
    let url = match first.contains("://") {
        true => Url::parse(first),
        false => Url::parse(&format!("tcp://{first}")),
    };
    let url = url.ok()?;
    let host = url.host_str().filter(|host| !host.is_empty())?;
    // An IPv6 address stands in brackets there, and nowhere else.
    let host = host.trim_matches(['[', ']']).to_owned();
    Some((host, url.port_or_known_default().unwrap_or(port)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_in_all_their_forms() {
        for (address, port, expected) in [
            (
                "redis://me:pa%20ss@cache:7000/1",
                6379,
                Some(("cache", 7000)),
            ),
            ("redis://cache", 6379, Some(("cache", 6379))),
            ("no", 6379, Some(("no", 6379))),
            ("10.0.0.1:1,10.0.0.2:2", 6379, Some(("10.0.0.1", 1))),
            ("tcp://[::1]:11211", 11211, Some(("::1", 11211))),
            ("http://dav/", 443, Some(("dav", 80))),
            ("redis://no such host", 6379, None),
            ("://", 6379, None),
        ] {
            let expected = expected.map(|(host, port)| (host.to_owned(), port));
            assert_eq!(host_and_port(address, port), expected, "{address}");
        }
    }

    #[test]
    fn a_variable_goes_before_the_file() {
        let file = "[cache.redis]\nendpoint = 'redis://file'\n";
        let env: Env = [("SCCACHE_REDIS_ENDPOINT", "redis://env")]
            .into_iter()
            .collect();
        let name = |env: &Env, file: &str| configured(env, file).map(|(name, ..)| name);
        assert_eq!(name(&env, file).unwrap(), "SCCACHE_REDIS_ENDPOINT");
        let file_alone = name(&Env::default(), file);
        assert_eq!(file_alone.unwrap(), "cache.redis.endpoint");
        assert_eq!(name(&Env::default(), "[dist]\nx = 1\n"), None);
    }
}
