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
    let is_root = sandbox.invoke("id").arg("-u").run().stdout.trim() == "0";
    match is_root {
        true => invocation.run(),
        false => invocation.through(&["unshare", "--map-root-user"]).run(),
    }
}
