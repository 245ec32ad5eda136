//! Which folders of this machine get which names in programs.

use crate::shim::REPOSITORY;
use std::path::{Path, PathBuf};

/// The folders and their names. rustc and the C compilers take the last that fits, so what lies
/// inside another folder comes after it, and any of them may lie in any other: cargo's own folder is
/// a usual place for what is built.
pub(super) fn remap(
    root: &Path,
    repository: &Path,
    target_dir: &Path,
    build_dir: Option<&Path>,
    cargo_home: &Path,
) -> Vec<(PathBuf, String)> {
    // The target directory also in its usual place, where the workspace's name would do: the policy
    // has to be the same one wherever it is, since its digest is in the names of all that is
    // compiled.
    let mut remap = vec![
        (root.to_owned(), "/workspace".to_owned()),
        (target_dir.to_owned(), "/workspace/target".to_owned()),
    ];
    // A workspace may take packages from elsewhere in its repository.
    if repository != root {
        remap.push((repository.to_owned(), REPOSITORY.to_owned()));
    }
    // Where a configuration keeps what is built on the way apart from the results.
    if let Some(dir) = build_dir
        && !dir.starts_with(target_dir)
    {
        remap.push((dir.to_owned(), "/workspace/target".to_owned()));
    }
    remap.push((cargo_home.to_owned(), "/cargo".to_owned()));
    remap.sort_by_key(|(from, _)| from.components().count());
    remap
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_inside_another_folder_is_remapped_after_it() {
        let path = Path::new;
        let cargo = path("/home/me/.cargo");
        let inside = path("/home/me/.cargo/build/1234");
        let names = |remap: Vec<(PathBuf, String)>| -> Vec<String> {
            let text = |(from, to): (PathBuf, String)| format!("{}={to}", from.display());
            remap.into_iter().map(text).collect()
        };
        let found = names(remap(
            path("/w"),
            path("/w"),
            path("/w/target"),
            Some(inside),
            cargo,
        ));
        let at = |name: &str| found.iter().position(|one| one == name).unwrap();
        assert!(at("/w=/workspace") < at("/w/target=/workspace/target"));
        let build = "/home/me/.cargo/build/1234=/workspace/target";
        assert!(at("/home/me/.cargo=/cargo") < at(build), "{found:?}");
        // A dependency that is worked on may lie in cargo's folder, and that in the workspace.
        let found = names(remap(
            path("/w"),
            path("/w"),
            path("/w/target"),
            None,
            path("/w/.cargo"),
        ));
        assert_eq!(found.last().unwrap(), "/w/.cargo=/cargo");
        let found = names(remap(
            path("/r/w"),
            path("/r"),
            path("/r/w/target"),
            None,
            path("/r/.cargo"),
        ));
        let repository = ["/r=/repository", "/r/w=/workspace", "/r/.cargo=/cargo"];
        assert_eq!(found[..3], repository);
    }
}
