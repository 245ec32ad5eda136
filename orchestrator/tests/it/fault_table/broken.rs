//! Connections that break, servers that fail, answers that are not whole or none at all: the run ends
//! well, or says that it may be repeated (7), and nobody ever sees a part of a release.

use super::stage::{Call, Stage, page, reply, side_by_side};
use crate::behind::said;
use crate::support::events_of;
use test_support::Fault;

#[test]
fn a_connection_is_cut_in_the_middle_of_an_upload() {
    let cases = [(false, false), (false, true), (true, false), (true, true)];
    side_by_side(&cases, 4, |&(base, for_good)| {
        let fault = |call| match call {
            Call::Upload => Fault::Break,
            _ => Fault::None,
        };
        let stage = match for_good {
            true => Stage::new(base, fault),
            false => Stage::once(base, fault),
        };
        let run = stage.publish();
        if for_good {
            run.exits(7).says(&["the connection broke"]);
            assert_eq!(stage.count(Call::Register), 0);
            assert!(!stage.shows());
        } else {
            assert!(said(&run.exits(0)).contains("trying again in"));
            assert!(stage.count(Call::Upload) >= 5);
        }
        stage.ends_well();
    });
}

/// 500 and 502 as servers and proxies say them, 503 and 429 with the time to wait.
fn failure(status: u16) -> Fault {
    let (json, later) = ("content-type: application/json", "retry-after: 1");
    match status {
        500 => reply("500 Fault", &[json], r#"{"error":"it broke"}"#),
        502 => page("502 Bad Gateway"),
        503 => reply("503 Busy", &[json, later], r#"{"error":"busy"}"#),
        429 => reply("429 Enough", &[json, later], r#"{"error":"slowly"}"#),
        _ => unreachable!(),
    }
}

#[test]
fn a_server_answers_500_502_503_or_429_for_a_while() {
    let cases = [500, 502, 503, 429].map(|status| [(status, false), (status, true)]);
    side_by_side(&cases.concat(), 4, |&(status, base)| {
        let stage = Stage::once(base, move |_| failure(status));
        let run = stage.publish().exits(0);
        let told = events_of(&run, "warning");
        let told: Vec<&str> = told.iter().filter_map(|e| e["message"].as_str()).collect();
        let calls = Call::of_hub(base).len();
        assert!(told.len() >= calls, "{status} {base}: {told:#?}");
        let said = format!("({status})");
        let of_status = told.iter().filter(|text| text.contains(&said));
        assert_eq!(of_status.clone().count(), calls, "{told:#?}");
        if status == 503 || status == 429 {
            // As long as it asks for, and longer than would have been waited.
            let waits = of_status.filter(|text| text.contains("again in 1.0 s"));
            // A read-back that has failed before waits longer.
            assert!(waits.count() >= calls - 1, "{told:#?}");
        }
        assert!(stage.shows());
    });
}

#[test]
fn a_server_answers_500_502_503_or_429_for_good() {
    let ours = Call::ALL.map(|call| (call, 500, false));
    let changing = [Call::Upload, Call::Register, Call::Finalize];
    let mut cases = ours.to_vec();
    for status in [502, 503, 429] {
        cases.extend(changing.map(|call| (call, status, false)));
    }
    for (call, status) in [(Call::Upload, 503), (Call::Register, 502)] {
        cases.push((call, status, true));
    }
    side_by_side(&cases, 11, |&(failing, status, base)| {
        let stage = Stage::new(base, move |call| match call == failing {
            true => failure(status),
            false => Fault::None,
        });
        stage.publish().exits(7);
        // Only what is read back fails when all is done.
        let done = matches!(failing, Call::Download | Call::Bytes);
        assert_eq!(stage.shows(), done, "{failing:?} {status}");
        stage.ends_well();
    });
}

#[test]
fn an_answer_is_truncated_once() {
    side_by_side(&[false, true], 2, |&base| {
        let stage = Stage::once(base, |_| Fault::Truncate);
        stage.publish().exits(0);
        assert!(stage.shows());
    });
}

#[test]
fn an_answer_is_truncated_for_good() {
    let ours = [
        (Call::Ask, 7, false),
        (Call::Objects, 7, false),
        (Call::Presign, 7, false),
        (Call::Register, 7, false),
        // Nothing is there when they are asked first. What reads them afterwards ends the run.
        (Call::Latest, 7, true),
        (Call::Release, 7, true),
        (Call::Bytes, 7, true),
        // What it has done is seen by reading.
        (Call::Finalize, 0, true),
        // Of these the status says all.
        (Call::Leave, 0, true),
        (Call::Upload, 0, true),
        (Call::Download, 0, true),
    ];
    let mut cases = ours
        .map(|(call, code, done)| (call, code, done, false))
        .to_vec();
    cases.push((Call::Register, 0, true, true));
    side_by_side(&cases, 11, |&(failing, code, done, base)| {
        let stage = Stage::new(base, move |call| match call == failing {
            true => Fault::Truncate,
            false => Fault::None,
        });
        let run = stage.publish();
        assert_eq!(run.code, Some(code), "{failing:?} {base}: {run}");
        assert_eq!(stage.shows(), done, "{failing:?} {base}");
        stage.ends_well();
    });
}

#[test]
fn an_answer_is_a_web_page() {
    let json = [
        Call::Ask,
        Call::Latest,
        Call::Presign,
        Call::Leave,
        Call::Release,
        Call::Objects,
        Call::Register,
        Call::Finalize,
    ];
    let mut cases = json.map(|call| (call, false)).to_vec();
    cases.extend([(Call::Presign, true), (Call::Register, true)]);
    side_by_side(&cases, 4, |&(failing, base)| {
        let stage = Stage::new(base, move |call| match call == failing {
            true => page("200 OK"),
            false => Fault::None,
        });
        let run = stage.publish().exits(7);
        let run = run.says(&["it answered with a web page, not JSON"]);
        // It is no use to ask again.
        assert!(!said(&run).contains("again in"), "{run}");
        assert!(!stage.shows());
        stage.ends_well();
    });
}
