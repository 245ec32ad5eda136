//! The list of its packages that a program gets when it is linked.

use super::Policy;
use super::args::values;
use crate::auditable::link_flags;
use process::Env;
use release_types::Platform;
use std::ffi::OsString;
use std::path::Path;

/// The name of the object file with a program's list.
pub fn file_name(package: &str, bin: &str) -> String {
    format!("{package}.{bin}.dep-v0.o")
}

/// The flags by which rustc links a program's list with it, where it is about to link one that has a
/// list. Cargo says which program that is. The object is copied to where rustc writes: linkers keep the
/// places of objects in what they write for debuggers, and that place is the same one every time.
///
/// # Errors
/// When the object cannot be copied.
pub(super) fn flags(
    args: &[OsString],
    policy: &Policy,
    env: &Env,
) -> std::io::Result<Vec<OsString>> {
    let named = |name| env.get(name).and_then(|value| value.to_str());
    let (Some(dir), Some(platform), Some(package), Some(bin)) = (
        &policy.lists,
        Platform::from_target_triple(&policy.target),
        named("CARGO_PKG_NAME"),
        named("CARGO_BIN_NAME"),
    ) else {
        return Ok(Vec::new());
    };
    let is_program = values(args, "--crate-type").any(|kind| kind == "bin");
    let links = values(args, "--emit").any(|kinds| {
        let mut kinds = kinds.to_str().unwrap_or_default().split(',');
        kinds.any(|kind| kind == "link" || kind.starts_with("link="))
    });
    let name = file_name(package, bin);
    let list = dir.join(&name);
    // What is no program of the group has none.
    if !is_program || !links || !list.is_file() {
        return Ok(Vec::new());
    }
    let out = values(args, "--out-dir").last().unwrap_or(".".as_ref());
    let file = Path::new(out).join(name);
    std::fs::copy(list, &file)?;
    Ok(link_flags(platform.os, &file))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TARGET: &str = "x86_64-unknown-linux-gnu";

    #[test]
    fn programs_of_the_group_get_their_list_when_they_are_linked() {
        let dir = tempfile::tempdir().unwrap();
        let (lists, out) = (dir.path().join("lists"), dir.path().join("out"));
        std::fs::create_dir(&lists).unwrap();
        std::fs::create_dir(&out).unwrap();
        std::fs::write(lists.join("app.tool.dep-v0.o"), "object").unwrap();
        let mut policy = Policy {
            rustc: "rustc".into(),
            target: TARGET.to_owned(),
            linker: None,
            linker_dir: None,
            remap: Vec::new(),
            auditable: true,
            lists: Some(lists),
        };
        let env = |package: &str, bin: &str| -> Env {
            let vars = [("CARGO_PKG_NAME", package), ("CARGO_BIN_NAME", bin)];
            let vars = vars.into_iter().filter(|(_, value)| !value.is_empty());
            vars.collect()
        };
        let line = |kind: &str, emit: &str| -> Vec<OsString> {
            let line = format!("--crate-name tool --crate-type {kind} --emit={emit} --out-dir");
            let mut args: Vec<OsString> = line.split(' ').map(Into::into).collect();
            args.push(out.clone().into());
            args
        };
        let of = |policy: &Policy, args: &[OsString], env: &Env| {
            let flags = flags(args, policy, env).unwrap();
            let flags = flags.iter().map(|flag| flag.to_string_lossy().into_owned());
            flags.collect::<Vec<_>>()
        };
        let links = line("bin", "dep-info,link");
        let found = of(&policy, &links, &env("app", "tool"));
        let copy = out.join("app.tool.dep-v0.o");
        assert_eq!(found[1], format!("link-arg={}", copy.display()));
        assert_eq!(std::fs::read(&copy).unwrap(), b"object");
        for (args, env) in [
            (line("lib", "dep-info,link"), env("app", "tool")),
            (line("bin", "dep-info,metadata"), env("app", "tool")),
            (links.clone(), env("app", "other")),
            (links.clone(), env("other", "tool")),
            // A library, which has no such name.
            (links.clone(), env("app", "")),
        ] {
            assert!(of(&policy, &args, &env).is_empty(), "{args:?}");
        }
        policy.lists = None;
        assert!(of(&policy, &links, &env("app", "tool")).is_empty());
        policy.lists = Some(dir.path().join("lists"));
        std::fs::remove_dir_all(&out).unwrap();
        assert!(flags(&links, &policy, &env("app", "tool")).is_err());
    }
}
