//! The object file that carries a list into a program, and what makes linkers keep it.

use super::ListError;
use object::write::{MachOBuildVersion, Object, StandardSegment, Symbol, SymbolSection};
use object::{
    Architecture, BinaryFormat, Endianness, SectionFlags, SectionKind, SymbolFlags, SymbolKind,
    SymbolScope, elf, macho,
};
use release_types::{Arch, Os, Platform};
use std::ffi::OsString;
use std::path::Path;

/// The section, by which readers find the list.
const SECTION: &str = ".dep-v0";

/// The symbol by which a linker is asked for the section. Readers do not look at it.
const SYMBOL: &str = "AUDITABLE_VERSION_INFO";

/// An object file with a list for programs of a platform. The same bytes come of the same list anywhere.
///
/// # Errors
/// When it cannot be written, which no list makes so.
pub fn object_file(platform: Platform, list: &[u8]) -> Result<Vec<u8>, ListError> {
    let architecture = match platform.arch {
        Arch::X64 => Architecture::X86_64,
        Arch::Arm64 => Architecture::Aarch64,
    };
    let format = match platform.os {
        Os::Linux => BinaryFormat::Elf,
        Os::Macos => BinaryFormat::MachO,
        Os::Windows => BinaryFormat::Coff,
    };
    let mut file = Object::new(format, architecture, Endianness::Little);
    if platform.os == Os::Macos {
        // Apple's linker guesses at the system of an object that names none, and says so. There is no
        // code in it that could need a version of macOS.
        let mut version = MachOBuildVersion::default();
        version.platform = macho::PLATFORM_MACOS;
        file.set_macho_build_version(version);
    }
    let segment = file.segment_name(StandardSegment::Data).to_vec();
    let section = file.add_section(segment, SECTION.into(), SectionKind::ReadOnlyData);
    // Nothing of it is needed in memory. Without the second section some linkers give the program a
    // stack that can be run.
    let unloaded = SectionFlags::Elf {
        sh_type: elf::SHT_PROGBITS,
        sh_flags: elf::SectionFlags::default(),
    };
    if platform.os == Os::Linux {
        file.section_mut(section).flags = unloaded;
        let stack = file.add_section(Vec::new(), b".note.GNU-stack".into(), SectionKind::Note);
        file.section_mut(stack).flags = unloaded;
    }
    let value = file.append_section_data(section, list, 1);
    file.add_symbol(Symbol {
        name: SYMBOL.into(),
        value,
        size: list.len() as u64,
        kind: SymbolKind::Data,
        scope: SymbolScope::Dynamic,
        weak: false,
        section: SymbolSection::Section(section),
        flags: SymbolFlags::None,
    });
    Ok(file.write()?)
}

/// What rustc is given to link such a file with a program for a system, and to have it kept: linkers drop
/// what nothing asks for. `-u` is understood by linkers and by the C compilers that run them alike.
pub fn link_flags(os: Os, file: &Path) -> Vec<OsString> {
    let mut words: Vec<OsString> = vec![file.into()];
    match os {
        Os::Linux => words.extend(["-u".into(), SYMBOL.into()]),
        // C's names have an underscore before them there.
        Os::Macos => words.extend(["-u".into(), format!("_{SYMBOL}").into()]),
        Os::Windows => words.push(format!("/INCLUDE:{SYMBOL}").into()),
    }
    let flag = |word: OsString| {
        let mut flag = OsString::from("link-arg=");
        flag.push(word);
        ["-C".into(), flag]
    };
    words.into_iter().flat_map(flag).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use object::{Object as _, ObjectSection as _, ObjectSymbol as _};

    #[test]
    fn objects_for_six_platforms() {
        for platform in Platform::ALL {
            let list = b"any bytes at all";
            let bytes = object_file(platform, list).unwrap();
            assert_eq!(bytes, object_file(platform, list).unwrap());
            let file = object::File::parse(&*bytes).unwrap();
            let (format, segment) = match platform.os {
                Os::Linux => (BinaryFormat::Elf, None),
                Os::Macos => (BinaryFormat::MachO, Some("__DATA")),
                Os::Windows => (BinaryFormat::Coff, None),
            };
            assert_eq!(file.format(), format, "{platform}");
            let arch = match platform.arch {
                Arch::X64 => Architecture::X86_64,
                Arch::Arm64 => Architecture::Aarch64,
            };
            assert_eq!(file.architecture(), arch, "{platform}");
            let named = |name: &str| {
                let mut sections = file.sections();
                sections.find(|section| section.name() == Ok(name))
            };
            let section = named(SECTION).unwrap();
            assert_eq!(section.data().unwrap(), list);
            assert_eq!(section.segment_name().unwrap(), segment, "{platform}");
            let stack = named(".note.GNU-stack").is_some();
            assert_eq!(stack, platform.os == Os::Linux);
            let symbols: Vec<_> = file.symbols().filter(|s| s.is_definition()).collect();
            let flags = link_flags(platform.os, Path::new("x.o"));
            let flag = |flag: &OsString| flag.to_str().map(str::to_owned);
            let last = flag(flags.last().unwrap()).unwrap();
            // What the linker is asked for is what the object calls it.
            let symbol = symbols.last().unwrap().name().unwrap();
            assert!(
                last.ends_with(&format!("={symbol}")) || last.ends_with(&format!(":{symbol}")),
                "{platform}: {last} and {symbol}"
            );
        }
    }

    #[test]
    fn what_is_added_to_linking_on_three_systems() {
        let text = |os| {
            let flags = link_flags(os, Path::new("/o/app.o")).into_iter();
            let flags = flags.map(|flag| flag.into_string().unwrap());
            flags.collect::<Vec<_>>().join(" ")
        };
        let file = "-C link-arg=/o/app.o -C link-arg=";
        assert_eq!(
            text(Os::Linux),
            format!("{file}-u -C link-arg=AUDITABLE_VERSION_INFO")
        );
        assert_eq!(
            text(Os::Macos),
            format!("{file}-u -C link-arg=_AUDITABLE_VERSION_INFO")
        );
        assert_eq!(
            text(Os::Windows),
            format!("{file}/INCLUDE:AUDITABLE_VERSION_INFO")
        );
    }
}
