//! The scripts of a `.zip` for Windows, for the PowerShell that every Windows has.
//!
//! They install for one user and need no administrator: the program into a folder of the user's, and that
//! folder onto the user's `PATH`.

use crate::Entry;
use semver::Version;

/// What the script that installs is called in the archive.
pub const INSTALL_SCRIPT: &str = "install.ps1";

/// What the script that removes is called, in the archive and where it installs.
pub const UNINSTALL_SCRIPT: &str = "uninstall.ps1";

const INSTALL: &str = include_str!("windows/install.ps1");
const UNINSTALL: &str = include_str!("windows/uninstall.ps1");

/// The two scripts for a program, which lies beside them under its name.
pub fn windows_scripts(name: &str, program: &str, version: &Version) -> [Entry; 2] {
    [(INSTALL_SCRIPT, INSTALL), (UNINSTALL_SCRIPT, UNINSTALL)].map(|(file, template)| {
        let text = template
            .replace("@NAME@", &literal(name))
            .replace("@PROGRAM@", &literal(program))
            .replace("@VERSION@", &literal(&version.to_string()));
        // What Windows' own editor expects.
        Entry::bytes(file, text.replace('\n', "\r\n"))
    })
}

/// A text that PowerShell takes as it stands. It ends a text in single quotes by a quotation mark of any
/// kind, and takes two of them for one.
fn literal(text: &str) -> String {
    let mut quoted = String::from("'");
    for c in text.chars() {
        if matches!(c, '\'' | '\u{2018}'..='\u{201b}') {
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
    use crate::Content;

    fn texts(name: &str, program: &str) -> [String; 2] {
        let version = "1.4.0-rc.1+b".parse().unwrap();
        windows_scripts(name, program, &version).map(|entry| match entry.content {
            Content::Bytes(bytes) => String::from_utf8(bytes).unwrap(),
            Content::File(_) => unreachable!("scripts are made here"),
        })
    }

    #[test]
    fn what_is_put_into_scripts_is_a_text_in_quotes() {
        let texts = texts("de'mo $(x)", "de\u{2019}mo.exe");
        for text in &texts {
            for placeholder in ["@NAME@", "@PROGRAM@", "@VERSION@"] {
                assert!(!text.contains(placeholder), "{text}");
            }
            assert!(text.contains("$Name = 'de''mo $(x)'\r\n"), "{text}");
            assert!(text.contains("'de\u{2019}\u{2019}mo.exe'\r\n"), "{text}");
            // Once each, and then by their variables.
            assert_eq!(text.matches("de''mo").count(), 1, "{text}");
        }
        assert!(texts[0].contains("$Version = '1.4.0-rc.1+b'\r\n"));
    }

    /// Windows' own PowerShell reads a script without a mark at its beginning in the system's code page.
    #[test]
    fn scripts_are_ascii_and_stop_at_the_first_error() {
        for text in texts("demo", "demo.exe") {
            assert!(text.is_ascii());
            assert!(text.contains("$ErrorActionPreference = 'Stop'"));
            assert!(text.contains("Set-StrictMode -Version Latest"));
            for banned in [
                "Invoke-Expression",
                "iex ",
                "& $",
                "SetEnvironmentVariable('Path'",
            ] {
                assert!(!text.contains(banned), "{banned}");
            }
        }
    }
}
