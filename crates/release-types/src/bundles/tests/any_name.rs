//! What holds of every name.

use super::*;
use proptest::prelude::*;

/// Texts that are made of what names are made of, and of anything.
fn names() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        proptest::sample::select(
            ARCH_LIKE
                .iter()
                .chain(&[
                    "-",
                    "_",
                    ".",
                    " ",
                    "linux",
                    "Windows",
                    "macOS",
                    "-installer-"
                ])
                .copied()
                .collect::<Vec<_>>()
        )
        .prop_map(str::to_owned),
        proptest::sample::select(ENDINGS.map(|(ending, ..)| ending).to_vec())
            .prop_map(str::to_owned),
        "\\PC{0,3}",
    ];
    proptest::collection::vec(part, 0..7).prop_map(|parts| parts.concat())
}

const ARCH_LIKE: [&str; 8] = [
    "x64",
    "X86_64",
    "amd64",
    "arm64",
    "aarch64",
    "universal",
    "i386",
    ".sig",
];

proptest! {
    #[test]
    fn no_name_makes_the_rules_panic(name in names()) {
        for rules in [Rules::Bundles, command_line(), program("atlas")] {
            // Case does not matter to what is found, only to how it is written.
            let upper = name.to_ascii_uppercase();
            match (rules.verdict(&name), rules.verdict(&upper)) {
                (Verdict::Signature { payload, .. }, Verdict::Signature { payload: other, .. }) => {
                    prop_assert_eq!(payload.to_ascii_uppercase(), other);
                }
                (one, other) => prop_assert_eq!(one, other),
            }
        }
        if let Ok(universal) = universal_name(&name) {
            prop_assert!(says_universal(universal.as_str()));
        }
    }

    #[test]
    fn a_word_within_a_longer_one_says_nothing(
        word in proptest::sample::select(vec!["x64", "arm64", "amd64", "aarch64", "i386", "universal"]),
        before in "[a-z0-9\u{e9}]",
        after in "[a-z0-9\u{e9}]",
    ) {
        let rest = |name: String| arch_said(&name, Os::Macos);
        // `arm64e` is a word of its own.
        prop_assume!(!(word == "arm64" && after == "e"));
        prop_assert_eq!(rest(format!("{before}{word}.dmg")), Said::Nothing);
        prop_assert_eq!(rest(format!("{word}{after}.dmg")), Said::Nothing);
    }
}
