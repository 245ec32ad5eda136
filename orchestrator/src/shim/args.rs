//! rustc's arguments: what they say, and what of them hangs on the folders of this machine.

use super::{Policy, REPOSITORY};
use release_types::Sha256Digest;
use std::ffi::{OsStr, OsString};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Whether an argument names a file of arguments.
pub(super) fn is_file(arg: &OsStr) -> bool {
    arg.as_encoded_bytes().starts_with(b"@")
}

/// The arguments with those that stand in files, which cargo writes where they are too long for a
/// command line. Source: The rustc Book, "Command-line Arguments", `@path`: one a line, without
/// quoting. A file that cannot be read is left for rustc to complain about.
pub(super) fn in_full(args: &[OsString]) -> Vec<OsString> {
    let mut full = Vec::with_capacity(args.len());
    for arg in args {
        let text = arg.to_str().and_then(|arg| arg.strip_prefix('@'));
        match text.and_then(|path| std::fs::read_to_string(path).ok()) {
            Some(text) => full.extend(text.lines().map(OsString::from)),
            None => full.push(arg.clone()),
        }
    }
    full
}

/// Puts arguments into a file beside the build's other temporary files, which go when it ends, and
/// returns the argument that names it.
pub(super) fn to_file(args: &[OsString]) -> std::io::Result<OsString> {
    let (mut file, path) = tempfile::Builder::new()
        .prefix("rustc-arguments.")
        .tempfile()?
        .keep()
        .map_err(|error| error.error)?;
    for arg in args {
        file.write_all(arg.as_encoded_bytes())?;
        file.write_all(b"\n")?;
    }
    let mut arg = OsString::from("@");
    arg.push(path);
    Ok(arg)
}

pub(super) fn is_for_target(args: &[OsString], target: &str) -> bool {
    values(args, "--target").any(|value| value == target)
}

/// The values of an option, as `--option value` and `--option=value`.
pub(super) fn values<'a>(args: &'a [OsString], option: &'a str) -> impl Iterator<Item = &'a OsStr> {
    args.iter().enumerate().filter_map(move |(at, arg)| {
        if arg == option {
            return args.get(at + 1).map(OsString::as_os_str);
        }
        let value = arg.to_str()?.strip_prefix(option)?.strip_prefix('=')?;
        Some(OsStr::new(value))
    })
}

/// The arguments with a `metadata` that does not hang on folders, where a policy names the
/// repository's folder and they have one to begin with.
///
/// Cargo puts the folder of a package that lies outside of the workspace into its own, and into that of
/// all that depends on it, and rustc puts it into symbols and types. The file names of what is compiled
/// keep it, so cargo finds everything.
pub(super) fn without_places(args: Vec<OsString>, policy: &Policy) -> Option<Vec<OsString>> {
    let named = policy.remap.iter().any(|(_, name)| name == REPOSITORY);
    let of_cargo = |arg: &OsString| arg.to_str().is_some_and(|arg| arg.starts_with(METADATA));
    if !named || !args.iter().any(of_cargo) {
        return None;
    }
    let here = std::env::current_dir().unwrap_or_default();
    let own = format!("{METADATA}{}", unit(&args, &here, policy));
    let one = |arg| match of_cargo(&arg) {
        true => OsString::from(&own),
        false => arg,
    };
    Some(args.into_iter().map(one).collect())
}

/// What stands behind a `-C`.
const METADATA: &str = "metadata=";

/// A name for what is compiled that is another one for everything else in the same program: the
/// source's place under the names that stand for folders, the crate's name and kinds, and its features.
fn unit(args: &[OsString], here: &Path, policy: &Policy) -> String {
    let mut text = String::new();
    let sources = args.iter().map(PathBuf::from);
    for source in sources.filter(|path| path.extension() == Some(OsStr::new("rs"))) {
        text += &place(&here.join(source), &policy.remap);
        text.push('\n');
    }
    for option in ["--crate-name", "--crate-type", "--cfg"] {
        for value in values(args, option) {
            text += &format!("{option} {}\n", value.display());
        }
    }
    Sha256Digest::of(text.as_bytes()).to_string()[..16].to_owned()
}

/// A path under the name of the innermost folder that has one.
fn place(path: &Path, remap: &[(PathBuf, String)]) -> String {
    let below = |(from, to): &(PathBuf, String)| {
        let rest = path.strip_prefix(from).ok()?;
        let parts = rest.components().map(|part| part.as_os_str().display());
        Some(parts.fold(to.clone(), |path, part| format!("{path}/{part}")))
    };
    let named = remap.iter().rev().find_map(below);
    named.unwrap_or_else(|| path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TARGET: &str = "x86_64-unknown-linux-gnu";

    fn args(text: &str) -> Vec<OsString> {
        text.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn only_the_targets_compilations_are_changed() {
        assert!(is_for_target(
            &args("--crate-name a --target x86_64-unknown-linux-gnu -O"),
            TARGET
        ));
        assert!(is_for_target(
            &args("--target=x86_64-unknown-linux-gnu"),
            TARGET
        ));
        assert!(!is_for_target(
            &args("--crate-name build_script_build"),
            TARGET
        ));
        assert!(!is_for_target(
            &args("--target aarch64-apple-darwin"),
            TARGET
        ));
    }

    #[test]
    fn arguments_in_a_file_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("args");
        std::fs::write(&path, format!("--crate-name\na\n--target\n{TARGET}\n")).unwrap();
        let named = [OsString::from(format!("@{}", path.display()))];
        assert!(is_file(&named[0]));
        assert!(is_for_target(&in_full(&named), TARGET));
        let missing = [OsString::from("@nowhere")];
        assert_eq!(in_full(&missing), missing);
        let long = to_file(&args("a b")).unwrap();
        assert_eq!(in_full(std::slice::from_ref(&long)), ["a", "b"]);
        std::fs::remove_file(&long.to_str().unwrap()[1..]).unwrap();
    }

    #[test]
    fn metadata_hangs_on_no_folder_and_tells_units_apart() {
        let policy = |top: &str, repository: &str| Policy {
            rustc: "rustc".into(),
            target: TARGET.to_owned(),
            linker: None,
            linker_dir: None,
            auditable: false,
            lists: None,
            remap: vec![
                (top.into(), repository.to_owned()),
                (format!("{top}/app").into(), "/workspace".to_owned()),
            ],
        };
        let of = |top: &str, name: &str, cfg: &str| {
            let line = format!(
                "--crate-name {name} {top}/lib/src/lib.rs --cfg {cfg} -C metadata=0123 -C extra-filename=-0123"
            );
            let changed = without_places(args(&line), &policy(top, REPOSITORY)).unwrap();
            assert_eq!(changed.last().unwrap(), "extra-filename=-0123");
            let mut found = changed.into_iter();
            let found = found.find(|arg| arg.to_str().unwrap().starts_with(METADATA));
            found.unwrap()
        };
        assert_eq!(of("/a", "lib", "x"), of("/b/c", "lib", "x"));
        assert_ne!(of("/a", "lib", "x"), of("/a", "other", "x"));
        assert_ne!(of("/a", "lib", "x"), of("/a", "lib", "y"));
        // Cargo's own names are the same anywhere where all is in the workspace.
        let line = args("--crate-name a src/lib.rs -C metadata=0123");
        assert!(without_places(line, &policy("/a", "/other")).is_none());
        let plain = args("--crate-name ___ - --print=cfg");
        assert!(without_places(plain, &policy("/a", REPOSITORY)).is_none());
    }
}
