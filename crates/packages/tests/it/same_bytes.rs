//! The same files make the same bytes.

use crate::support::*;
use packages::{Package, PackageError, write_deb, write_rpm, write_zip};
use std::fs::{self, File, FileTimes};
use std::path::Path;
use std::time::{Duration, SystemTime};
use test_support::Sandbox;

type Write = fn(&Package, &Path) -> Result<(), PackageError>;

const FORMATS: [(&str, Write); 3] = [
    ("deb", write_deb),
    ("rpm", write_rpm),
    ("zip", |package, out| {
        write_zip(&package.files, package.modified, out)
    }),
];

fn bytes(sandbox: &Sandbox, package: &Package, write: Write) -> Vec<u8> {
    let out = sandbox.root().join("out");
    write(package, &out).unwrap();
    fs::read(out).unwrap()
}

#[test]
fn neither_folder_nor_time_nor_order_tell_packages_apart() {
    for (name, write) in FORMATS {
        let (here, there) = (Sandbox::new(), Sandbox::new());
        let first = bytes(&here, &package(&here, "1.4.0-rc.1"), write);
        let mut other = package(&there, "1.4.0-rc.1");
        other.files.reverse();
        // Older than the time that is given, and than the first one's.
        let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        let program = File::options()
            .write(true)
            .open(program(&there, "1.4.0-rc.1"))
            .unwrap();
        program
            .set_times(FileTimes::new().set_modified(long_ago))
            .unwrap();
        assert!(first == bytes(&there, &other, write), "{name}");
        // What replaces another one is no mixture.
        assert!(first == bytes(&here, &other, write), "{name}");
        for folder in [here.root(), there.root()] {
            let folder = folder.to_string_lossy();
            let found = first
                .windows(folder.len())
                .any(|part| part == folder.as_bytes());
            assert!(!found, "{name} names a folder");
        }
    }
}

#[test]
fn another_byte_version_or_time_makes_another_package() {
    for (name, write) in FORMATS {
        let sandbox = Sandbox::new();
        let base = package(&sandbox, "1.4.0");
        let first = bytes(&sandbox, &base, write);
        let mut later = base.clone();
        later.modified += 2;
        assert!(first != bytes(&sandbox, &later, write), "{name}");
        fs::write(program(&sandbox, "1.4.0"), "#!/bin/sh\n").unwrap();
        assert!(first != bytes(&sandbox, &base, write), "{name}");
    }
}
