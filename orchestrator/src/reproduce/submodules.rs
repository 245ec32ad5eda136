//! The submodules of a checkout: taken from this repository's own copies of them, as the commit
//! itself is, and never from the network.

use super::ReproduceError;
use super::repository::GitHere;
use process::ProcessError;
use std::path::{Component, Path};

/// Where a commit says which submodules it has.
const FILE: &str = ".gitmodules";

/// A submodule as a commit has it.
#[derive(Debug, PartialEq, Eq)]
struct Submodule {
    /// Where it is, from the folder of the repository.
    path: String,
    /// Its commit.
    commit: String,
}

/// Checks out the submodules of a checkout, and theirs; `from` is the repository that has been
/// checked out from.
///
/// # Errors
/// When this repository has no copy of one or not this commit of it, or git fails.
pub(super) async fn check_out(
    git: &GitHere<'_>,
    from: &Path,
    work: &Path,
) -> Result<(), ReproduceError> {
    let mut rest = vec![(from.to_owned(), work.to_owned())];
    while let Some((from, work)) = rest.pop() {
        let index = git.ask(&work, &["ls-files", "--stage", "-z"]).await?;
        let submodules = gitlinks(&index);
        if submodules.is_empty() {
            continue;
        }
        let modules = git.common_dir(&from).await?.join("modules");
        let names = names(git, &work).await?;
        for Submodule { path, commit } in submodules {
            let named = names.iter().find(|(_, at)| *at == path);
            let name = named.map_or(&path, |(name, _)| name);
            // In the user's tree, or, where another commit is there, in git's own folder.
            let mut copy = None;
            for place in [from.join(&path), modules.join(name)] {
                if copy.is_none() && is_repository(&place) && git.has(&place, &commit).await? {
                    copy = Some(place);
                }
            }
            let Some(copy) = copy else {
                return Err(ReproduceError::NoSubmodule { path, commit });
            };
            let to = work.join(&path);
            git.check_out(&copy, &to, &commit).await?;
            rest.push((copy, to));
        }
    }
    Ok(())
}

/// Whether a folder is a repository, or the top of a working tree that has one.
fn is_repository(dir: &Path) -> bool {
    dir.join("HEAD").is_file() || dir.join(".git").exists()
}

/// The submodules in what `git ls-files --stage -z` tells: entries of mode 160000.
fn gitlinks(index: &str) -> Vec<Submodule> {
    let entries = index.split('\0').filter_map(|entry| {
        let (what, path) = entry.split_once('\t')?;
        let mut words = what.split(' ');
        let (mode, commit) = (words.next()?, words.next()?);
        (mode == "160000").then(|| Submodule {
            path: path.to_owned(),
            commit: commit.to_owned(),
        })
    });
    entries.collect()
}

/// The names of submodules and their paths, as `.gitmodules` has them. git keeps a copy under the
/// name, which stays when the path changes.
async fn names(git: &GitHere<'_>, work: &Path) -> Result<Vec<(String, String)>, ReproduceError> {
    if !work.join(FILE).is_file() {
        return Ok(Vec::new());
    }
    let pattern = r"^submodule\..*\.path$";
    let args = ["config", "--file", FILE, "--null", "--get-regexp", pattern];
    let told = match git.ask(work, &args).await {
        Ok(told) => told,
        // It names none.
        Err(ReproduceError::Git(ProcessError::Failed { .. })) => String::new(),
        Err(error) => return Err(error),
    };
    let entries = told.split('\0').filter_map(|entry| {
        let (key, path) = entry.split_once('\n')?;
        let name = key.strip_prefix("submodule.")?.strip_suffix(".path")?;
        // It is a folder below the one for copies, and nothing else.
        let mut parts = Path::new(name).components();
        let plain = parts.all(|part| matches!(part, Component::Normal(_)));
        plain.then(|| (name.to_owned(), path.to_owned()))
    });
    Ok(entries.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn submodules_are_the_entries_that_name_a_commit() {
        let index = format!(
            "100644 {a} 0\tCargo.toml\0160000 {b} 0\tthird party/one\0120000 {a} 0\tlink\0",
            a = "0a".repeat(20),
            b = "0b".repeat(20),
        );
        let one = Submodule {
            path: "third party/one".to_owned(),
            commit: "0b".repeat(20),
        };
        assert_eq!(gitlinks(&index), [one]);
        assert!(gitlinks("").is_empty());
    }
}
