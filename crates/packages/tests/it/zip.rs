//! `.zip`, by a reader that is not the writer.

use crate::support::*;
use packages::{Entry, windows_scripts, write_zip};
use test_support::Sandbox;

const LIST: &str = "
import sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as archive:
    assert archive.testzip() is None
    for info in archive.infolist():
        print(info.filename, oct(info.external_attr >> 16), info.date_time, info.compress_type)
    print(archive.read('install.ps1').decode().count('\\r\\n') > 10)
    print(archive.read('demo.exe').decode(), end='')
";

#[test]
fn another_reader_finds_the_program_and_its_scripts() {
    let sandbox = Sandbox::new();
    let mut files = vec![Entry::program("demo.exe", program(&sandbox, "1.4.0"))];
    files.extend(windows_scripts(
        "demo",
        "demo.exe",
        &"1.4.0".parse().unwrap(),
    ));
    let out = sandbox.root().join("demo.zip");
    write_zip(&files, 1_700_000_000, &out).unwrap();
    let run = sandbox
        .invoke("python3")
        .args(["-c", LIST, out.to_str().unwrap()])
        .run()
        .exits(0);
    assert_eq!(
        run.stdout,
        "demo.exe 0o100755 (2023, 11, 14, 22, 13, 20) 8\n\
         install.ps1 0o100644 (2023, 11, 14, 22, 13, 20) 8\n\
         uninstall.ps1 0o100644 (2023, 11, 14, 22, 13, 20) 8\n\
         True\n#!/bin/sh\necho demo 1.4.0\n"
    );
}
