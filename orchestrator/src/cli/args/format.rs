//! `--format`.

use clap::ValueEnum;
use clap::builder::{PossibleValuesParser, TypedValueParser};

/// The form of what is written to standard output. Most commands know the first two; `env` and
/// `manifest show` have an option of the same name with forms of their own, which clap needs to be of
/// the same type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Human,
    /// For programs.
    Json,
    /// Files of GitHub Actions.
    Github,
    /// For a POSIX shell.
    Sh,
    /// For fish.
    Fish,
    /// For PowerShell.
    Powershell,
    /// In columns, for people.
    Table,
}

impl Format {
    /// A parser that knows some of them.
    pub(super) fn of(names: &'static [&'static str]) -> impl TypedValueParser<Value = Self> {
        let names = PossibleValuesParser::new(names);
        names.try_map(|name| Self::from_str(&name, false))
    }
}
