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

/// Whether a value is an address with a user's name or password. A password may hold what ends a
/// host's name elsewhere, so an address with both `:` and `@` in its path is taken for one too.
pub(super) fn holds_password(value: &str) -> bool {
    let after = value.split("://").skip(1);
    let mut users = after.filter_map(|rest| {
        let address = rest.split(char::is_whitespace).next().unwrap_or_default();
        Some(address.rsplit_once('@')?.0)
    });
    users.any(|user| !user.contains('/') || user.contains(':'))
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
        for secret in ["redis://me:pa/ss@host", "a https://token@h/x"] {
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
