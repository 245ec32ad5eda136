//! What a run tells while it works: events, and the reporters that show them to a person, write
//! them for a program, or sum them up for a job of GitHub Actions.

mod github;
mod human;
mod json;
mod output;
mod summary;

pub(crate) use human::hide;
pub use human::{HumanReporter, Style};
pub use json::JsonReporter;
pub use output::data_was_lost;
pub(crate) use output::{print_line, tell};
pub use summary::Summarized;

use crate::doctor::{Report, SetupPlan};
use crate::job_env::JobEnv;
use crate::outcome::Outcome;
use crate::plan::Plan;
use crate::progress::Transfer;
use crate::publish::{LastFile, StagedOnHub};
use crate::receipt::{Receipt, Sample};
use crate::reproduce::Reproduction;
use crate::sign::SignatureState;
use crate::toolchain::CacheUse;
use release_types::{Platform, ProductName, Sha256Digest};
use serde::Serialize;
use std::path::PathBuf;

/// One thing that happened, or a result. In JSON, one object a line with its name in `event`;
/// `docs/events.schema.json` describes each.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A stage has begun.
    Stage {
        /// Its name.
        stage: &'static str,
        /// What it works on.
        what: String,
    },
    /// Something a person may want to know.
    Note {
        /// One sentence.
        message: String,
    },
    /// Something a person should know.
    Warning {
        /// One sentence.
        message: String,
    },
    /// A tool that is used.
    Tool {
        /// Its name.
        name: &'static str,
        /// Where it is.
        path: PathBuf,
        /// What it calls its version.
        version: String,
        /// Whether this run installed it.
        installed: bool,
    },
    /// Something that is wrong with a file that was given.
    Problem {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The column, from 1, in characters.
        column: usize,
        /// What is wrong, in one sentence.
        message: String,
    },
    /// A line that cargo wrote for people.
    Cargo {
        /// The line.
        line: String,
    },
    /// How far cargo is.
    Progress {
        /// Units done.
        done: u64,
        /// Units there are.
        total: u64,
        /// What is being compiled.
        crates: Vec<String>,
        /// How long cargo has been running.
        seconds: u64,
    },
    /// How far uploads or read-backs are.
    Transfer(Transfer),
    /// What the compiler cache was good for in this build.
    Cache(CacheUse),
    /// A file that was built, checked and staged.
    Built {
        /// The product.
        product: ProductName,
        /// The staged file.
        path: PathBuf,
        /// Bytes.
        size: u64,
        /// Its digest.
        sha256: Sha256Digest,
        /// The file of the same name in the newest release, when the Hub has one.
        #[serde(skip_serializing_if = "Option::is_none")]
        last: Option<LastFile>,
    },
    /// A file has a good signature.
    Signature {
        /// The product.
        product: ProductName,
        /// The signed file.
        path: PathBuf,
        /// The number of the key that it was made with.
        key_id: String,
        /// What became of the signature.
        state: SignatureState,
        /// What was wrong with the one that was there before.
        #[serde(skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
    /// A file is stored.
    Uploaded {
        /// Its key.
        key: String,
        /// Bytes.
        size: u64,
        /// Its digest.
        sha256: Sha256Digest,
        /// Whether it was there already, so that nothing was sent.
        unchanged: bool,
    },
    /// A platform of a product is registered.
    Registered {
        /// The product.
        product: ProductName,
        /// The platform.
        platform: Platform,
        /// Whether it was so already, so that nothing was sent.
        unchanged: bool,
    },
    /// A file was read back and is what was built.
    Verified {
        /// The product.
        product: ProductName,
        /// The platform.
        platform: Platform,
        /// Its name.
        filename: String,
        /// Its digest.
        sha256: Sha256Digest,
    },
    /// What this machine has of what it needs.
    Doctor(Box<Report>),
    /// What `setup` would do.
    Setup(Box<SetupPlan>),
    /// The environment for other steps of a job.
    Env(Box<JobEnv>),
    /// What a run would do.
    Plan(Box<Plan>),
    /// What was uploaded and is not shown.
    Staged(Box<StagedOnHub>),
    /// What was published and proven.
    Receipt(Box<Receipt>),
    /// What was looked at of a release of which only a part was read back.
    Sample(Box<Sample>),
    /// Whether a build came out the same.
    Reproduction(Box<Reproduction>),
    /// The embedded Hub is ready.
    Listening {
        /// Its address.
        url: String,
    },
    /// The run failed.
    Error {
        /// The exit code.
        code: u8,
        /// What failed, with its causes.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// What a command about channels, tokens, packs or manifests has done; an event of its own name.
    #[serde(untagged)]
    Outcome(Box<Outcome>),
}

/// Takes events.
pub trait Reporter: Send + Sync {
    /// Shows or writes one.
    fn event(&self, event: Event);

    /// A stage has begun.
    fn stage(&self, stage: &'static str, what: String) {
        self.event(Event::Stage { stage, what });
    }

    /// Something a person should know.
    fn warn(&self, message: String) {
        self.event(Event::Warning { message });
    }

    /// The run has failed; whoever ends it tells so. This is for what is kept of it: the exit code,
    /// what failed with its causes, and what to do about it.
    fn failed(&self, _code: u8, _message: &str, _hint: Option<&str>) {}

    /// Progress is at its end for now, whatever comes next.
    fn progress_ended(&self) {}

    /// Something a person may want to know.
    fn note(&self, message: String) {
        self.event(Event::Note { message });
    }
}
