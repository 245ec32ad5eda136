//! What to type to get a file, to compare it with its digest, and to install it. Pure.
//!
//! Names of files come from whoever publishes, so each is one word of the shell's, whatever is in it.

use release_types::{Arch, Kind, Os, Platform, Sha256Digest};

/// For a POSIX shell, or PowerShell on Windows.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Commands {
    /// Loads the file into the folder where the shell is.
    pub(super) get: String,
    /// Ends with an error where the file is not what was published.
    pub(super) verify: String,
    /// Nothing where the file is none that is installed.
    pub(super) install: Option<String>,
}

/// A file, as far as commands go.
pub(super) struct File<'f> {
    pub(super) platform: Platform,
    pub(super) kind: Kind,
    pub(super) name: &'f str,
    pub(super) url: &'f str,
    pub(super) sha256: &'f Sha256Digest,
}

pub(super) fn commands(file: &File<'_>) -> Commands {
    match file.platform.os {
        Os::Windows => for_windows(file),
        Os::Macos | Os::Linux => for_posix(file),
    }
}

fn for_posix(file: &File<'_>) -> Commands {
    let File {
        name, url, sha256, ..
    } = file;
    let is_linux = file.platform.os == Os::Linux;
    let path = sh(&local(name));
    let check = if is_linux {
        "sha256sum --check"
    } else {
        "shasum -a 256 --check"
    };
    let line = sh(&format!("{sha256}  {}", local(name)));
    let install = match file.kind {
        Kind::Binary => {
            let program = sh(&short(name, file.platform));
            Some(format!(
                "mkdir -p ~/.local/bin && install -m 755 {path} ~/.local/bin/{program}"
            ))
        }
        Kind::Installer => Some(match (is_linux, ending(name)) {
            (true, "deb") => format!("sudo apt install {}", sh(&format!("./{name}"))),
            (true, "rpm") => format!("sudo dnf install {}", sh(&format!("./{name}"))),
            (true, _) => format!("chmod +x {path} && {}", sh(&format!("./{name}"))),
            (false, _) => format!("open {path}"),
        }),
        Kind::Signature | Kind::UpdaterManifest | Kind::Other => None,
    };
    Commands {
        get: format!("curl -fL -o {path} {}", sh(url)),
        verify: format!("echo {line} | {check}"),
        install,
    }
}

fn for_windows(file: &File<'_>) -> Commands {
    let File {
        name, url, sha256, ..
    } = file;
    let path = powershell(name);
    let install = match file.kind {
        Kind::Binary => {
            let program = short(name, file.platform);
            let place = format!("$HOME\\AppData\\Local\\Microsoft\\WindowsApps\\{program}");
            // The variable is the shell's to fill in, so these are quotes that let it.
            let plain = program.chars().all(is_plain);
            plain.then(|| format!("Copy-Item -LiteralPath {path} \"{place}\""))
        }
        Kind::Installer => Some(format!(
            "Start-Process -FilePath {}",
            powershell(&format!(".\\{name}"))
        )),
        Kind::Signature | Kind::UpdaterManifest | Kind::Other => None,
    };
    Commands {
        get: format!("Invoke-WebRequest -Uri {} -OutFile {path}", powershell(url)),
        verify: format!(
            "if ((Get-FileHash -LiteralPath {path}).Hash -ne '{sha256}') {{ throw 'not what was published' }}"
        ),
        install,
    }
}

/// A name that no program takes for an option.
fn local(name: &str) -> String {
    if name.starts_with('-') {
        format!("./{name}")
    } else {
        name.to_owned()
    }
}

/// What a program is called once it is installed: without the platform in its name.
fn short(name: &str, platform: Platform) -> String {
    let Platform { os, arch } = platform;
    let machine = match arch {
        Arch::X64 => "x86_64",
        Arch::Arm64 => "aarch64",
    };
    let (stem, exe) = match name.strip_suffix(".exe") {
        Some(stem) => (stem, ".exe"),
        None => (name, ""),
    };
    let cut = [
        format!("-{os}-{arch}"),
        format!("-{os}-{machine}"),
        format!("_{os}_{arch}"),
    ];
    let stem = cut
        .iter()
        .find_map(|end| stem.strip_suffix(end.as_str()))
        .unwrap_or(stem);
    if stem.is_empty() {
        name.to_owned()
    } else {
        format!("{stem}{exe}")
    }
}

fn ending(name: &str) -> &str {
    name.rsplit_once('.').map_or("", |(_, ending)| ending)
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+' | '/' | ':' | '@' | '%')
}

/// One word of a POSIX shell's.
pub(super) fn sh(text: &str) -> String {
    if !text.is_empty() && text.chars().all(is_plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// One text of PowerShell's, which takes the typographic quotes for quotes too.
fn powershell(text: &str) -> String {
    let mut quoted = String::from("'");
    for c in text.chars() {
        if matches!(c, '\'' | '\u{2018}' | '\u{2019}' | '\u{201a}' | '\u{201b}') {
            quoted.push(c);
        }
        quoted.push(c);
    }
    quoted.push('\'');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(platform: &str, kind: Kind, name: &str) -> Commands {
        commands(&File {
            platform: platform.parse().unwrap(),
            kind,
            name,
            url: "https://hub.example/api/v1/download/dl_1",
            sha256: &Sha256Digest::of(b""),
        })
    }

    const NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn for_linux() {
        let got = of("linux-x64", Kind::Binary, "atlas-runner-linux-x64");
        assert_eq!(
            got.get,
            "curl -fL -o atlas-runner-linux-x64 https://hub.example/api/v1/download/dl_1"
        );
        let expected = format!("echo '{NOTHING}  atlas-runner-linux-x64' | sha256sum --check");
        assert_eq!(got.verify, expected);
        assert_eq!(
            got.install.unwrap(),
            "mkdir -p ~/.local/bin && install -m 755 atlas-runner-linux-x64 ~/.local/bin/atlas-runner"
        );
        let install = |name| of("linux-arm64", Kind::Installer, name).install.unwrap();
        assert_eq!(install("atlas.deb"), "sudo apt install ./atlas.deb");
        assert_eq!(install("atlas.rpm"), "sudo dnf install ./atlas.rpm");
        assert_eq!(
            install("atlas.AppImage"),
            "chmod +x atlas.AppImage && ./atlas.AppImage"
        );
        assert_eq!(of("linux-x64", Kind::Signature, "a.sig").install, None);
    }

    #[test]
    fn for_the_others() {
        let mac = of("macos-arm64", Kind::Installer, "Atlas.dmg");
        assert!(mac.verify.ends_with("| shasum -a 256 --check"));
        assert_eq!(mac.install.unwrap(), "open Atlas.dmg");
        let windows = of("windows-x64", Kind::Binary, "atlas-windows-x64.exe");
        assert_eq!(
            windows.get,
            "Invoke-WebRequest -Uri 'https://hub.example/api/v1/download/dl_1' -OutFile 'atlas-windows-x64.exe'"
        );
        assert!(windows.verify.contains(NOTHING));
        assert!(
            windows
                .install
                .unwrap()
                .ends_with("WindowsApps\\atlas.exe\"")
        );
    }

    #[test]
    fn a_name_stays_one_word() {
        let evil = "it's $(rm -rf ~) `x`; \u{2019}y";
        let linux = of("linux-x64", Kind::Binary, evil);
        let word = r"'it'\''s $(rm -rf ~) `x`; ’y'";
        assert!(linux.get.contains(&format!("-o {word} ")), "{}", linux.get);
        assert!(linux.install.unwrap().contains(&format!("755 {word} ")));
        let windows = of("windows-x64", Kind::Installer, evil);
        let word = "'it''s $(rm -rf ~) `x`; \u{2019}\u{2019}y'";
        assert!(windows.get.ends_with(word), "{}", windows.get);
        assert_eq!(of("windows-x64", Kind::Binary, "$x.exe").install, None);
        assert!(
            of("linux-x64", Kind::Other, "-rf")
                .get
                .contains("-o ./-rf ")
        );
    }
}
