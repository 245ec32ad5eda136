//! Words of a name: a token counts only where it is a whole word, between what is neither letter nor
//! digit. `box64-tool` says nothing, `x86_64` is one word and not `x86`.

use crate::{Arch, Os};

/// The processors that one file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Machines {
    /// One architecture.
    One(Arch),
    /// Both, in one file, as macOS has them.
    Universal,
}

/// What a name says of the processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// One thing.
    One(Machines),
    /// Nothing at all.
    Nothing,
    /// Things that contradict each other.
    Several,
    /// A processor that nothing is released for, by this word.
    Foreign(&'static str),
}

/// Whether a text is one of the words.
pub(super) fn is_word(text: &str) -> bool {
    let is = |token: &str| token.eq_ignore_ascii_case(text);
    ARCHS.iter().any(|(token, _)| is(token)) || SYSTEMS.iter().any(|(token, _)| is(token))
}

/// What a name says of the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OsSaid {
    /// One thing.
    One(Os),
    /// Nothing at all.
    Nothing,
    /// Things that contradict each other.
    Several,
}

/// A word about processors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ArchWord {
    Known(Machines),
    Foreign,
}

const X64: ArchWord = ArchWord::Known(Machines::One(Arch::X64));
const ARM64: ArchWord = ArchWord::Known(Machines::One(Arch::Arm64));
const UNIVERSAL: ArchWord = ArchWord::Known(Machines::Universal);

/// The specification's tokens, `x86-64`, which is how its `x86_64` is written elsewhere, and words for
/// processors that are none of the two: a file that has one must not be taken for another.
const ARCHS: [(&str, ArchWord); 45] = [
    ("arm64", ARM64),
    ("aarch64", ARM64),
    ("x64", X64),
    ("x86_64", X64),
    ("x86-64", X64),
    ("amd64", X64),
    ("universal", UNIVERSAL),
    ("aarch64_be", ArchWord::Foreign),
    ("arm", ArchWord::Foreign),
    ("arm32", ArchWord::Foreign),
    ("arm64e", ArchWord::Foreign),
    ("arm64ec", ArchWord::Foreign),
    ("armel", ArchWord::Foreign),
    ("armhf", ArchWord::Foreign),
    ("armhfp", ArchWord::Foreign),
    ("armv6", ArchWord::Foreign),
    ("armv6hf", ArchWord::Foreign),
    ("armv6l", ArchWord::Foreign),
    ("armv7", ArchWord::Foreign),
    ("armv7a", ArchWord::Foreign),
    ("armv7hl", ArchWord::Foreign),
    ("armv7l", ArchWord::Foreign),
    ("i386", ArchWord::Foreign),
    ("i486", ArchWord::Foreign),
    ("i586", ArchWord::Foreign),
    ("i686", ArchWord::Foreign),
    ("ia32", ArchWord::Foreign),
    ("ia64", ArchWord::Foreign),
    ("linux32", ArchWord::Foreign),
    ("loong64", ArchWord::Foreign),
    ("loongarch64", ArchWord::Foreign),
    ("mips", ArchWord::Foreign),
    ("mips64", ArchWord::Foreign),
    ("mips64el", ArchWord::Foreign),
    ("ppc64", ArchWord::Foreign),
    ("ppc64el", ArchWord::Foreign),
    ("ppc64le", ArchWord::Foreign),
    ("powerpc64le", ArchWord::Foreign),
    ("riscv64", ArchWord::Foreign),
    ("riscv64gc", ArchWord::Foreign),
    ("s390x", ArchWord::Foreign),
    ("win32", ArchWord::Foreign),
    ("x32", ArchWord::Foreign),
    ("x86", ArchWord::Foreign),
    ("x86_32", ArchWord::Foreign),
];

/// The specification's tokens for systems.
const SYSTEMS: [(&str, Os); 5] = [
    ("windows", Os::Windows),
    ("darwin", Os::Macos),
    ("macos", Os::Macos),
    ("osx", Os::Macos),
    ("linux", Os::Linux),
];

/// What a name says of the processor, on a system. A word for one of the two counts for more than
/// words for others, which may be part of a product's name.
pub fn arch_said(name: &str, os: Os) -> Said {
    let words = words_of(name, &ARCHS);
    let mut known: Vec<Machines> = Vec::new();
    for (_, word) in &words {
        match word {
            // Elsewhere a file is for one processor, whatever else it calls itself.
            ArchWord::Known(Machines::Universal) if os != Os::Macos => {}
            ArchWord::Known(machines) if !known.contains(machines) => known.push(*machines),
            ArchWord::Known(_) | ArchWord::Foreign => {}
        }
    }
    let both = Arch::ALL
        .iter()
        .all(|arch| known.contains(&Machines::One(*arch)));
    match known[..] {
        [one] => Said::One(one),
        [] => {
            let foreign = words.iter().find(|(_, word)| *word == ArchWord::Foreign);
            foreign.map_or(Said::Nothing, |(token, _)| Said::Foreign(token))
        }
        // It names what it is made of.
        [..] if both && known.contains(&Machines::Universal) => Said::One(Machines::Universal),
        [..] => Said::Several,
    }
}

/// What a name says of the system.
pub fn os_said(name: &str) -> OsSaid {
    let words = words_of(name, &SYSTEMS);
    match words.first() {
        None => OsSaid::Nothing,
        Some((_, os)) if words.iter().all(|(_, other)| other == os) => OsSaid::One(*os),
        Some(_) => OsSaid::Several,
    }
}

/// Whether a name has the word `universal`.
pub fn says_universal(name: &str) -> bool {
    let words = words_of(name, &ARCHS);
    words.iter().any(|(_, word)| *word == UNIVERSAL)
}

/// The processor that a name ends with after a hyphen, and what stands before that.
pub(super) fn last_arch(name: &str) -> Option<(&str, Machines)> {
    let (rest, word) = last_word(name, &ARCHS)?;
    match word {
        ArchWord::Known(machines) => Some((rest, machines)),
        ArchWord::Foreign => None,
    }
}

/// The same for the system.
pub(super) fn last_os(name: &str) -> Option<(&str, Os)> {
    last_word(name, &SYSTEMS)
}

fn last_word<'n, T: Copy>(name: &'n str, table: &[(&str, T)]) -> Option<(&'n str, T)> {
    let mut fitting: Vec<(&'n str, T)> = Vec::new();
    for (token, value) in table {
        let rest = super::stem_before(name, token).and_then(|rest| rest.strip_suffix('-'));
        fitting.extend(rest.map(|rest| (rest, *value)));
    }
    // The longest token leaves the shortest rest.
    fitting.into_iter().min_by_key(|(rest, _)| rest.len())
}

/// The words of a name that a table knows, in their order, each the longest that begins there.
fn words_of<T: Copy>(name: &str, table: &[(&'static str, T)]) -> Vec<(&'static str, T)> {
    let lower = name.to_ascii_lowercase();
    let mut found = Vec::new();
    let (mut next, mut in_word) = (0, false);
    for (index, c) in lower.char_indices() {
        let begins = !in_word && index >= next;
        in_word = c.is_alphanumeric();
        if !begins || !in_word {
            continue;
        }
        let rest = &lower[index..];
        let whole = |token: &str| {
            let behind = rest.strip_prefix(token);
            behind.is_some_and(|behind| !behind.starts_with(char::is_alphanumeric))
        };
        let fitting = table.iter().filter(|(token, _)| whole(token));
        if let Some((token, value)) = fitting.max_by_key(|(token, _)| token.len()) {
            found.push((*token, *value));
            next = index + token.len();
        }
    }
    found
}
