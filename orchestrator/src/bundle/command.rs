//! Which command makes a product's bundles, and what of the environment it gets to see.

use super::BundleError;
use super::cache::WRAPPER;
use crate::context::World;
use crate::products::{CONFIG_PLACE, Declared, TAURI_CONFIGS};
use crate::sign::{KEY_VAR, PASSWORD_VAR};
use process::{AllowList, Env};
use release_types::{Os, Platform, ProductName};
use std::path::{Path, PathBuf};

/// What Tauri's tool, npm and the programs that pack bundles read beyond what builds do. No pattern lets a
/// secret through.
const BUNDLERS: [&str; 8] = [
    "APPIMAGE_EXTRACT_AND_RUN",
    "COREPACK_*",
    "NODE_*",
    "NO_STRIP",
    "NPM_CONFIG_*",
    "PNPM_HOME",
    "TAURI_*",
    "WIX*",
];

/// What gives a Tauri application its version, in the form of a JSON Merge Patch of its configuration, and
/// says what it is built for where that is not this machine.
fn flags(version: &semver::Version, host: Platform, target: Platform) -> Vec<String> {
    let config = serde_json::json!({"version": version.to_string()});
    let mut flags = Vec::new();
    if target != host {
        flags.extend(["--target".to_owned(), target.target_triple().to_owned()]);
    }
    flags.extend(["--config".to_owned(), config.to_string()]);
    flags
}

/// The whole command: the one that the product declares, else Tauri's tool, with the version.
pub(super) fn command(
    world: &World,
    (product, declared): (&ProductName, &Declared),
    version: &semver::Version,
    target: Platform,
) -> Result<Vec<String>, BundleError> {
    let folder = &declared.folder;
    let (program, words) = match declared.bundle.as_deref() {
        Some([program, words @ ..]) => {
            let found = find(world, folder, program);
            let found = found.ok_or_else(|| BundleError::NoProgram {
                product: product.clone(),
                folder: folder.clone(),
                program: program.clone(),
            })?;
            (found, words.to_vec())
        }
        Some([]) | None => tauri(world, product, folder)?,
    };
    let mut all = vec![text(&program)?];
    let flags = flags(version, world.host, target);
    match words.iter().position(|word| word == CONFIG_PLACE) {
        Some(place) => {
            all.extend_from_slice(&words[..place]);
            all.extend(flags);
            all.extend_from_slice(&words[place + 1..]);
        }
        None => {
            all.extend(words);
            all.extend(flags);
        }
    }
    Ok(all)
}

/// Tauri's tool: where npm puts it, else cargo's subcommand, else the one on `PATH`.
fn tauri(
    world: &World,
    product: &ProductName,
    folder: &Path,
) -> Result<(PathBuf, Vec<String>), BundleError> {
    if !TAURI_CONFIGS.iter().any(|name| folder.join(name).is_file()) {
        return Err(BundleError::NoCommand {
            product: product.clone(),
            folder: folder.to_owned(),
        });
    }
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    if let Some(installed) = in_node_modules(world, folder, "tauri") {
        return Ok((installed, words(&["build"])));
    }
    if world.find_program("cargo-tauri").is_some()
        && let Some(cargo) = world.find_program("cargo")
    {
        return Ok((cargo, words(&["tauri", "build"])));
    }
    match world.find_program("tauri") {
        Some(tauri) => Ok((tauri, words(&["build"]))),
        None => Err(BundleError::NoTauri {
            product: product.clone(),
            folder: folder.to_owned(),
        }),
    }
}

/// A program as it would be found from the product's folder: by its path, where npm puts it, or on `PATH`.
fn find(world: &World, folder: &Path, program: &str) -> Option<PathBuf> {
    let there = World {
        cwd: folder.to_owned(),
        ..world.clone()
    };
    let is_path = program.contains('/') || program.contains('\\') && world.host.os == Os::Windows;
    match is_path {
        true => there.find_program(program),
        false => in_node_modules(world, folder, program).or_else(|| there.find_program(program)),
    }
}

fn in_node_modules(world: &World, folder: &Path, program: &str) -> Option<PathBuf> {
    let name = match world.host.os {
        Os::Windows => format!("{program}.cmd"),
        Os::Linux | Os::Macos => program.to_owned(),
    };
    let mut installed = folder
        .ancestors()
        .map(|dir| dir.join("node_modules/.bin").join(&name));
    installed.find(|path| path.is_file())
}

/// What of the outside's environment the command gets to see. The keys that bundles are signed with are
/// never among it, whatever is passed on.
pub(super) fn seen(env: &Env, pass_env: &[String], with_cache: bool) -> Env {
    let mut allowed = AllowList::base().build().and(&BUNDLERS).and(pass_env);
    // What a shared cache is reached by, which may hold a password, is not for commands to see.
    if with_cache {
        allowed = allowed.and(&[WRAPPER]);
    }
    let mut seen = env.allowed(&allowed);
    for name in [KEY_VAR, PASSWORD_VAR] {
        seen.remove(name);
    }
    seen
}

fn text(path: &Path) -> Result<String, BundleError> {
    let text = path.to_str().map(str::to_owned);
    text.ok_or_else(|| BundleError::Path(path.to_owned()))
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn add(path: &Path) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "#!/bin/sh\n").unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[test]
    fn tauris_tool_is_found_and_gets_the_version() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        let folder = root.join("apps/launcher");
        std::fs::create_dir_all(folder.join("src-tauri")).unwrap();
        let mut world = World::capture(process::Runner::default()).unwrap();
        world.host = "linux-x64".parse().unwrap();
        world.env = Env::default();
        world.env.set("PATH", root.join("bin"));
        let mut declared = Declared {
            folder: folder.clone(),
            public_key: None,
            group: "launcher".to_owned(),
            bundle: None,
            tauri_signs: false,
        };
        let product: ProductName = "launcher".parse().unwrap();
        let version: semver::Version = "1.4.0-rc.1".parse().unwrap();
        let of = |declared: &Declared, target: &str| {
            let target = target.parse().unwrap();
            let words = command(&world, (&product, declared), &version, target)?;
            let words = words.join(" ");
            Ok::<_, BundleError>(words.replace(&*root.to_string_lossy(), "."))
        };
        let config = r#"--config {"version":"1.4.0-rc.1"}"#;
        let error = of(&declared, "linux-x64").unwrap_err();
        assert!(matches!(error, BundleError::NoCommand { .. }), "{error}");
        std::fs::write(folder.join("src-tauri/tauri.conf.json"), "{}").unwrap();
        let error = of(&declared, "linux-x64").unwrap_err();
        assert!(matches!(error, BundleError::NoTauri { .. }), "{error}");
        add(&root.join("bin/tauri"));
        let ours = |words: &str| format!("{words} {config}");
        assert_eq!(
            of(&declared, "linux-x64").unwrap(),
            ours("./bin/tauri build")
        );
        add(&root.join("bin/cargo"));
        add(&root.join("bin/cargo-tauri"));
        let found = of(&declared, "linux-x64").unwrap();
        assert_eq!(found, ours("./bin/cargo tauri build"));
        add(&root.join("apps/node_modules/.bin/tauri"));
        let npms = "./apps/node_modules/.bin/tauri build";
        assert_eq!(of(&declared, "linux-x64").unwrap(), ours(npms));
        let found = of(&declared, "linux-arm64").unwrap();
        let cross = format!("{npms} --target aarch64-unknown-linux-gnu");
        assert_eq!(found, ours(&cross));

        let words = |words: &[&str]| Some(words.iter().map(|word| (*word).to_owned()).collect());
        declared.bundle = words(&["npm", "run", "tauri", "build", "--"]);
        let error = of(&declared, "linux-x64").unwrap_err();
        assert!(error.to_string().contains("`npm`"), "{error}");
        add(&root.join("bin/npm"));
        let found = of(&declared, "linux-x64").unwrap();
        assert_eq!(found, ours("./bin/npm run tauri build --"));
        declared.bundle = words(&["cargo", "tauri", "build", "{config}", "--", "--locked"]);
        let found = of(&declared, "linux-x64").unwrap();
        assert_eq!(
            found,
            format!("./bin/cargo tauri build {config} -- --locked")
        );
        add(&folder.join("make.sh"));
        declared.bundle = words(&["./make.sh"]);
        let found = of(&declared, "linux-x64").unwrap();
        assert!(found.ends_with(&ours("make.sh")), "{found}");
    }

    #[test]
    fn keys_to_sign_with_are_never_seen() {
        let env: Env = [
            ("PATH", "/bin"),
            ("TAURI_SIGNING_PRIVATE_KEY", "k"),
            ("TAURI_SIGNING_PRIVATE_KEY_PASSWORD", "p"),
            ("TAURI_BUNDLER_TOOLS_GITHUB_MIRROR", "m"),
            ("npm_config_registry", "r"),
            ("npm_config_//r/:_authToken", "t"),
            ("APPLE_ID", "a"),
            ("APPLE_CERTIFICATE", "with its key"),
            ("APPLE_CERTIFICATE_PASSWORD", "p"),
            ("ATLAS_APP_DEPLOY_TOKEN", "d"),
        ]
        .into_iter()
        .collect();
        let names = |pass: &[&str]| {
            let pass: Vec<String> = pass.iter().map(|name| (*name).to_owned()).collect();
            let seen = seen(&env, &pass, true);
            let names = seen
                .iter()
                .map(|(name, _)| name.to_string_lossy().into_owned());
            let mut names: Vec<String> = names.collect();
            names.sort();
            names.join(" ")
        };
        let usual = "PATH TAURI_BUNDLER_TOOLS_GITHUB_MIRROR npm_config_registry";
        assert_eq!(names(&[]), usual);
        let passed = names(&["APPLE_ID", "TAURI_SIGNING_PRIVATE_KEY"]);
        assert_eq!(passed, format!("APPLE_ID {usual}"));
        // Nor is what code is signed with, unless its name is said.
        assert_eq!(names(&["APPLE_*"]), format!("APPLE_ID {usual}"));
        let named = format!("APPLE_CERTIFICATE {usual}");
        assert_eq!(names(&["APPLE_CERTIFICATE"]), named);
    }
}
