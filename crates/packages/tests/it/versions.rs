//! Versions of packages sort as releases do, by the programs that compare them.

use packages::{deb_version, rpm_version, sorted_otherwise};
use semver::Version;
use test_support::Sandbox;

/// In their order.
const ORDER: [&str; 12] = [
    "1.3.9",
    "1.4.0-alpha",
    "1.4.0-alpha.1",
    "1.4.0-alpha.2",
    "1.4.0-beta",
    "1.4.0-beta.2",
    "1.4.0-beta.11",
    "1.4.0-rc.1",
    "1.4.0-rc.2",
    "1.4.0",
    "1.4.1-rc.1",
    "1.10.0",
];

fn pairs() -> impl Iterator<Item = (Version, Version)> {
    let versions: Vec<Version> = ORDER.iter().map(|text| text.parse().unwrap()).collect();
    let pairs: Vec<_> = versions
        .windows(2)
        .map(|pair| (pair[0].clone(), pair[1].clone()))
        .collect();
    pairs.into_iter()
}

#[test]
fn dpkg_sorts_them_as_releases() {
    let sandbox = Sandbox::new();
    for (older, newer) in pairs() {
        assert!(older < newer);
        sandbox
            .invoke("dpkg")
            .args(["--compare-versions", &deb_version(&older), "lt"])
            .arg(deb_version(&newer))
            .run()
            .exits(0);
    }
    for odd in ["1.0.0-rc-1.x-y+b-1", "1.0.0+001", "1.0.0-0.-.1"] {
        let run = sandbox
            .invoke("dpkg")
            .args(["--validate-version", &deb_version(&odd.parse().unwrap())])
            .run()
            .exits(0);
        assert_eq!(run.stderr, "");
    }
}

/// What is warned of.
#[test]
fn numbers_without_a_dot_before_them_sort_otherwise() {
    let sandbox = Sandbox::new();
    for (older, newer) in [("1.4.0-rc10", "1.4.0-rc9"), ("1.4.0-b.1a", "1.4.0-b.02a")] {
        let (older, newer): (Version, Version) = (older.parse().unwrap(), newer.parse().unwrap());
        let (older, newer) = match older < newer {
            true => (older, newer),
            false => (newer, older),
        };
        assert!(sorted_otherwise(&older).is_some() && sorted_otherwise(&newer).is_some());
        sandbox
            .invoke("dpkg")
            .args(["--compare-versions", &deb_version(&older), "gt"])
            .arg(deb_version(&newer))
            .run()
            .exits(0);
    }
}

#[test]
fn rpm_sorts_them_as_releases() {
    let sandbox = Sandbox::new();
    for (older, newer) in pairs() {
        let (older, newer) = (rpm_version(&older), rpm_version(&newer));
        let script = format!("%{{lua:print(rpm.vercmp('{older}', '{newer}'))}}");
        let run = sandbox
            .invoke("rpm")
            .args(["--eval", &script])
            .run()
            .exits(0);
        assert_eq!(run.stdout.trim(), "-1", "{older} and {newer}: {run}");
    }
}
