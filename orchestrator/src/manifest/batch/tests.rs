use super::*;

/// The rows of a batch without the names that they have anyway, or what is wrong with it.
fn made(rules: &Rules, paths: &[&str], named: &[(&str, &str)]) -> Vec<String> {
    let files: Vec<Candidate> = paths
        .iter()
        .map(|path| Candidate::new((*path).to_owned()))
        .collect();
    let named: Vec<NamedArch> = named
        .iter()
        .map(|(file, machines)| NamedArch {
            file: (*file).to_owned(),
            machines: machines.parse().unwrap(),
        })
        .collect();
    match assemble(rules, &files, &named) {
        Ok(batch) => {
            let left_out = batch.left_out.iter().map(|one| format!("- {}", one.path));
            let rows = batch.rows.iter().map(|row| {
                let line = row.to_line();
                let own = format!("|{}", row.path.rsplit('/').next().unwrap());
                line.strip_suffix(&own).unwrap_or(&line).to_owned()
            });
            rows.chain(left_out).collect()
        }
        Err(faults) => faults.iter().map(|fault| format!("! {fault}")).collect(),
    }
}

fn launcher(paths: &[&str], named: &[(&str, &str)]) -> Vec<String> {
    made(&Rules::Bundles, paths, named)
}

#[test]
fn a_job_for_three_systems_comes_out_as_one_manifest() {
    let paths = [
        "linux/deb/atlas_1.4.0_amd64.deb",
        "linux/appimage/atlas_1.4.0_amd64.AppImage",
        "linux/appimage/atlas_1.4.0_amd64.AppImage.tar.gz",
        "linux/appimage/atlas_1.4.0_amd64.AppImage.tar.gz.sig",
        "macos/Atlas.app.tar.gz",
        "macos/Atlas.app.tar.gz.sig",
        "macos/dmg/Atlas_1.4.0_aarch64.dmg",
        "windows/nsis/Atlas_1.4.0_x64-setup.exe",
        "windows/nsis/Atlas_1.4.0_x64-setup.nsis.zip",
        "windows/nsis/Atlas_1.4.0_x64-setup.nsis.zip.sig",
        "windows/latest.json",
    ];
    assert_eq!(
        launcher(&paths, &[]),
        [
            "windows/nsis/Atlas_1.4.0_x64-setup.exe|windows|x64|installer",
            "windows/nsis/Atlas_1.4.0_x64-setup.nsis.zip|windows|x64|binary",
            "windows/nsis/Atlas_1.4.0_x64-setup.nsis.zip.sig|windows|x64|signature",
            "macos/Atlas.app.tar.gz|macos|arm64|binary",
            "macos/Atlas.app.tar.gz.sig|macos|arm64|signature",
            "macos/dmg/Atlas_1.4.0_aarch64.dmg|macos|arm64|installer",
            "linux/appimage/atlas_1.4.0_amd64.AppImage|linux|x64|installer",
            "linux/appimage/atlas_1.4.0_amd64.AppImage.tar.gz|linux|x64|binary",
            "linux/appimage/atlas_1.4.0_amd64.AppImage.tar.gz.sig|linux|x64|signature",
            "linux/deb/atlas_1.4.0_amd64.deb|linux|x64|installer",
            "- windows/latest.json",
        ]
    );
}

#[test]
fn what_no_name_says_is_asked_and_not_guessed() {
    // Nothing else says it either; what other systems say is of no account.
    assert_eq!(
        launcher(&["a.app.tar.gz", "b_x64.msi"], &[]),
        [
            "! a.app.tar.gz: its name says no architecture, and no other file for macos does here; say which: --arch 'a.app.tar.gz=x64'"
        ]
    );
    let two = ["a.app.tar.gz", "a_x64.dmg", "a_aarch64.dmg"];
    assert_eq!(
        launcher(&two, &[]),
        [
            "! a.app.tar.gz: its name says no architecture, and there are files for macos on x64 and arm64; say which: --arch 'a.app.tar.gz=x64'"
        ]
    );
    assert_eq!(
        launcher(&two, &[("a.app.tar.gz", "arm64")])[1..],
        [
            "a.app.tar.gz|macos|arm64|binary",
            "a_aarch64.dmg|macos|arm64|installer"
        ]
    );
    // A person's word on one file is something that is said in this batch.
    assert_eq!(
        launcher(&["a.deb", "b.deb"], &[("b.deb", "arm64")]),
        ["a.deb|linux|arm64|installer", "b.deb|linux|arm64|installer"]
    );
    // Words that contradict each other, or name another processor, are no reason to look elsewhere.
    assert_eq!(
        launcher(&["a_i386.deb", "b_x64_arm64.deb", "c_amd64.deb"], &[]),
        [
            "! a_i386.deb: its name says `i386`, an architecture that nothing is released for; say which: --arch 'a_i386.deb=x64'",
            "! b_x64_arm64.deb: its name says more than one architecture; say which: --arch 'b_x64_arm64.deb=x64'",
        ]
    );
    assert_eq!(
        launcher(
            &["a_i386.deb", "b_x64_arm64.deb"],
            &[("a_i386.deb", "x64"), ("b_x64_arm64.deb", "arm64")]
        ),
        [
            "a_i386.deb|linux|x64|installer",
            "b_x64_arm64.deb|linux|arm64|installer"
        ]
    );
}

#[test]
fn a_universal_bundle_has_a_row_for_each_processor() {
    let paths = [
        "dmg/Atlas_1.4.0_universal.dmg",
        "macos/Atlas.app.tar.gz",
        "macos/Atlas.app.tar.gz.sig",
    ];
    let of = |arch: &str| {
        vec![
            format!("dmg/Atlas_1.4.0_universal.dmg|macos|{arch}|installer"),
            format!("macos/Atlas.app.tar.gz|macos|{arch}|binary|Atlas_universal.app.tar.gz"),
            format!(
                "macos/Atlas.app.tar.gz.sig|macos|{arch}|signature|Atlas_universal.app.tar.gz.sig"
            ),
        ]
    };
    assert_eq!(launcher(&paths, &[]), [of("x64"), of("arm64")].concat());
    // Beside another word it is one of two.
    let mixed = ["A_universal.dmg", "A_x64.dmg", "A.app.tar.gz"];
    assert!(launcher(&mixed, &[])[0].contains("files for macos on x64 and universal"));
    assert_eq!(
        launcher(&["A.pkg"], &[("A.pkg", "universal")]),
        [
            "A.pkg|macos|x64|installer|A_universal.pkg",
            "A.pkg|macos|arm64|installer|A_universal.pkg"
        ]
    );
    // What it is called then may be what another is called already.
    assert!(launcher(&["A.dmg", "A_universal.dmg"], &[])[0].contains("both would have one key"));
}

#[test]
fn a_word_of_a_person_that_cannot_be_followed_is_refused() {
    let paths = [
        "a/A.app.tar.gz",
        "b/A.app.tar.gz",
        "a/A.app.tar.gz.sig",
        "c.json",
    ];
    for (named, says) in [
        (vec![("nosuch", "x64")], "--arch nosuch: there is no such"),
        (vec![("A.app.tar.gz", "x64")], "several files are called so"),
        (vec![("A.app.tar.gz.sig", "x64")], "a signature is for what"),
        (vec![("c.json", "x64")], "it is left out"),
        (
            vec![("a/A.app.tar.gz", "x64"), ("a/A.app.tar.gz", "arm64")],
            "it is named twice",
        ),
    ] {
        let faults = launcher(&paths, &named);
        assert!(faults[0].contains(says), "{faults:?}");
    }
    let faults = launcher(&["a.deb"], &[("a.deb", "universal")]);
    assert!(faults[0].contains("only files for macOS"), "{faults:?}");
    let named = [("a/A.app.tar.gz", "x64"), ("b/A.app.tar.gz", "arm64")];
    assert_eq!(
        launcher(&paths, &named),
        [
            "a/A.app.tar.gz|macos|x64|binary",
            "a/A.app.tar.gz.sig|macos|x64|signature",
            "b/A.app.tar.gz|macos|arm64|binary",
            "- c.json"
        ]
    );
}

#[test]
fn a_signature_follows_its_payload() {
    // From its own folder first, else from the only one that has such a file.
    assert_eq!(
        launcher(&["a/x_x64.dmg", "sigs/x_x64.dmg.SIG"], &[]),
        [
            "a/x_x64.dmg|macos|x64|installer",
            "sigs/x_x64.dmg.SIG|macos|x64|signature|x_x64.dmg.sig"
        ]
    );
    assert_eq!(
        launcher(&["a_x64.dmg.minisig", "a_x64.dmg", "a_x64.dmg.sig"], &[])[1..],
        [
            "a_x64.dmg.minisig|macos|x64|signature",
            "a_x64.dmg.sig|macos|x64|signature"
        ]
    );
    for (paths, says) in [
        (
            vec!["a_x64.dmg.sig"],
            "! a_x64.dmg.sig: it signs `a_x64.dmg`, which is not there",
        ),
        // Its name is exactly that.
        (
            vec!["A_x64.dmg", "a_x64.dmg.sig"],
            "! a_x64.dmg.sig: it signs `a_x64.dmg`, which is not there",
        ),
        (
            vec!["a/x_x64.dmg", "b/x_x64.dmg", "c/x_x64.dmg.sig"],
            "both would have one key",
        ),
        (
            vec!["a_x64.dmg", "a_x64.dmg.sig", "a_x64.dmg.SIG"],
            "both would have one key",
        ),
    ] {
        let faults = launcher(&paths, &[]);
        assert!(
            faults.iter().any(|fault| fault.contains(says)),
            "{faults:?}"
        );
    }
    assert_eq!(
        launcher(&["a_x64.dmg", "latest.json", "latest.json.sig"], &[]),
        [
            "a_x64.dmg|macos|x64|installer",
            "- latest.json",
            "- latest.json.sig"
        ]
    );
}

#[test]
fn a_name_that_some_system_cannot_store_is_refused() {
    let long = format!("{}_x64.dmg", "x".repeat(250));
    for (path, says) in [
        ("a/con.dmg", "Windows reserves it"),
        ("a/a\n_x64.dmg", "a control character"),
        ("a/a:b_x64.dmg", "it holds one of"),
        ("a/ a_x64.dmg", "it begins or ends with a blank"),
        ("a|b/c_x64.dmg", "holds `|`"),
        ("a\tb/c_x64.dmg", "a control character"),
        (&*long, "longer than 255 bytes"),
    ] {
        let named = [(path, "x64")];
        let faults = launcher(&[path], &named);
        assert!(
            faults.len() == 1 && faults[0].contains(says),
            "{path:?} {faults:?}"
        );
    }
    let rules = Rules::CommandLine {
        own: vec!["atlas".to_owned()],
        others: Vec::new(),
    };
    let faults = made(
        &rules,
        &[
            "atlas-installer-linux-x64.",
            "a-installer-x.zip",
            "a-linux-x64.exe",
        ],
        &[],
    );
    assert_eq!(
        faults,
        [
            "! atlas-installer-linux-x64.: `atlas-installer-linux-x64.` cannot be a file name: it ends with a dot or a space",
            "! a-installer-x.zip: its name has none of the words windows, darwin, macos, osx and linux",
            "! a-linux-x64.exe: its name says more than one system",
        ]
    );
}

#[test]
fn files_of_a_command_line_product_come_out_as_today() {
    let rules = Rules::CommandLine {
        own: vec!["atlas".to_owned()],
        others: vec!["atlas-runner".to_owned(), "atlas-runnerd".to_owned()],
    };
    assert_eq!(
        made(
            &rules,
            &[
                "atlas-Windows-X64.exe",
                "atlas-cli-installer-windows-x64.zip",
                "atlas-Linux-X64",
                "atlas_1.4.0.deb",
                "atlas-runnerd-Linux-ARM64",
            ],
            &[]
        ),
        [
            "atlas-cli-installer-windows-x64.zip|windows|x64|installer",
            "atlas-Windows-X64.exe|windows|x64|binary",
            "atlas-Linux-X64|linux|x64|binary",
            "atlas_1.4.0.deb|linux|x64|installer",
            "- atlas-runnerd-Linux-ARM64",
        ]
    );
}
