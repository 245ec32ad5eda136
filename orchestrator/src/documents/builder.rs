//! Who builds: a workflow of GitHub Actions, by the variables that its runners document, or a run of this
//! program wherever somebody has started it.
//!
//! Nothing of the machine gets in: neither its name, nor its user, nor its folders.

use crate::build::without_users;
use process::Env;
use serde::Serialize;

/// The name of a builder that is nobody's service: whoever has run this program.
pub const LOCAL: &str = "https://atlas-release.invalid/builder/local";

/// One run of a builder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Run {
    /// The builder's name.
    pub builder: String,
    /// The run's own address, where it has one.
    pub invocation: Option<String>,
    /// The repository that it is of, and the commit and ref of it that the run is about.
    pub repository: Option<Repository>,
    /// What else is known of a run of GitHub Actions.
    pub github: Option<GithubRun>,
}

/// A repository, as a run is about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// `git+<address>@<ref>`, as SLSA writes it.
    pub uri: String,
    /// The commit.
    pub commit: String,
}

/// Facts about a run of GitHub Actions that decide how much its word counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GithubRun {
    /// `github-hosted` or `self-hosted`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runner_environment: Option<String>,
    /// What has started the workflow: `push`, `workflow_dispatch`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_name: Option<String>,
    /// The commit of the workflow's file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workflow_commit: Option<String>,
    /// The repository's number, which stays when it is renamed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository_id: Option<String>,
}

impl Run {
    /// This run, by its environment. Variables of GitHub Actions count only where they are all there: a name
    /// that is half known would be somebody else's.
    ///
    /// Source: GitHub Docs, "Variables reference": `GITHUB_WORKFLOW_REF` is the workflow's path in its
    /// repository with the ref, `GITHUB_SERVER_URL` has no slash at its end.
    pub fn of(env: &Env) -> Self {
        Self::of_github(env).unwrap_or_else(|| Self {
            builder: LOCAL.to_owned(),
            ..Self::default()
        })
    }

    fn of_github(env: &Env) -> Option<Self> {
        let get = |name: &str| {
            let text = env.text(name).ok().flatten()?;
            is_plain(text).then(|| text.to_owned())
        };
        if get("GITHUB_ACTIONS")? != "true" {
            return None;
        }
        let server = repository_server(env)?;
        let repository = get("GITHUB_REPOSITORY")?;
        let workflow = get("GITHUB_WORKFLOW_REF")?;
        let run = get("GITHUB_RUN_ID")?;
        let attempt = get("GITHUB_RUN_ATTEMPT").unwrap_or_else(|| "1".to_owned());
        let about = get("GITHUB_SHA").map(|commit| {
            let uri = format!("git+{server}/{repository}");
            let uri = match get("GITHUB_REF") {
                Some(named) => format!("{uri}@{named}"),
                None => uri,
            };
            Repository { uri, commit }
        });
        Some(Self {
            builder: format!("{server}/{workflow}"),
            invocation: Some(format!(
                "{server}/{repository}/actions/runs/{run}/attempts/{attempt}"
            )),
            repository: about,
            github: Some(GithubRun {
                runner_environment: get("RUNNER_ENVIRONMENT"),
                event_name: get("GITHUB_EVENT_NAME"),
                workflow_commit: get("GITHUB_WORKFLOW_SHA"),
                repository_id: get("GITHUB_REPOSITORY_ID"),
            }),
        })
    }
}

/// How the names of a repository's own workflows begin, in a job of it.
pub fn own_workflows(env: &Env) -> Option<String> {
    let is_job = env.text("GITHUB_ACTIONS").is_ok_and(|v| v == Some("true"));
    let repository = env.text("GITHUB_REPOSITORY").ok().flatten()?;
    let server = repository_server(env)?;
    (is_job && is_plain(repository)).then(|| format!("{server}/{repository}/"))
}

fn repository_server(env: &Env) -> Option<String> {
    let server = env.text("GITHUB_SERVER_URL").ok().flatten()?;
    let server = server.trim_end_matches('/');
    let is_address = server.starts_with("https://") || server.starts_with("http://");
    (is_address && is_plain(server) && without_users(server) == server).then(|| server.to_owned())
}

/// Whether a text can stand in an address as it is.
fn is_plain(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 1024
        && text
            .chars()
            .all(|c| c.is_ascii_graphic() && !"\"<>\\^`{|}".contains(c))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The variables of a run, as GitHub's runners set them.
    pub(in crate::documents) const JOB: [(&str, &str); 13] = [
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_ACTOR", "a-person"),
        ("GITHUB_EVENT_NAME", "push"),
        ("GITHUB_REF", "refs/tags/demo-v1.4.0"),
        ("GITHUB_REPOSITORY", "owner/demo"),
        ("GITHUB_REPOSITORY_ID", "1234"),
        ("GITHUB_RUN_ATTEMPT", "2"),
        ("GITHUB_RUN_ID", "987"),
        ("GITHUB_SERVER_URL", "https://github.com"),
        ("GITHUB_SHA", "0123456789abcdef0123456789abcdef01234567"),
        (
            "GITHUB_WORKFLOW_REF",
            "owner/demo/.github/workflows/release.yml@refs/tags/demo-v1.4.0",
        ),
        (
            "GITHUB_WORKFLOW_SHA",
            "0123456789abcdef0123456789abcdef01234567",
        ),
        ("RUNNER_ENVIRONMENT", "github-hosted"),
    ];

    fn with(changes: &[(&str, &str)]) -> Run {
        let mut env: Env = JOB.iter().copied().collect();
        for (name, value) in changes {
            env.set(*name, *value);
        }
        Run::of(&env)
    }

    #[test]
    fn a_job_is_named_by_its_workflow_and_its_run() {
        let run = with(&[]);
        assert_eq!(
            run.builder,
            "https://github.com/owner/demo/.github/workflows/release.yml@refs/tags/demo-v1.4.0"
        );
        assert_eq!(
            run.invocation.as_deref(),
            Some("https://github.com/owner/demo/actions/runs/987/attempts/2")
        );
        let repository = run.repository.unwrap();
        assert_eq!(
            repository.uri,
            "git+https://github.com/owner/demo@refs/tags/demo-v1.4.0"
        );
        let github = run.github.unwrap();
        assert_eq!(github.runner_environment.as_deref(), Some("github-hosted"));
    }

    #[test]
    fn what_is_half_known_is_a_local_run() {
        for (name, value) in [
            ("GITHUB_ACTIONS", "false"),
            ("GITHUB_WORKFLOW_REF", ""),
            ("GITHUB_RUN_ID", "9 8"),
            ("GITHUB_SERVER_URL", "https://me:secret@github.com"),
            ("GITHUB_SERVER_URL", "github.com"),
            ("GITHUB_REPOSITORY", "owner/\ndemo"),
        ] {
            let run = with(&[(name, value)]);
            assert_eq!(
                (run.builder.as_str(), run.invocation),
                (LOCAL, None),
                "{name}"
            );
        }
        assert_eq!(Run::of(&Env::default()).builder, LOCAL);
    }

    #[test]
    fn a_job_knows_its_repositorys_workflows() {
        let env: Env = JOB.iter().copied().collect();
        let own = own_workflows(&env).unwrap();
        assert_eq!(own, "https://github.com/owner/demo/");
        assert!(Run::of(&env).builder.starts_with(&own));
        assert_eq!(own_workflows(&Env::default()), None);
    }
}
