//! The variables that make a build come out the same everywhere. What the shim and the C compilers
//! do for that stands with them; docs/reproducible-builds.md says what each is for.

use release_types::{Os, Platform};
use std::collections::BTreeMap;

/// The variables, for a host and the commit's time in seconds since 1970.
pub(super) fn variables(host: Platform, commit_time: i64) -> BTreeMap<&'static str, String> {
    let mut env = BTreeMap::from([
        ("CARGO_INCREMENTAL", "0".to_owned()),
        ("SOURCE_DATE_EPOCH", commit_time.to_string()),
    ]);
    if host.os != Os::Windows {
        env.insert("LC_ALL", "C".to_owned());
        env.insert("TZ", "UTC".to_owned());
    }
    if host.os == Os::Macos {
        env.insert("ZERO_AR_DATE", "1".to_owned());
    }
    env
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_of_six_hosts() {
        for host in Platform::ALL {
            let vars = variables(host, 1_700_000_000);
            assert_eq!(vars["SOURCE_DATE_EPOCH"], "1700000000");
            assert_eq!(vars["CARGO_INCREMENTAL"], "0");
            assert_eq!(vars.contains_key("TZ"), host.os != Os::Windows);
            assert_eq!(vars.contains_key("LC_ALL"), host.os != Os::Windows);
            assert_eq!(vars.contains_key("ZERO_AR_DATE"), host.os == Os::Macos);
        }
    }
}
