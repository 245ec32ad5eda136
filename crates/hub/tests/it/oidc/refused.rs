//! The ways in which a token can be wrong, each refused in the same words. What is wrong only the log
//! and the audit say.

use super::{EXCHANGE, add_rule, audited, exchanged, is_refused, job, trusting, with_rule};
use crate::support::{Server, error};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use test_support::issuer::{Issuer, RsaKey, header};

fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    now.as_secs().try_into().unwrap()
}

/// A Hub, its issuer, and the claims of a token that would be taken.
async fn ready() -> (Server, Issuer, Value) {
    let issuer = Issuer::start();
    let (server, _) = with_rule(&issuer).await;
    let claims = issuer.claims(&server.base);
    (server, issuer, claims)
}

/// That a token is refused with one claim changed, or without it, and taken with it: it was only that.
async fn refused_with(claim: &str, wrong: &[Value], audit: &str) {
    let (server, issuer, good) = ready().await;
    for value in wrong {
        let mut claims = good.clone();
        match value {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(claim)),
            value => claims[claim] = value.clone(),
        }
        is_refused(&server, &issuer.token(&claims), &format!("{claim} {value}")).await;
    }
    let rows = audited(&server, "trust.refuse").await;
    assert_eq!(rows.len(), wrong.len(), "{rows:?}");
    for (object, kind, _) in rows {
        assert!(object.contains(audit), "{object}");
        assert_eq!(kind, "anonymous");
    }
    exchanged(&server, &issuer.token(&good)).await;
}

/// The same of a token that is not the issuer's as it stands: nothing of it gets into the audit.
async fn refused_unsigned(wrong: impl Fn(&Issuer, &Value) -> Vec<String>) {
    let (server, issuer, good) = ready().await;
    for token in wrong(&issuer, &good) {
        is_refused(&server, &token, &token).await;
    }
    assert_eq!(audited(&server, "trust.refuse").await, []);
    exchanged(&server, &issuer.token(&good)).await;
}

#[tokio::test]
async fn a_token_that_nobody_has_signed() {
    refused_unsigned(|issuer, claims| {
        let token = issuer.token(claims);
        let (signed, _) = token.rsplit_once('.').unwrap();
        let none = json!({"alg": "none", "typ": "JWT", "kid": "first"});
        let unsigned = RsaKey::of_issuers().sign(&none, claims);
        let (unsigned, _) = unsigned.rsplit_once('.').unwrap();
        vec![
            signed.to_owned(),
            format!("{signed}."),
            format!("{unsigned}."),
        ]
    })
    .await;
}

#[tokio::test]
async fn a_token_that_somebody_else_has_signed() {
    let other = RsaKey::make();
    refused_unsigned(|_, claims| vec![other.sign(&header("first"), claims)]).await;
}

#[tokio::test]
async fn a_token_that_was_changed() {
    refused_unsigned(|issuer, claims| {
        let token = issuer.token(claims);
        let mut other = claims.clone();
        other["repository_owner_id"] = json!("66");
        let other = issuer.token(&other);
        let parts: Vec<&str> = token.split('.').collect();
        let others: Vec<&str> = other.split('.').collect();
        vec![
            [parts[0], others[1], parts[2]].join("."),
            [others[0], parts[1], others[2]].join("."),
        ]
    })
    .await;
}

#[tokio::test]
async fn other_algorithms_than_rs256() {
    refused_unsigned(|_, claims| {
        let algorithms = ["none", "HS256", "ES256", "PS256", "RS512", "rs256", ""];
        let with = |algorithm: &str| {
            let header = json!({"alg": algorithm, "typ": "JWT", "kid": "first"});
            RsaKey::of_issuers().sign(&header, claims)
        };
        algorithms.map(with).to_vec()
    })
    .await;
}

#[tokio::test]
async fn a_header_without_a_key_or_with_something_critical() {
    refused_unsigned(|_, claims| {
        let headers = [
            json!({"alg": "RS256", "typ": "JWT"}),
            json!({"alg": "RS256", "typ": "JWT", "kid": ""}),
            json!({"alg": "RS256", "typ": "JWT", "kid": "first", "crit": ["exp"]}),
            json!({"alg": "RS256", "typ": "at+jwt", "kid": "first"}),
        ];
        let sign = |header: Value| RsaKey::of_issuers().sign(&header, claims);
        headers.map(sign).to_vec()
    })
    .await;
}

/// What a header says of keys is never looked at.
#[tokio::test]
async fn a_key_that_the_token_brings_along() {
    let (server, issuer, good) = ready().await;
    let (own, elsewhere) = (RsaKey::make(), Issuer::start());
    let header = json!({
        "alg": "RS256", "typ": "JWT", "kid": "own", "jwk": own.public("own"),
        "jku": format!("{}/keys", elsewhere.url()), "x5u": elsewhere.url(),
    });
    is_refused(&server, &own.sign(&header, &good), "a key of its own").await;
    assert_eq!(elsewhere.asked().len(), 0);
    exchanged(&server, &issuer.token(&good)).await;
}

#[tokio::test]
async fn an_issuer_that_is_not_on_the_list_is_never_asked() {
    let (server, issuer, good) = ready().await;
    let other = Issuer::start();
    let mut claims = good.clone();
    for iss in [
        other.url(),
        format!("{}/", issuer.url()),
        "https://token.actions.githubusercontent.com".to_owned(),
        String::new(),
    ] {
        claims["iss"] = json!(iss);
        is_refused(&server, &other.token(&claims), &iss).await;
    }
    assert_eq!((other.asked().len(), issuer.asked().len()), (0, 0));
    exchanged(&server, &issuer.token(&good)).await;
}

/// Two issuers may have an owner of one number.
#[tokio::test]
async fn a_rule_is_for_one_issuer() {
    let (issuer, other) = (Issuer::start(), Issuer::start());
    let dir = Arc::new(tempfile::tempdir().unwrap());
    let server = Server::start_in(dir, |config| {
        trusting(&issuer)(config);
        config.trust.issuers.push(other.url().parse().unwrap());
    })
    .await;
    add_rule(&server, job(&issuer), &["runner"], &[]).await;
    let token = other.token(&other.claims(&server.base));
    is_refused(&server, &token, "the other issuer").await;
    let (object, ..) = audited(&server, "trust.refuse").await.remove(0);
    assert!(
        object.ends_with("no rule is for its repository"),
        "{object}"
    );
    exchanged(&server, &issuer.token(&issuer.claims(&server.base))).await;
}

#[tokio::test]
async fn a_token_for_somebody_else() {
    let others = json!(["https://other.example", "https://hub.example"]);
    let wrong = [json!("https://github.com/octo"), json!(""), others];
    refused_with("aud", &wrong, "its audience is not this Hub").await;
}

#[tokio::test]
async fn an_expired_token() {
    let wrong = [json!(now() - 120), json!(now() - 61)];
    refused_with("exp", &wrong, "it has expired").await;
}

#[tokio::test]
async fn a_token_of_a_time_to_come() {
    refused_with("nbf", &[json!(now() + 200)], "it is not valid yet").await;
    refused_with("iat", &[json!(now() + 200)], "it is not valid yet").await;
}

#[tokio::test]
async fn a_token_for_too_long() {
    let wrong = [json!(now() + 2 * 3600)];
    refused_with("exp", &wrong, "it is valid for too long").await;
}

#[tokio::test]
async fn a_token_without_a_time_or_an_id() {
    for claim in ["exp", "iat", "jti"] {
        refused_with(
            claim,
            &[Value::Null, json!("")],
            "its claims cannot be used",
        )
        .await;
    }
}

#[tokio::test]
async fn another_repository() {
    let (server, issuer, good) = ready().await;
    for name in ["octo/other", "octo2/tool", "octo/tool2"] {
        let mut claims = good.clone();
        claims["repository"] = json!(name);
        claims["workflow_ref"] =
            json!(format!("{name}/.github/workflows/release.yml@refs/heads/x"));
        is_refused(&server, &issuer.token(&claims), name).await;
    }
    let rows = audited(&server, "trust.refuse").await;
    assert!(
        rows[0].0.starts_with("octo/other run 30433642/2 "),
        "{rows:?}"
    );
    assert!(
        rows[0].0.ends_with("no rule is for its repository"),
        "{rows:?}"
    );
    // Upper and lower case are alike.
    let mut claims = good;
    claims["repository"] = json!("OCTO/TOOL");
    exchanged(&server, &issuer.token(&claims)).await;
}

/// The name was given up and somebody else has it now.
#[tokio::test]
async fn another_owner_of_the_same_name() {
    let wrong = [json!("66"), json!("650"), json!("065")];
    refused_with("repository_owner_id", &wrong, "for another owner").await;
}

#[tokio::test]
async fn another_workflow() {
    let file = |name: &str| {
        json!(format!(
            "octo/tool/.github/workflows/{name}@refs/heads/main"
        ))
    };
    let wrong = [file("ci.yml"), file("Release.yml"), file("release.yaml")];
    refused_with("workflow_ref", &wrong, "for another workflow").await;
}

/// A workflow of that name in another repository is another one, and so is what only looks like one.
#[tokio::test]
async fn a_workflow_that_is_none_of_the_repositorys() {
    let wrong = [
        "mallory/tool/.github/workflows/release.yml@refs/heads/main",
        "octo/tool/.github/workflows/x/release.yml@refs/heads/main",
        "octo/tool/.github/workflows/release.yml@x.yml@refs/heads/main",
        "octo/tool/.github/workflows/release.yml",
    ];
    refused_with(
        "workflow_ref",
        &wrong.map(Value::from),
        "`workflow_ref` has another form",
    )
    .await;
}

#[tokio::test]
async fn another_environment_or_none() {
    let wrong = [json!("staging"), json!(""), Value::Null];
    refused_with("environment", &wrong, "for another environment").await;
}

#[tokio::test]
async fn events_that_run_what_others_have_written() {
    for event in ["pull_request_target", "workflow_run"] {
        refused_with(
            "event_name",
            &[json!(event)],
            &format!("its event is {event}"),
        )
        .await;
    }
}

#[tokio::test]
async fn a_token_that_was_used() {
    let (server, issuer, good) = ready().await;
    let token = issuer.token(&good);
    exchanged(&server, &token).await;
    is_refused(&server, &token, "the same").await;
    // It is not the text that counts.
    let mut same = good.clone();
    same["sub"] = json!("another");
    is_refused(&server, &issuer.token(&same), "the same id").await;
    let rows = audited(&server, "trust.refuse").await;
    assert!(rows[1].0.ends_with("it was used before"), "{rows:?}");
    // What was taken stays taken when the Hub is started anew.
    let dir = server.stop().await;
    let base = good["aud"].as_str().unwrap().to_owned();
    let again = Server::start_in(dir, |config| {
        trusting(&issuer)(config);
        config.trust.audience = Some(base);
    })
    .await;
    is_refused(&again, &token, "after a restart").await;
}

#[tokio::test]
async fn a_token_whose_rules_name_no_product() {
    let issuer = Issuer::start();
    let dir = Arc::new(tempfile::tempdir().unwrap());
    let server = Server::start_in(dir, trusting(&issuer)).await;
    add_rule(&server, job(&issuer), &[], &["my-pack"]).await;
    let token = issuer.token(&issuer.claims(&server.base));
    is_refused(&server, &token, "packs alone").await;
    let (object, ..) = audited(&server, "trust.refuse").await.remove(0);
    assert!(
        object.ends_with("no rule for it names any product"),
        "{object}"
    );
}

#[tokio::test]
async fn a_rule_that_was_removed() {
    let issuer = Issuer::start();
    let (server, rule) = with_rule(&issuer).await;
    server.hub.roster().remove_trust(&rule).await.unwrap();
    let token = issuer.token(&issuer.claims(&server.base));
    is_refused(&server, &token, "no rule").await;
}

#[tokio::test]
async fn what_is_no_token_at_all() {
    let (server, issuer, good) = ready().await;
    let long = format!("{}.{}.x", "a".repeat(9000), "b".repeat(9000));
    for text in ["", "x", "a.b.c", "....", "\u{0}", "é.é.é", &long] {
        is_refused(&server, text, text).await;
    }
    for body in [json!({}), json!({"token": 7}), json!([])] {
        let request = server.client.post(server.url(EXCHANGE)).json(&body);
        error(request.send().await.unwrap(), 400).await;
    }
    assert_eq!(issuer.asked().len(), 0);
    exchanged(&server, &issuer.token(&good)).await;
}
