//! Developer ID, by `codesign`, and Apple's notary.
//!
//! `security` takes passwords in arguments, and in commands that it reads from its standard input; here it
//! reads them. The certificate is imported into a keychain of its own, made for this and deleted afterwards;
//! files that tools insist on lie in a private folder, readable by their owner alone.

mod answers;
mod keychain;

use super::run::{failed, need, output, run};
use super::secrets::{self, Secrets};
use super::{CodeSignError, CodeSigning, SigningTool};
use crate::context::World;
use crate::products::MacosSign;
use crate::system;
use crate::toolchain::scratch;
use answers::{Submission, can_be_stapled};
use keychain::Keychain;
use process::{AllowList, Command};
use secrecy::{ExposeSecret as _, SecretString};
use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What signs.
pub(super) const CODESIGN: &str = "codesign";

/// What has certificates.
const SECURITY: &str = "security";

/// What finds Apple's further tools.
const XCRUN: &str = "xcrun";

/// What packs for the notary.
const DITTO: &str = "ditto";

/// What tells the system's version, which is codesign's.
const SW_VERS: &str = "sw_vers";

/// The certificate with its key, a PKCS#12 file in base64.
const CERTIFICATE_VAR: &str = "APPLE_CERTIFICATE";

/// Its password.
const PASSWORD_VAR: &str = "APPLE_CERTIFICATE_PASSWORD";

/// The number of the key that speaks to the notary.
const KEY_ID_VAR: &str = "APPLE_API_KEY";

/// Who has issued it.
const ISSUER_VAR: &str = "APPLE_API_ISSUER";

/// The key itself.
const KEY_VAR: &str = "APPLE_API_KEY_P8";

/// A file with the key, in the place of the key.
const KEY_PATH_VAR: &str = "APPLE_API_KEY_PATH";

/// How long a step on this machine may take, and one file with the server of time stamps.
const LIMIT: Duration = Duration::from_secs(300);

/// How long the notary may take. Most answers come within minutes.
const NOTARY_LIMIT: Duration = Duration::from_secs(3600);

/// The variables that have to be set.
pub fn variables(notarize: bool, is_set: &dyn Fn(&str) -> bool) -> Vec<&'static str> {
    let mut names = vec![CERTIFICATE_VAR, PASSWORD_VAR];
    if notarize {
        names.extend([KEY_ID_VAR, ISSUER_VAR]);
        // A file will do.
        if !is_set(KEY_PATH_VAR) {
            names.push(KEY_VAR);
        }
    }
    names
}

/// All that is needed.
#[derive(Debug)]
pub(super) struct Macos {
    codesign: PathBuf,
    security: PathBuf,
    certificate: SecretString,
    password: SecretString,
    notary: Option<Notary>,
    settings: MacosSign,
}

/// What is needed to speak to the notary.
#[derive(Debug)]
struct Notary {
    xcrun: PathBuf,
    ditto: PathBuf,
    key_id: String,
    issuer: String,
    key: Key,
}

#[derive(Debug)]
enum Key {
    Text(SecretString),
    File(PathBuf),
}

impl Macos {
    /// Finds the tools and reads the credentials.
    pub fn ready(world: &World, settings: MacosSign) -> Result<Self, CodeSignError> {
        let certificate = secrets::of(world, CERTIFICATE_VAR)?;
        secrets::decoded(CERTIFICATE_VAR, &certificate)?;
        let password = secrets::of(world, PASSWORD_VAR)?;
        if password.expose_secret().contains(['\n', '\r', '\0']) {
            let why = "it has a line break, and `security` reads line by line".to_owned();
            let variable = PASSWORD_VAR;
            return Err(CodeSignError::Credential { variable, why });
        }
        let notary = match settings.notarize {
            true => Some(Notary::ready(world)?),
            false => None,
        };
        Ok(Self {
            codesign: need(world, CODESIGN)?,
            security: need(world, SECURITY)?,
            certificate,
            password,
            notary,
            settings,
        })
    }

    pub fn would_make(&self, made: &CodeSigning) -> bool {
        let named = self.settings.identity.as_deref().unwrap_or_default();
        made.timestamp == self.timestamp()
            && made.identity.contains(named)
            && made.notarization.is_some() == self.settings.notarize
    }

    fn timestamp(&self) -> &str {
        self.settings.timestamp_url.as_deref().unwrap_or("apple")
    }

    /// Signs files where they are.
    pub async fn sign(&self, world: &World, files: &[&Path]) -> Result<CodeSigning, CodeSignError> {
        // Dropped in the other order: the keychain is deleted before its folder.
        let dir = scratch(world).map_err(CodeSignError::Temporary)?;
        let private = dir.path().join("private");
        system::create_private_dir(&private).map_err(io(&private))?;
        let secrets = Secrets::new([self.certificate.clone(), self.password.clone()]);
        let keychain = Keychain::make(self, world, &private, secrets.clone()).await?;
        let identity = keychain.identity(self.settings.identity.as_deref()).await?;
        for file in files {
            let command = self.command(world, &self.codesign);
            let words = self.arguments(&identity.certificate, keychain.path(), file);
            let command = command.args(words).arg(*file);
            run(world, CODESIGN, &command, (LIMIT, &secrets)).await?;
            let check = self.command(world, &self.codesign);
            let check = check.args(["--verify", "--strict"]).arg(*file);
            run(world, CODESIGN, &check, (LIMIT, &secrets)).await?;
        }
        drop(keychain);
        let system = self.version(world).await;
        let mut tools = vec![tool(CODESIGN, format!("macOS {system}"))];
        let mut notarization = None;
        if let Some(notary) = &self.notary {
            let accepted = notary.show(world, &private, files).await?;
            tools.extend(accepted.tools);
            notarization = Some(accepted.id);
        }
        Ok(CodeSigning {
            tools,
            identity: identity.name,
            certificate: identity.certificate,
            timestamp: self.timestamp().to_owned(),
            notarization,
        })
    }

    /// codesign's arguments but for the file. Only a program has a runtime and entitlements.
    fn arguments(&self, certificate: &str, keychain: &Path, file: &Path) -> Vec<OsString> {
        let timestamp = match &self.settings.timestamp_url {
            Some(url) => format!("--timestamp={url}"),
            None => "--timestamp".to_owned(),
        };
        let mut words: Vec<OsString> = vec![
            // The linker's own signature, which says nothing, is replaced.
            "--force".into(),
            "--sign".into(),
            certificate.into(),
            "--keychain".into(),
            keychain.into(),
            timestamp.into(),
        ];
        if can_be_stapled(file) {
            return words;
        }
        words.extend(["--options".into(), "runtime".into()]);
        if let Some(file) = &self.settings.entitlements {
            words.extend(["--entitlements".into(), file.into()]);
        }
        words
    }

    /// The system's version; `unknown` where it does not tell.
    async fn version(&self, world: &World) -> String {
        let Some(program) = world.find_program(SW_VERS) else {
            return "unknown".to_owned();
        };
        let command = self.command(world, &program).arg("-productVersion");
        let said = run(world, SW_VERS, &command, (LIMIT, &Secrets::default())).await;
        said.unwrap_or_else(|_| "unknown".to_owned())
    }

    fn command(&self, world: &World, program: &Path) -> Command {
        world.command(program, &AllowList::base().network())
    }
}

/// What came of showing files to the notary.
struct Accepted {
    id: String,
    tools: Vec<SigningTool>,
}

impl Notary {
    fn ready(world: &World) -> Result<Self, CodeSignError> {
        let text = |name: &'static str| -> Result<String, CodeSignError> {
            Ok(secrets::of(world, name)?.expose_secret().trim().to_owned())
        };
        let key = match text(KEY_PATH_VAR)? {
            path if !path.is_empty() => Key::File(world.absolute(Path::new(&path))),
            _ => Key::Text(secrets::of(world, KEY_VAR)?),
        };
        if let Key::File(path) = &key
            && !path.is_file()
        {
            let why = format!("there is no file {}", path.display());
            let variable = KEY_PATH_VAR;
            return Err(CodeSignError::Credential { variable, why });
        }
        Ok(Self {
            xcrun: need(world, XCRUN)?,
            ditto: need(world, DITTO)?,
            key_id: text(KEY_ID_VAR)?,
            issuer: text(ISSUER_VAR)?,
            key,
        })
    }

    /// Shows files to the notary, waits for its word, and fastens it to those that can hold it.
    async fn show(
        &self,
        world: &World,
        dir: &Path,
        files: &[&Path],
    ) -> Result<Accepted, CodeSignError> {
        let mut secrets = Secrets::default();
        let key = match &self.key {
            Key::File(path) => path.clone(),
            Key::Text(text) => {
                secrets = secrets.and(text.clone());
                let path = dir.join("notary.p8");
                write_private(&path, &key_text(text))?;
                path
            }
        };
        let base = || world.command(&self.xcrun, &AllowList::base().network());
        let account = |command: Command| {
            let command = command.arg("--key").arg(&key);
            command.args(["--key-id", &self.key_id, "--issuer", &self.issuer])
        };
        let version = base().args(["notarytool", "--version"]);
        let version = run(world, "notarytool", &version, (LIMIT, &secrets)).await?;
        let mut tools = vec![tool("notarytool", version)];
        // One folder with all files becomes one archive, which is all that is sent of them.
        let (shown, archive) = (dir.join("shown"), dir.join("shown.zip"));
        std::fs::create_dir(&shown).map_err(io(&shown))?;
        for (index, file) in files.iter().enumerate() {
            let own = shown.join(index.to_string());
            std::fs::create_dir(&own).map_err(io(&own))?;
            let copy = own.join(file.file_name().unwrap_or_default());
            std::fs::copy(file, &copy).map_err(io(&copy))?;
        }
        let ditto = world.command(&self.ditto, &AllowList::base());
        let ditto = ditto.args(["-c", "-k"]).arg(&shown).arg(&archive);
        run(world, DITTO, &ditto, (LIMIT, &secrets)).await?;
        let submit = base().args(["notarytool", "submit"]).arg(&archive);
        let submit = account(submit).args(["--wait", "--output-format", "json"]);
        let ended = output(world, "notarytool", &submit, NOTARY_LIMIT).await?;
        // Newer ones fail when the notary has refused, with the same answer.
        let submission = match Submission::read(&ended.stdout_text()) {
            Err(_) if !ended.status.success() => {
                return Err(failed("notarytool", &submit, &ended, &secrets));
            }
            read => read?,
        };
        if !submission.is_accepted() {
            let log = account(base().args(["notarytool", "log", &submission.id]));
            let log = run(world, "notarytool", &log, (LIMIT, &secrets)).await;
            return Err(CodeSignError::NotAccepted {
                status: submission.status,
                said: secrets.strike(&log.unwrap_or_default()),
            });
        }
        for file in files.iter().filter(|file| can_be_stapled(file)) {
            let staple = base().args(["stapler", "staple"]).arg(*file);
            run(world, "stapler", &staple, (LIMIT, &secrets)).await?;
            if tools.iter().all(|tool| tool.name != "stapler") {
                tools.push(tool("stapler", "of Xcode".to_owned()));
            }
        }
        let id = submission.id;
        Ok(Accepted { id, tools })
    }
}

/// The key's file as Apple gives it out, also where the variable holds it in base64.
fn key_text(text: &SecretString) -> Vec<u8> {
    let plain = text.expose_secret();
    match plain.contains("-----BEGIN") {
        true => plain.as_bytes().to_vec(),
        false => secrets::decoded(KEY_VAR, text).unwrap_or_else(|_| plain.as_bytes().to_vec()),
    }
}

fn tool(name: &str, version: String) -> SigningTool {
    let name = name.to_owned();
    SigningTool { name, version }
}

/// Writes a new file that its owner alone can read.
fn write_private(path: &Path, bytes: &[u8]) -> Result<(), CodeSignError> {
    let file = system::create_private_file(path);
    file.and_then(|mut file| file.write_all(bytes))
        .map_err(io(path))
}

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> CodeSignError + use<> {
    let path = path.to_owned();
    move |source| CodeSignError::Io { path, source }
}
