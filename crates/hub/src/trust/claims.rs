//! What an ID token of GitHub's says of the job that has it, checked as far as no rule is needed for it.

use super::Refusal;
use super::rule::{Repository, WorkflowFile};
use jiff::{SignedDuration, Timestamp};
use release_types::Sha256Digest;
use serde::Deserialize;

/// How far this clock and the issuer's may differ.
pub(super) const LEEWAY: SignedDuration = SignedDuration::from_secs(60);

/// The longest that a token may be good for. GitHub's are for some minutes.
const LONGEST_LIFE: SignedDuration = SignedDuration::from_hours(1);

/// The longest text of a claim that is kept, in bytes.
const LONGEST_TEXT: usize = 255;

/// Events whose jobs run with what somebody else has written: a fork's pull request, or a workflow that
/// one has begun.
const REFUSED_EVENTS: [&str; 2] = ["pull_request_target", "workflow_run"];

/// The claims that count. Others are ignored; `sub`, which repositories can give any form, is one of them.
#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: Audience,
    exp: i64,
    iat: i64,
    nbf: Option<i64>,
    jti: String,
    repository: String,
    repository_owner_id: String,
    workflow_ref: String,
    event_name: String,
    environment: Option<String>,
    run_id: String,
    run_attempt: String,
    sha: String,
}

/// One, or a list.
#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

/// A job, by what its issuer says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Job {
    pub(super) issuer: String,
    pub(super) repository: Repository,
    pub(super) owner_id: String,
    pub(super) workflow: WorkflowFile,
    pub(super) environment: Option<String>,
    run: String,
    commit: String,
    /// What is known of a token that was used: nothing that could be used again.
    pub(crate) used: Sha256Digest,
    /// From when on nobody takes the token any more.
    pub(crate) until: Timestamp,
}

impl Job {
    /// Reads what a verified token says, and checks that it is meant for this Hub, and now.
    pub(super) fn read(payload: &[u8], audience: &str, now: Timestamp) -> Result<Self, Refusal> {
        let claims: Claims = serde_json::from_slice(payload)
            .map_err(|error| Refusal::Claims(error.to_string().escape_debug().to_string()))?;
        let meant_for = match &claims.aud {
            Audience::One(one) => Some(one),
            Audience::Many(many) => many.first().filter(|_| many.len() == 1),
        };
        if meant_for.map(|text| text.trim_end_matches('/')) != Some(audience) {
            return Err(Refusal::Audience);
        }
        let until = claims.check_times(now)?;
        let wrong = |claim: &str| Refusal::Claims(format!("`{claim}` has another form"));
        let event = &claims.event_name;
        let is_word = |b: u8| b.is_ascii_lowercase() || b == b'_';
        if event.is_empty() || !event.bytes().all(is_word) {
            return Err(wrong("event_name"));
        }
        if REFUSED_EVENTS.contains(&event.as_str()) {
            return Err(Refusal::Event(event.clone()));
        }
        let repository: Repository = claims.repository.parse().map_err(|_| wrong("repository"))?;
        let workflow =
            workflow(&claims.workflow_ref, &repository).ok_or_else(|| wrong("workflow_ref"))?;
        for (name, number) in [
            ("repository_owner_id", &claims.repository_owner_id),
            ("run_id", &claims.run_id),
            ("run_attempt", &claims.run_attempt),
        ] {
            let digits = number.bytes().all(|b| b.is_ascii_digit());
            if !digits || !(1..=20).contains(&number.len()) {
                return Err(wrong(name));
            }
        }
        let hexadecimal = claims.sha.bytes().all(|b| b.is_ascii_hexdigit());
        if !hexadecimal || !matches!(claims.sha.len(), 40 | 64) {
            return Err(wrong("sha"));
        }
        let is_text = |text: &str| {
            (1..=LONGEST_TEXT).contains(&text.len()) && !text.chars().any(char::is_control)
        };
        if !is_text(&claims.jti) {
            return Err(wrong("jti"));
        }
        // A job without an environment has no such claim, or an empty one.
        let environment = claims.environment.filter(|text| !text.is_empty());
        if environment.as_deref().is_some_and(|text| !is_text(text)) {
            return Err(wrong("environment"));
        }
        let used = Sha256Digest::of(format!("{}\n{}", claims.iss, claims.jti).as_bytes());
        Ok(Self {
            issuer: claims.iss,
            repository,
            owner_id: claims.repository_owner_id,
            workflow,
            environment,
            run: format!("{}/{}", claims.run_id, claims.run_attempt),
            commit: claims.sha,
            used,
            until,
        })
    }
}

impl Claims {
    /// Until when the token can be used, where it can be used now.
    fn check_times(&self, now: Timestamp) -> Result<Timestamp, Refusal> {
        let time = |name: &str, seconds: i64| {
            let time = Timestamp::from_second(seconds);
            time.map_err(|_| Refusal::Claims(format!("`{name}` is no time")))
        };
        let (issued, end) = (time("iat", self.iat)?, time("exp", self.exp)?);
        let begin = self.nbf.map(|nbf| time("nbf", nbf)).transpose()?;
        let late = |time: Timestamp| time.saturating_add(LEEWAY).unwrap_or(Timestamp::MAX);
        if now >= late(end) {
            return Err(Refusal::Expired);
        }
        let soon = late(now);
        if issued > soon || begin.is_some_and(|begin| begin > soon) {
            return Err(Refusal::NotYet);
        }
        let life = end.duration_since(issued);
        if life <= SignedDuration::ZERO || life > LONGEST_LIFE {
            return Err(Refusal::Life);
        }
        Ok(late(end))
    }
}

/// As the log and the audit name it: in one line, each part of which is of a known form.
impl std::fmt::Display for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} run {} commit {} workflow {}",
            self.repository, self.run, self.commit, self.workflow
        )?;
        match &self.environment {
            Some(environment) => write!(f, " environment {environment}"),
            None => Ok(()),
        }
    }
}

/// The file of `OWNER/NAME/.github/workflows/FILE@REF`, which has to be of this repository.
///
/// A file's name may hold an `@`, and so may a ref. No rule names such a file, so what stands before the
/// first one is the whole name, or else what follows it is no ref.
fn workflow(text: &str, repository: &Repository) -> Option<WorkflowFile> {
    let (place, at) = text.split_once('@')?;
    let named = at.strip_prefix("refs/")?;
    if named.is_empty() || named.chars().any(char::is_control) {
        return None;
    }
    let (of, file) = place.split_once("/.github/workflows/")?;
    if of.parse::<Repository>().ok()? != *repository {
        return None;
    }
    file.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const AUDIENCE: &str = "https://hub.example";

    fn now() -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap()
    }

    fn claims() -> Value {
        let now = now().as_second();
        json!({
            "iss": "https://i.example", "aud": AUDIENCE, "sub": "anything", "jti": "one",
            "iat": now - 10, "nbf": now - 610, "exp": now + 290,
            "repository": "Octo/Tool.rs", "repository_owner_id": "65",
            "workflow_ref": "octo/tool.rs/.github/workflows/release.yml@refs/tags/v1",
            "event_name": "push", "environment": "release",
            "run_id": "1234567890", "run_attempt": "2",
            "sha": "0123456789abcdef0123456789abcdef01234567",
        })
    }

    fn read(claims: &Value) -> Result<Job, Refusal> {
        Job::read(claims.to_string().as_bytes(), AUDIENCE, now())
    }

    fn with(name: &str, value: Value) -> Result<Job, Refusal> {
        let mut claims = claims();
        match value {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
            value => claims[name] = value,
        }
        read(&claims)
    }

    #[test]
    fn a_job_is_named_with_all_that_is_known_of_it() {
        let job = read(&claims()).unwrap();
        assert_eq!(
            job.to_string(),
            "Octo/Tool.rs run 1234567890/2 commit 0123456789abcdef0123456789abcdef01234567 \
             workflow release.yml environment release"
        );
        assert_eq!(job.until, now() + SignedDuration::from_secs(350));
        for none in [Value::Null, json!("")] {
            let job = with("environment", none).unwrap();
            assert!(job.to_string().ends_with(" workflow release.yml"));
        }
        // Another issuer's token of that name is another one.
        let same = with("sub", json!("else")).unwrap();
        let other = with("iss", json!("https://j.example")).unwrap();
        assert!(same.used == job.used && other.used != job.used);
    }

    #[test]
    fn the_audience_is_this_hub_and_nobody_else() {
        for good in [
            json!(AUDIENCE),
            json!("https://hub.example/"),
            json!([AUDIENCE]),
        ] {
            assert!(with("aud", good.clone()).is_ok(), "{good}");
        }
        for bad in [
            json!("https://hub.example.com"),
            json!("https://HUB.example"),
            json!("hub.example"),
            json!(""),
            json!([]),
            json!([AUDIENCE, "https://other.example"]),
        ] {
            let refused = with("aud", bad.clone());
            assert!(matches!(refused, Err(Refusal::Audience)), "{bad}");
        }
        for bad in [Value::Null, json!(7), json!({"a": AUDIENCE})] {
            assert!(matches!(with("aud", bad), Err(Refusal::Claims(_))));
        }
    }

    #[test]
    fn a_minute_of_difference_between_clocks_is_allowed_and_no_more() {
        let now = now().as_second();
        let times = |iat: i64, nbf: Option<i64>, exp: i64| {
            let mut claims = claims();
            claims["iat"] = json!(now + iat);
            claims["nbf"] = json!(nbf.map(|nbf| now + nbf));
            claims["exp"] = json!(now + exp);
            read(&claims).err()
        };
        for (iat, nbf, exp) in [
            (-300, Some(-300), -59),
            (60, Some(60), 300),
            (0, None, 3600),
        ] {
            assert!(times(iat, nbf, exp).is_none(), "{iat} {nbf:?} {exp}");
        }
        assert!(matches!(times(-300, None, -60), Some(Refusal::Expired)));
        assert!(matches!(times(61, None, 300), Some(Refusal::NotYet)));
        assert!(matches!(times(0, Some(61), 300), Some(Refusal::NotYet)));
        assert!(matches!(times(0, None, 3601), Some(Refusal::Life)));
        assert!(matches!(times(30, None, 30), Some(Refusal::Life)));
        for name in ["iat", "exp"] {
            for bad in [
                Value::Null,
                json!("1800000000"),
                json!(1.5),
                json!(i64::MAX),
            ] {
                let refused = with(name, bad.clone());
                let expected = matches!(refused, Err(Refusal::Claims(_)));
                assert!(expected, "{name} {bad}: {refused:?}");
            }
        }
    }

    #[test]
    fn what_others_can_begin_is_refused() {
        for event in REFUSED_EVENTS {
            let refused = with("event_name", json!(event));
            assert!(matches!(refused, Err(Refusal::Event(_))), "{event}");
        }
        for event in ["", "PULL_REQUEST_TARGET", "workflow_run ", "workflow-run"] {
            let refused = with("event_name", json!(event));
            assert!(matches!(refused, Err(Refusal::Claims(_))), "{event}");
        }
        for event in ["push", "release", "workflow_dispatch", "schedule"] {
            assert!(with("event_name", json!(event)).is_ok(), "{event}");
        }
    }

    #[test]
    fn a_workflow_is_a_file_of_the_very_repository() {
        for (good, file) in [
            (
                "octo/tool.rs/.github/workflows/r.yml@refs/heads/main",
                "r.yml",
            ),
            (
                "OCTO/TOOL.RS/.github/workflows/R_2-x.yaml@refs/heads/a@b",
                "R_2-x.yaml",
            ),
        ] {
            let job = with("workflow_ref", json!(good)).unwrap();
            assert_eq!(job.workflow.as_str(), file);
        }
        for bad in [
            "octo/other/.github/workflows/release.yml@refs/heads/main",
            "other/tool.rs/.github/workflows/release.yml@refs/heads/main",
            "octo/tool.rs/.github/workflows/release.yml",
            "octo/tool.rs/.github/workflows/release.yml@",
            "octo/tool.rs/.github/workflows/release.yml@refs/",
            "octo/tool.rs/.github/workflows/release.yml@v1",
            "octo/tool.rs/.github/workflows/x/release.yml@refs/heads/main",
            "octo/tool.rs/.github/workflows/../release.yml@refs/heads/main",
            "octo/tool.rs/.github/workflows/release.yml@x.yml@refs/heads/main",
            "octo/tool.rs/.github/workflows/release.txt@refs/heads/main",
            "octo/tool.rs/.github/workflows/@refs/heads/main",
            "octo/tool.rs/x/.github/workflows/release.yml@refs/heads/main",
            "octo/tool.rs/workflows/release.yml@refs/heads/main",
            "release.yml@refs/heads/main",
            "",
        ] {
            let refused = with("workflow_ref", json!(bad));
            assert!(matches!(refused, Err(Refusal::Claims(_))), "{bad}");
        }
    }

    #[test]
    fn claims_that_are_missing_or_of_another_form() {
        for name in [
            "jti",
            "repository",
            "repository_owner_id",
            "workflow_ref",
            "event_name",
            "run_id",
            "run_attempt",
            "sha",
        ] {
            for bad in [
                Value::Null,
                json!(7),
                json!(""),
                json!("a\nb"),
                json!(["x"]),
            ] {
                let refused = with(name, bad.clone());
                let expected = matches!(refused, Err(Refusal::Claims(_)));
                assert!(expected, "{name} {bad}: {refused:?}");
            }
        }
        let long = "x".repeat(LONGEST_TEXT + 1);
        for name in ["jti", "environment"] {
            let refused = with(name, json!(long));
            assert!(matches!(refused, Err(Refusal::Claims(_))), "{name}");
        }
        let twice = claims().to_string().replacen('{', r#"{"jti":"two","#, 1);
        let refused = Job::read(twice.as_bytes(), AUDIENCE, now());
        assert!(matches!(refused, Err(Refusal::Claims(_))));
    }
}
