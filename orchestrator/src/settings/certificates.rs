//! Where the environment says that trusted certificates are, looked at before anything reads them.
//!
//! Clients read what `SSL_CERT_FILE` and `SSL_CERT_DIR` name to its end and without a bound, so a device
//! would never be done with, and a pipe be waited for. Only Linux goes by them: elsewhere the system is asked.

use super::SettingsError;
use crate::context::World;
use hub_client::open_regular;
use release_types::Os;
use std::ffi::OsStr;
use std::io;
use std::path::Path;

/// The longest file that is read, in bytes: a system's own list has some 300 KiB.
const LONGEST: u64 = 16 * 1024 * 1024;

/// Makes sure that what the environment names can be read to its end. What is not there is left to whoever
/// needs it.
///
/// # Errors
/// Which variable names what, and why it cannot be read.
pub fn certificates(world: &World) -> Result<(), SettingsError> {
    if world.host.os != Os::Linux {
        return Ok(());
    }
    let named = |variable| world.env.get(variable).filter(|value| !value.is_empty());
    if let Some(path) = named("SSL_CERT_FILE") {
        let path = world.absolute(Path::new(path));
        // Whoever trusts the files of SSL_CERT_DIR alone says so by this one.
        if path != Path::new("/dev/null") && !path.is_dir() {
            check("SSL_CERT_FILE", &path)?;
        }
    }
    let folders = named("SSL_CERT_DIR").map(OsStr::to_owned);
    let folders = folders.iter().flat_map(std::env::split_paths);
    // An empty part of the list is no folder, least of all the one that this runs in.
    for folder in folders.filter(|folder| !folder.as_os_str().is_empty()) {
        let Ok(entries) = std::fs::read_dir(world.absolute(&folder)) else {
            continue;
        };
        // Of a folder, clients read regular files alone.
        let files = entries.flatten().map(|entry| entry.path());
        for path in files.filter(|path| path.is_file()) {
            check("SSL_CERT_DIR", &path)?;
        }
    }
    Ok(())
}

fn check(variable: &'static str, path: &Path) -> Result<(), SettingsError> {
    let failed = |source| SettingsError::Certificates {
        variable,
        path: path.to_owned(),
        source,
    };
    let length = match open_regular(path).and_then(|file| file.metadata()) {
        Ok(meta) => meta.len(),
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => return Err(failed(error)),
        Err(_) => return Ok(()),
    };
    match length > LONGEST {
        true => {
            let why = format!("it is longer than {LONGEST} bytes");
            Err(failed(io::Error::other(why)))
        }
        false => Ok(()),
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use process::{Env, NameCase, Runner};

    #[test]
    fn what_has_no_end_is_not_read() {
        let dir = tempfile::tempdir().unwrap();
        let long = dir.path().join("long.pem");
        std::fs::File::create(&long)
            .unwrap()
            .set_len(LONGEST + 1)
            .unwrap();
        let folder = dir.path().to_str().unwrap();
        let with = |variable: &'static str, value: &str| {
            let mut world = World::capture(Runner::default()).unwrap();
            world.env = Env::of(NameCase::Exact, [(variable, value)]);
            world.cwd = dir.path().to_owned();
            certificates(&world).map_err(|error| crate::error::with_causes(&error))
        };
        for (variable, value, why) in [
            (
                "SSL_CERT_FILE",
                "/dev/zero",
                "/dev/zero, which holds no certificates: it is a device",
            ),
            ("SSL_CERT_FILE", long.to_str().unwrap(), "it is longer than"),
            (
                "SSL_CERT_DIR",
                &format!("/nowhere:{folder}"),
                "long.pem, which holds no",
            ),
        ] {
            let said = with(variable, value).unwrap_err();
            assert!(said.starts_with(&format!("{variable} leads to ")), "{said}");
            assert!(said.contains(why), "{said}");
        }
        for (variable, value) in [
            ("SSL_CERT_FILE", ""),
            ("SSL_CERT_FILE", "/dev/null"),
            ("SSL_CERT_FILE", folder),
            ("SSL_CERT_FILE", "/nowhere/at/all"),
            // Of a folder, what is no regular file is not read.
            ("SSL_CERT_DIR", "/dev"),
            // The folder that it runs in has a long file.
            ("SSL_CERT_DIR", "/nowhere::"),
            ("SSL_CERT_DIR", ""),
            ("ANOTHER", "value"),
        ] {
            assert_eq!(with(variable, value), Ok(()), "{variable}={value}");
        }
    }
}
