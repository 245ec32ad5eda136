//! What is built and what is checked agree, whatever there is, and nothing makes either of them panic.

use super::*;
use proptest::prelude::*;
use release_types::{Os, Platform, read_manifest};
use std::collections::BTreeSet;

/// Paths that are made of what names are made of, and of anything.
fn paths() -> impl Strategy<Value = Vec<String>> {
    let words = [
        "x64",
        "X86_64",
        "aarch64",
        "arm64",
        "universal",
        "i386",
        "linux",
        "Windows",
        "macOS",
        "-installer-",
        "atlas",
        "a",
        "b",
        "-",
        "_",
        ".",
        "/",
        "#",
        "|",
        " ",
        "con",
    ];
    let endings = [
        ".dmg",
        ".pkg",
        ".exe",
        ".msi",
        ".deb",
        ".AppImage",
        ".app.tar.gz",
        ".nsis.zip",
        ".AppImage.tar.gz",
        ".sig",
        ".SIG",
        ".minisig",
        ".json",
        "",
    ];
    let part = prop_oneof![
        8 => proptest::sample::select(words.to_vec()).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ];
    let ending = proptest::sample::select(endings.to_vec());
    let more = proptest::sample::select(vec!["", "", ".sig", ".minisig"]);
    let path = (proptest::collection::vec(part, 0..6), ending, more)
        .prop_map(|(parts, ending, more)| format!("{}{ending}{more}", parts.concat()));
    proptest::collection::vec(path, 0..8).prop_map(|paths| {
        // A payload for each signature makes more than faults of most batches.
        let payloads: Vec<String> = paths
            .iter()
            .filter_map(|path| path.strip_suffix(".sig").map(str::to_owned))
            .collect();
        // No two spellings of one path, as no folder has them.
        let plain = paths.iter().chain(&payloads).map(|path| {
            let parts = path
                .split('/')
                .filter(|part| !part.is_empty() && *part != ".");
            parts.collect::<Vec<_>>().join("/")
        });
        plain.collect::<BTreeSet<String>>().into_iter().collect()
    })
}

proptest! {
    /// Whatever is built is understood, by the check too, as exactly what it was built from.
    #[test]
    fn what_is_built_and_what_is_checked_agree(
        paths in paths(),
        cli in any::<bool>(),
        named in proptest::collection::vec((any::<proptest::sample::Index>(), 0..3_usize), 0..3),
    ) {
        let rules = match cli {
            true => Rules::CommandLine { own: vec!["atlas".to_owned()], others: vec!["a".to_owned()] },
            false => Rules::Bundles,
        };
        let files: Vec<Candidate> = paths.iter().map(|path| Candidate::new(path.clone())).collect();
        let named: Vec<NamedArch> = named.into_iter().filter(|_| !files.is_empty()).map(|(index, which)| NamedArch {
            file: index.get(&files).path.clone(),
            machines: ["x64", "arm64", "universal"][which].parse().unwrap(),
        }).collect();
        let batch = match assemble(&rules, &files, &named) {
            Ok(batch) => batch,
            Err(faults) => {
                prop_assert!(!faults.is_empty());
                return Ok(());
            }
        };
        // Each file is a row, or two, or is left out.
        let told: BTreeSet<&str> = batch.rows.iter().map(|row| &*row.path)
            .chain(batch.left_out.iter().map(|one| &*one.path)).collect();
        prop_assert_eq!(told.len(), files.len());
        prop_assert!(files.iter().all(|file| told.contains(&*file.path)));
        if batch.rows.is_empty() {
            return Ok(());
        }
        let text = text_of(&batch.rows);
        let checked = read(&text);
        prop_assert_eq!(checked.problems, Vec::new(), "{}", text);
        prop_assert_eq!(&checked.rows, &batch.rows);
        prop_assert_eq!(read_manifest(&text).contradictions(), Vec::new(), "{}", text);
        // And the other way round: what the check refuses is not built.
        for row in &batch.rows {
            let other = match row.platform.os { Os::Linux => Os::Windows, _ => Os::Linux };
            let twice = ManifestRow { platform: Platform::new(other, row.platform.arch), ..row.clone() };
            let text = format!("{text}{}\n", twice.to_line());
            prop_assert!(!read_manifest(&text).contradictions().is_empty());
        }
    }
}

/// How a file of a folder is made.
#[cfg(unix)]
#[derive(Debug, Clone, Copy)]
enum Made {
    Whole,
    Empty,
    /// A link to another file, by its number.
    Link(usize),
    /// A link to a file that is elsewhere.
    LinkOut,
}

#[cfg(unix)]
fn made() -> impl Strategy<Value = Made> {
    prop_oneof![
        12 => Just(Made::Whole),
        1 => Just(Made::Empty),
        2 => (0..8_usize).prop_map(Made::Link),
        1 => Just(Made::LinkOut),
    ]
}

/// Makes files, as far as the system takes their names.
#[cfg(unix)]
fn make(root: &Path, paths: &[String], how: &[Made]) {
    use std::os::unix::fs::symlink;
    std::fs::write(root.join("elsewhere"), "bytes").unwrap();
    let from = root.join("from");
    std::fs::create_dir(&from).unwrap();
    for (index, path) in paths.iter().enumerate() {
        let file = from.join(path);
        let folder = file.parent().unwrap();
        // Another file may stand in a folder's place, or the name be too long, or hold a NUL.
        if path.is_empty() || std::fs::create_dir_all(folder).is_err() {
            continue;
        }
        match how[index % how.len()] {
            Made::Whole => std::fs::write(file, "bytes").ok(),
            Made::Empty => std::fs::write(file, "").ok(),
            Made::Link(other) => symlink(from.join(&paths[other % paths.len()]), file).ok(),
            Made::LinkOut => symlink(root.join("elsewhere"), file).ok(),
        };
    }
}

#[cfg(unix)]
proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// The same with files, of which some are empty, and links.
    #[test]
    fn what_is_built_from_folders_passes_the_check(
        paths in paths(),
        how in proptest::collection::vec(made(), 1..8),
        cli in any::<bool>(),
        apart in any::<bool>(),
    ) {
        let dir = tempfile::tempdir().unwrap();
        make(dir.path(), &paths, &how);
        let product: ProductName = if cli { "cli" } else { "launcher" }.parse().unwrap();
        let base = if apart { dir.path().join("from") } else { dir.path().to_owned() };
        let built = build(&Order {
            rules: rules(&product, &[], None).unwrap(),
            product,
            from: vec![dir.path().join("from")],
            output: None,
            base: base.clone(),
            cwd: base.clone(),
            named: Vec::new(),
            // Whether all is there is another matter.
            require: vec![Platform::ALL[4]],
        });
        match built {
            Ok(built) => {
                let checked = check(&built.text, &base);
                prop_assert_eq!(checked.problems, Vec::new(), "{}", built.text);
                prop_assert_eq!(checked.rows, built.rows);
            }
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
    }
}

proptest! {
    /// A manifest of which some bytes are others, and files of which some are there.
    #[test]
    fn a_damaged_manifest_is_checked_to_its_end(
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..12),
        cut in any::<proptest::sample::Index>(),
    ) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a"), "bytes").unwrap();
        let mut bytes = b"\xef\xbb\xbf# what\r\na|linux|x64|binary\r\na|macos|arm64|other|b\n\n b.sig |LINUX|x64|signature|\n".to_vec();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(cut.index(bytes.len() + 1));
        let text = String::from_utf8_lossy(&bytes);
        let checked = check(&text, dir.path());
        let lines = text.lines().count().max(1);
        for problem in &checked.problems {
            prop_assert!((1..=lines).contains(&problem.line), "{problem:?}");
            prop_assert!(problem.column >= 1);
        }
        let faults = read(&text).problems;
        prop_assert!(faults.iter().all(|fault| checked.problems.contains(fault)));
        prop_assert_eq!(release_types::parse_manifest(&text).is_err(), !faults.is_empty());
    }
}
