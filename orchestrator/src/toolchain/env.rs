//! The environment of a build, as the release specification lists it.

use super::sccache::names_others;
use crate::context::World;
use process::Env;
use release_types::Platform;
use std::collections::BTreeMap;

/// Variables that configure a shared cache other than GitHub's for sccache.
/// A configuration file that is named counts, since what it sets up is its writer's choice.
const REMOTE_CACHE_VARS: [&str; 12] = [
    "SCCACHE_BUCKET",
    "SCCACHE_REDIS",
    "SCCACHE_REDIS_ENDPOINT",
    "SCCACHE_REDIS_CLUSTER_ENDPOINTS",
    "SCCACHE_MEMCACHED",
    "SCCACHE_MEMCACHED_ENDPOINT",
    "SCCACHE_GCS_BUCKET",
    "SCCACHE_AZURE_CONNECTION_STRING",
    "SCCACHE_WEBDAV_ENDPOINT",
    "SCCACHE_OSS_BUCKET",
    "SCCACHE_COS_BUCKET",
    "SCCACHE_CONF",
];

/// The variable that switches GitHub's cache on.
const GITHUB_CACHE: &str = "SCCACHE_GHA_ENABLED";

/// Whether sccache is to use GitHub's cache: as its own variable says, and without it in a job of
/// GitHub Actions, unless another shared cache is configured.
pub fn uses_github_cache(world: &World) -> bool {
    // A file in its usual place is nobody's word for this run, unless it names a shared cache.
    let applies = world.in_github_actions() && !names_others(world);
    github_cache(&world.env, applies)
}

fn github_cache(env: &Env, in_github_actions: bool) -> bool {
    if env.is_set(GITHUB_CACHE) {
        // What sccache takes for yes. A word that it does not know it refuses by itself.
        let said = env.get(GITHUB_CACHE).and_then(|said| said.to_str());
        return said.is_some_and(|said| ["true", "on", "1"].contains(&said));
    }
    in_github_actions && !REMOTE_CACHE_VARS.iter().any(|name| env.is_set(name))
}

/// What every use of cargo is given, by a build and by other steps of a job alike.
#[derive(Debug, Clone, Copy)]
pub struct CommonEnv<'a> {
    /// Whether somebody has said already how much debug information a release has.
    pub debug_is_said: bool,
    /// sccache's path, when it is used.
    pub sccache: Option<&'a str>,
    /// What [`uses_github_cache`] says.
    pub github_cache: bool,
}

/// The variables, by name.
pub fn common_environment(input: &CommonEnv<'_>) -> BTreeMap<&'static str, String> {
    let mut env = BTreeMap::from([
        ("CARGO_INCREMENTAL", "0".to_owned()),
        // They only matter for these two targets, on whatever host.
        (
            "CARGO_TARGET_X86_64_PC_WINDOWS_MSVC_LINKER",
            "lld-link".to_owned(),
        ),
        (
            "CARGO_TARGET_AARCH64_PC_WINDOWS_MSVC_LINKER",
            "lld-link".to_owned(),
        ),
        ("SCCACHE_IGNORE_SERVER_IO_ERROR", "1".to_owned()),
    ]);
    if !input.debug_is_said {
        env.insert("CARGO_PROFILE_RELEASE_DEBUG", "0".to_owned());
    }
    if let Some(sccache) = input.sccache {
        env.insert("RUSTC_WRAPPER", sccache.to_owned());
        if input.github_cache {
            env.insert(GITHUB_CACHE, "true".to_owned());
        }
    }
    env
}

/// What the environment depends on.
#[derive(Debug, Clone)]
pub struct BuildEnv<'a> {
    /// The machine that builds.
    pub host: Platform,
    /// The version the programs report.
    pub version: &'a semver::Version,
    /// The commit they report.
    pub commit: &'a str,
    /// When it was committed, in seconds since 1970.
    pub commit_time: i64,
    /// The shim's path.
    pub shim: &'a str,
    /// What is not of this build alone.
    pub common: CommonEnv<'a>,
}

/// The variables, by name.
pub fn build_environment(input: &BuildEnv<'_>) -> BTreeMap<&'static str, String> {
    let mut env = common_environment(&input.common);
    env.extend(super::reproducible::variables(
        input.host,
        input.commit_time,
    ));
    env.extend([
        ("ATLAS_BUILD_VERSION", input.version.to_string()),
        ("ATLAS_BUILD_COMMIT", input.commit.to_owned()),
        ("RUSTC", input.shim.to_owned()),
    ]);
    env
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cargo_config::target_variable;
    use release_types::Os;

    #[test]
    fn six_hosts() {
        let version = semver::Version::new(1, 4, 0);
        for host in Platform::ALL {
            for sccache in [None, Some("/bin/sccache")] {
                let env = build_environment(&BuildEnv {
                    host,
                    version: &version,
                    commit: "c0ffee",
                    commit_time: 1_700_000_000,
                    shim: "/state/shim/rustc",
                    common: CommonEnv {
                        debug_is_said: sccache.is_some(),
                        sccache,
                        github_cache: true,
                    },
                });
                assert_eq!(env["ATLAS_BUILD_VERSION"], "1.4.0");
                assert_eq!(env["CARGO_INCREMENTAL"], "0");
                assert_eq!(env["SCCACHE_IGNORE_SERVER_IO_ERROR"], "1");
                for target in Platform::ALL {
                    let name = target_variable(target.target_triple(), "LINKER");
                    let linker = env.get(name.as_str()).map(String::as_str);
                    let windows = target.os == Os::Windows;
                    assert_eq!(linker, windows.then_some("lld-link"), "{name}");
                }
                assert_eq!(env.get("RUSTC_WRAPPER").map(String::as_str), sccache);
                assert_eq!(env.contains_key("SCCACHE_GHA_ENABLED"), sccache.is_some());
                let debug = env.get("CARGO_PROFILE_RELEASE_DEBUG").map(String::as_str);
                assert_eq!(debug, sccache.is_none().then_some("0"));
                assert_eq!(env.contains_key("LC_ALL"), host.os != Os::Windows);
            }
        }
    }

    #[test]
    fn a_shared_cache_in_the_usual_file_goes_before_githubs() {
        let dir = tempfile::tempdir().unwrap();
        let mut world = World::capture(process::Runner::default()).unwrap();
        world.host = Platform::new(Os::Linux, world.host.arch);
        world.env = [("XDG_CONFIG_HOME", dir.path())].into_iter().collect();
        world.env.set("GITHUB_ACTIONS", "true");
        assert!(uses_github_cache(&world));
        let file = dir.path().join("sccache/config");
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        for (text, used) in [
            ("[cache.disk]\ndir = '/c'\n", true),
            ("[cache.redis]\nendpoint = 'redis://h'\n", false),
        ] {
            std::fs::write(&file, text).unwrap();
            assert_eq!(uses_github_cache(&world), used, "{text}");
        }
    }

    #[test]
    fn githubs_cache_is_used_in_its_jobs_unless_somebody_has_chosen() {
        let used = |vars: &[(&str, &str)], in_job| {
            let env: Env = vars.iter().copied().collect();
            github_cache(&env, in_job)
        };
        assert!(used(&[], true) && !used(&[], false));
        for name in REMOTE_CACHE_VARS {
            assert!(!used(&[(name, "x")], true), "{name}");
            assert!(used(&[(name, "")], true), "{name}");
            assert!(used(&[(name, "x"), (GITHUB_CACHE, "true")], true));
        }
        for (said, is) in [("true", true), ("on", true), ("false", false), ("0", false)] {
            for in_job in [true, false] {
                assert_eq!(used(&[(GITHUB_CACHE, said)], in_job), is, "{said}");
            }
        }
        assert!(used(&[(GITHUB_CACHE, "")], true));
    }
}
