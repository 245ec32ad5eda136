//! Which platform a name or a browser means. Pure: names and header fields in, a platform out.

use super::error::ApiError;
use http::HeaderMap;
use release_types::{Arch, Os, Platform};

/// What a client is, as far as it tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Detected {
    pub(super) os: Os,
    /// Absent where a client of this system does not say.
    pub(super) arch: Option<Arch>,
}

/// What the answer depends on.
pub(super) const VARY: &str =
    "user-agent, sec-ch-ua-platform, sec-ch-ua-arch, sec-ch-ua-bitness, sec-ch-ua-mobile";

/// What browsers are asked to send next time. The system's name they send unasked.
pub(super) const ACCEPT_CH: &str = "sec-ch-ua-arch, sec-ch-ua-bitness";

/// Systems that call themselves Linux, Mac OS X or Windows as well, and for which there is nothing.
const OTHER_SYSTEMS: [&str; 12] = [
    "android",
    "iphone",
    "ipad",
    "ipod",
    "cros",
    "windows phone",
    "xbox",
    "tizen",
    "web0s",
    "webos",
    "freebsd",
    "openbsd",
];

/// The platform of two path segments, under any of its usual names, in any case.
pub(super) fn named(os: &str, arch: &str) -> Result<Platform, ApiError> {
    let unsupported = |what: &str, text: &str| {
        let text: String = text.chars().take(64).collect();
        let text = text.escape_debug();
        ApiError::bad_request(format!(
            "`{text}` is not {what} that there are releases for"
        ))
    };
    let os = self::os(os).ok_or_else(|| unsupported("a system", os))?;
    let arch = self::arch(arch).ok_or_else(|| unsupported("an architecture", arch))?;
    Ok(Platform::new(os, arch))
}

fn os(text: &str) -> Option<Os> {
    match text.to_ascii_lowercase().as_str() {
        "windows" | "win32" => Some(Os::Windows),
        "macos" | "darwin" | "osx" => Some(Os::Macos),
        "linux" => Some(Os::Linux),
        _ => None,
    }
}

fn arch(text: &str) -> Option<Arch> {
    match text.to_ascii_lowercase().as_str() {
        "x64" | "x86_64" | "amd64" => Some(Arch::X64),
        "arm64" | "aarch64" => Some(Arch::Arm64),
        _ => None,
    }
}

/// What a client says of itself: client hints before `User-Agent`. None where it says nothing, or
/// is something that there are no releases for.
pub(super) fn detect(headers: &HeaderMap) -> Option<Detected> {
    let field = |name: &str| {
        let text = headers.get(name)?.to_str().ok()?;
        let text = text.trim().trim_matches('"').to_ascii_lowercase();
        (!text.is_empty() && text != "unknown").then_some(text)
    };
    if field("sec-ch-ua-mobile").as_deref() == Some("?1") {
        return None;
    }
    let agent = field("user-agent").unwrap_or_default();
    let os = match field("sec-ch-ua-platform") {
        Some(platform) => os(&platform)?,
        None => os_of_agent(&agent)?,
    };
    let bits = field("sec-ch-ua-bitness");
    let arch = match (field("sec-ch-ua-arch").as_deref(), bits.as_deref()) {
        (Some("x86"), None | Some("64")) => Some(Arch::X64),
        (Some("arm"), None | Some("64")) => Some(Arch::Arm64),
        (Some(_), _) => return None,
        // Every browser on a Mac says Intel.
        (None, _) if os == Os::Macos => None,
        (None, _) => arch_of_agent(&agent)?,
    };
    Some(Detected { os, arch })
}

fn os_of_agent(agent: &str) -> Option<Os> {
    if OTHER_SYSTEMS.iter().any(|other| agent.contains(other)) {
        return None;
    }
    if agent.contains("windows") {
        Some(Os::Windows)
    } else if agent.contains("macintosh") || agent.contains("mac os x") || agent.contains("darwin")
    {
        Some(Os::Macos)
    } else if agent.contains("linux") {
        Some(Os::Linux)
    } else {
        None
    }
}

/// The outer `None` is an architecture that there is nothing for, the inner one is silence.
#[expect(
    clippy::option_option,
    reason = "both kinds of absence are different answers"
)]
fn arch_of_agent(agent: &str) -> Option<Option<Arch>> {
    let words = || agent.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let has = |names: &[&str]| words().any(|word| names.contains(&word));
    if has(&["arm64", "aarch64"]) {
        return Some(Some(Arch::Arm64));
    }
    if has(&["x86_64", "x64", "amd64", "win64", "wow64"]) {
        return Some(Some(Arch::X64));
    }
    let other = [
        "i386",
        "i486",
        "i586",
        "i686",
        "x86",
        "arm",
        "armv6l",
        "armv7l",
        "armv8l",
        "ppc64le",
        "ppc64",
        "riscv64",
        "s390x",
        "mips",
        "mips64",
        "loongarch64",
    ];
    (!has(&other)).then_some(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use proptest::prelude::*;

    fn told(fields: &[(&'static str, &str)]) -> Option<(String, Option<Arch>)> {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.insert(*name, HeaderValue::from_str(value).unwrap());
        }
        detect(&headers).map(|found| (found.os.to_string(), found.arch))
    }

    #[test]
    fn user_agents() {
        let (x64, arm64) = (Some(Arch::X64), Some(Arch::Arm64));
        for (agent, expected) in [
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/141.0.0.0",
                Some(("windows", x64)),
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko",
                Some(("windows", x64)),
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; ARM64; rv:141.0) Gecko/20100101",
                Some(("windows", arm64)),
            ),
            (
                "Mozilla/5.0 (Windows NT; Windows NT 10.0; en-US) WindowsPowerShell/5.1",
                Some(("windows", None)),
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Safari/605.1.15",
                Some(("macos", None)),
            ),
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0",
                Some(("linux", x64)),
            ),
            (
                "Mozilla/5.0 (X11; Linux i686 on x86_64; rv:141.0) Gecko",
                Some(("linux", x64)),
            ),
            (
                "Mozilla/5.0 (X11; Ubuntu; Linux aarch64; rv:141.0) Gecko",
                Some(("linux", arm64)),
            ),
            ("Wget/1.13.4 (linux-gnu)", Some(("linux", None))),
            ("Mozilla/5.0 (X11; Linux i686; rv:141.0) Gecko", None),
            ("Mozilla/5.0 (X11; Linux armv7l) AppleWebKit/537.36", None),
            (
                "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 Mobile",
                None,
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X)",
                None,
            ),
            (
                "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36",
                None,
            ),
            ("Mozilla/5.0 (X11; FreeBSD amd64; rv:141.0) Gecko", None),
            ("curl/8.5.0", None),
            ("", None),
        ] {
            let expected = expected.map(|(os, arch)| (os.to_owned(), arch));
            assert_eq!(told(&[("user-agent", agent)]), expected, "{agent}");
        }
    }

    #[test]
    fn hints_go_before_the_user_agent() {
        let mac = (
            "user-agent",
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)",
        );
        let linux = ("user-agent", "Mozilla/5.0 (X11; Linux x86_64)");
        let (x64, arm64) = (Some(Arch::X64), Some(Arch::Arm64));
        for (fields, expected) in [
            (
                &[mac, ("sec-ch-ua-platform", "\"macOS\"")][..],
                Some(("macos", None)),
            ),
            (
                &[mac, ("sec-ch-ua-arch", "\"arm\"")],
                Some(("macos", arm64)),
            ),
            (
                &[
                    mac,
                    ("sec-ch-ua-arch", "\"x86\""),
                    ("sec-ch-ua-bitness", "\"64\""),
                ],
                Some(("macos", x64)),
            ),
            (
                &[linux, ("sec-ch-ua-platform", "\"Windows\"")],
                Some(("windows", x64)),
            ),
            (
                &[
                    linux,
                    ("sec-ch-ua-arch", "\"arm\""),
                    ("sec-ch-ua-bitness", "\"64\""),
                ],
                Some(("linux", arm64)),
            ),
            (
                &[
                    linux,
                    ("sec-ch-ua-arch", "\"arm\""),
                    ("sec-ch-ua-bitness", "\"32\""),
                ],
                None,
            ),
            (
                &[
                    linux,
                    ("sec-ch-ua-arch", "\"\""),
                    ("sec-ch-ua-platform", "\"Unknown\""),
                ],
                Some(("linux", x64)),
            ),
            (&[linux, ("sec-ch-ua-platform", "\"Android\"")], None),
            (&[linux, ("sec-ch-ua-platform", "\"Chrome OS\"")], None),
            (&[linux, ("sec-ch-ua-mobile", "?1")], None),
            (&[linux, ("sec-ch-ua-mobile", "?0")], Some(("linux", x64))),
        ] {
            let expected = expected.map(|(os, arch)| (os.to_owned(), arch));
            assert_eq!(told(fields), expected, "{fields:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_some_answer(agent in "[ -~]{0,80}", platform in "[ -~]{0,20}") {
            told(&[("user-agent", &agent), ("sec-ch-ua-platform", &platform)]);
        }

        #[test]
        fn own_names_in_any_case(index in 0usize..6, upper in any::<bool>()) {
            let platform = Platform::ALL[index];
            let case = |text: &str| if upper { text.to_uppercase() } else { text.to_owned() };
            let (os, arch) = (case(platform.os.as_str()), case(platform.arch.as_str()));
            prop_assert_eq!(named(&os, &arch).ok(), Some(platform));
        }
    }
}
