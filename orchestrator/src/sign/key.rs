//! The secret key, from the environment alone.

use super::{Keys, SignError};
use crate::artifacts::read_text;
use crate::context::World;
use process::Env;
use release_types::ProductName;
use secrecy::{ExposeSecret as _, SecretString};
use signatures::{MAX_TEXT, SigningKey, lines_of_all_forms, unbroken_forms};
use std::cmp::Reverse;
use std::path::Path;
use std::sync::Arc;

/// The secret key, or the name of a file with it.
pub const KEY_VAR: &str = "TAURI_SIGNING_PRIVATE_KEY";

/// Its password, if it has one.
pub const PASSWORD_VAR: &str = "TAURI_SIGNING_PRIVATE_KEY_PASSWORD";

/// So many letters of a key's base64 in a row are no accident, and fewer say little of it.
const RUN: usize = 24;

/// A secret key that is ready to sign, and the texts it came from.
#[derive(Debug, Clone)]
pub struct Secret {
    /// The key.
    pub key: Arc<SigningKey>,
    /// Its text.
    pub(super) text: SecretString,
    /// Its password; empty when it has none.
    pub(super) password: SecretString,
    /// What a child that knows them may repeat: every line of the key in both of its forms, and the password.
    hidden: Arc<[SecretString]>,
    /// The key's base64, of which no [`RUN`] letters may be seen, however a child breaks its lines.
    unbroken: Arc<[SecretString]>,
}

impl Secret {
    /// Puts it into the environment of a child that signs by itself.
    pub fn give_to(&self, env: &mut Env) {
        env.set(KEY_VAR, self.text.expose_secret());
        env.set(PASSWORD_VAR, self.password.expose_secret());
    }

    /// A text without what a child that knows it may have repeated of it.
    pub fn hidden_in(&self, mut text: String) -> String {
        for secret in self.hidden.iter() {
            text = text.replace(secret.expose_secret(), "***");
        }
        let public = self.key.public();
        without_runs(
            &text,
            &self.unbroken,
            &[public.to_tauri(), public.line().to_owned()],
        )
    }
}

/// A text without runs of [`RUN`] letters and more that stand in one of the secrets too. White space between the letters
/// does not count: it is what breaks lines. The public key, which a secret one holds, is shown.
fn without_runs(text: &str, secrets: &[SecretString], public: &[String]) -> String {
    let letters: Vec<(usize, u8)> = text
        .bytes()
        .enumerate()
        .filter(|(_, byte)| !byte.is_ascii_whitespace())
        .collect();
    let bytes: Vec<u8> = letters.iter().map(|(_, byte)| *byte).collect();
    let is_secret = |run: &[u8]| {
        // A key that is not encrypted has zeros in a row, which are everybody's.
        let is_varied = run.iter().any(|byte| *byte != run[0]);
        let holds = |text: &str| text.as_bytes().windows(RUN).any(|part| part == run);
        let mut secrets = secrets.iter().map(|one| one.expose_secret());
        is_varied && secrets.any(holds) && !public.iter().any(|public| holds(public))
    };
    let mut shown = String::with_capacity(text.len());
    let (mut from, mut struck_to) = (0, None);
    for (at, run) in bytes.windows(RUN).enumerate() {
        // Most texts hold other characters soon.
        if !run.iter().all(|byte| is_base64(*byte)) || !is_secret(run) {
            continue;
        }
        let (start, end) = (letters[at].0, letters[at + RUN - 1].0 + 1);
        if struck_to.is_none_or(|end| start >= end) {
            shown += &text[from..start];
            shown += "***";
        }
        (from, struck_to) = (end, Some(end));
    }
    shown + &text[from..]
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+/=".contains(&byte)
}

/// What is to be hidden of a key and its password, the longest first: children's words come line by line.
fn hidden(text: &SecretString, password: &SecretString) -> Arc<[SecretString]> {
    let mut all = lines_of_all_forms(text);
    let password = password.expose_secret();
    let lines = password.lines().chain([password]).map(str::trim);
    let lines = lines.filter(|line| !line.is_empty());
    all.extend(lines.map(|line| SecretString::from(line.to_owned())));
    all.sort_by_key(|secret| Reverse(secret.expose_secret().len()));
    all.into()
}

/// Whether the environment holds or names a secret key, whatever it is worth.
pub fn is_key_there(world: &World) -> bool {
    let value = world.env.get(KEY_VAR).unwrap_or_default();
    !value.to_string_lossy().trim().is_empty()
}

/// The secret key that the environment holds or names, if it does either.
///
/// # Errors
/// When what it holds cannot be used. Nothing of it is repeated.
pub fn secret(world: &World) -> Result<Option<Secret>, SignError> {
    let Some(value) = world.env.text(KEY_VAR)?.map(str::trim) else {
        return Ok(None);
    };
    if value.is_empty() {
        return Ok(None);
    }
    // Passwords may begin or end with white space.
    let password = world.env.text(PASSWORD_VAR)?.unwrap_or_default();
    let password = SecretString::from(password.to_owned());
    let value = SecretString::from(value.to_owned());
    let opened = SigningKey::open(&value, Some(&password));
    let (text, opened) = match opened {
        Err(signatures::SignError::Text(error)) => match named_file(world, &value)? {
            Some(text) => {
                let opened = SigningKey::open(&text, Some(&password));
                (text, opened)
            }
            None if may_be_path(&value) => return Err(SignError::NeitherKeyNorFile),
            None => return Err(SignError::Key(error.into())),
        },
        opened => (value, opened),
    };
    let key = Arc::new(opened.map_err(SignError::Key)?);
    Ok(Some(Secret {
        hidden: hidden(&text, &password),
        unbroken: unbroken_forms(&text).into(),
        key,
        text,
        password,
    }))
}

/// The secret key for a release of products, before anything of it is built: where a public key is configured for one
/// of them it has to be there, and be the one that belongs to it.
///
/// # Errors
/// As [`secret`], or when it is missing or another one.
pub fn secret_for<'p>(
    world: &World,
    products: impl IntoIterator<Item = &'p ProductName>,
    keys: &Keys,
) -> Result<Option<Secret>, SignError> {
    let found = secret(world)?;
    let products: Vec<_> = products.into_iter().collect();
    match &found {
        Some(secret) => keys.accept(products, secret.key.public())?,
        None => {
            for product in products {
                if let Some(key) = keys.configured(product) {
                    let (product, key) = (product.clone(), key.id());
                    return Err(SignError::KeyNeeded { product, key });
                }
            }
        }
    }
    Ok(found)
}

/// Whether a text that is no key is rather the name of a file: keys are longer.
fn may_be_path(value: &SecretString) -> bool {
    let value = value.expose_secret();
    value.len() < 120 && value.lines().count() == 1 && value.contains(['/', '\\', '.'])
}

/// What is in the file that a value names, if there is such a one. A value that is no path is not shown: it
/// may be a key that was damaged on its way.
fn named_file(world: &World, value: &SecretString) -> Result<Option<SecretString>, SignError> {
    let path = world.absolute(Path::new(value.expose_secret()));
    // A pipe would be read once, and might never end.
    match std::fs::metadata(&path) {
        Ok(meta) if meta.is_file() => {}
        Ok(_) if may_be_path(value) => return Err(SignError::KeyNoFile { path }),
        _ => return Ok(None),
    }
    match read_text(&path, MAX_TEXT) {
        Ok(text) => Ok(Some(SecretString::from(text))),
        Err(source) => Err(SignError::KeyFile { path, source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use process::Runner;

    fn world(key: &str, password: &str) -> World {
        let mut world = World::capture(Runner::default()).unwrap();
        world.env = [(KEY_VAR, key), (PASSWORD_VAR, password)]
            .into_iter()
            .collect();
        world
    }

    #[test]
    fn a_key_stands_in_the_variable_or_in_the_file_it_names() {
        let password = SecretString::from(" p ".to_owned());
        let pair = signatures::generate(Some(&password)).unwrap();
        let text = pair.secret.expose_secret();
        let found = secret(&world(text, " p ")).unwrap().unwrap();
        assert_eq!(*found.key.public(), pair.public);
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("key"), format!("{text}\n")).unwrap();
        let mut there = world("key", " p ");
        there.cwd = dir.path().to_owned();
        let found = secret(&there).unwrap().unwrap();
        assert_eq!(*found.key.public(), pair.public);
        assert!(secret(&world(" ", "")).unwrap().is_none());
        assert!(secret(&world("", "p")).unwrap().is_none());
    }

    #[test]
    fn a_key_that_comes_through_something_else_than_a_file_is_not_called_missing() {
        let dir = tempfile::tempdir().unwrap();
        let named = dir.path().to_str().unwrap();
        let error = secret(&world(named, "")).unwrap_err();
        let says = format!("{KEY_VAR} names {named}, which is no regular file");
        assert_eq!(error.to_string(), says);
        let hint = error.hint().unwrap();
        assert!(hint.contains("pipe") && hint.contains(KEY_VAR), "{hint}");
        // What is no path is not looked for, and not shown, whatever lies here.
        let mut here = world("folder", "");
        here.cwd = dir.path().to_owned();
        std::fs::create_dir(dir.path().join("folder")).unwrap();
        let error = secret(&here).unwrap_err().to_string();
        assert!(!error.contains("folder"), "{error}");
    }

    #[test]
    fn nothing_of_a_key_is_shown_in_any_form() {
        let password = SecretString::from("hunter2".to_owned());
        let pair = signatures::generate(Some(&password)).unwrap();
        let tauris = pair.secret.expose_secret().to_owned();
        let lines = lines_of_all_forms(&pair.secret);
        let body = lines.iter().map(|line| line.expose_secret());
        let body = body.filter(|line| !line.contains(' ') && **line != tauris);
        let body = body.min_by_key(|line| line.len()).unwrap().to_owned();
        let mut own = lines.iter().map(|line| line.expose_secret());
        let own = own.find(|line| line.contains('\n')).unwrap().to_owned();
        for text in [&tauris, &own] {
            let secret = secret(&world(text, "hunter2")).unwrap().unwrap();
            for said in [
                body.clone(),
                tauris.clone(),
                own.clone(),
                format!("key: {body}, password: hunter2"),
            ] {
                let shown = secret.hidden_in(said);
                assert!(shown.contains("***"), "{shown}");
                assert!(
                    !shown.contains(&body[..8]) && !shown.contains("hunter2"),
                    "{shown}"
                );
            }
        }
    }

    #[test]
    fn nothing_of_a_key_is_shown_wherever_its_lines_are_broken() {
        for password in [None, Some(SecretString::from("hunter2".to_owned()))] {
            let pair = signatures::generate(password.as_ref()).unwrap();
            let tauris = pair.secret.expose_secret().to_owned();
            let lines = lines_of_all_forms(&pair.secret);
            let mut own = lines.iter().map(|line| line.expose_secret());
            let own = own.find(|line| line.contains('\n')).unwrap();
            let public = [pair.public.to_tauri(), pair.public.line().to_owned()].join(" ");
            let known = password.as_ref().map_or("", |text| text.expose_secret());
            let secret = secret(&world(&tauris, known)).unwrap().unwrap();
            let body = own.lines().nth(1).unwrap();
            for (text, start) in [(tauris.as_str(), 72), (body, 0)] {
                for width in [24, 31, 64, 76, 100] {
                    let broken: Vec<String> = text
                        .as_bytes()
                        .chunks(width)
                        .map(|line| String::from_utf8(line.to_vec()).unwrap())
                        .collect();
                    // At once, and line by line.
                    let whole = secret.hidden_in(format!("key:\n{}\nend", broken.join("\r\n")));
                    let apart = broken
                        .iter()
                        .map(|line| secret.hidden_in(format!("| {line}")));
                    let apart: Vec<String> = apart.collect();
                    assert!(
                        whole.starts_with("key:\n") && whole.ends_with("\nend"),
                        "{whole}"
                    );
                    let plain: String = whole.split_ascii_whitespace().collect();
                    let apart = apart.join("\n");
                    for run in text.as_bytes()[start..].windows(RUN) {
                        let run = std::str::from_utf8(run).unwrap();
                        if run.bytes().all(|byte| byte == b'A') || public.contains(run) {
                            continue;
                        }
                        assert!(!plain.contains(run), "{width}: {whole}");
                        assert!(!apart.contains(run), "{width}: {apart}");
                    }
                }
            }
            // What everybody's key begins with, and what is no key's, stays.
            for text in [
                pair.public.to_tauri(),
                pair.public.to_minisign(),
                "é".repeat(40),
                "A".repeat(200),
                "x".repeat(23),
            ] {
                assert_eq!(secret.hidden_in(text.clone()), text);
            }
        }
    }

    #[test]
    fn nothing_of_what_cannot_be_used_is_repeated() {
        let password = SecretString::from("right-one".to_owned());
        let pair = signatures::generate(Some(&password)).unwrap();
        let text = pair.secret.expose_secret();
        let half = &text[..text.len() / 2];
        for (key, password) in [
            (half, "hunter2"),
            (text, "hunter2"),
            (text, ""),
            ("/nowhere/hunter2", ""),
        ] {
            let error = secret(&world(key, password)).unwrap_err();
            let said = crate::error::with_causes(&error);
            assert!(!said.contains("hunter2") && !said.contains(half), "{said}");
            let hint = error.hint().unwrap();
            let is_wrong_password = key.len() == text.len();
            assert_eq!(hint.contains(PASSWORD_VAR), is_wrong_password, "{hint}");
            assert_eq!(
                hint.contains("the text of a secret key"),
                !is_wrong_password,
                "{hint}"
            );
            assert!(said.starts_with(KEY_VAR), "{said}");
            assert_eq!(
                said.contains("there is no file"),
                key.starts_with('/'),
                "{said}"
            );
        }
    }
}
