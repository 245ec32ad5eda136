//! Signed upload addresses: what an upload may be, sealed with a key that only the Hub has.
//!
//! An address is the object's own path with `expires`, `type`, optionally `size` and `sha256`, and
//! `signature`: HMAC-SHA256 over all of them and the object's key. It grants one thing, to put
//! these bytes there until then, so that the deploy token needs to go nowhere else.

use crate::HubError;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::{SignedDuration, Timestamp};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use release_types::{ObjectKey, Sha256Digest};
use secrecy::{ExposeSecret as _, SecretSlice};
use serde::Deserialize;
use sha2::Sha256;
use url::Url;

/// How long an upload address is valid.
pub(crate) const VALIDITY: SignedDuration = SignedDuration::from_mins(15);

const KEY_BYTES: usize = 32;

/// What stays as it is in a path's segment. Everything else is escaped, `+` too, which some
/// servers read as a space.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// What an upload may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Grant {
    /// Where the bytes go.
    pub(crate) key: ObjectKey,
    /// Their media type, visible ASCII.
    pub(crate) content_type: String,
    /// Their number, where it was said.
    pub(crate) size: Option<u64>,
    /// Their digest, where it was said.
    pub(crate) sha256: Option<Sha256Digest>,
}

/// An upload address's query.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct SignedQuery {
    /// When the address ends to be valid, in seconds since 1970.
    expires: i64,
    /// The media type of the upload.
    r#type: String,
    /// Its length in bytes.
    size: Option<u64>,
    /// Its digest.
    sha256: Option<Sha256Digest>,
    /// The Hub's signature of all that.
    signature: String,
}

/// Why an upload address is refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    /// It was not made by this Hub, or has been changed.
    #[error("this upload address was not signed by this Hub")]
    Forged,
    /// Its time is over.
    #[error("this upload address has expired; ask for a new one")]
    Expired,
}

/// Signs and checks upload addresses.
#[derive(Debug)]
pub(crate) struct Signer(SecretSlice<u8>);

impl Signer {
    /// A new key, as the catalogue stores it.
    pub(crate) fn draw() -> Result<String, HubError> {
        let mut key = [0; KEY_BYTES];
        getrandom::fill(&mut key)?;
        Ok(hex::encode(key))
    }

    /// The signer with a stored key.
    pub(crate) fn from_stored(key: &str) -> Result<Self, HubError> {
        match hex::decode(key) {
            Ok(bytes) if bytes.len() == KEY_BYTES => Ok(Self(bytes.into())),
            // The key itself stays out of the message.
            _ => Err(HubError::Corrupt {
                what: "key for upload addresses",
                value: "***".to_owned(),
            }),
        }
    }

    /// The address to upload to.
    pub(crate) fn sign(&self, base: &Url, grant: &Grant, now: Timestamp) -> Url {
        let expires = now
            .saturating_add(VALIDITY)
            .map_or(i64::MAX, Timestamp::as_second);
        let mut url = base.clone();
        url.set_path(&object_path(&grant.key));
        let mut query = url.query_pairs_mut();
        query.append_pair("expires", &expires.to_string());
        query.append_pair("type", &grant.content_type);
        if let Some(size) = grant.size {
            query.append_pair("size", &size.to_string());
        }
        if let Some(sha256) = &grant.sha256 {
            query.append_pair("sha256", &sha256.to_string());
        }
        let signature = self.mac(grant, expires).finalize().into_bytes();
        query.append_pair("signature", &hex::encode(signature));
        drop(query);
        url
    }

    /// What an address grants for a key, in constant time where it matters.
    pub(crate) fn check(
        &self,
        key: ObjectKey,
        query: SignedQuery,
        now: Timestamp,
    ) -> Result<Grant, Refused> {
        let grant = Grant {
            key,
            content_type: query.r#type,
            size: query.size,
            sha256: query.sha256,
        };
        let signature = hex::decode(&query.signature).map_err(|_| Refused::Forged)?;
        self.mac(&grant, query.expires)
            .verify_slice(&signature)
            .map_err(|_| Refused::Forged)?;
        if now.as_second() >= query.expires {
            return Err(Refused::Expired);
        }
        Ok(grant)
    }

    #[expect(
        clippy::expect_used,
        reason = "RFC 2104 defines HMAC for keys of any length"
    )]
    fn mac(&self, grant: &Grant, expires: i64) -> Hmac<Sha256> {
        // No field of a grant that was given holds a line feed, so a text with this many lines can
        // be read in one way only.
        let size = grant.size.map(|size| size.to_string()).unwrap_or_default();
        let sha256 = grant.sha256.map(|d| d.to_string()).unwrap_or_default();
        let Grant {
            key, content_type, ..
        } = grant;
        let text = format!("atlas-upload-1\n{key}\n{expires}\n{content_type}\n{size}\n{sha256}");
        Hmac::<Sha256>::new_from_slice(self.0.expose_secret())
            .expect("HMAC takes a key of any length")
            .chain_update(text)
    }
}

/// An object's path on the Hub, escaped.
pub(crate) fn object_path(key: &ObjectKey) -> String {
    let mut path = String::new();
    for segment in key.segments() {
        path.push('/');
        path.extend(utf8_percent_encode(segment, SEGMENT));
    }
    path
}
