//! Why a server did not start, from what it has written, without what nobody else may read.

use process::Env;

/// The shortest value that is taken out of a log: shorter ones are switches such as `true`, and
/// taking them out would only spoil words.
const SHORTEST: usize = 6;

/// As much of a server's words as fits a warning, in characters.
const LENGTH: usize = 300;

/// The first thing a server complains about, with every value of its configuration replaced by the
/// variable's name: addresses may hold passwords.
pub(super) fn complaint(log: &str, configuration: &Env) -> Option<String> {
    let words = log
        .lines()
        .skip_while(|line| !line.starts_with("sccache: "))
        .take_while(|line| !line.starts_with("Backtrace") && !line.starts_with("Stack backtrace"))
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join(" ");
    let mut text = words
        .trim_start_matches("sccache: ")
        .trim_start_matches("error: ")
        .to_owned();
    for (name, value) in configuration.iter() {
        let (name, value) = (name.to_string_lossy(), value.to_string_lossy());
        for secret in std::iter::once(&*value).chain(password(&value)) {
            if secret.len() >= SHORTEST {
                text = text.replace(secret, &format!("${name}"));
            }
        }
    }
    if let Some((end, _)) = text.char_indices().nth(LENGTH) {
        text.truncate(end);
        text.push('…');
    }
    (!text.is_empty()).then_some(text)
}

/// The password in an address such as `redis://user:password@host`.
fn password(address: &str) -> Option<&str> {
    let (_, rest) = address.split_once("://")?;
    let (user, _) = rest.rsplit_once('@')?;
    user.split_once(':').map(|(_, password)| password)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complaint_is_short_and_holds_no_secrets() {
        let log = "noise\nsccache: error: cache storage failed to read: refused\n\nContext:\n   \
                   url: redis://me:hunter22@cache:6379/\n   key: hunter22\n\nBacktrace:\n   0: x\n";
        let env: Env = [
            ("SCCACHE_REDIS", "redis://me:hunter22@cache:6379/"),
            ("A", "error"),
        ]
        .into_iter()
        .collect();
        assert_eq!(
            complaint(log, &env).unwrap(),
            "cache storage failed to read: refused Context: url: $SCCACHE_REDIS key: $SCCACHE_REDIS"
        );
        assert_eq!(complaint("", &env), None);
        let long = format!("sccache: error: {}", "é".repeat(1000));
        assert_eq!(complaint(&long, &env).unwrap().chars().count(), LENGTH + 1);
    }
}
