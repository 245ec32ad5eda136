//! What lies in folders, and whether it can be published.

use super::ManifestsError;
use super::fault::Fault;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::DirEntry;
use std::path::{Component, Path, PathBuf};

/// Folders that are what a bundle shows or is made of: one file of theirs is no file of a release.
const INSIDES: [&str; 2] = [".app", ".appdir"];

/// Packages that Tauri packs from a folder beside them that is called the same.
const PACKED: [&str; 2] = ["deb", "rpm"];

/// What cargo, by a convention of caches, marks its target folder with.
const CACHE_TAG: &str = "CACHEDIR.TAG";

/// Where Tauri leaves bundles in that.
const BUNDLES: &str = "release/bundle";

/// What cargo calls what it builds into.
const PROFILES: [&str; 2] = ["debug", "release"];

const ONLY_BUNDLES: &str = "of cargo's folder only what is in release/bundle counts";

/// What of a folder is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    All,
    /// Only what is below a `release/bundle`.
    Bundles,
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Files, each once, by folder and name.
    pub files: Vec<PathBuf>,
    /// What was not looked into or is no file, and why.
    pub left_out: Vec<(PathBuf, String)>,
    /// What is wrong with some of them.
    pub faults: Vec<Fault>,
}

/// Where rows' paths start, and how a file is called from there.
#[derive(Debug, Clone)]
pub(super) struct Base(PathBuf);

impl Base {
    /// A folder that is there.
    ///
    /// # Errors
    /// What the system says.
    pub fn new(dir: &Path) -> std::io::Result<Self> {
        Ok(Self(std::fs::canonicalize(dir)?))
    }

    /// A file's path as rows have it, with `/`; a file elsewhere is reached through `..`. Text that is
    /// none is shown as far as it goes.
    pub fn name(&self, file: &Path) -> String {
        row_path(&self.0, file)
    }
}

/// As [`Base::name`], of two paths that are absolute and lead through no links but the file itself.
fn row_path(base: &Path, file: &Path) -> String {
    let (from, to): (Vec<_>, Vec<_>) = (base.components().collect(), file.components().collect());
    let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    // From one disk of Windows there is no way to another.
    if shared == 0 {
        return windows_path(&file.to_string_lossy());
    }
    let up = from[shared..].iter().map(|_| "..".into());
    let down = to[shared..]
        .iter()
        .map(|part| part.as_os_str().to_string_lossy());
    let path: Vec<_> = up.chain(down).collect();
    let path = path.join("/");
    // A row that began so would be a comment, or lose its first blank.
    match path.starts_with(|c: char| c.is_alphanumeric() || c == '.' || c == '_') {
        true => path,
        false => format!("./{path}"),
    }
}

/// A path of Windows, as the system has canonicalized it, with `/` and without the prefix that lets it be long.
fn windows_path(path: &str) -> String {
    let plain = match (path.strip_prefix(r"\\?\UNC\"), path.strip_prefix(r"\\?\")) {
        (Some(share), _) => format!("//{share}"),
        (None, Some(rest)) => rest.to_owned(),
        (None, None) => path.to_owned(),
    };
    plain.replace('\\', "/")
}

/// Looks into folders, and at files that are named themselves. `is_wanted` says by its name whether a
/// file is to be released; where `only_bundles` is set, of cargo's target folders only what bundlers
/// have left in `release/bundle` counts, whatever lies around that.
///
/// # Errors
/// When one cannot be read.
pub(super) fn scan(
    from: &[PathBuf],
    base: &Base,
    is_wanted: &dyn Fn(&str) -> bool,
    only_bundles: bool,
) -> Result<Found, ManifestsError> {
    let mut scan = Scan {
        base,
        is_wanted,
        only_bundles,
        root: PathBuf::new(),
        seen: BTreeSet::new(),
        found: Found::default(),
    };
    for start in from {
        let read = |source| ManifestsError::Read {
            path: start.clone(),
            source,
        };
        let is_dir = std::fs::metadata(start).map_err(read)?.is_dir();
        if is_dir {
            scan.root = std::fs::canonicalize(start).map_err(read)?;
            let root = scan.root.clone();
            let look = scan.look_at(&root);
            scan.tree(root, look)?;
        } else {
            let folder = match start.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => parent,
                _ => Path::new("."),
            };
            scan.root = std::fs::canonicalize(folder).map_err(read)?;
            if let Some(name) = start.file_name() {
                let path = scan.root.join(name);
                if scan.seen.insert(path.clone()) {
                    scan.file(path);
                }
            }
        }
    }
    Ok(scan.found)
}

struct Scan<'a> {
    base: &'a Base,
    is_wanted: &'a dyn Fn(&str) -> bool,
    only_bundles: bool,
    /// The folder that is looked into, as no link leads out of it.
    root: PathBuf,
    /// What was looked at already: folders may lie in each other.
    seen: BTreeSet<PathBuf>,
    found: Found,
}

impl Scan<'_> {
    /// How a folder that was named is looked into: it may be what cargo has built in one of its own. Any other
    /// below that is somebody's, as are those of other caches.
    fn look_at(&mut self, root: &Path) -> Look {
        let is_profile = PROFILES.iter().any(|name| root.ends_with(name));
        // With or without a folder for the target in between.
        let mut above = root.ancestors().skip(1).take(2);
        let mut is_cargos = || above.any(|folder| folder.join(CACHE_TAG).is_file());
        match self.only_bundles && is_profile && is_cargos() {
            true => {
                let why = ONLY_BUNDLES.to_owned();
                self.found.left_out.push((root.to_owned(), why));
                Look::Bundles
            }
            false => Look::All,
        }
    }

    fn tree(&mut self, root: PathBuf, look: Look) -> Result<(), ManifestsError> {
        let mut folders = vec![(root, look)];
        while let Some((folder, mut look)) = folders.pop() {
            let entries = entries(&folder).map_err(|source| ManifestsError::Read {
                path: folder.clone(),
                source,
            })?;
            let is_cargos = || entries.iter().any(|entry| entry.file_name() == CACHE_TAG);
            if self.only_bundles && look == Look::All && is_cargos() {
                look = Look::Bundles;
                let why = ONLY_BUNDLES.to_owned();
                self.found.left_out.push((folder.clone(), why));
            }
            let mut below = Vec::new();
            for entry in &entries {
                let path = entry.path();
                let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
                if look == Look::Bundles {
                    let is_bundle = path.ends_with(BUNDLES);
                    let look = if is_bundle { Look::All } else { look };
                    below.extend(is_dir.then_some((path, look)));
                } else if self.seen.insert(path.clone()) {
                    match inside_of(&entry.file_name(), &entries) {
                        _ if !is_dir => self.file(path),
                        Some(why) => self.found.left_out.push((path, why)),
                        None => below.push((path, Look::All)),
                    }
                }
            }
            folders.extend(below.into_iter().rev());
        }
        Ok(())
    }

    /// Takes what is no folder.
    fn file(&mut self, path: PathBuf) {
        let name = path.file_name().unwrap_or_default();
        let is_wanted = (self.is_wanted)(&name.to_string_lossy());
        match fitness(&path, name, &self.root) {
            Fitness::Folder => {
                let why = "it is a link to a folder, whose files are found there".to_owned();
                self.found.left_out.push((path, why));
            }
            Fitness::Unfit(why) if is_wanted || why == FOLDER_OUT => {
                let path = self.base.name(&path);
                self.found.faults.push(Fault::Unfit { path, why });
            }
            Fitness::Unfit(why) => self.found.left_out.push((path, format!("it {why}"))),
            Fitness::Fit => self.found.files.push(path),
        }
    }
}

const FOLDER_OUT: &str = "is a link to a folder elsewhere";

/// Whether something that is no folder can be published.
enum Fitness {
    Fit,
    /// A link to a folder within the one that is looked into.
    Folder,
    Unfit(&'static str),
}

fn fitness(path: &Path, name: &OsStr, root: &Path) -> Fitness {
    let unfit = Fitness::Unfit;
    if name.to_str().is_none() {
        return unfit("has a name that is no text");
    }
    let Ok(real) = std::fs::canonicalize(path) else {
        return unfit(match path.symlink_metadata() {
            Ok(meta) if meta.is_symlink() => "is a link that leads nowhere",
            Ok(_) => "cannot be looked at",
            Err(_) => "was there a moment ago and is not any more",
        });
    };
    let Ok(meta) = std::fs::metadata(&real) else {
        return unfit("cannot be looked at");
    };
    match (meta.is_dir(), real.starts_with(root)) {
        (true, true) => Fitness::Folder,
        (true, false) => unfit(FOLDER_OUT),
        (false, false) => unfit("is a link that leads out of the folder"),
        (false, true) if !meta.is_file() => unfit("is not a file"),
        (false, true) if meta.len() == 0 => unfit("is empty"),
        (false, true) => Fitness::Fit,
    }
}

/// What is in a folder, by name.
fn entries(folder: &Path) -> std::io::Result<Vec<DirEntry>> {
    let mut entries: Vec<DirEntry> = std::fs::read_dir(folder)?.collect::<Result<_, _>>()?;
    entries.sort_by_key(DirEntry::file_name);
    Ok(entries)
}

/// What a folder is the inside of, if of anything.
fn inside_of(name: &OsStr, beside: &[DirEntry]) -> Option<String> {
    let text = name.to_string_lossy();
    let lower = text.to_lowercase();
    if INSIDES.iter().any(|ending| lower.ends_with(ending)) {
        return Some("it is the inside of a bundle".to_owned());
    }
    let packed = PACKED.iter().map(|ending| format!("{text}.{ending}"));
    let mut packed = packed.filter(|packed| {
        let name = OsStr::new(packed);
        let found = beside.binary_search_by(|entry| entry.file_name().as_os_str().cmp(name));
        found.is_ok()
    });
    packed
        .next()
        .map(|packed| format!("`{packed}` was packed from it"))
}

/// Whether a relative path stays below where it starts, by what is written alone.
pub(super) fn stays_below(path: &Path) -> bool {
    let mut depth = 0_usize;
    for part in path.components() {
        match part {
            Component::Normal(_) => depth += 1,
            Component::CurDir => {}
            Component::ParentDir if depth > 0 => depth -= 1,
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_from_where_rows_start() {
        let name = |base: &str, file: &str| row_path(Path::new(base), Path::new(file));
        assert_eq!(name("/a/b", "/a/b/c/d.deb"), "c/d.deb");
        assert_eq!(name("/a/b", "/a/c/d.deb"), "../c/d.deb");
        assert_eq!(name("/a/b", "/d.deb"), "../../d.deb");
        assert_eq!(name("/", "/d.deb"), "d.deb");
        assert_eq!(name("/a", "/a/#d.deb"), "./#d.deb");
        assert_eq!(name("/a", "/a/ b/d.deb"), "./ b/d.deb");
        assert_eq!(name("/a", "/a/.b/d.deb"), ".b/d.deb");
        assert_eq!(name("/a", "/a/..b"), "..b");
    }

    /// Between the listing of a folder and the look at its files any of them may go.
    #[test]
    fn a_file_that_has_gone_meanwhile_is_called_that() {
        let dir = tempfile::tempdir().unwrap();
        let root = std::fs::canonicalize(dir.path()).unwrap();
        let path = root.join("app_x64.dmg");
        std::fs::write(&path, "bytes").unwrap();
        let is_wanted = |name: &str| name.ends_with(".dmg");
        let base = Base::new(&root).unwrap();
        let mut scan = Scan {
            base: &base,
            is_wanted: &is_wanted,
            only_bundles: false,
            root: root.clone(),
            seen: BTreeSet::new(),
            found: Found::default(),
        };
        scan.file(path.clone());
        std::fs::remove_file(&path).unwrap();
        scan.file(path);
        // One that is none of the product's is no fault, and is told all the same.
        scan.file(root.join("notes.txt"));
        assert_eq!(scan.found.files.len(), 1);
        let [fault] = &scan.found.faults[..] else {
            panic!("{:?}", scan.found.faults);
        };
        let gone = "was there a moment ago and is not any more";
        assert_eq!(fault.to_string(), format!("app_x64.dmg: {gone}"));
        assert_eq!(
            scan.found.left_out,
            [(root.join("notes.txt"), format!("it {gone}"))]
        );
    }

    #[test]
    fn on_another_disk_they_are_named_from_its_root() {
        for (found, row) in [
            (r"\\?\D:\a\bundle\x.msi", "D:/a/bundle/x.msi"),
            (r"\\?\UNC\server\share\x.msi", "//server/share/x.msi"),
            (r"D:\x.msi", "D:/x.msi"),
        ] {
            assert_eq!(windows_path(found), row);
        }
    }

    #[test]
    fn a_path_that_climbs_is_told_from_one_that_stays() {
        for (path, stays) in [
            ("a/b", true),
            ("./a/../b", true),
            ("a/../..", false),
            ("../a", false),
            ("/a", false),
            ("", true),
        ] {
            assert_eq!(stays_below(Path::new(path)), stays, "{path}");
        }
    }
}
