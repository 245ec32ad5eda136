//! `.deb`, by deb(5): an `ar` archive with a text of the format's version, and two compressed `tar` archives,
//! of what the package says of itself and of its files.

use crate::files::{folders, sorted};
use crate::out::{beside, whole};
use crate::{Entry, Package, PackageError, deb_version, needs};
use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};
use md5::{Digest as _, Md5};
use release_types::Arch;
use std::collections::BTreeMap;
use std::io::{self, Cursor, Read, Seek as _, Write};
use std::path::Path;
use tar::{EntryType, Header};

/// What Debian files programs under that are neither base nor essential.
const PRIORITY: &str = "optional";

/// Makes sure that a `.deb` can hold what is said of a package.
///
/// # Errors
/// The first part that it cannot hold.
pub fn check_deb(package: &Package) -> Result<(), PackageError> {
    package.check()?;
    for need in &package.depends {
        needs::check_deb(need).map_err(|why| PackageError::Unfit {
            field: "dependency",
            value: need.clone(),
            why,
        })?;
    }
    Ok(())
}

/// Writes a `.deb`, in the place of one that is there.
///
/// # Errors
/// When the description cannot be held, or a file cannot be read or written; then nothing has changed.
pub fn write_deb(package: &Package, out: &Path) -> Result<(), PackageError> {
    check_deb(package)?;
    let files = sorted(&package.files)?;
    whole(out, |file| {
        // An archive says the length of what is in it before it.
        let mut data = beside(out)?;
        let sums = write_data(package, &files, data.as_file_mut())?;
        let size = data.as_file_mut().stream_position()?;
        data.as_file_mut().rewind()?;
        let control = control_archive(package, &files, &sums)?;
        let mut archive = ar::Builder::new(file);
        let mut append = |name: &str, size: u64, reader: &mut dyn Read| {
            let mut header = ar::Header::new(name.into(), size);
            header.set_mode(0o100_644);
            header.set_mtime(package.modified.into());
            archive.append(&header, reader)
        };
        let version = b"2.0\n";
        append("debian-binary", version.len() as u64, &mut &version[..])?;
        let length = control.len() as u64;
        append("control.tar.gz", length, &mut Cursor::new(&control))?;
        append("data.tar.gz", size, data.as_file_mut())
    })
}

/// The archive of the files; returns their digests, by their paths.
fn write_data(
    package: &Package,
    files: &BTreeMap<&str, &Entry>,
    out: &mut std::fs::File,
) -> io::Result<BTreeMap<String, String>> {
    let mut archive = archive(io::BufWriter::new(out));
    let modified = package.modified;
    let mut sums = BTreeMap::new();
    add_folder(&mut archive, "./", modified)?;
    for folder in folders(files.keys().copied()) {
        add_folder(&mut archive, &format!("./{folder}/"), modified)?;
    }
    for (path, entry) in files {
        let (size, reader) = entry.open()?;
        let mut reader = Hashed {
            inner: reader,
            hasher: Md5::new(),
        };
        let mut header = header(EntryType::Regular, entry.mode(), size, modified);
        add(&mut archive, &mut header, &format!("./{path}"), &mut reader)?;
        sums.insert((*path).to_owned(), hex::encode(reader.hasher.finalize()));
    }
    finish(archive)?.into_inner().map_err(io::Error::from)?;
    Ok(sums)
}

fn control_archive(
    package: &Package,
    files: &BTreeMap<&str, &Entry>,
    sums: &BTreeMap<String, String>,
) -> io::Result<Vec<u8>> {
    let mut kibibytes = folders(files.keys().copied()).len() as u64 + 1;
    for entry in files.values() {
        kibibytes += entry.open()?.0.div_ceil(1024);
    }
    let sums: String = sums
        .iter()
        .map(|(path, sum)| format!("{sum}  {path}\n"))
        .collect();
    let mut archive = archive(Vec::new());
    add_folder(&mut archive, "./", package.modified)?;
    for (name, text) in [
        ("./control", control(package, kibibytes)),
        ("./md5sums", sums),
    ] {
        let size = text.len() as u64;
        let mut header = header(EntryType::Regular, 0o644, size, package.modified);
        add(&mut archive, &mut header, name, &mut text.as_bytes())?;
    }
    finish(archive)
}

/// What the package says of itself, by deb-control(5).
fn control(package: &Package, kibibytes: u64) -> String {
    let Package {
        name,
        maintainer,
        section,
        summary,
        ..
    } = package;
    let version = deb_version(&package.version);
    let arch = match package.arch {
        Arch::X64 => "amd64",
        Arch::Arm64 => "arm64",
    };
    let mut text = format!(
        "Package: {name}\nVersion: {version}\nArchitecture: {arch}\nMaintainer: {maintainer}\n\
         Installed-Size: {kibibytes}\n"
    );
    if !package.depends.is_empty() {
        text += &format!("Depends: {}\n", package.depends.join(", "));
    }
    text += &format!("Section: {section}\nPriority: {PRIORITY}\n");
    if let Some(homepage) = &package.homepage {
        text += &format!("Homepage: {homepage}\n");
    }
    text += &format!("Description: {summary}\n");
    for line in package.description.trim().lines() {
        let line = match line.trim() {
            "" => ".",
            line => line,
        };
        text += &format!(" {line}\n");
    }
    text
}

type Archive<W> = tar::Builder<GzEncoder<W>>;

/// One into which neither its name nor the time gets.
fn archive<W: Write>(out: W) -> Archive<W> {
    tar::Builder::new(GzBuilder::new().write(out, Compression::default()))
}

fn finish<W: Write>(archive: Archive<W>) -> io::Result<W> {
    archive.into_inner()?.finish()
}

/// A header for something of root's.
fn header(kind: EntryType, mode: u32, size: u64, modified: u32) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_mtime(modified.into());
    header.set_uid(0);
    header.set_gid(0);
    // Both fit into their 32 bytes.
    header.set_username("root").ok();
    header.set_groupname("root").ok();
    header
}

fn add_folder<W: Write>(archive: &mut Archive<W>, path: &str, modified: u32) -> io::Result<()> {
    let mut header = header(EntryType::Directory, 0o755, 0, modified);
    add(archive, &mut header, path, &mut io::empty())
}

/// Adds something under a name that begins with `./`, as dpkg's own archives have it and some readers expect
/// it. The library leaves that beginning out, so a name that fits is set byte by byte.
fn add<W: Write>(
    archive: &mut Archive<W>,
    header: &mut Header,
    path: &str,
    reader: &mut dyn Read,
) -> io::Result<()> {
    match header.as_gnu_mut() {
        Some(fields) if path.len() <= fields.name.len() => {
            fields.name[..path.len()].copy_from_slice(path.as_bytes());
            header.set_cksum();
            archive.append(header, reader)
        }
        _ => archive.append_data(header, path, reader),
    }
}

/// A reader that hashes what is read.
struct Hashed<'a> {
    inner: Box<dyn Read + 'a>,
    hasher: Md5,
}

impl Read for Hashed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..read]);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::tests::package;

    #[test]
    fn what_a_package_says_of_itself() {
        let mut package = package();
        assert_eq!(
            control(&package, 7),
            "Package: demo\nVersion: 1.4.0~rc.1\nArchitecture: amd64\n\
             Maintainer: Demo Team <demo@example.com>\nInstalled-Size: 7\nSection: utils\n\
             Priority: optional\nDescription: Shows how it is done\n"
        );
        package.arch = Arch::Arm64;
        package.homepage = Some("https://example.com".to_owned());
        package.depends = vec!["libc6 (>= 2.34)".to_owned(), "git".to_owned()];
        package.description = "One paragraph.\n\n  Another.\n".to_owned();
        let text = control(&package, 7);
        assert!(text.contains("\nArchitecture: arm64\n"), "{text}");
        assert!(
            text.contains("\nDepends: libc6 (>= 2.34), git\nSection: "),
            "{text}"
        );
        assert!(
            text.ends_with(
                "Homepage: https://example.com\nDescription: Shows how it is done\n \
                 One paragraph.\n .\n Another.\n"
            ),
            "{text}"
        );
    }
}
