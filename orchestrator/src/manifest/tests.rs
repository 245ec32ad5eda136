//! What is built and what is checked agree, whatever there is, and nothing makes either of them panic.

use super::*;
use proptest::prelude::*;
use release_types::{Os, Platform, read_manifest};
use std::collections::BTreeSet;

/// How bundles end.
const ENDINGS: [&str; 11] = [
    ".dmg",
    ".pkg",
    ".exe",
    ".MSI",
    ".deb",
    ".rpm",
    ".AppImage",
    ".app.tar.gz",
    ".nsis.zip",
    ".AppImage.tar.gz",
    ".msi.zip",
];

/// Names that are good, and a few that are not: most batches can be built, and the others fail in any way.
fn names() -> impl Strategy<Value = String> {
    let any_of = |words: &[&'static str]| proptest::sample::select(words.to_vec());
    let stem = prop_oneof![
        20 => "[A-Za-z]{1,3}",
        2 => any_of(&["box64", "#a", "universal-viewer", "\u{e9}", "a b", "..a"])
            .prop_map(str::to_owned),
        1 => "\\PC{1,4}",
        1 => any::<char>().prop_map(String::from),
    ];
    let arch = prop_oneof![
        20 => any_of(&["x64", "X86_64", "amd64", "aarch64", "ARM64"]),
        3 => Just("universal"),
        2 => any_of(&["", "1.0"]),
        1 => any_of(&["i386", "x64_arm64"]),
    ];
    let bundle = any_of(&[&ENDINGS[..], &[".json"]].concat());
    let system = any_of(&["linux", "Windows", "macOS", "darwin"]);
    let program = any_of(&["atlas", "a", "tool", "b-installer"]);
    prop_oneof![
        (stem, arch.clone(), bundle).prop_map(|(stem, arch, end)| format!("{stem}_{arch}{end}")),
        (program, system, arch).prop_map(|(bin, os, arch)| format!("{bin}-{os}-{arch}")),
    ]
}

/// The paths of a batch, in their order, some with a signature beside them.
fn paths() -> impl Strategy<Value = Vec<String>> {
    let folder = proptest::sample::select(vec!["", "", "a/", "b/c/"]);
    let signed = proptest::sample::select(vec!["", "", ".sig", ".SIG", ".minisig"]);
    let lone = proptest::bool::weighted(0.02);
    let file = (folder, names(), signed, lone).prop_map(|(folder, name, ending, lone)| {
        let path = format!("{folder}{name}");
        match ending {
            "" => vec![path],
            ending if lone => vec![format!("{path}{ending}")],
            ending => vec![format!("{path}{ending}"), path],
        }
    });
    proptest::collection::vec(file, 0..6).prop_map(|files| {
        // No two spellings of one path, as no folder has them.
        let plain = files.iter().flatten().map(|path| {
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
        40 => Just(Made::Whole),
        1 => Just(Made::Empty),
        3 => (0..8_usize).prop_map(Made::Link),
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
        // Whether all is there is another matter: a launcher needs nothing in particular.
        let product: ProductName = "launcher".parse().unwrap();
        let named: ProductName = if cli { "cli" } else { "launcher" }.parse().unwrap();
        let base = if apart { dir.path().join("from") } else { dir.path().to_owned() };
        let built = build(&Order {
            made: None,
            rules: rules(&named, &[], None).unwrap(),
            product,
            from: vec![dir.path().join("from")],
            output: None,
            base: base.clone(),
            cwd: base.clone(),
            named: Vec::new(),
            require: Vec::new(),
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

/// Bundles that are good, each of another name, with what signs them beside some.
#[cfg(unix)]
fn good_paths() -> impl Strategy<Value = Vec<String>> {
    let any_of = |words: &[&'static str]| proptest::sample::select(words.to_vec());
    let arch = any_of(&["x64", "X86_64", "amd64", "aarch64", "ARM64"]);
    let ending = any_of(&ENDINGS);
    let folder = any_of(&["", "a/", "b c/d/"]);
    let file = (folder, "[A-Z][a-z]{0,2}", arch, ending, any::<bool>());
    proptest::collection::vec(file, 1..6).prop_map(|files| {
        let mut names = BTreeSet::new();
        let mut paths = Vec::new();
        for (folder, stem, arch, ending, signed) in files {
            let name = format!("{stem}_{arch}{ending}");
            if names.insert(name.to_lowercase()) {
                paths.extend(signed.then(|| format!("{folder}{name}.sig")));
                paths.push(format!("{folder}{name}"));
            }
        }
        paths
    })
}

#[cfg(unix)]
proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// What the check has nothing against is built: all of it, and nothing else.
    #[test]
    fn good_files_are_never_refused(paths in good_paths()) {
        let dir = tempfile::tempdir().unwrap();
        make(dir.path(), &paths, &[Made::Whole]);
        let product: ProductName = "launcher".parse().unwrap();
        let built = build(&Order {
            made: None,
            rules: Rules::Bundles,
            product,
            from: vec![dir.path().join("from")],
            output: None,
            base: dir.path().join("from"),
            cwd: dir.path().to_owned(),
            named: Vec::new(),
            require: Vec::new(),
        });
        let built = built.map_err(|error| TestCaseError::fail(error.to_string()))?;
        let rows: BTreeSet<&str> = built.rows.iter().map(|row| &*row.path).collect();
        prop_assert_eq!(rows, paths.iter().map(String::as_str).collect());
        prop_assert_eq!(built.left_out.len(), 0);
        let checked = check(&built.text, &dir.path().join("from"));
        prop_assert_eq!(checked.problems, Vec::new());
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
