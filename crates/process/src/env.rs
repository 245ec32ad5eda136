//! The environment, read once, and what of it children get to see.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

/// A snapshot of environment variables.
///
/// Programs take one at their start and pass it on, so that nothing below reads the process's own
/// environment and a test can say exactly what it is. `Debug` shows names only: values may be
/// secret.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Env(BTreeMap<OsString, OsString>);

/// A variable whose value is not UTF-8 where text is needed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the environment variable {0} is not valid UTF-8")]
pub struct NotUtf8(pub String);

impl Env {
    /// The environment this process was started with.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the environment"
    )]
    pub fn capture() -> Self {
        Self(std::env::vars_os().collect())
    }

    /// The value of a variable. On Windows names differ in more than case.
    pub fn get(&self, name: &str) -> Option<&OsStr> {
        self.0
            .get(OsStr::new(name))
            .map(OsString::as_os_str)
            .or_else(|| {
                if cfg!(windows) {
                    self.iter()
                        .find(|(key, _)| key.eq_ignore_ascii_case(name))
                        .map(|(_, value)| value)
                } else {
                    None
                }
            })
    }

    /// The value of a variable as text; unset and empty are the same.
    ///
    /// # Errors
    /// When the value is not UTF-8.
    pub fn text(&self, name: &str) -> Result<Option<&str>, NotUtf8> {
        match self.get(name) {
            None => Ok(None),
            Some(value) => match value.to_str() {
                None => Err(NotUtf8(name.to_owned())),
                Some("") => Ok(None),
                Some(text) => Ok(Some(text)),
            },
        }
    }

    /// Whether a variable is set to anything but nothing.
    pub fn is_set(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| !value.is_empty())
    }

    /// Sets a variable in this snapshot.
    pub fn set(&mut self, name: impl Into<OsString>, value: impl Into<OsString>) {
        self.0.insert(name.into(), value.into());
    }

    /// Removes a variable from this snapshot.
    pub fn remove(&mut self, name: &str) {
        self.0.remove(OsStr::new(name));
    }

    /// All variables, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.0.iter().map(|(k, v)| (k.as_os_str(), v.as_os_str()))
    }

    /// The variables that an allow-list lets through. See [`AllowList`].
    pub fn allowed(&self, list: &AllowList) -> Self {
        Self(
            self.iter()
                .filter(|(name, _)| name.to_str().is_some_and(|name| list.allows(name)))
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        )
    }

    /// This snapshot with every variable of another one set over it.
    #[must_use]
    pub fn with(mut self, other: &Self) -> Self {
        self.0.extend(other.0.clone());
        self
    }
}

impl std::fmt::Debug for Env {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl<N: Into<OsString>, V: Into<OsString>> FromIterator<(N, V)> for Env {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        Self(
            pairs
                .into_iter()
                .map(|(n, v)| (n.into(), v.into()))
                .collect(),
        )
    }
}

/// Which variables a child may see: names, and beginnings of names written `NAME*`.
///
/// A `*` never lets through a name that looks like a secret's; only the exact name does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowList(Vec<String>);

/// Parts of a name that mark its value as a secret.
const SECRET_WORDS: [&str; 7] = [
    "TOKEN",
    "SECRET",
    "PASSWORD",
    "PASSWD",
    "CREDENTIAL",
    "PRIVATE",
    "_KEY",
];

impl AllowList {
    /// What every program needs to find its files, speak to its terminal and know its locale.
    pub fn base() -> Self {
        Self::of(&[
            "PATH",
            "HOME",
            "USER",
            "LOGNAME",
            "SHELL",
            "TMPDIR",
            "TMP",
            "TEMP",
            "LANG",
            "LC_*",
            "TZ",
            "TERM",
            "NO_COLOR",
            "XDG_*",
            "SYSTEMROOT",
            "SYSTEMDRIVE",
            "WINDIR",
            "COMSPEC",
            "PATHEXT",
            "USERPROFILE",
            "APPDATA",
            "LOCALAPPDATA",
            "PROGRAMDATA",
            "PROGRAMFILES*",
            "COMMONPROGRAMFILES*",
            "NUMBER_OF_PROCESSORS",
            "PROCESSOR_ARCHITECTURE",
        ])
    }

    /// What a tool that fetches over the network needs: proxies and trusted certificates.
    #[must_use]
    pub fn network(self) -> Self {
        self.and(&[
            "HTTP_PROXY",
            "HTTPS_PROXY",
            "ALL_PROXY",
            "NO_PROXY",
            "http_proxy",
            "https_proxy",
            "all_proxy",
            "no_proxy",
            "SSL_CERT_FILE",
            "SSL_CERT_DIR",
        ])
    }

    /// What cargo, rustc and the C compilers that build scripts start need, and network access for
    /// fetching dependencies. Of cargo's own variables those that configure it: what a cargo sets
    /// for the programs it runs is not for the next cargo.
    #[must_use]
    pub fn build(self) -> Self {
        self.network().and(&[
            "CARGO_HOME",
            "CARGO_BUILD_*",
            "CARGO_ENCODED_RUSTFLAGS",
            "CARGO_HTTP_*",
            "CARGO_NET_*",
            "CARGO_PROFILE_*",
            "CARGO_REGISTRIES_*",
            "CARGO_REGISTRY_*",
            "CARGO_SOURCE_*",
            "CARGO_TARGET_*",
            "CARGO_TERM_*",
            "CARGO_UNSTABLE_*",
            "RUSTUP_*",
            "RUSTFLAGS",
            "RUSTDOCFLAGS",
            "RUST_BACKTRACE",
            "CC",
            "CC_*",
            "CXX",
            "CXX_*",
            "AR",
            "AR_*",
            "CFLAGS",
            "CFLAGS_*",
            "CXXFLAGS",
            "CXXFLAGS_*",
            "LDFLAGS",
            "PKG_CONFIG*",
            "LD_LIBRARY_PATH",
            "LIBRARY_PATH",
            "CPATH",
            "SDKROOT",
            "DEVELOPER_DIR",
            "MACOSX_DEPLOYMENT_TARGET",
            "INCLUDE",
            "LIB",
            "LIBPATH",
            "VCINSTALLDIR",
            "VCTOOLSINSTALLDIR",
            "WINDOWSSDKDIR",
            "WINDOWSSDKVERSION",
            "VISUALSTUDIOVERSION",
        ])
    }

    /// These names and beginnings of names alone.
    pub fn of<S: AsRef<str>>(patterns: &[S]) -> Self {
        Self(patterns.iter().map(|p| p.as_ref().to_owned()).collect())
    }

    /// This list and more.
    #[must_use]
    pub fn and<S: AsRef<str>>(mut self, patterns: &[S]) -> Self {
        self.0.extend(Self::of(patterns).0);
        self
    }

    /// Whether a variable may be seen. Windows does not tell case apart, so an upper-case pattern
    /// also matches a name in other case.
    pub fn allows(&self, name: &str) -> bool {
        let upper = name.to_ascii_uppercase();
        self.0
            .iter()
            .any(|pattern| match pattern.strip_suffix('*') {
                Some(start) => {
                    upper.starts_with(start)
                        && !SECRET_WORDS.iter().any(|word| upper.contains(word))
                }
                None => pattern == name || *pattern == upper,
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_passes_a_pattern() {
        let list = AllowList::base().build();
        for secret in [
            "ATLAS_APP_DEPLOY_TOKEN",
            "TAURI_SIGNING_PRIVATE_KEY",
            "TAURI_SIGNING_PRIVATE_KEY_PASSWORD",
            "GITHUB_TOKEN",
            "CARGO_REGISTRY_TOKEN",
            "CARGO_REGISTRIES_MINE_TOKEN",
            "CARGO_REGISTRY_CREDENTIAL_PROVIDER",
            "AWS_SECRET_ACCESS_KEY",
            "RUSTUP_SECRET",
        ] {
            assert!(!list.allows(secret), "{secret}");
        }
        for needed in [
            "PATH",
            "Path",
            "CARGO_HOME",
            "CC_x86_64_unknown_linux_gnu",
            "LC_ALL",
        ] {
            assert!(list.allows(needed), "{needed}");
        }
    }

    #[test]
    fn an_exact_name_lets_its_own_secret_through() {
        let env: Env = [("A_TOKEN", "1"), ("B_TOKEN", "2")].into_iter().collect();
        let seen = env.allowed(&AllowList::of(&["A_TOKEN"]));
        assert_eq!(seen.get("A_TOKEN"), Some(OsStr::new("1")));
        assert_eq!(seen.get("B_TOKEN"), None);
    }

    #[test]
    fn values_are_not_shown() {
        let env: Env = [("A_TOKEN", "value")].into_iter().collect();
        assert_eq!(format!("{env:?}"), "{\"A_TOKEN\"}");
    }
}
