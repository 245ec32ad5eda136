//! Taking what nobody else may read out of sccache's words: the server knows passwords, and repeats
//! them in its complaints.

use super::config;
use super::credentials::configuration;
use crate::context::World;
use process::{Env, is_secret_name};

/// The shortest value that is taken out wherever it stands. A shorter one is a switch such as `true`,
/// and stays, unless its name or place says that it is secret. Then it is taken out where it stands as
/// a word: in the middle of other words nobody could tell it, and to take it out there would spoil
/// them and tell where it was.
const SHORTEST: usize = 6;

/// As much of a server's words as fits a warning, in characters.
const LENGTH: usize = 300;

/// What sccache is configured with, by the name of the setting.
#[derive(Clone, Default)]
pub(crate) struct Secrets {
    /// Values and what stands for them, longest values first: one may hold another.
    values: Vec<(String, String)>,
}

impl Secrets {
    /// What the server that a run starts is configured with, by variables or by its file.
    pub(super) fn of(world: &World) -> Self {
        Self::read(&world.env.allowed(&configuration()), &config::text(world))
    }

    fn read(variables: &Env, file: &str) -> Self {
        let mut secrets = Self::default();
        for (name, value) in variables.iter() {
            secrets.add(&name.to_string_lossy(), &value.to_string_lossy());
        }
        // A file that is no TOML is refused by sccache too.
        if let Ok(table) = file.parse::<toml::Table>() {
            secrets.add_table("", &table);
        }
        secrets
            .values
            .sort_by_key(|(value, _)| std::cmp::Reverse(value.len()));
        secrets
    }

    fn add_table(&mut self, above: &str, table: &toml::Table) {
        for (key, value) in table {
            let name = match above {
                "" => key.clone(),
                above => format!("{above}.{key}"),
            };
            self.add_value(&name, value);
        }
    }

    fn add_value(&mut self, name: &str, value: &toml::Value) {
        match value {
            toml::Value::String(text) => self.add(name, text),
            toml::Value::Array(all) => all.iter().for_each(|value| self.add_value(name, value)),
            toml::Value::Table(table) => self.add_table(name, table),
            _ => {}
        }
    }

    fn add(&mut self, name: &str, value: &str) {
        let fields = fields(value).map(|(key, value)| (value, is_secret_name(key)));
        let parts = std::iter::once((value, is_secret_name(name)))
            .chain(password(value).map(|password| (password, true)))
            .chain(fields);
        for (part, is_secret) in parts {
            // Errors quote their values as Rust does.
            for form in [part.to_owned(), part.escape_debug().to_string()] {
                let counts = form.len() >= SHORTEST || (is_secret && !form.is_empty());
                if counts && !self.values.iter().any(|(value, _)| *value == form) {
                    self.values.push((form, format!("${name}")));
                }
            }
        }
    }

    /// The text with the name of a setting in the place of its value, and no users and passwords in
    /// addresses.
    pub(crate) fn redact(&self, text: &str) -> String {
        let mut named = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let before = text[..text.len() - rest.len()].chars().next_back();
            let value = self.values.iter().find_map(|(value, name)| {
                let after = rest.strip_prefix(value.as_str())?;
                let stands = value.len() >= SHORTEST || is_word(before, after.chars().next());
                stands.then_some((after, name))
            });
            match value {
                Some((after, name)) => {
                    named.push_str(name);
                    rest = after;
                }
                None => {
                    named.push(first);
                    rest = &rest[first.len_utf8()..];
                }
            }
        }
        without_users(&named)
    }

    /// The first thing a server complains about in its log.
    pub(super) fn complaint(&self, log: &str) -> Option<String> {
        let words = log
            .lines()
            .skip_while(|line| !line.starts_with("sccache: "))
            .take_while(|line| {
                !line.starts_with("Backtrace") && !line.starts_with("Stack backtrace")
            })
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .collect::<Vec<_>>()
            .join(" ");
        let words = words
            .trim_start_matches("sccache: ")
            .trim_start_matches("error: ");
        let mut text = self.redact(words);
        if let Some((end, _)) = text.char_indices().nth(LENGTH) {
            text.truncate(end);
            text.push('…');
        }
        (!text.is_empty()).then_some(text)
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets(***)")
    }
}

/// Whether what stands between two characters is no part of a longer word.
fn is_word(before: Option<char>, after: Option<char>) -> bool {
    let goes_on = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    !goes_on(before) && !goes_on(after)
}

/// The password in an address such as `redis://user:password@host`.
fn password(address: &str) -> Option<&str> {
    let (_, rest) = address.split_once("://")?;
    let (user, _) = rest.rsplit_once('@')?;
    user.split_once(':').map(|(_, password)| password)
}

/// The names and values in a text such as `AccountName=name;AccountKey=key`.
fn fields(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split(';').filter_map(|field| field.split_once('='))
}

/// The text with `…` in the place of the users and passwords of its addresses. Where it is not clear
/// how far they reach, more is taken rather than less.
fn without_users(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        out.push_str(before);
        out.push_str("://");
        let end = after
            .find(|c: char| c.is_whitespace() || matches!(c, '"' | '`' | '<' | '>'))
            .unwrap_or(after.len());
        let (address, next) = after.split_at(end);
        match address.rsplit_once('@') {
            Some((_, host)) => {
                out.push_str("…@");
                out.push_str(host);
                rest = next;
            }
            None => rest = after,
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(variables: &[(&'static str, &'static str)]) -> Env {
        variables.iter().copied().collect()
    }

    #[test]
    fn a_complaint_is_short_and_holds_no_secrets() {
        let log = "noise\nsccache: error: cache storage failed to read: refused\n\nContext:\n   \
                   url: redis://me:hunter22@cache:6379/\n   key: hunter22\n\nBacktrace:\n   0: x\n";
        let secrets = Secrets::read(
            &env(&[
                ("SCCACHE_REDIS", "redis://me:hunter22@cache:6379/"),
                ("A", "error"),
            ]),
            "",
        );
        assert_eq!(
            secrets.complaint(log).unwrap(),
            "cache storage failed to read: refused Context: url: $SCCACHE_REDIS key: $SCCACHE_REDIS"
        );
        assert_eq!(secrets.complaint(""), None);
        let long = format!("sccache: error: {}", "é".repeat(1000));
        assert_eq!(
            secrets.complaint(&long).unwrap().chars().count(),
            LENGTH + 1
        );
    }

    #[test]
    fn values_of_the_file_are_secrets_too() {
        let file = "[cache.redis]\nendpoint = 'redis://cache:1'\npassword = 'pass\"word'\n\
                    [[dist.toolchains]]\ntype = 'long enough'\n[cache.azure]\n\
                    connection_string = 'AccountName=somebody;AccountKey=c2VjcmV0=='\n";
        let secrets = Secrets::read(&Env::default(), file);
        for (said, told) in [
            (r#"password pass"word"#, "password $cache.redis.password"),
            (r#"Some("pass\"word")"#, r#"Some("$cache.redis.password")"#),
            ("long enough", "$dist.toolchains.type"),
            ("key c2VjcmV0==", "key $cache.azure.connection_string"),
            ("at redis://cache:1: no", "at $cache.redis.endpoint: no"),
        ] {
            assert_eq!(secrets.redact(said), told);
        }
        assert_eq!(format!("{secrets:?}"), "Secrets(***)");
        assert_eq!(
            Secrets::read(&Env::default(), "no [toml").redact("no"),
            "no"
        );
    }

    #[test]
    fn the_longest_value_is_taken_and_no_name_is_taken_for_a_value() {
        let secrets = Secrets::read(
            &env(&[
                ("A", "secret"),
                ("B", "my-secret-word"),
                ("SECRETS", "SECRETS"),
            ]),
            "",
        );
        assert_eq!(
            secrets.redact("my-secret-word, secret, SECRETS"),
            "$B, $A, $SECRETS"
        );
    }

    #[test]
    fn a_short_secret_is_taken_out_where_it_stands_as_a_word() {
        let file = "[cache.azure]\nconnection_string = 'AccountName=me;AccountKey=k0'\n\
                    [dist.auth]\ntoken = 'T'\n";
        let secrets = Secrets::read(
            &env(&[
                ("SCCACHE_REDIS_PASSWORD", "abc"),
                ("SCCACHE_REDIS", "redis://me:x-1@h"),
                ("SCCACHE_S3_USE_SSL", "true"),
                ("SCCACHE_WEBDAV_TOKEN", ""),
            ]),
            file,
        );
        for (said, told) in [
            (
                "no abc, (abc) abcd xabc abc_",
                "no $SCCACHE_REDIS_PASSWORD, \
              ($SCCACHE_REDIS_PASSWORD) abcd xabc abc_",
            ),
            ("password=abc", "password=$SCCACHE_REDIS_PASSWORD"),
            ("x-1 is refused", "$SCCACHE_REDIS is refused"),
            ("key k0 of me", "key $cache.azure.connection_string of me"),
            ("token T, Tom", "token $dist.auth.token, Tom"),
            ("SSL is true", "SSL is true"),
        ] {
            assert_eq!(secrets.redact(said), told);
        }
    }

    #[test]
    fn addresses_lose_their_users() {
        let secrets = Secrets::default();
        for (said, told) in [
            ("redis://me:pa/ss@host:1/ x@y", "redis://…@host:1/ x@y"),
            (
                "<https://tok@a/b>, https://c/d",
                "<https://…@a/b>, https://c/d",
            ),
            ("r://a:b@h1,r://c:d@h2 r://e:f@h3", "r://…@h2 r://…@h3"),
            ("a plain é text", "a plain é text"),
            ("s3://", "s3://"),
        ] {
            assert_eq!(secrets.redact(said), told);
        }
    }
}
