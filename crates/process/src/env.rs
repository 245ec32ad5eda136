//! The environment, read once. What of it children get to see is [`AllowList`]'s part.

use crate::AllowList;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// A snapshot of environment variables.
///
/// Programs take one at their start and pass it on, so that nothing below reads the process's own
/// environment and a test can say exactly what it is. `Debug` shows names only: values may be
/// secret.
///
/// How names are told apart is part of it: see [`NameCase`].
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Env {
    vars: BTreeMap<OsString, OsString>,
    case: NameCase,
}

/// Whether names that differ in nothing but the case of ASCII letters are two variables or one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum NameCase {
    /// Two, as on Unix.
    #[default]
    Exact,
    /// One, as on Windows, where `PATH` is usually called `Path`.
    Ignored,
}

/// A variable whose value is not UTF-8 where text is needed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the environment variable {0} is not valid UTF-8")]
pub struct NotUtf8(pub String);

impl Env {
    /// The environment this process was started with, with names told apart as this system does.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the environment"
    )]
    pub fn capture() -> Self {
        #[cfg(windows)]
        let case = NameCase::Ignored;
        #[cfg(not(windows))]
        let case = NameCase::Exact;
        Self::of(case, std::env::vars_os())
    }

    /// The variables of a system that tells names apart in this way; of two that are one there,
    /// the later one is kept.
    pub fn of<N: Into<OsString>, V: Into<OsString>>(
        case: NameCase,
        vars: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let mut env = Self {
            vars: BTreeMap::new(),
            case,
        };
        for (name, value) in vars {
            env.set(name, value);
        }
        env
    }

    /// The value of a variable.
    pub fn get(&self, name: &str) -> Option<&OsStr> {
        let key = self.key(OsStr::new(name))?;
        self.vars.get(key).map(OsString::as_os_str)
    }

    /// The value of a variable as text; unset and empty are the same.
    ///
    /// # Errors
    /// When the value is not UTF-8.
    pub fn text(&self, name: &str) -> Result<Option<&str>, NotUtf8> {
        match self.get(name) {
            None => Ok(None),
            Some(value) => match value.to_str() {
                None => Err(NotUtf8(name.to_owned())),
                Some("") => Ok(None),
                Some(text) => Ok(Some(text)),
            },
        }
    }

    /// Whether a variable is set to anything but nothing.
    pub fn is_set(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| !value.is_empty())
    }

    /// Sets a variable in this snapshot. One that is there keeps the spelling of its name.
    pub fn set(&mut self, name: impl Into<OsString>, value: impl Into<OsString>) {
        let name = name.into();
        let key = self.key(&name).map(OsStr::to_owned).unwrap_or(name);
        self.vars.insert(key, value.into());
    }

    /// Removes a variable from this snapshot.
    pub fn remove(&mut self, name: &str) {
        if let Some(key) = self.key(OsStr::new(name)).map(OsStr::to_owned) {
            self.vars.remove(&key);
        }
    }

    /// `PATH` with these folders before and behind those that are on it. An empty one names none,
    /// where the system would take it for the working folder.
    ///
    /// # Errors
    /// When the name of a folder cannot stand there.
    pub fn path_with(
        &self,
        before: &[PathBuf],
        behind: &[PathBuf],
    ) -> Result<OsString, std::env::JoinPathsError> {
        let path = self.get("PATH").filter(|path| !path.is_empty());
        let there = path.into_iter().flat_map(std::env::split_paths);
        let all = before.iter().cloned().chain(there);
        std::env::join_paths(all.chain(behind.iter().cloned()))
    }

    /// All variables, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.vars
            .iter()
            .map(|(k, v)| (k.as_os_str(), v.as_os_str()))
    }

    /// The variables that an allow-list lets through. See [`AllowList`].
    pub fn allowed(&self, list: &AllowList) -> Self {
        let seen = self.iter().filter(|(name, _)| {
            name.to_str()
                .is_some_and(|name| list.lets_through(name, self.case))
        });
        Self::of(self.case, seen)
    }

    /// This snapshot with every variable of another one set over it. Where either ignores the case
    /// of names, the result does.
    #[must_use]
    pub fn with(self, other: &Self) -> Self {
        let mut env = if self.case == other.case || self.case == NameCase::Ignored {
            self
        } else {
            Self::of(other.case, self.vars)
        };
        for (name, value) in other.iter() {
            env.set(name, value);
        }
        env
    }

    /// The spelling under which a variable is kept.
    fn key(&self, name: &OsStr) -> Option<&OsStr> {
        let exact = self.vars.get_key_value(name).map(|(key, _)| key);
        let found = exact.or_else(|| match self.case {
            NameCase::Exact => None,
            NameCase::Ignored => self.vars.keys().find(|key| key.eq_ignore_ascii_case(name)),
        });
        found.map(OsString::as_os_str)
    }
}

impl std::fmt::Debug for Env {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.vars.keys()).finish()
    }
}

/// Names are told apart exactly; [`Env::of`] can do otherwise.
impl<N: Into<OsString>, V: Into<OsString>> FromIterator<(N, V)> for Env {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        Self::of(NameCase::Exact, pairs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_not_shown() {
        let env: Env = [("A_TOKEN", "value")].into_iter().collect();
        assert_eq!(format!("{env:?}"), "{\"A_TOKEN\"}");
    }

    #[test]
    fn folders_come_before_and_behind_those_on_path() {
        let joined = |folders: &[&str]| std::env::join_paths(folders).unwrap();
        let (a, b) = ([PathBuf::from("a")], [PathBuf::from("b")]);
        let mut env: Env = [("PATH", joined(&["x", "y"]))].into_iter().collect();
        let all = joined(&["a", "x", "y", "b"]);
        assert_eq!(env.path_with(&a, &b).unwrap(), all);
        for unset in [false, true] {
            env.set("PATH", "");
            if unset {
                env.remove("PATH");
            }
            assert_eq!(env.path_with(&a, &b).unwrap(), joined(&["a", "b"]));
            assert_eq!(env.path_with(&a, &[]).unwrap(), joined(&["a"]));
        }
    }

    #[test]
    fn names_that_differ_in_case_are_one_variable_or_two() {
        let vars = [("Path", "1"), ("PATH", "2")];
        let mut exact = Env::of(NameCase::Exact, vars);
        assert_eq!(exact, vars.into_iter().collect());
        assert_eq!(exact.iter().count(), 2);
        assert_eq!(exact.get("path"), None);
        exact.set("path", "3");
        exact.remove("pAth");
        assert_eq!(exact.iter().count(), 3);

        let mut ignored = Env::of(NameCase::Ignored, vars);
        let only = |env: &Env| -> Vec<(OsString, OsString)> {
            env.iter()
                .map(|(n, v)| (n.to_owned(), v.to_owned()))
                .collect()
        };
        assert_eq!(only(&ignored), [("Path".into(), "2".into())]);
        ignored.set("pATH", "3");
        assert_eq!(only(&ignored), [("Path".into(), "3".into())]);
        for name in ["PATH", "Path", "path"] {
            assert_eq!(ignored.get(name), Some(OsStr::new("3")));
        }
        assert!(ignored.is_set("path"));
        ignored.remove("PATH");
        assert_eq!(only(&ignored), []);
    }

    #[test]
    fn a_snapshot_set_over_another_folds_names_where_either_does() {
        let plain: Env = [("PATH", "1"), ("a", "2")].into_iter().collect();
        let windows = Env::of(NameCase::Ignored, [("Path", "3")]);
        let over = plain.clone().with(&windows);
        let under = windows.with(&plain);
        for (env, path) in [(&over, "3"), (&under, "1")] {
            assert_eq!(env.iter().count(), 2);
            assert_eq!(env.get("pATH"), Some(OsStr::new(path)));
            assert_eq!(env.get("A"), Some(OsStr::new("2")));
        }
    }
}
