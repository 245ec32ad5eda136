//! JSON Web Tokens as far as an ID token is one: three parts, RS256, a key that is named.
//!
//! Nothing of a token is believed before its signature was checked, but for what is needed to find the
//! key: the header, and whose token it says to be. Sources: RFC 7515, RFC 7519 and RFC 8725.

use super::Refusal;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use serde::Deserialize;
use serde_json::{Map, Value};

/// The longest token that is looked at, in bytes; GitHub's have about 2,000.
const LONGEST: usize = 16 * 1024;

/// The longest name of a key, in bytes.
const LONGEST_KEY_ID: usize = 256;

/// A token whose form is right, and whose signature was not looked at.
#[derive(Debug)]
pub(super) struct Unverified<'t> {
    /// The name of the key that it says to be signed with.
    pub(super) key_id: String,
    /// Whose token it says to be.
    pub(super) issuer: String,
    signed: &'t str,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

/// An RSA key that signatures are checked with: modulus and exponent, big-endian.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RsaKey {
    pub(super) n: Vec<u8>,
    pub(super) e: Vec<u8>,
}

impl RsaKey {
    /// The key of two numbers as a key set has them.
    pub(super) fn of(n: &str, e: &str) -> Option<Self> {
        // Some writers put a zero before a number whose first bit is set; ring takes none.
        let number = |text: &str| {
            let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
            let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
            Some(bytes[zeros..].to_vec())
        };
        Some(Self {
            n: number(n)?,
            e: number(e)?,
        })
    }
}

impl<'t> Unverified<'t> {
    /// Takes a token apart.
    pub(super) fn read(token: &'t str) -> Result<Self, Refusal> {
        if token.len() > LONGEST {
            return Err(Refusal::Form("it is too long"));
        }
        let three = Refusal::Form("it does not have three parts");
        let Some((signed, signature)) = token.rsplit_once('.') else {
            return Err(three);
        };
        let (header, payload) = match signed.split_once('.') {
            Some((header, payload)) if !payload.contains('.') => (header, payload),
            _ => return Err(three),
        };
        let header: Map<String, Value> = serde_json::from_slice(&decoded(header)?)
            .map_err(|_| Refusal::Form("its header is not a JSON object"))?;
        // Which algorithm it is to be is never left to the token.
        if header.get("alg").and_then(Value::as_str) != Some("RS256") {
            return Err(Refusal::Algorithm);
        }
        if header.contains_key("crit") {
            return Err(Refusal::Critical);
        }
        let kind = header.get("typ").map(|kind| kind.as_str());
        if kind.is_some_and(|kind| !kind.is_some_and(|kind| kind.eq_ignore_ascii_case("JWT"))) {
            return Err(Refusal::Form("it is of another type"));
        }
        let key_id = match header.get("kid").and_then(Value::as_str) {
            Some(id) if (1..=LONGEST_KEY_ID).contains(&id.len()) => id.to_owned(),
            _ => return Err(Refusal::NoKeyId),
        };
        #[derive(Deserialize)]
        struct Issued {
            iss: String,
        }
        let payload = decoded(payload)?;
        let Issued { iss } =
            serde_json::from_slice(&payload).map_err(|_| Refusal::Form("it names no issuer"))?;
        Ok(Self {
            key_id,
            issuer: iss,
            signed,
            payload,
            signature: decoded(signature)?,
        })
    }

    /// What it says, once it is known that it was signed with this key.
    pub(super) fn verified(self, key: &RsaKey) -> Result<Vec<u8>, Refusal> {
        let RsaKey { n, e } = key;
        RsaPublicKeyComponents { n, e }
            .verify(
                &RSA_PKCS1_2048_8192_SHA256,
                self.signed.as_bytes(),
                &self.signature,
            )
            .map_err(|_| Refusal::Signature)?;
        Ok(self.payload)
    }
}

fn decoded(part: &str) -> Result<Vec<u8>, Refusal> {
    let wrong = Refusal::Form("a part of it is not base64url");
    URL_SAFE_NO_PAD.decode(part).map_err(|_| wrong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The example of RFC 7515, appendix A.2: an RS256 signature that somebody else has made.
    const N: &str = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
    const SIGNATURE: &str = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
    const SIGNED: &str = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

    fn encoded(text: &str) -> String {
        URL_SAFE_NO_PAD.encode(text)
    }

    fn token(header: &str, payload: &str) -> String {
        format!("{}.{}.AAAA", encoded(header), encoded(payload))
    }

    #[test]
    fn a_signature_of_the_standards_own_is_right_and_any_other_wrong() {
        let key = RsaKey::of(N, "AQAB").unwrap();
        let unverified = |signed: &'static str, signature: &str| Unverified {
            key_id: String::new(),
            issuer: String::new(),
            signed,
            payload: vec![1],
            signature: URL_SAFE_NO_PAD.decode(signature).unwrap(),
        };
        let right = unverified(SIGNED, SIGNATURE).verified(&key);
        assert_eq!(right.unwrap(), [1]);
        for (signed, signature) in [
            (&SIGNED[1..], SIGNATURE),
            (SIGNED, &SIGNATURE[..SIGNATURE.len() - 2]),
            (SIGNED, ""),
        ] {
            let wrong = unverified(signed, signature).verified(&key);
            assert!(matches!(wrong, Err(Refusal::Signature)));
        }
        // A key that is too short to be worth anything.
        let short = RsaKey::of(&N[..168], "AQAB").unwrap();
        let wrong = unverified(SIGNED, SIGNATURE).verified(&short);
        assert!(matches!(wrong, Err(Refusal::Signature)));
    }

    #[test]
    fn other_forms_are_refused_before_anything_is_asked() {
        let payload = r#"{"iss":"https://i.example"}"#;
        let good = token(r#"{"alg":"RS256","kid":"1","typ":"jwt"}"#, payload);
        let read = Unverified::read(&good).unwrap();
        assert_eq!(
            (read.key_id.as_str(), read.issuer.as_str()),
            ("1", "https://i.example")
        );
        for header in [
            r#"{"kid":"1"}"#,
            r#"{"alg":"none","kid":"1"}"#,
            r#"{"alg":"None","kid":"1"}"#,
            r#"{"alg":"HS256","kid":"1"}"#,
            r#"{"alg":"ES256","kid":"1"}"#,
            r#"{"alg":"rs256","kid":"1"}"#,
            r#"{"alg":"PS256","kid":"1"}"#,
            r#"{"alg":["RS256"],"kid":"1"}"#,
        ] {
            let refused = Unverified::read(&token(header, payload)).unwrap_err();
            assert!(matches!(refused, Refusal::Algorithm), "{header}");
        }
        for header in [
            r#"{"alg":"RS256"}"#,
            r#"{"alg":"RS256","kid":""}"#,
            r#"{"alg":"RS256","kid":7}"#,
        ] {
            let refused = Unverified::read(&token(header, payload)).unwrap_err();
            assert!(matches!(refused, Refusal::NoKeyId), "{header}");
        }
        for critical in [r#"["exp"]"#, "[]", "null"] {
            let header = format!(r#"{{"alg":"RS256","kid":"1","crit":{critical}}}"#);
            let refused = Unverified::read(&token(&header, payload)).unwrap_err();
            assert!(matches!(refused, Refusal::Critical), "{header}");
        }
        let header = r#"{"alg":"RS256","kid":"1"}"#;
        let long = "x".repeat(LONGEST);
        for bad in [
            "",
            "a",
            "a.b",
            "..",
            &format!("{good}."),
            &format!(".{good}"),
            &format!("{good}="),
            &format!("{good} "),
            &token("[]", payload),
            &token(r#"{"alg":"RS256","kid":"1","typ":"at+jwt"}"#, payload),
            &token(r#"{"alg":"RS256","kid":"1","typ":null}"#, payload),
            &token(header, "{}"),
            &token(header, r#"{"iss":7}"#),
            &token(header, "nothing"),
            &token(header, &format!(r#"{{"iss":"{long}"}}"#)),
        ] {
            let refused = Unverified::read(bad).unwrap_err();
            assert!(matches!(refused, Refusal::Form(_)), "{bad:.60}");
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_is_read_or_refused(text in "\\PC{0,80}|[A-Za-z0-9_-]{0,30}\\.[A-Za-z0-9_-]{0,30}\\.[A-Za-z0-9_-]{0,30}") {
            Unverified::read(&text).ok();
        }
    }
}
