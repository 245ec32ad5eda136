//! An ID token that is shown to two Hubs with one catalogue.

use super::{folder, on, two_folders};
use crate::oidc::{add_rule, exchange, job, trusting};
use crate::on_postgres::server::Postgres;
use crate::support::Server;
use hub::HubConfig;
use test_support::issuer::Issuer;

#[tokio::test(flavor = "multi_thread")]
async fn an_id_token_is_good_at_one_hub_alone() {
    let postgres = Postgres::start();
    let url = postgres.database("hub").await;
    let issuer = Issuer::start();
    let adjust = |config: &mut HubConfig| {
        trusting(&issuer)(config);
        on(&url)(config);
        // Behind one address.
        config.trust.audience = Some("https://hub.example".to_owned());
    };
    let (first, second) = two_folders();
    let (first, second) = tokio::join!(
        Server::start_in(first, adjust),
        Server::start_in(second, adjust)
    );
    add_rule(&first, job(&issuer), &["runner"], &[]).await;
    for round in 0..20 {
        let token = issuer.token(&issuer.claims("https://hub.example"));
        let (one, other) = tokio::join!(exchange(&first, &token), exchange(&second, &token));
        let mut statuses = [one.status().as_u16(), other.status().as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 401], "{round}");
    }
    // A third one that comes later knows it, too.
    let token = issuer.token(&issuer.claims("https://hub.example"));
    assert_eq!(exchange(&first, &token).await.status(), 200);
    let third = Server::start_in(folder(), adjust).await;
    assert_eq!(exchange(&third, &token).await.status(), 401);
}
