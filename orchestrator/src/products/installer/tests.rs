//! What is declared of installers.

use super::*;
use serde_json::json;

fn cargo_package(change: impl FnOnce(&mut Value)) -> CargoPackage {
    let mut package = json!({
        "name": "demo", "version": "0.1.0", "id": "path+file:///w/demo#0.1.0",
        "dependencies": [], "targets": [], "features": {}, "edition": "2024",
        "manifest_path": "/w/demo/Cargo.toml", "authors": ["Me <me@example.com>"],
        "description": "Shows how it is done.\n\nAnd more.\n", "license": "MIT",
        "repository": "https://example.com/demo",
    });
    change(&mut package);
    serde_json::from_value(package).unwrap()
}

fn parsed(section: Value, bin: &str) -> Result<InstallerSettings, String> {
    InstallerSettings::parse(section, &cargo_package(|_| {}), bin)
}

#[test]
fn what_is_not_said_is_taken_from_the_package() {
    let settings = parsed(json!({}), "Demo_tool").unwrap();
    assert_eq!(settings.formats, Format::ALL);
    assert_eq!(settings.identifier, "demo-tool");
    let (version, needs) = ("1.4.0".parse().unwrap(), vec!["libc6".to_owned()]);
    let package = settings.package(Format::Deb, &version, Arch::X64, needs, 7);
    assert_eq!(package.name, "demo-tool");
    assert_eq!(package.maintainer, "Me <me@example.com>");
    assert_eq!(package.summary, "Shows how it is done");
    assert_eq!(package.description, "And more.");
    assert_eq!(
        package.homepage.as_deref(),
        Some("https://example.com/demo")
    );
    assert_eq!((package.section.as_str(), package.modified), (SECTION, 7));
    assert_eq!(package.depends, ["libc6"]);
}

#[test]
fn what_is_said_counts() {
    let settings = parsed(
        json!({
            "formats": ["zip", "rpm", "deb", "deb"], "name": "demo-cli",
            "identifier": "com.example.demo", "maintainer": "You <you@example.com>",
            "section": "devel", "completions": ["completions", "{shell}"], "man": ["man"],
            "depends": {"deb": ["git", "libc6"], "rpm": ["git >= 2"]},
        }),
        "demo",
    )
    .unwrap();
    let formats = |os| settings.formats_for(os).collect::<Vec<_>>();
    assert_eq!(formats(Os::Linux), [Format::Deb, Format::Rpm]);
    assert_eq!(formats(Os::Windows), [Format::Zip]);
    assert_eq!(formats(Os::Macos), []);
    let version = "1.4.0".parse().unwrap();
    let needs = |format| {
        let found = vec!["libc6".to_owned()];
        settings
            .package(format, &version, Arch::Arm64, found, 0)
            .depends
    };
    assert_eq!(needs(Format::Deb), ["libc6", "git"]);
    assert_eq!(needs(Format::Rpm), ["libc6", "git >= 2"]);
}

#[test]
fn what_no_installer_can_show_is_named() {
    for (section, bin, says) in [
        (json!({"colour": "red"}), "demo", "unknown field `colour`"),
        (json!({"formats": ["msi"]}), "demo", "unknown variant `msi`"),
        (json!({"formats": []}), "demo", "`formats` names none"),
        (
            json!({"completions": ["completions"]}),
            "demo",
            "has no {shell}",
        ),
        (
            json!({}),
            "de mo",
            "the binary `de mo` has to be of letters",
        ),
        (
            json!({"identifier": "a b"}),
            "demo",
            "`identifier` is `a b`",
        ),
        (
            json!({"name": "Demo"}),
            "demo",
            "the name `Demo` is no name",
        ),
        (
            json!({"maintainer": "me"}),
            "demo",
            "the maintainer `me` is not",
        ),
        (
            json!({"section": "a\nb"}),
            "demo",
            r"the section `a\nb` is more",
        ),
        (
            json!({"depends": {"rpm": ["a\n"]}}),
            "demo",
            "the dependency",
        ),
        (
            json!({"depends": {"deb": ["git", "git (>= 1"]}}),
            "demo",
            "the dependency `git (>= 1` does not end its version with `)`",
        ),
        (
            json!({"depends": {"rpm": ["git>=2"]}}),
            "demo",
            "the dependency `git>=2` needs blanks around its comparison",
        ),
    ] {
        let error = parsed(section, bin).unwrap_err();
        assert!(error.contains(says), "{error}");
    }
    for field in ["description", "license", "authors"] {
        let package = cargo_package(|package| {
            package.as_object_mut().unwrap().remove(field);
        });
        let error = InstallerSettings::parse(json!({}), &package, "demo").unwrap_err();
        assert!(error.contains(field), "{error}");
    }
}
