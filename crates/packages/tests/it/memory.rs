//! Memory does not grow with the files.

use crate::support::*;
use packages::{Entry, write_deb, write_rpm, write_zip};
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use test_support::Sandbox;

const MIB: usize = 1 << 20;

/// Much more than a package without such a file needs.
const LARGE: usize = 32 * MIB;

/// Bytes that no compression makes fewer.
fn noise(path: &Path) {
    let mut file = File::create(path).unwrap();
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    for _ in 0..LARGE / MIB {
        let block: Vec<u8> = (0..MIB / 8)
            .flat_map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state.to_le_bytes()
            })
            .collect();
        file.write_all(&block).unwrap();
    }
}

/// The most memory that this process has had, in bytes.
fn peak() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kibibytes = line.unwrap().split_whitespace().nth(1).unwrap();
    kibibytes.parse::<usize>().unwrap() * 1024
}

/// What [`peak`] has grown by meanwhile.
fn grown(work: impl FnOnce()) -> usize {
    let before = peak();
    work();
    peak() - before
}

/// Each test is a process of its own, so what is measured is this one's doing.
#[test]
fn a_large_program_is_read_in_pieces() {
    let sandbox = Sandbox::new();
    let large = sandbox.root().join("large");
    noise(&large);
    let mut package = package(&sandbox, "1.0.0");
    package.files.push(Entry::program("usr/bin/large", &large));
    let out = sandbox.root().join("out");
    let deb = grown(|| write_deb(&package, &out).unwrap());
    assert!(deb < LARGE / 4, "{deb} bytes for a .deb");
    let zip = grown(|| write_zip(&package.files, package.modified, &out).unwrap());
    assert!(zip < LARGE / 4, "{zip} bytes for a .zip");
    // Its library keeps what it has compressed, in a buffer that doubles.
    let rpm = grown(|| write_rpm(&package, &out).unwrap());
    assert!(rpm < LARGE * 3, "{rpm} bytes for an .rpm");
}
