//! The files that GitHub Actions names for the steps of a job, and what is appended to them.

use super::JobEnv;
use crate::context::World;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// The variable that names the file for variables, and the one that names the file for `PATH`.
const VARIABLES: &str = "GITHUB_ENV";
const PATH: &str = "GITHUB_PATH";

/// Why later steps of a job are told nothing.
#[derive(Debug, thiserror::Error)]
pub enum JobEnvError {
    /// A file that GitHub Actions names is not named.
    #[error("there is no file to write to: {0} is not set")]
    NotInAJob(&'static str),
    /// A file cannot be written.
    #[error("cannot write to {}", path.display())]
    Io {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// The files of one step.
#[derive(Debug)]
pub struct GithubFiles {
    variables: PathBuf,
    path: Option<PathBuf>,
}

impl GithubFiles {
    /// Those that the environment names. The file for `PATH` is not always needed, so it may be
    /// missing until then.
    ///
    /// # Errors
    /// When this is no step of a job.
    pub fn of(world: &World) -> Result<Self, JobEnvError> {
        Ok(Self {
            variables: named(world, VARIABLES).ok_or(JobEnvError::NotInAJob(VARIABLES))?,
            path: path_file(world),
        })
    }

    /// Appends the environment.
    ///
    /// # Errors
    /// When a file is missing or cannot be written.
    pub fn append(&self, env: &JobEnv) -> Result<(), JobEnvError> {
        let failed = |path: &Path, source| JobEnvError::Io {
            path: path.to_owned(),
            source,
        };
        let delimiter = delimiter().map_err(|source| failed(&self.variables, source))?;
        append_variables(&self.variables, &env.variables, &delimiter)
            .map_err(|source| failed(&self.variables, source))?;
        if env.path.is_empty() {
            return Ok(());
        }
        let file = self.path.as_deref().ok_or(JobEnvError::NotInAJob(PATH))?;
        append_path(file, &env.path).map_err(|source| failed(file, source))
    }
}

/// The file that takes folders for the `PATH` of later steps; none outside of a job.
pub fn path_file(world: &World) -> Option<PathBuf> {
    named(world, PATH)
}

fn named(world: &World, variable: &str) -> Option<PathBuf> {
    let file = world.env.get(variable).filter(|file| !file.is_empty())?;
    Some(world.absolute(Path::new(file)))
}

/// One that nobody can guess, so that no value can end itself and begin a variable.
fn delimiter() -> std::io::Result<String> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|error| std::io::Error::other(error.to_string()))?;
    let number = u128::from_ne_bytes(random);
    Ok(format!("atlas-release-{number:032x}"))
}

/// Appends named values to a file of a step, such as the one for its outputs.
///
/// # Errors
/// What the system says.
pub fn append_named(file: &Path, values: &BTreeMap<String, String>) -> std::io::Result<()> {
    append_variables(file, values, &delimiter()?)
}

/// Appends variables to the file that `GITHUB_ENV` names, in the form that also takes values of
/// several lines. The delimiter has to be one that nobody can guess and no value holds.
///
/// # Errors
/// What the system says, or that a value holds the delimiter.
fn append_variables(
    file: &Path,
    variables: &BTreeMap<String, String>,
    delimiter: &str,
) -> std::io::Result<()> {
    let mut text = String::new();
    for (name, value) in variables {
        if value.contains(delimiter) {
            let why = format!("the value of {name} holds the delimiter of this run");
            return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, why));
        }
        writeln!(text, "{name}<<{delimiter}\n{value}\n{delimiter}")
            .map_err(std::io::Error::other)?;
    }
    append(file, &text)
}

/// Appends folders to the file that `GITHUB_PATH` names, those that do not stand there yet.
///
/// # Errors
/// What the system says.
pub fn append_path(file: &Path, folders: &[String]) -> std::io::Result<()> {
    let there = String::from_utf8_lossy(&read(file)?).into_owned();
    let mut text = String::new();
    for folder in folders {
        if !there.lines().any(|line| line == folder) {
            text += folder;
            text += "\n";
        }
    }
    append(file, &text)
}

/// What stands in a file, which need not be there. Devices and pipes are refused: some of them can be
/// read without end, and none keeps what later steps are told.
fn read(file: &Path) -> std::io::Result<Vec<u8>> {
    match std::fs::metadata(file) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
        Ok(found) if !found.is_file() => {
            return Err(std::io::Error::other("it is no regular file"));
        }
        Ok(_) => {}
    }
    std::fs::read(file)
}

/// Appends to a file that GitHub Actions names for a step; a last line without its end gets one.
///
/// # Errors
/// What the system says, or that it is no regular file.
pub fn append(file: &Path, text: &str) -> std::io::Result<()> {
    if text.is_empty() {
        return Ok(());
    }
    let before = read(file)?;
    let mut file = std::fs::File::options()
        .append(true)
        .create(true)
        .open(file)?;
    // Somebody's last line may lack its end, and must not become part of ours.
    let glue = match before.last() {
        None | Some(b'\n') => "",
        Some(_) => "\n",
    };
    file.write_all(format!("{glue}{text}").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use release_types::Platform;

    #[test]
    fn the_file_for_path_is_needed_only_where_path_changes() {
        let dir = tempfile::tempdir().unwrap();
        let mut world = World::capture(process::Runner::default()).unwrap();
        world.cwd = dir.path().to_owned();
        world.env = [(VARIABLES, "env"), (PATH, "")].into_iter().collect();
        let mut env = JobEnv {
            format: crate::job_env::FORMAT,
            host: Platform::ALL[0],
            variables: [("A".to_owned(), "1".to_owned())].into(),
            path: Vec::new(),
            mold_variable: None,
            warnings: Vec::new(),
        };
        GithubFiles::of(&world).unwrap().append(&env).unwrap();
        env.path.push("/llvm".to_owned());
        let error = GithubFiles::of(&world).unwrap().append(&env).unwrap_err();
        assert!(matches!(error, JobEnvError::NotInAJob("GITHUB_PATH")));
        world.env.set(PATH, "path");
        GithubFiles::of(&world).unwrap().append(&env).unwrap();
        let text = std::fs::read_to_string(dir.path().join("path")).unwrap();
        assert_eq!(text, "/llvm\n");
        world.env.remove(VARIABLES);
        let error = GithubFiles::of(&world).unwrap_err();
        assert!(matches!(error, JobEnvError::NotInAJob("GITHUB_ENV")));
    }

    #[test]
    fn github_reads_values_of_several_lines() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("env");
        // Without the end of its line.
        std::fs::write(&file, "THERE=1").unwrap();
        let variables = [("V0", "one"), ("V1", "two\nlines")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        append_variables(&file, &variables, "d1").unwrap();
        assert_eq!(
            std::fs::read_to_string(&file).unwrap(),
            "THERE=1\nV0<<d1\none\nd1\nV1<<d1\ntwo\nlines\nd1\n"
        );
        assert!(append_variables(&file, &variables, "lines").is_err());
    }

    #[test]
    #[cfg(unix)]
    fn what_is_no_file_is_not_read() {
        let dir = tempfile::tempdir().unwrap();
        for other in [Path::new("/dev/zero"), Path::new("/dev/full"), dir.path()] {
            let error = append_path(other, &["/a".to_owned()]).unwrap_err();
            assert_eq!(error.to_string(), "it is no regular file", "{other:?}");
        }
    }

    #[test]
    fn a_folder_is_told_to_github_once() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("path");
        for _ in 0..2 {
            append_path(&file, &["/a".to_owned(), "/b".to_owned()]).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "/a\n/b\n");
    }
}
