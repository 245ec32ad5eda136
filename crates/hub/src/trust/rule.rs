//! Rules: which job may do what.

use super::{Issuer, Job, Refusal};
use release_types::{PackId, ProductName};
use std::fmt;
use std::str::FromStr;

/// A text that cannot be a part of a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not {what}", text.escape_debug())]
pub struct RuleError {
    text: String,
    what: &'static str,
}

fn refused(text: &str, what: &'static str) -> RuleError {
    RuleError {
        text: text.chars().take(200).collect(),
        what,
    }
}

/// A repository as `OWNER/NAME`. Upper and lower case are alike, as they are to GitHub.
#[derive(Debug, Clone)]
pub struct Repository(String);

impl Repository {
    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PartialEq for Repository {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Repository {}

impl FromStr for Repository {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let part = |part: &str, most: usize, also: &[u8]| {
            (1..=most).contains(&part.len())
                && !matches!(part, "." | "..")
                && part
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || also.contains(&b))
        };
        match text.split_once('/') {
            Some((owner, name)) if part(owner, 100, b"-_") && part(name, 100, b"-_.") => {
                Ok(Self(text.to_owned()))
            }
            _ => Err(refused(text, "a repository: expected OWNER/NAME")),
        }
    }
}

/// The file that describes a workflow, in `.github/workflows`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkflowFile(String);

impl WorkflowFile {
    /// Its name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for WorkflowFile {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let stem = text
            .strip_suffix(".yml")
            .or_else(|| text.strip_suffix(".yaml"));
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
        match stem {
            Some(stem) if !stem.is_empty() && text.len() <= 255 && text.bytes().all(plain) => {
                Ok(Self(text.to_owned()))
            }
            _ => Err(refused(
                text,
                "a workflow's file: expected a name such as release.yml, without folders, of letters, \
                 digits, `-`, `_` and `.`",
            )),
        }
    }
}

/// The number that GitHub gives to a user or an organisation, and to no other ever again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnerId(String);

impl OwnerId {
    /// Its digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for OwnerId {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let is_number = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
        if is_number && (1..=20).contains(&text.len()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(refused(text, "an owner's id: expected a number"))
        }
    }
}

/// What a deployment environment is called. Upper and lower case are alike, as they are to GitHub.
#[derive(Debug, Clone)]
pub struct Environment(String);

impl Environment {
    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn is(&self, other: &str) -> bool {
        // ASCII alone: by Unicode's rules the Kelvin sign is a `k` too, and GitHub may hold it to be another name.
        self.0.eq_ignore_ascii_case(other)
    }
}

impl PartialEq for Environment {
    fn eq(&self, other: &Self) -> bool {
        self.is(&other.0)
    }
}

impl Eq for Environment {}

impl FromStr for Environment {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let fits = (1..=255).contains(&text.len())
            && !text.chars().any(char::is_control)
            && text.trim() == text;
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(refused(
                text,
                "an environment: expected 1 to 255 bytes, none of them a control character, and no \
                 space around them",
            ))
        }
    }
}

macro_rules! shown_as_text {
    ($($name:ident)*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    )*};
}
shown_as_text!(Repository WorkflowFile OwnerId Environment);

/// Which job is trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedJob {
    /// Who says what the job is.
    pub issuer: Issuer,
    /// Where it runs.
    pub repository: Repository,
    /// Whose the repository is: somebody else of the same name gets nothing.
    pub owner_id: OwnerId,
    /// Its workflow.
    pub workflow: WorkflowFile,
    /// The environment it has to run in; any, or none, where this is nothing.
    pub environment: Option<Environment>,
}

/// A rule: a job, and what it may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustRule {
    /// What it is removed by.
    pub id: String,
    /// Which job is trusted.
    pub job: TrustedJob,
    /// The products it may publish.
    pub products: Vec<ProductName>,
    /// The packs it may make builds of.
    pub packs: Vec<PackId>,
}

impl TrustedJob {
    /// Whether a job is this one; where it is not, what is wrong with it, the weightier the greater.
    pub(super) fn admits(&self, job: &Job) -> Result<(), Mismatch> {
        let environment = match &self.environment {
            None => true,
            Some(wanted) => job.environment.as_deref().is_some_and(|is| wanted.is(is)),
        };
        if self.issuer.as_str() != job.issuer || self.repository != job.repository {
            Err(Mismatch::Repository)
        } else if self.owner_id.as_str() != job.owner_id {
            Err(Mismatch::Owner)
        } else if self.workflow != job.workflow {
            Err(Mismatch::Workflow)
        } else if !environment {
            Err(Mismatch::Environment)
        } else {
            Ok(())
        }
    }
}

/// Why a rule is not for a job. Later ones are of rules that come closer to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mismatch {
    Repository,
    Owner,
    Workflow,
    Environment,
}

/// The rules that are for a job.
pub(super) fn of_job(rules: Vec<TrustRule>, job: &Job) -> Result<Vec<TrustRule>, Refusal> {
    let mut closest = Mismatch::Repository;
    let mut admit = |rule: &TrustRule| match rule.job.admits(job) {
        Ok(()) => true,
        Err(mismatch) => {
            closest = closest.max(mismatch);
            false
        }
    };
    let rules: Vec<TrustRule> = rules.into_iter().filter(|rule| admit(rule)).collect();
    match (rules.is_empty(), closest) {
        (false, _) => Ok(rules),
        (true, Mismatch::Repository) => Err(Refusal::Repository),
        (true, Mismatch::Owner) => Err(Refusal::Owner),
        (true, Mismatch::Workflow) => Err(Refusal::Workflow),
        (true, Mismatch::Environment) => Err(Refusal::Environment),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_rules() {
        for good in ["octo/tool", "Octo-1/tool.rs", "a_b/-._"] {
            assert!(good.parse::<Repository>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "octo",
            "octo/",
            "/tool",
            "octo/tool/x",
            "octo/..",
            "o.o/tool",
            "octo/to ol",
            "octo/töol",
            "octo/tool@x",
            "octo/tool\n",
        ] {
            assert!(bad.parse::<Repository>().is_err(), "{bad:?}");
        }
        let same: Repository = "OCTO/Tool".parse().unwrap();
        assert!(same == "octo/tool".parse().unwrap());
        for good in ["release.yml", "a.b-c_d.yaml"] {
            assert!(good.parse::<WorkflowFile>().is_ok(), "{good}");
        }
        for bad in [
            "",
            ".yml",
            "release",
            "release.YML",
            "x/release.yml",
            "release.yml@x",
            "a b.yml",
            "ä.yml",
        ] {
            assert!(bad.parse::<WorkflowFile>().is_err(), "{bad:?}");
        }
        assert!("65".parse::<OwnerId>().is_ok());
        for bad in ["", "0", "065", "-1", "6 5", "65x", &"1".repeat(21)] {
            assert!(bad.parse::<OwnerId>().is_err(), "{bad:?}");
        }
        let same: Environment = "Kprod Ä".parse().unwrap();
        assert!(same == "kPROD Ä".parse().unwrap());
        // By Unicode's rules these would be the same: the Kelvin sign is a `k` there.
        for other in ["kprod ä", "\u{212a}prod Ä", "kprod"] {
            assert!(same != other.parse().unwrap(), "{other}");
        }
        for bad in ["", " prod", "a\tb", &"x".repeat(256)] {
            assert!(bad.parse::<Environment>().is_err(), "{bad:?}");
        }
    }
}
