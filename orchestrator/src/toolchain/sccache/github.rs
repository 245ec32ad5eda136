//! What GitHub's cache needs of a job, and what a job lacks of it.

use process::Env;

/// The address of the cache's service: today's name and that of older servers.
const ADDRESSES: [&str; 2] = ["ACTIONS_RESULTS_URL", "ACTIONS_CACHE_URL"];

/// The credential for it.
const CREDENTIAL: &str = "ACTIONS_RUNTIME_TOKEN";

/// What keeps sccache from using GitHub's cache, and how the job gets it; none when all is there.
///
/// The variables exist in every job, but only actions see them, not plain `run` steps; sccache
/// fails without them.
pub(super) fn lacks(env: &Env) -> Option<String> {
    let mut missing = Vec::new();
    if !ADDRESSES.iter().any(|name| env.is_set(name)) {
        missing.push(ADDRESSES[0]);
    }
    if !env.is_set(CREDENTIAL) {
        missing.push(CREDENTIAL);
    }
    if missing.is_empty() {
        return None;
    }
    Some(format!(
        "GitHub's cache needs {}, which plain steps of a job do not get: let a step before this \
         one export {} with actions/github-script (core.exportVariable), or use --no-sccache",
        missing.join(" and "),
        if missing.len() == 1 { "it" } else { "them" },
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named() {
        let env =
            |names: &[&'static str]| -> Env { names.iter().map(|name| (*name, "x")).collect() };
        assert_eq!(
            lacks(&env(&["ACTIONS_RESULTS_URL", "ACTIONS_RUNTIME_TOKEN"])),
            None
        );
        assert_eq!(
            lacks(&env(&["ACTIONS_CACHE_URL", "ACTIONS_RUNTIME_TOKEN"])),
            None
        );
        let text = lacks(&env(&["ACTIONS_RESULTS_URL"])).unwrap();
        assert!(text.contains("needs ACTIONS_RUNTIME_TOKEN,"), "{text}");
        let text = lacks(&env(&[])).unwrap();
        assert!(
            text.contains("needs ACTIONS_RESULTS_URL and ACTIONS_RUNTIME_TOKEN,"),
            "{text}"
        );
    }
}
