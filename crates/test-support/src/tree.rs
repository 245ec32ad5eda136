//! Folders as values, to be compared and copied.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Every file, folder and link below a folder, by its path from there, with what it holds: nothing
/// may have changed between two that are equal. Empty where there is no such folder.
pub fn tree(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    if root.is_dir() {
        collect(root, root, &mut found);
    }
    found
}

fn collect(root: &Path, dir: &Path, found: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(root).unwrap().display().to_string();
        if path.is_symlink() {
            let to = fs::read_link(&path).unwrap();
            found.insert(name, to.into_os_string().into_encoded_bytes());
        } else if path.is_dir() {
            found.insert(format!("{name}/"), Vec::new());
            collect(root, &path, found);
        } else {
            found.insert(name, fs::read(&path).unwrap());
        }
    }
}

/// Copies a folder and all below it, modes and times included.
pub fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy_tree(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
            // Cargo goes by times.
            let time = entry.metadata().unwrap().modified().unwrap();
            fs::File::options()
                .append(true)
                .open(&target)
                .and_then(|file| file.set_modified(time))
                .unwrap();
        }
    }
}
