//! The files of an installer, and where they are put. Pure, but for compressing pages in memory.

use super::Extras;
use crate::products::{Format, InstallerSettings};
use packages::{Entry, compressed, windows_scripts};
use semver::Version;
use std::io;
use std::path::Path;

/// The files of an installer, for a program that is called `bin` and was built at `executable`.
///
/// # Errors
/// None in practice: pages are compressed in memory.
pub(super) fn files(
    format: Format,
    settings: &InstallerSettings,
    (bin, executable): (&str, &Path),
    version: &Version,
    extras: &Extras,
) -> io::Result<Vec<Entry>> {
    if format == Format::Zip {
        return Ok(archive(settings, (bin, executable), version, extras));
    }
    // The rest of macOS is closed to everybody.
    let root = match format {
        Format::Pkg => "usr/local",
        Format::Deb | Format::Rpm | Format::Zip => "usr",
    };
    let mut files = vec![Entry::program(format!("{root}/bin/{bin}"), executable)];
    for (shell, text) in &extras.completions {
        if let Some(place) = completion(format, shell, bin) {
            files.push(Entry::bytes(format!("{root}/share/{place}"), text.clone()));
        }
    }
    for (name, page) in &extras.pages {
        let section = name.rsplit('.').next().unwrap_or("1");
        let path = format!("{root}/share/man/man{section}/{name}.gz");
        files.push(Entry::bytes(path, compressed(page)?));
    }
    let doc = format!("{root}/share/doc/{}", settings.name);
    match format {
        Format::Deb => files.push(Entry::bytes(
            format!("{doc}/copyright"),
            copyright(settings),
        )),
        // What macOS knows of the version are numbers.
        Format::Pkg => files.push(Entry::bytes(
            format!("{doc}/VERSION"),
            format!("{version}\n"),
        )),
        Format::Rpm | Format::Zip => {}
    }
    Ok(files)
}

/// Where a shell looks for the completions that packages bring, below `share`.
fn completion(format: Format, shell: &str, bin: &str) -> Option<String> {
    match shell {
        "bash" => Some(format!("bash-completion/completions/{bin}")),
        "zsh" => {
            // Debian leaves the folder of all others to the administrator.
            let folder = match format {
                Format::Deb => "vendor-completions",
                Format::Rpm | Format::Pkg | Format::Zip => "site-functions",
            };
            Some(format!("zsh/{folder}/_{bin}"))
        }
        "fish" => Some(format!("fish/vendor_completions.d/{bin}.fish")),
        _ => None,
    }
}

/// The archive for Windows: all that is installed lies beside the scripts.
fn archive(
    settings: &InstallerSettings,
    (bin, executable): (&str, &Path),
    version: &Version,
    extras: &Extras,
) -> Vec<Entry> {
    let program = format!("{bin}.exe");
    let mut files = vec![Entry::program(program.as_str(), executable)];
    files.extend(windows_scripts(&settings.name, &program, version));
    let completions = extras.completions.iter();
    files.extend(
        completions.map(|(_, text)| Entry::bytes(format!("completions/{bin}.ps1"), text.clone())),
    );
    files
}

/// The licence, as Debian's packages tell it. Source: Debian Policy, "Machine-readable debian/copyright
/// file".
fn copyright(settings: &InstallerSettings) -> String {
    let (maintainer, license) = settings.maintainer_and_license();
    format!(
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\
         Upstream-Name: {}\nUpstream-Contact: {maintainer}\n\nFiles: *\n\
         Copyright: {maintainer}\nLicense: {}\n",
        settings.name,
        // Its own words for the operators of an SPDX expression.
        license.replace(" OR ", " or ").replace(" AND ", " and ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(format: Format, completions: &[&'static str]) -> Vec<String> {
        let extras = Extras {
            completions: completions
                .iter()
                .map(|shell| (*shell, b"x".to_vec()))
                .collect(),
            pages: vec![
                ("atlas.1".to_owned(), b"x".to_vec()),
                ("atlas.5".to_owned(), b"y".to_vec()),
            ],
        };
        let settings = InstallerSettings::example();
        let program = ("atlas", Path::new("/target/atlas"));
        let version = "1.4.0-rc.1".parse().unwrap();
        let files = files(format, &settings, program, &version, &extras).unwrap();
        files.into_iter().map(|file| file.path).collect()
    }

    #[test]
    fn every_format_puts_files_where_its_system_looks() {
        let shells = ["bash", "zsh", "fish"];
        assert_eq!(
            paths(Format::Deb, &shells),
            [
                "usr/bin/atlas",
                "usr/share/bash-completion/completions/atlas",
                "usr/share/zsh/vendor-completions/_atlas",
                "usr/share/fish/vendor_completions.d/atlas.fish",
                "usr/share/man/man1/atlas.1.gz",
                "usr/share/man/man5/atlas.5.gz",
                "usr/share/doc/demo/copyright",
            ]
        );
        let rpm = paths(Format::Rpm, &shells);
        assert!(
            rpm.contains(&"usr/share/zsh/site-functions/_atlas".to_owned()),
            "{rpm:?}"
        );
        assert_eq!(rpm.len(), 6);
        let pkg = paths(Format::Pkg, &shells);
        assert!(
            pkg.iter().all(|path| path.starts_with("usr/local/")),
            "{pkg:?}"
        );
        assert_eq!(pkg[6], "usr/local/share/doc/demo/VERSION");
        assert_eq!(
            paths(Format::Zip, &["powershell"]),
            [
                "atlas.exe",
                "install.ps1",
                "uninstall.ps1",
                "completions/atlas.ps1"
            ]
        );
    }

    #[test]
    fn the_licence_is_told_as_debian_tells_it() {
        let text = copyright(&InstallerSettings::example());
        assert!(
            text.starts_with("Format: https://www.debian.org/"),
            "{text}"
        );
        assert!(
            text.ends_with("Copyright: Me <me@example.com>\nLicense: MIT\n"),
            "{text}"
        );
    }
}
