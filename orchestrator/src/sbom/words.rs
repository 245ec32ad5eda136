//! What packages are called in a bill of materials: addresses of packages, licences, places of sources.

use super::form::Licence;
use crate::build::without_users;
use crate::dependencies::{Package, Source};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::collections::BTreeMap;
use url::Url;

/// What stands as it is in the parts of a package's address. Source: the purl specification, "Rules for each
/// purl component" and "Character encoding".
const KEPT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The same within a qualifier, where addresses can be read.
const KEPT_IN_ADDRESS: &AsciiSet = &KEPT.remove(b':').remove(b'/');

/// A package's address (`pkg:cargo/serde@1.0.0`). One of a folder has none: by its name alone it would be taken
/// for a package of crates.io's. Nor has one of a registry or repository that is a folder of somebody's machine,
/// which is nobody else's to know.
pub(super) fn purl(package: &Package) -> Option<String> {
    let place = match &package.source {
        Source::CratesIo => String::new(),
        Source::Registry(index) => {
            let index = index.strip_prefix("registry+").unwrap_or(index);
            let index = index.strip_prefix("sparse+").unwrap_or(index);
            // One that is in no lock file is known by its name alone.
            if !is_remote(index) && !is_name(index) {
                return None;
            }
            format!("?repository_url={}", address(index))
        }
        Source::Git(source) => {
            let (repository, commit) = source.split_once('#').unwrap_or((source, ""));
            // Which branch or tag it was does not matter, as the commit is known.
            let (repository, _) = repository.split_once('?').unwrap_or((repository, ""));
            if !is_remote(repository.strip_prefix("git+").unwrap_or(repository)) {
                return None;
            }
            let at = if commit.is_empty() { "" } else { "@" };
            format!("?vcs_url={}", address(&format!("{repository}{at}{commit}")))
        }
        Source::Local => return None,
    };
    let name = utf8_percent_encode(&package.name, KEPT);
    let version = package.version.to_string();
    let version = utf8_percent_encode(&version, KEPT);
    Some(format!("pkg:cargo/{name}@{version}{place}"))
}

/// Whether a text is an address at some host. `file:` has none, or has one that counts for nothing.
fn is_remote(text: &str) -> bool {
    const SCHEMES: [&str; 4] = ["https", "http", "ssh", "git"];
    let url = Url::parse(text);
    url.is_ok_and(|url| {
        SCHEMES.contains(&url.scheme()) && url.host_str().is_some_and(|host| !host.is_empty())
    })
}

/// Whether a text can be the name of a registry, as Cargo has them.
fn is_name(text: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
    !text.is_empty() && text.chars().all(is_part)
}

fn address(text: &str) -> String {
    let text = without_users(text);
    utf8_percent_encode(&text, KEPT_IN_ADDRESS).to_string()
}

/// What each of these packages is called within one document: its address, or what says that it has none. Two may
/// come from one place and be two to Cargo, such as a commit that is asked for by a branch and by a tag: each but the
/// first has a number.
pub(super) fn references(packages: &[Package]) -> Vec<String> {
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    let one = |package: &Package| {
        let local = || format!("local:{}@{}", package.name, package.version);
        let reference = purl(package).unwrap_or_else(local);
        let count = known.entry(reference.clone()).or_default();
        *count += 1;
        match count {
            1 => reference,
            // Neither an address nor a name or version has this character.
            count => format!("{reference}#{count}"),
        }
    };
    packages.iter().map(one).collect()
}

/// A package's licences. Old packages have `/` for "or", as Cargo once wanted it.
pub(super) fn licences(package: &Package) -> Vec<Licence> {
    let licence = |text: &str| {
        let expression = match text.contains('/') {
            true => text
                .split('/')
                .map(str::trim)
                .collect::<Vec<_>>()
                .join(" OR "),
            false => text.to_owned(),
        };
        match spdx::Expression::parse(&expression) {
            Ok(_) => Licence::Expression(expression),
            Err(_) => Licence::License {
                name: text.to_owned(),
            },
        }
    };
    package
        .licence
        .as_deref()
        .map(licence)
        .into_iter()
        .collect()
}

/// A text that is an address on the web, without a user's name or password.
pub(super) fn web_address(text: &str) -> Option<String> {
    let url = Url::parse(&without_users(text)).ok()?;
    let is_web = ["http", "https"].contains(&url.scheme()) && url.has_host();
    is_web.then(|| url.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dependencies::Kind;

    fn package(source: Source) -> Package {
        Package {
            name: "some_name".to_owned(),
            version: "1.2.3-rc.1+build".parse().unwrap(),
            source,
            kind: Kind::Runtime,
            licence: None,
            repository: None,
            checksum: None,
            needs: Vec::new(),
        }
    }

    #[test]
    fn addresses_of_packages() {
        let of = |source| purl(&package(source));
        let name = "pkg:cargo/some_name@1.2.3-rc.1%2Bbuild";
        assert_eq!(of(Source::CratesIo).as_deref(), Some(name));
        assert_eq!(of(Source::Local), None);
        assert_eq!(
            references(&[package(Source::Local)]),
            ["local:some_name@1.2.3-rc.1+build"]
        );
        let git = "git+https://h.example/g.git?branch=main#0123456789abcdef";
        assert_eq!(
            of(Source::Git(git.to_owned())).unwrap(),
            format!("{name}?vcs_url=git%2Bhttps://h.example/g.git%400123456789abcdef")
        );
        for index in [
            "sparse+https://r.example/i/",
            "registry+https://r.example/i/",
        ] {
            assert_eq!(
                of(Source::Registry(index.to_owned())).unwrap(),
                format!("{name}?repository_url=https://r.example/i/")
            );
        }
    }

    #[test]
    fn packages_from_one_place_have_each_a_name_of_its_own() {
        let of = |how: &str| {
            let source = format!("git+https://h.example/g.git{how}#0123456789abcdef");
            package(Source::Git(source))
        };
        let one = purl(&of("")).unwrap();
        let packages = [
            of(""),
            of("?branch=main"),
            package(Source::CratesIo),
            of("?tag=v1"),
        ];
        let crates_io = purl(&packages[2]).unwrap();
        assert_eq!(
            references(&packages),
            [
                one.clone(),
                format!("{one}#2"),
                crates_io,
                format!("{one}#3")
            ]
        );
        let two = [package(Source::Local), package(Source::Local)];
        assert_eq!(references(&two)[1], "local:some_name@1.2.3-rc.1+build#2");
    }

    #[test]
    fn no_folder_of_a_machine_is_in_an_address() {
        for git in [
            "git+file:///home/me/g?branch=main#0123456789abcdef",
            "git+file://localhost/home/me/g#0123456789abcdef",
            "git+/home/me/g#01",
            "git+C:\\home\\me\\g#01",
            "git+c:/home/me/g#01",
        ] {
            assert_eq!(purl(&package(Source::Git(git.to_owned()))), None, "{git}");
        }
        for index in [
            "registry+file:///home/me/index",
            "sparse+file:///home/me/index",
            "local-registry+file:///home/me/index",
            "/home/me/index",
            "file:///home/me/index",
        ] {
            let found = purl(&package(Source::Registry(index.to_owned())));
            assert_eq!(found, None, "{index}");
        }
        let named = purl(&package(Source::Registry("ours".to_owned()))).unwrap();
        assert!(named.ends_with("?repository_url=ours"), "{named}");
        let ssh = Source::Git("git+ssh://git@h.example/home/g#01".to_owned());
        let found = purl(&package(ssh)).unwrap();
        assert!(
            found.ends_with("?vcs_url=git%2Bssh://git%40h.example/home/g%4001"),
            "{found}"
        );
    }

    #[test]
    fn nobodys_password_is_in_an_address() {
        let git = "git+https://me:hunter2@h.example/g#01".to_owned();
        let registry = "sparse+https://hunter2@r.example/".to_owned();
        for source in [Source::Git(git), Source::Registry(registry)] {
            let found = purl(&package(source)).unwrap();
            assert!(!found.contains("hunter2"), "{found}");
        }
        let found = web_address("https://me:hunter2@h.example/x").unwrap();
        assert_eq!(found, "https://h.example/x");
    }

    #[test]
    fn licences_are_expressions_or_names() {
        let of = |text: &str| {
            let mut package = package(Source::CratesIo);
            package.licence = Some(text.to_owned());
            licences(&package).remove(0)
        };
        let expression = |text: &str| Licence::Expression(text.to_owned());
        assert_eq!(of("MIT"), expression("MIT"));
        let both = "(MIT OR Apache-2.0) AND Unicode-3.0";
        assert_eq!(of(both), expression(both));
        assert_eq!(of("MIT/Apache-2.0"), expression("MIT OR Apache-2.0"));
        let exception = "Apache-2.0 WITH LLVM-exception";
        assert_eq!(of(exception), expression(exception));
        for name in ["Our own terms", "non-standard", "MIT AND"] {
            let name = name.to_owned();
            assert_eq!(of(&name), Licence::License { name });
        }
        assert!(licences(&package(Source::CratesIo)).is_empty());
    }

    #[test]
    fn places_of_sources_are_addresses_on_the_web() {
        assert!(web_address("https://h.example/x").is_some());
        for none in [
            "",
            "h.example/x",
            "/home/me/x",
            "git@h.example:x",
            "ssh://h/x",
        ] {
            assert_eq!(web_address(none), None, "{none}");
        }
    }
}
