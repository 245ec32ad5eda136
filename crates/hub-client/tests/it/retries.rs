//! What is tried again, after how long, and who is told.

use crate::support::*;
use axum::body::Body;
use axum::http::Response;
use hub_client::{ClientError, HubClient, RetryPolicy};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

type Told = Arc<Mutex<Vec<(u32, u32, Duration, String)>>>;

fn listening(address: &str, policy: RetryPolicy) -> (HubClient, Told) {
    let told = Told::default();
    let log = told.clone();
    let client = builder(address)
        .retry(policy)
        .on_retry(move |notice| {
            let error = notice.error.to_string();
            log.lock()
                .unwrap()
                .push((notice.failed, notice.attempts, notice.delay, error));
        })
        .build()
        .unwrap();
    (client, told)
}

fn quick() -> RetryPolicy {
    RetryPolicy {
        attempts: 4,
        min_delay: Duration::from_millis(1),
        max_delay: Duration::from_millis(2),
        ..RetryPolicy::default()
    }
}

fn busy(code: u16, retry_after: &str) -> Response<Body> {
    let mut response = status(code, r#"{"error":"later"}"#);
    response
        .headers_mut()
        .insert("retry-after", retry_after.parse().unwrap());
    response
}

#[tokio::test]
async fn a_busy_hub_is_waited_for_as_long_as_it_asks() {
    let server = Server::start(|_, before| match before {
        0 => busy(503, "1"),
        1 => busy(429, "0"),
        _ => status(404, ""),
    })
    .await;
    let (client, told) = listening(&server.address, quick());
    let began = Instant::now();
    client.capabilities().await.unwrap();
    assert!(began.elapsed() >= Duration::from_secs(1));
    let told = told.lock().unwrap();
    assert_eq!(
        (told[0].0, told[0].1, told[0].2),
        (1, 4, Duration::from_secs(1))
    );
    assert!(told[0].3.contains("(503): later"), "{}", told[0].3);
    assert!(told[1].0 == 2 && told[1].2 < Duration::from_millis(10));
    assert!(told[1].3.contains("(429)"));
    assert_eq!(told.len(), 2);
}

#[tokio::test]
async fn retry_after_is_capped_and_the_deadline_holds() {
    let server = Server::start(|_, _| busy(429, "86400")).await;
    let capped = RetryPolicy {
        retry_after_cap: Duration::from_millis(20),
        ..quick()
    };
    let (client, told) = listening(&server.address, capped);
    let error = client.capabilities().await.unwrap_err();
    assert!(matches!(&error, ClientError::RateLimited { .. }));
    assert_eq!(error.retry_after(), Some(Duration::from_secs(86400)));
    assert_eq!(told.lock().unwrap().len(), 3);
    assert!(
        told.lock()
            .unwrap()
            .iter()
            .all(|t| t.2 == Duration::from_millis(20))
    );

    let hasty = RetryPolicy {
        deadline: Duration::from_secs(5),
        ..quick()
    };
    let (client, told) = listening(&server.address, hasty);
    let began = Instant::now();
    client.capabilities().await.unwrap_err();
    assert!(told.lock().unwrap().is_empty() && began.elapsed() < Duration::from_secs(2));
}

/// A number that no integer holds, and a date of another age, are no reason to come back at once.
#[tokio::test]
async fn who_is_to_stay_away_for_ever_gives_up_and_says_for_how_long() {
    let number = "9".repeat(40);
    for (code, asked, says) in [
        (429, number.as_str(), "for more than a year"),
        (503, "86401", "for 24h 1s"),
        (503, "Thu, 31 Dec 9998 23:59:59 GMT", "for more than a year"),
    ] {
        let asked = asked.to_owned();
        let server = Server::start(move |_, _| busy(code, &asked)).await;
        let (client, told) = listening(&server.address, quick());
        let error = client.capabilities().await.unwrap_err().to_string();
        let says = format!("({code}): later; it asks to be left alone {says}");
        assert!(error.ends_with(&says), "{error}");
        assert!(told.lock().unwrap().is_empty());
        let mut bytes = Vec::new();
        let read = client.download("dl_0", 1, &mut bytes).await;
        assert!(read.unwrap_err().to_string().ends_with(&says));
        assert_eq!(server.seen().len(), 2);
    }
}

#[tokio::test]
async fn a_connection_that_breaks_is_tried_again() {
    let address = raw(|number| match number {
        0 => Vec::new(),
        1 => b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{".to_vec(),
        _ => b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_vec(),
    })
    .await;
    let (client, told) = listening(&address, quick());
    assert_eq!(client.capabilities().await.unwrap(), None);
    assert_eq!(told.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn publish_is_tried_again_because_it_replaces_what_was_there() {
    let server = Server::start(|seen, before| match before {
        0 => status(502, "<html>bad gateway</html>"),
        _ => status(201, release_of(&seen.json()).to_string()),
    })
    .await;
    let (client, told) = listening(&server.address, quick());
    let product = "runner".parse().unwrap();
    client
        .publish(&product, &publish_request(&["a"]))
        .await
        .unwrap();
    assert_eq!(told.lock().unwrap().len(), 1);
    let seen = server.seen();
    assert_eq!(seen[0].body, seen[1].body);
}

#[tokio::test]
async fn one_attempt_means_no_retry() {
    let server = Server::start(|_, _| status(503, "")).await;
    for attempts in [0, 1] {
        let (client, told) = listening(
            &server.address,
            RetryPolicy {
                attempts,
                ..quick()
            },
        );
        client.capabilities().await.unwrap_err();
        assert!(told.lock().unwrap().is_empty());
    }
    assert_eq!(server.seen().len(), 2);
}

/// Whoever reads many files meets the limit of a Hub again and again.
#[tokio::test]
async fn a_download_is_waited_for_until_its_turn_comes() {
    const ID: &str = "dl_0123456789abcdef0123456789abcdef";
    let server = Server::start(|_, before| match before {
        0..=8 => busy(429, "0"),
        9 => status(503, ""),
        _ => status(200, "abc"),
    })
    .await;
    let (client, told) = listening(&server.address, quick());
    let done = client.digest_of_download(ID, 3).await.unwrap();
    assert_eq!(done.size, 3);
    let mut sink = Vec::new();
    client.download(ID, 3, &mut sink).await.unwrap();
    let counts: Vec<_> = told.lock().unwrap().iter().map(|t| (t.0, t.1)).collect();
    // What is no matter of waiting counts as ever.
    assert_eq!(counts[..9], [(0, 0); 9]);
    assert_eq!(counts[9..], [(1, 4)]);

    // For no longer than the deadline.
    let server = Server::start(|_, _| busy(429, "60")).await;
    let hasty = RetryPolicy {
        retry_after_cap: Duration::from_millis(50),
        deadline: Duration::from_millis(500),
        ..quick()
    };
    let (client, told) = listening(&server.address, hasty);
    let began = Instant::now();
    let error = client.digest_of_download(ID, 3).await.unwrap_err();
    assert!(
        matches!(&error, ClientError::RateLimited { .. }),
        "{error:?}"
    );
    assert!(began.elapsed() < Duration::from_secs(2));
    let told = told.lock().unwrap().len();
    assert!((5..=10).contains(&told), "{told}");
}

/// What one of many downloads is told is meant for the others, too.
#[tokio::test]
async fn while_one_download_is_put_off_none_is_asked_for() {
    let id = |number: usize| format!("dl_{number:032x}");
    let began = Instant::now();
    let times = Arc::new(Mutex::new(Vec::new()));
    let noted = times.clone();
    let server = Server::start(move |_, before| {
        noted.lock().unwrap().push(began.elapsed());
        match before {
            0 => busy(429, "1"),
            _ => status(200, "abc"),
        }
    })
    .await;
    let (client, told) = listening(&server.address, quick());
    let first = async { client.digest_of_download(&id(0), 3).await.unwrap() };
    let others = async {
        while told.lock().unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let (ids, client) = ([1, 2, 3].map(id), &client);
        let all = ids.iter().map(|id| client.digest_of_download(id, 3));
        futures_util::future::try_join_all(all).await.unwrap()
    };
    tokio::join!(first, others);
    let times = times.lock().unwrap().clone();
    assert_eq!((times.len(), told.lock().unwrap().len()), (5, 1));
    let early = times[1..]
        .iter()
        .filter(|at| **at < times[0] + Duration::from_millis(990));
    assert_eq!(early.count(), 0, "{times:?}");
}
