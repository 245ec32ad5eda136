//! A keychain of this run's own, with one certificate in it.

use super::super::CodeSignError;
use super::super::alone::{alone, place};
use super::super::run::{PutAway, Step, run};
use super::super::secrets::{Secrets, decoded};
use super::answers::{Identity, choose, identities, is_keychain, keychains, quoted, without};
use super::{CERTIFICATE_VAR, LIMIT, Macos, SECURITY, io, write_private};
use crate::context::World;
use process::{AllowList, Command};
use secrecy::{ExposeSecret as _, SecretString};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The keychain's file. One of this name that is gone was left in the list by a run that was killed.
const FILE: &str = "atlas-release-sign.keychain-db";

/// A keychain that is deleted when this is dropped.
#[derive(Debug)]
pub(super) struct Keychain<'a> {
    path: PathBuf,
    security: &'a Path,
    world: &'a World,
    secrets: Secrets,
    put_away: PutAway,
}

impl<'a> Keychain<'a> {
    /// Makes it in a private folder and imports the certificate.
    pub async fn make(
        macos: &'a Macos,
        world: &'a World,
        dir: &Path,
        secrets: Secrets,
    ) -> Result<Self, CodeSignError> {
        let path = dir.join(FILE);
        let base = || world.command(&macos.security, &AllowList::base());
        let own = password()?;
        let secrets = secrets.and(own.clone());
        let list = || base().args(["list-keychains", "-d", "user"]);
        // Before it is there: making it may be interrupted half-way, and its folder goes in any case.
        let own_path = path.clone();
        let without_own = move |said: &str| {
            let others = without(said, &own_path)?.into_iter().map(OsString::from);
            Some(std::iter::once("-s".into()).chain(others).collect())
        };
        let put_away = PutAway {
            steps: vec![Step::Adjust(list(), Box::new(without_own))],
            lock: place(world),
            what: format!("the keychain {} in the list of keychains", path.display()),
        };
        let mut keychain = Self {
            security: &macos.security,
            world,
            secrets,
            put_away,
            path,
        };
        // Let go before the keychain is, which waits for it.
        let _alone = alone(world).await?;
        let name = quoted(&keychain.path.to_string_lossy());
        let own = own.expose_secret();
        keychain
            .told(&format!("create-keychain -p {own} {name}\n"))
            .await?;
        let delete = base().arg("delete-keychain").arg(&keychain.path);
        keychain.put_away.steps.insert(0, Step::Run(delete));
        let settings = ["set-keychain-settings", "-l", "-u", "-t", "7200"];
        keychain
            .run(base().args(settings).arg(&keychain.path))
            .await?;
        let file = dir.join("certificate.p12");
        let certificate = decoded(CERTIFICATE_VAR, &macos.certificate)?;
        write_private(&file, &certificate)?;
        let import = format!(
            "import {} -k {name} -f pkcs12 -P {} -T /usr/bin/codesign\n",
            quoted(&file.to_string_lossy()),
            quoted(macos.password.expose_secret())
        );
        let imported = keychain.told(&import).await;
        std::fs::remove_file(&file).map_err(io(&file))?;
        imported?;
        // Else the system asks at the screen whether codesign may use the key.
        let allow =
            format!("set-key-partition-list -S apple-tool:,apple:,codesign: -s -k {own} {name}\n");
        keychain.told(&allow).await?;
        // codesign looks for the certificate's issuers in listed keychains alone.
        let mut listed = keychains(&keychain.run(list()).await?);
        let is_left = |path: &Path| path.ends_with(FILE) && !path.exists();
        listed.retain(|path| !is_left(path) && !is_keychain(path, &keychain.path));
        let listed = list().arg("-s").arg(&keychain.path).args(listed);
        keychain.run(listed).await?;
        Ok(keychain)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The identity in it that signs.
    pub async fn identity(&self, named: Option<&str>) -> Result<Identity, CodeSignError> {
        let command = self
            .command()
            .args(["find-identity", "-v", "-p", "codesigning"]);
        let said = self.run(command.arg(&self.path)).await?;
        choose(&identities(&said), named)
    }

    /// Has `security` read a command from its standard input, where no other user sees it.
    async fn told(&self, line: &str) -> Result<String, CodeSignError> {
        self.run(self.command().arg("-i").input(line)).await
    }

    fn command(&self) -> Command {
        self.world.command(self.security, &AllowList::base())
    }

    async fn run(&self, command: Command) -> Result<String, CodeSignError> {
        run(self.world, SECURITY, &command, (LIMIT, &self.secrets)).await
    }
}

/// A password that nobody has to know.
fn password() -> Result<SecretString, CodeSignError> {
    let mut bytes = [0_u8; 24];
    getrandom::fill(&mut bytes).map_err(CodeSignError::Random)?;
    let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
    Ok(SecretString::from(digits.collect::<String>()))
}
