//! Linkers for six platforms keep the list in a program, though nothing in it asks for the list, and drop what
//! is not asked for.

use atlas_release::auditable::{check, compressed, link_flags, object_file};
use auditable_serde::VersionInfo;
use object::write::{MachOBuildVersion, Object, StandardSection, Symbol, SymbolSection};
use object::{Architecture, BinaryFormat, Endianness, SymbolFlags, SymbolKind, SymbolScope, macho};
use release_types::{Arch, Os, Platform};
use std::path::{Path, PathBuf};

/// The linker that is part of Rust, for all three forms of programs.
fn rust_lld() -> PathBuf {
    let told = |what: &str| {
        let command = process::Command::new("rustc")
            .args(["--print", what])
            .envs(&process::Env::capture());
        let output = command.output_blocking().unwrap();
        output.stdout_text().trim().to_owned()
    };
    let sysroot = PathBuf::from(told("sysroot"));
    let lld = sysroot.join(format!("lib/rustlib/{}/bin/rust-lld", told("host-tuple")));
    assert!(lld.is_file(), "{}", lld.display());
    lld
}

/// An object with a function that returns at once, and data that nobody asks for.
fn program(platform: Platform) -> Vec<u8> {
    let (architecture, code): (_, &[u8]) = match platform.arch {
        Arch::X64 => (Architecture::X86_64, &[0xc3]),
        Arch::Arm64 => (Architecture::Aarch64, &[0xc0, 0x03, 0x5f, 0xd6]),
    };
    let format = match platform.os {
        Os::Linux => BinaryFormat::Elf,
        Os::Macos => BinaryFormat::MachO,
        Os::Windows => BinaryFormat::Coff,
    };
    let mut file = Object::new(format, architecture, Endianness::Little);
    if platform.os == Os::Macos {
        let mut version = MachOBuildVersion::default();
        version.platform = macho::PLATFORM_MACOS;
        file.set_macho_build_version(version);
    }
    let text = file.section_id(StandardSection::Text);
    let value = file.append_section_data(text, code, 4);
    file.add_symbol(Symbol {
        name: b"main".into(),
        value,
        size: code.len() as u64,
        kind: SymbolKind::Text,
        scope: SymbolScope::Dynamic,
        weak: false,
        section: SymbolSection::Section(text),
        flags: SymbolFlags::None,
    });
    file.write().unwrap()
}

/// Links as rustc lets linkers link: what is not asked for is dropped.
fn link(platform: Platform, dir: &Path, list: Option<&Path>) -> Vec<u8> {
    let (code, out) = (dir.join("code.o"), dir.join("out"));
    std::fs::write(&code, program(platform)).unwrap();
    let arch = match platform.arch {
        Arch::X64 => "x86_64",
        Arch::Arm64 => "arm64",
    };
    let (code, to) = (code.to_str().unwrap(), out.to_str().unwrap());
    let line = match platform.os {
        Os::Linux => format!("-flavor gnu -e main --gc-sections --strip-all -o {to} {code}"),
        Os::Macos => format!(
            "-flavor darwin -arch {arch} -platform_version macos 11.0 11.0 -e _main -dead_strip -o {to} {code}"
        ),
        Os::Windows => format!(
            "-flavor link /ENTRY:main /SUBSYSTEM:CONSOLE /NODEFAULTLIB /Brepro /OPT:REF /OUT:{to} {code}"
        ),
    };
    let flags = list.map(|list| link_flags(platform.os, list));
    // rustc takes the words out of `-C link-arg=…`.
    let flags = flags.iter().flatten().filter_map(|flag| {
        let flag = flag.to_str().unwrap();
        flag.strip_prefix("link-arg=")
    });
    let command = process::Command::new(rust_lld())
        .args(line.split(' '))
        .args(flags)
        .envs(&process::Env::capture());
    let output = command.output_blocking().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{platform}: {stderr}");
    assert_eq!(stderr, "", "{platform}");
    std::fs::read(out).unwrap()
}

#[test]
fn programs_of_six_platforms_keep_their_list() {
    let list: VersionInfo = serde_json::from_str(
        r#"{"packages": [{"name": "a", "version": "1.0.0", "source": "crates.io", "root": true}]}"#,
    )
    .unwrap();
    for platform in Platform::ALL {
        let dir = tempfile::tempdir().unwrap();
        let object = dir.path().join("list.o");
        let bytes = object_file(platform, &compressed(&list).unwrap()).unwrap();
        std::fs::write(&object, bytes).unwrap();
        let with = link(platform, dir.path(), Some(&object));
        if let Err(error) = check(&with, &list) {
            panic!("{platform}: {error}");
        }
        assert_eq!(
            with,
            link(platform, dir.path(), Some(&object)),
            "{platform}"
        );
        assert!(check(&link(platform, dir.path(), None), &list).is_err());
    }
}
