//! What Apple's tools are told and answer. Pure.

use super::super::CodeSignError;
use super::CERTIFICATE_VAR;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// How many parts at the end of its path tell a keychain from those of other runs: a folder of a name of its own, the
/// private one in it, and the file.
const OWN_END: usize = 3;

/// A certificate with its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    /// Its SHA-1, in hexadecimal digits.
    pub certificate: String,
    /// Whom it is for.
    pub name: String,
}

/// The identities that `security find-identity -v` lists.
pub(super) fn identities(said: &str) -> Vec<Identity> {
    let identity = |line: &str| {
        let (_number, rest) = line.trim().split_once(") ")?;
        let (certificate, name) = rest.split_once(' ')?;
        let is_hex = certificate.len() == 40 && certificate.bytes().all(|b| b.is_ascii_hexdigit());
        let name = name.trim().strip_prefix('"')?;
        let name = name.get(..name.rfind('"')?)?;
        is_hex.then(|| Identity {
            certificate: certificate.to_owned(),
            name: name.to_owned(),
        })
    };
    said.lines().filter_map(identity).collect()
}

/// The identity that signs: the one whose name has what the settings say, or the only one.
pub(super) fn choose(all: &[Identity], named: Option<&str>) -> Result<Identity, CodeSignError> {
    let named = named.unwrap_or_default();
    let fits: Vec<&Identity> = all.iter().filter(|one| one.name.contains(named)).collect();
    let names: Vec<&str> = all.iter().map(|one| one.name.as_str()).collect();
    let why = match fits[..] {
        [one] => return Ok(one.clone()),
        [] if all.is_empty() => {
            "it holds no identity that can sign code: its certificate has run out, or has no key, or its issuer is not known here"
                .to_owned()
        }
        [] => format!("it holds no identity called {named:?} but {}", names.join(", ")),
        _ => format!(
            "it holds {}, and `macos-sign.identity` does not say which signs",
            names.join(", ")
        ),
    };
    let variable = CERTIFICATE_VAR;
    Err(CodeSignError::Credential { variable, why })
}

/// The keychains that `security list-keychains` lists, one in quotes a line.
pub(super) fn keychains(said: &str) -> Vec<PathBuf> {
    let path = |line: &str| {
        let path = line.trim().trim_matches('"');
        (!path.is_empty()).then(|| PathBuf::from(path))
    };
    said.lines().filter_map(path).collect()
}

/// Whether a listed keychain is this one. The system may list the real place of a path that leads through links, so the
/// end counts, which has the folder that is this run's alone.
pub(super) fn is_keychain(listed: &Path, own: &Path) -> bool {
    let mut own = own.components().rev();
    let end: Vec<_> = own.by_ref().take(OWN_END).collect();
    let end: PathBuf = end.into_iter().rev().collect();
    listed.ends_with(end)
}

/// The keychains that are to be listed where this one is no longer, of those that `security` lists by then: other runs may
/// have added theirs. Nothing where it is not among them.
pub(super) fn without(said: &str, own: &Path) -> Option<Vec<PathBuf>> {
    let listed = keychains(said);
    let count = listed.len();
    let others: Vec<PathBuf> = listed
        .into_iter()
        .filter(|path| !is_keychain(path, own))
        .collect();
    (others.len() < count).then_some(others)
}

/// A word as `security` reads it between other words of a line.
pub(super) fn quoted(word: &str) -> String {
    format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Whether the notary's word can be fastened to a file: to disk images and packages, not to bare programs,
/// for which systems ask Apple.
pub(super) fn can_be_stapled(file: &Path) -> bool {
    let ending = file.extension().and_then(|ending| ending.to_str());
    ending.is_some_and(|ending| {
        ["dmg", "pkg"]
            .iter()
            .any(|known| ending.eq_ignore_ascii_case(known))
    })
}

/// What the notary says of a submission.
#[derive(Debug, Deserialize)]
pub(super) struct Submission {
    /// Its number.
    pub id: String,
    /// What has become of it.
    pub status: String,
}

impl Submission {
    /// Reads notarytool's JSON.
    pub fn read(said: &str) -> Result<Self, CodeSignError> {
        let answer = |why: String| CodeSignError::Answer {
            tool: "notarytool",
            why,
        };
        let submission: Self = serde_json::from_str(said).map_err(|e| answer(e.to_string()))?;
        // It becomes an argument.
        let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
        match submission
            .id
            .starts_with(|c: char| c.is_ascii_alphanumeric())
            && submission.id.chars().all(is_plain)
        {
            true => Ok(submission),
            false => Err(answer(format!(
                "{:?} is no number of a submission",
                submission.id
            ))),
        }
    }

    /// Whether Apple has found nothing wrong.
    pub fn is_accepted(&self) -> bool {
        self.status == "Accepted"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "  1) 00112233445566778899AABBCCDDEEFF00112233 \"Developer ID Application: One \"Ltd\" (ABCDE12345)\"\n  \
        2) 10112233445566778899AABBCCDDEEFF00112233 \"Apple Development: Two\"\n     2 valid identities found\n";

    #[test]
    fn one_identity_signs() {
        let all = identities(LIST);
        assert_eq!(all.len(), 2);
        assert_eq!(
            all[0].name,
            "Developer ID Application: One \"Ltd\" (ABCDE12345)"
        );
        assert_eq!(choose(&all, Some("Developer ID")).unwrap(), all[0]);
        assert_eq!(choose(&all[1..], None).unwrap(), all[1]);
        for (of, named, says) in [
            (&all[..], None, "does not say which signs"),
            (
                &all[..],
                Some("Three"),
                "no identity called \"Three\" but Developer ID",
            ),
            (&all[..0], None, "no identity that can sign code"),
        ] {
            let error = choose(of, named).unwrap_err().to_string();
            assert!(
                error.starts_with("APPLE_CERTIFICATE cannot be used"),
                "{error}"
            );
            assert!(error.contains(says), "{error}");
        }
        assert!(identities("     0 valid identities found\n").is_empty());
    }

    #[test]
    fn keychains_are_listed_in_quotes() {
        let said = "    \"/Users/a b/login.keychain-db\"\n    \"/Library/System.keychain\"\n";
        let found = keychains(said);
        assert_eq!(found[0], Path::new("/Users/a b/login.keychain-db"));
        assert_eq!(found.len(), 2);
        assert_eq!(quoted("a \"b\\"), r#""a \"b\\""#);
    }

    #[test]
    fn what_others_have_listed_meanwhile_stays() {
        let own = Path::new("/var/folders/x1/private/sign.keychain-db");
        let list = |paths: &[&str]| -> String {
            paths
                .iter()
                .map(|path| format!("    \"{path}\"\n"))
                .collect()
        };
        let [login, other] = [
            "/Users/me/login.keychain-db",
            "/var/folders/x2/private/sign.keychain-db",
        ];
        for listed in [
            "/var/folders/x1/private/sign.keychain-db",
            "/private/var/folders/x1/private/sign.keychain-db",
        ] {
            let left = without(&list(&[listed, other, login]), own).unwrap();
            assert_eq!(left, [other, login].map(PathBuf::from));
        }
        // Deleting it takes it from the list, too.
        assert_eq!(without(&list(&[other, login]), own), None);
        assert_eq!(
            without(&list(&[own.to_str().unwrap()]), own),
            Some(Vec::new())
        );
    }

    #[test]
    fn only_images_and_packages_are_stapled() {
        for (name, can) in [
            ("a.dmg", true),
            ("a.PKG", true),
            ("atlas-runner-macos-arm64", false),
            ("a.zip", false),
        ] {
            assert_eq!(can_be_stapled(Path::new(name)), can, "{name}");
        }
    }

    #[test]
    fn the_notarys_word_is_read() {
        let read = |id: &str, status: &str| {
            Submission::read(&format!(
                r#"{{"id":"{id}","status":"{status}","message":"m"}}"#
            ))
        };
        assert!(read("2efe2717-52ef", "Accepted").unwrap().is_accepted());
        assert!(!read("2efe2717-52ef", "Invalid").unwrap().is_accepted());
        assert!(read("--key", "Accepted").is_err());
        assert!(Submission::read("no JSON").is_err());
    }
}
