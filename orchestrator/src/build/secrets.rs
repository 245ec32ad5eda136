//! Which values of variables may hold a secret, by what they look like. Pure.

use process::is_secret_name;

/// Beginnings of tokens that are known by them, and of keys.
const TOKENS: [&str; 7] = [
    "-----BEGIN",
    "eyJ",
    "ghp_",
    "ghs_",
    "github_pat_",
    "glpat-",
    "xox",
];

/// Whether a value has an address with a user's name or password.
pub(super) fn holds_password(value: &str) -> bool {
    value.split("://").skip(1).any(|rest| host_at(rest) > 0)
}

/// Where the host begins in what follows an address's `://`: behind the user, if there is one. A password
/// may hold what ends a host's name elsewhere, so what an address has before an `@` in its path is taken
/// for a user with a password where a `:` is in it.
fn host_at(rest: &str) -> usize {
    let address = rest.split(char::is_whitespace).next().unwrap_or_default();
    let before = |text: &str| text.rfind('@').map_or(0, |at| at + 1);
    let all = before(address);
    match address[..all].contains(['/', '?', '#']) && !address[..all].contains(':') {
        true => before(address.split(['/', '?', '#']).next().unwrap_or_default()),
        false => all,
    }
}

/// A text without the users of the addresses in it, each with its password. The user alone of ssh stays:
/// it is no secret there, and nobody gets in without.
pub(crate) fn without_users(text: &str) -> String {
    let mut parts = text.split("://");
    let mut kept = parts.next().unwrap_or_default().to_owned();
    for rest in parts {
        let (user, host) = rest.split_at(host_at(rest));
        if kept.ends_with("ssh") && !user.contains(':') {
            kept.extend(["://", user, host]);
        } else {
            kept.extend(["://", host]);
        }
    }
    kept
}

/// Whether a value of unknown use looks like a secret or holds one: an address with a query, which may
/// be signed, a user with a password, a setting or a header whose name says so, a token. Flags look like
/// some of these, so this is for what no compiler reads.
pub(crate) fn may_hold_secret(value: &str) -> bool {
    let query = value.split("://").skip(1).any(|rest| {
        let address = rest.split(char::is_whitespace).next().unwrap_or_default();
        address
            .split_once('?')
            .is_some_and(|(_, query)| query.contains('='))
    });
    let user = |word: &str| {
        let user = word
            .rsplit_once('@')
            .and_then(|(user, _)| user.split_once(':'));
        user.is_some_and(|(name, password)| !name.is_empty() && !password.is_empty())
    };
    let token = |word: &str| TOKENS.iter().any(|start| word.starts_with(start));
    let mut words = value.split(|c: char| c.is_whitespace() || "\"',;".contains(c));
    let mut settings = value.split([';', '&', '?', ',', '\n']);
    holds_password(value)
        || query
        || words.any(|word| user(word) || token(word) || word.eq_ignore_ascii_case("bearer"))
        || settings.any(|setting| {
            let name = setting.split_once(['=', ':']).map(|(name, _)| name.trim());
            let plain = |name: &str| name.replace([' ', '-', '.'], "_");
            name.is_some_and(|name| is_secret_name(&plain(name)))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_with_users() {
        for secret in [
            "redis://me:pa/ss@host",
            "a https://token@h/x",
            "https://token@h/x@2",
        ] {
            assert!(holds_password(secret), "{secret}");
        }
        for open in [
            "https://h/x@2",
            "https://h:1/x",
            "a@b",
            "-DX=https://h me@h",
        ] {
            assert!(!holds_password(open), "{open}");
        }
    }

    #[test]
    fn users_are_taken_out_of_every_address() {
        for (text, expected) in [
            ("http://me:pa/ss@h/x", "http://h/x"),
            (
                "a http://me@h, http://you:pw@i/?b",
                "a http://h, http://i/?b",
            ),
            ("sparse+https://token@h/x@2", "sparse+https://h/x@2"),
            ("ssh://git@h/x", "ssh://git@h/x"),
            ("git+ssh://git:pw@h/x", "git+ssh://h/x"),
            ("https://h/x@2", "https://h/x@2"),
            ("no address, me@h", "no address, me@h"),
        ] {
            assert_eq!(without_users(text), expected);
        }
    }

    #[test]
    fn what_looks_like_a_secret() {
        for secret in [
            "Server=db;Password=hunter2",
            "Server=db; User Id=me; Pwd=hunter2",
            "AccountName=a;AccountKey=hunter2",
            "Authorization: Bearer hunter2",
            "Bearer hunter2",
            "Cookie: a=hunter2",
            "user:hunter2@h/db",
            "https://h/x?sig=hunter2",
            "https://h/x?X-Amz-Signature=hunter2",
            "ghp_hunter2",
            "-----BEGIN PRIVATE KEY-----",
        ] {
            assert!(may_hold_secret(secret), "{secret}");
        }
        for open in [
            "/usr/bin/protoc",
            "C:\\sdk\\bin",
            "1",
            "release=fast;level=3",
            "https://h:1/x",
            "me@example.com",
            "/a:/b",
        ] {
            assert!(!may_hold_secret(open), "{open}");
        }
    }
}
