//! Both halves together, and with keys and signatures that the real tools have made.
//!
//! `tests/data` was made by `tauri signer generate` (with and without a password), `tauri signer sign` and
//! `minisign -S`; its README says how.
#![cfg(feature = "sign")]

use secrecy::{ExposeSecret as _, SecretString};
use signatures::{
    PublicKey, SignError, Signature, SigningKey, TextError, TrustedComment, VerifyError, generate,
};
use std::io::{self, Read};

const PAYLOAD: &[u8] = include_bytes!("data/payload.bin");

fn secret(text: &str) -> SecretString {
    SecretString::from(text.to_owned())
}

fn comment(version: &str) -> TrustedComment {
    TrustedComment {
        timestamp: Some(1),
        file: Some("payload.bin".to_owned()),
        version: Some(version.to_owned()),
        ..TrustedComment::default()
    }
}

#[test]
fn what_is_signed_verifies_and_nothing_else_does() {
    let pair = generate(None).unwrap();
    let key = SigningKey::open(&pair.secret, None).unwrap();
    assert_eq!(*key.public(), pair.public);
    let made = key.sign(PAYLOAD, &comment("1.0.0")).unwrap();
    for text in [made.to_tauri(), made.to_minisign().to_owned()] {
        let read: Signature = text.parse().unwrap();
        assert_eq!(
            read.verify(&pair.public, PAYLOAD).unwrap(),
            comment("1.0.0")
        );
    }
    let error = made.verify(&pair.public, &b"other"[..]).unwrap_err();
    assert!(matches!(error, VerifyError::OtherBytes));
    // A comment that was changed is as good as other bytes.
    let forged = made.to_minisign().replace("version:1.0.0", "version:9.0.0");
    let forged: Signature = forged.parse().unwrap();
    let error = forged.verify(&pair.public, PAYLOAD).unwrap_err();
    assert!(matches!(error, VerifyError::OtherBytes));
    let other = generate(None).unwrap().public;
    let error = made.verify(&other, PAYLOAD).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "it was made with the key {}, not with {}",
            pair.public.id(),
            other.id()
        )
    );
}

#[test]
fn a_key_with_a_password_opens_with_it_alone() {
    let password = secret("open sesame");
    let pair = generate(Some(&password)).unwrap();
    let open = |password: Option<&str>| {
        let password = password.map(secret);
        SigningKey::open(&pair.secret, password.as_ref())
    };
    assert_eq!(*open(Some("open sesame")).unwrap().public(), pair.public);
    assert!(matches!(open(Some("x")), Err(SignError::WrongPassword)));
    for none in [None, Some("")] {
        assert!(matches!(open(none), Err(SignError::NoPassword)));
    }
}

#[test]
fn nothing_of_a_secret_is_shown() {
    let pair = generate(None).unwrap();
    let key = SigningKey::open(&pair.secret, None).unwrap();
    let shown = format!("{pair:?} {key:?}");
    assert!(!shown.contains(pair.secret.expose_secret()), "{shown}");
    assert!(shown.contains(&pair.public.id().to_string()), "{shown}");
    for text in ["", "hunter2", pair.public.to_tauri().as_str()] {
        let error = SigningKey::open(&secret(text), None)
            .unwrap_err()
            .to_string();
        assert!(text.is_empty() || !error.contains(text), "{error}");
    }
}

/// Of an unencrypted key too, one wrong bit is seen, before anything is signed with it.
#[test]
fn a_damaged_key_is_refused() {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    let pair = generate(None).unwrap();
    let lines = STANDARD.decode(pair.secret.expose_secret()).unwrap();
    let lines = String::from_utf8(lines).unwrap();
    let line = lines.lines().nth(1).unwrap();
    let mut raw = STANDARD.decode(line).unwrap();
    raw[80] ^= 1;
    let damaged = lines.replace(line, &STANDARD.encode(raw));
    let error = SigningKey::open(&secret(&damaged), None).unwrap_err();
    assert_eq!(error.to_string(), "the secret key is damaged");
}

/// How much a key asks of the derivation of its password is believed only where some tool asks that much: what one wrong
/// bit makes of it would take hours, or more memory than there is.
#[test]
fn a_key_that_asks_for_too_much_is_damaged_whatever_bit_it_is() {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    let password = secret("open sesame");
    let pair = generate(Some(&password)).unwrap();
    let lines = STANDARD.decode(pair.secret.expose_secret()).unwrap();
    let lines = String::from_utf8(lines).unwrap();
    let line = lines.lines().nth(1).unwrap();
    let good = STANDARD.decode(line).unwrap();
    // Algorithms and salt come before them.
    for bit in 0..128 {
        let mut raw = good.clone();
        raw[38 + bit / 8] ^= 1 << (bit % 8);
        let damaged = secret(&lines.replace(line, &STANDARD.encode(raw)));
        for password in [Some(&password), None] {
            let error = SigningKey::open(&damaged, password).unwrap_err();
            assert_eq!(error.to_string(), "the secret key is damaged", "bit {bit}");
        }
    }
    SigningKey::open(&secret(&lines), Some(&password)).unwrap();
}

#[test]
fn keys_of_tauris_tool_sign_here() {
    for (name, text, public, password) in [
        (
            "without",
            include_str!("data/tauri-plain.key"),
            include_str!("data/tauri-plain.key.pub"),
            None,
        ),
        (
            "without, and older",
            include_str!("data/tauri-plain-2.1.key"),
            include_str!("data/tauri-plain-2.1.key.pub"),
            None,
        ),
        (
            "with",
            include_str!("data/tauri-password.key"),
            include_str!("data/tauri-password.key.pub"),
            Some("correct horse"),
        ),
    ] {
        let password = password.map(secret);
        let key = SigningKey::open(&secret(text), password.as_ref()).unwrap();
        let public: PublicKey = public.parse().unwrap();
        assert_eq!(*key.public(), public, "{name}");
        let made = key.sign(PAYLOAD, &comment("1.0.0")).unwrap();
        made.verify(&public, PAYLOAD).unwrap();
    }
}

#[test]
fn signatures_of_the_real_tools_verify_here() {
    let public: PublicKey = include_str!("data/tauri-plain.key.pub").parse().unwrap();
    let made: Signature = include_str!("data/payload.bin.sig").parse().unwrap();
    let said = made.verify(&public, PAYLOAD).unwrap();
    assert_eq!(said.file.as_deref(), Some("payload.bin"));
    assert!(said.timestamp.is_some());
    assert_eq!((said.product, said.os, said.arch), (None, None, None));
    // The real tool's text comes out as it went in.
    assert_eq!(made.to_tauri(), include_str!("data/payload.bin.sig").trim());

    let public: PublicKey = include_str!("data/minisign.pub").parse().unwrap();
    let made: Signature = include_str!("data/payload.bin.minisig").parse().unwrap();
    let said = made.verify(&public, PAYLOAD).unwrap();
    assert_eq!(said.file.as_deref(), Some("payload.bin"));
    assert_eq!(made.to_minisign(), include_str!("data/payload.bin.minisig"));
    let legacy: Signature = include_str!("data/payload.bin.legacy").parse().unwrap();
    let error = legacy.verify(&public, PAYLOAD).unwrap_err();
    assert!(matches!(error, VerifyError::Legacy));
}

/// As Tauri's updater does it: base64 off both, then minisign-verify with old signatures allowed.
#[test]
fn ours_verify_as_tauris_updater_checks_them() {
    use base64::Engine as _;
    let unwrapped = |text: String| {
        let bytes = base64::engine::general_purpose::STANDARD.decode(text);
        String::from_utf8(bytes.unwrap()).unwrap()
    };
    let pair = generate(None).unwrap();
    let key = SigningKey::open(&pair.secret, None).unwrap();
    let made = key.sign(PAYLOAD, &comment("1.0.0")).unwrap();
    let public = minisign_verify::PublicKey::decode(&unwrapped(pair.public.to_tauri())).unwrap();
    let read = minisign_verify::Signature::decode(&unwrapped(made.to_tauri())).unwrap();
    public.verify(PAYLOAD, &read, true).unwrap();
    public.verify(b"other", &read, true).unwrap_err();
    // What newer ones compare with the version that was announced.
    let mut fields = read.trusted_comment().split('\t');
    assert_eq!(
        fields.find_map(|field| field.strip_prefix("version:")),
        Some("1.0.0")
    );
}

#[test]
fn public_keys_are_read_in_each_form() {
    let pair = generate(None).unwrap().public;
    for text in [pair.to_tauri(), pair.to_minisign(), pair.line().to_owned()] {
        assert_eq!(text.parse::<PublicKey>().unwrap(), pair, "{text}");
        assert_eq!(format!(" {text}\r\n").parse::<PublicKey>().unwrap(), pair);
    }
    assert_eq!("".parse::<PublicKey>(), Err(TextError::Empty));
    assert_eq!("RWQ".parse::<PublicKey>(), Err(TextError::Form));
    let other = pair.line().replacen("RW", "AA", 1);
    assert_eq!(other.parse::<PublicKey>(), Err(TextError::Algorithm));
}

/// Memory stays as it is, however long the file.
#[test]
fn a_file_is_read_in_pieces() {
    struct Pieces {
        left: usize,
        largest: usize,
    }
    impl Read for Pieces {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.largest = self.largest.max(buffer.len());
            let read = buffer.len().min(self.left);
            buffer[..read].fill(7);
            self.left -= read;
            Ok(read)
        }
    }
    let new = || Pieces {
        left: 3 << 20,
        largest: 0,
    };
    let pair = generate(None).unwrap();
    let key = SigningKey::open(&pair.secret, None).unwrap();
    let mut pieces = new();
    let made = key.sign(&mut pieces, &comment("1.0.0")).unwrap();
    assert!(pieces.largest <= 1 << 20);
    let mut pieces = new();
    made.verify(&pair.public, &mut pieces).unwrap();
    assert!(pieces.largest <= 1 << 20);
}

#[test]
fn a_file_that_cannot_be_read_is_no_signature() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the disk is gone"))
        }
    }
    let pair = generate(None).unwrap();
    let key = SigningKey::open(&pair.secret, None).unwrap();
    let error = key.sign(Broken, &comment("1.0.0")).unwrap_err();
    assert!(matches!(error, SignError::Read(_)), "{error}");
    let made = key.sign(PAYLOAD, &comment("1.0.0")).unwrap();
    let error = made.verify(&pair.public, Broken).unwrap_err();
    assert!(matches!(error, VerifyError::Read(_)), "{error}");
}
