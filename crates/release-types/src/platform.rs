//! Operating systems, architectures and the target triples that go with them.

use crate::named_enum;
use std::fmt;
use std::str::FromStr;

/// A name that is not one of a closed set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is not {what}; expected one of: {expected}")]
pub struct UnknownName {
    /// What kind of name was expected, with its article.
    pub what: &'static str,
    /// What stood there.
    pub found: String,
    /// The names that are known, separated by spaces.
    pub expected: &'static str,
}

named_enum! {
    /// An operating system that software is released for.
    Os ("an operating system") {
        /// Microsoft Windows.
        Windows = "windows",
        /// Apple macOS.
        Macos = "macos",
        /// Linux with glibc.
        Linux = "linux",
    }
}

named_enum! {
    /// A processor architecture that software is released for.
    Arch ("an architecture") {
        /// x86-64, also called amd64.
        X64 = "x64",
        /// AArch64.
        Arm64 = "arm64",
    }
}

/// One operating system on one architecture. Written `linux-x64`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Platform {
    /// The operating system.
    pub os: Os,
    /// The architecture.
    pub arch: Arch,
}

impl Platform {
    /// All six platforms, by operating system and then architecture.
    pub const ALL: [Platform; 6] = [
        Platform::new(Os::Windows, Arch::X64),
        Platform::new(Os::Windows, Arch::Arm64),
        Platform::new(Os::Macos, Arch::X64),
        Platform::new(Os::Macos, Arch::Arm64),
        Platform::new(Os::Linux, Arch::X64),
        Platform::new(Os::Linux, Arch::Arm64),
    ];

    /// The platform of the two.
    pub const fn new(os: Os, arch: Arch) -> Self {
        Self { os, arch }
    }

    /// The Rust target triple that programs for this platform are built with.
    pub const fn target_triple(self) -> &'static str {
        match (self.os, self.arch) {
            (Os::Windows, Arch::X64) => "x86_64-pc-windows-msvc",
            (Os::Windows, Arch::Arm64) => "aarch64-pc-windows-msvc",
            (Os::Macos, Arch::X64) => "x86_64-apple-darwin",
            (Os::Macos, Arch::Arm64) => "aarch64-apple-darwin",
            (Os::Linux, Arch::X64) => "x86_64-unknown-linux-gnu",
            (Os::Linux, Arch::Arm64) => "aarch64-unknown-linux-gnu",
        }
    }

    /// The platform whose target triple this is, if it is one of the six.
    pub fn from_target_triple(triple: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.target_triple() == triple)
    }

    /// What executables end with on this platform: `.exe` or nothing.
    pub const fn exe_suffix(self) -> &'static str {
        match self.os {
            Os::Windows => ".exe",
            Os::Macos | Os::Linux => "",
        }
    }

    /// The file name of a program on this platform.
    pub fn program(self, name: &str) -> String {
        format!("{name}{}", self.exe_suffix())
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.os, self.arch)
    }
}

impl FromStr for Platform {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        Self::ALL
            .into_iter()
            .find(|p| p.to_string() == text)
            .ok_or_else(|| UnknownName {
                what: "a platform",
                found: text.to_owned(),
                expected: "windows-x64 windows-arm64 macos-x64 macos-arm64 linux-x64 linux-arm64",
            })
    }
}

/// The JSON form of the wire contract: `{"os":…,"arch":…}`.
#[derive(serde::Serialize, serde::Deserialize)]
struct PlatformFields {
    os: Os,
    arch: Arch,
}

impl serde::Serialize for Platform {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        PlatformFields {
            os: self.os,
            arch: self.arch,
        }
        .serialize(serializer)
    }
}

impl<'de> serde::Deserialize<'de> for Platform {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = PlatformFields::deserialize(deserializer)?;
        Ok(Self::new(fields.os, fields.arch))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_platform_survives_its_own_names() {
        for platform in Platform::ALL {
            assert_eq!(platform.to_string().parse(), Ok(platform));
            assert_eq!(
                Platform::from_target_triple(platform.target_triple()),
                Some(platform)
            );
            let json = serde_json::to_string(&platform).unwrap();
            assert_eq!(serde_json::from_str::<Platform>(&json).unwrap(), platform);
        }
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        let error = "amiga".parse::<Os>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "`amiga` is not an operating system; expected one of: windows macos linux"
        );
    }
}
