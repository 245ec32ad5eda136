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

/// Two operators who say the same at once make one rule, which one removal takes away.
#[tokio::test(flavor = "multi_thread")]
async fn two_at_once_make_one_rule() {
    let postgres = Postgres::start();
    let url = postgres.database("hub").await;
    let issuer = Issuer::start();
    let (first, second) = two_folders();
    let (first, second) = tokio::join!(
        Server::start_in(first, on(&url)),
        Server::start_in(second, on(&url))
    );
    for number in 0..20 {
        let mut trusted = job(&issuer);
        trusted.owner_id = (100 + number).to_string().parse().unwrap();
        tokio::join!(
            add_rule(&first, trusted.clone(), &["runner"], &[]),
            add_rule(&second, trusted.clone(), &["cli"], &[])
        );
        let rules = first.hub.roster().trust().await.unwrap();
        let same = rules.iter().filter(|rule| rule.job == trusted);
        let same: Vec<_> = same.collect();
        assert_eq!(same.len(), 1, "{same:?}");
        assert_eq!(same[0].products.len(), 2);
    }
}
