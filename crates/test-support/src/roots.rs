//! Systems to install packages into: folders that dpkg and rpm take for the root of one.

use crate::{Finished, Sandbox};
use std::fs;
use std::path::Path;

/// Runs dpkg on a system in a folder, which is made when it is missing. It has none of the packages that
/// others need.
pub fn dpkg(sandbox: &Sandbox, root: &Path, args: &[&str]) -> Finished {
    let state = root.join("var/lib/dpkg");
    for folder in ["info", "updates", "triggers"] {
        fs::create_dir_all(state.join(folder)).unwrap();
    }
    for file in ["status", "available"] {
        if !state.join(file).exists() {
            fs::write(state.join(file), "").unwrap();
        }
    }
    let root = format!("--root={}", root.display());
    let args = [&[root.as_str(), "--force-depends"], args].concat();
    as_root(sandbox, "dpkg", &args)
}

/// Runs rpm on a system in a folder, which is made when it is missing.
pub fn rpm(sandbox: &Sandbox, root: &Path, args: &[&str]) -> Finished {
    fs::create_dir_all(root).unwrap();
    // Debian's would keep its list in a home folder.
    let mut all = vec!["--root", root.to_str().unwrap(), "--dbpath", "/var/lib/rpm"];
    // Debian's wants to be told that it is meant.
    let installs = ["--install", "--upgrade"].contains(&args[0]);
    if installs && Path::new("/etc/debian_version").exists() {
        all.push("--force-debian");
    }
    all.extend(args);
    as_root(sandbox, "rpm", &all)
}

/// Runs a command as root, or as somebody who is root within a namespace of their own.
fn as_root(sandbox: &Sandbox, program: &str, args: &[&str]) -> Finished {
    let invocation = sandbox.invoke(program).args(args.iter().copied());
    match unshare_flags(sandbox) {
        [] => invocation.run(),
        flags => invocation.through(&[&["unshare"], flags].concat()).run(),
    }
}

/// What `unshare` is told so that whoever runs the tests is root in the new namespaces: nothing, where they are root.
///
/// # Panics
/// Where the system lets nobody but root make such namespaces; it says which setting does that.
pub fn unshare_flags(sandbox: &Sandbox) -> &'static [&'static str] {
    let is_root = sandbox.invoke("id").arg("-u").run().stdout.trim() == "0";
    let try_it = || {
        let unshare = sandbox.invoke("unshare");
        unshare.args(["--map-root-user", "--mount", "true"]).run()
    };
    flags_for(is_root, try_it)
}

fn flags_for(is_root: bool, try_it: impl FnOnce() -> Finished) -> &'static [&'static str] {
    if is_root {
        return &[];
    }
    let tried = try_it();
    assert_eq!(
        tried.code,
        Some(0),
        "users may make no namespaces here in which they are root. Run the tests as root, or allow it; where AppArmor \
         forbids it, as on Ubuntu 24.04: sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0\n{tried}"
    );
    &["--map-root-user"]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_root_needs_no_namespace_for_that() {
        assert!(flags_for(true, || unreachable!()).is_empty());
        let sandbox = Sandbox::new();
        let flags = flags_for(false, || sandbox.invoke("true").run());
        assert_eq!(flags, ["--map-root-user"]);
    }

    /// The tests that need one would else fail by what some tool says of it.
    #[test]
    #[should_panic(expected = "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0")]
    fn a_system_that_allows_none_is_told_by_its_setting() {
        let sandbox = Sandbox::new();
        flags_for(false, || sandbox.invoke("false").run());
    }
}
