//! Authenticode, by `signtool`.
//!
//! signtool takes the password of a PFX file in an argument alone, which other users can read. So PowerShell
//! reads certificate and password from its environment and puts the certificate into the user's own store,
//! signtool is told its thumbprint, and the certificate is removed from the store again with its key. Nothing
//! of it is written to a file of this program's.

use super::alone::alone;
use super::run::{PutAway, Step, need, run};
use super::secrets::{self, Secrets};
use super::{CodeSignError, CodeSigning, SigningTool};
use crate::context::World;
use crate::products::WindowsSign;
use process::{AllowList, Command};
use release_types::Arch;
use secrecy::{ExposeSecret as _, SecretString};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What signs.
pub(super) const SIGNTOOL: &str = "signtool";

/// What puts the certificate where signtool finds it.
const POWERSHELL: &str = "powershell";

/// The certificate with its key, a PFX file in base64.
const PFX_VAR: &str = "WIN_B64_PFX";

/// Its password.
const PASSWORD_VAR: &str = "WIN_PFX_PASSWORD";

/// By which the scripts are told where signtool is.
const TOOL_VAR: &str = "ATLAS_SIGNTOOL";

/// How long PowerShell may take; its first start on a machine takes longest.
const SCRIPT_LIMIT: Duration = Duration::from_secs(120);

/// How long one file may take, with the server of time stamps.
const SIGN_LIMIT: Duration = Duration::from_secs(300);

/// Lists the certificates of the PFX, one a line, without keeping their keys, after the version of signtool.
/// A certificate bears this program's name while it has it in the store: one that a killed run has left is
/// known by it, and is put away by the next.
const LOOK: &str = "$ErrorActionPreference='Stop'; \
    'tool|'+(Get-Item $env:ATLAS_SIGNTOOL).VersionInfo.ProductVersion; \
    $all=New-Object System.Security.Cryptography.X509Certificates.X509Certificate2Collection; \
    $all.Import([Convert]::FromBase64String($env:WIN_B64_PFX),$env:WIN_PFX_PASSWORD,'EphemeralKeySet'); \
    foreach($c in $all){ $p='Cert:\\CurrentUser\\My\\'+$c.Thumbprint; \
    $here=(Test-Path $p) -and ((Get-Item $p).FriendlyName -ne 'atlas-release'); \
    'cert|'+$c.Thumbprint+'|'+$c.HasPrivateKey+'|'+$here+'|'+$c.Subject }";

/// Puts those that are not there into the user's store. Their keys cannot be exported from it.
const IMPORT: &str = "$ErrorActionPreference='Stop'; \
    $all=New-Object System.Security.Cryptography.X509Certificates.X509Certificate2Collection; \
    $all.Import([Convert]::FromBase64String($env:WIN_B64_PFX),$env:WIN_PFX_PASSWORD,'PersistKeySet,UserKeySet'); \
    $store=New-Object System.Security.Cryptography.X509Certificates.X509Store('My','CurrentUser'); \
    $store.Open('ReadWrite'); \
    foreach($c in $all){ if($env:ATLAS_CERTIFICATES.Split(',') -contains $c.Thumbprint){ \
    $c.FriendlyName='atlas-release'; $store.Add($c) } }; $store.Close()";

/// Removes certificates with their keys; those that are not there are no failure.
const REMOVE: &str = "$ErrorActionPreference='Stop'; \
    foreach($t in $env:ATLAS_CERTIFICATES.Split(',')){ $p='Cert:\\CurrentUser\\My\\'+$t; \
    if(Test-Path $p){ Remove-Item -Path $p -DeleteKey } }";

/// By which the scripts are told which certificates are meant.
const CERTIFICATES_VAR: &str = "ATLAS_CERTIFICATES";

/// The variables that have to be set.
pub fn variables() -> [&'static str; 2] {
    [PFX_VAR, PASSWORD_VAR]
}

/// All that is needed.
#[derive(Debug)]
pub(super) struct Windows {
    signtool: PathBuf,
    powershell: PathBuf,
    pfx: SecretString,
    password: SecretString,
    settings: WindowsSign,
}

/// A certificate of the PFX.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Certificate {
    thumbprint: String,
    /// Whether it can sign.
    has_key: bool,
    /// Whether the user's store has had it before.
    is_here: bool,
    subject: String,
}

impl Windows {
    /// Finds the tools and reads the credentials.
    pub fn ready(world: &World, settings: WindowsSign) -> Result<Self, CodeSignError> {
        let signtool = world.find_program(SIGNTOOL).or_else(|| in_kits(world));
        let signtool = signtool.ok_or(CodeSignError::Missing { tool: SIGNTOOL })?;
        let powershell = match need(world, POWERSHELL) {
            Ok(path) => path,
            Err(error) => world.find_program("pwsh").ok_or(error)?,
        };
        let pfx = secrets::of(world, PFX_VAR)?;
        secrets::decoded(PFX_VAR, &pfx)?;
        Ok(Self {
            signtool,
            powershell,
            pfx,
            password: secrets::of(world, PASSWORD_VAR)?,
            settings,
        })
    }

    pub fn would_make(&self, made: &CodeSigning) -> bool {
        made.timestamp == self.settings.timestamp_url
    }

    /// Signs files where they are.
    pub async fn sign(&self, world: &World, files: &[&Path]) -> Result<CodeSigning, CodeSignError> {
        let secrets = Secrets::new([self.pfx.clone(), self.password.clone()]);
        // A certificate is in the store once, whoever has put it there: the first run that is done would take it from
        // the others.
        let alone = alone(world).await?;
        let look = self
            .with_secrets(self.script(world, LOOK))
            .env(TOOL_VAR, &self.signtool);
        let said = run(world, POWERSHELL, &look, (SCRIPT_LIMIT, &secrets)).await?;
        let (version, certificates) = looked(&said)?;
        let signs = the_one(&certificates)?;
        let new: Vec<&str> = certificates
            .iter()
            .filter(|one| !one.is_here)
            .map(|one| one.thumbprint.as_str())
            .collect();
        // One that stays where it is keeps nobody waiting. Else it is let go behind what comes next.
        let _alone = alone.filter(|_| !new.is_empty());
        let remove = self.script(world, REMOVE);
        // Named before the import begins: it may be interrupted half-way.
        let _put_away = (!new.is_empty()).then(|| PutAway {
            steps: vec![Step::Run(remove.env(CERTIFICATES_VAR, new.join(",")))],
            lock: None,
            what: format!(
                "the certificate {} in the current user's store, with its key,",
                new.join(", ")
            ),
        });
        if !new.is_empty() {
            let import = self.with_secrets(self.script(world, IMPORT));
            let import = import.env(CERTIFICATES_VAR, new.join(","));
            run(world, POWERSHELL, &import, (SCRIPT_LIMIT, &secrets)).await?;
        }
        for file in files {
            let command = world
                .command(&self.signtool, &AllowList::base().network())
                .args(arguments(&signs.thumbprint, &self.settings.timestamp_url))
                .arg(*file);
            run(world, SIGNTOOL, &command, (SIGN_LIMIT, &secrets)).await?;
        }
        Ok(CodeSigning {
            tools: vec![SigningTool {
                name: SIGNTOOL.to_owned(),
                version,
            }],
            identity: signs.subject.clone(),
            certificate: signs.thumbprint.clone(),
            timestamp: self.settings.timestamp_url.clone(),
            notarization: None,
        })
    }

    fn script(&self, world: &World, script: &str) -> Command {
        world
            .command(&self.powershell, &AllowList::base())
            .args(["-NoLogo", "-NoProfile", "-NonInteractive", "-Command"])
            .arg(script)
    }

    fn with_secrets(&self, command: Command) -> Command {
        // A line break would be read by PowerShell all the same; the variable's length has a bound.
        let pfx: String = self.pfx.expose_secret().split_whitespace().collect();
        command
            .env(PFX_VAR, pfx)
            .env(PASSWORD_VAR, self.password.expose_secret())
    }
}

/// signtool's arguments but for the file.
fn arguments(thumbprint: &str, timestamp_url: &str) -> Vec<String> {
    let words = [
        "sign",
        "/fd",
        "sha256",
        "/td",
        "sha256",
        "/tr",
        timestamp_url,
        "/s",
        "My",
        "/sha1",
        thumbprint,
    ];
    words.map(str::to_owned).to_vec()
}

/// What the first script has said: signtool's version and the certificates.
fn looked(said: &str) -> Result<(String, Vec<Certificate>), CodeSignError> {
    let answer = |why: String| CodeSignError::Answer {
        tool: POWERSHELL,
        why,
    };
    let (mut version, mut certificates) = (None, Vec::new());
    for line in said.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if let Some(text) = line.strip_prefix("tool|") {
            version = Some(text.to_owned());
            continue;
        }
        let mut fields = line.splitn(5, '|');
        let mut next = || fields.next().unwrap_or_default();
        let (start, thumbprint, has_key, is_here, subject) =
            (next(), next(), next(), next(), next());
        let is_hex = thumbprint.len() == 40 && thumbprint.bytes().all(|b| b.is_ascii_hexdigit());
        if start != "cert" || !is_hex {
            return Err(answer(format!("{line:?}")));
        }
        certificates.push(Certificate {
            thumbprint: thumbprint.to_owned(),
            has_key: has_key == "True",
            is_here: is_here == "True",
            subject: subject.to_owned(),
        });
    }
    let version = version.ok_or_else(|| answer("it names no version of signtool".to_owned()))?;
    Ok((version, certificates))
}

/// The certificate that signs.
fn the_one(certificates: &[Certificate]) -> Result<&Certificate, CodeSignError> {
    let mut with_key = certificates.iter().filter(|one| one.has_key);
    let why = match (with_key.next(), with_key.next()) {
        (Some(one), None) => return Ok(one),
        (None, _) => "it has no certificate with a private key",
        (Some(_), Some(_)) => "it has several certificates with private keys, and one has to sign",
    };
    Err(CodeSignError::Credential {
        variable: PFX_VAR,
        why: why.to_owned(),
    })
}

/// signtool where the Windows SDK puts it, in a folder for each version and processor.
fn in_kits(world: &World) -> Option<PathBuf> {
    let programs = world.env.get("ProgramFiles(x86)")?;
    let bin = Path::new(programs).join("Windows Kits/10/bin");
    let entries = std::fs::read_dir(&bin).ok()?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let arch = match world.host.arch {
        Arch::X64 => "x64",
        Arch::Arm64 => "arm64",
    };
    let paths = newest_first(names.collect())
        .into_iter()
        .map(|name| bin.join(name).join(arch).join("signtool.exe"));
    paths.into_iter().find(|path| path.is_file())
}

/// Versions of four numbers, the newest first; other names are left out.
fn newest_first(names: Vec<String>) -> Vec<String> {
    let numbers = |name: &str| -> Option<Vec<u32>> {
        let numbers: Option<Vec<u32>> = name.split('.').map(|part| part.parse().ok()).collect();
        numbers.filter(|numbers| numbers.len() == 4)
    };
    let mut known: Vec<_> = names
        .into_iter()
        .filter_map(|name| Some((numbers(&name)?, name)))
        .collect();
    known.sort();
    known.into_iter().rev().map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const THUMB: &str = "00112233445566778899AABBCCDDEEFF00112233";

    #[test]
    fn what_powershell_says_is_read() {
        let text = format!(
            "tool|10.0.22621.3233\r\ncert|{THUMB}|True|False|CN=Example | Co, C=DE\r\ncert|{THUMB}|False|True|CN=CA\r\n"
        );
        let (version, certificates) = looked(&text).unwrap();
        assert_eq!(version, "10.0.22621.3233");
        let one = the_one(&certificates).unwrap();
        assert_eq!(one.subject, "CN=Example | Co, C=DE");
        assert!(!one.is_here && certificates[1].is_here);
        for wrong in [
            "",
            "cert|12|True|True|x",
            "tool|1\nwelcome",
            "tool|1\ncert|x,y|True|True|x",
        ] {
            assert!(looked(wrong).is_err(), "{wrong}");
        }
        let twice = [one.clone(), one.clone()];
        for (all, says) in [
            (&twice[..], "several"),
            (&certificates[1..], "no certificate with"),
        ] {
            let error = the_one(all).unwrap_err().to_string();
            assert!(
                error.starts_with("WIN_B64_PFX cannot be used") && error.contains(says),
                "{error}"
            );
        }
    }

    #[test]
    fn the_newest_kit_counts() {
        let names = [
            "10.0.9.0",
            "10.0.22621.0",
            "x64",
            "10.0.19041.0",
            "10.0",
            "10.0.22621.0.1",
        ];
        let found = newest_first(names.map(str::to_owned).to_vec());
        assert_eq!(found, ["10.0.22621.0", "10.0.19041.0", "10.0.9.0"]);
    }

    #[test]
    fn scripts_name_their_variables_and_hold_no_double_quote() {
        for script in [LOOK, IMPORT, REMOVE] {
            assert!(!script.contains('"'), "{script}");
        }
        for script in [LOOK, IMPORT] {
            assert!(script.contains(&format!("$env:{PFX_VAR}")));
            assert!(script.contains(&format!("$env:{PASSWORD_VAR}")));
            assert!(script.contains("'atlas-release'"));
        }
        assert!(LOOK.contains(&format!("$env:{TOOL_VAR}")));
        for script in [IMPORT, REMOVE] {
            assert!(script.contains(&format!("$env:{CERTIFICATES_VAR}")));
        }
    }
}
