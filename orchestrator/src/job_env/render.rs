//! The environment in each of the forms, quoted as each of them wants it.

use super::JobEnv;
use release_types::Os;

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

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(unix)]
    use process::{Command, Env};
    use release_types::Platform;
    #[cfg(unix)]
    use std::fmt::Write as _;

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
            format: crate::job_env::FORMAT,
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
}
