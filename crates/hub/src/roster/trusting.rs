//! Which jobs elsewhere may publish, without a token that somebody has to keep.

use super::{Roster, RosterError};
use crate::catalogue::AddedRule;
use crate::token::random_id;
use crate::trust::{TrustRule, TrustedJob};
use release_types::{PackId, ProductName};

impl Roster {
    /// Lets a job publish these products, and make builds of these packs, from now on. Where a rule is
    /// for the same job already, it is for these too.
    ///
    /// # Errors
    /// [`RosterError::NoProduct`], [`RosterError::NoPack`], or the Hub's. Nothing is changed then.
    pub async fn add_trust(
        &self,
        job: TrustedJob,
        products: Vec<ProductName>,
        packs: Vec<PackId>,
    ) -> Result<AddedRule, RosterError> {
        for product in &products {
            if !self.catalogue.has_product(product).await? {
                return Err(RosterError::NoProduct(product.clone()));
            }
        }
        for pack in &packs {
            self.known_pack(pack).await?;
        }
        let id = random_id().map_err(RosterError::Hub)?;
        let rule = TrustRule {
            id,
            job,
            products,
            packs,
        };
        let added = self.catalogue.add_trust_rule(&rule, self.clock.now());
        Ok(added.await?)
    }

    /// All rules, the oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn trust(&self) -> Result<Vec<TrustRule>, RosterError> {
        Ok(self.catalogue.trust_rules().await?)
    }

    /// Removes a rule by its id. What jobs have got by it stops working.
    ///
    /// # Errors
    /// [`RosterError::NoRule`], or the Hub's.
    pub async fn remove_trust(&self, id: &str) -> Result<(), RosterError> {
        match self
            .catalogue
            .remove_trust_rule(id, self.clock.now())
            .await?
        {
            true => Ok(()),
            false => Err(RosterError::NoRule(id.to_owned())),
        }
    }
}
