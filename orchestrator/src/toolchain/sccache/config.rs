//! What sccache is configured to do, as far as this program has to know, and the times that hang on it.

use crate::context::World;
use process::Env;
use release_types::Os;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long everything may wait for the cache. A shared cache that is slow answers within a minute.
const STALL_LIMIT: Duration = Duration::from_secs(120);

/// The same where other machines compile: while they do, nothing happens on this one, and the
/// largest crates take minutes.
const FARM_STALL_LIMIT: Duration = Duration::from_secs(900);

/// After how long without a question the server ends by itself at the latest, which matters where
/// this run is killed and nobody ends it.
const IDLE_LIMIT: Duration = Duration::from_secs(600);

/// How long everything may wait for sccache: as somebody has said, or as its configuration asks for.
pub fn stall_limit(world: &World, named: Option<Duration>) -> Duration {
    let elsewhere = || compiles_elsewhere(&text(world).parse().unwrap_or_default());
    named.unwrap_or_else(|| match elsewhere() {
        true => FARM_STALL_LIMIT,
        false => STALL_LIMIT,
    })
}

/// Whether the configuration file names a cache that is shared, or machines that compile.
pub(crate) fn names_others(world: &World) -> bool {
    matches!(Reach::of(&text(world)), Reach::Others)
}

/// How far a configuration file reaches.
#[derive(Debug, Clone, PartialEq)]
enum Reach {
    /// It is about this machine alone, and about its cache it says this.
    Here(toml::Table),
    /// It names a shared cache, or machines that compile.
    Others,
    /// It is not understood.
    Unknown,
}

impl Reach {
    fn of(file: &str) -> Self {
        let Ok(table) = file.parse::<toml::Table>() else {
            return Self::Unknown;
        };
        let cache = table.get("cache").and_then(toml::Value::as_table);
        let cache = cache.cloned().unwrap_or_default();
        match compiles_elsewhere(&table) || cache.keys().any(|kind| kind != DISK) {
            true => Self::Others,
            false => Self::Here(cache),
        }
    }
}

/// The cache of this machine, among the kinds of caches.
const DISK: &str = "disk";

/// What can be said of it, by the key in the file and by the variable.
const DISK_SETTINGS: [(&str, &str); 3] = [
    ("dir", "SCCACHE_DIR"),
    ("size", "SCCACHE_CACHE_SIZE"),
    ("rw_mode", "SCCACHE_LOCAL_RW_MODE"),
];

/// What the server of a build is told beside its user's variables. A file that names others is its
/// user's choice, and one that is not understood is left to sccache to complain of. Any other is
/// kept from the server, which is given an empty one: where the cache is and how large it may be
/// stays, and nothing else of one machine decides about builds or makes them fail.
pub(super) fn server_variables(world: &World, empty: &Path) -> Env {
    let mut env = Env::default();
    let Reach::Here(cache) = Reach::of(&text(world)) else {
        return env;
    };
    env.set(CONF_VAR, empty);
    for (key, variable) in DISK_SETTINGS {
        let said = cache.get(DISK).and_then(|disk| disk.get(key));
        let said = said.and_then(|value| match value {
            toml::Value::String(text) => Some(text.clone()),
            toml::Value::Integer(number) => Some(number.to_string()),
            _ => None,
        });
        if let Some(said) = said.filter(|_| !world.env.is_set(variable)) {
            env.set(variable, said);
        }
    }
    env
}

/// The variable that names the file.
pub(super) const CONF_VAR: &str = "SCCACHE_CONF";

/// Whether a configuration file sends compilations to other machines. No variable does.
fn compiles_elsewhere(table: &toml::Table) -> bool {
    let scheduler = table.get("dist").and_then(|dist| dist.get("scheduler_url"));
    scheduler
        .and_then(toml::Value::as_str)
        .is_some_and(|url| !url.is_empty())
}

/// After how long without a question the server ends by itself. sccache's own variable may make it
/// shorter; without an end, or with a later one, a server could be left behind for long.
pub(super) fn idle_limit(env: &Env) -> Duration {
    let named = env
        .get("SCCACHE_IDLE_TIMEOUT")
        .and_then(|text| text.to_str());
    match named.and_then(|text| text.trim().parse().ok()) {
        None | Some(0) => IDLE_LIMIT,
        Some(seconds) => Duration::from_secs(seconds).min(IDLE_LIMIT),
    }
}

/// How often the server has to be asked something, so that it does not take a long link, which
/// bypasses it, for the end of the build. An answer may take a while, and one may fail.
pub(super) fn keep_alive(idle_limit: Duration) -> Duration {
    idle_limit / 5
}

/// What stands in the file; nothing where there is none.
pub(super) fn text(world: &World) -> String {
    config_file(world.host.os, &world.env)
        .and_then(|path| std::fs::read_to_string(world.cwd.join(path)).ok())
        .unwrap_or_default()
}

/// Where sccache reads its configuration from; documented by sccache.
fn config_file(os: Os, env: &Env) -> Option<PathBuf> {
    let dir = |name: &str| {
        env.get(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    if let Some(path) = dir(CONF_VAR) {
        return Some(path);
    }
    match os {
        Os::Linux => dir("XDG_CONFIG_HOME")
            .filter(|path| path.is_absolute())
            .or_else(|| Some(dir("HOME")?.join(".config")))
            .map(|base| base.join("sccache/config")),
        Os::Macos => Some(dir("HOME")?.join("Library/Application Support/Mozilla.sccache/config")),
        Os::Windows => Some(dir("APPDATA")?.join("Mozilla/sccache/config/config")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(variables: &[(&'static str, &'static str)]) -> Env {
        variables.iter().copied().collect()
    }

    #[test]
    fn whoever_compiles_elsewhere_is_waited_for_longer() {
        let farm = "[dist]\nscheduler_url = \"http://10.0.0.1:10600\"\n";
        for (file, elsewhere) in [
            (farm, true),
            ("[dist]\nscheduler_url = \"\"\n", false),
            ("[dist.auth]\ntype = \"token\"\ntoken = \"x\"\n", false),
            ("[cache.redis]\nendpoint = \"redis://h\"\n", false),
            ("", false),
            ("no [toml", false),
        ] {
            let table = file.parse().unwrap_or_default();
            assert_eq!(compiles_elsewhere(&table), elsewhere, "{file}");
        }
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config");
        std::fs::write(&path, farm).unwrap();
        let mut world = World::capture(process::Runner::default()).unwrap();
        world.env = Env::default();
        assert_eq!(stall_limit(&world, None), STALL_LIMIT);
        world.env.set("SCCACHE_CONF", path);
        assert_eq!(stall_limit(&world, None), FARM_STALL_LIMIT);
        let named = Duration::from_secs(7);
        assert_eq!(stall_limit(&world, Some(named)), named);
    }

    #[test]
    fn a_file_about_this_machine_decides_about_its_cache_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config");
        let mut world = World::capture(process::Runner::default()).unwrap();
        world.env = env(&[("SCCACHE_CACHE_SIZE", "7G")]);
        world.env.set(CONF_VAR, &path);
        let given = |file: &str| -> Vec<String> {
            std::fs::write(&path, file).unwrap();
            let given = server_variables(&world, Path::new("/empty"));
            let text = |(name, value): (&std::ffi::OsStr, &std::ffi::OsStr)| {
                format!("{}={}", name.display(), value.display())
            };
            given.iter().map(text).collect()
        };
        assert_eq!(given(""), ["SCCACHE_CONF=/empty"]);
        // A variable goes before the file, as it does for sccache.
        let disk = "server_startup_timeout_ms = 1\n[cache.disk]\ndir = '/big'\nsize = 9\n\
                    rw_mode = 'READ_ONLY'\n";
        assert_eq!(
            given(disk),
            [
                "SCCACHE_CONF=/empty",
                "SCCACHE_DIR=/big",
                "SCCACHE_LOCAL_RW_MODE=READ_ONLY"
            ]
        );
        for others in [
            "[cache.redis]\nendpoint = 'redis://h'\n",
            "[cache.disk]\ndir = '/big'\n[cache.s3]\nbucket = 'b'\n",
            "[dist]\nscheduler_url = 'http://10.0.0.1:10600'\n",
        ] {
            assert!(given(others).is_empty(), "{others}");
            assert!(names_others(&world));
        }
        assert!(given("no [toml").is_empty());
        assert!(!names_others(&world));
    }

    #[test]
    fn a_server_always_ends_by_itself_and_never_before_it_is_asked() {
        for (said, seconds) in [
            ("", 600),
            ("0", 600),
            ("never", 600),
            ("3600", 600),
            ("20", 20),
        ] {
            let idle = idle_limit(&env(&[("SCCACHE_IDLE_TIMEOUT", said)]));
            assert_eq!(idle.as_secs(), seconds, "{said}");
            assert!(keep_alive(idle) * 4 < idle);
        }
        assert_eq!(idle_limit(&Env::default()), IDLE_LIMIT);
    }

    #[test]
    fn the_file_of_each_system() {
        let all = env(&[("HOME", "/h"), ("APPDATA", "/a"), ("XDG_CONFIG_HOME", "/x")]);
        let home = env(&[("HOME", "/h")]);
        let named = env(&[("HOME", "/h"), ("SCCACHE_CONF", "/c")]);
        for (os, env, path) in [
            (Os::Linux, &all, Some("/x/sccache/config")),
            (Os::Linux, &home, Some("/h/.config/sccache/config")),
            (
                Os::Macos,
                &all,
                Some("/h/Library/Application Support/Mozilla.sccache/config"),
            ),
            (Os::Windows, &all, Some("/a/Mozilla/sccache/config/config")),
            (Os::Windows, &home, None),
            (Os::Windows, &named, Some("/c")),
        ] {
            assert_eq!(config_file(os, env).as_deref(), path.map(Path::new));
        }
    }
}
