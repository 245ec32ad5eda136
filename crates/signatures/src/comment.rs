//! The trusted comment: what a signature says of the file beside its bytes.
//!
//! Fields are `name:value`, with tabs between them. `timestamp` and `file` come first, as Tauri and
//! minisign write them; `version` is a field of Tauri's too, and newer updaters compare it. `product`, `os`
//! and `arch` are ours. Whoever knows none of them is not disturbed by them.

use release_types::{Arch, FileName, Os, Platform, ProductName};
use std::fmt;

/// What a file is, as whoever checks it knows it.
#[derive(Debug, Clone, Copy)]
pub struct Binding<'a> {
    /// The product.
    pub product: &'a ProductName,
    /// The version. Others than SemVer are compared as the texts they are.
    pub version: &'a str,
    /// The platform.
    pub platform: Platform,
    /// What the file is called, by whom it is published or where it lies.
    pub names: &'a [&'a str],
}

/// What a signature says of its file. A field that it does not have says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedComment {
    /// When it was made, in seconds since 1970.
    pub timestamp: Option<u64>,
    /// The file's name.
    pub file: Option<String>,
    /// The version.
    pub version: Option<String>,
    /// The product.
    pub product: Option<String>,
    /// The operating system.
    pub os: Option<String>,
    /// The architectures, with commas between them: a universal program has several.
    pub arch: Option<String>,
}

/// What a signature says otherwise than it should.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// A field has another value.
    #[error("it is for the {field} {}, not for {expected}", found.escape_debug())]
    Other {
        /// The field.
        field: &'static str,
        /// Its value.
        found: String,
        /// What it should be.
        expected: String,
    },
    /// A field is not there.
    #[error("it does not say for which {0} it was made")]
    Unsaid(&'static str),
}

impl TrustedComment {
    /// What a signature of ours says of a file that is for these architectures of one system.
    pub fn of(
        timestamp: u64,
        (file, product): (&FileName, &ProductName),
        version: &semver::Version,
        (os, arch): (Os, &[Arch]),
    ) -> Self {
        let arch: Vec<&str> = arch.iter().map(|arch| arch.as_str()).collect();
        Self {
            timestamp: Some(timestamp),
            file: Some(file.to_string()),
            version: Some(version.to_string()),
            product: Some(product.to_string()),
            os: Some(os.to_string()),
            arch: Some(arch.join(",")),
        }
    }

    /// Reads a comment. Of a field that stands in it twice the first counts, as it does for Tauri.
    pub fn parse(text: &str) -> Self {
        let field = |name: &str| {
            let mut fields = text.split('\t');
            let value = fields.find_map(|field| field.strip_prefix(name)?.strip_prefix(':'));
            value.map(|value| value.trim().to_owned())
        };
        Self {
            timestamp: field("timestamp").and_then(|text| text.parse().ok()),
            file: field("file"),
            version: field("version"),
            product: field("product"),
            os: field("os"),
            arch: field("arch"),
        }
    }

    /// Makes sure that it says everything that it should, and nothing else.
    ///
    /// # Errors
    /// The first thing that it says otherwise, or not at all.
    pub fn binds(&self, to: &Binding<'_>) -> Result<(), Mismatch> {
        self.agrees(to)?;
        for (field, value) in [
            ("product", &self.product),
            ("version", &self.version),
            ("os", &self.os),
            ("arch", &self.arch),
        ] {
            if value.is_none() {
                return Err(Mismatch::Unsaid(field));
            }
        }
        Ok(())
    }

    /// Makes sure that it says nothing else, for signatures of tools that say less.
    ///
    /// # Errors
    /// The first thing that it says otherwise.
    pub fn agrees(&self, to: &Binding<'_>) -> Result<(), Mismatch> {
        let other = |field, found: &str, expected: String| Mismatch::Other {
            field,
            found: found.to_owned(),
            expected,
        };
        let Binding {
            product,
            version,
            platform: Platform { os, arch },
            names,
        } = *to;
        let versions = |text: &str| text == version || text.strip_prefix('v') == Some(version);
        if let Some(found) = &self.product
            && found != product.as_str()
        {
            return Err(other("product", found, product.to_string()));
        }
        if let Some(found) = &self.version
            && !versions(found)
        {
            return Err(other("version", found, version.to_string()));
        }
        if let Some(found) = &self.os
            && found != os.as_str()
        {
            return Err(other("os", found, os.to_string()));
        }
        if let Some(found) = &self.arch
            && !found.split(',').any(|one| one.trim() == arch.as_str())
        {
            return Err(other("arch", found, arch.to_string()));
        }
        if let Some(found) = &self.file
            && !names.is_empty()
            && !names.contains(&found.as_str())
        {
            return Err(other("file", found, names[0].to_owned()));
        }
        Ok(())
    }
}

impl fmt::Display for TrustedComment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let timestamp = self.timestamp.map(|seconds| seconds.to_string());
        let mut between = "";
        for (name, value) in [
            ("timestamp", timestamp.as_ref()),
            ("file", self.file.as_ref()),
            ("version", self.version.as_ref()),
            ("product", self.product.as_ref()),
            ("os", self.os.as_ref()),
            ("arch", self.arch.as_ref()),
        ] {
            let Some(value) = value else { continue };
            write!(f, "{between}{name}:{value}")?;
            between = "\t";
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bound() -> TrustedComment {
        TrustedComment::of(
            1_700_000_000,
            (
                &"atlas-runner-macos-arm64".parse().unwrap(),
                &"runner".parse().unwrap(),
            ),
            &"1.4.0-beta.1".parse().unwrap(),
            (Os::Macos, &[Arch::X64, Arch::Arm64]),
        )
    }

    fn result(
        comment: &TrustedComment,
        product: &str,
        version: &str,
        platform: Platform,
        names: &[&str],
    ) -> Result<(), String> {
        let binding = Binding {
            product: &product.parse().unwrap(),
            version,
            platform,
            names,
        };
        comment.binds(&binding).map_err(|error| error.to_string())
    }

    #[test]
    fn it_begins_as_tauris_and_minisigns_do() {
        assert_eq!(
            bound().to_string(),
            "timestamp:1700000000\tfile:atlas-runner-macos-arm64\tversion:1.4.0-beta.1\t\
             product:runner\tos:macos\tarch:x64,arm64"
        );
        assert_eq!(TrustedComment::parse(&bound().to_string()), bound());
        let tauri = TrustedComment::parse("timestamp:1\tfile:a version:2\tprehashed");
        assert_eq!(tauri.file.as_deref(), Some("a version:2"));
        assert_eq!(tauri.version, None);
        assert_eq!(
            TrustedComment::parse("signature of x"),
            TrustedComment::default()
        );
    }

    #[test]
    fn another_version_product_or_platform_is_refused() {
        let arm = Platform::new(Os::Macos, Arch::Arm64);
        let names = ["atlas-runner-macos-arm64"];
        let comment = bound();
        let with =
            |product, version, platform| result(&comment, product, version, platform, &names);
        assert_eq!(with("runner", "1.4.0-beta.1", arm), Ok(()));
        let x64 = Platform::new(Os::Macos, Arch::X64);
        assert_eq!(with("runner", "1.4.0-beta.1", x64), Ok(()));
        let said = |product, version, platform| with(product, version, platform).unwrap_err();
        assert_eq!(
            said("runner", "1.4.0", arm),
            "it is for the version 1.4.0-beta.1, not for 1.4.0"
        );
        assert_eq!(
            said("runnerd", "1.4.0-beta.1", arm),
            "it is for the product runner, not for runnerd"
        );
        let linux = Platform::new(Os::Linux, Arch::Arm64);
        assert_eq!(
            said("runner", "1.4.0-beta.1", linux),
            "it is for the os macos, not for linux"
        );
        assert_eq!(
            result(&comment, "runner", "1.4.0-beta.1", arm, &["other"]).unwrap_err(),
            "it is for the file atlas-runner-macos-arm64, not for other"
        );
    }

    #[test]
    fn what_it_does_not_say_binds_nothing() {
        let arm = Platform::new(Os::Macos, Arch::Arm64);
        let comment = TrustedComment::parse("timestamp:1\tfile:app\tversion:v1.0.0");
        let binding = Binding {
            product: &"launcher".parse().unwrap(),
            version: "1.0.0",
            platform: arm,
            names: &["app"],
        };
        assert_eq!(comment.agrees(&binding), Ok(()));
        assert_eq!(comment.binds(&binding), Err(Mismatch::Unsaid("product")));
        let other = TrustedComment::parse("file:app\tarch:x64");
        assert!(other.agrees(&binding).is_err());
        let other = TrustedComment::parse("file:app\tversion:1.0.1");
        assert!(other.agrees(&binding).is_err());
    }

    proptest! {
        #[test]
        fn no_comment_makes_it_panic(text in "\\PC{0,80}") {
            let comment = TrustedComment::parse(&text);
            prop_assert_eq!(TrustedComment::parse(&comment.to_string()), comment);
        }
    }
}
