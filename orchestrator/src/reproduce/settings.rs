//! cargo's settings as a copy of them elsewhere needs them: without secrets, and with paths that lead to
//! where they led.

use crate::build::may_hold_secret;
use process::is_secret_name;
use std::io;
use std::path::Path;
use toml::{Table, Value};

/// Copies a configuration file without what may be a secret. Its comments stay behind, which may
/// hold one too.
pub(super) fn copy_settings(from: &Path, to: &Path) -> io::Result<()> {
    let invalid = |error: String| io::Error::new(io::ErrorKind::InvalidData, error);
    let mut table: Table = std::fs::read_to_string(from)?
        .parse()
        .map_err(|error: toml::de::Error| invalid(error.message().to_owned()))?;
    strip(&mut table);
    // What is relative begins at the folder that holds the file's folder.
    let base = from.parent().and_then(Path::parent);
    if let Some(base) = base {
        make_absolute(&mut table, base);
    }
    let text = toml::to_string(&table).map_err(|error| invalid(error.to_string()))?;
    std::fs::write(to, text)?;
    std::fs::set_permissions(to, std::fs::metadata(from)?.permissions())
}

/// Removes `token` and `secret-key` of `[registry]` and of each of `[registries]`, variables of `[env]`
/// that look like secrets, and users of addresses. How a credential is come by
/// (`credential-provider`) stays: it is none. Source: The Cargo Book, "Configuration" and "Registry
/// Authentication".
fn strip(table: &mut Table) {
    let without = |registry: &mut Value| {
        if let Some(registry) = registry.as_table_mut() {
            registry.retain(|key, _| !["token", "secret-key"].contains(&key));
        }
    };
    table.get_mut("registry").into_iter().for_each(without);
    for (_, registry) in tables(table, "registries") {
        without(registry);
    }
    if let Some(env) = table.get_mut("env").and_then(Value::as_table_mut) {
        env.retain(|name, value| {
            let text = value.get("value").unwrap_or(value).as_str();
            !is_secret_name(name) && !text.is_some_and(may_hold_secret)
        });
    }
    // It needs no scheme, and has nothing behind its host that an `@` could stand in.
    for (_, proxy) in tables(table, "http").filter(|(key, _)| *key == "proxy") {
        if let Value::String(text) = proxy
            && let Some(user) = text.rfind('@')
        {
            let host = text.find("://").map_or(0, |at| at + "://".len());
            text.replace_range(host..=user, "");
        }
    }
    for (_, value) in table.iter_mut() {
        without_users(value);
    }
}

/// The entries of a table of tables.
fn tables<'t>(table: &'t mut Table, name: &str) -> impl Iterator<Item = (&'t str, &'t mut Value)> {
    let inner = table.get_mut(name).and_then(Value::as_table_mut);
    let entries = inner.into_iter().flat_map(Table::iter_mut);
    entries.map(|(key, value)| (key.as_str(), value))
}

/// Takes users, with or without a password, out of web addresses, wherever they stand.
fn without_users(value: &mut Value) {
    match value {
        Value::String(text) => *text = crate::build::without_users(text),
        Value::Array(values) => values.iter_mut().for_each(without_users),
        Value::Table(table) => table.iter_mut().for_each(|(_, value)| without_users(value)),
        Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) => {}
    }
}

/// Makes relative paths absolute. A program without a folder is looked for on `PATH` and stays as it
/// is. Source: The Cargo Book, "Config-relative paths" and "Executable paths".
fn make_absolute(table: &mut Table, base: &Path) {
    let path = |value: &mut Value| {
        if let Value::String(text) = value {
            *text = base.join(&*text).to_string_lossy().into_owned();
        }
    };
    let program = |value: &mut Value| {
        // Its arguments may follow it in a list.
        let value = match value {
            Value::Array(words) => words.first_mut(),
            value => Some(value),
        };
        if let Some(value) = value
            && value
                .as_str()
                .is_some_and(|text| text.contains(['/', '\\']))
        {
            path(value);
        }
    };
    if let Some(Value::Array(paths)) = table.get_mut("paths") {
        paths.iter_mut().for_each(path);
    }
    for (_, source) in tables(table, "source") {
        for key in ["directory", "local-registry"] {
            source.get_mut(key).into_iter().for_each(path);
        }
    }
    for (_, registry) in tables(table, "patch") {
        let packages = registry
            .as_table_mut()
            .into_iter()
            .flat_map(Table::iter_mut);
        packages.for_each(|(_, package)| package.get_mut("path").into_iter().for_each(path));
    }
    for (key, value) in tables(table, "build") {
        match key {
            // A template of cargo's: it begins with one of the folders that cargo puts in.
            "build-dir" if value.as_str().is_some_and(|dir| dir.starts_with('{')) => {}
            "target-dir" | "build-dir" => path(value),
            "rustc" | "rustdoc" | "rustc-wrapper" | "rustc-workspace-wrapper" => program(value),
            _ => {}
        }
    }
    for (_, target) in tables(table, "target") {
        for key in ["linker", "runner", "ar"] {
            target.get_mut(key).into_iter().for_each(program);
        }
    }
    for (key, value) in tables(table, "http") {
        if ["cainfo", "proxy-cainfo"].contains(&key) {
            path(value);
        }
    }
    for (_, variable) in tables(table, "env") {
        let relative = variable.get("relative").and_then(Value::as_bool);
        if relative == Some(true) {
            variable.get_mut("value").into_iter().for_each(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::seed::seed;
    use super::*;
    use crate::dependencies::Lock;

    #[test]
    fn settings_are_taken_along_without_secrets() {
        let text = "# token = \"in-a-comment\"\n\
                    [registry]\ntoken = \"first-secret\"\nglobal-credential-providers = [\"cargo:token\"]\n\
                    [registries.ours]\nindex = \"sparse+https://example.com/\"\n\
                    token = \"second-secret\"\nsecret-key = \"third-secret\"\n\
                    credential-provider = \"cargo:token\"\n\
                    [registries.theirs]\ntoken = \"fourth-secret\"\nindex = \"i\"\n\
                    [net]\noffline = true\n[target.'cfg(unix)']\nrustflags = [\"-C\", \"token=no-secret\"]\n";
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        std::fs::create_dir(&from).unwrap();
        std::fs::write(from.join("config.toml"), text).unwrap();
        std::fs::write(from.join("credentials.toml"), text).unwrap();
        #[cfg(unix)]
        crate::system::set_mode(&from.join("config.toml"), 0o600).unwrap();
        seed(&from, &to, &Lock::default()).unwrap();
        assert!(!to.join("credentials.toml").exists());
        let copied = std::fs::read_to_string(to.join("config.toml")).unwrap();
        for secret in ["first", "second", "third", "fourth"] {
            assert!(!copied.contains(&format!("{secret}-secret")), "{copied}");
        }
        assert!(!copied.contains("in-a-comment"), "{copied}");
        let mut expected: toml::Table = text.parse().unwrap();
        let registry = expected["registry"].as_table_mut().unwrap();
        registry.remove("token");
        let registries = expected["registries"].as_table_mut().unwrap();
        let ours = registries["ours"].as_table_mut().unwrap();
        ours.remove("token");
        ours.remove("secret-key");
        registries["theirs"].as_table_mut().unwrap().remove("token");
        assert_eq!(copied.parse::<toml::Table>().unwrap(), expected);
        assert_eq!(expected["net"]["offline"].as_bool(), Some(true));
        #[cfg(unix)]
        assert_eq!(
            crate::system::mode(&to.join("config.toml")).unwrap(),
            Some(0o600)
        );
        std::fs::write(from.join("config.toml"), "no [toml").unwrap();
        let error = seed(&from, &to, &Lock::default()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }

    fn copied(text: &str) -> String {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("cargo"), dir.path().join("to"));
        std::fs::create_dir(&from).unwrap();
        std::fs::write(from.join("config.toml"), text).unwrap();
        copy_settings(&from.join("config.toml"), &to).unwrap();
        let base = dir.path().to_string_lossy();
        std::fs::read_to_string(to)
            .unwrap()
            .replace(&*base, "<base>")
    }

    #[test]
    fn users_of_addresses_and_secret_variables_stay_behind() {
        let found = copied(
            "[http]\nproxy = \"http://me:hunter2@proxy:1\"\n\
             [source.ours]\nregistry = \"sparse+https://hunter2@h/index/\"\n\
             [env]\nMY_TOKEN = \"hunter2\"\nPLAIN = \"kept\"\n\
             DB = { value = \"me:hunter2@h\", force = true }\n",
        );
        assert!(!found.contains("hunter2"), "{found}");
        for kept in [
            "http://proxy:1",
            "sparse+https://h/index/",
            "PLAIN = \"kept\"",
        ] {
            assert!(found.contains(kept), "{found}");
        }
        for (proxy, kept) in [
            ("me:hunter2@proxy:1", "proxy:1"),
            ("http://me:hunter2/x@proxy:1", "http://proxy:1"),
            ("http://proxy:1", "http://proxy:1"),
        ] {
            let found = copied(&format!("[http]\nproxy = \"{proxy}\"\n"));
            assert_eq!(found, format!("[http]\nproxy = \"{kept}\"\n"));
        }
    }

    #[test]
    fn relative_paths_lead_to_where_they_led() {
        let found = copied(
            "paths = [\"mine\"]\n[source.v]\ndirectory = \"vend\"\n\
             [build]\nrustc-wrapper = \"tools/wrap\"\njobs = 3\nbuild-dir = \"{workspace-root}/x\"\n\
             [target.x]\nlinker = \"clang\"\nrunner = [\"run/it\", \"a/b\"]\n\
             [http]\ncainfo = \"/etc/ca.pem\"\n\
             [env]\nSDK = { value = \"sdk\", relative = true }\nWORD = \"a/b\"\n",
        );
        for line in [
            "\"<base>/mine\"",
            "directory = \"<base>/vend\"",
            "rustc-wrapper = \"<base>/tools/wrap\"",
            "build-dir = \"{workspace-root}/x\"",
            "linker = \"clang\"",
            "\"<base>/run/it\", \"a/b\"",
            "cainfo = \"/etc/ca.pem\"",
            "value = \"<base>/sdk\"",
            "WORD = \"a/b\"",
        ] {
            assert!(found.contains(line), "{line}: {found}");
        }
    }
}
