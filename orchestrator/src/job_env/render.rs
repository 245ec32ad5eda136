//! The environment in each of the forms, quoted as each of them wants it.

use super::JobEnv;
use release_types::Os;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

/// A shell that is told variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shell {
    /// A POSIX shell.
    Sh,
    /// fish.
    Fish,
    /// PowerShell.
    Powershell,
}

/// Lines for a shell to read: `eval "$(…)"`, `… | source`, `… | Out-String | Invoke-Expression`.
pub fn render(env: &JobEnv, shell: Shell) -> String {
    let mut lines = Vec::new();
    for (name, value) in &env.variables {
        let value = quoted(value, shell);
        lines.push(match shell {
            Shell::Sh => format!("export {name}={value}"),
            Shell::Fish => format!("set -gx {name} {value}"),
            Shell::Powershell => format!("$env:{name} = {value}"),
        });
    }
    for folder in &env.path {
        // The programs that are named above are Windows' own and take its paths; PATH is the shell's.
        let folder = match (env.host.os, shell) {
            (Os::Windows, Shell::Sh | Shell::Fish) => msys_path(folder),
            _ => folder.clone(),
        };
        let folder = quoted(&folder, shell);
        lines.push(match shell {
            Shell::Sh => format!("export PATH=\"$PATH\":{folder}"),
            Shell::Fish => format!("set -gx PATH $PATH {folder}"),
            Shell::Powershell => format!("$env:PATH += [IO.Path]::PathSeparator + {folder}"),
        });
    }
    lines.join("\n")
}

/// A folder of Windows as the shells of Git for Windows and MSYS2 have it on `PATH`, whose parts a
/// colon separates: `C:\Tools` is `/c/Tools`.
fn msys_path(folder: &str) -> String {
    let folder = folder.replace('\\', "/");
    match folder.split_once(':') {
        Some((drive, rest)) if drive.len() == 1 && rest.starts_with('/') => {
            format!("/{}{rest}", drive.to_ascii_lowercase())
        }
        _ => folder,
    }
}

/// A value as one word, in single quotes, between which each shell takes nearly all as it is.
///
/// sh has no escape there at all; fish has two, for the quote and for itself; PowerShell doubles
/// the quote, and takes the curved ones for it too.
fn quoted(value: &str, shell: Shell) -> String {
    let inside = match shell {
        Shell::Sh => value.replace('\'', r"'\''"),
        Shell::Fish => value.replace('\\', r"\\").replace('\'', r"\'"),
        Shell::Powershell => {
            let mut inside = String::with_capacity(value.len());
            for c in value.chars() {
                if matches!(c, '\'' | '\u{2018}'..='\u{201b}') {
                    inside.push(c);
                }
                inside.push(c);
            }
            inside
        }
    };
    format!("'{inside}'")
}

/// Appends variables to the file that `GITHUB_ENV` names, in the form that also takes values of
/// several lines. The delimiter has to be one that nobody can guess and no value holds.
///
/// # Errors
/// What the system says, or that a value holds the delimiter.
pub fn append_variables(
    file: &Path,
    variables: &BTreeMap<String, String>,
    delimiter: &str,
) -> std::io::Result<()> {
    let mut text = String::new();
    for (name, value) in variables {
        if value.contains(delimiter) {
            let why = format!("the value of {name} holds the delimiter of this run");
            return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, why));
        }
        writeln!(text, "{name}<<{delimiter}\n{value}\n{delimiter}")
            .map_err(std::io::Error::other)?;
    }
    append(file, &text)
}

/// Appends folders to the file that `GITHUB_PATH` names, those that do not stand there yet.
///
/// # Errors
/// What the system says.
pub fn append_path(file: &Path, folders: &[String]) -> std::io::Result<()> {
    let there = String::from_utf8_lossy(&read(file)?).into_owned();
    let mut text = String::new();
    for folder in folders {
        if !there.lines().any(|line| line == folder) {
            text += folder;
            text += "\n";
        }
    }
    append(file, &text)
}

/// What stands in a file, which need not be there.
fn read(file: &Path) -> std::io::Result<Vec<u8>> {
    match std::fs::read(file) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        read => read,
    }
}

fn append(file: &Path, text: &str) -> std::io::Result<()> {
    if text.is_empty() {
        return Ok(());
    }
    let before = read(file)?;
    let mut file = std::fs::File::options()
        .append(true)
        .create(true)
        .open(file)?;
    // Somebody's last line may lack its end, and must not become part of ours.
    let glue = match before.last() {
        None | Some(b'\n') => "",
        Some(_) => "\n",
    };
    file.write_all(format!("{glue}{text}").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(unix)]
    use process::{Command, Env};
    use release_types::Platform;

    /// Values that a shell could take for something else.
    #[cfg(unix)]
    const ODD: [&str; 12] = [
        "plain",
        "",
        "a b",
        "it's",
        r"back\slash\",
        r"\'",
        "$HOME `id` $(id)",
        "\"two\" ; rm * & ? ~ # %",
        "two\nlines\n",
        "tab\tand ünïcödé 🦀",
        "‘curved’ ‚quotes‛",
        "-n",
    ];

    fn env(values: &[&str]) -> JobEnv {
        let named = values.iter().enumerate();
        JobEnv {
            format: 1,
            host: Platform::ALL[0],
            variables: named
                .map(|(at, value)| (format!("V{at}"), (*value).to_owned()))
                .collect(),
            path: vec!["/odd 'folder'".to_owned()],
            mold_variable: None,
            warnings: Vec::new(),
        }
    }

    #[cfg(unix)]
    #[test]
    fn sh_and_fish_read_what_was_meant() {
        let env = env(&ODD);
        for (shell, program) in [(Shell::Sh, "sh"), (Shell::Fish, "fish")] {
            let mut script = render(&env, shell);
            for at in 0..ODD.len() {
                write!(script, "\nprintf '%s\\0' \"$V{at}\"").unwrap();
            }
            script += "\nenv -0 | grep -z ^PATH=";
            let home = tempfile::tempdir().unwrap();
            let command = Command::new(program)
                .envs(&Env::capture())
                .env("HOME", home.path())
                .args(["-c", &script]);
            let output = command.output_blocking().unwrap();
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{program}: {stderr}");
            let text = String::from_utf8(output.stdout).unwrap();
            let got: Vec<&str> = text.split('\0').collect();
            assert_eq!(got[..ODD.len()], ODD, "{program}");
            assert!(got[ODD.len()].ends_with(":/odd 'folder'"), "{program}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn sh_reads_any_text_as_it_was() {
        use proptest::prelude::*;
        let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(40));
        runner
            .run(&"[^\0]{0,40}", |value| {
                let script = format!("{}; printf %s \"$V0\"", render(&env(&[&value]), Shell::Sh));
                let output = Command::new("sh").args(["-c", &script]).output_blocking();
                prop_assert_eq!(output.unwrap().stdout, value.as_bytes());
                Ok(())
            })
            .unwrap();
    }

    #[test]
    fn powershell_takes_curved_quotes_for_straight_ones() {
        assert_eq!(quoted("it's", Shell::Powershell), "'it''s'");
        assert_eq!(quoted("‘a’ $b `c", Shell::Powershell), "'‘‘a’’ $b `c'");
        let text = render(&env(&["x"]), Shell::Powershell);
        assert_eq!(
            text,
            "$env:V0 = 'x'\n$env:PATH += [IO.Path]::PathSeparator + '/odd ''folder'''"
        );
    }

    #[test]
    fn github_reads_values_of_several_lines() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("env");
        // Without the end of its line.
        std::fs::write(&file, "THERE=1").unwrap();
        let variables = env(&["one", "two\nlines"]).variables;
        append_variables(&file, &variables, "d1").unwrap();
        assert_eq!(
            std::fs::read_to_string(&file).unwrap(),
            "THERE=1\nV0<<d1\none\nd1\nV1<<d1\ntwo\nlines\nd1\n"
        );
        assert!(append_variables(&file, &variables, "lines").is_err());
    }

    #[test]
    fn a_folder_is_told_to_github_once() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("path");
        for _ in 0..2 {
            append_path(&file, &["/a".to_owned(), "/b".to_owned()]).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "/a\n/b\n");
    }
}
