//! A version as a text that sorts by SemVer precedence, so that a database can order releases.

use semver::Version;

/// Lower-case hexadecimal digits; two keys compare as SemVer 2.0, section 11, compares the
/// versions. Build metadata has no part in precedence and none in the key.
///
/// The bytes behind the digits: the three numbers in eight bytes each, most significant first;
/// `2` for a release, else `1` and the identifiers of the pre-release, each a `1` with a numeric
/// one's length (two bytes) and digits, or a `2` with an alphanumeric one's text and a `0`; and at
/// last a `0`. What ends first sorts first, digits sort before letters, and every collation agrees
/// on the order of the sixteen characters used.
pub(crate) fn version_key(version: &Version) -> String {
    let mut key = Vec::with_capacity(32);
    for number in [version.major, version.minor, version.patch] {
        key.extend(number.to_be_bytes());
    }
    if version.pre.is_empty() {
        key.push(2);
    } else {
        key.push(1);
        for identifier in version.pre.split('.') {
            if identifier.bytes().all(|b| b.is_ascii_digit()) {
                // No leading zeros, so the longer number is the larger one.
                let length = u16::try_from(identifier.len()).unwrap_or(u16::MAX);
                key.push(1);
                key.extend(length.to_be_bytes());
                key.extend(identifier.bytes());
            } else {
                key.push(2);
                key.extend(identifier.bytes());
                key.push(0);
            }
        }
    }
    key.push(0);
    hex::encode(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_order_of_the_specification() {
        let order = [
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-alpha.beta",
            "1.0.0-beta",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0-rc.1",
            "1.0.0",
            "1.0.1",
            "1.10.0",
            "2.0.0",
        ];
        let keys: Vec<_> = order.map(|v| version_key(&v.parse().unwrap())).into();
        assert!(keys.is_sorted_by(|a, b| a < b), "{keys:?}");
    }

    fn identifier() -> impl Strategy<Value = String> {
        prop_oneof!["0|[1-9][0-9]{0,22}", "[0-9]{0,2}[a-cA-C-][0-9a-cA-C-]{0,3}"]
    }

    fn version() -> impl Strategy<Value = Version> {
        let number = || prop_oneof![0u64..3, any::<u64>()];
        let pre = proptest::collection::vec(identifier(), 0..4);
        let build = prop_oneof!["", "[a-c0-9]{1,3}"];
        (number(), number(), number(), pre, build).prop_map(|(a, b, c, pre, build)| Version {
            major: a,
            minor: b,
            patch: c,
            pre: semver::Prerelease::new(&pre.join(".")).unwrap(),
            build: semver::BuildMetadata::new(&build).unwrap(),
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn keys_compare_as_versions_do(a in version(), b in version()) {
            prop_assert_eq!(version_key(&a).cmp(&version_key(&b)), a.cmp_precedence(&b));
        }

        #[test]
        fn keys_compare_as_pre_releases_do(
            a in proptest::collection::vec(identifier(), 0..4),
            b in proptest::collection::vec(identifier(), 0..4),
        ) {
            let of = |pre: &[String]| Version {
                pre: semver::Prerelease::new(&pre.join(".")).unwrap(),
                ..Version::new(1, 0, 0)
            };
            let (a, b) = (of(&a), of(&b));
            prop_assert_eq!(version_key(&a).cmp(&version_key(&b)), a.cmp_precedence(&b));
        }
    }
}
