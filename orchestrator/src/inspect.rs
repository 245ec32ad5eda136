//! What a program's file says about itself: format, machine, linker, what it needs at run time, and
//! whether debug information is in it. Pure: bytes in, facts out.

use object::read::elf::ElfFile64;
use object::{Architecture, BinaryFormat, Endianness, Object as _, ObjectSection as _};
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

/// The highest `GLIBC_x.y` among the versions the program needs.
fn newest_glibc(file: &ElfFile64<'_, Endianness>) -> Result<Option<String>, object::Error> {
    let (endian, data) = (file.endian(), file.data());
    let sections = file.elf_section_table();
    let Some((mut needs, link)) = sections.gnu_verneed(endian, data)? else {
        return Ok(None);
    };
    let strings = sections.strings(endian, data, link)?;
    let mut newest: Option<(Vec<u64>, String)> = None;
    while let Some((_, mut versions)) = needs.next()? {
        while let Some(version) = versions.next()? {
            let name = String::from_utf8_lossy(version.name(endian, strings)?);
            let Some(number) = name.strip_prefix("GLIBC_") else {
                continue;
            };
            // GLIBC_PRIVATE and its like are no versions.
            let parts: Result<Vec<u64>, _> = number.split('.').map(str::parse).collect();
            if let Ok(parts) = parts
                && newest.as_ref().is_none_or(|(highest, _)| parts > *highest)
            {
                newest = Some((parts, number.to_owned()));
            }
        }
    }
    Ok(newest.map(|(_, number)| number))
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
            assert!(found.debug_info, "tests are built with line tables");
        }
    }

    #[test]
    fn what_is_no_program_is_an_error() {
        assert!(inspect(b"").is_err());
        assert!(inspect(b"#!/bin/sh\necho not a program\n").is_err());
        assert!(inspect(b"\x7fELF and then nothing").is_err());
    }
}
