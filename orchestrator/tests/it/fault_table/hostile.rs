//! A Hub, or whoever answers in its place, that is up to no good: it is refused, its answers are read to
//! a bound, and the token stays here.

use super::stage::{Call, Stage, reply, side_by_side};
use test_support::{Fault, POURED, Proxy};

/// Faults that meet every request of a kind.
fn meeting(failing: Call, fault: Fault) -> Stage {
    Stage::new(false, move |call| match call == failing {
        true => fault.clone(),
        false => Fault::None,
    })
}

/// What a run ends with where the Hub refuses, or leads astray: a read-back is not what was built then.
fn refused(call: Call) -> i32 {
    match call {
        Call::Download | Call::Bytes => 8,
        _ => 6,
    }
}

fn is_read_back(call: Call) -> bool {
    refused(call) == 8
}

#[test]
fn a_hub_redirects_to_another_host() {
    let statuses = [
        "302 Found",
        "307 Temporary Redirect",
        "308 Permanent Redirect",
    ];
    let cases: Vec<_> = Call::ALL
        .into_iter()
        .zip(statuses.into_iter().cycle())
        .collect();
    side_by_side(&cases, 4, |&(call, status)| {
        // Whatever comes there is answered as if it were the Hub.
        let nowhere = "127.0.0.1:9".parse().unwrap();
        let other = Proxy::bind().serve(nowhere, |_| Fault::Answer(200, "{}".to_owned()));
        let to = format!("location: {}/take", other.url());
        let stage = meeting(call, reply(status, &[&to], ""));
        let run = stage.publish();
        assert_eq!(run.code, Some(refused(call)), "{call:?}: {run}");
        assert_eq!(stage.shows(), is_read_back(call));
        let seen = other.seen();
        // Downloads may lead anywhere, and are anybody's.
        assert!(is_read_back(call) || seen.is_empty(), "{call:?}: {seen:?}");
        let token = &stage.behind.hub.token;
        assert!(!seen.iter().any(|seen| format!("{seen:?}").contains(token)));
        assert!(!format!("{run}").contains(token));
        stage.ends_well();
    });
}

#[test]
fn a_hub_asks_for_credentials() {
    let site = r#"www-authenticate: Basic realm="Hub", Bearer"#;
    let gateway = r#"proxy-authenticate: Basic realm="Gateway""#;
    let asks = [
        ("401 Unauthorized", site),
        ("407 Proxy Authentication Required", gateway),
    ];
    let cases: Vec<_> = Call::ALL
        .into_iter()
        .flat_map(|call| asks.map(|ask| (call, ask)))
        .collect();
    side_by_side(&cases, 4, |&(call, (status, field))| {
        let stage = meeting(call, reply(status, &[field], r#"{"error":"who are you?"}"#));
        let run = stage.publish();
        assert_eq!(run.code, Some(refused(call)), "{call:?}: {run}");
        // Nobody says more than before because he is asked.
        assert_eq!(stage.shows(), is_read_back(call), "{call:?}");
        for seen in stage.behind.proxy.seen() {
            let lines = seen.head.to_ascii_lowercase();
            assert!(!lines.contains("\r\nauthorization:"), "{seen:?}");
            assert!(!lines.contains("\r\nproxy-authorization:"), "{seen:?}");
        }
        stage.ends_well();
    });
}

/// How much of an answer may be taken: what the program reads and what lies in buffers.
const BOUND: u64 = 48 * 1024 * 1024;

#[test]
fn a_hub_answers_with_ten_gibibytes() {
    let mut cases = Vec::new();
    for call in Call::ALL {
        let (status, code) = match call {
            // What a storage says of a success is not read.
            Call::Upload => ("500 Fault", 7),
            call if is_read_back(call) => ("200 OK", 8),
            _ => ("200 OK", 7),
        };
        let announced = format!("content-length: {POURED}\r\n");
        cases.extend([
            (call, status, announced, code),
            (call, status, String::new(), code),
        ]);
    }
    side_by_side(&cases, 4, |(call, status, length, code)| {
        let json = "content-type: application/json";
        let head = format!("HTTP/1.1 {status}\r\n{json}\r\n{length}connection: close\r\n\r\n");
        let stage = meeting(*call, Fault::Pour(head, " "));
        let run = stage.publish();
        assert_eq!(run.code, Some(*code), "{call:?} {length:?}: {run}");
        let poured = stage.behind.proxy.poured();
        assert!(poured < BOUND, "{call:?} {length:?}: {poured}");
        assert_eq!(stage.shows(), is_read_back(*call), "{call:?}");
        stage.ends_well();
    });
}

#[test]
fn a_hub_answers_with_headers_without_end() {
    side_by_side(&Call::ALL, 6, |&call| {
        let more = "x-more: 0123456789abcdef0123456789abcdef\r\n";
        let stage = meeting(call, Fault::Pour("HTTP/1.1 200 OK\r\n".to_owned(), more));
        let run = stage.publish();
        assert_eq!(run.code, Some(7), "{call:?}: {run}");
        let poured = stage.behind.proxy.poured();
        assert!(poured < BOUND, "{call:?}: {poured}");
        assert_eq!(stage.shows(), is_read_back(call), "{call:?}");
        stage.ends_well();
    });
}
