//! What was found of workflows, for people and programs.

use serde::Serialize;
use std::fmt;

/// The version of the document's form.
pub const FORMAT: u32 = 1;

/// How a file stands, or what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It is what it has to be.
    Same,
    /// It is not.
    Differs,
    /// It is not there.
    Missing,
    /// It was made once, and nothing declares what it releases any more.
    Stale,
    /// It was written.
    Written,
}

/// One of the files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileReport {
    /// Its path, from the top of the repository.
    pub path: String,
    /// How it stands.
    pub state: State,
    /// What is to be changed, as a unified diff.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diff: Option<String>,
}

/// All of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The version of this document's form.
    pub format: u32,
    /// The files, by path.
    pub files: Vec<FileReport>,
}

impl Report {
    /// The files that were made once, and that nothing declares any more.
    pub fn stale(&self) -> Vec<String> {
        let files = self.files.iter().filter(|file| file.state == State::Stale);
        files.map(|file| file.path.clone()).collect()
    }

    /// The files that are not what they have to be.
    pub fn drift(&self) -> Vec<String> {
        let off = |file: &&FileReport| {
            matches!(file.state, State::Differs | State::Missing | State::Stale)
        };
        let files = self.files.iter().filter(off);
        files.map(|file| file.path.clone()).collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, file) in self.files.iter().enumerate() {
            let word = match file.state {
                State::Same => "same",
                State::Differs => "differs",
                State::Missing => "missing",
                State::Stale => "stale",
                State::Written => "written",
            };
            let glue = if number == 0 { "" } else { "\n" };
            write!(f, "{glue}{word:<8} {}", file.path)?;
        }
        for diff in self.files.iter().filter_map(|file| file.diff.as_ref()) {
            write!(f, "\n{}", diff.trim_end_matches('\n'))?;
        }
        Ok(())
    }
}
