//! A report as a person reads it.

use super::{Lacking, Report, Row, State};
use crate::toolchain::Need;
use std::fmt;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "host      {}", self.host)?;
        for row in &self.tools {
            write!(f, "{row}")?;
        }
        match &self.lacking()[..] {
            [] => write!(f, "ready     yes"),
            lacking => write!(f, "ready     no: {}", Lacking::names(lacking)),
        }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Works => "works",
            State::Found => "found",
            State::Missing => "missing",
            State::TooOld => "too old",
            State::Broken => "broken",
            State::Misconfigured => "configured wrongly",
            State::Prevented => "not tried",
        };
        let need = match self.need {
            Need::Needed => "needed",
            Need::Recommended => "recommended",
            Need::Optional => "not needed here",
        };
        writeln!(f, "{:<10}{state:<8} {}; {need}", self.tool, self.purpose)?;
        if let Some(path) = &self.path {
            writeln!(f, "          {}", path.display())?;
        }
        let smallest = self.smallest.as_ref().map(|s| format!("{s} or newer"));
        match (self.version.clone(), smallest) {
            (Some(version), Some(smallest)) => writeln!(f, "          {version} ({smallest})")?,
            (Some(text), None) | (None, Some(text)) => writeln!(f, "          {text}")?,
            (None, None) => {}
        }
        for line in self.notes.iter().flat_map(|note| note.lines()) {
            writeln!(f, "          {line}")?;
        }
        if !self.state.is_usable() {
            for command in &self.install {
                // A person's own words may be of several lines.
                let lines: Vec<&str> = command.lines().collect();
                writeln!(
                    f,
                    "          install: {}",
                    lines.join("\n                   ")
                )?;
            }
        }
        Ok(())
    }
}
