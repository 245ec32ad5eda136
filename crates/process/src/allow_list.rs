//! What of the environment children get to see. Which lists a child needs is for callers to know.

use crate::NameCase;
use std::borrow::Cow;

/// Which variables a child may see: names, and beginnings of names written `NAME*`.
///
/// A pattern without lower-case letters matches names in any case, one with them only names that
/// are written alike. A `*` never lets through a name that looks like a secret's; only the exact
/// name does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowList(Vec<String>);

/// Parts of a name that mark its value as a secret. Words are cheap: what one of them catches by
/// mistake can still be named exactly.
const SECRET_WORDS: [&str; 10] = [
    "TOKEN",
    "SECRET",
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "CREDENTIAL",
    // It is seldom alone: what signs comes with its private key, in one file.
    "CERTIFICATE",
    "KEYSTORE",
    "PRIVATE",
    "_KEY",
];

/// What a word between underscores ends with in a secret's name: `DB_PASS`, `DBPASS`, `OAUTH`. The last ones are what
/// files with private keys are called by.
const SECRET_ENDS: [&str; 12] = [
    "PASS", "PWD", "AUTH", "COOKIE", "COOKIES", "JKS", "KEYCHAIN", "P12", "P8", "PFX", "PKCS12",
    "PKCS8",
];

/// Whole words between underscores, which stand within harmless longer ones (`PATH`).
const SECRET_PARTS: [&str; 11] = [
    "AUTHORIZATION",
    // What has to be written so is no text, and what is none is seldom a setting: a file with a key.
    "B64",
    "BASE64",
    "BEARER",
    "CRED",
    "CREDS",
    "JWT",
    "PAT",
    "PEM",
    "SIG",
    "SIGNATURE",
];

/// Whether the name of a variable, in upper case, looks like a secret's.
///
/// `_KEY` counts anywhere, because keys also come as `…_KEY_BASE64` or `…_KEY_1`. What begins the
/// keys of a cache, `…_KEY_PREFIX`, is none; the rest of such a name is looked at all the same.
fn is_secret(name: &str) -> bool {
    let name = name.strip_suffix("_KEY_PREFIX").unwrap_or(name);
    let secret_part = |part: &str| {
        SECRET_PARTS.contains(&part) || SECRET_ENDS.iter().any(|end| part.ends_with(end))
    };
    name.ends_with("KEY")
        || SECRET_WORDS.iter().any(|word| name.contains(word))
        || name.split('_').any(secret_part)
}

/// Whether a name, of a variable or a setting and in any case, looks like a secret's. What is taken for
/// one by mistake is only handled with more care.
pub fn is_secret_name(name: &str) -> bool {
    is_secret(&name.to_ascii_uppercase())
}

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
            // With the name of a target behind it; other names begin alike and are no compilers.
            "CC",
            "CC_x86_64*",
            "CC_aarch64*",
            "CXX",
            "CXX_x86_64*",
            "CXX_aarch64*",
            "AR",
            "AR_*",
            "CFLAGS",
            "CFLAGS_*",
            "CXXFLAGS",
            "CXXFLAGS_*",
            // What the `cc` crate reads for build scripts' own machine and for the target.
            "HOST_CC",
            "HOST_CXX",
            "HOST_AR",
            "HOST_CFLAGS",
            "HOST_CXXFLAGS",
            "TARGET_CC",
            "TARGET_CXX",
            "TARGET_AR",
            "TARGET_CFLAGS",
            "TARGET_CXXFLAGS",
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

    /// Whether a variable may be seen on a system that tells names apart exactly.
    pub fn allows(&self, name: &str) -> bool {
        self.lets_through(name, NameCase::Exact)
    }

    pub(crate) fn lets_through(&self, name: &str, case: NameCase) -> bool {
        let upper = name.to_ascii_uppercase();
        self.0.iter().any(|pattern| {
            let pattern: Cow<'_, str> = match case {
                NameCase::Exact => pattern.into(),
                NameCase::Ignored => pattern.to_ascii_uppercase().into(),
            };
            // Only a pattern without lower-case letters can be found in an upper-case name.
            match pattern.strip_suffix('*') {
                Some(start) => {
                    (name.starts_with(start) || upper.starts_with(start)) && !is_secret(&upper)
                }
                None => pattern == name || pattern == upper,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Env;
    use std::ffi::OsStr;

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
            "CC_TEST_REPORTER_ID",
            "CARGO_REGISTRIES_MINE_AUTH",
            "CARGO_HTTP_PROXY_PASS",
        ] {
            assert!(!list.allows(secret), "{secret}");
        }
        let list = AllowList::of(&["MY_*"]);
        for secret in [
            "MY_PASS",
            "MY_DBPASS",
            "MY_PWD",
            "MY_OAUTH",
            "MY_CREDS",
            "MY_PAT",
            "my_jwt",
            "MY_BEARER",
            "MY_COOKIE_1",
            "MY_CERT_PEM",
            // Files with private keys, such as Apple's and Windows' tools sign with.
            "MY_CERTIFICATE",
            "MY_CERTIFICATES_BASE64",
            "MY_CERT_BASE64",
            "MY_P12",
            "MY_P12_BASE64",
            "MY_B64_PFX",
            "MY_APPPFX",
            "MY_PKCS12",
            "MY_P8",
            "MY_KEYSTORE_FILE",
            "MY_JKS",
            "MY_KEYCHAIN",
        ] {
            assert!(!list.allows(secret), "{secret}");
            assert!(AllowList::of(&[secret]).allows(secret), "{secret}");
        }
        let list = AllowList::of(&["APPLE_*", "WIN_*"]);
        for secret in ["APPLE_CERTIFICATE", "WIN_B64_PFX"] {
            assert!(!list.allows(secret), "{secret}");
        }
        assert!(list.allows("APPLE_TEAM_ID"));
        let list = AllowList::of(&["MY_*"]);
        for harmless in [
            "MY_PATH",
            "MY_AUTHOR",
            "MY_PATTERN",
            "MY_PASSES",
            "MY_SIGNED",
            // What servers are known by is public.
            "MY_CA_CERTS",
            "MY_CERT",
            "MY_MP3",
        ] {
            assert!(list.allows(harmless), "{harmless}");
        }
        let list = AllowList::base().build();
        for needed in [
            "PATH",
            "Path",
            "CARGO_HOME",
            "CC_x86_64_unknown_linux_gnu",
            "HOST_CC",
            "TARGET_CFLAGS",
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
    fn a_pattern_with_lower_case_letters_matches_what_is_written_alike() {
        let list = AllowList::of(&["my_sdk_*", "Mixed_Case", "UPPER_*", "EXACT"]);
        for seen in [
            "my_sdk_root",
            "Mixed_Case",
            "UPPER_x",
            "upper_x",
            "Exact",
            "exact",
        ] {
            assert!(list.allows(seen), "{seen}");
        }
        for hidden in ["MY_SDK_ROOT", "my_sdk_token", "MIXED_CASE", "exact_"] {
            assert!(!list.allows(hidden), "{hidden}");
        }
        // Where case means nothing, it means nothing in a pattern either.
        let vars = [("MY_SDK_ROOT", "1"), ("mixed_case", "2"), ("other", "3")];
        let seen = Env::of(NameCase::Ignored, vars).allowed(&list);
        assert_eq!(
            seen,
            Env::of(NameCase::Ignored, vars.into_iter().take(2)),
            "{seen:?}"
        );
    }

    #[test]
    fn the_beginning_of_a_caches_keys_is_no_secret() {
        let list = AllowList::of(&["S_*", "MY_*"]);
        for seen in ["S_S3_KEY_PREFIX", "S_REDIS_KEY_PREFIX", "s_gha_key_prefix"] {
            assert!(list.allows(seen), "{seen}");
        }
        for secret in [
            "S_KEY",
            "S_APIKEY",
            "S_KEY_BASE64",
            "S_KEY_1",
            "S_PRIVATE_KEY_PREFIX",
            "S_TOKEN_KEY_PREFIX",
            "S_SIGNING_KEY_KEY_PREFIX",
            "S_PASSPHRASE",
            "s_access_key",
        ] {
            assert!(!list.allows(secret), "{secret}");
        }
    }
}
