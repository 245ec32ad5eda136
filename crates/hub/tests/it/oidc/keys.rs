//! How an issuer's keys are come by, and what an issuer cannot do to a Hub.

use super::{EXCHANGE, exchange, exchanged, is_refused, with_rule};
use crate::support::{Server, error, header as field};
use serde_json::json;
use std::time::{Duration, Instant};
use test_support::issuer::{Answer, Issuer, RsaKey, header};

async fn ready() -> (Server, Issuer) {
    let issuer = Issuer::start();
    let (server, _) = with_rule(&issuer).await;
    (server, issuer)
}

fn token(server: &Server, issuer: &Issuer) -> String {
    issuer.token(&issuer.claims(&server.base))
}

/// That the keys cannot be had, which is nobody's fault here.
async fn is_unavailable(server: &Server, token: &str) {
    let answer = exchange(server, token).await;
    let wait: u64 = field(&answer, "retry-after").parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    let said = error(answer, 503).await;
    assert!(said.contains("issuer"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn they_are_fetched_once_by_however_many_need_them() {
    let (server, issuer) = ready().await;
    let mut slow = Answer::json(&json!({"keys": [RsaKey::of_issuers().public("first")]}));
    slow.delay = Duration::from_millis(300);
    issuer.say("/keys", slow);
    let tokens: Vec<String> = (0..8).map(|_| token(&server, &issuer)).collect();
    let asking = tokens.iter().map(|token| exchange(&server, token));
    for answer in futures_util::future::join_all(asking).await {
        assert_eq!(answer.status(), 200);
    }
    assert_eq!(issuer.asked_for_keys(), 1);
    // And kept, for an hour.
    server.pass(120);
    exchanged(&server, &token(&server, &issuer)).await;
    assert_eq!(issuer.asked_for_keys(), 1);
}

#[tokio::test]
async fn they_are_fetched_again_once_a_minute_at_most() {
    let (server, issuer) = ready().await;
    exchanged(&server, &token(&server, &issuer)).await;
    let second = RsaKey::make();
    let signed = |id: &str| second.sign(&header(id), &issuer.claims(&server.base));
    // Whether the issuer has such a key by now is not known, so none of them is called wrong.
    for id in ["second", "third", "fourth"] {
        is_unavailable(&server, &signed(id)).await;
    }
    assert_eq!(issuer.asked_for_keys(), 1);
    // A key that has come since is found, and one that is gone is good for nothing any more.
    issuer.have_keys(&[second.public("second")]);
    server.pass(20);
    let answer = exchange(&server, &signed("second")).await;
    let wait: u64 = field(&answer, "retry-after").parse().unwrap();
    assert!((20..=40).contains(&wait), "the rest of the minute: {wait}");
    error(answer, 503).await;
    server.pass(41);
    exchanged(&server, &signed("second")).await;
    is_unavailable(&server, &token(&server, &issuer)).await;
    assert_eq!(issuer.asked_for_keys(), 2);
    server.pass(61);
    is_refused(&server, &token(&server, &issuer), "a key of before").await;
    assert_eq!(issuer.asked_for_keys(), 3);
}

#[tokio::test]
async fn an_issuer_that_fails_is_left_alone_for_a_minute() {
    let (server, issuer) = ready().await;
    issuer.say("/keys", Answer::status(500));
    for _ in 0..3 {
        is_unavailable(&server, &token(&server, &issuer)).await;
    }
    assert_eq!(issuer.asked_for_keys(), 1);
    issuer.have_keys(&[RsaKey::of_issuers().public("first")]);
    is_unavailable(&server, &token(&server, &issuer)).await;
    server.pass(61);
    exchanged(&server, &token(&server, &issuer)).await;
}

/// Somebody who asks and leaves at once must not keep the keys from everybody else.
#[tokio::test]
async fn keys_arrive_although_the_one_who_asked_has_left() {
    let (server, issuer) = ready().await;
    let mut slow = Answer::json(&json!({"keys": [RsaKey::of_issuers().public("first")]}));
    slow.delay = Duration::from_millis(500);
    issuer.say("/keys", slow);
    let leaving = server
        .client
        .post(server.url(EXCHANGE))
        .json(&json!({"token": token(&server, &issuer)}))
        .timeout(Duration::from_millis(200));
    assert!(leaving.send().await.is_err());
    exchanged(&server, &token(&server, &issuer)).await;
    assert_eq!(issuer.asked_for_keys(), 1);
}

/// Whatever an issuer answers, the Hub goes nowhere else and reads only so much of it.
#[tokio::test]
async fn answers_that_are_not_followed_or_not_read() {
    let elsewhere = Issuer::start();
    let there = elsewhere.url();
    let good = |issuer: &Issuer| json!({"issuer": issuer.url(), "jwks_uri": format!("{}/keys", issuer.url())});
    type Say = Box<dyn Fn(&Issuer)>;
    let with = |name: &'static str, value: String| -> Say {
        Box::new(move |issuer| {
            let mut configuration = good(issuer);
            configuration[name] = json!(value);
            issuer.say_configuration(Answer::json(&configuration));
        })
    };
    let redirect = |to: String| {
        let mut answer = Answer::status(302);
        answer.field = Some(format!("location: {to}"));
        answer
    };
    let (to_keys, to_all) = (redirect(format!("{there}/keys")), redirect(there.clone()));
    let cases: Vec<(&str, Say)> = vec![
        (
            "keys on another host",
            with("jwks_uri", format!("{there}/keys")),
        ),
        (
            "keys by another scheme",
            with("jwks_uri", "file:///etc/passwd".to_owned()),
        ),
        (
            "another issuer's configuration",
            with("issuer", there.clone()),
        ),
        (
            "redirected keys",
            Box::new(move |issuer| issuer.say("/keys", to_keys.clone())),
        ),
        (
            "redirected configuration",
            Box::new(move |issuer| issuer.say_configuration(to_all.clone())),
        ),
        (
            "too many bytes",
            Box::new(|issuer| {
                let key = RsaKey::of_issuers().public("first");
                let mut long = Answer::json(&json!({"keys": [key]}));
                long.body.push_str(&" ".repeat(300 * 1024));
                issuer.say("/keys", long);
            }),
        ),
        ("no keys", Box::new(|issuer| issuer.have_keys(&[]))),
        (
            "keys for something else",
            Box::new(|issuer| {
                let mut key = RsaKey::of_issuers().public("first");
                key["alg"] = json!("RS512");
                issuer.have_keys(&[key]);
            }),
        ),
        (
            "no JSON",
            Box::new(|issuer| {
                let mut page = Answer::status(200);
                page.body = "<html>".to_owned();
                issuer.say("/keys", page);
            }),
        ),
    ];
    for (what, say) in cases {
        let (server, issuer) = ready().await;
        say(&issuer);
        eprintln!("{what}");
        is_unavailable(&server, &token(&server, &issuer)).await;
    }
    assert_eq!(elsewhere.asked(), [""; 0]);
}

#[tokio::test]
async fn an_issuer_that_says_nothing_is_not_waited_for_long() {
    let (server, issuer) = ready().await;
    let mut never = Answer::status(200);
    never.delay = Duration::from_secs(60);
    issuer.say_configuration(never);
    let begun = Instant::now();
    is_unavailable(&server, &token(&server, &issuer)).await;
    assert!(begun.elapsed() < Duration::from_secs(30));
}

/// An address that shows tokens all the time is told to wait, and others are not.
#[tokio::test]
async fn each_address_has_a_rate() {
    let issuer = Issuer::start();
    let dir = std::sync::Arc::new(tempfile::tempdir().unwrap());
    let server = Server::start_in(dir, |config| {
        super::trusting(&issuer)(config);
        config.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    })
    .await;
    let from = async |address: &str| {
        let request = server.client.post(server.url(EXCHANGE));
        let request = request.header("x-forwarded-for", address);
        let body = json!({"token": "a.b.c"});
        request.json(&body).send().await.unwrap()
    };
    let mut told = None;
    for _ in 0..80 {
        let answer = from("192.0.2.1").await;
        if answer.status() == 429 {
            told = Some(field(&answer, "retry-after").parse::<u64>().unwrap());
            break;
        }
    }
    assert!(told.is_some_and(|wait| wait >= 1), "{told:?}");
    error(from("192.0.2.2").await, 401).await;
}
