//! Whether sccache sends compilations to other machines.

use serde_json::Value;
use url::Url;

/// What an answer of `sccache --dist-status` means, in a sentence; nothing when compilations stay
/// on this machine. Of the scheduler's address only the host is told: a password may stand in it.
///
/// The answer is an object with one field: `Disabled`, `NotConnected` with address and reason, or
/// `SchedulerStatus` with address and numbers. Tried with sccache 0.16.
pub(super) fn distributed(answer: &str) -> Option<String> {
    let answer: Value = serde_json::from_str(answer).ok()?;
    let (kind, what) = answer.as_object()?.iter().next()?;
    let host = what
        .get(0)
        .and_then(Value::as_str)
        .and_then(|url| Url::parse(url).ok())
        .and_then(|url| {
            let port = url.port().map(|port| format!(":{port}"));
            Some(format!("{}{}", url.host_str()?, port.unwrap_or_default()))
        })
        .unwrap_or_else(|| "a scheduler".to_owned());
    match kind.as_str() {
        "Disabled" => None,
        "SchedulerStatus" => {
            let servers = what
                .get(1)
                .and_then(|status| status.get("num_servers"))
                .and_then(Value::as_u64);
            Some(match servers {
                Some(servers) => {
                    format!("compiles on other machines: {host} schedules for {servers} servers")
                }
                None => format!("compiles on other machines: {host} schedules"),
            })
        }
        _ => Some(format!(
            "is set up to compile on other machines, and {host} does not answer: \
             it compiles on this one"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_schedulers_host_is_told() {
        assert_eq!(distributed(r#"{"Disabled":"disabled"}"#), None);
        assert_eq!(distributed("no JSON"), None);
        for (answer, says) in [
            (
                r#"{"NotConnected":["http://me:word@10.0.0.1:10600/","enabled, not connected"]}"#,
                "10.0.0.1:10600 does not answer",
            ),
            (
                r#"{"SchedulerStatus":["https://farm.example.com/",{"num_servers":3,"num_cpus":48,"in_progress":0}]}"#,
                "farm.example.com schedules for 3 servers",
            ),
            (
                r#"{"NotConnected":[null,"wait"]}"#,
                "a scheduler does not answer",
            ),
        ] {
            let text = distributed(answer).unwrap();
            assert!(text.contains(says), "{text}");
            assert!(!text.contains("word"), "{text}");
        }
    }
}
