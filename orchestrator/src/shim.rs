//! The rustc shim: this program under the name `rustc`, which cargo runs as `RUSTC`.
//!
//! It adds the linker and the path remaps to compilations for the target, and to a program that is
//! linked the list of its packages, and runs the real rustc with everything else as it came. Going
//! this way, instead of `RUSTFLAGS`, leaves every rustflag of the workspace's and the user's
//! configuration in force, and keeps directories out of sccache's keys. A line with a digest of the
//! policy is added to `rustc -vV`, so that cargo does not take what plain cargo built for what the
//! policy asks for.

mod args;
mod lists;

pub use lists::file_name as list_name;

use process::{Command, Env};
use release_types::Platform;
use serde::{Deserialize, Serialize};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// The variable that carries the policy from the orchestrator through cargo to the shim.
pub const POLICY_VAR: &str = "ATLAS_RELEASE_RUSTC_POLICY";

/// The name that stands for the repository's folder where the workspace lies below it. What the
/// workspace takes from there has its folder in cargo's names for everything that is compiled.
pub const REPOSITORY: &str = "/repository";

/// What the shim does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// The rustc that does the work.
    pub rustc: PathBuf,
    /// The target whose compilations the policy is for; build scripts and macros of the host are
    /// left alone.
    pub target: String,
    /// What `-fuse-ld=` is given, if a linker is chosen.
    pub linker: Option<String>,
    /// The folder that holds the linker as `ld.<name>`, for C compilers that do not look for it on
    /// `PATH`: those for another platform know none but their own.
    pub linker_dir: Option<PathBuf>,
    /// Folders and the names that stand for them in the output.
    pub remap: Vec<(PathBuf, String)>,
    /// Whether programs get the list of their packages.
    #[serde(default)]
    pub auditable: bool,
    /// The folder with an object file for each program that gets one, by [`list_name`], as soon as
    /// they are made.
    #[serde(default)]
    pub lists: Option<PathBuf>,
}

impl Policy {
    /// The flags that are added.
    pub fn flags(&self) -> Vec<OsString> {
        let mut flags = Vec::new();
        if let Some(dir) = &self.linker_dir {
            let mut flag = OsString::from("link-arg=-B");
            flag.push(dir);
            flags.extend(["-C".into(), flag]);
        }
        if let Some(linker) = &self.linker {
            flags.push("-C".into());
            flags.push(format!("link-arg=-fuse-ld={linker}").into());
        }
        // Without it the linkers of MSVC targets write the time into the program. rustc gives them
        // `/PDBALTPATH` by itself.
        if self.target.ends_with("-msvc") {
            flags.push("-C".into());
            flags.push("link-arg=/Brepro".into());
        }
        flags.extend(self.prefix_maps("--remap-path-prefix="));
        flags
    }

    /// The flags that C compilers are given, so that no folder stands in what they make.
    pub fn c_flags(&self) -> Vec<OsString> {
        self.prefix_maps("-ffile-prefix-map=").collect()
    }

    /// What [`Policy::flags`] and [`Policy::c_flags`] are anywhere: with the names of folders alone.
    pub fn portable_flags(&self) -> (Vec<String>, Vec<String>) {
        let mut named = self.clone();
        named.linker_dir = None;
        for (from, to) in &mut named.remap {
            *from = PathBuf::from(format!("<{to}>"));
        }
        // The order that they need goes by where the folders are, which is nobody else's concern.
        named.remap.sort();
        named.remap.dedup();
        let text = |flags: Vec<OsString>| {
            let flags = flags.iter();
            flags.map(|f| f.to_string_lossy().into_owned()).collect()
        };
        (text(named.flags()), text(named.c_flags()))
    }

    fn prefix_maps<'a>(&'a self, flag: &'a str) -> impl Iterator<Item = OsString> + use<'a> {
        self.remap.iter().map(move |(from, to)| {
            let mut text = OsString::from(flag);
            text.push(from);
            text.push("=");
            text.push(to);
            text
        })
    }

    /// A name for what the policy does to output: 16 hexadecimal digits. Directories do not count,
    /// so that the same build elsewhere has the same name.
    pub fn digest(&self) -> String {
        // Several folders may have one name.
        let names: std::collections::BTreeSet<&str> =
            self.remap.iter().map(|(_, to)| to.as_str()).collect();
        let mut text = format!("2 {} {:?} {names:?}", self.target, self.linker);
        if self.auditable {
            text += &format!(" auditable {}", crate::auditable::FORMAT);
        }
        release_types::Sha256Digest::of(text.as_bytes()).to_string()[..16].to_owned()
    }
}

/// Whether this process was started as the shim: by its name.
pub fn is_shim(argv0: Option<&OsStr>) -> bool {
    argv0.and_then(|name| Path::new(name).file_stem()) == Some(OsStr::new("rustc"))
}

/// Runs the real rustc; returns the exit code to end with when it could not be started, or when
/// only its version was asked for.
pub fn run(args: Vec<OsString>, env: &Env) -> u8 {
    let policy: Policy = match env.text(POLICY_VAR) {
        Ok(Some(text)) => match serde_json::from_str(text) {
            Ok(policy) => policy,
            Err(error) => return complain(&format!("{POLICY_VAR} was not understood: {error}")),
        },
        Ok(None) => return complain(&format!("{POLICY_VAR} is not set")),
        Err(error) => return complain(&error.to_string()),
    };
    let mut inherited = env.clone();
    inherited.remove(POLICY_VAR);
    let full = args::in_full(&args);
    let verbose_version = full.iter().any(|arg| arg == "-vV");
    let for_target = args::is_for_target(&full, &policy.target);
    let list = match for_target.then(|| lists::flags(&full, &policy, env)) {
        Some(Ok(flags)) => flags,
        Some(Err(error)) => {
            return complain(&format!(
                "cannot copy a program's list of packages: {error}"
            ));
        }
        None => Vec::new(),
    };
    let args = match for_target
        .then(|| args::without_places(full, &policy))
        .flatten()
    {
        None => args,
        // They were in a file because they are too long.
        Some(changed) if args.iter().any(|arg| args::is_file(arg)) => match args::to_file(&changed)
        {
            Ok(arg) => vec![arg],
            Err(error) => return complain(&format!("cannot write rustc's arguments: {error}")),
        },
        Some(changed) => changed,
    };
    let mut command = Command::new(&policy.rustc).args(args).envs(&inherited);
    if for_target {
        command = command.args(policy.flags()).args(list);
    }
    if verbose_version {
        return print_version(&command, &policy);
    }
    complain(&command.exec().to_string())
}

#[expect(
    clippy::print_stderr,
    reason = "the shim is a program of its own, run by cargo"
)]
fn complain(what: &str) -> u8 {
    eprintln!("error: atlas-release as rustc: {what}");
    101
}

/// Prints what `rustc -vV` prints, and the policy's line.
#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the shim is a program of its own, run by cargo"
)]
fn print_version(command: &Command, policy: &Policy) -> u8 {
    match command.output_blocking() {
        Ok(output) => {
            print!("{}", String::from_utf8_lossy(&output.stdout));
            eprint!("{}", String::from_utf8_lossy(&output.stderr));
            if output.status.success() {
                println!("atlas-release-policy: {}", policy.digest());
                0
            } else {
                1
            }
        }
        Err(error) => complain(&error.to_string()),
    }
}

/// Puts the shim into a folder and returns its path, which cargo is given as `RUSTC`.
///
/// sccache knows a Rust compiler by the name `rustc`, so the shim has to carry it.
///
/// # Errors
/// What the system says.
pub fn install(exe: &Path, dir: &Path, host: Platform) -> std::io::Result<PathBuf> {
    std::fs::create_dir_all(dir)?;
    let path = path_in(dir, host);
    // Made aside and renamed over: another cargo of an ended run may still look at the old one.
    let aside = dir.join(format!("rustc.{}", std::process::id()));
    if aside.exists() {
        std::fs::remove_file(&aside)?;
    }
    crate::system::alias(exe, &aside)?;
    std::fs::rename(&aside, &path)?;
    Ok(path)
}

/// Where [`install`] puts the shim.
pub fn path_in(dir: &Path, host: Platform) -> PathBuf {
    dir.join(host.program("rustc"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(root: &str) -> Policy {
        Policy {
            rustc: PathBuf::from("/toolchain/bin/rustc"),
            target: "x86_64-unknown-linux-gnu".to_owned(),
            linker: Some("mold".to_owned()),
            linker_dir: None,
            remap: vec![(PathBuf::from(root), "/workspace".to_owned())],
            auditable: false,
            lists: None,
        }
    }

    #[test]
    fn the_policys_name_knows_no_directories() {
        assert_eq!(policy("/a").digest(), policy("/b").digest());
        let mut other = policy("/a");
        other.linker = None;
        assert_ne!(policy("/a").digest(), other.digest());
        let mut other = policy("/a");
        other.auditable = true;
        let auditable = other.digest();
        assert_ne!(policy("/a").digest(), auditable);
        other.lists = Some("/b".into());
        assert_eq!(other.digest(), auditable);
    }

    #[test]
    fn the_shim_is_known_by_its_name() {
        assert!(is_shim(Some(OsStr::new("/x/rustc"))));
        assert!(is_shim(Some(OsStr::new("rustc.exe"))));
        assert!(!is_shim(Some(OsStr::new("/x/atlas-release"))));
        assert!(!is_shim(None));
    }

    #[test]
    fn flags() {
        let flags: Vec<String> = policy("/a b")
            .flags()
            .into_iter()
            .map(|flag| flag.into_string().unwrap())
            .collect();
        assert_eq!(
            flags,
            [
                "-C",
                "link-arg=-fuse-ld=mold",
                "--remap-path-prefix=/a b=/workspace"
            ]
        );
        let mut elsewhere = policy("/a b");
        elsewhere.linker_dir = Some("/c d/linkers".into());
        let flags = elsewhere.flags();
        assert_eq!(flags[..2], ["-C", "link-arg=-B/c d/linkers"]);
        assert_eq!(flags[3], "link-arg=-fuse-ld=mold");
        assert_eq!(elsewhere.digest(), policy("/a b").digest());
        assert_eq!(
            policy("/a b").c_flags(),
            ["-ffile-prefix-map=/a b=/workspace"]
        );
    }

    #[test]
    fn flags_that_are_recorded_are_the_same_wherever_folders_are() {
        let of = |folders: &[(&str, &str)]| {
            let mut policy = policy("/w");
            policy.linker_dir = Some(PathBuf::from(folders[0].0).join("linkers"));
            let named = folders.iter();
            policy.remap = named
                .map(|(from, to)| (from.into(), (*to).to_owned()))
                .collect();
            policy.portable_flags()
        };
        let target = ("/w/target", "/workspace/target");
        let here = of(&[("/w", "/workspace"), target, ("/home/me/.cargo", "/cargo")]);
        let elsewhere = of(&[
            ("/c", "/cargo"),
            ("/a/b", "/workspace"),
            ("/t", "/workspace/target"),
        ]);
        assert_eq!(here, elsewhere);
    }

    #[test]
    fn flags_for_six_targets() {
        for platform in Platform::ALL {
            let mut policy = policy("/a");
            policy.linker = None;
            policy.target = platform.target_triple().to_owned();
            let (flags, c_flags) = policy.portable_flags();
            let brepro = flags.contains(&"link-arg=/Brepro".to_owned());
            assert_eq!(brepro, platform.os == release_types::Os::Windows);
            assert!(flags.contains(&"--remap-path-prefix=</workspace>=/workspace".to_owned()));
            assert_eq!(c_flags, ["-ffile-prefix-map=</workspace>=/workspace"]);
        }
    }
}
