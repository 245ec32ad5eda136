//! Who may do what on a Hub, and with what: users, their credentials, packs and their members, and
//! products, as the Hub's operator handles them on the server's own machine, whether or not the server runs.

mod disabling;
mod trusting;

pub use disabling::Disabling;

use crate::catalogue::{Catalogue, FoundUser, Tx, User};
use crate::config::Clock;
use crate::data_dir::DataDir;
use crate::guests::GuestLock;
use crate::room;
use crate::storage::{Storage, blocking};
use crate::token::{NewToken, TokenKind};
use crate::{HubConfig, HubError};
use jiff::Timestamp;
use release_types::{MemberRole, PackId, ProductName, UserRole};
use secrecy::SecretString;
use std::fmt;
use std::path::Path;
use std::str::FromStr;

/// The catalogue's users and packs.
///
/// What [`Roster::open`] has opened is held until [`Roster::close`], or until it is dropped.
#[derive(Debug)]
pub struct Roster {
    catalogue: Catalogue,
    clock: Clock,
    // Declared behind the catalogue, so that its files are closed before others may have them.
    _access: Access,
}

#[derive(Debug)]
enum Access {
    /// Nobody else has the data directory.
    Alone { _dir: DataDir },
    /// A server has it, and lets guests in.
    Guest { _lock: GuestLock },
    /// The catalogue is on a server, for everybody.
    Server,
    /// A Hub of this process has it.
    Within,
}

/// Why users and packs were not changed.
#[derive(Debug, thiserror::Error)]
pub enum RosterError {
    /// The Hub cannot be used.
    #[error(transparent)]
    Hub(#[from] HubError),
    /// The name is taken.
    #[error("there is a user {0} already; nothing was changed")]
    UserExists(UserName),
    /// There is nobody of this name.
    #[error("there is no user {0}")]
    NoUser(UserName),
    /// The user is disabled.
    #[error("the user {0} is disabled")]
    Disabled(UserName),
    /// Nobody would be left who can administer the Hub.
    #[error("{0} is the last administrator with a credential in force; nothing was changed")]
    LastAdmin(UserName),
    /// There is no pack of this id.
    #[error("there is no pack {0}")]
    NoPack(PackId),
    /// There is no product of this name.
    #[error("there is no product {0}")]
    NoProduct(ProductName),
    /// There is no rule of this id.
    #[error("there is no rule {}", .0.escape_debug())]
    NoRule(String),
    /// The user is no member of the pack.
    #[error("{user} is no member of the pack {pack}")]
    NoMember {
        /// The user.
        user: UserName,
        /// The pack.
        pack: PackId,
    },
    /// A credential would be over before it began.
    #[error("the time that the credential is to expire at is over already")]
    Expired,
}

/// A text that cannot be a user's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{}` is not a user's name: expected 1 to 64 characters, none of them a control character, and no space around them",
    .0.escape_debug()
)]
pub struct UserNameError(String);

/// What a user is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserName(String);

impl UserName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for UserName {
    type Err = UserNameError;

    fn from_str(text: &str) -> Result<Self, UserNameError> {
        let fits = (1..=64).contains(&text.chars().count())
            && !text.chars().any(char::is_control)
            && text.trim() == text;
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(UserNameError(text.chars().take(200).collect()))
        }
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What becomes of the credentials a user has when a further one is issued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Earlier {
    /// They stay.
    Keep,
    /// They stop at the moment the new one begins.
    Revoke,
}

impl Roster {
    /// Opens the roster of a Hub that exists and has an administrator, alone or beside the server
    /// that has it open.
    ///
    /// # Errors
    /// [`HubError::NotInitialized`], [`HubError::Locked`] when the directory is open for something
    /// else than serving, [`HubError::Config`] when the server is of another version, and whatever
    /// disk and database report.
    pub async fn open(config: HubConfig) -> Result<Self, HubError> {
        let missing = config.not_initialized();
        let (catalogue, access) = match &config.database {
            Some(url) => {
                DataDir::refuse_catalogue(&config.data_dir)?;
                match Catalogue::join_server(url).await? {
                    Some(catalogue) => (catalogue, Access::Server),
                    None => return Err(missing),
                }
            }
            None if DataDir::has_catalogue(&config.data_dir) => open(&config).await?,
            None => return Err(missing),
        };
        let roster = Self {
            catalogue,
            clock: config.clock,
            _access: access,
        };
        let initialized = roster.catalogue.has_admin().await;
        if !matches!(initialized, Ok(true)) {
            roster.close().await;
            return Err(initialized.err().unwrap_or(missing));
        }
        Ok(roster)
    }

    /// The roster of a Hub that this process has open.
    pub(crate) fn within(catalogue: Catalogue, clock: Clock) -> Self {
        Self {
            catalogue,
            clock,
            _access: Access::Within,
        }
    }

    /// Closes what was opened.
    pub async fn close(self) {
        if !matches!(self._access, Access::Within) {
            self.catalogue.close().await;
        }
    }

    /// Adds a user; the first credential is shown this once.
    ///
    /// # Errors
    /// [`RosterError::UserExists`], [`RosterError::Expired`], or the Hub's.
    pub async fn add_user(
        &self,
        name: &UserName,
        role: UserRole,
        expires_at: Option<Timestamp>,
    ) -> Result<SecretString, RosterError> {
        let now = self.before(expires_at)?;
        let token = NewToken::draw(TokenKind::of(role))?;
        let mut tx = self.catalogue.write().await?;
        if Catalogue::find_user(&mut tx, name.as_str())
            .await?
            .is_some()
        {
            return Err(RosterError::UserExists(name.clone()));
        }
        let id = Catalogue::insert_user(&mut tx, name.as_str(), role, now).await?;
        let holder = (id.as_str(), name.as_str());
        Catalogue::insert_credential(&mut tx, holder, expires_at, &token, now).await?;
        tx.commit().await?;
        Ok(token.secret)
    }

    /// Issues a further credential to a user; it is shown this once.
    ///
    /// # Errors
    /// [`RosterError::NoUser`], [`RosterError::Disabled`], [`RosterError::Expired`], or the Hub's.
    pub async fn issue_credential(
        &self,
        name: &UserName,
        expires_at: Option<Timestamp>,
        earlier: Earlier,
    ) -> Result<SecretString, RosterError> {
        let now = self.before(expires_at)?;
        let mut tx = self.catalogue.write().await?;
        let user = enabled_user(&mut tx, name).await?;
        let token = NewToken::draw(TokenKind::of(user.role))?;
        if earlier == Earlier::Revoke {
            Catalogue::revoke_credentials(&mut tx, &user.id, now).await?;
        }
        let holder = (user.id.as_str(), name.as_str());
        Catalogue::insert_credential(&mut tx, holder, expires_at, &token, now).await?;
        tx.commit().await?;
        Ok(token.secret)
    }

    /// All users, by name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn users(&self) -> Result<Vec<User>, RosterError> {
        Ok(self.catalogue.users(self.clock.now()).await?)
    }

    /// Adds a pack, unless it exists. Whether it is new.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_pack(&self, pack: &PackId) -> Result<bool, RosterError> {
        Ok(self.catalogue.add_pack(pack, self.clock.now()).await?)
    }

    /// All packs, by id.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn packs(&self) -> Result<Vec<PackId>, RosterError> {
        Ok(self.catalogue.packs().await?)
    }

    /// Adds a product, unless it exists. Whether it is new.
    ///
    /// # Errors
    /// [`HubError::Config`] where addresses of the Hub's own begin so, and when the database fails.
    pub async fn add_product(&self, name: &ProductName) -> Result<bool, RosterError> {
        Ok(self.catalogue.add_product(name, self.clock.now()).await?)
    }

    /// All products, by name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn products(&self) -> Result<Vec<ProductName>, RosterError> {
        Ok(self.catalogue.products().await?)
    }

    /// The members of a pack with their roles, by name.
    ///
    /// # Errors
    /// [`RosterError::NoPack`], or the Hub's.
    pub async fn members(&self, pack: &PackId) -> Result<Vec<(String, MemberRole)>, RosterError> {
        self.known_pack(pack).await?;
        Ok(self.catalogue.members(pack).await?)
    }

    /// Makes a user a member of a pack, or gives a member another role.
    ///
    /// # Errors
    /// [`RosterError::NoPack`], [`RosterError::NoUser`], [`RosterError::Disabled`], or the Hub's.
    pub async fn add_member(
        &self,
        pack: &PackId,
        name: &UserName,
        role: MemberRole,
    ) -> Result<(), RosterError> {
        self.known_pack(pack).await?;
        let mut tx = self.catalogue.write().await?;
        let user = enabled_user(&mut tx, name).await?;
        Catalogue::put_member(&mut tx, pack, &user.id, role, self.clock.now()).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Takes a user out of a pack.
    ///
    /// # Errors
    /// [`RosterError::NoPack`], [`RosterError::NoUser`], [`RosterError::NoMember`], or the Hub's.
    pub async fn remove_member(&self, pack: &PackId, name: &UserName) -> Result<(), RosterError> {
        self.known_pack(pack).await?;
        let mut tx = self.catalogue.write().await?;
        let found = user(&mut tx, name).await?;
        if !Catalogue::remove_member(&mut tx, pack, &found.id, self.clock.now()).await? {
            return Err(RosterError::NoMember {
                user: name.clone(),
                pack: pack.clone(),
            });
        }
        tx.commit().await?;
        Ok(())
    }

    /// Packs are never removed, so one that is known stays known.
    async fn known_pack(&self, pack: &PackId) -> Result<(), RosterError> {
        if self.catalogue.has_pack(pack).await? {
            Ok(())
        } else {
            Err(RosterError::NoPack(pack.clone()))
        }
    }

    /// The time now, where it is before a credential's end.
    fn before(&self, expires_at: Option<Timestamp>) -> Result<Timestamp, RosterError> {
        let now = self.clock.now();
        match expires_at {
            Some(end) if end <= now => Err(RosterError::Expired),
            _ => Ok(now),
        }
    }
}

/// The catalogue in a data directory, for this process alone or beside its server.
async fn open(config: &HubConfig) -> Result<(Catalogue, Access), HubError> {
    let path = &config.data_dir;
    match DataDir::create(path) {
        Ok(dir) => {
            let storage = Storage::open(&dir, config.bucket.as_ref())?;
            let mut made = Vec::new();
            let catalogue = loop {
                match Catalogue::open(&dir.database(), config.clock.now()).await {
                    Ok(catalogue) => break catalogue,
                    Err(error) => {
                        room::or_fail(error, &mut made, config, (&dir, &storage)).await?;
                    }
                }
            };
            Ok((catalogue, Access::Alone { _dir: dir }))
        }
        Err(locked @ HubError::Locked { .. }) => match enter(path).await? {
            Some(lock) => {
                let catalogue = Catalogue::join(&DataDir::database_in(path)).await?;
                Ok((catalogue, Access::Guest { _lock: lock }))
            }
            None => Err(locked),
        },
        Err(error) => Err(error),
    }
}

/// Waits without holding up a server that is starting in this very process.
async fn enter(path: &Path) -> Result<Option<GuestLock>, HubError> {
    let path = path.to_owned();
    blocking(move || GuestLock::enter(&path)).await
}

async fn user(tx: &mut Tx, name: &UserName) -> Result<FoundUser, RosterError> {
    let found = Catalogue::find_user(tx, name.as_str()).await?;
    found.ok_or_else(|| RosterError::NoUser(name.clone()))
}

async fn enabled_user(tx: &mut Tx, name: &UserName) -> Result<FoundUser, RosterError> {
    let user = user(tx, name).await?;
    if user.disabled {
        return Err(RosterError::Disabled(name.clone()));
    }
    Ok(user)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_names() {
        for good in ["operator", "Night Shift", "é", &"x".repeat(64)] {
            assert!(good.parse::<UserName>().is_ok(), "{good}");
        }
        for bad in ["", " a", "a ", "a\tb", "a\n", "\u{1b}[0m", &"x".repeat(65)] {
            assert!(bad.parse::<UserName>().is_err(), "{bad:?}");
        }
    }
}
