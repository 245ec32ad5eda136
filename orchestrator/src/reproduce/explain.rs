//! Why two builds differ: what in the files, and what on the way to them.

use super::report::{Cause, CauseKind, Comparison, SectionDifference, Side, StringDifference};
use object::{Object as _, ObjectSection as _};
use release_types::Kind;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The shortest run of printable characters that counts as text.
const SHORTEST: usize = 6;

/// How much is told: texts of a file, and characters of a text to each side of the difference.
const TEXTS: usize = 12;
const TEXT_LENGTH: usize = 120;

/// The largest file of a build script that is compared.
const FILE_LIMIT: u64 = 64 * 1024 * 1024;

/// A finished build's folders.
#[derive(Debug, Clone)]
pub struct Tree {
    /// Cargo's target directory.
    pub target_dir: PathBuf,
    /// Folders that may not count, the innermost first.
    pub folders: Vec<PathBuf>,
}

/// The parts and the texts in which two files differ.
pub fn explain(built: &[u8], other: &[u8]) -> (Vec<SectionDifference>, Vec<StringDifference>) {
    (sections(built, other), strings(built, other))
}

fn sections(built: &[u8], other: &[u8]) -> Vec<SectionDifference> {
    let (Some(a), Some(b)) = (sections_of(built), sections_of(other)) else {
        return vec![difference("file", Some(built), Some(other))];
    };
    let names: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    let mut found: Vec<SectionDifference> = names
        .into_iter()
        .filter(|name| a.get(*name) != b.get(*name))
        .map(|name| difference(name, a.get(name).copied(), b.get(name).copied()))
        .collect();
    if found.is_empty() {
        found.push(difference("file", Some(built), Some(other)));
    }
    found
}

fn sections_of(bytes: &[u8]) -> Option<BTreeMap<String, &[u8]>> {
    let file = object::File::parse(bytes).ok()?;
    let mut found = BTreeMap::new();
    for section in file.sections() {
        let name = section.name().unwrap_or("?").to_owned();
        found.insert(name, section.data().unwrap_or_default());
    }
    Some(found)
}

fn difference(name: &str, a: Option<&[u8]>, b: Option<&[u8]>) -> SectionDifference {
    let (x, y) = (a.unwrap_or_default(), b.unwrap_or_default());
    let same = x.iter().zip(y).take_while(|(a, b)| a == b).count();
    SectionDifference {
        name: name.to_owned(),
        size: a.map(|bytes| bytes.len() as u64),
        other_size: b.map(|bytes| bytes.len() as u64),
        first_difference: same as u64,
    }
}

fn strings(built: &[u8], other: &[u8]) -> Vec<StringDifference> {
    let (a, b) = (texts(built), texts(other));
    let mut found = Vec::new();
    for (only_in, mine, theirs) in [(Side::Built, &a, &b), (Side::Other, &b, &a)] {
        // What looks like a path or a moment first: the rest is often code by chance.
        let mut only: Vec<&&[u8]> = mine.difference(theirs).collect();
        only.sort_by_key(|text| !(text.contains(&b'/') || has_moment(text)));
        found.extend(only.into_iter().take(TEXTS).map(|text| StringDifference {
            only_in,
            text: shortened(text, same_start(text, theirs)),
        }));
    }
    found
}

fn texts(bytes: &[u8]) -> BTreeSet<&[u8]> {
    bytes
        .split(|byte| !matches!(byte, b' '..=b'~'))
        .filter(|run| run.len() >= SHORTEST)
        .collect()
}

/// How many bytes a text begins with as the most similar of the others does. In their order, that
/// is a neighbour.
fn same_start(text: &[u8], others: &BTreeSet<&[u8]>) -> usize {
    let same = |other: &&[u8]| text.iter().zip(*other).take_while(|(a, b)| a == b).count();
    let below = others.range(..text).next_back().map(same);
    let above = others.range(text..).next().map(same);
    below.max(above).unwrap_or_default()
}

/// What stands around the place where a text begins to differ: compilers put texts one after the
/// other, so that it may be far from the beginning.
fn shortened(text: &[u8], differs_at: usize) -> String {
    let start = differs_at.saturating_sub(TEXT_LENGTH);
    let end = text.len().min(differs_at + TEXT_LENGTH);
    let before = if start > 0 { "…" } else { "" };
    let after = if end < text.len() { "…" } else { "" };
    let part = String::from_utf8_lossy(&text[start..end]);
    format!("{before}{part}{after}")
}

/// Whether a text holds a time of day, or ten digits that are seconds since 1970.
fn has_moment(text: &[u8]) -> bool {
    let shape: Vec<u8> = text
        .iter()
        .map(|byte| if byte.is_ascii_digit() { b'0' } else { *byte })
        .collect();
    let holds = |needle: &[u8]| shape.windows(needle.len()).any(|window| window == needle);
    holds(b"00:00:00") || holds(b"0000-00-00") || holds(b"0000000000")
}

/// What else was seen of two builds.
#[derive(Debug, Default)]
pub(super) struct Seen<'a> {
    /// Texts that only one of the programs holds.
    pub strings: &'a [StringDifference],
    /// Tools and settings that are not the same.
    pub tools: &'a [String],
    /// Packages that no commit holds.
    pub outside: &'a [String],
}

/// The likely cause. `trees` are those of the two builds, where there are two.
pub(super) fn cause(trees: Option<(&Tree, &Tree)>, folders: &[PathBuf], seen: &Seen<'_>) -> Cause {
    let Seen {
        strings,
        tools,
        outside,
    } = seen;
    let packages = trees.map(|(a, b)| other_outputs(a, b)).unwrap_or_default();
    let paths: Vec<&str> = strings
        .iter()
        .map(|s| s.text.as_str())
        .filter(|text| {
            folders
                .iter()
                .any(|dir| text.contains(&*dir.to_string_lossy()))
        })
        .collect();
    let (kind, detail) = if !packages.is_empty() {
        let names = packages.join(", ");
        (
            CauseKind::BuildScript,
            format!("build scripts made something else each time: {names}"),
        )
    } else if let Some(path) = paths.first() {
        (
            CauseKind::Path,
            format!("a folder of the machine is in the program: {path}"),
        )
    } else if let Some(tool) = tools.first() {
        (CauseKind::Tools, format!("other tools or settings: {tool}"))
    } else if let Some(s) = strings.iter().find(|s| has_moment(s.text.as_bytes())) {
        (
            CauseKind::Time,
            format!("a moment is in the program: {}", s.text),
        )
    } else if let Some(outside) = outside.first() {
        (CauseKind::Outside, outside.clone())
    } else {
        let detail = "neither a build script, a path, a moment nor a tool was seen to differ";
        (CauseKind::Unknown, detail.to_owned())
    };
    Cause {
        kind,
        packages,
        detail,
    }
}

/// The cause where documents alone differ: no program says anything about it.
pub(super) fn of_documents(files: &[Comparison]) -> Option<Cause> {
    let mut differ = files.iter().filter(|file| !file.identical).peekable();
    let first = differ.peek()?.filename.clone();
    differ.all(|file| file.kind == Kind::Other).then(|| Cause {
        kind: CauseKind::Document,
        packages: Vec::new(),
        detail: format!(
            "the programs are the same, and {first} is not: another version of atlas-release has made it, or somebody has changed it"
        ),
    })
}

/// The packages whose build scripts said or wrote something else, folders' names aside.
fn other_outputs(a: &Tree, b: &Tree) -> Vec<String> {
    let (a, b) = (outputs(a), outputs(b));
    let mut packages = BTreeSet::new();
    for key in a.keys().chain(b.keys()) {
        // A unit that only one build has is another build, and no script's doing.
        if let (Some(x), Some(y)) = (a.get(key), b.get(key))
            && x != y
        {
            let name = key.rsplit('/').next().unwrap_or(key);
            let package = name.rsplit_once('-').map_or(name, |(package, _)| package);
            packages.insert(package.to_owned());
        }
    }
    packages.into_iter().collect()
}

/// What each build script has said and written, by `<folder>/<package>-<hash>`.
fn outputs(tree: &Tree) -> BTreeMap<String, BTreeMap<String, Vec<u8>>> {
    let mut found = BTreeMap::new();
    for profile in profile_dirs(&tree.target_dir) {
        let parent = profile.strip_prefix(&tree.target_dir).unwrap_or(&profile);
        for unit in entries(&profile.join("build")) {
            if !unit.join("output").is_file() {
                continue;
            }
            let mut files = BTreeMap::new();
            read(&unit.join("output"), "output", tree, &mut files);
            read(&unit.join("out"), "out", tree, &mut files);
            let name = unit.file_name().unwrap_or_default();
            found.insert(parent.join(name).to_string_lossy().into_owned(), files);
        }
    }
    found
}

/// `release` and `<target>/release`.
fn profile_dirs(target_dir: &Path) -> Vec<PathBuf> {
    let below = entries(target_dir)
        .into_iter()
        .map(|dir| dir.join("release"));
    std::iter::once(target_dir.join("release"))
        .chain(below)
        .filter(|dir| dir.is_dir())
        .collect()
}

fn entries(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

fn read(path: &Path, name: &str, tree: &Tree, files: &mut BTreeMap<String, Vec<u8>>) {
    if path.is_dir() {
        for entry in entries(path) {
            let below = entry.file_name().unwrap_or_default().to_string_lossy();
            read(&entry, &format!("{name}/{below}"), tree, files);
        }
    } else if path.metadata().is_ok_and(|meta| meta.len() <= FILE_LIMIT) {
        let mut bytes = std::fs::read(path).unwrap_or_default();
        for folder in &tree.folders {
            bytes = replaced(&bytes, folder.as_os_str().as_encoded_bytes());
        }
        files.insert(name.to_owned(), bytes);
    }
}

fn replaced(bytes: &[u8], what: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = rest
        .windows(what.len().max(1))
        .position(|window| window == what)
    {
        out.extend_from_slice(&rest[..at]);
        out.push(b'*');
        rest = &rest[at + what.len()..];
    }
    out.extend_from_slice(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(output: &str) -> (tempfile::TempDir, Tree) {
        let dir = tempfile::tempdir().unwrap();
        let unit = dir
            .path()
            .join("x86_64-unknown-linux-gnu/release/build/my-pkg-0123abcd");
        std::fs::create_dir_all(unit.join("out")).unwrap();
        std::fs::write(
            unit.join("output"),
            output.replace("DIR", &dir.path().to_string_lossy()),
        )
        .unwrap();
        let tree = Tree {
            target_dir: dir.path().to_owned(),
            folders: vec![dir.path().to_owned()],
        };
        (dir, tree)
    }

    #[test]
    fn a_build_script_is_named_and_folders_do_not_count() {
        let (a, b, c) = (
            tree("cargo::x=DIR/out"),
            tree("cargo::x=DIR/out"),
            tree("cargo::x=5"),
        );
        assert!(other_outputs(&a.1, &b.1).is_empty());
        let cause = cause(Some((&a.1, &c.1)), &[], &Seen::default());
        assert_eq!(cause.kind, CauseKind::BuildScript);
        assert_eq!(cause.packages, ["my-pkg"]);
    }

    #[test]
    fn what_leaks_is_told_apart() {
        let text = |text: &str| {
            vec![StringDifference {
                only_in: Side::Built,
                text: text.to_owned(),
            }]
        };
        let dirs = [PathBuf::from("/home/me")];
        let kind = |strings: &[StringDifference], tools: &[String]| {
            let seen = Seen {
                strings,
                tools,
                outside: &[],
            };
            cause(None, &dirs, &seen).kind
        };
        assert_eq!(kind(&text("in /home/me/x.c"), &[]), CauseKind::Path);
        assert_eq!(kind(&text("at 12:34:56"), &[]), CauseKind::Time);
        assert_eq!(kind(&text("1764000000"), &[]), CauseKind::Time);
        assert_eq!(
            kind(&text("abcdef"), &["linker".to_owned()]),
            CauseKind::Tools
        );
        assert_eq!(kind(&text("abcdef"), &[]), CauseKind::Unknown);
        let outside = ["the commit does not hold /x".to_owned()];
        let seen = Seen {
            outside: &outside,
            ..Seen::default()
        };
        let found = cause(None, &dirs, &seen);
        assert_eq!(found.kind, CauseKind::Outside);
        assert_eq!(found.detail, outside[0]);
    }

    #[test]
    fn bytes_and_texts() {
        let (sections, strings) = explain(b"same\0built text\0", b"same\0other text\0");
        assert_eq!(sections[0].name, "file");
        assert_eq!(sections[0].first_difference, 5);
        let texts: Vec<&str> = strings.iter().map(|s| s.text.as_str()).collect();
        assert_eq!(texts, ["built text", "other text"]);
        let long = |end: &str| format!("{}{end}", "x".repeat(500));
        let (a, b) = (long("/home/me/z"), long("/home/you/z"));
        let (_, strings) = explain(a.as_bytes(), b.as_bytes());
        assert!(strings[0].text.starts_with('…'), "{strings:?}");
        assert!(strings[0].text.ends_with("/home/me/z"), "{strings:?}");
        assert_eq!(replaced(b"a/b/a/bc", b"a/b"), b"*/*c");
    }
}
