//! What a program's file says about itself: format, machine, linker, what it needs at run time, and
//! whether debug information is in it. Pure: bytes in, facts out.

use object::read::elf::ElfFile64;
use object::{
    Architecture, BinaryFormat, Endianness, Object as _, ObjectSection as _, ObjectSymbol as _,
};
use release_types::{Arch, Os, Platform};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Facts about a program.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inspection {
    /// `ELF`, `Mach-O`, `PE`, or what else it is.
    pub format: String,
    /// The machine it is for.
    pub machine: String,
    /// The platform that runs it, when it is one of the six.
    pub platform: Option<Platform>,
    /// Whether there are sections with debug information.
    pub debug_info: bool,
    /// What compilers and linkers have left of their names, for ELF: the strings of `.comment`.
    pub tools: Vec<String>,
    /// The newest glibc whose symbols it needs, for ELF: `2.34`.
    pub glibc: Option<String>,
    /// The dynamic libraries it asks for.
    pub libraries: Vec<String>,
}

/// The file is no program that can be read.
#[derive(Debug, thiserror::Error)]
#[error("it is no program that can be read: {0}")]
pub struct InspectError(#[from] object::Error);

/// Reads a program's file.
///
/// # Errors
/// When it is in no known format, or damaged.
pub fn inspect(bytes: &[u8]) -> Result<Inspection, InspectError> {
    let file = object::File::parse(bytes)?;
    let os = match file.format() {
        BinaryFormat::Elf => Some(Os::Linux),
        BinaryFormat::MachO => Some(Os::Macos),
        BinaryFormat::Pe => Some(Os::Windows),
        _ => None,
    };
    let arch = match file.architecture() {
        Architecture::X86_64 => Some(Arch::X64),
        Architecture::Aarch64 => Some(Arch::Arm64),
        _ => None,
    };
    let mut inspection = Inspection {
        format: match file.format() {
            BinaryFormat::Elf => "ELF".to_owned(),
            BinaryFormat::MachO => "Mach-O".to_owned(),
            BinaryFormat::Pe => "PE".to_owned(),
            other => format!("{other:?}"),
        },
        machine: format!("{:?}", file.architecture()),
        platform: os.zip(arch).map(|(os, arch)| Platform::new(os, arch)),
        debug_info: file.sections().any(|section| {
            let name = section.name().unwrap_or_default();
            ["debug_info", "zdebug_info"].contains(&name.trim_start_matches(['.', '_']))
        }),
        ..Inspection::default()
    };
    if let object::File::Elf64(elf) = &file {
        inspection.tools = comments(&file);
        inspection.glibc = newest_glibc(elf)?;
    }
    let mut libraries = BTreeSet::new();
    for library in file.import_libraries()? {
        libraries.insert(String::from_utf8_lossy(library?.name()).into_owned());
    }
    inspection.libraries = libraries.into_iter().collect();
    Ok(inspection)
}

impl Inspection {
    /// Whether a tool of this name has left its name in the file.
    pub fn names_tool(&self, name: &str) -> bool {
        self.tools.iter().any(|tool| {
            tool.split_whitespace()
                .any(|word| word.eq_ignore_ascii_case(name))
        })
    }
}

/// The strings of `.comment`, each ended by a zero byte. Source: System V ABI, "Special Sections".
fn comments(file: &object::File<'_>) -> Vec<String> {
    let section = file.section_by_name(".comment");
    let data = section.and_then(|s| s.data().ok()).unwrap_or_default();
    let mut strings: Vec<String> = data
        .split(|&byte| byte == 0)
        .filter(|text| !text.is_empty())
        .map(|text| String::from_utf8_lossy(text).into_owned())
        .collect();
    strings.sort();
    strings.dedup();
    strings
}

/// A version of glibc, such as `2.31`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct GlibcVersion(Vec<u64>);

impl std::str::FromStr for GlibcVersion {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Result<Vec<u64>, _> = text.split('.').map(str::parse).collect();
        match parts {
            Ok(parts) if parts.len() >= 2 => Ok(Self(parts)),
            _ => Err(format!("`{text}` is no version of glibc, such as 2.31")),
        }
    }
}

impl TryFrom<String> for GlibcVersion {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<GlibcVersion> for String {
    fn from(version: GlibcVersion) -> Self {
        version.to_string()
    }
}

impl std::fmt::Display for GlibcVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts: Vec<String> = self.0.iter().map(u64::to_string).collect();
        f.write_str(&parts.join("."))
    }
}

/// The version in `GLIBC_x.y`; `GLIBC_PRIVATE` and its like hold none.
fn glibc_version(name: &[u8]) -> Option<GlibcVersion> {
    let name = std::str::from_utf8(name).ok()?;
    name.strip_prefix("GLIBC_")?.parse().ok()
}

/// The highest `GLIBC_x.y` among the versions the program needs.
fn newest_glibc(file: &ElfFile64<'_, Endianness>) -> Result<Option<String>, object::Error> {
    let (endian, data) = (file.endian(), file.data());
    let sections = file.elf_section_table();
    let Some((mut needs, link)) = sections.gnu_verneed(endian, data)? else {
        return Ok(None);
    };
    let strings = sections.strings(endian, data, link)?;
    let mut newest: Option<GlibcVersion> = None;
    while let Some((_, mut versions)) = needs.next()? {
        while let Some(version) = versions.next()? {
            newest = newest.max(glibc_version(version.name(endian, strings)?));
        }
    }
    Ok(newest.map(|version| version.to_string()))
}

/// The symbols, with their versions, that a program needs of a newer glibc than `bound`.
///
/// # Errors
/// When the file is damaged.
pub fn symbols_above(bytes: &[u8], bound: &GlibcVersion) -> Result<Vec<String>, InspectError> {
    let object::File::Elf64(file) = object::File::parse(bytes)? else {
        return Ok(Vec::new());
    };
    let (endian, data) = (file.endian(), file.data());
    let Some(versions) = file.elf_section_table().versions(endian, data)? else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    for symbol in file.dynamic_symbols() {
        let index = versions.version_index(endian, symbol.index());
        let Some(version) = versions.version(index.index())? else {
            continue;
        };
        if glibc_version(version.name()).is_some_and(|version| version > *bound) {
            let version = String::from_utf8_lossy(version.name());
            found.push(format!("{}@{version}", symbol.name().unwrap_or("?")));
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_test_program() {
        let bytes = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let found = inspect(&bytes).unwrap();
        let host = std::env::consts::OS.parse().ok();
        assert_eq!(found.platform.map(|p| p.os), host);
        #[cfg(target_os = "linux")]
        {
            assert!(found.names_tool("rustc"), "{found:?}");
            assert!(
                found.libraries.iter().any(|l| l.starts_with("libc.so")),
                "{found:?}"
            );
            assert!(
                found.glibc.as_deref().is_some_and(|v| v.starts_with("2.")),
                "{found:?}"
            );
            let above = |bound: &str| symbols_above(&bytes, &bound.parse().unwrap()).unwrap();
            assert!(
                above("2.0").iter().any(|s| s.contains("@GLIBC_2.")),
                "{:?}",
                above("2.0")
            );
            assert!(above("9.0").is_empty());
            assert!(found.debug_info, "tests are built with line tables");
        }
    }

    #[test]
    fn versions_of_glibc_are_numbers() {
        let version = |text: &str| text.parse::<GlibcVersion>();
        assert!(version("2.31").unwrap() < version("2.100").unwrap());
        assert!(version("2.2.5").unwrap() < version("2.3").unwrap());
        assert_eq!(version("2.31").unwrap().to_string(), "2.31");
        for wrong in ["", "2", "two", "2.x", "GLIBC_2.31"] {
            assert!(version(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_no_program_is_an_error() {
        assert!(inspect(b"").is_err());
        assert!(inspect(b"#!/bin/sh\necho not a program\n").is_err());
        assert!(inspect(b"\x7fELF and then nothing").is_err());
    }
}
