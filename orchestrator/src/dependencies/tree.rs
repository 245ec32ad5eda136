//! What `cargo tree` prints, read.
//!
//! A package may be compiled twice, for the target and for build scripts and macros, with other features
//! and so with other packages that it needs. In the tree both look the same; which one is meant follows
//! from the way to it: behind a macro or a build dependency everything is for the host.
//!
//! Folders, licences and places of sources are whatever somebody has written, line ends included, and cargo prints
//! them as they are. So what cargo prints of a package stands between marks that nobody can have written.

use super::{Dependencies, DependenciesError, Kind, Lock, Package};
use semver::Version;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher as _, RandomState};

/// What stands before and behind each text of one call of `cargo tree`.
#[derive(Debug, Clone)]
pub struct Mark(String);

impl Mark {
    /// One that nobody knows beforehand.
    pub fn new() -> Self {
        Self(format!("<{:016x}>", RandomState::new().hash_one("tree")))
    }

    /// What `cargo tree --format` is given: package, licence and repository.
    pub fn format(&self) -> String {
        let Self(mark) = self;
        format!("{mark}{{p}}{mark}{{l}}{mark}{{r}}{mark}")
    }
}

#[cfg(test)]
impl Mark {
    /// Lines with tabs between texts, as cargo prints them with this mark.
    pub(crate) fn around(&self, lines: &str) -> String {
        let Self(mark) = self;
        let one = |line: &str| {
            let mut parts = line.splitn(3, '\t');
            let (first, licence) = (parts.next().unwrap_or_default(), parts.next());
            let Some((licence, rest)) = licence.zip(parts.next()) else {
                return format!("{line}\n");
            };
            let (repository, seen) = match rest.strip_suffix(SEEN) {
                Some(repository) => (repository, SEEN),
                None => (rest, ""),
            };
            let branch = first.find(|c: char| c.is_ascii_alphanumeric());
            let (branch, label) = first.split_at(branch.unwrap_or_default());
            format!("{branch}{mark}{label}{mark}{licence}{mark}{repository}{mark}{seen}\n")
        };
        lines.lines().map(one).collect()
    }
}

impl Default for Mark {
    fn default() -> Self {
        Self::new()
    }
}

/// The mark of a package whose own dependencies stand elsewhere in the tree.
const SEEN: &str = " (*)";

/// The mark of a macro, between version and source.
const MACRO: &str = " (proc-macro)";

/// The line above what a build script needs.
const BUILD: &str = "[build-dependencies]";

/// A package as it stands in the tree, and whether it is compiled for the host.
type Unit = (String, bool);

/// Reads the tree that `cargo tree --edges normal,build --charset ascii --format` with a mark's [`Mark::format`]
/// prints of some packages, and returns what each of `roots` (names) is made of, in their order.
///
/// # Errors
/// When something was printed that is not known, or nothing of one of the packages.
pub fn read(
    text: &str,
    mark: &Mark,
    roots: &[&str],
    lock: &Lock,
) -> Result<Vec<Dependencies>, DependenciesError> {
    let tree = Tree::parse(text, mark)?;
    let of = |root: &&str| tree.of(root, lock);
    roots.iter().map(of).collect()
}

/// The whole tree.
#[derive(Default)]
struct Tree {
    /// What each unit needs.
    needs: BTreeMap<Unit, BTreeSet<Unit>>,
    /// Licence and repository of each package.
    words: BTreeMap<String, (String, String)>,
    roots: Vec<String>,
}

impl Tree {
    fn parse(text: &str, Mark(mark): &Mark) -> Result<Self, DependenciesError> {
        let mut tree = Self::default();
        // The units above a line, and whether what comes below each is for its build script.
        let mut above: Vec<(Unit, bool)> = Vec::new();
        let mut parts = text.split(mark.as_str());
        // What stands between two packages: the end of the one's line, headings, and the branch to the other.
        let mut between = parts.next().unwrap_or_default();
        loop {
            let mut lines: Vec<&str> = between.split('\n').collect();
            let branch = lines.pop().unwrap_or_default();
            for line in lines {
                let (depth, is_child, rest) = indented(line);
                if rest == BUILD && !is_child {
                    let parent = above.get_mut(depth);
                    parent.ok_or_else(|| unknown(line))?.1 = true;
                    above.truncate(depth + 1);
                } else if !rest.trim().is_empty() {
                    return Err(unknown(line));
                }
            }
            let Some(label) = parts.next() else {
                return match branch.trim().is_empty() {
                    true => Ok(tree),
                    false => Err(unknown(branch)),
                };
            };
            let (Some(licence), Some(repository), Some(rest)) =
                (parts.next(), parts.next(), parts.next())
            else {
                return Err(unknown(label));
            };
            let (depth, is_child, more) = indented(branch);
            let depth = depth + usize::from(is_child);
            if depth > above.len() || !more.is_empty() {
                return Err(unknown(branch));
            }
            above.truncate(depth);
            between = rest.strip_prefix(SEEN).unwrap_or(rest);
            let (label, is_macro) = without_mark(label);
            let parent = above.last();
            let for_host = is_macro || parent.is_some_and(|((_, host), build)| *host || *build);
            let unit = (label.clone(), for_host);
            match parent {
                Some((parent, _)) => {
                    let needs = tree.needs.entry(parent.clone()).or_default();
                    needs.insert(unit.clone());
                }
                None => tree.roots.push(label.clone()),
            }
            let words = (licence.to_owned(), repository.to_owned());
            tree.words.insert(label, words);
            above.push((unit, false));
        }
    }

    /// What a package's program is made of.
    fn of(&self, root: &str, lock: &Lock) -> Result<Dependencies, DependenciesError> {
        let named = |label: &&String| label.split(' ').next() == Some(root);
        let label = self.roots.iter().find(named);
        let label = label.ok_or_else(|| DependenciesError::NoRoot(root.to_owned()))?;
        let first: Unit = (label.clone(), false);
        let (mut reached, mut next) = (BTreeSet::from([&first]), vec![&first]);
        while let Some(unit) = next.pop() {
            for needed in self.needs_of(unit) {
                if reached.insert(needed) {
                    next.push(needed);
                }
            }
        }
        // One package for both of its units; false comes first, so the stronger kind does.
        let mut kinds: BTreeMap<&str, Kind> = BTreeMap::new();
        for (label, for_host) in &reached {
            let kind = match for_host {
                true => Kind::Build,
                false => Kind::Runtime,
            };
            let known = kinds.entry(label).or_insert(kind);
            *known = kind.max(*known);
        }
        let mut packages = Vec::with_capacity(kinds.len());
        for (label, kind) in &kinds {
            packages.push((self.package(label, *kind, lock)?, *label));
        }
        packages.sort();
        let at: BTreeMap<&str, usize> = (packages.iter().enumerate())
            .map(|(index, (_, label))| (*label, index))
            .collect();
        let needs_of = |label: &str| -> Vec<usize> {
            let units = reached.iter().filter(|(of, _)| of == label);
            let needed = units.flat_map(|unit| self.needs_of(unit));
            let places = needed.filter_map(|(of, _)| at.get(of.as_str()).copied());
            let places: BTreeSet<usize> = places.collect();
            places.into_iter().collect()
        };
        let needs: Vec<Vec<usize>> = packages.iter().map(|(_, label)| needs_of(label)).collect();
        let root = at[label.as_str()];
        let packages = packages.into_iter().zip(needs);
        let packages = packages.map(|((package, _), needs)| Package { needs, ..package });
        Ok(Dependencies {
            packages: packages.collect(),
            root,
        })
    }

    fn needs_of(&self, unit: &Unit) -> impl Iterator<Item = &Unit> {
        self.needs.get(unit).into_iter().flatten()
    }

    /// A package by how it is shown: `name v1.2.3`, and a source in parentheses where it is not crates.io.
    fn package(&self, label: &str, kind: Kind, lock: &Lock) -> Result<Package, DependenciesError> {
        let parts = || {
            let (name, rest) = label.split_once(" v")?;
            let (version, source) = match rest.split_once(" (") {
                Some((version, source)) => (version, Some(source.strip_suffix(')')?)),
                None => (rest, None),
            };
            Some((name, version, Version::parse(version).ok()?, source))
        };
        let (name, text, version, shown) = parts().ok_or_else(|| unknown(label))?;
        let (source, checksum) = lock.source_of(name, text, shown);
        let said = |text: &String| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let words = self.words.get(label);
        Ok(Package {
            name: name.to_owned(),
            version,
            source,
            kind,
            licence: words.and_then(|(licence, _)| said(licence)),
            repository: words.and_then(|(_, repository)| said(repository)),
            checksum,
            needs: Vec::new(),
        })
    }
}

/// How a package is shown, without the mark of a macro, and whether it has one.
fn without_mark(label: &str) -> (String, bool) {
    // Neither names nor versions have a space in them, and folders stand behind.
    let marked = label.split_once(MACRO);
    let marked = marked.filter(|(before, _)| !before.contains('('));
    match marked {
        Some((before, after)) => (format!("{before}{after}"), true),
        None => (label.to_owned(), false),
    }
}

fn unknown(line: &str) -> DependenciesError {
    DependenciesError::Line(line.to_owned())
}

/// How many steps of four characters a line is indented by, whether a branch leads to it, and the rest.
fn indented(line: &str) -> (usize, bool, &str) {
    let (mut depth, mut rest) = (0, line);
    while let Some(more) = ["|   ", "    "].iter().find_map(|s| rest.strip_prefix(s)) {
        (depth, rest) = (depth + 1, more);
    }
    let branch = ["|-- ", "`-- "].iter().find_map(|s| rest.strip_prefix(s));
    (depth, branch.is_some(), branch.unwrap_or(rest))
}

#[cfg(test)]
mod tests {
    use super::super::Source;
    use super::*;

    /// As cargo prints it: `two` is compiled for the target, and for the build script with a feature
    /// that needs `more`; `helper` is needed by a macro alone.
    const TREE: &str = "\
app v0.1.0 (/w/app)\tMIT\t
|-- two v1.0.0\tMIT OR Apache-2.0\thttps://h.example/two
|-- word v2.0.0 (proc-macro) (/w/word (proc-macro))\tMIT\t
|   `-- helper v0.3.0 (/w (proc-macro))\t\t
`-- yes v1.0.0\tMIT\t
[build-dependencies]
|-- two v1.0.0\tMIT OR Apache-2.0\thttps://h.example/two
|   |-- more v1.1.0+x\tMIT\t
|   `-- yes v1.0.0\tMIT\t
|       [build-dependencies]
|       `-- script v0.1.0 (https://h.example/s#01234567)\tMIT\t
`-- yes v1.0.0\tMIT\t (*)

tool v0.2.0 (/w/tool)\tMIT\t
|-- app v0.1.0 (/w/app)\tMIT\t (*)
`-- two v1.0.0\tMIT OR Apache-2.0\thttps://h.example/two

plain v0.2.0 (/w/plain (old))\tMIT\t
`-- two v1.0.0\tMIT OR Apache-2.0\thttps://h.example/two
";

    /// What cargo prints where these lines are what it would print without marks.
    fn read(
        text: &str,
        roots: &[&str],
        lock: &Lock,
    ) -> Result<Vec<Dependencies>, DependenciesError> {
        let mark = Mark::new();
        super::read(&mark.around(text), &mark, roots, lock)
    }

    fn names(of: &Dependencies, kind: Kind) -> Vec<&str> {
        let packages = of.packages.iter().filter(|package| package.kind == kind);
        packages.map(|package| package.name.as_str()).collect()
    }

    #[test]
    fn programs_and_what_builds_them_are_told_apart() {
        let all = read(TREE, &["app", "tool", "plain"], &Lock::default()).unwrap();
        let app = &all[0];
        assert_eq!(names(app, Kind::Runtime), ["app", "two", "yes"]);
        assert_eq!(
            names(app, Kind::Build),
            ["helper", "more", "script", "word"]
        );
        let root = &app.packages[app.root];
        assert_eq!((root.name.as_str(), &root.source), ("app", &Source::Local));
        let needs = |name: &str| -> Vec<&str> {
            let of = app.packages.iter().find(|p| p.name == name).unwrap();
            let needs = of.needs.iter().map(|at| app.packages[*at].name.as_str());
            needs.collect()
        };
        assert_eq!(needs("app"), ["two", "word", "yes"]);
        assert_eq!(needs("two"), ["more", "yes"]);
        assert_eq!(needs("yes"), ["script"]);
        assert_eq!(needs("word"), ["helper"]);
        let word = app.packages.iter().find(|p| p.name == "word").unwrap();
        assert_eq!(word.source, Source::Local);
        let two = app.packages.iter().find(|p| p.name == "two").unwrap();
        assert_eq!(two.licence.as_deref(), Some("MIT OR Apache-2.0"));
        assert_eq!(two.repository.as_deref(), Some("https://h.example/two"));
        assert_eq!(app.packages[1].licence, None, "{app:?}");
    }

    #[test]
    fn what_another_program_needs_is_not_taken_for_ones_own() {
        let all = read(TREE, &["plain", "tool"], &Lock::default()).unwrap();
        // The `two` of build scripts needs more than the one in the program.
        assert_eq!(names(&all[0], Kind::Runtime), ["plain", "two"]);
        assert!(names(&all[0], Kind::Build).is_empty());
        assert_eq!(all[1].packages.len(), 8);
        assert_eq!(names(&all[1], Kind::Runtime), ["app", "tool", "two", "yes"]);
    }

    #[test]
    fn what_is_not_known_is_said() {
        let lock = Lock::default();
        for text in [
            "nonsense\n",
            "a v1.0.0\tx\t\n        `-- b v1.0.0\tx\t\n",
            "a one\tMIT\t\n",
            "    [build-dependencies]\n",
            "a v1.0.0\tMIT\t\nnonsense\nb v1.0.0\tMIT\t\n",
        ] {
            let error = read(text, &["a"], &lock).unwrap_err();
            assert!(matches!(error, DependenciesError::Line(_)), "{error:?}");
        }
        let error = read("ab v1.0.0\tMIT\t\n", &["a"], &lock).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`cargo tree` printed nothing of package `a`"
        );
    }
    #[test]
    fn words_of_others_end_no_line() {
        let mark = Mark::new();
        let Mark(m) = &mark;
        let text = format!(
            "{m}app v0.1.0 (/w/a\nb\tc){m}MIT\n\t`-- x v1.0.0{m}a\tb\n[build-dependencies]\n{m}\n\
             `-- {m}one v1.0.0{m}{m}{m} (*)\n"
        );
        let found = super::read(&text, &mark, &["app"], &Lock::default()).unwrap();
        let app = &found[0].packages[found[0].root];
        assert_eq!(app.licence.as_deref(), Some("MIT\n\t`-- x v1.0.0"));
        assert_eq!(
            app.repository.as_deref(),
            Some("a\tb\n[build-dependencies]")
        );
        assert_eq!(names(&found[0], Kind::Runtime), ["app", "one"]);
        // Half of a package is none.
        let cut = text.rsplit_once(m.as_str()).unwrap().0;
        let error = super::read(cut, &mark, &["app"], &Lock::default()).unwrap_err();
        assert!(matches!(error, DependenciesError::Line(_)), "{error:?}");
        assert_ne!(Mark::new().0, mark.0, "nobody knows the next one");
    }
}
