use super::*;

/// What is said of a file, in words: kind, system and processor, or why it is none.
fn said(rules: &Rules, name: &str) -> String {
    match rules.verdict(name) {
        Verdict::LeftOut(_) => "-".to_owned(),
        Verdict::Signature { payload, ending } => {
            assert!(name.starts_with(payload));
            format!("signature of {payload} ({ending})")
        }
        Verdict::Payload(Payload { kind, os, arch }) => {
            let os = match os {
                OsSaid::One(os) => os.to_string(),
                OsSaid::Nothing => "?".to_owned(),
                OsSaid::Several => "several".to_owned(),
            };
            let arch = match arch {
                Said::One(machines) => machines.to_string(),
                Said::Nothing => "?".to_owned(),
                Said::Several => "several".to_owned(),
                Said::Foreign(word) => format!("not {word}"),
            };
            format!("{kind} {os} {arch}")
        }
    }
}

#[track_caller]
fn all_say(rules: &Rules, table: &[(&str, &str)]) {
    let found: Vec<(&str, String)> = table
        .iter()
        .map(|(name, _)| (*name, said(rules, name)))
        .collect();
    let wrong: Vec<_> = found
        .iter()
        .zip(table)
        .filter(|((_, found), (_, wanted))| found != wanted)
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn command_line() -> Rules {
    Rules::CommandLine {
        own: vec!["atlas".to_owned(), "atlas-release".to_owned()],
        others: vec!["atlas-runner".to_owned(), "atlas-runnerd".to_owned()],
    }
}

fn program(bin: &str) -> Rules {
    Rules::Program {
        bin: bin.to_owned(),
    }
}

/// As Tauri 1 and 2 and tauri-action call them.
#[test]
fn bundles_of_tauri() {
    all_say(
        &Rules::Bundles,
        &[
            // Windows: WiX and NSIS, with the languages of the former.
            (
                "Atlas Launcher_1.4.0_x64_en-US.msi",
                "installer windows x64",
            ),
            (
                "Atlas Launcher_1.4.0_arm64_de-DE.msi",
                "installer windows arm64",
            ),
            ("app_0.1.0_x64_ja-JP.msi.zip", "binary windows x64"),
            ("app_0.1.0_arm64_pt-BR.msi.zip", "binary windows arm64"),
            ("app_0.1.0_x86_en-US.msi", "installer windows not x86"),
            (
                "Atlas Launcher_1.4.0_x64-setup.exe",
                "installer windows x64",
            ),
            (
                "Atlas Launcher_1.4.0_arm64-setup.exe",
                "installer windows arm64",
            ),
            ("app_0.1.0_x64-setup.nsis.zip", "binary windows x64"),
            ("app_0.1.0_arm64-setup.nsis.zip", "binary windows arm64"),
            ("app_0.1.0_x86-setup.nsis.zip", "binary windows not x86"),
            (
                "app_1.0.0-beta.2_x64_offlineInstaller-setup.exe",
                "installer windows x64",
            ),
            // macOS.
            ("Atlas Launcher_1.4.0_x64.dmg", "installer macos x64"),
            ("Atlas Launcher_1.4.0_aarch64.dmg", "installer macos arm64"),
            (
                "Atlas Launcher_1.4.0_universal.dmg",
                "installer macos universal",
            ),
            ("Atlas Launcher.app.tar.gz", "binary macos ?"),
            ("Atlas Launcher_x64.app.tar.gz", "binary macos x64"),
            ("Atlas Launcher_aarch64.app.tar.gz", "binary macos arm64"),
            (
                "Atlas Launcher_universal.app.tar.gz",
                "binary macos universal",
            ),
            ("Atlas.Launcher_1.4.0_aarch64.app.zip", "binary macos arm64"),
            ("Atlas Launcher.app.zip", "binary macos ?"),
            ("Atlas-1.4.0-arm64.pkg", "installer macos arm64"),
            // Linux.
            ("atlas-launcher_1.4.0_amd64.deb", "installer linux x64"),
            ("atlas-launcher_1.4.0_arm64.deb", "installer linux arm64"),
            (
                "atlas-launcher_1.4.0_armhf.deb",
                "installer linux not armhf",
            ),
            ("atlas-launcher_1.4.0_i386.deb", "installer linux not i386"),
            (
                "atlas-launcher_1.4.0_riscv64.deb",
                "installer linux not riscv64",
            ),
            ("Atlas Launcher-1.4.0-1.x86_64.rpm", "installer linux x64"),
            (
                "Atlas Launcher-1.4.0-1.aarch64.rpm",
                "installer linux arm64",
            ),
            (
                "Atlas Launcher-1.4.0-1.armhfp.rpm",
                "installer linux not armhfp",
            ),
            ("app-0.1.0-1.i686.rpm", "installer linux not i686"),
            ("app_0.1.0_amd64.AppImage", "installer linux x64"),
            ("app_0.1.0_aarch64.AppImage", "installer linux arm64"),
            ("app_0.1.0_amd64.AppImage.tar.gz", "binary linux x64"),
            ("app_0.1.0_aarch64.AppImage.tar.gz", "binary linux arm64"),
            ("app_0.1.0_i386.AppImage", "installer linux not i386"),
            ("app-x86_64.AppImage", "installer linux x64"),
            // Signatures, of what Tauri 1 and what Tauri 2 updates from.
            (
                "app_0.1.0_amd64.AppImage.tar.gz.sig",
                "signature of app_0.1.0_amd64.AppImage.tar.gz (.sig)",
            ),
            (
                "app_0.1.0_amd64.AppImage.sig",
                "signature of app_0.1.0_amd64.AppImage (.sig)",
            ),
            (
                "app_0.1.0_x64-setup.exe.sig",
                "signature of app_0.1.0_x64-setup.exe (.sig)",
            ),
            (
                "app_0.1.0_x64_en-US.msi.zip.sig",
                "signature of app_0.1.0_x64_en-US.msi.zip (.sig)",
            ),
            ("app.app.tar.gz.sig", "signature of app.app.tar.gz (.sig)"),
            (
                "app.app.tar.gz.minisig",
                "signature of app.app.tar.gz (.minisig)",
            ),
            // What lies beside them.
            ("latest.json", "-"),
            ("bundle_dmg.sh", "-"),
            ("icon.icns", "-"),
            ("control.tar.gz", "-"),
            ("data.tar.gz", "-"),
            ("nsis.zip", "-"),
            ("app.zip", "-"),
            ("app.tar.gz", "-"),
            ("app_0.1.0_amd64.snap", "-"),
            ("app.flatpak", "-"),
            ("app_0.1.0_x64.appx", "-"),
            ("app", "-"),
        ],
    );
}

#[test]
fn awkward_names() {
    all_say(
        &Rules::Bundles,
        &[
            // Case does not matter, and the longest ending counts.
            ("ATLAS_1.0_X64.DMG", "installer macos x64"),
            ("Atlas_1.0_AARCH64.App.Tar.GZ", "binary macos arm64"),
            ("atlas_1.0_AMD64.appimage", "installer linux x64"),
            ("atlas_1.0_AMD64.APPIMAGE.TAR.GZ", "binary linux x64"),
            ("Atlas_1.0_x64.Msi.Zip", "binary windows x64"),
            ("a.exe.msi.zip", "binary windows ?"),
            ("a.msi.exe", "installer windows ?"),
            (
                "Atlas_1.0_x64.DMG.SIG",
                "signature of Atlas_1.0_x64.DMG (.sig)",
            ),
            // Words are whole ones.
            ("box64-tool.deb", "installer linux ?"),
            ("box64-tool_1.0_amd64.deb", "installer linux x64"),
            ("myarm64app.dmg", "installer macos ?"),
            ("x64dbg-setup.exe", "installer windows ?"),
            ("x64dbg_1.0_x64-setup.exe", "installer windows x64"),
            ("app-linux64.AppImage", "installer linux ?"),
            ("app-amd64v3.deb", "installer linux ?"),
            ("app-x86_64_v3.rpm", "installer linux x64"),
            ("app.x86-64.AppImage", "installer linux x64"),
            ("app-x86.AppImage", "installer linux not x86"),
            ("app(arm64).dmg", "installer macos arm64"),
            ("app\u{e9}x64.dmg", "installer macos ?"),
            ("\u{65e5}\u{672c} x64.dmg", "installer macos x64"),
            ("x64.dmg", "installer macos x64"),
            ("arm64ec_app.msi", "installer windows not arm64ec"),
            ("app-1.x64.dmg", "installer macos x64"),
            // The two, or the same thing twice.
            ("app_x64_arm64.dmg", "installer macos several"),
            ("app-x64-arm64-universal.dmg", "installer macos universal"),
            ("universal-viewer_x64.dmg", "installer macos several"),
            ("app_amd64_x86_64.deb", "installer linux x64"),
            ("emulator-aarch64_1.0_amd64.deb", "installer linux several"),
            ("robot-arm_1.0_amd64.deb", "installer linux x64"),
            ("robot-arm.dmg", "installer macos not arm"),
            // Elsewhere nothing is universal.
            ("app_universal-setup.exe", "installer windows ?"),
            ("universal-viewer_1.0_amd64.deb", "installer linux x64"),
            // The kind of file counts for more than the name.
            ("linux-tools_1.0_x64.msi", "installer windows x64"),
            ("darwin_1.0_arm64.deb", "installer linux arm64"),
            // An ending alone is no file of that kind.
            (".dmg", "-"),
            (".sig", "-"),
            (".msi.zip", "-"),
            ("app.dmg.zip", "-"),
            ("app.dmg ", "-"),
            ("", "-"),
            ("\u{130}.dmg", "installer macos ?"),
        ],
    );
}

#[test]
fn files_of_command_line_products() {
    all_say(
        &command_line(),
        &[
            // As the workflows of today call them.
            ("atlas-Windows-X64.exe", "binary windows x64"),
            ("atlas-Linux-X64", "binary linux x64"),
            ("atlas-Linux-ARM64", "binary linux arm64"),
            ("atlas-macOS-ARM64", "binary macos arm64"),
            ("atlas-macOS-X64", "binary macos x64"),
            (
                "atlas-cli-installer-windows-x64.zip",
                "installer windows x64",
            ),
            (
                "atlas-cli-installer-linux-x64.tar.gz",
                "installer linux x64",
            ),
            (
                "atlas-cli-installer-macos-arm64.tar.gz",
                "installer macos arm64",
            ),
            // As this program calls them, and others might.
            ("atlas-release-linux-x64", "binary linux x64"),
            ("atlas-release-windows-arm64.exe", "binary windows arm64"),
            ("atlas-windows-x64", "binary windows x64"),
            ("atlas-darwin-aarch64", "binary macos arm64"),
            ("atlas-osx-x86_64", "binary macos x64"),
            ("atlas-linux-x86-64", "binary linux x64"),
            ("atlas-linux-amd64.EXE", "binary several x64"),
            ("atlas-macos-universal", "binary macos universal"),
            ("atlas-linux-universal", "-"),
            ("tool-linux-x64", "binary linux x64"),
            ("atlas_1.4.0_amd64.deb", "installer linux x64"),
            ("atlas-1.4.0-1.aarch64.rpm", "installer linux arm64"),
            ("atlas-1.4.0.pkg", "installer macos ?"),
            ("atlas-1.4.0-x64.msi", "installer windows x64"),
            ("atlas_1.4.0_all.deb", "installer linux ?"),
            ("Atlas-Installer-Windows-X64.EXE", "installer windows x64"),
            ("atlas-installer-arm64.dmg", "installer macos arm64"),
            ("atlas-installer-x64.zip", "installer ? ?"),
            (
                "atlas-installer-linux-windows-x64.zip",
                "installer several ?",
            ),
            (
                "atlas-installer-windows-i686.zip",
                "installer windows not i686",
            ),
            // Of others, and what goes along.
            ("atlas-runner-linux-x64", "-"),
            ("atlas-runnerd-Windows-X64.exe", "-"),
            ("Atlas-Runner-installer-linux-x64.tar.gz", "-"),
            ("atlas-runner_1.4.0_amd64.deb", "-"),
            ("atlas-cli-installer-windows-x64.zip.sha256", "-"),
            ("atlas-installer.zip", "-"),
            ("atlas.exe", "-"),
            ("atlas", "-"),
            ("linux-x64", "-"),
            ("-linux-x64", "-"),
            ("atlas-x64-linux", "-"),
            ("atlas-x86_64-unknown-linux-gnu", "-"),
            ("atlas-linux-i686", "-"),
            ("atlas-freebsd-x64", "-"),
            ("SHA256SUMS", "-"),
            (
                "atlas-Windows-X64.exe.sig",
                "signature of atlas-Windows-X64.exe (.sig)",
            ),
        ],
    );
}

#[test]
fn a_program_is_known_by_its_exact_name() {
    all_say(
        &program("atlas-runner"),
        &[
            ("atlas-runner-Linux-X64", "binary linux x64"),
            ("atlas-runner-macOS-ARM64", "binary macos arm64"),
            ("atlas-runner-Windows-X64.exe", "binary windows x64"),
            ("Atlas-Runner-linux-arm64", "binary linux arm64"),
            ("atlas-runner-v2-linux-x64", "-"),
            ("atlas-runnerd-Linux-X64", "-"),
            ("atlas-runnerd-Windows-X64.exe", "-"),
            ("atlas-linux-x64", "-"),
            ("my-atlas-runner-linux-x64", "-"),
            ("atlas-runner_1.4.0_amd64.deb", "-"),
            ("atlas-runner", "-"),
            ("runner.manifest", "-"),
            ("release.json", "-"),
        ],
    );
    all_say(
        &program("atlas-runnerd"),
        &[
            ("atlas-runnerd-Linux-X64", "binary linux x64"),
            ("atlas-runner-Linux-X64", "-"),
            ("atlas-runner-d-linux-x64", "-"),
        ],
    );
}

#[test]
fn a_universal_file_says_so_in_its_name() {
    for (name, universal) in [
        ("App.app.tar.gz", "App_universal.app.tar.gz"),
        ("App_1.0_Universal.dmg", "App_1.0_Universal.dmg"),
        (
            "a-installer-macos.tar.zip",
            "a-installer-macos.tar_universal.zip",
        ),
        ("atlas", "atlas_universal"),
    ] {
        let found = universal_name(name).unwrap();
        assert_eq!(found.as_str(), universal);
        assert!(says_universal(found.as_str()));
    }
    assert!(universal_name(&format!("{}.dmg", "x".repeat(250))).is_err());
}

#[test]
fn processors_have_names_for_flags() {
    for machines in [
        Machines::One(Arch::X64),
        Machines::One(Arch::Arm64),
        Machines::Universal,
    ] {
        assert_eq!(machines.to_string().parse(), Ok(machines));
    }
    assert_eq!(
        "x86".parse::<Machines>().unwrap_err().to_string(),
        "`x86` is not an architecture; expected one of: x64 arm64 universal"
    );
}

mod any_name;
