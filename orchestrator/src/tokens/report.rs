//! What is told of tokens: documents for programs, lines for people.

use super::Owner;
use crate::text::{one_line, table};
use jiff::Timestamp;
use release_types::{AppToken, PackId};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Serialize, Serializer};
use std::fmt;
use std::path::PathBuf;

/// The version of these documents' form.
const FORMAT: u32 = 1;

/// What the columns of a list are.
const COLUMNS: [&str; 7] = [
    "ID",
    "NAME",
    "PREFIX",
    "STATE",
    "CREATED",
    "LAST USED",
    "EXPIRES",
];

/// A token's text, which `Debug` does not show and JSON does.
#[derive(Debug, Clone)]
pub struct Shown(SecretString);

impl Shown {
    /// A text that is shown this once.
    pub fn new(text: String) -> Self {
        Self(text.into())
    }

    /// The text.
    pub fn text(&self) -> &str {
        self.0.expose_secret()
    }
}

impl Serialize for Shown {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.text())
    }
}

/// A token that was issued.
#[derive(Debug, Clone, Serialize)]
pub struct Issued {
    /// The version of this document's form.
    pub format: u32,
    /// The Hub's address.
    pub hub: String,
    /// Whose token, where it is a pack's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pack: Option<PackId>,
    /// What it is, but for its text.
    #[serde(flatten)]
    pub record: Listed,
    /// The token, where it was not written into a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<Shown>,
    /// The file that it was written into.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<PathBuf>,
}

/// The tokens that a Hub knows.
#[derive(Debug, Clone, Serialize)]
pub struct Tokens {
    /// The version of this document's form.
    pub format: u32,
    /// The Hub's address.
    pub hub: String,
    /// Whose tokens, where they are a pack's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pack: Option<PackId>,
    /// As the Hub lists them: newest first.
    pub tokens: Vec<Listed>,
}

/// A token that no longer works.
#[derive(Debug, Clone, Serialize)]
pub struct Revoked {
    /// The version of this document's form.
    pub format: u32,
    /// The Hub's address.
    pub hub: String,
    /// Whose token, where it is a pack's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pack: Option<PackId>,
    /// Its id.
    pub id: String,
    /// Since when.
    pub revoked_at: Timestamp,
}

/// Whether a token works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TokenState {
    /// It does.
    Active,
    /// Its time is over.
    Expired,
    /// It was revoked.
    Revoked,
}

/// A token without its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// What it is revoked by.
    pub id: String,
    /// What its owner calls it.
    pub name: Option<String>,
    /// Its first characters.
    pub prefix: String,
    /// Whether it works, by this machine's clock.
    pub state: TokenState,
    /// When it was issued.
    pub created_at: Timestamp,
    /// When it was last used.
    pub last_used_at: Option<Timestamp>,
    /// When it stops working.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

impl Listed {
    /// What the Hub tells of a token, at a time.
    pub fn new(record: AppToken, now: Timestamp) -> Self {
        let state = match (record.revoked_at, record.expires_at) {
            (Some(_), _) => TokenState::Revoked,
            (None, Some(end)) if end <= now => TokenState::Expired,
            (None, _) => TokenState::Active,
        };
        Self {
            id: record.id,
            name: record.name,
            prefix: record.token_prefix,
            state,
            created_at: record.created_at,
            last_used_at: record.last_used_at,
            expires_at: record.expires_at,
            revoked_at: record.revoked_at,
        }
    }

    fn cells(&self) -> [String; 7] {
        let time = |at: Option<Timestamp>, none: &str| match at {
            Some(at) => format!("{at:.0}"),
            None => none.to_owned(),
        };
        let state = match self.state {
            TokenState::Active => "active",
            TokenState::Expired => "expired",
            TokenState::Revoked => "revoked",
        };
        let name = self.name.as_deref().filter(|name| !name.is_empty());
        [
            one_line(&self.id),
            one_line(name.unwrap_or("-")),
            one_line(&self.prefix),
            state.to_owned(),
            time(Some(self.created_at), "-"),
            time(self.last_used_at, "never"),
            time(self.expires_at, "never"),
        ]
    }
}

impl Issued {
    /// Of a token that was just issued.
    pub fn new(hub: String, owner: &Owner, record: Listed) -> Self {
        Self {
            format: FORMAT,
            hub,
            pack: owner.pack().cloned(),
            record,
            token: None,
            output: None,
        }
    }
}

impl Tokens {
    /// Of all that a Hub lists.
    pub fn new(hub: String, owner: &Owner, records: Vec<AppToken>, now: Timestamp) -> Self {
        let listed = records.into_iter().map(|record| Listed::new(record, now));
        Self {
            format: FORMAT,
            hub,
            pack: owner.pack().cloned(),
            tokens: listed.collect(),
        }
    }
}

impl Revoked {
    /// Of a token that was just revoked.
    pub fn new(hub: String, owner: &Owner, id: String, revoked_at: Timestamp) -> Self {
        Self {
            format: FORMAT,
            hub,
            pack: owner.pack().cloned(),
            id,
            revoked_at,
        }
    }
}

/// All about it but its text.
impl fmt::Display for Issued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Listed { id, name, .. } = &self.record;
        f.write_str("the token ")?;
        match name {
            Some(name) => write!(f, "{id} ({})", one_line(name))?,
            None => f.write_str(id)?,
        }
        if let Some(pack) = &self.pack {
            write!(f, " of the pack {pack}")?;
        }
        match self.record.expires_at {
            Some(at) => write!(f, " works until {at:.0}"),
            None => f.write_str(" never expires"),
        }
    }
}

impl fmt::Display for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&table(COLUMNS, self.tokens.iter().map(Listed::cells)))
    }
}

impl fmt::Display for Revoked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "revoked   {} at {:.0}", self.id, self.revoked_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_headings_and_one_line_for_each_token() {
        let now: Timestamp = "2026-06-01T00:00:00Z".parse().unwrap();
        let record = |id: &str, name: Option<&str>, expires: Option<&str>, revoked| AppToken {
            id: id.to_owned(),
            name: name.map(str::to_owned),
            token_prefix: "atlas_app_ab".to_owned(),
            created_at: "2026-01-02T03:04:05.678Z".parse().unwrap(),
            last_used_at: None,
            revoked_at: revoked,
            expires_at: expires.map(|at| at.parse().unwrap()),
        };
        let records = vec![
            record("t1", Some("ci\nt9  forged"), None, None),
            record("token-2", None, Some("2026-06-01T00:00:00Z"), None),
            record("t3", Some("é"), Some("2027-01-01T00:00:00Z"), Some(now)),
        ];
        let tokens = Tokens::new("https://hub.example".to_owned(), &Owner::Hub, records, now);
        insta::assert_snapshot!(tokens.to_string(), @r"
        ID       NAME            PREFIX        STATE    CREATED               LAST USED  EXPIRES
        t1       ci\nt9  forged  atlas_app_ab  active   2026-01-02T03:04:05Z  never      never
        token-2  -               atlas_app_ab  expired  2026-01-02T03:04:05Z  never      2026-06-01T00:00:00Z
        t3       é               atlas_app_ab  revoked  2026-01-02T03:04:05Z  never      2027-01-01T00:00:00Z
        ");
    }

    #[test]
    fn a_text_is_for_json_alone() {
        let shown = Shown::new("atlas_app_secret".to_owned());
        assert!(!format!("{shown:?}").contains("secret"));
        assert_eq!(
            serde_json::to_string(&shown).unwrap(),
            "\"atlas_app_secret\""
        );
    }
}
