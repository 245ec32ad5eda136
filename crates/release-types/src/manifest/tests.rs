use super::*;
use proptest::prelude::*;

fn error(text: &str) -> String {
    parse_manifest(text).unwrap_err().to_string()
}

#[test]
fn what_todays_script_reads_is_read() {
    let text = "\u{feff}# comment\r\n\r\n  a/b.bin | LINUX | X64 | Binary \r\nc.msi|windows|arm64|installer|d e.msi\n\
                e.sig|macos|x64|signature|\n";
    let rows = parse_manifest(text).unwrap();
    let lines: Vec<String> = rows.iter().map(ManifestRow::to_line).collect();
    assert_eq!(
        lines,
        [
            "a/b.bin|linux|x64|binary|b.bin",
            "c.msi|windows|arm64|installer|d e.msi",
            "e.sig|macos|x64|signature|e.sig",
        ]
    );
    assert_eq!(rows[0].line, 3);
}

#[test]
fn a_row_that_is_wrong_is_named() {
    assert_eq!(
        error("# x\na|linux|x64\n"),
        "line 2, column 12: expected 4 or 5 fields, path|os|arch|kind|filename(optional), found 3"
    );
    assert_eq!(
        error("a|linux|x64|binary|b|"),
        "line 1, column 22: expected 4 or 5 fields, path|os|arch|kind|filename(optional), found 6"
    );
    assert_eq!(
        error("a|beos|x64|binary"),
        "line 1, column 3: field 2: `beos` is not an operating system; expected one of: windows macos linux"
    );
    assert_eq!(
        error("a|linux|x86|binary"),
        "line 1, column 9: field 3: `x86` is not an architecture; expected one of: x64 arm64"
    );
    assert_eq!(
        error("a|linux|x64|exe"),
        "line 1, column 13: field 4: `exe` is not a kind of artifact; expected one of: installer binary signature updater-manifest other"
    );
    assert_eq!(
        error("a|linux|x64|binary|../b"),
        "line 1, column 20: field 5 (filename): `../b` cannot be a file name: it holds a path separator"
    );
    assert_eq!(
        error("a/..|linux|x64|binary"),
        "line 1, column 1: field 1 (path): `..` cannot be a file name: it names a folder"
    );
    assert_eq!(
        error("a|linux|x64|binary\nb/A|linux|x64|other\n"),
        "line 2, column 1: `A` for linux-x64 stands on line 1 already: both would have one key"
    );
    assert_eq!(
        error("|linux|x64|binary"),
        "line 1, column 1: field 1 (path): it is empty"
    );
    assert_eq!(error("# nothing\n\n"), "line 1: the manifest has no rows");
}

/// All faults of a text, with their places.
fn faults(text: &str) -> Vec<String> {
    let reading = read_manifest(text);
    let mut errors = reading.errors.clone();
    errors.extend(reading.contradictions());
    errors.sort_by_key(|error| (error.line, error.column));
    errors.iter().map(ToString::to_string).collect()
}

#[test]
fn all_that_is_wrong_is_told_with_its_place() {
    let text = "\u{feff}|beos| X86 |exe\na|linux|x64|binary\n\u{e9}\u{e9}/b|linux|\tamd64|other|nul\na|linux|x64\n";
    assert_eq!(
        faults(text),
        [
            "line 1, column 1: field 1 (path): it is empty",
            "line 1, column 2: field 2: `beos` is not an operating system; expected one of: windows macos linux",
            "line 1, column 8: field 3: `x86` is not an architecture; expected one of: x64 arm64",
            "line 1, column 13: field 4: `exe` is not a kind of artifact; expected one of: installer binary signature updater-manifest other",
            "line 3, column 13: field 3: `amd64` is not an architecture; expected one of: x64 arm64",
            "line 3, column 25: field 5 (filename): `nul` cannot be a file name: Windows reserves it for a device",
            "line 4, column 12: expected 4 or 5 fields, path|os|arch|kind|filename(optional), found 3",
        ]
    );
    // What can be read is read, whatever stands around it.
    assert_eq!(read_manifest(text).rows.len(), 1);
}

#[test]
fn rows_that_contradict_each_other_are_told() {
    let platforms = |path: &str, other: &str| {
        faults(&format!(
            "{path}|macos|x64|installer\n{other}|macos|arm64|installer\n"
        ))
    };
    assert_eq!(
        platforms("out/App.dmg", "./out//App.dmg"),
        [
            "line 2, column 1: `./out//App.dmg` stands on line 1 for macos-x64: one file is for one platform, but for a macOS bundle whose name has the word `universal`"
        ]
    );
    assert_eq!(platforms("out/App.dmg", "../out/App.dmg"), [""; 0]);
    assert_eq!(
        platforms("App_1.0_Universal.dmg", "App_1.0_Universal.dmg"),
        [""; 0]
    );
    assert_eq!(
        platforms("universally.dmg", "universally.dmg").len(),
        1,
        "a word is a whole one"
    );
    // The name that it is published under may say it too.
    assert_eq!(
        faults(
            "A.dmg|macos|x64|installer|A_universal.dmg\nA.dmg|macos|arm64|installer|A_universal.dmg\n"
        ),
        [""; 0]
    );
    // On other systems nothing is universal.
    assert_eq!(
        faults("a-universal|linux|x64|binary\na-universal|linux|arm64|binary\n").len(),
        1
    );
    assert_eq!(
        faults("a-universal|macos|x64|binary\na-universal|linux|arm64|binary\n").len(),
        1
    );
    assert_eq!(
        faults("s/a.sig|linux|x64|signature\na|linux|arm64|binary\n"),
        ["line 1, column 1: `a.sig` signs `a`, which stands nowhere for linux-x64"]
    );
    assert_eq!(
        faults(
            "a|linux|x64|binary\nb|linux|x64|signature|a.minisig\nb2|linux|x64|signature|A.sig\n"
        ),
        ["line 3, column 24: `A.sig` signs `A`, which stands nowhere for linux-x64"]
    );
    assert_eq!(
        faults("a|linux|x64|binary\na.asc|linux|x64|signature\n"),
        [
            "line 2, column 1: `a.asc` is a signature, and is not called as its payload with `.sig` after it"
        ]
    );
    assert_eq!(
        faults("a|linux|x64|binary\n./a|linux|x64|signature|a.sig\n"),
        ["line 2, column 1: `./a` stands on line 1 too: a signature is a file of its own"]
    );
    // A signature of a signature signs nothing that is published.
    assert_eq!(
        faults("a|linux|x64|binary\na.sig|linux|x64|signature\na.sig.sig|linux|x64|signature\n")
            .len(),
        1
    );
}

#[test]
fn a_row_that_a_manifest_cannot_hold_is_refused() {
    let row = |path: &str, name: &str| ManifestRow {
        line: 7,
        path: path.to_owned(),
        platform: Platform::new(Os::Linux, Arch::X64),
        kind: Kind::Binary,
        filename: name.parse().unwrap(),
    };
    assert_eq!(
        row("./#a", "#a").to_checked_line().as_deref(),
        Ok("./#a|linux|x64|binary|#a")
    );
    for (path, name) in [
        ("#a", "a"),
        (" a", "a"),
        ("a ", "a"),
        ("a|b", "a"),
        ("a\nb", "a"),
        ("", "a"),
        ("a", " a"),
        ("a", "\u{a0}a"),
    ] {
        assert!(
            row(path, name).to_checked_line().is_err(),
            "{path:?} {name:?}"
        );
    }
}

#[test]
fn rows_are_put_into_a_manifest_and_all_else_stays() {
    let row = |path: &str, kind, name: &str| ManifestRow {
        line: 0,
        path: path.to_owned(),
        platform: Platform::new(Os::Linux, Arch::X64),
        kind,
        filename: name.parse().unwrap(),
    };
    let text = "\u{feff}# mine\r\n  a | LINUX|x64|Binary \r\n\r\nb|linux|x64|installer\r\n# end";
    // What says the same already is left as it is written.
    let same = [row("a", Kind::Binary, "a")];
    assert_eq!(with_rows(text, &same).unwrap(), text);
    let rows = [
        row("a.sig", Kind::Signature, "a.sig"),
        row("new/B", Kind::Installer, "B"),
        row("c", Kind::Other, "c"),
        row("c.sig", Kind::Signature, "c.sig"),
        row("a.minisig", Kind::Signature, "a.minisig"),
    ];
    let signed = "\u{feff}# mine\r\n  a | LINUX|x64|Binary \r\na.sig|linux|x64|signature|a.sig\r\n\
                  a.minisig|linux|x64|signature|a.minisig\r\n\r\nnew/B|linux|x64|installer|B\r\n# end\r\n\
                  c|linux|x64|other|c\r\nc.sig|linux|x64|signature|c.sig\r\n";
    assert_eq!(with_rows(text, &rows).unwrap(), signed);
    assert_eq!(with_rows(signed, &rows).unwrap(), signed);
    // A text without rows takes some, and a row may come twice: the last counts.
    let twice = [row("x", Kind::Other, "n"), row("y", Kind::Other, "N")];
    assert_eq!(with_rows("", &twice).unwrap(), "y|linux|x64|other|N\n");
    assert!(with_rows("what", &rows).is_err());
    assert!(with_rows("", &[row("#", Kind::Other, "n")]).is_err());
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "([a-z./|# \\r\\n]|\\PC){0,80}") {
        let reading = read_manifest(&text);
        for fault in reading.errors.iter().chain(&reading.contradictions()) {
            let lines = text.lines().count().max(1);
            prop_assert!((1..=lines).contains(&fault.line), "{fault}");
            prop_assert!((1..=text.chars().count() + 2).contains(&fault.column), "{fault}");
        }
        if let Ok(rows) = parse_manifest(&text) {
            prop_assert!(!rows.is_empty());
            prop_assert_eq!(with_rows(&text, &rows).unwrap(), text);
        }
    }

    #[test]
    fn rows_that_are_put_in_are_read_back(
        text in "([ab#| ]{0,3}|a\\|linux\\|x64\\|other(\\|[a-c])?)(\\r?\\n(#x|b\\|linux\\|x64\\|binary(\\|[a-c])?))?(\\r?\\n)?",
        rows in proptest::collection::vec(("[a-c]", "[a-cA]", any::<bool>()), 0..4),
    ) {
        let rows: Vec<ManifestRow> = rows.into_iter().map(|(path, name, signs)| ManifestRow {
            line: 0,
            path,
            platform: Platform::new(Os::Linux, Arch::X64),
            kind: if signs { Kind::Signature } else { Kind::Binary },
            filename: if signs { format!("{name}.sig") } else { name }.parse().unwrap(),
        }).collect();
        let Ok(changed) = with_rows(&text, &rows) else { return Ok(()) };
        let before = read_manifest(&text).rows;
        let after = read_manifest(&changed).rows;
        let same = |a: &ManifestRow, b: &ManifestRow| ManifestRow { line: b.line, ..a.clone() } == *b;
        for (index, row) in rows.iter().enumerate() {
            let is_last = rows[index + 1..].iter().all(|later| later.key() != row.key());
            prop_assert!(!is_last || after.iter().any(|found| same(row, found)), "{changed}");
        }
        for row in before.iter().filter(|row| rows.iter().all(|new| new.key() != row.key())) {
            prop_assert!(after.iter().any(|found| same(row, found)), "{changed}");
        }
        prop_assert_eq!(with_rows(&changed, &rows).unwrap(), changed);
    }

    #[test]
    fn rows_survive_being_written(
        name in "[a-zA-Z0-9_][a-zA-Z0-9_-]{0,20}\\.bin",
        platform in proptest::sample::select(Platform::ALL.to_vec()),
        kind in proptest::sample::select(Kind::ALL.to_vec()),
    ) {
        let row = ManifestRow { line: 1, path: format!("x/{name}"), platform, kind, filename: name.parse().unwrap() };
        prop_assert_eq!(parse_manifest(&row.to_line()).unwrap(), vec![row]);
    }
}
