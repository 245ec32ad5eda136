//! The variables of a build that decide about bytes: what of them is recorded, and how a record's are
//! put in force again.

use super::secrets::{holds_password, may_hold_secret};
use crate::cargo_config::forget_mold_variable;
use crate::plan::Plan;
use process::{AllowList, Env};
use release_types::{Platform, Sha256Digest};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Variables of the build that say where things are, how they are fetched or how fast it is made,
/// not what.
const INDIFFERENT: [&str; 28] = [
    "CARGO_BUILD_BUILD_DIR",
    "CARGO_BUILD_JOBS",
    "CARGO_BUILD_RUSTC",
    "CARGO_BUILD_RUSTC_WRAPPER",
    "CARGO_BUILD_TARGET_DIR",
    "CARGO_BUILD_WARNINGS",
    "CARGO_HOME",
    "CARGO_HTTP_*",
    "CARGO_NET_*",
    "CARGO_REGISTRIES_*",
    "CARGO_REGISTRY_*",
    "CARGO_SOURCE_*",
    "CARGO_TARGET_DIR",
    "CARGO_TERM_*",
    "INCLUDE",
    "LD_LIBRARY_PATH",
    "LIB",
    "LIBPATH",
    "RUSTC",
    "RUSTC_WRAPPER",
    "RUSTDOCFLAGS",
    "RUSTUP_*",
    "RUST_BACKTRACE",
    "SCCACHE_GHA_ENABLED",
    "SCCACHE_IGNORE_SERVER_IO_ERROR",
    "VCINSTALLDIR",
    "VCTOOLSINSTALLDIR",
    "WINDOWSSDKDIR",
];

/// The beginning of what stands for a value that may hold a password.
const DIGEST: &str = "sha256:";

/// What of the outside's environment a build is given: what builds may see, and what the workspace
/// passes on, but for what `env` has set for other steps of the same job: here the shim asks for
/// mold.
pub(super) fn given(env: &Env, pass_env: &[String]) -> Env {
    let mut given = env.allowed(&super::allowed(pass_env));
    for platform in Platform::ALL {
        forget_mold_variable(platform.target_triple(), &mut given);
    }
    given
}

/// The variables that decide about the bytes of a plan's build, whoever set them, as a record has
/// them: folders are written as the names that stand for them in the programs.
pub fn deciding(env: &Env, plan: &Plan) -> BTreeMap<String, String> {
    let outside = outside(env, &plan.pass_env).into_iter();
    let indifferent = AllowList::of(&INDIFFERENT);
    let ours = plan
        .environment
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .filter(|(name, _)| !indifferent.allows(name));
    outside
        .chain(ours)
        .map(|(name, mut value)| {
            // What lies inside another folder comes later, and has to be named first.
            for (from, to) in plan.policy.remap.iter().rev() {
                value = renamed(&value, &from.to_string_lossy(), to);
            }
            (name, value)
        })
        .collect()
}

/// What comes from outside and decides.
fn outside(env: &Env, pass_env: &[String]) -> Vec<(String, String)> {
    let base = AllowList::base().network();
    let indifferent = AllowList::of(&INDIFFERENT);
    // A pattern lets no secret through.
    let any = AllowList::of(&["*"]);
    let compilers = AllowList::base().build();
    let seen = given(env, pass_env);
    let named = seen.iter().map(|(name, value)| {
        let (name, value) = (name.to_string_lossy(), value.to_string_lossy());
        // What cargo and compilers read is recorded in full, since nobody could do without it.
        let secret = match compilers.allows(&name) {
            true => holds_password(&value),
            false => may_hold_secret(&value),
        };
        let value = match secret {
            true => format!("{DIGEST}{}", Sha256Digest::of(value.as_bytes())),
            false => value.into_owned(),
        };
        (name.into_owned(), value)
    });
    named
        .filter(|(name, _)| any.allows(name) && !indifferent.allows(name))
        .filter(|(name, _)| !base.allows(name) || pass_env.contains(name))
        .collect()
}

/// What decides about bytes and is set here, `NAME=value` each: it is part of whatever is built.
pub fn set_here(env: &Env, pass_env: &[String]) -> Vec<String> {
    let set = outside(env, pass_env).into_iter();
    set.map(|(name, value)| format!("{name}={value}")).collect()
}

/// Puts a record's variables in force: those that are set here and were not there are removed, and
/// those that were there are set, with the folders of this build. Only what builds may see is
/// touched; what cannot be put in force is found when it is compared again. Returns what was set that
/// is not set like that here.
pub fn put_in_force(
    env: &mut Env,
    recorded: &BTreeMap<String, String>,
    pass_env: &[String],
    folders: &[(PathBuf, &str)],
) -> Vec<(String, String)> {
    let mut changed = Vec::new();
    for (name, _) in outside(env, pass_env) {
        if !recorded.contains_key(&name) {
            env.remove(&name);
        }
    }
    for (name, value) in recorded {
        if value.starts_with(DIGEST) {
            continue;
        }
        let mut value = value.clone();
        for (folder, standing) in folders {
            value = renamed(&value, standing, &folder.to_string_lossy());
        }
        let one = Env::of(process::NameCase::Exact, [(name, &value)]);
        if !outside(&one, pass_env).is_empty()
            && env.get(name).is_none_or(|here| here != value.as_str())
        {
            env.set(name, &value);
            changed.push((name.clone(), value));
        }
    }
    changed
}

/// A text with a path written otherwise, wherever it stands as a whole or with something below it.
fn renamed(text: &str, from: &str, to: &str) -> String {
    let part = |c: char| c.is_alphanumeric() || "_-.+~".contains(c);
    let apart = |c: char| c.is_whitespace() || c.is_control() || "=:;,'\"".contains(c);
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = (!from.is_empty()).then(|| rest.find(from)).flatten() {
        let (before, after) = (&rest[..at], &rest[at + from.len()..]);
        out.push_str(before);
        // `-I/usr` and `=/usr` begin a path; `/a/usr` and `a/usr` go on with one.
        let word = out.rsplit(apart).next().unwrap_or_default();
        let begins =
            word.is_empty() || (word.starts_with(['-', '@']) && !word.contains(['/', '\\']));
        let ends = !after.starts_with(part);
        out.push_str(if begins && ends { to } else { from });
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(vars: &[(&str, &str)]) -> Env {
        vars.iter().copied().collect()
    }

    #[test]
    fn folders_are_named_at_the_boundaries_of_paths() {
        let named = |text| renamed(text, "/w/a", "/workspace");
        assert_eq!(
            named("-I/w/a/include -L/w/a"),
            "-I/workspace/include -L/workspace"
        );
        assert_eq!(named("x=/w/a:/w/a/b"), "x=/workspace:/workspace/b");
        for other in ["/w/ab", "/w/a-b/c", "/x/w/a.old", "/x/w/a"] {
            assert_eq!(named(other), other);
        }
    }

    #[test]
    fn what_decides_is_taken_from_what_the_build_is_given() {
        let all = env(&[
            ("PATH", "/bin"),
            ("HTTPS_PROXY", "http://u:p@h"),
            ("CARGO_HTTP_PROXY", "x"),
            ("CARGO_BUILD_JOBS", "3"),
            ("CARGO_PROFILE_RELEASE_LTO", "fat"),
            ("HOST_CFLAGS", "-O1"),
            ("PKG_CONFIG_PATH", "/p"),
            ("PROTOC", "/bin/protoc"),
            ("MY_SECRET", "s"),
            ("MIRROR", "https://u:p@h/x"),
            ("RUSTC_BOOTSTRAP", "1"),
        ]);
        let pass = ["PROTOC", "MY_SECRET", "MIRROR"].map(str::to_owned);
        let found: BTreeMap<String, String> = outside(&all, &pass).into_iter().collect();
        let names: Vec<&str> = found.keys().map(String::as_str).collect();
        // RUSTC_BOOTSTRAP reaches no build that does not pass it on.
        assert_eq!(
            names,
            [
                "CARGO_PROFILE_RELEASE_LTO",
                "HOST_CFLAGS",
                "MIRROR",
                "PKG_CONFIG_PATH",
                "PROTOC"
            ]
        );
        assert!(found["MIRROR"].starts_with(DIGEST), "{found:?}");
    }

    #[test]
    fn what_looks_like_a_secret_is_never_recorded_as_it_is() {
        let secrets = env(&[
            ("MY_PASS", "hunter2"),
            ("MY_DBPASS", "hunter2"),
            ("MY_PWD", "hunter2"),
            ("MY_AUTH", "hunter2"),
            ("MY_CREDS", "hunter2"),
            ("MY_PAT", "hunter2"),
            ("MY_JWT", "hunter2"),
            ("MY_BEARER", "hunter2"),
            ("MY_COOKIE", "hunter2"),
            ("MY_CERT_PEM", "hunter2"),
            ("MY_CONN", "Server=db;Password=hunter2"),
            ("MY_HDR", "Authorization: Bearer hunter2"),
            ("MY_DB", "user:hunter2@h/db"),
            ("MY_ADDRESS", "https://h/x?sig=hunter2"),
            ("MY_PATH", "/sdk"),
            ("RUSTFLAGS", "--cfg a;token=b"),
        ]);
        let named = secrets.iter().map(|(name, _)| name.to_string_lossy());
        for pass in [vec!["MY_*".to_owned()], named.map(Into::into).collect()] {
            let found: BTreeMap<String, String> = outside(&secrets, &pass).into_iter().collect();
            assert!(!format!("{found:?}").contains("hunter2"), "{found:?}");
            let names: Vec<&str> = found.keys().map(String::as_str).collect();
            let expected = [
                "MY_ADDRESS",
                "MY_CONN",
                "MY_DB",
                "MY_HDR",
                "MY_PATH",
                "RUSTFLAGS",
            ];
            assert_eq!(names, expected);
            assert_eq!(found["RUSTFLAGS"], "--cfg a;token=b");
            assert_eq!(found["MY_PATH"], "/sdk");
        }
    }

    #[test]
    fn a_records_variables_and_no_others_are_in_force() {
        let mut here = env(&[
            ("RUSTFLAGS", "-g"),
            ("AR", "ar"),
            ("CC", "clang"),
            ("PATH", "/bin"),
            ("ATLAS_HUB_URL", "https://mine"),
        ]);
        let recorded = [
            ("AR", "ar"),
            ("CC", "gcc"),
            ("CFLAGS", "-I/workspace/include"),
            ("ATLAS_HUB_URL", "https://theirs"),
            ("PATH", "/theirs"),
            ("RUSTC", "/theirs"),
            ("PROTOC", "/bin/protoc"),
        ];
        let recorded = recorded.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let changed = put_in_force(
            &mut here,
            &recorded.into(),
            &["PROTOC".to_owned()],
            &[("/c/work".into(), "/workspace")],
        );
        let names: Vec<&str> = changed.iter().map(|(name, _)| name.as_str()).collect();
        // AR is set here just so, and the rest is never touched.
        assert_eq!(names, ["CC", "CFLAGS", "PROTOC"]);
        let expected = env(&[
            ("AR", "ar"),
            ("CC", "gcc"),
            ("CFLAGS", "-I/c/work/include"),
            ("PATH", "/bin"),
            ("PROTOC", "/bin/protoc"),
            ("ATLAS_HUB_URL", "https://mine"),
        ]);
        assert!(here == expected, "{here:?}");
    }
}
