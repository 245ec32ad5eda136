//! The action `atlas-release` of GitHub Actions, from inside: what its inputs ask for, which the action
//! hands over as variables, and the outputs that later steps read. How anything is published is left to
//! `publish`, which takes [`Inputs::arguments`] like a person's.

use crate::events::{Event, Reporter};
use crate::job_env::append_variables_to_job_file;
use crate::receipt::Receipt;
use crate::text::without_v;
use process::{Env, NotUtf8};
use release_types::{Channel, ProductName, Tag};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The beginning of the variables that inputs are handed over by.
const PREFIX: &str = "ATLAS_INPUT_";

/// How the keys of artifacts begin on every Hub of the contract.
const ARTIFACTS: &str = "artifacts";

/// The variable that names the file for outputs.
const OUTPUT: &str = "GITHUB_OUTPUT";

/// The longest output, in bytes: GitHub takes a mebibyte of a job.
const OUTPUT_LIMIT: usize = 900 * 1024;

/// An input that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ActionError {
    /// It is missing.
    #[error("the input `{0}` is not given")]
    Missing(&'static str),
    /// It is none of its kind.
    #[error("the input `{name}` cannot be used: {why}")]
    Unfit {
        /// Its name.
        name: &'static str,
        /// Why not.
        why: String,
    },
    /// Neither rows nor a file with them.
    #[error("no file is named: neither `files_manifest` nor `files` is given")]
    NoFiles,
    /// Keys that a Hub does not take.
    #[error("the input `artifact_prefix` is `{0}`, and Hubs take files below `{ARTIFACTS}` alone")]
    Prefix(String),
    /// It is no text.
    #[error(transparent)]
    Env(#[from] NotUtf8),
}

/// Where the rows of files stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rows {
    /// In a file, by its path from the workspace.
    File(PathBuf),
    /// In the input itself.
    Inline(String),
}

/// What the action was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inputs {
    /// The product.
    pub product: ProductName,
    /// The version.
    pub version: semver::Version,
    /// The channel.
    pub channel: Channel,
    /// The files.
    pub rows: Rows,
    /// Release notes.
    pub notes: Option<String>,
    /// When the release counts as published.
    pub published_at: Option<jiff::Timestamp>,
    /// What was taken otherwise than it is written, in words for a person.
    pub remarks: Vec<String>,
}

impl Inputs {
    /// Reads them.
    ///
    /// # Errors
    /// The first that is missing or cannot be used.
    pub fn of(env: &Env) -> Result<Self, ActionError> {
        let text = |name: &'static str| -> Result<Option<&str>, ActionError> {
            let value = env.text(&format!("{PREFIX}{}", name.to_uppercase()))?;
            Ok(value.filter(|value| !value.trim().is_empty()))
        };
        let prefix = text("artifact_prefix")?.unwrap_or(ARTIFACTS).trim();
        if prefix.trim_matches('/') != ARTIFACTS {
            return Err(ActionError::Prefix(prefix.to_owned()));
        }
        let rows = match (text("files_manifest")?, text("files")?) {
            (Some(path), _) => Rows::File(path.trim().into()),
            (None, Some(rows)) => Rows::Inline(rows.to_owned()),
            (None, None) => return Err(ActionError::NoFiles),
        };
        let needed = |name| text(name)?.ok_or(ActionError::Missing(name));
        let published_at = text("published_at")?;
        let product = parsed("product", needed("product")?)?;
        let (version, remark) = version(needed("version")?)?;
        Ok(Self {
            product,
            version,
            channel: match text("channel")? {
                Some(channel) => parsed("channel", &channel.to_ascii_lowercase())?,
                None => Channel::Stable,
            },
            rows,
            notes: text("notes")?.map(str::to_owned),
            published_at: published_at
                .map(|time| parsed("published_at", time))
                .transpose()?,
            remarks: remark.into_iter().collect(),
        })
    }

    /// The command line that publishes the files of a manifest, whose relative paths start at `base`. What a
    /// person has to allow by a flag is allowed: the action has no inputs for it, and never asked.
    pub fn arguments(&self, manifest: &Path, base: &Path) -> Vec<OsString> {
        let flag = |name: &str, value: OsString| {
            let mut flag = OsString::from(format!("--{name}="));
            flag.push(value);
            flag
        };
        let mut words: Vec<OsString> = vec!["atlas-release".into(), "publish".into()];
        words.extend([
            flag("manifest", manifest.into()),
            flag("base-dir", base.into()),
            flag("product", self.product.to_string().into()),
            flag("version", self.version.to_string().into()),
            flag("channel", self.channel.to_string().into()),
            "--backport".into(),
            "--allow-other-versions".into(),
            "--allow-contradictions".into(),
        ]);
        words.extend(self.notes.as_ref().map(|text| flag("notes", text.into())));
        let date = self.published_at.as_ref();
        words.extend(date.map(|time| flag("published-at", time.to_string().into())));
        words
    }
}

/// The version, and a word on it where it is written as tags are.
fn version(text: &str) -> Result<(semver::Version, Option<String>), ActionError> {
    let text = text.trim();
    if let Some(version) = without_v(text) {
        let remark = format!("the input `version` is `{text}`: {version} is published");
        return Ok((version, Some(remark)));
    }
    let version = parsed("version", text).map_err(|error| match (error, text.parse::<Tag>()) {
        (ActionError::Unfit { name, why }, Ok(tag)) => {
            let why = format!("{why}; the version alone is `{}`", tag.version);
            ActionError::Unfit { name, why }
        }
        (error, _) => error,
    })?;
    Ok((version, None))
}

fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(
    name: &'static str,
    text: &str,
) -> Result<T, ActionError> {
    text.trim()
        .parse()
        .map_err(|why: T::Err| ActionError::Unfit {
            name,
            why: why.to_string(),
        })
}

/// The folder of the job's checkout.
pub fn workspace(env: &Env, cwd: &Path) -> PathBuf {
    let named = env.get("GITHUB_WORKSPACE").filter(|dir| !dir.is_empty());
    named.map_or_else(|| cwd.to_owned(), |dir| cwd.join(dir))
}

/// A reporter that passes everything on, and writes what is proven into the step's outputs.
pub struct Outputs {
    inner: Arc<dyn Reporter>,
    file: PathBuf,
}

impl Outputs {
    /// The reporter itself, or with outputs where the environment is that of a step.
    pub fn of_step(inner: Arc<dyn Reporter>, env: &Env) -> Arc<dyn Reporter> {
        match env.get(OUTPUT).filter(|file| !file.is_empty()) {
            Some(file) => Arc::new(Self {
                inner,
                file: file.into(),
            }),
            None => inner,
        }
    }

    fn write(&self, receipt: &Receipt) -> io::Result<()> {
        let mut outputs = BTreeMap::new();
        let mut room = OUTPUT_LIMIT;
        let told = [
            ("download_links", links(receipt)?),
            ("release", serde_json::to_string(receipt)?),
        ];
        for (name, text) in told {
            match room.checked_sub(text.len()) {
                Some(left) => {
                    room = left;
                    outputs.insert(name.to_owned(), text);
                }
                None => self.inner.warn(format!(
                    "the output `{name}` is left out: it is {} bytes long, and GitHub takes {OUTPUT_LIMIT} \
                     of all outputs",
                    text.len()
                )),
            }
        }
        append_variables_to_job_file(&self.file, &outputs)
    }
}

/// The address of each file, by what tells it from the others.
fn links(receipt: &Receipt) -> io::Result<String> {
    let link = |asset: &crate::receipt::ReceiptAsset| {
        let (os, arch) = (asset.platform.os, asset.platform.arch);
        (format!("{os}/{arch}/{}", asset.filename), asset.url.clone())
    };
    let links: BTreeMap<String, String> = receipt.assets.iter().map(link).collect();
    Ok(serde_json::to_string(&links)?)
}

impl Reporter for Outputs {
    fn event(&self, event: Event) {
        if let Event::Receipt(receipt) = &event
            && let Err(error) = self.write(receipt)
        {
            self.inner.warn(format!(
                "the outputs could not be written to {}: {error}",
                self.file.display()
            ));
        }
        self.inner.event(event);
    }

    fn progress_ended(&self) {
        self.inner.progress_ended();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIVEN: [(&str, &str); 3] = [
        ("ATLAS_INPUT_PRODUCT", "cli"),
        ("ATLAS_INPUT_VERSION", "1.4.0"),
        ("ATLAS_INPUT_FILES", "a|linux|x64|binary"),
    ];

    fn inputs(more: &[(&str, &str)]) -> Result<Inputs, String> {
        let env: Env = GIVEN.iter().chain(more).copied().collect();
        Inputs::of(&env).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_not_given_is_what_the_action_says() {
        // GitHub hands an input that nobody gave over as an empty text.
        let empty = [
            "CHANNEL",
            "FILES_MANIFEST",
            "ARTIFACT_PREFIX",
            "NOTES",
            "PUBLISHED_AT",
        ]
        .map(|name| format!("ATLAS_INPUT_{name}"));
        let empty: Vec<(&str, &str)> = empty.iter().map(|name| (name.as_str(), "")).collect();
        let read = inputs(&empty).unwrap();
        assert_eq!(read, inputs(&[]).unwrap());
        assert_eq!(read.channel, Channel::Stable);
        assert_eq!(read.rows, Rows::Inline("a|linux|x64|binary".to_owned()));
        let words = read.arguments(Path::new("/m"), Path::new("/w"));
        let words: Vec<&str> = words.iter().map(|word| word.to_str().unwrap()).collect();
        assert_eq!(
            words[2..],
            [
                "--manifest=/m",
                "--base-dir=/w",
                "--product=cli",
                "--version=1.4.0",
                "--channel=stable",
                "--backport",
                "--allow-other-versions",
                "--allow-contradictions"
            ]
        );
    }

    #[test]
    fn what_is_given_goes_along() {
        let read = inputs(&[
            ("ATLAS_INPUT_CHANNEL", " Beta\n"),
            ("ATLAS_INPUT_FILES_MANIFEST", "out/cli.manifest"),
            ("ATLAS_INPUT_ARTIFACT_PREFIX", "artifacts/"),
            ("ATLAS_INPUT_NOTES", "--local\n"),
            ("ATLAS_INPUT_PUBLISHED_AT", "2026-01-02T03:04:05+01:00"),
        ])
        .unwrap();
        assert_eq!(read.rows, Rows::File("out/cli.manifest".into()));
        let words = read.arguments(Path::new("/m"), Path::new("/w"));
        // A text that looks like a flag is none.
        assert_eq!(words[6], "--channel=beta");
        assert_eq!(words[10], "--notes=--local\n");
        assert_eq!(words[11], "--published-at=2026-01-02T02:04:05Z");
    }

    #[test]
    fn a_version_that_is_written_like_a_tag_is_taken_with_a_word() {
        for (written, remarks) in [("v1.4.0", 1), (" V1.4.0\n", 1), ("1.4.0", 0)] {
            let read = inputs(&[("ATLAS_INPUT_VERSION", written)]).unwrap();
            assert_eq!(read.version, semver::Version::new(1, 4, 0), "{written}");
            assert_eq!(read.remarks.len(), remarks, "{:?}", read.remarks);
        }
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        for (name, value, says) in [
            ("PRODUCT", "", "the input `product` is not given"),
            ("VERSION", "v1", "the input `version` cannot be used"),
            (
                "VERSION",
                "cli-v1.4.0-rc.1",
                "the version alone is `1.4.0-rc.1`",
            ),
            (
                "CHANNEL",
                "nightly",
                "the input `channel` cannot be used: `nightly` is not a channel; expected one of: stable beta dev",
            ),
            ("FILES", " \n", "neither `files_manifest` nor `files`"),
            ("PUBLISHED_AT", "now", "the input `published_at`"),
            ("ARTIFACT_PREFIX", "files", "`artifact_prefix` is `files`"),
        ] {
            let error = inputs(&[(&format!("ATLAS_INPUT_{name}"), value)]).unwrap_err();
            assert!(error.contains(says), "{error}");
        }
    }
}
