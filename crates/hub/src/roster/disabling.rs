//! A user is stopped: what goes with the user, what goes on, and who is left to look after the Hub.

use super::{Roster, RosterError, UserName, user};
use crate::catalogue::{Catalogue, IssuedDeployToken};
use release_types::UserRole;

/// How a user is disabled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Disabling {
    /// Revokes the deploy tokens, too, that the user has issued.
    pub revoke_issued: bool,
    /// Disables also the last administrator who has a credential in force.
    pub even_the_last: bool,
}

impl Roster {
    /// Disables a user, for ever: no credential works from this moment on. Also for one who is disabled
    /// already, whose issued tokens can so be revoked later.
    ///
    /// The deploy tokens that the user has issued and that are in force: they go on working, since they
    /// are the Hub's or a pack's, unless they are to be revoked, and then they were revoked.
    ///
    /// # Errors
    /// [`RosterError::NoUser`], [`RosterError::LastAdmin`], or the Hub's. Nothing is changed then.
    pub async fn disable_user(
        &self,
        name: &UserName,
        how: Disabling,
    ) -> Result<Vec<IssuedDeployToken>, RosterError> {
        self.catalogue.uses_noted().await;
        let now = self.clock.now();
        let mut tx = self.catalogue.write().await?;
        let user = user(&mut tx, name).await?;
        let is_admin = user.role == UserRole::Admin && !user.disabled;
        if is_admin
            && !how.even_the_last
            && !Catalogue::has_admin_besides(&mut tx, &user.id, now).await?
        {
            return Err(RosterError::LastAdmin(name.clone()));
        }
        Catalogue::mark_disabled(&mut tx, &user.id, now).await?;
        Catalogue::revoke_credentials(&mut tx, &user.id, now).await?;
        let issued = Catalogue::issued_by(&mut tx, &user.id, now).await?;
        if how.revoke_issued {
            Catalogue::revoke_issued(&mut tx, &issued, now).await?;
        }
        tx.commit().await?;
        Ok(issued)
    }
}
