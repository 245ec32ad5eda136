//! What the templates are filled with: values of the catalogue's as people read them.

use super::commands::{self, Commands, commands, sh};
use super::notes;
use crate::catalogue::Shown;
use jiff::Timestamp;
use release_types::{
    Asset, Channel, Kind, Os, Platform, ProductName, ReleaseState, ReleaseSummary,
};
use std::cmp::Reverse;
use std::fmt::Display;
use url::Url;

/// The products that the install script installs.
const BY_SCRIPT: [&str; 2] = ["runner", "runnerd"];

/// A product, and the newest that there is of it.
pub(super) struct Product {
    pub(super) name: String,
    pub(super) channels: Vec<Newest>,
    /// The newest of the first channel that has any.
    pub(super) newest: Option<Release>,
    /// What installs that at once.
    pub(super) install: Option<String>,
}

/// The newest version of a channel.
pub(super) struct Newest {
    pub(super) channel: Channel,
    pub(super) version: String,
    pub(super) href: String,
}

/// A release on a channel.
pub(super) struct Release {
    pub(super) version: String,
    pub(super) href: String,
    pub(super) channel: Channel,
    pub(super) published: Date,
    pub(super) yanked: Option<Yanked>,
    /// As HTML.
    pub(super) notes: Option<String>,
    pub(super) platforms: Vec<Files>,
    /// How many files are not shown.
    pub(super) more: u64,
}

/// That a release is taken back.
pub(super) struct Yanked {
    pub(super) since: Date,
    pub(super) reason: Option<String>,
}

/// The files of one platform.
pub(super) struct Files {
    pub(super) name: String,
    pub(super) files: Vec<File>,
}

/// A file to be downloaded.
pub(super) struct File {
    pub(super) name: String,
    pub(super) href: String,
    pub(super) kind: Kind,
    pub(super) size: String,
    pub(super) bytes: String,
    pub(super) sha256: String,
    /// For who reads a list of links: which of several files with one name this is.
    pub(super) label: String,
    pub(super) shell: &'static str,
    pub(super) commands: Option<Commands>,
}

/// A row of a product's list.
pub(super) struct Listed {
    pub(super) version: String,
    pub(super) href: String,
    pub(super) channel: Channel,
    pub(super) published: Date,
    pub(super) platforms: String,
    pub(super) is_yanked: bool,
    pub(super) reason: Option<String>,
}

/// A day for people, and the moment for programs.
pub(super) struct Date {
    pub(super) day: String,
    pub(super) moment: String,
}

impl Product {
    pub(super) fn new(base: &Url, name: &ProductName, newest: Vec<Shown>) -> Self {
        let channels = newest.iter().map(|shown| Newest {
            channel: shown.channel,
            version: shown.version.clone(),
            href: href(name, &shown.version),
        });
        let channels = channels.collect();
        let first = newest.into_iter().next();
        let install = first.as_ref().and_then(|shown| install(base, name, shown));
        Self {
            name: name.to_string(),
            channels,
            newest: first.map(|shown| Release::new(base, name, shown)),
            install,
        }
    }
}

/// The script serves the newest stable release of systems with a POSIX shell.
fn install(base: &Url, name: &ProductName, newest: &Shown) -> Option<String> {
    let serves = BY_SCRIPT.contains(&name.as_str())
        && newest.channel == Channel::Stable
        && newest.has_shell_program;
    serves.then(|| {
        let script = format!("{base}download/runner/install");
        format!("curl -fsSL {} | sh", sh(&script))
    })
}

impl Release {
    pub(super) fn new(base: &Url, product: &ProductName, shown: Shown) -> Self {
        let is_offered = shown.yanked.is_none();
        let mut platforms: Vec<Files> = Vec::new();
        for (platform, asset) in shown.files {
            let name = platform_name(platform);
            let file = File::new(base, platform, asset, is_offered);
            match platforms.last_mut() {
                Some(last) if last.name == name => last.files.push(file),
                _ => platforms.push(Files {
                    name,
                    files: vec![file],
                }),
            }
        }
        Self {
            href: href(product, &shown.version),
            version: shown.version,
            channel: shown.channel,
            published: Date::new(shown.published_at),
            yanked: shown.yanked.map(|(since, reason)| Yanked {
                since: Date::new(since),
                reason,
            }),
            notes: shown
                .notes
                .filter(|notes| !notes.trim().is_empty())
                .map(|notes| notes::rendered(&notes)),
            platforms,
            more: shown.more,
        }
    }
}

impl File {
    fn new(base: &Url, platform: Platform, asset: Asset, is_offered: bool) -> Self {
        let path = format!("api/v1/download/{}", asset.download_id);
        let url = format!("{base}{path}");
        let typed = matches!(asset.kind, Kind::Binary | Kind::Installer | Kind::Other);
        let commands = typed.then(|| {
            let all = commands(&commands::File {
                platform,
                kind: asset.kind,
                name: &asset.filename,
                url: &url,
                sha256: &asset.sha256,
            });
            Commands {
                // What was taken back is compared with what one has, and not installed.
                install: all.install.filter(|_| is_offered),
                ..all
            }
        });
        Self {
            label: format!("{} for {}", asset.filename, platform_name(platform)),
            name: asset.filename,
            href: format!("/{path}"),
            kind: asset.kind,
            size: size(asset.size),
            bytes: grouped(asset.size),
            sha256: asset.sha256.to_string(),
            shell: if platform.os == Os::Windows {
                "PowerShell"
            } else {
                "Shell"
            },
            commands,
        }
    }
}

impl Listed {
    pub(super) fn new(product: &ProductName, summary: ReleaseSummary) -> Self {
        let mut platforms = summary.platforms;
        platforms.sort_by_key(|platform| (Reverse(platform.os), platform.arch));
        let names: Vec<String> = platforms.into_iter().map(platform_name).collect();
        Self {
            href: href(product, &summary.version),
            version: summary.version,
            channel: summary.channel,
            published: Date::new(summary.published_at),
            platforms: names.join(", "),
            is_yanked: summary.state == ReleaseState::Yanked,
            reason: summary.yank_reason,
        }
    }
}

impl Date {
    fn new(time: Timestamp) -> Self {
        Self {
            day: time.strftime("%Y-%m-%d").to_string(),
            moment: time.to_string(),
        }
    }
}

/// A version's page. What may stand in a version and not in a path is `+` at most, which some read
/// as a space.
fn href(product: &ProductName, version: &str) -> String {
    format!("/{product}/{}", version.replace('+', "%2B"))
}

fn platform_name(platform: Platform) -> String {
    let os: &dyn Display = match platform.os {
        Os::Windows => &"Windows",
        Os::Macos => &"macOS",
        Os::Linux => &"Linux",
    };
    format!("{os} {}", platform.arch)
}

/// A size as people say it, in powers of 1000.
fn size(bytes: u64) -> String {
    let mut unit = 1_u64;
    for name in ["kB", "MB", "GB", "TB", "PB"] {
        let next = unit.saturating_mul(1000);
        if bytes < 1000 {
            break;
        }
        // What would be written as 1000 of a unit is 1 of the next.
        if bytes < next.saturating_mul(1000) - next / 20 || name == "PB" {
            let tenths = (u128::from(bytes) * 10 + u128::from(next / 2)) / u128::from(next);
            return format!("{}.{} {name}", tenths / 10, tenths % 10);
        }
        unit = next;
    }
    format!("{bytes} bytes")
}

/// A number with its digits in groups of three.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (bytes, expected) in [
            (0, "0 bytes"),
            (999, "999 bytes"),
            (1000, "1.0 kB"),
            (1049, "1.0 kB"),
            (1050, "1.1 kB"),
            (999_949, "999.9 kB"),
            (999_950, "1.0 MB"),
            (1_785_176, "1.8 MB"),
            (64 << 30, "68.7 GB"),
            (u64::MAX, "18446.7 PB"),
        ] {
            assert_eq!(size(bytes), expected, "{bytes}");
        }
        assert_eq!(grouped(7), "7");
        assert_eq!(grouped(1_785_176), "1,785,176");
        assert_eq!(grouped(100_000), "100,000");
    }

    #[test]
    fn the_hubs_address_stays_one_word() {
        let runner = "runner".parse().unwrap();
        let shown = Shown {
            version: "1.0.0".to_owned(),
            channel: Channel::Stable,
            published_at: Timestamp::UNIX_EPOCH,
            notes: None,
            yanked: None,
            files: Vec::new(),
            more: 0,
            has_shell_program: true,
        };
        for (base, word) in [
            (
                "https://hub.example/",
                "https://hub.example/download/runner/install",
            ),
            (
                "https://x$(id)/",
                "'https://x$(id)/download/runner/install'",
            ),
        ] {
            let command = install(&base.parse().unwrap(), &runner, &shown);
            assert_eq!(command.unwrap(), format!("curl -fsSL {word} | sh"));
        }
    }

    #[test]
    fn a_version_stays_one_segment() {
        let product = "runner".parse().unwrap();
        assert_eq!(
            href(&product, "1.0.0-beta.1+b7"),
            "/runner/1.0.0-beta.1%2Bb7"
        );
    }
}
